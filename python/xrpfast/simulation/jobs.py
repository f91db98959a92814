"""Jobs that must live as long as the mock: a market that stands still would pass for a calm one.

The first that ends, by an error or by returning, ends whoever uses the mock.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager

from xrpfast.errors import FailedError

_LOG = logging.getLogger("xrpfast.simulation")


class MockFailedError(FailedError):
    """A part of the mock died; what it told clients from then on would be no market."""


@asynccontextmanager
async def kept_alive(jobs: Mapping[str, Coroutine[object, object, None]]) -> AsyncIterator[None]:
    """Runs the jobs while the block runs.

    When one ends, this is logged as an error, the block is cancelled if the task that entered it
    still runs it, and `MockFailedError` is raised at the block's end.
    """
    entered = asyncio.current_task()
    failures: list[MockFailedError] = []
    seen: set[asyncio.Task[None]] = set()
    cancelled = False
    leaving = False

    def ended(task: asyncio.Task[None]) -> None:
        nonlocal cancelled
        told = task in seen or leaving
        seen.add(task)
        if told or task.cancelled():
            return
        failure = MockFailedError(f"the mock's {task.get_name()} died: {_why(task.exception())}")
        failure.__cause__ = task.exception()
        failures.append(failure)
        _LOG.error("%s", failure)
        # A fixture's task may be over by now: then its end tells.
        if entered is not None and not entered.done() and not cancelled:
            cancelled = entered.cancel()

    tasks = [asyncio.create_task(job, name=name) for name, job in jobs.items()]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    except asyncio.CancelledError:
        # Ours, unless somebody else cancels too.
        if not cancelled or entered is None or entered.uncancel() > 0:
            raise
    finally:
        for task in tasks:
            if task.done():  # its callback may not have run yet
                ended(task)
        leaving = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if failures:
        raise failures[0]


def _why(error: BaseException | None) -> str:
    if error is None:
        return "it returned"
    (place,) = traceback.extract_tb(error.__traceback__)[-1:]
    name = place.filename.rpartition("/")[2]
    return f"{type(error).__name__}: {error} ({name}, line {place.lineno})"
