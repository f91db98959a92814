"""The kernel: one event in, the commands that it leads to out.

Pure and deterministic: two engines of one config that are told the same events ask for the same
commands, byte for byte. Every time is the event's; every behaviour over time is a `Timer` event.
Entries are closed until ``Control(start)``, and on a venue until its links are reported up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from xrpfast.model import OrderType, TimeInForce, format_money
from xrpfast.trading import drilling, events
from xrpfast.trading.client_ids import ClientIds
from xrpfast.trading.commands import (
    Alert,
    AnyCommand,
    Halt,
    Leg,
    PlaceLegs,
    Reduce,
    SetTimer,
)
from xrpfast.trading.config import ArbitrageParams, EngineConfig
from xrpfast.trading.context import Context
from xrpfast.trading.events import AnyEvent, Signal
from xrpfast.trading.fees import FeeBook
from xrpfast.trading.intents import LegIntent
from xrpfast.trading.legs.manager import LegManager
from xrpfast.trading.orders import OrderDesk
from xrpfast.trading.portfolio import Portfolio
from xrpfast.trading.reconcile import Reconciler
from xrpfast.trading.risk.clocks import measured
from xrpfast.trading.risk.engine import RiskEngine
from xrpfast.trading.risk.limits import RiskLimits
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.risk.state import DRILL, HEDGE
from xrpfast.trading.said import Said
from xrpfast.trading.states import TradingState, Word
from xrpfast.trading.strategies.arbitrage import Arbitrage
from xrpfast.trading.strategies.reasons import Ignored

if TYPE_CHECKING:
    from xrpfast._core import RiskGate
    from xrpfast.trading.context import Book, Pair
    from xrpfast.trading.legs.hedge import Hedge

__all__ = ["ArbitrageParams", "Engine", "EngineConfig", "RiskLimits"]

ORDERS_TIMER: Final = "orders"
"""The next order about which silence is to be acted on."""
CLOCK_TIMER: Final = "clock:"
"""And a venue's name: its clock was not measured for too long."""
LEGS_TIMER: Final = "legs"
"""The next look at an imbalance."""
_LIMIT: Final = int(OrderType.LIMIT)
_IOC: Final = int(TimeInForce.IOC)
_CLOSING: Final = {Halt: Word.HALT, Reduce: Word.REDUCE}

_REDUCES: Final = frozenset((TradingState.ACTIVE, TradingState.REDUCING, TradingState.STOPPING))
_QUIET: Final = frozenset({events.Balance, events.BookState, events.Clock})
"""Events after which no leg needs a look."""


class Engine:
    """Strategies, risk, order desk and portfolio behind one function."""

    def __init__(self, config: EngineConfig, gate: RiskGate) -> None:
        self.config = config
        self.context = Context(config)
        self.portfolio = Portfolio(self.context, config.balances)
        for left in config.residuals:
            # Exposure does not end with a run: a limit that began anew would let it grow with each.
            base = left.instrument.partition("/")[0]
            self.portfolio.position[self.context.positions.index(base)] += left.amount
        self.client_ids = ClientIds(config.environment, config.deployment, config.epoch)
        self.orders = OrderDesk(
            self.context,
            self.portfolio,
            self.client_ids,
            config.risk.ack_timeout_ns,
            config.keep_orders,
        )
        self.fees = FeeBook(self.portfolio)
        self.reconciler = Reconciler(config, self.context, self.portfolio, self.orders, self.fees)
        self.limits = limits = msgspec.structs.replace(config.risk)
        """Those in force: what was set while it runs makes them tighter than the configuration."""
        self.risk = RiskEngine(config, limits, gate, self.context, self.portfolio, self.orders)
        self.legs = LegManager(
            self.context,
            self.portfolio,
            self.orders,
            limits,
            config.residuals,
        )
        self.drills = drilling.Drills(self.context)
        self.opportunities = 0
        """Signals that a strategy had asked for."""
        self.refused: dict[str, int] = {}
        """Decisions that risk refused, per `Refusal`."""
        self.ignored: dict[str, int] = {}
        """Signals that were let pass, per `Ignored`."""
        self.last_refusal: tuple[int, str] | None = None
        """(signal, reason) when the latest signal was refused, else None."""
        self.last_ignored: str | None = None
        """The reason when the latest signal was ignored, else None."""
        self._timer_ns = 0
        self._legs_ns = 0
        self._ack_timeout_ns = config.risk.ack_timeout_ns
        self._pairs = self.context.pairs
        self._marks = self.portfolio.marks
        self._strategies: dict[int, tuple[Arbitrage, ...]] = {}
        for params in config.strategies:
            strategy = Arbitrage(params, limits, self.context, self.portfolio, self.orders)
            for detector in params.detectors:
                others = self._strategies.get(detector, ())
                self._strategies[detector] = (*others, strategy)
        said = Said(
            self.context, self.portfolio, self.orders, self.legs, self.risk, self.reconciler,
            self.drills,
        )  # fmt: skip
        self._handlers: dict[type, Callable[[Any, list[AnyCommand]], object]] = {
            events.OrderAck: self.orders.on_ack,
            events.OrderReject: self.orders.on_reject,
            events.OrderUnknown: self.orders.on_unknown,
            events.Fill: self._on_fill,
            events.OrderEnd: self.orders.on_end,
            events.QueryResult: self.orders.on_query_result,
            events.BookTop: self._on_book_top,
            events.VenueError: self._on_venue_error,
            events.Balance: self._on_balance,
            events.BalanceMoved: self.reconciler.on_moved,
            events.Reconciled: self.reconciler.on_reconciled,
            events.BookState: self._on_book_state,
            events.LinkState: self._on_link_state,
            events.Clock: self._on_clock,
            events.Timer: self._on_timer,
            events.Control: said.on_control,
            events.LimitsSet: said.on_limits_set,
            events.TradedByHand: said.on_traded_by_hand,
            events.Flatten: said.on_flatten,
            events.DrillOrders: said.on_drill_orders,
        }

    def process(self, event: AnyEvent) -> list[AnyCommand]:
        """Takes one event; returns what is to be done about it, in this order."""
        if type(event) is Signal:
            out = self._on_signal(event)
            return self._closed(event.now_ns, out) if out else out
        out = []
        self._handlers[type(event)](event, out)
        self.risk.watch.after(event, out)
        if out:
            out = self._closed(event.now_ns, out)
        if type(event) not in _QUIET:
            count = len(out)
            self._look_at_legs(event.now_ns, out)
            if len(out) > count:
                out = [*out[:count], *self._closed(event.now_ns, out[count:])]
        due_ns = self.orders.next_deadline()
        if due_ns:
            self._arm(due_ns, out)
        self.risk.sent(out, event.now_ns)
        return out

    # --- the hot path ---------------------------------------------------------------------------

    def _on_signal(self, signal: Signal) -> list[AnyCommand]:
        self.last_refusal = self.last_ignored = None
        pair = self._pairs.get((signal.buy_book, signal.sell_book))
        strategies = self._strategies.get(signal.detector)
        if pair is None or strategies is None:
            self._ignore(Ignored.NOT_WANTED)
            return []
        self.opportunities += 1
        self._marks[pair.instrument_index] = signal
        out: list[AnyCommand] = []
        for strategy in strategies:
            self._decide(strategy, signal, pair, out)
        return out

    def _decide(
        self, strategy: Arbitrage, signal: Signal, pair: Pair, out: list[AnyCommand]
    ) -> None:
        intents = strategy.on_signal(signal, pair)
        if not isinstance(intents, tuple):
            self._ignore(intents)
            return
        # A refused pair spends its ids: a gap in the numbers is harmless, a second use is not.
        client_ids = self.client_ids.next_pair()
        approved = self.risk.check(strategy.name, intents, signal, client_ids)
        if not isinstance(approved, tuple):
            self._refuse(strategy.name, approved, signal, out)
            return
        strategy.entered(signal, pair)
        buy, sell = intents
        buy_book, sell_book = buy.book, sell.book
        first = Leg(
            client_ids[0],
            buy_book.venue_name,
            buy_book.instrument,
            buy.side,
            buy.order_type,
            buy.tif,
            buy.price,
            buy.qty,
        )
        second = Leg(
            client_ids[1],
            sell_book.venue_name,
            sell_book.instrument,
            sell.side,
            sell.order_type,
            sell.tif,
            sell.price,
            sell.qty,
        )
        name, signal_id, now_ns = strategy.name, signal.signal_id, signal.now_ns
        self.legs.opened(
            pair.instrument_index,
            self.orders.place(first, buy_book, name, signal_id, now_ns),
            self.orders.place(second, sell_book, name, signal_id, now_ns),
        )
        out.append(PlaceLegs(name, signal_id, (first, second), approved))
        self._arm(now_ns + self._ack_timeout_ns, out)

    def _ignore(self, reason: Ignored) -> None:
        code = self.last_ignored = reason.value
        self.ignored[code] = self.ignored.get(code, 0) + 1

    def _refuse(self, name: str, reason: Refusal, signal: Signal, out: list[AnyCommand]) -> None:
        code = reason.value
        self.refused[code] = self.refused.get(code, 0) + 1
        self.last_refusal = (signal.signal_id, code)
        self.risk.refused(name, reason, signal.now_ns, out)

    # --- legs ---------------------------------------------------------------------------------

    def _look_at_legs(self, now_ns: int, out: list[AnyCommand]) -> None:
        self.legs.step(now_ns, self._may_reduce, out)
        due_ns = self.legs.next_due(now_ns)
        if due_ns and (not self._legs_ns or due_ns < self._legs_ns):
            self._legs_ns = due_ns
            out.append(SetTimer(LEGS_TIMER, due_ns))

    @property
    def _may_reduce(self) -> bool:
        return self.context.trading in _REDUCES

    def _on_book_top(self, event: events.BookTop, out: list[AnyCommand]) -> None:
        books = self.drills.on_top(event)
        for book in books:
            self._drill(book, books, event.now_ns, out)
        instrument = self.legs.on_top(event)
        if instrument is None:
            return
        chosen = self.legs.hedge(instrument, event.now_ns, out)
        if chosen is not None:
            self._hedge(instrument, chosen, event.now_ns, out)

    def _hedge(self, instrument: int, chosen: Hedge, now_ns: int, out: list[AnyCommand]) -> None:
        book = chosen.book
        intent = LegIntent(book, chosen.side, _LIMIT, _IOC, chosen.price, chosen.qty)
        client_id = self.client_ids.next_hedge()
        excess = self.legs.imbalance(instrument)
        if instrument in self.context.flattening:
            lost = self.legs.lost(instrument)
            approved = self.risk.check_flatten(intent, chosen, excess, lost, client_id, now_ns)
        else:
            approved = self.risk.check_hedge(intent, chosen.top, excess, client_id, now_ns)
        if isinstance(approved, Refusal):
            code = approved.value
            self.refused[code] = self.refused.get(code, 0) + 1
            return
        leg = Leg(
            client_id,
            book.venue_name,
            book.instrument,
            chosen.side,
            _LIMIT,
            _IOC,
            chosen.price,
            chosen.qty,
        )
        order = self.orders.place(leg, book, HEDGE, 0, now_ns)
        self.legs.hedged(instrument, chosen, order, out)
        out.append(PlaceLegs(HEDGE, 0, (leg,), (approved,)))

    def _drill(self, book: Book, books: Sequence[Book], now_ns: int, out: list[AnyCommand]) -> None:
        drills = self.drills
        if drills.outcomes.get(book.venue_name, "") in self.orders.orders:
            return  # said again for the others: it has had its own
        wanted = drilling.intent(book, books, drills.tops, self.limits)
        client_id = self.client_ids.next_drill()
        approved = self.risk.check_drill(wanted, drills.tops, client_id, now_ns)
        if isinstance(approved, Refusal):
            code, before = approved.value, drills.outcomes.get(book.venue_name)
            drills.outcomes[book.venue_name] = code
            self.refused[code] = self.refused.get(code, 0) + 1
            if code != before:
                out.append(Alert("warning", f"{book.venue_name}: no order of the drill: {code}"))
            return
        leg = drilling.leg(wanted, client_id)
        self.orders.place(leg, book, DRILL, 0, now_ns)
        drills.outcomes[book.venue_name] = client_id
        out.append(PlaceLegs(DRILL, 0, (leg,), (approved,)))

    # --- everything else ------------------------------------------------------------------------

    def _on_fill(self, event: events.Fill, out: list[AnyCommand]) -> None:
        order = self.orders.on_fill(event, out)
        if order is not None:
            book = self.context.books[order.book]
            self.portfolio.book_fill(book, order.side, event)
            self.legs.filled(book, order.side, event)
            self.risk.watch.losses.filled(order, book, event)
            self.fees.booked(book, event)
            self.reconciler.on_fill(order.venue, event.now_ns)
        else:
            corrected = self.fees.correct(event)
            if corrected is not None:
                book, changes = corrected
                for asset, change in changes:
                    self.legs.charged(book, asset, change)
                known = self.orders.orders.get(event.client_id)
                strategy = HEDGE if known is None else known.strategy
                self.risk.watch.losses.charged(strategy, book, changes)

    def _on_venue_error(self, event: events.VenueError, out: list[AnyCommand]) -> None:
        """The breakers count it; what became of an order is asked of the venue."""

    def _on_balance(self, event: events.Balance, out: list[AnyCommand]) -> None:
        self.portfolio.report(event)

    def _on_book_state(self, event: events.BookState, out: list[AnyCommand]) -> None:
        if not self.context.set_book_state(event.book, event.state):
            out.append(Alert("warning", f"state of a book that does not exist: {event.book}"))

    def _on_link_state(self, event: events.LinkState, out: list[AnyCommand]) -> None:
        if not self.context.set_link(event.venue, event.link, event.up):
            out.append(Alert("warning", f"link of a venue without books: {event.venue}"))
        if event.reason:
            out.append(Alert("critical", event.reason))
        self.reconciler.on_link(event, out)

    def _on_clock(self, event: events.Clock, out: list[AnyCommand]) -> None:
        """Clocks bound the age of data in the native core; one that is not measured, or not well,
        closes its venue."""
        venue = self.context.venues.get(event.venue)
        if venue is not None and measured(venue, event, self.limits, out):
            due_ns = event.now_ns + self.limits.max_clock_age_ns
            out.append(SetTimer(CLOCK_TIMER + event.venue, due_ns))

    def _on_timer(self, event: events.Timer, out: list[AnyCommand]) -> None:
        if event.timer_id == ORDERS_TIMER:
            self._timer_ns = 0
            self.orders.sweep(event.now_ns, out)
        elif event.timer_id == LEGS_TIMER:
            self._legs_ns = 0
        elif event.timer_id.startswith(CLOCK_TIMER):
            venue = self.context.venues.get(event.timer_id.removeprefix(CLOCK_TIMER))
            if venue is not None:
                venue.clock_stale = True
                venue.weigh()
                text = f"{venue.name}: its clock was not measured for too long: no entries there"
                out.append(Alert("critical", text))
        else:
            self.reconciler.on_timer(event, out)

    def _closed(self, now_ns: int, out: list[AnyCommand]) -> list[AnyCommand]:
        """What `out` closes is closed at once, and comes first: on disk before anything is done.

        What works in a halted scope is cancelled. A scope that is closed as much already is not
        closed again.
        """
        if not any(type(command) in _CLOSING for command in out):
            return out
        first: list[AnyCommand] = []
        rest: list[AnyCommand] = []
        for command in out:
            if not isinstance(command, (Halt, Reduce)):
                rest.append(command)
                continue
            if isinstance(command, Halt):
                # Also one of what is halted already: something is wrong beyond that.
                self.legs.stop_flatten(command.scope, now_ns, rest)
            if self.context.say(command.scope, _CLOSING[type(command)]):
                first.append(command)
                if isinstance(command, Halt):
                    self.orders.cancel_all(now_ns, rest, command.scope)
        return [*first, *rest]

    def _arm(self, due_ns: int, out: list[AnyCommand]) -> None:
        if not self._timer_ns or due_ns < self._timer_ns:
            self._timer_ns = due_ns
            out.append(SetTimer(ORDERS_TIMER, due_ns))

    # --- for people -----------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """The state as plain values; money as decimal text."""
        context, desk, portfolio = self.context, self.orders, self.portfolio
        quotes = dict.fromkeys(book.rules.quote for book in context.books)
        return {
            "trading": context.trading.value,
            "venues": {name: venue.open for name, venue in context.venues.items()},
            "adopted": [
                {"venue": venue, "asset": asset, "amount": format_money(portfolio.adopted[at])}
                for (venue, asset), at in context.accounts.items()
                if portfolio.adopted[at]
            ],
            "counts": {
                **desk.counts,
                "opportunities": self.opportunities,
                "refused": dict(self.refused),
                "ignored": dict(self.ignored),
            },
            "unsettled": len(desk.unsettled),
            "legs": dict(self.legs.counts),
            "imbalances": {
                name: format_money(self.legs.imbalance(at))
                for at, name in enumerate(context.instruments)
            },
            "unknown": [
                {"venue": book.venue_name, "instrument": book.instrument}
                for book in context.books
                if book.unknown
            ],
            "positions": {
                asset: format_money(portfolio.position[at])
                for at, asset in enumerate(context.positions)
            },
            "pnl": {quote: format_money(portfolio.pnl(quote)) for quote in quotes},
            "next_sequence": self.client_ids.sequence,
        }
