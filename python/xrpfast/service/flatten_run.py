"""A run for one ``flatten``, while no engine runs.

It is never started, so that no entry and no hedge of its own leaves, whatever the latch says. The
halt that the person knew of does not end it; any other one, by whomever, does.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Final

from xrpfast._core import CoreError
from xrpfast.errors import UsageError, XrpfastError
from xrpfast.model import format_money
from xrpfast.records.unsettled import left, residuals
from xrpfast.service.app import Service
from xrpfast.service.flatten import SECOND_NS, Order, outcome
from xrpfast.service.paper import GONE
from xrpfast.service.statedir import StateDir

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.records.identity import Identity
    from xrpfast.service.driver import Driver

POLL_S: Final = 0.02
GRACE_NS: Final = 2 * SECOND_NS
"""After its time, for the engine to say that it is over."""


def nothing_left(config: Config) -> bool:
    """Whether the records know of nothing that could be closed."""
    path = config.state_dir / "ledger.sqlite"
    with suppress(UsageError, sqlite3.Error):
        return not residuals(path) and not left(path).orders
    return False


async def flatten(config: Config, identity: Identity, request: Mapping[str, Any]) -> dict[str, Any]:
    """Runs for it alone. The answer says what came of it, and ``problem``: why it ended badly.

    Raises `UsageError` when it cannot begin.
    """
    asked = Order(request)
    if nothing_left(config):
        return {"ok": True, "instruments": {}, "problem": ""}
    if config.mode == "paper":
        raise UsageError(GONE)
    state = StateDir.ready(config.state_dir)
    run = FlattenRun(config, state, identity, asked)
    try:
        await run.run()
    except UsageError:
        raise
    except (XrpfastError, CoreError, OSError, sqlite3.Error) as error:
        run.problem = run.problem or str(error) or type(error).__name__
    finally:
        state.close()
    return {"ok": not run.problem, "instruments": run.outcome, "problem": run.problem}


class FlattenRun(Service):
    """A run in which nothing but one flatten may trade."""

    def __init__(self, config: Config, state: StateDir, identity: Identity, asked: Order) -> None:
        super().__init__(config, state, identity)
        self._asked = asked
        # The person orders it knowing of this halt. Any other one, before or after, ends it.
        self._closing.allowed = state.latch.halted()
        self.outcome: dict[str, Any] = {}
        self.problem = ""

    def _refuse_if_halted(self) -> None:
        if self._state.latch.halted() != self._closing.allowed:
            self._state.refuse_if_halted()

    def _go(self) -> None:
        try:
            self._driver.on_events(self._asked.events(self._driver.engine))
        except UsageError as error:
            self.problem = str(error)
            self.stop("flatten refused")

    async def _until_stopped(self) -> None:
        engine = self._driver.engine
        until_ns = monotonic_ns() + self._asked.within_ns + GRACE_NS
        while engine.context.flattening and monotonic_ns() < until_ns:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._stop.wait()
                return

    async def _end(self, driver: Driver) -> int:
        """As ever; what came of it is known once nothing is out any more."""
        try:
            return await super()._end(driver)
        finally:
            engine = driver.engine
            self.outcome = outcome(engine)
            for name, said in self.outcome.items():
                at = engine.context.instruments.index(name)
                said["left"] = format_money(engine.legs.imbalance(at))
