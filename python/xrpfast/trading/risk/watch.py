"""What adds up over events: every control that is a reducer, fed from one place.

A timer reads all books and has the losses looked at; everything else is told by its event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.trading import events
from xrpfast.trading.commands import AnyCommand, ReadBook, SetTimer
from xrpfast.trading.risk.breakers import Breakers
from xrpfast.trading.risk.disconnect import TIMER as DISCONNECT_TIMER
from xrpfast.trading.risk.disconnect import Disconnects
from xrpfast.trading.risk.escalation import Escalation
from xrpfast.trading.risk.losses import Losses
from xrpfast.trading.risk.marks import Marks
from xrpfast.trading.risk.silence import TIMER as SILENCE_TIMER
from xrpfast.trading.risk.silence import Silence

if TYPE_CHECKING:
    from xrpfast.trading.orders import OrderDesk
    from xrpfast.trading.risk.state import RiskState

TIMER: Final = "risk"
"""The next reading of all books."""
_ENDS: Final = (events.Fill, events.OrderEnd, events.OrderReject, events.QueryResult)
"""After which a trade may be over."""


class Watch:
    """The reducers, and the timer that they need."""

    def __init__(self, state: RiskState, desk: OrderDesk) -> None:
        limits = state.limits
        self._state = state
        self._desk = desk
        self._first_ns: int | None = None
        """When the books were first asked for."""
        self.marks = Marks(state)
        self.losses = Losses(state, self.marks, desk.busy)
        self.breakers = Breakers(limits, desk.orders)
        self.disconnects = Disconnects(limits, state.context, desk)
        self.silence = Silence(limits, state.context)
        self.escalation = Escalation(limits)

    def after(self, event: events.AnyEvent, out: list[AnyCommand]) -> None:
        """The engine has taken ``event``; what follows from it is asked for."""
        if isinstance(event, events.BookTop):
            self.marks.on_top(event)
        elif isinstance(event, events.OrderReject):
            self.breakers.on_reject(event, out)
        elif isinstance(event, events.OrderUnknown):
            self.breakers.on_unknown(event, out)
        elif isinstance(event, events.VenueError):
            self.breakers.on_venue_error(event, out)
        elif isinstance(event, events.LinkState):
            self.disconnects.on_link(event, out)
            self.silence.on_link(event, out)
        elif isinstance(event, events.BookState):
            self.silence.look(event.now_ns, out)
        elif isinstance(event, events.Timer):
            if event.timer_id.startswith(DISCONNECT_TIMER):
                self.disconnects.on_timer(event, out)
            elif event.timer_id == SILENCE_TIMER:
                self.silence.on_timer(event, out)
            elif event.timer_id == TIMER:
                if self._begun(event.now_ns):
                    self._review(event.now_ns, out)
                self._read(event.now_ns, out)
        elif isinstance(event, events.Control):
            self._on_control(event, out)
        elif isinstance(event, events.LimitsSet):
            self.silence.arm(event.now_ns, out)
        elif isinstance(event, events.Flatten):
            self._read(event.now_ns, out)  # a run that was never started has no references
        elif isinstance(event, events.TradedByHand):
            self._on_traded_by_hand(event)
        if isinstance(event, _ENDS) and self._begun(event.now_ns):
            self._review(event.now_ns, out)

    def _on_traded_by_hand(self, event: events.TradedByHand) -> None:
        names = self._state.context.instruments
        if event.instrument in names:
            at = names.index(event.instrument)
            self.losses.traded_by_hand(at, event.amount, event.now_ns)

    def _on_control(self, event: events.Control, out: list[AnyCommand]) -> None:
        if event.action == "start":
            self._read(event.now_ns, out)
        elif event.action == "resume":
            states = self._state.context.states
            closed = states.closed()
            for scope in [event.scope] if event.scope else states:
                if scope not in closed:  # else the word was refused
                    self._resumed(scope, event.now_ns)
        self.silence.look(event.now_ns, out)

    def _resumed(self, scope: str, now_ns: int) -> None:
        for strategy in self._state.strategies.values():
            if strategy.scope == scope:
                strategy.resumed()
        self.losses.resumed(scope, now_ns)
        self.breakers.resumed(scope)
        self.escalation.resumed(scope)

    def _read(self, now_ns: int, out: list[AnyCommand]) -> None:
        every_ns = self._state.limits.mark_ns
        if every_ns:
            if self._first_ns is None:
                self._first_ns = now_ns
            # Without a reference nothing is entered: one that is missing is asked for again soon.
            known = all(reference.low for reference in self._state.references)
            out.extend(ReadBook(book.index) for book in self._state.context.books)
            out.append(SetTimer(TIMER, now_ns + (every_ns if known else max(1, every_ns // 10))))

    def _begun(self, now_ns: int) -> bool:
        """A book was read, or none could be for as long as a mark is good. Before that nothing can
        be valued, base of earlier runs neither; and nothing is entered."""
        if self._first_ns is None:
            return False
        return self.marks.known or now_ns - self._first_ns > self._state.limits.max_mark_age_ns

    def _review(self, now_ns: int, out: list[AnyCommand]) -> None:
        quiet = not self._desk.unsettled and not any(self._state.context.closed)
        self.escalation.take(self.losses.breaches(now_ns), quiet, now_ns, out)
