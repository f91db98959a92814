"""Work that is done at fixed periods, and only while somebody wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any


class Pace:
    """``work(period_ms)`` at each of the periods that are `want`ed."""

    def __init__(self, periods_ms: Iterable[int], work: Callable[[int], None]) -> None:
        self._work = work
        self._wanted = {period: asyncio.Event() for period in periods_ms}

    def want(self, period_ms: int, *, wanted: bool) -> None:
        """Switches a period on or off; a period it does not know is nobody's."""
        event = self._wanted.get(period_ms)
        if event is None:
            return
        if wanted:
            event.set()
        else:
            event.clear()

    async def run(self) -> None:
        """Until cancelled; ends with what ``work`` raises."""
        await together(*(self._keep(period, wanted) for period, wanted in self._wanted.items()))

    async def _keep(self, period_ms: int, wanted: asyncio.Event) -> None:
        """The pace holds on average; late turns are not repeated."""
        loop, seconds = asyncio.get_running_loop(), period_ms / 1_000
        due = loop.time()
        while True:
            await wanted.wait()
            due = max(due + seconds, loop.time())
            await asyncio.sleep(due - loop.time())
            if wanted.is_set():
                self._work(period_ms)


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Runs all until cancelled; ends with what one of them raises."""
    async with asyncio.TaskGroup() as tasks:
        for one in work:
            tasks.create_task(one)
