"""The limits that every order is held against.

Fields with a default came later than the first journals: the default is what was decided without
them, so that those still replay. A run has all of them from its configuration.
"""

from __future__ import annotations

from typing import Final

import msgspec

from xrpfast.model import MONEY_ONE

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
NO_LIMIT: Final = 10**30
"""More than anything can be."""


class Dust(msgspec.Struct, frozen=True):
    """How far a balance may be off before it means something, money (10^-18) of the asset."""

    asset: str
    amount: int


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of every order. An order at a bound is allowed, one unit above it is not.

    Raises ``ValueError`` for limits under which nothing could ever be checked or sent.
    """

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
    """Per venue, over a sliding second, hedges included. Cancels are not counted."""
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

    # What may be traded; None: all of it.
    allowed_venues: tuple[str, ...] | None = None
    allowed_symbols: tuple[str, ...] | None = None
    """Canonical instruments."""
    allowed_sides: tuple[int, ...] = (0, 1)
    allowed_order_types: tuple[int, ...] = (0,)
    allowed_tifs: tuple[int, ...] = (1, 2)
    """Times in force; one that rests is never allowed but for a live drill."""
    allowed_strategies: tuple[str, ...] | None = None

    # One order.
    max_order_qty: int = NO_LIMIT
    """Money of the base asset."""
    drill_notional: int = 0
    """Largest value of a live drill's order, money of quote."""
    drill_distance_bps: int = 10_000
    """Least distance of its limit below the best bid of every venue."""
    max_spread_bps: int = NO_LIMIT
    """Largest spread of a book that a pair is decided on, of its mid."""
    max_edge_bps: int = NO_LIMIT
    """A larger edge is bad data."""
    drift_bps: int = NO_LIMIT
    """Largest distance of a limit from every mid of its own book within the window."""
    drift_window_ns: int = 5 * SECOND
    mark_ns: int = 0
    """Between two readings of all books, for the mids of the window and the marks of losses; 0:
    they are not read, and neither is looked at."""
    max_mark_age_ns: int = 10 * SECOND
    """Older marks are missing ones."""

    # All orders together.
    max_gross: int = NO_LIMIT
    """Value of positions, of unsettled orders of both sides and of the pair; money of quote."""
    min_cash: int = 0
    """Quote that entries leave free at each venue: what hedges are paid from."""
    max_working_per_venue: int = NO_LIMIT
    """Unsettled orders at one venue."""
    max_working_per_side: int = NO_LIMIT
    """Unsettled orders of one side at one venue."""
    max_working_per_strategy: int = NO_LIMIT
    """Unsettled orders of one strategy over all venues; a pair is two."""
    hedge_cushion_bps: int = 0
    """Of the value of a sell: what must be free at its venue beyond the proceeds, to buy it back
    when the pair's buy fails."""

    # Messages, per venue.
    hedge_lane: int = 0
    """Orders of ``max_orders_per_second`` that entries leave to hedges."""
    max_cancels_per_second: int = NO_LIMIT
    """Cancels always pass; so many within a second close the venue to entries."""
    max_weight_per_minute: int = NO_LIMIT
    """Request weight of orders, cancels and queries."""
    cancel_reserve: int = 0
    """Weight that only cancels, hedges and queries may use."""
    duplicate_window_ns: int = 0
    """The same side, price and quantity of a strategy is a duplicate for so long."""

    # Clocks.
    max_clock_offset_ns: int = NO_LIMIT
    """Largest difference between a venue's clock and ours."""
    max_clock_uncertainty_ns: int = NO_LIMIT
    """A measurement less certain than this, or than ``max_book_age_ns``, is none."""

    # What adds up over events.
    max_round_trips: int = NO_LIMIT
    """Pairs of one strategy until a person resumes it."""
    collar_breaches: int = NO_LIMIT
    """So many limits outside their collars within ``breach_window_ns`` halt the strategy."""
    breach_window_ns: int = MINUTE
    max_session_loss: int = NO_LIMIT
    """Money of quote, since the start or the last resume; base on the bad side of the book."""
    max_strategy_loss: int = NO_LIMIT
    max_drawdown: int = NO_LIMIT
    """From the session's highest profit."""
    max_losing_trades: int = NO_LIMIT
    """Of one strategy, in a row."""
    max_losses_in_window: int = NO_LIMIT
    """Losing trades of one strategy within ``loss_window_ns``."""
    loss_window_ns: int = 10 * MINUTE
    max_venue_errors: int = NO_LIMIT
    """Rejects, refused cancels and unknown outcomes of one venue within ``error_window_ns``."""
    max_strategy_rejects: int = NO_LIMIT
    """Rejects of one strategy within ``error_window_ns``."""
    max_auth_errors: int = NO_LIMIT
    """Refused credentials of one venue within ``error_window_ns``."""
    error_window_ns: int = MINUTE
    cancel_after_ns: int = NO_LIMIT
    """An account stream that is down for so long: own orders there are cancelled."""
    silence_halt_ns: int = NO_LIMIT
    """No venue is heard for so long: the engine is halted."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if type(value) is int and value < 0:
                raise ValueError(f"risk limit {name} is negative")
        if any(dust.amount < 0 for dust in self.drift_dust):
            raise ValueError("risk limit drift_dust is negative")
        for name in _AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise ValueError(f"risk limit {name} is below 1")
        if self.max_working_per_strategy < 2:
            raise ValueError("risk limit max_working_per_strategy is below 2: a pair has two")
        if self.hedge_lane >= self.max_orders_per_second:
            raise ValueError("risk limit hedge_lane leaves nothing of max_orders_per_second")
        if 2 * (self.cancel_reserve + 1) > self.max_weight_per_minute:
            raise ValueError("risk limit cancel_reserve leaves nothing of max_weight_per_minute")


_AT_LEAST_ONE: Final = (
    "max_orders_per_second",
    "ack_timeout_ns",
    "max_clock_age_ns",
    "hedge_min",
    "hedge_retry_ns",
    "max_working_per_venue",
    "max_working_per_side",
    "max_cancels_per_second",
    "max_round_trips",
    "collar_breaches",
    "max_losing_trades",
    "max_losses_in_window",
    "max_venue_errors",
    "max_strategy_rejects",
    "max_auth_errors",
)
