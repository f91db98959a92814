"""The driver of the virtual world: what `service/driver.py` does, in the same order.

Every input is staged in the journal before the engine decides; an order's record is written before
its bytes leave; bytes come from the native encoders, which take an `Approved` alone. The process
may die at every point in between.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import msgspec

from xrpfast._core import ApprovalError, BinanceEncoder, KucoinEncoder, RiskGate, Signer
from xrpfast.records import kinds
from xrpfast.records.start import Refused
from xrpfast.simulation.virtual.facts import Fact, stamped
from xrpfast.simulation.virtual.loop import SECOND, Standstill
from xrpfast.simulation.virtual.wire import Request, read_order
from xrpfast.trading import commands
from xrpfast.trading.events import (
    NOT_SENT,
    AnyEvent,
    BookState,
    BookTop,
    Fill,
    LinkState,
    OrderReject,
    OrderUnknown,
    Signal,
    Timer,
)
from xrpfast.trading.news import News
from xrpfast.trading.states import ENGINE, Latched, TradingState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xrpfast._core import Approved, Batch
    from xrpfast.simulation.virtual.checks import Checks
    from xrpfast.simulation.virtual.faults import Faults
    from xrpfast.simulation.virtual.feed import Feed
    from xrpfast.simulation.virtual.loop import Loop
    from xrpfast.simulation.virtual.people import People
    from xrpfast.simulation.virtual.venue import VirtualVenue
    from xrpfast.trading.commands import AnyCommand, Leg, PlaceLegs
    from xrpfast.trading.engine import Engine

ENCODE: Final = msgspec.json.Encoder().encode
KEY: Final = "storm"
MOST_FOLLOW: Final = 1_000
"""Facts of the driver's own within one turn."""


class Killed(Exception):  # noqa: N818  (not an error: kill -9)
    """The process died here."""


class Records:
    """The journal in memory: what is staged dies with the process, what is written stays."""

    def __init__(self) -> None:
        self.written: list[tuple[int, int, int, bytes]] = []
        """(sequence, wall time, kind, payload)."""
        self._staged: list[tuple[int, int, bytes]] = []

    def stage(self, kind: int, wall_ns: int, payload: bytes) -> None:
        self._staged.append((wall_ns, kind, payload))

    def flush(self) -> None:
        for wall_ns, kind, payload in self._staged:
            self.written.append((len(self.written) + 1, wall_ns, kind, payload))
        self._staged.clear()

    def die(self) -> None:
        self._staged.clear()


class WatchedGate:
    """The native gate; what it approved is remembered, to be compared with what leaves."""

    def __init__(self) -> None:
        self.native = RiskGate(10**9)
        self.approved: dict[str, tuple[int, int, int, int]] = {}
        """Client id -> side, tif, price, quantity."""

    def approve(
        self, venue: str, symbol: str, side: int, kind: int, tif: int, price: int,
        price_decimals: int, qty: int, qty_decimals: int, client_id: str, now_ns: int,
    ) -> Approved:  # fmt: skip
        approved = self.native.approve(
            venue, symbol, side, kind, tif, price, price_decimals, qty, qty_decimals, client_id,
            now_ns,
        )  # fmt: skip
        self.approved[client_id] = side, tif, price, qty
        return approved


class VirtualDriver:
    """One run of the engine, from its start to its death or the end."""

    def __init__(
        self,
        engine: Engine,
        gate: WatchedGate,
        loop: Loop,
        feed: Feed,
        venues: dict[str, VirtualVenue],
        records: Records,
        faults: Faults,
        checks: Checks,
        people: People,
        die: Callable[[str], None],
        trace: Callable[[str], None] | None,
    ) -> None:
        self.engine = engine
        self.gate = gate
        self.events = 0
        self.dead = False
        self.halts: list[str] = []
        """Why the engine halted."""
        self.halted_ns = 0
        """Since when it is seen that the engine is halted."""
        self.stopping_ns = 0
        """Since when it was said that this run is to end; 0: it was not."""
        self.latched: dict[str, Latched] = {}
        """What was closed, by scope: it outlives the run."""
        self.alerts: list[str] = []
        self._loop = loop
        self._feed = feed
        self._venues = venues
        self._records = records
        self._faults = faults
        self._checks = checks
        self._people = people
        self._die = die
        self._trace = trace
        self._follow: deque[Fact] = deque()
        self._timers: dict[str, int] = {}
        self._request = 0
        signer = Signer(b"storm")
        self._encoders: dict[str, BinanceEncoder | KucoinEncoder] = {
            "binance": BinanceEncoder(gate.native, signer, KEY, 5000),
            "kucoin": KucoinEncoder(gate.native),
        }
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            commands.PlaceLegs: self._place,
            commands.Cancel: self._cancel,
            commands.Query: self._query,
            commands.Reconcile: self._reconcile,
            commands.Adopt: self._note,
            commands.Spent: self._note,
            commands.Forget: self._note,
            commands.ReadBook: self._read_book,
            commands.SetTimer: self._set_timer,
            commands.Alert: self._alert,
            commands.Reduce: self._close,
            commands.Halt: self._close,
        }

    def stop(self) -> None:
        """This run is to end."""
        self.stopping_ns = self.stopping_ns or self._loop.now_ns
        self._checks.stopping()

    # --- what is heard --------------------------------------------------------------------------

    def on_facts(self, facts: list[Fact]) -> None:
        """Facts of a venue, or the service's own words, in one turn."""
        if self.dead:
            return
        try:
            for fact in facts:
                self._fact(fact)
            self._end_turn()
        except Killed as death:
            self._dies(str(death))

    def on_batch(self, batch: Batch) -> None:
        if self.dead:
            return
        try:
            now_ns, wall_ns = self._loop.now_ns, self._loop.wall_ns
            for kind, book, text in batch.notes:
                if kind == "state":
                    self._event(BookState(now_ns=now_ns, wall_ns=wall_ns, book=book, state=text))
            rows = [batch[index] for index in range(len(batch))]
            for row in rows:
                self._event(Signal(*row, now_ns, wall_ns))  # type: ignore[call-arg]
            self._feed.market.consume()
            self._end_turn()
        except Killed as death:
            self._dies(str(death))

    def on_market_link(self, venue: str, up: bool) -> None:
        self.on_facts([(LinkState, {"venue": venue, "link": "market", "up": up})])

    def on_cancel_refused(self, client_id: str) -> None:
        order = self.engine.orders.orders.get(client_id)
        if order is not None and not self.dead:
            self._venues[order.venue].answers.query(client_id, order.created_ns, self.on_facts)

    def _fact(self, fact: Fact) -> None:
        self._event(stamped(fact, self._loop.now_ns, self._loop.wall_ns))

    def _event(self, event: AnyEvent) -> None:
        self._records.stage(kinds.EVENT, event.wall_ns, ENCODE(event))
        self._point("before the engine decided")
        if self._trace is not None:
            self._trace(f"{self._loop.now_ns} < {event}")
        asked = self.engine.process(event)
        self.events += 1
        self._execute(asked)
        if type(event) is Signal and self.engine.last_refusal is not None:
            number, reason = self.engine.last_refusal
            note = ENCODE(Refused(signal_id=number, reason=reason))
            self._records.stage(kinds.NOTE, event.wall_ns, note)
        self._checks.after(event, asked)

    def _end_turn(self) -> None:
        followed = 0
        while self._follow:
            followed += 1
            if followed > MOST_FOLLOW:
                raise Standstill(f"{followed} facts followed one, the last: {self._follow[0]}")
            self._fact(self._follow.popleft())
        self._point("before its turn was written")
        self._records.flush()

    def _point(self, where: str) -> None:
        if self._faults.hit("kill"):
            raise Killed(where)

    def _dies(self, where: str) -> None:
        self.dead = True
        self._records.die()
        self._die(where)

    # --- what is done ---------------------------------------------------------------------------

    def _execute(self, asked: Sequence[AnyCommand]) -> None:
        for command in asked:
            if self._trace is not None:
                self._trace(f"{self._loop.now_ns} > {command}")
            self._handlers[type(command)](command)
            self._people.watch(self, command)

    def _note(self, command: Any) -> None:
        self._records.stage(kinds.COMMAND, self._loop.wall_ns, ENCODE(command))

    def _place(self, command: PlaceLegs) -> None:
        self._records.stage(kinds.COMMAND, self._loop.wall_ns, ENCODE(command.record()))
        self._records.flush()
        self._checks.journalled(command)
        self._point("journalled, nothing sent")
        legs = command.legs
        venues = [self._venues[leg.venue] for leg in legs]
        if not all(venue.orders_up for venue in venues):
            self._hold(legs, "order entry is not ready")
            return
        requests: list[Request] = []
        try:
            for venue, approved in zip(venues, command.approved, strict=True):
                self._request += 1
                frame = self._encoders[venue.name].encode(
                    approved, self._request, self._loop.now_ns, self._loop.wall_ns
                )
                requests.append(read_order(venue.name, frame, venue.rules))
        except ApprovalError as error:
            self._hold(legs, f"approval: {error}")
            return
        for at, (venue, request) in enumerate(zip(venues, requests, strict=True)):
            if self._faults.hit("stuck_write"):
                self._stuck(legs, at, venue, request)
                return
            self._checks.leaves(venue, request, command, at)
            venue.send(request)
            self._point("one order sent")

    def _stuck(self, legs: tuple[Leg, ...], at: int, venue: VirtualVenue, request: Request) -> None:
        """Part of the frame stayed in the buffer: it may have left, what follows is held."""
        if self._faults.draw.random() < 0.5:
            self._checks.leaves(venue, request, None, at)
            venue.send(request)
        unknown = {"client_id": legs[at].client_id, "reason": "part of it may have left"}
        self._follow.append((OrderUnknown, unknown))
        self._hold(legs[at + 1 :], "an earlier leg did not leave")

    def _hold(self, legs: Sequence[Leg], why: str) -> None:
        self._follow.extend(
            (OrderReject, {"client_id": leg.client_id, "code": NOT_SENT, "text": why})
            for leg in legs
        )

    def _cancel(self, command: commands.Cancel) -> None:
        self._note(command)
        self._records.flush()
        self._venues[command.venue].cancel(command.client_id)

    def _query(self, command: commands.Query) -> None:
        self._note(command)
        order = self.engine.orders.orders[command.client_id]
        self._venues[command.venue].answers.query(
            command.client_id, order.created_ns, self.on_facts
        )

    def _reconcile(self, command: commands.Reconcile) -> None:
        self._note(command)
        orders = self.engine.orders.orders
        named = [(name, orders[name].created_ns) for name in command.client_ids]
        self._venues[command.venue].answers.reconcile(
            command.number, named, command.fills_since_ns, self._reconciled
        )

    def ask_fees(self) -> None:
        """As an end does: for the fees that are not told yet."""
        for name, venue in self._venues.items():
            times = [fee.wall_ns for fee in self.engine.fees.open(name)]
            if times:
                venue.answers.fills(min(times) - SECOND, self._reconciled)

    def _reconciled(self, facts: list[Fact]) -> None:
        """Without what is booked already and what is of earlier runs, as the service does it."""
        heard, own = News(self.engine), self.engine.client_ids.of_this_run
        news = [
            (kind, fields)
            for kind, fields in facts
            if kind is not Fill
            or (own(fields["client_id"]) and heard.fill(fields["client_id"], fields["trade_id"]))
        ]
        self.on_facts(news)

    def _read_book(self, command: commands.ReadBook) -> None:
        self._note(command)
        market = self._feed.market
        bid, bid_qty, ask, ask_qty = market.top(command.book) or (0, 0, 0, 0)
        state, _, _, data_ns, _ = market.view(command.book)
        top = {
            "book": command.book, "live": state == "LIVE", "bid": bid, "bid_qty": bid_qty,
            "ask": ask, "ask_qty": ask_qty, "data_ns": data_ns,
        }  # fmt: skip
        self._follow.append((BookTop, top))

    def _set_timer(self, command: commands.SetTimer) -> None:
        self._note(command)
        self._timers[command.timer_id] = command.due_ns
        delay = command.due_ns - self._loop.now_ns
        self._loop.call(delay, self._due, command.timer_id, command.due_ns)

    def _due(self, timer_id: str, due_ns: int) -> None:
        if not self.dead and self._timers.get(timer_id) == due_ns:
            del self._timers[timer_id]
            self.on_facts([(Timer, {"timer_id": timer_id})])

    def _alert(self, command: commands.Alert) -> None:
        self._note(command)
        if len(self.alerts) < 1_000:
            self.alerts.append(command.text)

    def _close(self, command: commands.Halt | commands.Reduce) -> None:
        halt = isinstance(command, commands.Halt)
        state = TradingState.HALTED if halt else TradingState.REDUCING
        self.latched[command.scope] = Latched(command.scope, state)
        self._note(command)
        self._checks.closed(command.scope, state)
        if command.scope == ENGINE and halt:
            self.halts.append(command.reason)
