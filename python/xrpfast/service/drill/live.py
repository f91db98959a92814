"""A drill with tiny orders at the real venues: one at each, far below the market, and `halt`.

The run takes the lease, is armed as any live run, and is never started: no entry and no hedge can
leave it. Its orders go the way of every other: the engine asks for them, risk approves each, the
journal has them before a byte leaves. Then all is halted as by the command, the latch first, and
what the venues list is asked of them, not of the engine.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from xrpfast import _core
from xrpfast._core import CoreError, format_units
from xrpfast.errors import HaltedError, UsageError, XrpfastError
from xrpfast.service.app import Service
from xrpfast.service.drill.report import (
    FIRST_CANCEL_MS,
    LIVE,
    VERIFIED_MS,
    Report,
    Step,
    folder_of,
    keep,
    ms,
    stem,
    subject,
)
from xrpfast.service.halting import halt
from xrpfast.service.halts import HaltReceipt
from xrpfast.service.latch import Entry, Latch
from xrpfast.service.offline import drilled
from xrpfast.service.reconciling import UNREADABLE
from xrpfast.service.statedir import StateDir
from xrpfast.trading.events import DrillOrders
from xrpfast.trading.lifecycle import TERMINAL
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.states import ENGINE
from xrpfast.venues.cancel_only import cancel_only

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.records.identity import Identity
    from xrpfast.service.driver import Driver
    from xrpfast.trading.orders import Order

PLACED_S: Final = 10.0
"""For every venue to say that it took its order."""
POLL_S: Final = 0.02
AGAIN: Final = frozenset((Refusal.BOOK_STALE.value, Refusal.BOOK_NOT_LIVE.value))
"""What passes by itself: right after a start the frames that waited are not in the books yet."""
AGAIN_S: Final = 0.2
LIMITS: Final = (
    "It has passed when each venue took one order, none of them traded, halt cancelled all, the "
    f"first cancel left within {FIRST_CANCEL_MS / 1000:.0f} s, all was verified within "
    f"{VERIFIED_MS / 1000:.0f} s, and no venue lists an order of ours."
)


async def drill_live(config: Config, identity: Identity, who: str) -> tuple[Report, Path]:
    """Rehearses the stop with real orders; the report, and where it is kept.

    Raises `UsageError` or `FailedError` when it could not begin: then no order has left.
    """
    if not identity.armed:
        raise UsageError('drill --live-tiny: mode = "live" and all of its arming are needed')
    wall_ns, names, folder = time_ns(), subject(config), folder_of(config)
    reason = f"live drill {stem(wall_ns)}"
    state = StateDir.open(config.state_dir)
    run = DrillRun(config, state, identity, reason, who)
    problems = run.problems
    try:
        await run.run()
    except HaltedError as error:  # as it has to end; another halt is not ours to call passed
        if not run.began:
            raise
        if run.receipt is None:
            problems.append(str(error))
    except (XrpfastError, CoreError, OSError, sqlite3.Error) as error:
        if not run.began:
            raise
        problems.append(str(error) or type(error).__name__)
    finally:
        state.close()
    if not run.began:
        raise UsageError("drill --live-tiny: it was stopped before it began: no order has left")
    step = run.step()
    problems += await _listed(config)
    if not problems:
        problems += _clear(config, run.entry, who)
    step.left_halted = Latch(config.state_dir).halted() is not None
    step.problems, step.passed = problems, not problems
    report = Report(
        wall_ns=wall_ns, version=_core.__version__, against=", ".join(_hosts(config)),
        limits=LIMITS, steps=[step], passed=step.passed, **names,
    )  # fmt: skip
    return report, keep(folder, report, LIVE)


def _clear(config: Config, entry: Entry | None, who: str) -> list[str]:
    """Opens what the drill itself has closed, and that alone; what speaks against it."""
    if entry is None:
        return ["the halt on disk is somebody else's"]
    try:
        why = drilled(config, entry, who)
    except (XrpfastError, CoreError, OSError, sqlite3.Error) as error:
        why = str(error)
    return [f"its halt was not cleared: {why}"] if why else []


class DrillRun(Service):
    """A run in which nothing but the orders of one drill may leave."""

    def __init__(
        self, config: Config, state: StateDir, identity: Identity, reason: str, who: str
    ) -> None:
        super().__init__(config, state, identity)
        self._reason = reason
        self._who = who
        self._orders: list[Order] = []
        self.began = False
        self.problems: list[str] = []
        self.receipt: HaltReceipt | None = None
        self.entry: Entry | None = None
        """Of the latch, when the drill has set it."""

    def _go(self) -> None:
        if self._stop.is_set() or self._closing.halted:
            return
        self.began = True
        self._order()

    def _order(self) -> None:
        self._driver.on_events(
            [
                DrillOrders(
                    now_ns=monotonic_ns(),
                    wall_ns=time_ns(),
                    instrument=name,
                    reason=self._reason,
                    who=self._who,
                )
                for name in self._driver.engine.context.instruments
            ]
        )

    async def _until_stopped(self) -> None:
        if not self.began:
            return
        await self._placed()
        if self._closing.halted:
            self.problems.append(f"halted by somebody else: {self._closing.halted}")
        elif self._stop.is_set():
            self.problems.append(f"it was stopped: {self._why}")
            return
        elif not self._orders:  # nothing to rehearse with; a halt would only have to be resumed
            self.stop("no venue took an order")
            return
        try:
            self.receipt, _ = await halt(self._config, ENGINE, self._reason, self._who)
        except (XrpfastError, CoreError, OSError) as error:
            self.problems.append(f"halt: {error}")
            self.stop("the halt failed")  # the end cancels what this run knows of
            return
        latched = self._state.latch.halted()
        if latched is not None and (latched.reason, latched.who) == (self._reason, self._who):
            self.entry = latched
        await self._stop.wait()

    async def _placed(self) -> None:
        """Until every venue has shown its order, or there is nothing more to be waited for."""
        engine = self._driver.engine
        outcomes, orders = engine.drills.outcomes, engine.orders.orders
        deadline = monotonic_ns() + int(PLACED_S * 1e9)
        while not AGAIN.isdisjoint(outcomes.values()) and monotonic_ns() < deadline:
            if self._closing.halted or self._stop.is_set():
                break
            await asyncio.sleep(AGAIN_S)
            self._order()
        for venue in self._venues:
            said = outcomes.get(venue.name, "its book was not read")
            if said in orders:
                self._orders.append(orders[said])
            else:
                self.problems.append(f"{venue.name}: no order was sent: {said}")
        while monotonic_ns() < deadline and not (self._closing.halted or self._stop.is_set()):
            if all(order.accepted or order.state in TERMINAL for order in self._orders):
                break
            await asyncio.sleep(POLL_S)
        for order in self._orders:
            if not order.accepted:
                why = order.reason or f"not shown within {PLACED_S:.0f} s"
                self.problems.append(f"{order.venue}: {order.client_id} was not taken: {why}")

    async def _end(self, driver: Driver) -> int:
        try:
            return await super()._end(driver)
        finally:
            for order in self._orders:
                name = f"{order.venue}: {order.client_id}"
                if order.filled or order.missing:
                    self.problems.append(f"{name} has TRADED: see `status`, and `flatten`")
                elif order.state.value != "CANCELLED":
                    self.problems.append(f"{name} is {order.state.value}, not cancelled")

    def step(self) -> Step:
        """What was done, and what the halt came to."""
        step = Step(name="live-tiny", says="tiny orders at the real venues, then halt")
        engine = self._driver.engine
        for order in self._orders:
            rules = engine.config.books[order.book]
            price = format_units(order.price, rules.price_decimals)
            qty = format_units(order.qty, rules.qty_decimals)
            filled = format_units(order.filled, rules.qty_decimals)
            step.orders.append(
                f"{order.venue} {order.client_id}: BUY {qty} {order.instrument} at {price}: "
                f"{order.state.value}, {filled} traded"
            )
        receipt = self.receipt
        if receipt is None:
            return step
        step.by, step.cancelled = receipt.by, receipt.cancelled
        step.first_cancel_ms, step.verified_ms = receipt.first_cancel_ms, receipt.verified_ms
        self.problems += receipt.not_verified
        for what, value, most in (
            ("first cancel", step.first_cancel_ms, FIRST_CANCEL_MS),
            ("verified", step.verified_ms, VERIFIED_MS),
        ):
            if value is None or value > most:
                self.problems.append(f"{what} after {ms(value)}")
        return step


async def _listed(config: Config) -> list[str]:
    """What the venues themselves list of ours now, by connections of their own: a line for each
    that lists any, or that cannot be asked."""
    found = []
    try:
        venues = cancel_only(config)
    except UsageError as error:
        return [str(error)]
    try:
        for venue in venues:
            try:
                await venue.sync_clock()
                working = await venue.working(None)
            except (XrpfastError, TimeoutError, OSError, *UNREADABLE) as error:
                found.append(f"{venue.name} cannot be asked: {error or type(error).__name__}")
                continue
            ours = [o.client_id for o in working if o.client_id.startswith(config.prefix)]
            if ours:
                found.append(f"{venue.name} still lists {', '.join(ours[:3])}")
    finally:
        await asyncio.gather(*(venue.close() for venue in venues))
    return found


def _hosts(config: Config) -> list[str]:
    return [
        urlsplit(venue.rest_url).hostname or venue.rest_url
        for venue in (config.venues.binance, config.venues.kucoin)
        if venue.enabled
    ]
