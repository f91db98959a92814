"""The invariants of the design, asked after every event, against the venues' own ledgers.

Numbers in the texts are those of the design: 1 approved, 2 exposure, 3 never two orders, 4 all
agree, 5 halted, 6 fresh books. (7, the same decisions again, is asked of the journal: `replay`.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrpfast.model import OrderState
from xrpfast.simulation.virtual.silence import Unheard
from xrpfast.trading.commands import Cancel, Halt
from xrpfast.trading.events import Control, OrderAck, OrderEnd, OrderReject, QueryResult
from xrpfast.trading.risk.state import HEDGE
from xrpfast.trading.states import ENGINE, STRATEGY, SYMBOL, VENUE, TradingState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xrpfast.simulation.virtual.driver import WatchedGate
    from xrpfast.simulation.virtual.feed import Feed
    from xrpfast.simulation.virtual.loop import Loop
    from xrpfast.simulation.virtual.venue import VirtualVenue
    from xrpfast.simulation.virtual.wire import Request
    from xrpfast.trading.commands import AnyCommand, PlaceLegs
    from xrpfast.trading.engine import Engine
    from xrpfast.trading.events import AnyEvent
    from xrpfast.trading.orders import Order
    from xrpfast.trading.states import Latched

ANSWERS = (OrderReject, QueryResult, OrderEnd)
SECOND = 1_000_000_000


class Broken(AssertionError):  # noqa: N818  (the word for an invariant)
    """An invariant does not hold."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"invariant {number}: {text}")
        self.number = number


class Checks:
    """What must hold; one object a seed, told of every run."""

    def __init__(self, loop: Loop, venues: Mapping[str, VirtualVenue], feed: Feed) -> None:
        self.left: set[str] = set()
        """Every order whose bytes left, over all runs."""
        self.looks = 0
        self.unheard = Unheard(venues, feed)
        self._loop = loop
        self._venues = venues
        self._feed = feed
        self._engine: Engine
        self._gate: WatchedGate
        self._journalled: set[str] = set()
        self._known: dict[str, tuple[Order, OrderState]] = {}
        self._sent_ns: dict[str, list[int]] = {}
        self._start_base = self._base()
        self._moved: dict[tuple[str, str], int] = {}
        self._halted = self._stopping = False
        self._closed: dict[str, TradingState] = {}

    def begin(self, engine: Engine, gate: WatchedGate, latched: Mapping[str, Latched]) -> None:
        """A new run, at the moment at which its starting balances were read."""
        self._engine, self._gate = engine, gate
        self._known.clear()
        self.unheard.begin()
        self._sent_ns = {name: [] for name in self._venues}
        self._stopping = False
        self._halted = False
        self._closed.clear()
        for scope, left in latched.items():
            self.closed(scope, left.state)
        self._moved = {
            (name, asset): amount
            for name, venue in self._venues.items()
            for asset, amount in venue.moved.items()
        }

    def closed(self, scope: str, state: TradingState) -> None:
        """The engine closed a scope, or an earlier run had: what it closes leaves no more."""
        self._closed[scope] = state
        if scope == ENGINE and state is TradingState.HALTED:
            self._halted = True

    def resumed(self) -> None:
        """A person lets it go on; not if the whole engine is halted: that ends the run."""
        self._closed.clear()

    def stopping(self) -> None:
        """The run is to end: no entry leaves from now on."""
        self._stopping = True

    def ended(self) -> None:
        """The run ended by itself: of its orders, those that it names may work, and no other."""
        named = self._engine.orders.unsettled
        for venue in self._venues.values():
            for client_id in (*venue.transit, *(order.client_id for order in venue.working())):
                if client_id[0] == "x" and client_id not in named:
                    raise Broken(5, f"{client_id} works at {venue.name}, and the end says nothing")

    # --- what leaves ----------------------------------------------------------------------------

    def journalled(self, command: PlaceLegs) -> None:
        """The record is written; the bytes of these orders are about to leave."""
        if self._halted:
            raise Broken(5, f"orders after the halt: {command.record()}")
        self._may_leave(command)
        for leg in command.legs:
            if leg.client_id in self._journalled:
                raise Broken(3, f"{leg.client_id} is to leave a second time")
            self._journalled.add(leg.client_id)
        for venue in self._venues.values():
            if venue.transit or any(o.client_id in self.left for o in venue.working()):
                names = [*venue.transit, *(o.client_id for o in venue.working())]
                raise Broken(2, f"{command.legs} while {names} at {venue.name} is not settled")
        self._fresh(command)
        if command.strategy != HEDGE:
            self._at_stake(command)

    def _at_stake(self, command: PlaceLegs) -> None:
        """All that these legs add to, by the venues' ledgers, is within the gross limit; working
        orders are few."""
        limits, total, dearest = self._engine.config.risk, 0, 0
        for venue in self._venues.values():
            rules, count = venue.rules, 0
            for leg in command.legs:
                if leg.venue == venue.name:
                    count += 1
                    total += rules.notional(leg.price, leg.qty)
                    dearest = max(dearest, leg.price * 10 ** (18 - rules.price_decimals))
            for order in venue.exchange.open_orders(venue.account):
                if order.client_id in self.left:
                    count += 1
                    total += rules.notional(order.price, order.remaining)
            if count > limits.max_working_per_venue:
                raise Broken(2, f"{count} orders work at {venue.name}")
        total += abs(self._base() - self._start_base) * dearest // 10**18
        if total > limits.max_gross:
            raise Broken(2, f"{total} at stake with {command.legs} > {limits.max_gross}")

    def _may_leave(self, command: PlaceLegs) -> None:
        """Nothing in a halted scope, no entry in one that may only reduce or a run that ends."""
        entry = command.strategy != HEDGE
        if entry and self._stopping:
            raise Broken(5, f"an entry after the stop: {command.record()}")
        scopes = [ENGINE, STRATEGY + command.strategy]
        for leg in command.legs:
            scopes += (VENUE + leg.venue, SYMBOL + leg.instrument)
        for scope in scopes:
            state = self._closed.get(scope)
            if state is TradingState.HALTED or (entry and state is TradingState.REDUCING):
                raise Broken(5, f"orders though {scope} is {state}: {command.record()}")

    def _fresh(self, command: PlaceLegs) -> None:
        limits, now_ns = self._engine.config.risk, self._loop.now_ns
        times = []
        for leg in command.legs:
            venue = self._venues[leg.venue]
            if venue.whole_since_ns is None:
                raise Broken(6, f"{leg} before {venue.name} was compared with the books")
            book = next(f.book for f in self._feed.frames if f.venue is venue)
            state, _, _, data_ns, _ = self._feed.market.view(book)
            if state != "LIVE" or not 0 <= now_ns - data_ns <= limits.max_book_age_ns:
                raise Broken(6, f"{leg} on a book that is {state}, {now_ns - data_ns} ns old")
            times.append(data_ns)
        if max(times) - min(times) > limits.max_pair_skew_ns:
            raise Broken(6, f"{command.legs}: books {max(times) - min(times)} ns apart")

    def leaves(
        self, venue: VirtualVenue, request: Request, command: PlaceLegs | None, at: int
    ) -> None:
        """Bytes of an order leave now, read back as the venue reads them."""
        client_id = request.client_id
        if self._halted:
            raise Broken(5, f"{client_id} leaves after the halt")
        if client_id in self.left:
            raise Broken(3, f"{client_id} leaves twice")
        self.left.add(client_id)
        if client_id not in self._journalled:
            raise Broken(4, f"{client_id} leaves before it is in the journal")
        approved = self._gate.approved.get(client_id)
        if approved != (request.side, request.tif, request.price, request.qty):
            raise Broken(1, f"{request} leaves, approved was {approved}")
        if command is not None and command.legs[at].client_id != client_id:
            raise Broken(1, f"{request} leaves for {command.legs[at]}")
        limits = self._engine.config.risk
        if venue.rules.notional(request.price, request.qty) > limits.max_order_notional:
            raise Broken(2, f"{request} is above the largest notional")
        times = self._sent_ns[venue.name]
        times.append(self._loop.now_ns)
        recent = [time for time in times if self._loop.now_ns - time < SECOND]
        if len(recent) > limits.max_orders_per_second:
            raise Broken(2, f"{len(recent)} orders at {venue.name} within a second")
        self._sent_ns[venue.name] = recent

    # --- after every event ----------------------------------------------------------------------

    def after(self, event: AnyEvent, asked: Sequence[AnyCommand]) -> None:
        """The engine has taken ``event``, and what it asked for is under way."""
        self.looks += 1
        for command in asked:
            if isinstance(command, Halt):
                self._withdrawn(command.scope, asked)
        if not self._halted and self._must_halt(event):
            raise Broken(5, f"no halt after {event}")
        limit_ns = self._engine.config.risk.silence_halt_ns
        if wrong := self.unheard.after(event, asked, limit_ns, self._halted):
            raise Broken(5, wrong)
        unsettled = self._engine.orders.unsettled
        known = self._known
        if known:
            for client_id in tuple(known):
                order, before = known[client_id]
                if client_id not in unsettled:
                    del known[client_id]
                    self._settled(order, before, event)
        for client_id, order in unsettled.items():
            known[client_id] = order, order.state
            self._covered(order)
        self._exposure()
        self._available()

    def _must_halt(self, event: AnyEvent) -> bool:
        """It was told to, or heard of an order that only a second engine can have sent."""
        if isinstance(event, Control):
            return event.action == "halt" and event.scope in ("", ENGINE)
        client_id = event.client_id if isinstance(event, OrderAck) else ""
        return any(client_id in venue.mistakes for venue in self._venues.values())

    def _withdrawn(self, scope: str, asked: Sequence[AnyCommand]) -> None:
        """A halt cancels at once whatever may work in its scope."""
        cancelled = {command.client_id for command in asked if isinstance(command, Cancel)}
        for client_id, order in self._engine.orders.unsettled.items():
            scopes = (
                ENGINE, VENUE + order.venue, STRATEGY + order.strategy, SYMBOL + order.instrument,
            )  # fmt: skip
            if scope in scopes and not order.state.terminal and client_id not in cancelled:
                raise Broken(5, f"{client_id} is not cancelled by the halt of {scope}")

    def _settled(self, order: Order, before: OrderState, event: AnyEvent) -> None:
        """The engine holds it for over: so does the venue, with the same outcome."""
        client_id, venue = order.client_id, self._venues[order.venue]
        if before is OrderState.UNKNOWN and order.state is OrderState.REJECTED:
            told = isinstance(event, ANSWERS) and event.client_id == client_id
            if not told:
                raise Broken(4, f"{client_id} was UNKNOWN, became REJECTED by {event}")
        if client_id in venue.transit:
            raise Broken(4, f"{client_id} is {order.state.value}, and may still arrive")
        theirs = venue.exchange.find(venue.account, client_id=client_id)
        if theirs is None:
            if order.state is not OrderState.REJECTED or order.filled:
                raise Broken(4, f"{client_id} is {order.state.value}, {venue.name} has no such")
            return
        state = venue.exchange.rest_state if theirs.state == "EXPIRED" else theirs.state
        if state == "EXPIRED" and client_id in venue.answers.by_hand:
            state = "CANCELLED"
        if theirs.working or (order.state.value, order.filled) != (state, theirs.filled):
            raise Broken(
                4,
                f"{client_id} is {order.state.value} with {order.filled}, at {venue.name} "
                f"{state} with {theirs.filled}",
            )

    def _covered(self, order: Order) -> None:
        """What may be filled at worst covers what is."""
        venue = self._venues[order.venue]
        theirs = venue.exchange.find(venue.account, client_id=order.client_id)
        if theirs is not None and not order.filled <= theirs.filled <= order.filled + order.pending:
            raise Broken(
                2,
                f"{order.client_id}: {order.filled} booked and {order.pending} reserved, "
                f"{theirs.filled} filled at {venue.name}",
            )
        if venue.received.get(order.client_id, 0) > 1:
            raise Broken(3, f"{order.client_id} became two orders at {venue.name}")

    def _base(self) -> int:
        """Base over both venues by their own ledgers, without what others moved."""
        total = 0
        for venue in self._venues.values():
            base = venue.rules.base
            balance = venue.account.balances[base]
            total += balance.free + balance.locked - venue.moved.get(base, 0)
        return total

    def _exposure(self) -> None:
        """Position by the venues' ledgers, with all that may still fill, is within the limit."""
        amounts = [0, 0]
        for venue in self._venues.values():
            if venue.transit:
                for request in venue.transit.values():
                    amounts[request.side] += venue.rules.qty_money(request.qty)
            for order in venue.exchange.open_orders(venue.account):
                if order.client_id[0] == "x":
                    amounts[order.side] += venue.rules.qty_money(order.remaining)
        position = self._base() - self._start_base
        buying, selling = amounts
        limit = self._engine.config.risk.max_position
        if position + buying > limit or selling - position > limit:
            raise Broken(2, f"position {position}, buying {buying}, selling {selling} > {limit}")

    def _available(self) -> None:
        """What the engine takes for free to use is free at the venue."""
        portfolio, accounts = self._engine.portfolio, self._engine.context.accounts
        for name, venue in self._venues.items():
            rules = venue.rules
            needs = {rules.base: 0, rules.quote: 0}
            for request in venue.transit.values():
                if request.side == 0:
                    needs[rules.quote] += rules.notional(request.price, request.qty)
                else:
                    needs[rules.base] += rules.qty_money(request.qty)
            foreign = 0
            for order in venue.exchange.open_orders(venue.account):
                if order.client_id[0] != "x":
                    foreign += order.held  # others only buy
            for asset, need in needs.items():
                at = accounts[name, asset]
                moved = venue.moved.get(asset, 0) - self._moved.get((name, asset), 0)
                slack = portfolio.adopted[at] - moved + (foreign if asset == rules.quote else 0)
                if venue.late_fees and asset == rules.quote:
                    slack += self._late(venue)
                free = venue.account.balances[asset].free - need + slack
                if portfolio.available(at) > free:
                    raise Broken(
                        2, f"{name} {asset}: {portfolio.available(at)} taken for free, {free} is"
                    )

    def _late(self, venue: VirtualVenue) -> int:
        """Fees that were taken beyond the estimates that nothing has corrected yet."""
        awaits = self._engine.fees.awaits
        return sum(late for fill, late in venue.late_fees.items() if late > 0 and awaits(*fill))
