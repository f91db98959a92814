"""Resource pools: fixed 30 s windows that open with the first request, and message limits."""

from __future__ import annotations

from typing import Final

import msgspec

WINDOW_MS: Final = 30_000
SPOT: Final = "spot"
MANAGEMENT: Final = "management"
PUBLIC: Final = "public"
VIP0: Final = {SPOT: 4000, MANAGEMENT: 2000, PUBLIC: 2000}


class Quota(msgspec.Struct, frozen=True):
    """What a pool says after a request: the three gw-ratelimit values."""

    limit: int
    remaining: int
    reset: int
    allowed: bool

    def headers(self) -> dict[str, str]:
        return {
            "gw-ratelimit-limit": str(self.limit),
            "gw-ratelimit-remaining": str(self.remaining),
            "gw-ratelimit-reset": str(self.reset),
        }

    def block(self) -> dict[str, int]:
        """``userRateLimit`` of the order-entry socket."""
        return {"limit": self.limit, "remaining": self.remaining, "reset": self.reset}


class _Window(msgspec.Struct):
    started_ms: int
    used: int


class Pools:
    """Every pool of every caller; ``limits`` and ``enforced`` may be changed while it runs."""

    def __init__(self, limits: dict[str, int] | None = None) -> None:
        self.limits = dict(VIP0 if limits is None else limits)
        self.enforced = True
        """False: what is used is counted, and nothing refused."""
        self._windows: dict[tuple[str, str], _Window] = {}

    def charge(self, pool: str, caller: str, weight: int, now_ms: int) -> Quota:
        """Takes ``weight``; a request that finds too little left is refused and not charged."""
        limit = self.limits[pool]
        window = self._windows.get((pool, caller))
        if window is None or now_ms - window.started_ms >= WINDOW_MS:
            window = self._windows[(pool, caller)] = _Window(now_ms, 0)
        allowed = window.used + weight <= limit or not self.enforced
        if allowed:
            window.used += weight
        return Quota(
            limit,
            max(limit - window.used, 0),
            window.started_ms + WINDOW_MS - now_ms,
            allowed,
        )


class MessageMeter:
    """Client messages of one connection: 100 in 10 s, then refused."""

    def __init__(self, limit: int = 100, window_ns: int = 10_000_000_000) -> None:
        self._limit = limit
        self._window_ns = window_ns
        self._started = 0
        self._count = 0

    def allow(self, now_ns: int) -> bool:
        if now_ns - self._started >= self._window_ns:
            self._started = now_ns
            self._count = 0
        self._count += 1
        return self._count <= self._limit
