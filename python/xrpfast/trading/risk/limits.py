"""The limits that every order is held against."""

from __future__ import annotations

from typing import Final

import msgspec

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of every order. An order at a bound is allowed, one unit above it is not."""

    max_order_notional: int
    """Price times quantity of one order, money of the quote asset."""
    max_position: int
    """Net base over all venues against the start, in either direction, money of the base asset."""
    max_book_age_ns: int
    max_pair_skew_ns: int
    """Largest time between the data of the two books of a pair."""
    collar_bps: int
    """Largest distance of a limit from its own book's mid and from the other venue's mid."""
    max_orders_per_second: int
    """Per venue, over a sliding second. Cancels are not counted."""
    signal_ttl_ns: int = 50 * MILLISECOND
    """Largest time from the frame that completed a signal to the decision on it."""
    ack_timeout_ns: int = 2 * SECOND
    """An order without any word of the venue for so long is UNKNOWN."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if getattr(self, name) < 0:
                raise ValueError(f"risk limit {name} is negative")
        for name in ("max_orders_per_second", "ack_timeout_ns"):
            if getattr(self, name) < 1:
                raise ValueError(f"risk limit {name} is below 1")
