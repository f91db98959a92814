"""The order desk: every order's state and amounts, whatever the venue says in whatever order.

What one word makes of one order is in `lifecycle`. Here is what hangs on it: fills count once by
trade id; an end that speaks of more than the fills seen so far leaves the order unsettled until
they arrive. Until an order is settled its worst case stays reserved. Nothing but
the venue's own word settles an order: time only makes it UNKNOWN and asks.

Memory is bounded: of the orders that are settled the oldest leave it. Words about them change
nothing; a fill that was not booked contradicts the venue's own end, so it halts, and the next start
asks for it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from xrpfast.model import OrderState, TimeInForce
from xrpfast.trading import lifecycle
from xrpfast.trading.client_ids import parse
from xrpfast.trading.commands import Alert, AnyCommand, Cancel, Forget, Halt, Query
from xrpfast.trading.context import Book, Context
from xrpfast.trading.lifecycle import SILENCE, TERMINAL, Findings, Grade
from xrpfast.trading.risk.limits import MILLISECOND
from xrpfast.trading.states import ENGINE, covers
from xrpfast.trading.transitions import WORKING_STATES

if TYPE_CHECKING:
    from xrpfast.trading.client_ids import ClientIds
    from xrpfast.trading.commands import Leg
    from xrpfast.trading.events import (
        Fill,
        OrderAck,
        OrderEnd,
        OrderReject,
        OrderUnknown,
        QueryResult,
    )
    from xrpfast.trading.portfolio import Portfolio

ALERT_EVERY: Final = 12
"""Queries between two alerts about an order that nobody knows of: a minute."""
PAST_TRADES: Final = 16_384
"""Trades of orders that left memory that are remembered, so that one told again is known."""
QUERY_AFTER: Final = tuple(MILLISECOND * wait for wait in (200, 300, 500, 1000, 3000, 5000))
"""Waits between the queries for an order without word; the last one repeats."""

_GTC: Final = int(TimeInForce.GTC)
_SENT: Final = OrderState.SENT
_UNKNOWN: Final = OrderState.UNKNOWN
_CANCEL_SENT: Final = OrderState.CANCEL_SENT


class Order(msgspec.Struct, gc=False):
    """One order: what was asked for, and what became of it so far. Only the desk changes it."""

    client_id: str
    venue: str
    instrument: str
    book: int
    side: int
    order_type: int
    tif: int
    price: int
    qty: int
    strategy: str
    signal_id: int
    created_ns: int
    deadline_ns: int
    """When silence about it is acted on; 0: never."""
    pending: int
    """Quantity that can still be filled beyond ``filled``, at worst."""
    state: OrderState = OrderState.NEW
    filled: int = 0
    """Sum of the fills booked."""
    filled_value: int = 0
    """Sum of price x quantity of the fills booked, in the book's units."""
    claimed: int = 0
    """Largest cumulative quantity that the venue spoke of."""
    venue_order_id: str = ""
    accepted: bool = False
    """The venue has shown it as taken."""
    settled: bool = False
    """Ended, and every fill that the venue spoke of is booked."""
    cancel_wanted: bool = False
    cancel_again_ns: int = 0
    """Not before: it may be asked to be cancelled once more."""
    updated_ns: int = 0
    queries: int = 0
    absences: int = 0
    """Authoritative answers that the venue does not know it, each some time after the other."""
    absent_ns: int = 0
    """Wall time of the latest of them."""
    reason: str = ""
    """The venue's reason of a refusal or end, or why the outcome is unknown."""
    reserved: int = 0
    """Reserved at the venue: quote of a buy with its fee, base of a sell; money."""
    reserved_base: int = 0
    worth: int = 0
    """Of what is pending, at its limit; money of quote."""
    trades: list[str] | None = None

    @property
    def missing(self) -> int:
        """Quantity that the venue says is filled and whose fills have not arrived."""
        return lifecycle.missing(self)


class OrderDesk:
    """All orders of the run that are not settled, and the latest of those that are."""

    def __init__(
        self,
        context: Context,
        portfolio: Portfolio,
        client_ids: ClientIds,
        ack_timeout_ns: int,
        keep: int,
    ) -> None:
        self._client_ids = client_ids
        self._books = context.books
        self._portfolio = portfolio
        self._ack_timeout_ns = ack_timeout_ns
        self._keep = keep
        self.orders: dict[str, Order] = {}
        self.unsettled: dict[str, Order] = {}
        self.busy = [0] * len(context.instruments)
        """Number of unsettled orders per instrument."""
        self.counts = dict.fromkeys(
            ("orders", "fills", "duplicates", "strays", "unknown", "anomalies"), 0
        )
        self._trades: dict[tuple[int, int, str], str] = {}
        self._ended: deque[str] = deque()
        self._past: dict[tuple[str, str], tuple[int, int, str]] = {}
        """(client id, trade id) of orders that left memory -> key in ``_trades``, oldest first."""
        self._past_from = 0
        """Sequence of client ids from which on every trade of orders that left is in ``_past``."""

    # --- ours ---------------------------------------------------------------------------------

    def place(self, leg: Leg, book: Book, strategy: str, signal_id: int, now_ns: int) -> Order:
        """Takes up an order that is about to leave; its worst case is reserved from here on."""
        qty = leg.qty
        client_id = leg.client_id
        order = Order(
            client_id,
            leg.venue,
            leg.instrument,
            book.index,
            leg.side,
            leg.order_type,
            leg.tif,
            leg.price,
            qty,
            strategy,
            signal_id,
            now_ns,
            now_ns + self._ack_timeout_ns,
            qty,
            _SENT,
        )
        self.orders[client_id] = order
        self.unsettled[client_id] = order
        self.busy[book.instrument_index] += 1
        self.counts["orders"] += 1
        self._portfolio.hold(order, book)
        return order

    def cancel_all(self, now_ns: int, out: list[AnyCommand], scope: str = ENGINE) -> None:
        """Cancels every order of a scope that may still work at its venue."""
        for order in self.unsettled.values():
            if order.state not in TERMINAL and covers(
                scope, order.venue, order.strategy, order.instrument
            ):
                self._cancel(order, now_ns, out)

    def _cancel(self, order: Order, now_ns: int, out: list[AnyCommand]) -> None:
        before = order.state
        lifecycle.cancel(order)
        order.cancel_again_ns = now_ns + QUERY_AFTER[0]
        self._moved(order, before, now_ns, out)
        if order.state is not _UNKNOWN:
            order.deadline_ns = now_ns + self._ack_timeout_ns
        out.append(Cancel(order.client_id, order.venue, order.instrument))

    def forgot(self, client_id: str) -> bool:
        """Whether it is an order of this run that has left memory."""
        return client_id not in self.orders and self._client_ids.spent(client_id)

    def booked(self, client_id: str, trade_id: str) -> bool:
        """Whether the fill is booked; of orders long over the latest fills alone are known."""
        order = self.orders.get(client_id)
        if order is None:
            return (client_id, trade_id) in self._past
        return trade_id in (order.trades or ())

    def owner(self, order: Order, trade_id: str) -> str | None:
        """The order that has a trade of the book and side of this one."""
        return self._trades.get((order.book, order.side, trade_id))

    def recalls(self, client_id: str) -> bool:
        """Whether `booked` can tell for every trade of an order of this run."""
        if client_id in self.orders or not self._past_from:
            return True
        parts = parse(client_id)
        return parts is None or parts.sequence >= self._past_from

    # --- the venue's words ----------------------------------------------------------------------

    def on_ack(self, event: OrderAck, out: list[AnyCommand]) -> None:
        order = self._find(event.client_id, "ack", out)
        if order is None:
            return
        before, was_accepted = order.state, order.accepted
        found: Findings = []
        moved = lifecycle.acknowledged(order, event, found)
        self._report(found, out)
        if moved:
            self._shown(order, was_accepted, event.now_ns)
            self._moved(order, before, event.now_ns, out)

    def on_reject(self, event: OrderReject, out: list[AnyCommand]) -> None:
        order = self._find(event.client_id, "reject", out)
        if order is None:
            return
        before = order.state
        found: Findings = []
        moved = lifecycle.refused(order, event.code, event.text, found)
        self._report(found, out)
        if moved:
            self._moved(order, before, event.now_ns, out)
            self._doubt(order, before, event.now_ns, out)

    def on_unknown(self, event: OrderUnknown, out: list[AnyCommand]) -> None:
        order = self._find(event.client_id, "unknown outcome", out)
        if order is not None and order.state not in TERMINAL and order.state is not _UNKNOWN:
            self._lost(order, event.reason, event.now_ns, out)

    def on_fill(self, event: Fill, out: list[AnyCommand]) -> Order | None:
        """Books a fill into its order and returns it; None when nobody must book the fill."""
        order = self._find(event.client_id, "fill", out)
        if order is None:
            self._late(event, out)
            return None
        before = order.state
        found: Findings = []
        key = (order.book, order.side, event.trade_id)
        if not lifecycle.bookable(order, event, self._trades.get(key), found):
            self.counts["duplicates"] += not found
            self._report(found, out)
            return None
        self._trades[key] = order.client_id
        if order.trades is None:
            order.trades = []
        order.trades.append(event.trade_id)
        self.counts["fills"] += 1
        lifecycle.filled(order, event, found)
        self._report(found, out)
        self._moved(order, before, event.now_ns, out)
        return order

    def on_end(self, event: OrderEnd, out: list[AnyCommand]) -> None:
        order = self._find(event.client_id, "end", out)
        if order is None:
            return
        before = order.state
        found: Findings = []
        moved = lifecycle.ended(order, event, found)
        self._report(found, out)
        if moved:
            self._ended_now(order, before, event.now_ns)
            self._moved(order, before, event.now_ns, out)
            self._doubt(order, before, event.now_ns, out)

    def on_query_result(self, event: QueryResult, out: list[AnyCommand]) -> None:
        """Takes the venue's answer to a query; one that is not authoritative proves nothing."""
        order = self._find(event.client_id, "query result", out)
        if order is None:
            return
        before, was_accepted = order.state, order.accepted
        found: Findings = []
        moved = lifecycle.answered(order, event, found)
        self._report(found, out)
        if not moved:
            return
        if event.state in WORKING_STATES:
            self._shown(order, was_accepted, event.now_ns)
            self._moved(order, before, event.now_ns, out)
            # A cancel that the venue refuses is followed by a query: no faster than this.
            again = before is not _CANCEL_SENT or event.now_ns >= order.cancel_again_ns
            if order.cancel_wanted and again and order.state not in TERMINAL:
                self._cancel(order, event.now_ns, out)
            return
        if event.state is not None:
            self._ended_now(order, before, event.now_ns)
        self._moved(order, before, event.now_ns, out)
        self._doubt(order, before, event.now_ns, out)

    # --- silence ------------------------------------------------------------------------------

    def sweep(self, now_ns: int, out: list[AnyCommand]) -> None:
        """Acts on every order whose deadline has passed: silence makes UNKNOWN, and asks."""
        for order in tuple(self.unsettled.values()):
            if not 0 < order.deadline_ns <= now_ns:
                continue
            if not order.accepted and order.state is not _UNKNOWN:
                self._lost(order, SILENCE, now_ns, out)
            elif order.tif == _GTC and order.state in (OrderState.OPEN, OrderState.PARTLY_FILLED):
                order.deadline_ns = 0
            else:
                self._ask(order, now_ns, out)

    def next_deadline(self) -> int:
        """When `sweep` has something to do next; 0 for never."""
        return min((o.deadline_ns for o in self.unsettled.values() if o.deadline_ns), default=0)

    def _ask(self, order: Order, now_ns: int, out: list[AnyCommand]) -> None:
        step = min(order.queries, len(QUERY_AFTER) - 1)
        order.queries += 1
        order.deadline_ns = now_ns + QUERY_AFTER[step]
        out.append(Query(order.client_id, order.venue, order.instrument))
        late = order.queries - len(QUERY_AFTER)
        if late >= 0 and late % ALERT_EVERY == 0:
            text = f"order {order.client_id} at {order.venue}: {order.state.value}, unsettled"
            out.append(Alert("critical", f"{text} after {order.queries} queries"))

    def _lost(self, order: Order, reason: str, now_ns: int, out: list[AnyCommand]) -> None:
        before = order.state
        if lifecycle.lost(order, reason):
            self._moved(order, before, now_ns, out)
            text = f"order {order.client_id} at {order.venue}: outcome unknown: {reason}"
            out.append(Alert("warning", text))
            order.queries = 0
        elif order.state is not _CANCEL_SENT:
            return  # the venue showed it working: only the reply got lost
        self._ask(order, now_ns, out)

    # --- inside -------------------------------------------------------------------------------

    def _find(self, client_id: str, what: str, out: list[AnyCommand]) -> Order | None:
        order = self.orders.get(client_id)
        if order is None and self._client_ids.spent(client_id):
            self.counts["duplicates"] += 1
        elif order is None:
            self.counts["strays"] += 1
            count = self.counts["strays"]
            if count & (count - 1) == 0:  # 1, 2, 4, 8 …: a flood of them must not flood a person
                text = f"{what} for an order not known here: {client_id!r} ({count} so far)"
                out.append(Alert("warning", text))
            if self._client_ids.of_another(client_id):
                text = f"order {client_id} is not ours: a second engine trades on this account"
                out.append(Halt("engine", text))
        return order

    def _late(self, fill: Fill, out: list[AnyCommand]) -> None:
        """A fill of an order that has left memory: known, or one that cannot be by its end."""
        if self.forgot(fill.client_id) and not self.booked(fill.client_id, fill.trade_id):
            asks = "the next start asks the venue for it" if fill.qty > 0 else "no quantity"
            place = f"fill {fill.trade_id} of order {fill.client_id}"
            text = f"{place}: it had ended, with all its fills told; not booked: {asks}"
            self._report([(Grade.VIOLATION, text)], out)

    def _shown(self, order: Order, was_accepted: bool, now_ns: int) -> None:
        """The venue showed it working, for the first time: its end is due in time."""
        if not was_accepted:
            order.deadline_ns = now_ns + self._ack_timeout_ns

    def _ended_now(self, order: Order, before: OrderState, now_ns: int) -> None:
        """It ended: fills that the venue spoke of and that did not arrive are due in time."""
        if order.state not in TERMINAL:
            return
        if before not in TERMINAL:
            order.queries = 0
        if order.missing:
            order.deadline_ns = now_ns + self._ack_timeout_ns

    def _doubt(self, order: Order, before: OrderState, now_ns: int, out: list[AnyCommand]) -> None:
        """Words that do not fit together made it UNKNOWN: we ask again."""
        if order.state is _UNKNOWN and before is not _UNKNOWN:
            order.queries = 0
            self._ask(order, now_ns, out)

    def _report(self, found: Findings, out: list[AnyCommand]) -> None:
        """What does not fit together: counted, told, and trading stops where it must."""
        for grade, text in found:
            self.counts["anomalies"] += 1
            out.append(Alert("warning" if grade is Grade.ANOMALY else "critical", text))
            if grade is Grade.VIOLATION:
                out.append(Halt("engine", text))

    def _moved(self, order: Order, before: OrderState, now_ns: int, out: list[AnyCommand]) -> None:
        """Brings everything that hangs on an order's state and amounts up to date."""
        book = self._books[order.book]
        after = order.state
        order.updated_ns = now_ns
        if after is not before:
            book.unknown += (after is _UNKNOWN) - (before is _UNKNOWN)
            self.counts["unknown"] += after is _UNKNOWN
        terminal = after in TERMINAL
        order.pending = order.missing if terminal else max(0, order.qty - order.filled)
        settled = terminal and order.claimed <= order.filled
        if settled is not order.settled:
            order.settled = settled
            self.busy[book.instrument_index] += -1 if settled else 1
            if settled:
                del self.unsettled[order.client_id]
                self._ended.append(order.client_id)
            else:
                self.unsettled[order.client_id] = order
        self._portfolio.hold(order, book)
        if len(self._ended) > self._keep:
            self._evict(out)

    def _evict(self, out: list[AnyCommand]) -> None:
        while len(self._ended) > self._keep:
            order = self.orders.get(self._ended.popleft())
            if order is not None and order.settled:
                for trade_id in order.trades or ():
                    self._past[order.client_id, trade_id] = order.book, order.side, trade_id
                del self.orders[order.client_id]
                out.append(Forget(order.client_id))
        while len(self._past) > PAST_TRADES:
            oldest = next(iter(self._past))
            parts = parse(oldest[0])
            if parts is not None:
                self._past_from = max(self._past_from, parts.sequence + 1)
            del self._trades[self._past.pop(oldest)]
