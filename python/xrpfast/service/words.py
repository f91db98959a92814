"""A person's words to a running engine, by the control socket: checked, journalled, answered."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final

from xrpfast.errors import UsageError
from xrpfast.model import OrderState, format_money
from xrpfast.service.flatten import order, outcome
from xrpfast.service.halts import Asked
from xrpfast.service.limits import changed, differences
from xrpfast.service.said import by_hand_amounts, fills_of, old_enough, person_of, text_of
from xrpfast.trading.by_hand import Said, settling
from xrpfast.trading.events import AnyEvent, Control, LimitsSet, TradedByHand
from xrpfast.trading.states import ENGINE, TradingState

if TYPE_CHECKING:
    from xrpfast.config.risk import RiskSection
    from xrpfast.service import control
    from xrpfast.service.driver import Driver
    from xrpfast.service.latch import Latch
    from xrpfast.service.stopping import Stopping


LONGEST_NS: Final = 60_000_000_000
"""Between a word's being said and its coming here; one from longer ago is of another clock."""


class Words:
    """Of one run."""

    def __init__(self, driver: Driver, latch: Latch, stopping: Stopping, risk: RiskSection) -> None:
        self._driver = driver
        self._latch = latch
        self._stopping = stopping
        self._risk = risk
        """`[risk]` as it is in force."""
        self._over = False

    def end(self) -> None:
        """The run ends: what would send an order, or open something, is said to the next one."""
        self._over = True

    def _refuse_at_the_end(self) -> None:
        if self._over:
            raise UsageError("the engine is about to end: say it again once it has ended")

    def known(self) -> dict[str, control.Said]:
        """The words by name."""
        return {
            "halt": self.halt,
            "flatten": self.flatten,
            "reconcile": self.reconcile,
            "resume": self.resume,
            "settle": self.settle,
            "limits": self.limits,
        }

    def halt(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """``reason``, ``who``; ``scope``: that alone; ``asked_ns``: when it was asked for
        (monotonic), if that was before now. Latched, refused and cancelled when it is answered;
        ``receipt`` is the file that tells, once it is there, what was verified."""
        who, reason = person_of(request)
        scope = text_of(request, "scope", "") or ENGINE
        if scope not in self._driver.engine.context.states:
            raise UsageError(f"scope {scope!r} is not of this engine")
        now_ns = monotonic_ns()
        asked_ns = request.get("asked_ns", now_ns)
        if type(asked_ns) is not int or not 0 <= now_ns - asked_ns <= LONGEST_NS:
            asked_ns = now_ns
        path = self._stopping.halt(Asked(scope, reason, who, time_ns(), asked_ns))
        return {"ok": True, "receipt": None if path is None else str(path)}

    def reconcile(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Every venue is compared with the books now."""
        who = text_of(request, "who", "")
        self._tell(self._control("reconcile", "control socket", who=who))
        return {"ok": True}

    def resume(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """``reason``, ``who``; ``scope``: that alone; ``by_hand``: per instrument the base that a
        person bought (or sold, below zero) against its imbalance."""
        who, reason = person_of(request)
        scope = text_of(request, "scope", "")
        engine = self._driver.engine
        context = engine.context
        seen = context.states.closed()
        entries = self._latch.entries()
        self._stopping.take_latch()
        if context.states[ENGINE] is TradingState.HALTED:
            raise UsageError("the engine is halted and about to end: resume once it has ended")
        if scope and scope not in context.states:
            raise UsageError(f"scope {scope!r} is not of this engine")
        closed = context.states.closed()
        new = [s for s in closed if scope in ("", s) and closed[s] is not seen.get(s)]
        if new:
            raise UsageError(f"closed just now: {', '.join(new)}: look why, then say it again")
        owed = {name: engine.legs.imbalance(at) for at, name in enumerate(context.instruments)}
        now_ns, wall_ns = monotonic_ns(), time_ns()
        events: list[AnyEvent] = [
            TradedByHand(
                now_ns=now_ns,
                wall_ns=wall_ns,
                instrument=name,
                amount=amount,
                reason=reason,
                who=who,
            )
            for name, amount in by_hand_amounts(request, owed).items()
        ]
        self._tell(*events, self._control("resume", reason, scope, who))
        # Only now: an engine that died in between finds itself still closed. What another process
        # has closed meanwhile stays, and is heard of as any entry is.
        self._latch.clear(entries, [scope] if scope else list(closed))
        return {
            "ok": True,
            "resumed": [name for name in closed if scope in ("", name)],
            "imbalances": {
                name: format_money(engine.legs.imbalance(at))
                for at, name in enumerate(context.instruments)
            },
        }

    def limits(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """``key`` of `[risk]` and its ``value`` as text, ``reason``, ``who``: tighter from now on.
        Without a key, what is in force."""
        if "key" not in request:
            return {"ok": True, "risk": self._risk.model_dump(mode="json")}
        who, reason = person_of(request)
        key, before = text_of(request, "key"), self._risk
        after = changed(before, key, text_of(request, "value"))
        asked = differences(before, after)
        self._tell(
            LimitsSet(
                now_ns=monotonic_ns(),
                wall_ns=time_ns(),
                limits=asked,
                reason=reason,
                who=who,
            )
        )
        limits = self._driver.engine.limits
        if any(getattr(limits, limit.name) != limit.value for limit in asked):
            raise UsageError(f"{key}: the engine did not take it, its latest alert says why")
        self._risk = after
        shown = [str(getattr(risk, key)) for risk in (before, after)]
        return {"ok": True, "key": key, "was": shown[0], "is": shown[1]}

    def flatten(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """``reason``, ``who``, ``max_loss``, ``within_s``: what our own orders left is closed; the
        state's ``flatten`` tells how it goes."""
        self._refuse_at_the_end()
        events = order(self._driver.engine, request)
        self._tell(*events)
        found = outcome(self._driver.engine)
        return {"ok": True, "instruments": {e.instrument: found[e.instrument] for e in events}}

    def settle(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """``id``, ``reason``, ``who``, ``fills``: an order whose venue says nothing more of it."""
        who, reason = person_of(request)
        client_id = text_of(request, "id")
        order = self._driver.engine.orders.orders.get(client_id)
        if order is None:
            raise UsageError(f"order {client_id}: not of this run: see `explain {client_id}`")
        old_enough(client_id, order.venue, monotonic_ns() - order.created_ns)
        desk = self._driver.engine.orders
        shown = order.state is OrderState.UNKNOWN and order.accepted  # and then not found
        if not shown and not order.state.terminal:
            raise UsageError(
                f"order {client_id} is {order.state.value}, and {order.venue} has not said that it "
                "does not know it: it is asked again and again, its word counts"
            )
        rules = self._driver.engine.config.books[order.book]
        said = Said(who, reason, monotonic_ns(), time_ns())
        try:
            events = settling(
                order, rules, fills_of(request, rules), said, lambda trade: desk.owner(order, trade)
            )
        except ValueError as error:
            raise UsageError(str(error)) from None
        self._tell(*events)
        return {"ok": True, "state": order.state.value, "settled": order.settled}

    def _control(self, action: str, reason: str, scope: str = "", who: str = "") -> Control:
        return Control(
            now_ns=monotonic_ns(),
            wall_ns=time_ns(),
            action=action,
            reason=reason,
            scope=scope,
            who=who,
        )

    def _tell(self, *events: AnyEvent) -> None:
        driver = self._driver
        driver.on_events(events)
        if driver.failed or driver.closed:
            raise UsageError(f"the engine has ended: {driver.failed or 'it was stopped'}")
