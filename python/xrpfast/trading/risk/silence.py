"""No venue is heard any more (30): the engine halts itself; a person resumes and it starts anew.

One venue that is lost is waited for. All at once mean that their power, or this machine's network,
is gone: nothing can be cancelled or closed, and what comes back has other prices. A venue is heard
while its account stream is up, which it has confirmed, while one of its books is LIVE, and until a
pause that it told is over. An order socket proves nothing: a handshake brings it up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.trading.commands import AnyCommand, Halt, SetTimer
from xrpfast.trading.risk.limits import MILLISECOND, NO_LIMIT
from xrpfast.trading.states import ENGINE, TradingState

if TYPE_CHECKING:
    from xrpfast.trading.context import Context
    from xrpfast.trading.events import LinkState, Timer
    from xrpfast.trading.risk.limits import RiskLimits

TIMER: Final = "silence"
SILENT: Final = "no venue is heard any more"
"""How the reason begins."""


class Silence:
    """Since when none of the venues is heard."""

    def __init__(self, limits: RiskLimits, context: Context) -> None:
        self._limits = limits
        self._context = context
        self._paused_until_ns = 0
        """The latest end of a pause that a venue told."""
        self._since_ns: int | None = None
        """Since when the sockets say nothing."""

    def on_link(self, event: LinkState, out: list[AnyCommand]) -> None:
        if event.venue in self._context.venues:
            self._paused_until_ns = max(self._paused_until_ns, event.paused_until_ns)
        self.look(event.now_ns, out)

    def look(self, now_ns: int, out: list[AnyCommand]) -> None:
        """After anything by which a venue may be heard or not, and after a start: before the first
        one nothing has been sent, and sockets take their time."""
        if self._context.phase is TradingState.STOPPED or self._heard():
            self._since_ns = None
        elif self._since_ns is None:
            self._since_ns = now_ns
            self.arm(now_ns, out)

    def arm(self, now_ns: int, out: list[AnyCommand]) -> None:
        """Sets the timer; also anew, for a limit that was made tighter meanwhile."""
        if self._since_ns is not None and self._limits.silence_halt_ns < NO_LIMIT:
            out.append(SetTimer(TIMER, max(now_ns, self._due_ns(self._since_ns))))

    def on_timer(self, event: Timer, out: list[AnyCommand]) -> None:
        if self._since_ns is None:
            return
        if event.now_ns < self._due_ns(self._since_ns):  # a pause was told meanwhile
            self.arm(event.now_ns, out)
        elif self._context.states[ENGINE] is not TradingState.HALTED:
            limit_ms = self._limits.silence_halt_ns // MILLISECOND
            out.append(Halt(ENGINE, f"{SILENT}: none for {limit_ms} ms"))

    def _due_ns(self, since_ns: int) -> int:
        return max(since_ns, self._paused_until_ns) + self._limits.silence_halt_ns

    def _heard(self) -> bool:
        context = self._context
        return any(venue.links["account"] for venue in context.venues.values()) or any(
            book.live for book in context.books
        )
