"""Jobs that must live as long as the mock: a market that stands still would pass for a calm one.

The first that ends, by an error or by returning, ends whoever uses the mock.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from xrpfast.errors import FailedError

_LOG = logging.getLogger("xrpfast.simulation")
_HERE: Final = str(Path(__file__).parent)


class MockFailedError(FailedError):
    """A part of the mock died; what it told clients from then on would be no market."""


@asynccontextmanager
async def kept_alive(jobs: Mapping[str, Coroutine[object, object, None]]) -> AsyncIterator[None]:
    """Runs the jobs while the block runs.

    When one ends, or a timer of the mock raises (the stream that it paced would stop), this is
    logged as an error, the block is cancelled if the task that entered it still runs it, and
    `MockFailedError` is raised at the block's end.
    """
    loop = asyncio.get_running_loop()
    watch = _Watch(asyncio.current_task())
    before = loop.get_exception_handler()

    def on_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "handle" in context and error is not None and _is_ours(error):
            watch.fail("timer", error)
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(on_error)
    tasks = [asyncio.create_task(job, name=name) for name, job in jobs.items()]
    for task in tasks:
        task.add_done_callback(watch.ended)
    try:
        yield
    except asyncio.CancelledError:
        if not watch.was_ours():
            raise
    finally:
        for task in tasks:
            if task.done():  # its callback may not have run yet
                watch.ended(task)
        watch.leaving = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if loop.get_exception_handler() is on_error:
            loop.set_exception_handler(before)
    if watch.failure is not None:
        raise watch.failure


class _Watch:
    """The first death of a part, and the task that must hear of it."""

    def __init__(self, entered: asyncio.Task[Any] | None) -> None:
        self.failure: MockFailedError | None = None
        self.leaving = False
        self._entered = entered
        self._cancelled = False

    def ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.fail(task.get_name(), task.exception())

    def fail(self, part: str, error: BaseException | None) -> None:
        if self.failure is not None or self.leaving:
            return
        self.failure = MockFailedError(f"the mock's {part} died: {_why(error)}")
        self.failure.__cause__ = error
        _LOG.error("%s", self.failure)
        # A fixture's task may be over by now: then its end tells.
        if self._entered is not None and not self._entered.done():
            self._cancelled = self._entered.cancel()

    def was_ours(self) -> bool:
        """Whether a cancellation was this one, and nobody else's too."""
        return self._cancelled and self._entered is not None and not self._entered.uncancel()


def _is_ours(error: BaseException) -> bool:
    """Raised in the mock's own code, not in that of whoever shares its event loop."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename.startswith(_HERE) for frame in frames)


def _why(error: BaseException | None) -> str:
    if error is None:
        return "it returned"
    (place,) = traceback.extract_tb(error.__traceback__)[-1:]
    name = place.filename.rpartition("/")[2]
    return f"{type(error).__name__}: {error} ({name}, line {place.lineno})"
