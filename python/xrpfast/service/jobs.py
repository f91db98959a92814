"""Work that goes on as long as a run does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

CANCEL_S: Final = 0.5

_LOG = logging.getLogger("xrpfast.service")


class Jobs:
    """The tasks of one run: none of them may end before it is cancelled."""

    def __init__(self, on_end: Callable[[str], None]) -> None:
        """``on_end`` hears of one that did, and why."""
        self._on_end = on_end
        self.tasks: list[asyncio.Task[None]] = []

    def keep(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Begins one."""
        job = asyncio.create_task(work, name=name)
        job.add_done_callback(self._ended)
        self.tasks.append(job)

    async def end(self) -> None:
        """Cancels all, and waits until they are gone."""
        # Again until it is done: on Python 3.11 whatever waits by `asyncio.wait_for`, in a
        # library, say, swallows a cancellation that comes at the moment of its result.
        while running := [job for job in self.tasks if not job.done()]:
            for job in running:
                job.cancel()
            await asyncio.wait(running, timeout=CANCEL_S)

    def _ended(self, job: asyncio.Task[None]) -> None:
        if not job.cancelled():
            error = job.exception()
            _LOG.critical("%s ended", job.get_name(), exc_info=error)
            self._on_end(f"{job.get_name()} ended: {type(error).__name__}: {error}")
