"""What people and the service say, and what the engine does about it: every word is an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrpfast.model import format_money
from xrpfast.trading import events
from xrpfast.trading.commands import Alert, AnyCommand, Halt, ReadBook, Reduce
from xrpfast.trading.flattening import Ordered
from xrpfast.trading.risk.tightening import tighten
from xrpfast.trading.states import ENGINE, SYMBOL, TradingState, Word

if TYPE_CHECKING:
    from xrpfast.trading.context import Context
    from xrpfast.trading.drilling import Drills
    from xrpfast.trading.legs.manager import LegManager
    from xrpfast.trading.orders import OrderDesk
    from xrpfast.trading.portfolio import Portfolio
    from xrpfast.trading.reconcile import Reconciler
    from xrpfast.trading.risk.engine import RiskEngine


class Said:
    """Takes each word to the part that it is meant for."""

    def __init__(
        self,
        context: Context,
        portfolio: Portfolio,
        orders: OrderDesk,
        legs: LegManager,
        risk: RiskEngine,
        reconciler: Reconciler,
        drills: Drills,
    ) -> None:
        self._context = context
        self._portfolio = portfolio
        self._orders = orders
        self._legs = legs
        self._risk = risk
        self._reconciler = reconciler
        self._drills = drills

    def on_control(self, event: events.Control, out: list[AnyCommand]) -> None:
        action, context = event.action, self._context
        scope = event.scope or ENGINE
        if scope not in context.states:
            out.append(Alert("warning", f"{action} of a scope that is not here: {scope!r}"))
        elif action == "start":
            if context.states[ENGINE] is TradingState.HALTED:
                out.append(Alert("warning", "start refused: trading is halted"))
            else:
                self._enter(TradingState.ACTIVE)
        elif action == "stop":
            if context.phase is TradingState.ACTIVE:
                self._enter(TradingState.STOPPING)
            self._legs.stop_flatten(ENGINE, event.now_ns, out)
            self._orders.cancel_all(event.now_ns, out)
        elif action == "stopped":
            self._legs.stop_flatten(ENGINE, event.now_ns, out)
            self._enter(TradingState.STOPPED)
        elif action == "halt":
            if context.states[scope] is TradingState.HALTED:
                self._legs.stop_flatten(scope, event.now_ns, out)
                self._orders.cancel_all(event.now_ns, out, scope)
            else:
                out.append(Halt(scope, event.reason, event.who))
        elif action == "reduce":
            out.append(Reduce(scope, event.reason, event.who))
        elif action == "resume":
            self._resume(event, out)
        elif action == "reconcile":
            self._reconciler.want(event.venue or None, event, out)
        elif action == "undelivered":
            out.append(Alert("warning", event.reason))
        elif action == "settle":
            out.append(Alert("warning", f"{event.who or 'a person'} settles: {event.reason}"))
        else:
            out.append(Alert("warning", f"control word not known: {action!r}"))

    def _enter(self, phase: TradingState) -> None:
        self._context.started |= phase is TradingState.ACTIVE
        self._context.phase = phase
        self._context.show()

    def _resume(self, event: events.Control, out: list[AnyCommand]) -> None:
        """Opens a scope again, or all of them. A halt of the engine ends the run: what it may
        resume is the next one."""
        context = self._context
        if context.states[ENGINE] is TradingState.HALTED:
            text = "resume refused: the engine is halted and ends; resume once it has ended"
            out.append(Alert("warning", text))
            return
        closed = context.states.closed()
        for scope in [event.scope] if event.scope else list(closed):
            context.say(scope, Word.RESUME)
        if opened := [scope for scope in closed if event.scope in ("", scope)]:
            text = f"resumed: {', '.join(opened)} ({event.who or 'a person'}: {event.reason})"
            out.append(Alert("warning", text))
        for at, name in enumerate(context.instruments):
            if event.scope in ("", SYMBOL + name):
                self._legs.resume(at, event.now_ns, out)

    def on_limits_set(self, event: events.LimitsSet, out: list[AnyCommand]) -> None:
        said = f"({event.who or 'a person'}: {event.reason})"
        try:
            tighten(event, self._risk.state, self._risk.watch.losses)
        except ValueError as error:
            out.append(Alert("critical", f"limits not set: {error} {said}"))
            return
        names = ", ".join(limit.name for limit in event.limits)
        out.append(Alert("warning", f"limits are tighter now: {names} {said}"))

    def on_traded_by_hand(self, event: events.TradedByHand, out: list[AnyCommand]) -> None:
        context = self._context
        if event.instrument not in context.instruments:
            text = f"traded by hand: no such instrument: {event.instrument!r}"
            out.append(Alert("warning", text))
            return
        self._legs.traded(context.instruments.index(event.instrument), event.amount)
        base = event.instrument.partition("/")[0]
        self._portfolio.position[context.positions.index(base)] += event.amount
        text = f"{event.instrument}: {format_money(event.amount)} of base traded by hand"
        out.append(Alert("warning", f"{text} ({event.who or 'a person'}: {event.reason})"))

    def on_flatten(self, event: events.Flatten, out: list[AnyCommand]) -> None:
        context = self._context
        who = f"{event.who or 'a person'}: {event.reason}"
        if event.instrument not in context.instruments:
            text = f"flatten: no such instrument: {event.instrument!r} ({who})"
            out.append(Alert("warning", text))
            return
        at = context.instruments.index(event.instrument)
        if at in context.flattening:
            out.append(Alert("warning", f"{event.instrument}: a flatten is going on ({who})"))
            return
        text = f"{event.instrument}: flatten of {format_money(self._legs.imbalance(at))} of base"
        out.append(Alert("warning", f"{text} ({who})"))
        ordered = Ordered(event.max_loss, event.now_ns + event.within_ns)
        self._legs.flatten(at, ordered, event.now_ns)

    def on_drill_orders(self, event: events.DrillOrders, out: list[AnyCommand]) -> None:
        context = self._context
        who = f"({event.who}: {event.reason})"
        if event.instrument not in context.instruments:
            text = f"drill: no such instrument: {event.instrument!r} {who}"
            out.append(Alert("warning", text))
            return
        at = context.instruments.index(event.instrument)
        if self._drills.first(at):
            text = f"{event.instrument}: an order of a drill at each venue {who}"
            out.append(Alert("warning", text))
        out.extend(ReadBook(book.index) for book in self._drills.want(at))
