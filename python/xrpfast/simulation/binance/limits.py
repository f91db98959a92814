"""Order and weight counts in fixed windows aligned to UTC, as replies and headers show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

WINDOWS = {
    "ORDERS_10S": ("ORDERS", "SECOND", 10, 100, 10),
    "ORDERS_1D": ("ORDERS", "DAY", 1, 200_000, 86_400),
    "WEIGHT": ("REQUEST_WEIGHT", "MINUTE", 1, 6_000, 60),
}
"""Name -> type, interval, number, limit, seconds."""

ORDER_CALLS = frozenset({"order.place", "order.cancel", "openOrders.cancelAll"})
"""Cost nothing when they succeed, 1 when they fail."""
WEIGHTS = {
    "exchangeInfo": 20,
    "order.status": 4,
    "openOrders.status": 6,
    "account.status": 20,
    "myTrades": 20,
}
"""Of the WebSocket API's other calls; 1 when not named."""


def method_weight(method: str) -> int:
    """What a WebSocket API call costs before its outcome is known; `depth` by its limit."""
    return 0 if method in ORDER_CALLS else WEIGHTS.get(method, 1)


def depth_weight(limit: int) -> int:
    """Weight of a book snapshot."""
    return next((weight for top, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= top), 250)


class Counts:
    """Counters of one client."""

    def __init__(self, wall_ns: Callable[[], int]) -> None:
        self.enforced = True
        """False: what is used is counted, and nothing refused."""
        self._wall_ns = wall_ns
        self._counts = dict.fromkeys(WINDOWS, 0)
        self._window = dict.fromkeys(WINDOWS, 0)

    def add(self, name: str, amount: int = 1) -> None:
        self._roll()
        self._counts[name] += amount

    def count(self, name: str) -> int:
        self._roll()
        return self._counts[name]

    def order(self) -> None:
        """One order was placed."""
        self.add("ORDERS_10S")
        self.add("ORDERS_1D")

    def rows(self, *, orders: bool) -> list[dict[str, Any]]:
        """`rateLimits` of a reply."""
        names = ("ORDERS_10S", "ORDERS_1D", "WEIGHT") if orders else ("WEIGHT",)
        self._roll()
        return [
            {
                "rateLimitType": kind,
                "interval": interval,
                "intervalNum": number,
                "limit": limit,
                "count": self._counts[name],
            }
            for name in names
            for kind, interval, number, limit, _ in (WINDOWS[name],)
        ]

    def _roll(self) -> None:
        now = self._wall_ns() // 10**9
        for name, (*_, seconds) in WINDOWS.items():
            window = now // seconds
            if window != self._window[name]:
                self._window[name], self._counts[name] = window, 0


def exchange_limits() -> list[dict[str, Any]]:
    """`rateLimits` of exchangeInfo."""
    return [
        {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
        for kind, interval, number, limit, _ in WINDOWS.values()
    ]
