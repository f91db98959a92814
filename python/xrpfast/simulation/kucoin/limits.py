"""Resource pools: fixed 30 s windows that open with the first request, and message limits."""

from __future__ import annotations

from typing import Final

import msgspec

WINDOW_MS: Final = 30_000
SPOT: Final = "spot"
MANAGEMENT: Final = "management"
PUBLIC: Final = "public"
PUBLIC_QUOTA: Final = 2_000
VIP_QUOTAS: Final = (
    (4_000, 2_000),
    (6_000, 2_000),
    (8_000, 4_000),
    (10_000, 5_000),
    (13_000, 6_000),
    (16_000, 7_000),
    (20_000, 8_000),
    (23_000, 10_000),
    (26_000, 12_000),
    (30_000, 14_000),
    (33_000, 16_000),
    (36_000, 18_000),
    (40_000, 20_000),
)
"""Spot and management quota of each VIP level; the public one is the same for all."""
MAX_WINDOWS: Final = 4_096
"""Callers remembered; those whose window has ended are forgotten first."""


def quotas(vip: int) -> dict[str, int]:
    """The pools of a VIP level."""
    spot, management = VIP_QUOTAS[vip]
    return {SPOT: spot, MANAGEMENT: management, PUBLIC: PUBLIC_QUOTA}


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
        self.limits = dict(quotas(0) if limits is None else limits)
        self.enforced = True
        """False: what is used is counted, and nothing refused."""
        self.window_ms = WINDOW_MS
        self._windows: dict[tuple[str, str], _Window] = {}

    def charge(self, pool: str, caller: str, weight: int, now_ms: int) -> Quota:
        """Takes ``weight``; a request that finds too little left is refused and not charged."""
        limit = self.limits[pool]
        window = self._windows.get((pool, caller))
        if window is None or now_ms - window.started_ms >= self.window_ms:
            if len(self._windows) >= MAX_WINDOWS:
                self._forget(now_ms)
            window = self._windows[(pool, caller)] = _Window(now_ms, 0)
        allowed = window.used + weight <= limit or not self.enforced
        if allowed:
            window.used += weight
        return Quota(
            limit,
            max(limit - window.used, 0),
            window.started_ms + self.window_ms - now_ms,
            allowed,
        )

    def _forget(self, now_ms: int) -> None:
        live = {
            caller: window
            for caller, window in self._windows.items()
            if now_ms - window.started_ms < self.window_ms
        }
        self._windows = dict(list(live.items())[-MAX_WINDOWS // 2 :])


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


class EdgeLimit:
    """What stands before the venue: requests of one address in 10 s, then a block of 30 s."""

    def __init__(self, limit: int = 500, window_s: float = 10.0, block_s: float = 30.0) -> None:
        self.limit = limit
        self.window_s = window_s
        self.block_s = block_s
        self._seen: dict[str, tuple[float, int]] = {}
        self._blocked: dict[str, float] = {}

    def allow(self, address: str, now_s: float) -> bool:
        """Counts a request; False while the address is blocked."""
        until = self._blocked.get(address)
        if until is not None:
            if now_s < until:
                return False
            del self._blocked[address]
        started, count = self._seen.get(address, (now_s, 0))
        if now_s - started >= self.window_s:
            started, count = now_s, 0
        self._seen[address] = started, count + 1
        if count + 1 > self.limit:
            self._blocked[address] = now_s + self.block_s
            del self._seen[address]
            return False
        return True
