"""Cancel on disconnect (30): orders that nobody would hear of are taken away.

While a venue's account stream is down a fill there is not heard. After ``cancel_after_ns`` every
own order there is cancelled; the driver does it by REST where the order socket is down, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.trading.commands import Alert, AnyCommand, SetTimer
from xrpfast.trading.risk.limits import NO_LIMIT
from xrpfast.trading.states import VENUE

if TYPE_CHECKING:
    from xrpfast.trading.context import Context
    from xrpfast.trading.events import LinkState, Timer
    from xrpfast.trading.orders import OrderDesk
    from xrpfast.trading.risk.limits import RiskLimits

TIMER: Final = "disconnect:"
"""And a venue's name."""
LINK: Final = "account"


class Disconnects:
    """Account streams that are down."""

    def __init__(self, limits: RiskLimits, context: Context, desk: OrderDesk) -> None:
        self._limits = limits
        self._context = context
        self._desk = desk
        self._since_ns: dict[str, int] = {}
        self._told: set[str] = set()
        """Of those, what a person was told of."""

    def on_link(self, event: LinkState, out: list[AnyCommand]) -> None:
        if event.link != LINK or event.venue not in self._context.venues:
            return
        if event.up:
            self._since_ns.pop(event.venue, None)
            self._told.discard(event.venue)
        elif event.venue not in self._since_ns and self._limits.cancel_after_ns < NO_LIMIT:
            self._since_ns[event.venue] = event.now_ns
            out.append(SetTimer(TIMER + event.venue, event.now_ns + self._limits.cancel_after_ns))

    def on_timer(self, event: Timer, out: list[AnyCommand]) -> None:
        """Again and again while it is down: an order can be in flight at the first time."""
        venue = event.timer_id.removeprefix(TIMER)
        since_ns = self._since_ns.get(venue)
        if since_ns is None:
            return
        due_ns = since_ns + self._limits.cancel_after_ns
        if event.now_ns < due_ns:  # it was up in between: the timer of then
            out.append(SetTimer(event.timer_id, due_ns))
            return
        before = len(out)
        self._desk.cancel_all(event.now_ns, out, VENUE + venue)
        if len(out) > before:
            text = f"{venue}: its account stream is down: own orders there are cancelled"
            out.append(Alert("critical", text))
        elif venue not in self._told:
            text = f"{venue}: its account stream is down: nothing is entered there"
            out.append(Alert("warning", text))
        self._told.add(venue)
        out.append(SetTimer(event.timer_id, event.now_ns + self._limits.cancel_after_ns))
