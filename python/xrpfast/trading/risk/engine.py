"""The one place where an intent becomes an order that can be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrpfast.trading.commands import Alert, AnyCommand, Cancel, Halt, Query, Reconcile
from xrpfast.trading.intents import Legs
from xrpfast.trading.risk.checks import first_refusal
from xrpfast.trading.risk.drills import refusal_of_drill
from xrpfast.trading.risk.hedges import refusal_of_flatten, refusal_of_hedge
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.risk.state import RiskState
from xrpfast.trading.risk.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xrpfast._core import Approved, RiskGate
    from xrpfast.trading.config import EngineConfig
    from xrpfast.trading.context import Context
    from xrpfast.trading.events import BookTop, Signal
    from xrpfast.trading.intents import LegIntent
    from xrpfast.trading.legs.hedge import Hedge
    from xrpfast.trading.orders import OrderDesk
    from xrpfast.trading.portfolio import Portfolio
    from xrpfast.trading.risk.limits import RiskLimits


class RiskEngine:
    """Holds the gate: all legs of a decision are approved together, or none is."""

    __slots__ = ("_gate", "_refused", "error", "state", "watch")

    def __init__(
        self,
        config: EngineConfig,
        limits: RiskLimits,
        gate: RiskGate,
        context: Context,
        portfolio: Portfolio,
        orders: OrderDesk,
    ) -> None:
        self._gate = gate
        names = [params.name for params in config.strategies]
        self.state = RiskState(limits, context, portfolio, orders.unsettled, names)
        self.error = ""
        """What failed when the last verdict was CHECK_FAILED."""
        self._refused: dict[Refusal, int] = {}
        self.watch = Watch(self.state, orders)
        self.watch.losses.carry(config.carried)
        for each in config.carried:
            strategy = self.state.strategies.get(each.strategy)
            if strategy is not None:
                strategy.round_trips = each.round_trips

    # --- verdicts -------------------------------------------------------------------------------

    def check(
        self, name: str, legs: Legs, signal: Signal, client_ids: tuple[str, ...]
    ) -> tuple[Approved, ...] | Refusal:
        """Approvals of both ``legs`` of strategy ``name``, or the first reason against them.

        A check that raises is a refusal: what cannot be computed is not allowed.
        """
        state = self.state
        now_ns = signal.now_ns
        approve = self._gate.approve
        try:
            strategy = state.strategies.get(name)
            if strategy is None:
                return Refusal.STRATEGY_NOT_ALLOWED
            refusal = first_refusal(state, strategy, legs, signal)
            if refusal is not None:
                return refusal
            buy, sell = legs
            bought, sold = buy.book, sell.book
            first, second = client_ids
            approved = (
                approve(
                    bought.venue_name,
                    bought.symbol,
                    buy.side,
                    buy.order_type,
                    buy.tif,
                    buy.price,
                    bought.price_decimals,
                    buy.qty,
                    bought.qty_decimals,
                    first,
                    now_ns,
                ),
                approve(
                    sold.venue_name,
                    sold.symbol,
                    sell.side,
                    sell.order_type,
                    sell.tif,
                    sell.price,
                    sold.price_decimals,
                    sell.qty,
                    sold.qty_decimals,
                    second,
                    now_ns,
                ),
            )
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            return Refusal.CHECK_FAILED
        budgets = state.budgets
        budgets[bought.index].note_order(now_ns)
        budgets[sold.index].note_order(now_ns)
        window_ns = state.limits.duplicate_window_ns
        if window_ns:
            strategy.remember(legs, now_ns, window_ns)
        strategy.round_trips += 1
        state.signals[signal.detector] = signal.signal_id
        return approved

    def check_hedge(
        self, leg: LegIntent, top: BookTop, excess: int, client_id: str, now_ns: int
    ) -> Approved | Refusal:
        """The approval of an order that makes ``excess`` (money of base) smaller, or the first
        reason against it."""
        try:
            refusal = refusal_of_hedge(self.state, leg, top, excess, now_ns)
            return self._closing(leg, client_id, now_ns) if refusal is None else refusal
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            return Refusal.CHECK_FAILED

    def check_flatten(
        self,
        leg: LegIntent,
        chosen: Hedge,
        excess: int,
        lost: int,
        client_id: str,
        now_ns: int,
    ) -> Approved | Refusal:
        """The approval of an order that a person's ``flatten`` leads to, or the first reason
        against it. ``lost``: what closing ``excess`` has cost so far, money of quote."""
        try:
            refusal = refusal_of_flatten(self.state, leg, chosen, excess, lost, now_ns)
            return self._closing(leg, client_id, now_ns) if refusal is None else refusal
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            return Refusal.CHECK_FAILED

    def check_drill(
        self, leg: LegIntent, tops: Mapping[int, BookTop], client_id: str, now_ns: int
    ) -> Approved | Refusal:
        """The approval of a live drill's order, or the first reason against it. ``tops``: by book,
        those of the instrument at every venue."""
        try:
            refusal = refusal_of_drill(self.state, leg, tops, now_ns)
            if refusal is not None:
                return refusal
            approved = self._closing(leg, client_id, now_ns)
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            return Refusal.CHECK_FAILED
        self.state.drilled.add(leg.book.venue_name)
        return approved

    def _closing(self, leg: LegIntent, client_id: str, now_ns: int) -> Approved:
        """The approval of an order that nothing speaks against."""
        book = leg.book
        approved = self._gate.approve(
            book.venue_name,
            book.symbol,
            leg.side,
            leg.order_type,
            leg.tif,
            leg.price,
            book.price_decimals,
            leg.qty,
            book.qty_decimals,
            client_id,
            now_ns,
        )
        self.state.budgets[leg.book.index].note_order(now_ns)
        return approved

    def sent(self, asked: Iterable[AnyCommand], now_ns: int) -> None:
        """What the engine asked for is taken for sent."""
        for command in asked:
            if isinstance(command, (Cancel, Query, Reconcile)):
                self.state.venues[command.venue].note(command, now_ns)

    # --- what follows from a verdict ------------------------------------------------------------

    def refused(self, name: str, reason: Refusal, now_ns: int, out: list[AnyCommand]) -> None:
        """Takes note of a refusal of strategy ``name``: some are told, some halt it."""
        count = self._refused[reason] = self._refused.get(reason, 0) + 1
        if reason in (Refusal.CHECK_FAILED, Refusal.EDGE_IMPLAUSIBLE) and count & (count - 1) == 0:
            what = f"risk check failed ({count}): {self.error}"
            if reason is Refusal.EDGE_IMPLAUSIBLE:
                what = f"{name}: an edge that no market has ({count}): a book must be wrong"
            out.append(Alert("critical", what))
        strategy = self.state.strategies.get(name)
        if strategy is None:
            return
        if reason is Refusal.EXECUTIONS_EXHAUSTED:
            text = f"{name}: {strategy.round_trips} round trips: a person has to look and resume"
            out.append(Halt(strategy.scope, text))
        elif reason in (Refusal.PRICE_COLLAR, Refusal.PRICE_DRIFT) and strategy.breaches:
            strategy.breaches.note(now_ns)
            if now_ns < strategy.breaches.free_ns():
                strategy.breaches.clear()
                text = f"{name}: {reason.value} again and again: prices or limits are wrong"
                out.append(Halt(strategy.scope, text))
