"""Work on a disk that may hang: it is given some time, and then left to itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

WITHIN_S: Final = 2.0


class Disk:
    """One piece of work at a time, each on a thread of its own that keeps no process alive."""

    def __init__(self) -> None:
        self._busy = False

    async def do(self, work: Callable[[], object]) -> str:
        """Does it; why it is not done, empty when it is."""
        if self._busy:
            return "the disk has not answered since the last time"
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str] = loop.create_future()

        def tell(why: str) -> None:
            if not done.done():
                done.set_result(why)

        def run() -> None:
            try:
                work()
                why = ""
            except OSError as error:
                why = error.strerror or str(error)
            except BaseException as error:
                why = f"{type(error).__name__}: {error}"
            self._busy = False
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(tell, why)

        self._busy = True
        threading.Thread(target=run, daemon=True).start()
        await asyncio.wait({done}, timeout=WITHIN_S)
        return done.result() if done.done() else f"the disk did not answer for {WITHIN_S:g} s"
