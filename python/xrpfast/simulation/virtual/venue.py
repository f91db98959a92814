"""One venue in virtual time: an `Exchange` behind latency and faults, as an engine meets it.

Two connections, order entry and account stream, each with a number: what is under way on a
connection that broke never arrives. Requests that left may still be carried out by the venue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.orders import Fill, NewOrder, Order, Trade, VenueRefusal
from xrpfast.simulation.virtual.answers import Answers
from xrpfast.simulation.virtual.facts import Fact, changes_of, fill_fact
from xrpfast.simulation.virtual.loop import MS, SECOND
from xrpfast.simulation.virtual.others import Others
from xrpfast.trading import events as ev

if TYPE_CHECKING:
    from xrpfast.simulation.account import Account, BalanceChange
    from xrpfast.simulation.exchange import Exchange
    from xrpfast.simulation.virtual.faults import Faults
    from xrpfast.simulation.virtual.loop import Loop
    from xrpfast.simulation.virtual.wire import Request

LATE_NS: Final = 4 * SECOND
TELLS_FEES_LATE: Final = frozenset({"kucoin"})
"""Venues whose stream has no fees: their lists alone tell what was taken."""
ENDS: Final = {"filled": "FILLED", "cancelled": "CANCELLED", "expired": "EXPIRED"}


class Sink(Protocol):
    """Who hears the venue."""

    def on_facts(self, facts: list[Fact]) -> None: ...
    def on_cancel_refused(self, client_id: str) -> None: ...


class VirtualVenue:
    """One venue; ``sink`` is None while no engine is connected."""

    def __init__(self, loop: Loop, exchange: Exchange, account: Account, faults: Faults) -> None:
        self.name = exchange.rules.venue
        self.rules = exchange.rules
        self.exchange = exchange
        self.account = account
        self.sink: Sink | None = None
        self.orders_up = self.account_up = False
        self.down = False
        self.transit: dict[str, Request] = {}
        """Requests that left and may still arrive."""
        self.received: dict[str, int] = {}
        """Client id -> how many orders the venue made of it."""
        self.moved: dict[str, int] = {}
        """What others moved, per asset."""
        self.late_fees: dict[tuple[str, str], int] = {}
        """(client id, trade id) -> how much more was taken than the estimate that was told."""
        self.mistakes: set[str] = set()
        """What the halts must name that its words led to."""
        self.untold = 0
        """Moves of others that no engine heard of."""
        self.answers = Answers(self, loop, faults)
        self.others = Others(self, faults)
        self.whole_since_ns: int | None = None
        self.account_epoch = 0
        self._up_ns = 0
        self._loop = loop
        self._faults = faults
        self._orders_epoch = 0
        self._waiting: set[str] = set()
        """Requests without a reply on the order connection."""
        self._last_ns = 0
        exchange.listeners.append(self)

    # --- connections ----------------------------------------------------------------------------

    def connect(self, sink: Sink) -> None:
        """A new engine: all its connections come up one after the other."""
        self.sink = sink
        self.whole_since_ns = 0
        self._loop.call(self.wait(), self.account_back, self.account_epoch)
        self._loop.call(self.wait(), self.orders_back, self._orders_epoch)

    def disconnect(self) -> None:
        """The engine is dead."""
        self.sink = None
        self.orders_up = self.account_up = False
        self.whole_since_ns = 0  # nobody is sent anything, and everything is asked for
        self._orders_epoch += 1
        self.account_epoch += 1
        self._waiting.clear()

    def drop_account(self, back_ns: int) -> None:
        if not self.account_up:
            return
        self.account_up = False
        self.account_epoch += 1
        self.whole_since_ns = None
        self._link("account", False)
        self._loop.call(back_ns, self.account_back, self.account_epoch)

    def account_back(self, epoch: int) -> None:
        if epoch != self.account_epoch or self.sink is None:
            return
        if self.down:
            self._loop.call(200 * MS, self.account_back, epoch)
            return
        self.account_up = True
        self._up_ns = self._loop.now_ns
        self._link("account", True)

    def drop_orders(self, back_ns: int) -> None:
        """Order entry breaks: what has no reply is of unknown outcome."""
        if not self.orders_up:
            return
        self.orders_up = False
        self._orders_epoch += 1
        lost = [
            (ev.OrderUnknown, {"client_id": client_id, "reason": "connection lost"})
            for client_id in sorted(self._waiting)
        ]
        self._waiting.clear()
        self._link("orders", False, lost)
        self._loop.call(back_ns, self.orders_back, self._orders_epoch)

    def orders_back(self, epoch: int) -> None:
        if epoch != self._orders_epoch or self.sink is None:
            return
        if self.down:
            self._loop.call(200 * MS, self.orders_back, epoch)
            return
        self.orders_up = True
        self._link("orders", True)

    def caught_up(self, epoch: int, asked_ns: int) -> None:
        """Everything was asked for: of what a gap of the stream hid, nothing is left."""
        if epoch == self.account_epoch and asked_ns >= self._up_ns and self.account_up:
            self.whole_since_ns = 0

    def heard_all_since(self, time_ns: int) -> bool:
        return self.whole_since_ns is not None and self.whole_since_ns <= time_ns

    def _link(self, link: str, up: bool, more: list[Fact] | None = None) -> None:
        if self.sink is not None:
            fact = (ev.LinkState, {"venue": self.name, "link": link, "up": up})
            self.sink.on_facts([fact, *(more or [])])

    def fall(self, back_ns: int) -> None:
        """The venue goes down altogether; what it has stays."""
        if self.down:
            return
        self.down = True
        self._loop.call(back_ns, self._rise)
        self.drop_account(back_ns)
        self.drop_orders(back_ns)

    def _rise(self) -> None:
        self.down = False

    # --- order entry ----------------------------------------------------------------------------

    def send(self, request: Request) -> None:
        """Bytes of an order left the engine."""
        self.transit[request.client_id] = request
        self._waiting.add(request.client_id)
        delay = self.wait()
        if self._faults.hit("request_lost"):
            self._loop.call(delay, self._lose, request)
            return
        if self._faults.hit("accepted_late"):
            delay = self._faults.between(SECOND, LATE_NS)
        self._loop.call(delay, self._arrive, request, self._orders_epoch)

    def _lose(self, request: Request) -> None:
        del self.transit[request.client_id]

    def _arrive(self, request: Request, epoch: int) -> None:
        del self.transit[request.client_id]
        faults, client_id = self._faults, request.client_id
        if self.down:
            return
        if faults.hit("refused"):
            self._reply(epoch, client_id, ev.OrderReject, code="-1013", text="refused")
            return
        if faults.hit("outrun"):
            self._outrun(Side(request.side))
        new = NewOrder(
            client_id=client_id,
            side=Side(request.side),
            qty=request.qty,
            price=request.price,
            tif=TimeInForce(request.tif),
        )
        self.exchange.deferring = late = faults.hit("matched_late")
        try:
            order = self.exchange.place(self.account, new)
        except VenueRefusal as refusal:
            self._reply(epoch, client_id, ev.OrderReject, code=refusal.key, text="")
            return
        finally:
            self.exchange.deferring = False
        if late:
            self._loop.call(faults.between(MS, 2_500 * MS), self._match, order)
        if not faults.hit("reply_lost"):
            self._reply(epoch, client_id, ev.OrderAck, venue_order_id=str(order.order_id))

    def _match(self, order: Order) -> None:
        if order.working and self._faults.hit("venue_expires"):
            self.exchange.expire(order, "venue")
        self.exchange.match_deferred()

    def _outrun(self, side: Side) -> None:
        """Somebody was faster: a part of what it wanted is gone."""
        best = self.exchange.matching.best(side.opposite)
        if best is not None:
            lot = self.rules.lot
            qty = max(lot, best[1] * self._faults.between(2, 10) // 10 // lot * lot)
            self.exchange.place_background(side, best[0], qty, TimeInForce.IOC)

    def _reply(self, epoch: int, client_id: str, kind: type[Any], **fields: Any) -> None:
        facts = [(kind, {"client_id": client_id, **fields})]
        if kind is ev.OrderAck and self._faults.hit("wrong_echo"):
            facts = self._wrong_echo(client_id)
        self._loop.call(self.wait(), self._answer, epoch, client_id, facts)

    def _wrong_echo(self, client_id: str) -> list[Fact]:
        """The reply is of another order: what order entry makes of it."""
        text = f"{self.name}: the reply to order {client_id} is of another"
        self.mistakes.add(text)
        return [
            (ev.OrderUnknown, {"client_id": client_id, "reason": text}),
            (ev.Control, {"action": "halt", "reason": text}),
        ]

    def _answer(self, epoch: int, client_id: str, facts: list[Fact]) -> None:
        if epoch == self._orders_epoch and self.sink is not None:
            self._waiting.discard(client_id)
            self.sink.on_facts(facts)

    def cancel(self, client_id: str) -> None:
        if not self._faults.hit("cancel_lost"):
            self._loop.call(self.wait(), self._cancel, client_id, self._orders_epoch)

    def _cancel(self, client_id: str, epoch: int) -> None:
        if self.down:
            return
        order = self.exchange.find(self.account, client_id=client_id)
        if order is not None and order.working and self._faults.hit("cancel_raced"):
            self._outrun(order.side)  # what is left of the market is less than it wants
            self.exchange.match_deferred()
        try:
            self.exchange.cancel(self.account, order)
        except VenueRefusal:
            if epoch == self._orders_epoch and self.sink is not None:
                self.sink.on_cancel_refused(client_id)

    # --- what the exchange tells ----------------------------------------------------------------

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None:
        client_id, number = order.client_id, str(order.order_id)
        states = {"NEW": "OPEN", "PARTLY_FILLED": "PARTLY_FILLED"}
        state = states.get(order.state, order.state)
        if kind == "expired":
            state = self.exchange.rest_state
        self.answers.note(order, state)
        if not client_id.startswith("x"):
            if fill is not None:
                for asset, change in changes_of(fill, self.rules).items():
                    self.moved[asset] = self.moved.get(asset, 0) + change
            return
        fact: Fact
        if kind == "received":
            self.received[client_id] = self.received.get(client_id, 0) + 1
            fact = ev.OrderAck, {"client_id": client_id, "venue_order_id": number}
        elif kind == "fill":
            assert fill is not None
            fact = self._fill(fill)
        elif kind in ENDS:
            end = {
                "client_id": client_id,
                "venue_order_id": number,
                "state": state,
                "filled_qty": order.filled,
                "reason": order.reason,
            }
            fact = ev.OrderEnd, end
        else:
            return
        self.tell(fact)

    def _fill(self, fill: Fill) -> Fact:
        """As the stream tells it: where that has no fees, with one that is reckoned."""
        kind, fields = fill_fact(fill)
        if self.name in TELLS_FEES_LATE:
            # The books reckon with the full rate; what is taken is a discount less, or more.
            fee = fill.fee * 5 // 4 + 1
            if self._faults.hit("fee_higher"):
                fee = fill.fee * self._faults.between(80, 99) // 100
                self.late_fees[fields["client_id"], fields["trade_id"]] = fill.fee - fee
            fields.update(fee=fee, fee_estimated=True)
        return kind, fields

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None:
        last = {change.asset: change for change in changes}
        for asset, change in last.items():
            self.tell(self.balance_fact(asset, change.free, change.locked))

    def on_trade(self, trade: Trade) -> None:
        pass

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
        pass

    def balance_fact(self, asset: str, free: int, locked: int) -> Fact:
        return ev.Balance, {
            "venue": self.name,
            "asset": asset,
            "free": free,
            "locked": locked,
            "venue_ns": self._loop.wall_ns,
        }

    def tell(self, fact: Fact) -> None:
        """By the account stream: in order but for a fault, once but for a fault."""
        if not self.account_up:
            self.untold += fact[0] is ev.BalanceMoved
            return
        faults, epoch = self._faults, self.account_epoch
        at_ns = max(self._loop.now_ns + self.wait(), self._last_ns)
        if faults.hit("event_swapped"):
            at_ns += faults.between(MS, 400 * MS)
        else:
            self._last_ns = at_ns
        self._loop.call(at_ns - self._loop.now_ns, self._deliver, epoch, fact)
        if faults.hit("event_twice"):
            later = at_ns - self._loop.now_ns + faults.between(0, SECOND)
            self._loop.call(later, self._deliver, epoch, fact)

    def _deliver(self, epoch: int, fact: Fact) -> None:
        if epoch == self.account_epoch and self.sink is not None:
            self.sink.on_facts([fact])
        else:
            self.untold += fact[0] is ev.BalanceMoved

    def working(self) -> list[Order]:
        """All working orders of the account, ours and others'."""
        return self.exchange.open_orders(self.account)

    def wait(self) -> int:
        draw = self._faults.draw
        return int(draw.expovariate(1 / (3 * MS))) + MS // 2
