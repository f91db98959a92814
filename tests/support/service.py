"""The engine's service in the test's own process and loop, trading with mock venues beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from xrpfast._core import JournalReader
from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.errors import XrpfastError
from xrpfast.records import kinds
from xrpfast.records.identity import identify
from xrpfast.service.app import Service
from xrpfast.service.statedir import StateDir
from xrpfast.simulation.server import MockVenues
from xrpfast.trading.commands import AnyCommandRecord
from xrpfast.trading.engine import Engine
from xrpfast.trading.events import AnyEvent

WAIT_S = 30.0
_EVENTS = msgspec.json.Decoder(AnyEvent)
_COMMANDS = msgspec.json.Decoder(AnyCommandRecord)


class Trading:
    """One run."""

    def __init__(self, service: Service, task: asyncio.Task[int], state_dir: Path) -> None:
        self.service, self.task, self.state_dir = service, task, state_dir

    @property
    def engine(self) -> Engine:
        return self.service._driver.engine

    async def until(self, what: Callable[[], Any], *, ended: bool = False) -> None:
        """Waits for a fact, as long as the run goes on (or until it ends)."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT_S
        while loop.time() < deadline:
            if self.task.done() and not ended:
                raise AssertionError(f"the run ended: {self.task!r}")
            if what():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"not reached: {self.alerts[-5:]}")

    async def ended(self) -> XrpfastError | int:
        """How it ended: the exit code, or the error that carries it."""
        await asyncio.wait({self.task}, timeout=WAIT_S)
        error = self.task.exception()
        assert error is None or isinstance(error, XrpfastError), error
        return self.task.result() if error is None else error

    async def stop(self) -> XrpfastError | int:
        self.service.stop("test")
        return await self.ended()

    def say(self, action: str) -> None:
        self.service._say(action, "test")
        if action == "resume":  # as the word of a person does: what is in it is taken again
            latch = self.service._state.latch
            latch.clear(latch.entries())

    def step(self, venue: str) -> str:
        return self.engine.reconciler.rounds[venue].step.value

    def closed_by(self, venue: str) -> str:
        state = self.engine.context.venues[venue]
        return "" if state.open else state.closed_by().value

    @property
    def open(self) -> bool:
        return all(venue.open for venue in self.engine.context.venues.values())

    @property
    def placed(self) -> int:
        return self.engine.orders.counts["orders"]

    @property
    def alerts(self) -> list[tuple[str, str]]:
        return list(self.service._driver.alerts)

    def journal(self) -> list[tuple[int, Any]]:
        """Kind and decoded event or command of every record that is one."""
        return journal(self.state_dir)


async def crash(run: Trading) -> None:
    """The run ends as by SIGKILL: nothing more is said, cancelled, recorded."""
    driver = run.service._driver
    driver.closed = True
    driver._journal.flush()
    for job in run.service._jobs.tasks:
        job.cancel()
    for venue in run.service._venues:
        await venue.close()
    run.task.cancel()
    await asyncio.wait({run.task})


async def truth(mock: MockVenues) -> dict[str, Any]:
    """What the venues themselves say."""
    url = mock.line["control_url"] + "/ledger"
    async with aiohttp.ClientSession() as http, http.get(url) as reply:
        found: dict[str, Any] = await reply.json()
        return found


def journal(state_dir: Path) -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    for _, _, kind, payload in JournalReader(state_dir / "journal"):
        if kind in (kinds.EVENT, kinds.RECOVERY):
            found.append((kind, _EVENTS.decode(payload)))
        elif kind == kinds.COMMAND:
            found.append((kind, _COMMANDS.decode(payload)))
        else:
            found.append((kind, payload))
    return found


@asynccontextmanager
async def trading(
    state_dir: Path,
    mock: MockVenues,
    *,
    ready: bool = True,
    risk: dict[str, Any] | None = None,
    watchdog: dict[str, Any] | None = None,
    **engine: Any,
) -> AsyncIterator[Trading]:
    """A run that trades when the block begins; ``engine``, ``risk`` and ``watchdog``:
    changes of these tables."""
    values = demo_values(state_dir, mock.line)
    values["engine"] |= {"gc_freeze": False, "max_loop_gap_ms": 2_000} | engine
    # A test may let the market stand still for a while: no venue does that for ten seconds.
    values["risk"] |= {
        "max_signal_age_ms": 1_000, "approval_ttl_ms": 1_000, "max_mark_age_ms": 600_000,
    }  # fmt: skip
    values["risk"] |= risk or {}
    values["watchdog"] = watchdog or {}
    state = StateDir.open(state_dir)
    config = build(values, "test")
    service = Service(config, state, identify(config, armed=False))
    task = asyncio.create_task(service.run())
    run = Trading(service, task, state_dir)
    try:
        if ready:
            await run.until(lambda: hasattr(service, "_driver"))
            await run.until(lambda: run.open and run.engine.context.trading.value == "ACTIVE")
        yield run
    finally:
        if not task.done():
            service.stop("the test is over")
            await asyncio.wait({task}, timeout=WAIT_S)
        state.close()
        if task.done() and not task.cancelled():
            task.exception()


def since(found: Sequence[tuple[int, Any]], what: Callable[[Any], bool]) -> list[Any]:
    """What was processed from the first match on."""
    for at, (_, record) in enumerate(found):
        if what(record):
            return [record for _, record in found[at:]]
    raise AssertionError("it never came")
