"""The limits that every order is held against."""

from __future__ import annotations

from typing import Final

import msgspec

from xrpfast.model import MONEY_ONE

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000


class Dust(msgspec.Struct, frozen=True):
    """How far a balance may be off before it means something, money (10^-18) of the asset."""

    asset: str
    amount: int


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of every order. An order at a bound is allowed, one unit above it is not."""

    max_order_notional: int
    """Price times quantity of one order, money of the quote asset."""
    max_position: int
    """Net base over all venues by our own orders, those of earlier runs included, in either
    direction; money of the base asset."""
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
    max_clock_age_ns: int = 120 * SECOND
    """Without a good measurement of a venue's clock for so long, no entries there."""
    drift_dust: tuple[Dust, ...] = ()
    """Per asset; one that is not named has none: any difference means something."""
    hedge_min: int = 5 * MONEY_ONE
    """Imbalances below stay as residuals, money of the base asset."""
    hedge_time_ns: int = 5 * SECOND
    """From an imbalance to giving it up, and from an unsettled leg beside a filled one to an
    alert."""
    hedge_retry_ns: int = 200 * MILLISECOND
    """Between two looks at the books for a hedge."""
    hedge_loss: int = 2 * MONEY_ONE
    """What closing one imbalance may lose against the mean of all mids, fees included; money of
    the quote asset."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if name != "drift_dust" and getattr(self, name) < 0:
                raise ValueError(f"risk limit {name} is negative")
        if any(dust.amount < 0 for dust in self.drift_dust):
            raise ValueError("risk limit drift_dust is negative")
        positive = ("max_orders_per_second", "ack_timeout_ns", "max_clock_age_ns")
        for name in (*positive, "hedge_min", "hedge_retry_ns"):
            if getattr(self, name) < 1:
                raise ValueError(f"risk limit {name} is below 1")
