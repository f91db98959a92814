"""Halts of a running engine: told to it, verified with every venue, kept as a receipt.

The engine cancels what it knows of at once, by its warm sockets. That is not taken for done: each
venue is asked over REST, in parallel, until it lists nothing of the scope, orders that the desk
does not know included. One work covers every word that was said before it began.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final

from xrpfast.model import OrderState
from xrpfast.service import halts
from xrpfast.service.cancelling import (
    CANCELLED,
    GONE,
    WORKING,
    OrderReceipt,
    VenueReceipt,
    Wanted,
    cancel_own,
)
from xrpfast.service.halts import BY_ENGINE, Asked, HaltReceipt, receipt_of
from xrpfast.service.latch import Entry
from xrpfast.trading.events import Control
from xrpfast.trading.states import ENGINE, VENUE, TradingState, covers

if TYPE_CHECKING:
    from xrpfast.service.driver import Driver
    from xrpfast.service.statedir import StateDir
    from xrpfast.trading.orders import Order
    from xrpfast.venues.canceller import CancelOnly
    from xrpfast.venues.venue import Venue

WITHIN_S: Final = 30.0
"""Above the time in which an order that was just sent can still arrive. What is not verified by
then is told so; whoever said it, and the watchdog, go on without the engine."""
SETTLED_S: Final = 60.0
"""A halted run asks for so long what became of its orders; then it ends all the same."""
NO_REASON: Final = "no reason was given"
LATCH_S: Final = 0.5
"""So often the latch on disk is looked at: anybody may set it."""

_LOG = logging.getLogger("xrpfast.service")


@dataclass(slots=True)
class _Work:
    """One halt that is being verified."""

    asked: Asked
    began_ns: int
    path: Path | None
    orders: list[Order]
    """Of the scope, not settled when it began."""
    told: asyncio.Event
    """The receipt is written."""
    verified: bool = False
    task: asyncio.Task[None] | None = None


class Stopping:
    """Of one run."""

    def __init__(
        self,
        state: StateDir,
        driver: Driver,
        venues: Sequence[Venue],
        allowed: Entry | None,
        end: Callable[[str], None],
        fail: Callable[[str], None],
    ) -> None:
        """``allowed``: the entry of the latch that does not halt this run. ``end`` is told why when
        the engine is halted as a whole, its receipt is written and its orders are settled; ``fail``
        when that could not be done."""
        self._state = state
        self._driver = driver
        self._at = venues
        self._allowed = allowed
        self._end = end
        self._fail = fail
        self._works: list[_Work] = []

    # --- asked for ------------------------------------------------------------------------------

    def halt(self, asked: Asked) -> Path | None:
        """Tells the engine, which latches, refuses and cancels before this returns; then where the
        receipt will be. None: it cannot be kept."""
        covered = self._covered(asked)
        if covered is None:
            self._latch(asked)  # an engine that failed, or is closing, hears nothing any more
            word = Control(
                now_ns=monotonic_ns(),
                wall_ns=time_ns(),
                action="halt",
                reason=asked.reason,
                scope="" if asked.scope == ENGINE else asked.scope,
                who=asked.who,
            )
            self._driver.on_events((word,))
        return self.begin(asked)

    def _latch(self, asked: Asked) -> None:
        """What fails here keeps the engine from nothing; the receipt says that it is not kept."""
        entry = Entry(asked.scope, TradingState.HALTED, asked.reason, asked.who, asked.wall_ns)
        try:
            self._state.latch.set(entry)
        except OSError as error:
            _LOG.critical("the halt of %s is not on disk: %s", asked.scope, error.strerror)

    def _kept(self, scope: str) -> bool:
        return any(
            entry.scope in (scope, ENGINE) and entry.state is TradingState.HALTED
            for entry in self._state.latch.entries()
        )

    def _covered(self, asked: Asked) -> _Work | None:
        """The work that began, by another way or by the engine's own word, after this was asked
        for: nothing that it leaves out can have been sent since."""
        for work in self._works:
            if work.began_ns >= asked.mono_ns and work.asked.scope in (asked.scope, ENGINE):
                return work
        return None

    def begin(self, asked: Asked) -> Path | None:
        """Verifies a halt that the engine has taken already."""
        covered = self._covered(asked)
        if covered is not None:
            if covered.asked.scope == asked.scope:
                covered.asked = asked
            return covered.path
        orders = [
            order
            for order in self._driver.engine.orders.unsettled.values()
            if covers(asked.scope, order.venue, order.strategy, order.instrument)
        ]
        path = self.place(asked)
        work = _Work(asked, monotonic_ns(), path, orders, asyncio.Event())
        self._works.append(work)
        work.task = asyncio.create_task(self._run(work), name=f"halt of {asked.scope}")
        work.task.add_done_callback(lambda task: self._done(work, task))
        return path

    @property
    def halted(self) -> str:
        """Why the whole engine is halted, and its run about to end; empty while it is not."""
        reasons = (w.asked.reason or NO_REASON for w in self._works if w.asked.scope == ENGINE)
        return next(reasons, "")

    @property
    def verified(self) -> bool:
        """Every venue listed none of ours after a halt of the whole engine; or there was none."""
        works = [w for w in self._works if w.asked.scope == ENGINE]
        return not works or any(w.verified for w in works)

    # --- life -----------------------------------------------------------------------------------

    async def watch_latch(self) -> None:
        """Takes what another process, or a person by hand, has put into the latch."""
        seen = None
        while True:
            stamp = self._state.latch.stamp()
            if stamp != seen:
                seen = stamp
                self.take_latch()
            await asyncio.sleep(LATCH_S)

    def take_latch(self) -> None:
        """What is in it now."""
        states = self._driver.engine.context.states
        for entry in self._state.latch.entries():
            if entry == self._allowed:
                continue
            if entry.scope == ENGINE and entry.state is TradingState.HALTED:
                # Also one that began halted: the latch came while it started.
                if not self.halted:
                    self.halt(Asked(ENGINE, entry.reason, entry.who, time_ns(), monotonic_ns()))
                continue
            if entry.scope not in states or states[entry.scope] in (
                entry.state,
                TradingState.HALTED,
            ):
                continue
            action = "halt" if entry.state is TradingState.HALTED else "reduce"
            word = Control(
                now_ns=monotonic_ns(),
                wall_ns=time_ns(),
                action=action,
                reason=entry.reason,
                scope=entry.scope,
                who=entry.who,
            )
            self._driver.on_events((word,))

    async def told(self) -> None:
        """All that began is verified, or said not to be."""
        for work in self._works:
            await work.told.wait()

    async def close(self) -> None:
        tasks = [work.task for work in self._works if work.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, work: _Work, task: asyncio.Task[None]) -> None:
        work.told.set()
        if not task.cancelled() and task.exception() is not None:
            _LOG.critical("%s", task.get_name(), exc_info=task.exception())
            self._fail(f"{task.get_name()}: {task.exception()!r}")

    # --- one halt -------------------------------------------------------------------------------

    async def _run(self, work: _Work) -> None:
        # The engine's own cancels left in the turn in which this was begun.
        told_ns = monotonic_ns()
        config = self._driver.engine.config
        venues = self._venues(work.asked.scope)
        # What a venue has shown as taken, it lists until it ends: nothing of it is on its way.
        last_sent_ns = max((o.created_ns for o in work.orders if not o.accepted), default=0)
        try:
            cancelling = await cancel_own(
                venues,
                f"x{config.environment}{config.deployment}",
                last_sent_ns=last_sent_ns,
                within_s=WITHIN_S,
                wanted=self._wanted(work.asked.scope),
            )
        finally:
            await asyncio.gather(*(venue.close() for venue in venues))
        scope = work.asked.scope
        problems = [] if self._kept(scope) else [f"the halt of {scope} is not on disk"]
        receipt = receipt_of(work.asked, BY_ENGINE, cancelling, told_ns, problems)
        self._add_own(work, receipt, told_ns)
        self.keep(work.path, receipt)
        work.verified = receipt.verified
        work.told.set()
        if work.asked.scope == ENGINE:
            await self._settled()
            self._end(f"halt: {work.asked.reason}")

    def _venues(self, scope: str) -> list[CancelOnly]:
        name = scope.removeprefix(VENUE) if scope.startswith(VENUE) else None
        books = self._driver.engine.config.books
        return [
            venue.cancel_only([rules.instrument for rules in books if rules.venue == venue.name])
            for venue in self._at
            if name in (None, venue.name)
        ]

    def _wanted(self, scope: str) -> Wanted | None:
        if scope == ENGINE:
            return None
        engine = self._driver.engine
        instruments = {(r.venue, r.venue_symbol): r.instrument for r in engine.config.books}

        def wanted(venue: str, working: Any) -> bool:
            order = engine.orders.orders.get(working.client_id)
            strategy = None if order is None else order.strategy
            return covers(scope, venue, strategy, instruments.get((venue, working.symbol), ""))

        return wanted

    def _add_own(self, work: _Work, receipt: HaltReceipt, told_ns: int) -> None:
        """What the desk knows better: its own cancels, and how its orders ended."""
        by_venue = {venue.venue: venue for venue in receipt.venues}
        symbols = {
            (r.venue, r.instrument): r.venue_symbol for r in self._driver.engine.config.books
        }
        for order in work.orders:
            venue = by_venue[order.venue]
            symbol = symbols[order.venue, order.instrument]
            said = _entry(venue, symbol, order.client_id)
            if order.state is OrderState.CANCELLED:
                said.fate = CANCELLED
                venue.first_cancelled_ms = _earlier(
                    venue.first_cancelled_ms, order.updated_ns, work
                )
            elif order.settled or venue.verified_ms is not None:
                said.fate = GONE
            if order.cancel_wanted:
                venue.first_cancel_ms = _earlier(venue.first_cancel_ms, told_ns, work)
            if not order.settled:
                receipt.unsettled.append(order.client_id)
        fates = [order.fate for venue in receipt.venues for order in venue.orders]
        receipt.cancelled = fates.count(CANCELLED)
        first = [v.first_cancel_ms for v in receipt.venues if v.first_cancel_ms is not None]
        receipt.first_cancel_ms = min(first, default=None)

    def place(self, asked: Asked) -> Path | None:
        """Where the receipt goes; None, and said, when none can be kept."""
        try:
            return halts.place(self._state.path, asked)
        except OSError as error:
            _LOG.critical("no receipt can be kept: %s", error.strerror)
            return None

    def keep(self, path: Path | None, receipt: HaltReceipt) -> None:
        """On disk, if that can be; said in any case."""
        _LOG.critical("%s", "; ".join(receipt.lines()))
        if path is None:
            return
        try:
            halts.write(path, receipt)
        except OSError as error:
            _LOG.critical("%s: no receipt: %s", path, error.strerror)

    async def _settled(self) -> None:
        orders = self._driver.engine.orders
        deadline = monotonic_ns() + int(SETTLED_S * 1e9)
        while orders.unsettled and monotonic_ns() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _entry(venue: VenueReceipt, symbol: str, client_id: str) -> OrderReceipt:
    for said in venue.orders:
        if said.client_id == client_id:
            return said
    said = OrderReceipt(symbol, client_id, WORKING)
    venue.orders.append(said)
    return said


def _earlier(ms: float | None, at_ns: int, work: _Work) -> float:
    mine = round((at_ns - work.asked.mono_ns) / 1e6, 3)
    return mine if ms is None else min(ms, mine)
