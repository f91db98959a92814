"""Too many errors within a window (27): of a venue, of a strategy; refused credentials."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from xrpfast.trading.commands import AnyCommand, Halt
from xrpfast.trading.events import NOT_SENT
from xrpfast.trading.risk.limits import NO_LIMIT
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.states import STRATEGY, VENUE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xrpfast.trading.events import OrderReject, OrderUnknown, VenueError
    from xrpfast.trading.orders import Order
    from xrpfast.trading.risk.limits import RiskLimits


class Breakers:
    """Counts what went wrong, per scope; a window that is full halts its scope."""

    def __init__(self, limits: RiskLimits, orders: Mapping[str, Order]) -> None:
        self._limits = limits
        self._orders = orders
        self._seen: dict[tuple[str, str], deque[int]] = {}
        """Per scope and kind: when."""

    def on_reject(self, event: OrderReject, out: list[AnyCommand]) -> None:
        order = self._orders.get(event.client_id)
        if order is None or event.code in (NOT_SENT, Refusal.NOT_APPROVED):
            return  # of which no byte left: the venue has refused nothing
        self._venue(order.venue, event.now_ns, out)
        limit = self._limits.max_strategy_rejects
        self._count(STRATEGY + order.strategy, "rejected orders", "", limit, event.now_ns, out)

    def on_unknown(self, event: OrderUnknown, out: list[AnyCommand]) -> None:
        order = self._orders.get(event.client_id)
        if order is not None:
            self._venue(order.venue, event.now_ns, out)

    def on_venue_error(self, event: VenueError, out: list[AnyCommand]) -> None:
        self._venue(event.venue, event.now_ns, out)
        if event.kind == "auth":
            limit, said = self._limits.max_auth_errors, f": {event.code} {event.text}"
            what = "refused credentials"
            self._count(VENUE + event.venue, what, said, limit, event.now_ns, out)

    def resumed(self, scope: str) -> None:
        """A person has looked."""
        for seen in self._seen:
            if seen[0] == scope:
                self._seen[seen].clear()

    # --- inside -----------------------------------------------------------------------------------

    def _venue(self, name: str, now_ns: int, out: list[AnyCommand]) -> None:
        self._count(VENUE + name, "errors", "", self._limits.max_venue_errors, now_ns, out)

    def _count(
        self, scope: str, what: str, said: str, limit: int, now_ns: int, out: list[AnyCommand]
    ) -> None:
        if limit >= NO_LIMIT:
            return
        window_ns = self._limits.error_window_ns
        times = self._seen.setdefault((scope, what), deque())
        times.append(now_ns)
        while now_ns - times[0] >= window_ns:
            times.popleft()
        if len(times) >= limit:
            seconds = window_ns // 1_000_000_000
            out.append(Halt(scope, f"{len(times)} {what} within {seconds} s{said}"))
            times.clear()
