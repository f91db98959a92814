"""`[risk]`: limits of every order, and of what orders add up to."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from xrpfast.config.section import PositiveDecimal, Section

_T = TypeVar("_T")
Positive = Annotated[int, Field(gt=0)]
Counted = Annotated[int, Field(gt=0, le=10_000)]
"""Remembered one by one: the engine takes more for no limit at all."""
Basis = Annotated[int, Field(gt=0, le=10_000)]


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Some = Annotated[tuple[_T, ...], BeforeValidator(_tuple)]
"""A list of the file."""


class RiskSection(Section):
    """Limits; a breach refuses the order, both legs of a pair together. What each control does with
    them stands in [risk.md](risk.md)."""

    allowed_venues: Some[Literal["binance", "kucoin"]] = ("binance", "kucoin")
    """Nothing is sent to others."""
    allowed_symbols: Some[str] = ("XRP/USDT",)
    """Instruments that may be traded."""
    allowed_sides: Some[Literal["BUY", "SELL"]] = ("BUY", "SELL")
    """Without one of them no pair is possible, and hedges of the other only."""
    allowed_order_types: Some[Literal["LIMIT"]] = ("LIMIT",)
    """Order types that may be sent."""
    allowed_tifs: Some[Literal["IOC", "FOK"]] = ("IOC", "FOK")
    """Times in force that may be sent; no order rests but that of `drill --live-tiny`."""
    allowed_strategies: Some[str] | None = None
    """Names of strategies that may trade; without it those of this file."""

    max_order_notional: PositiveDecimal = Decimal(250)
    """Largest value of one order, in the quote asset."""
    max_order_qty: PositiveDecimal = Decimal(150)
    """Largest quantity of one order, in the base asset."""
    drill_notional: Annotated[PositiveDecimal, Field(le=50)] = Decimal(10)
    """Largest value of an order of `drill --live-tiny`, in the quote asset."""
    drill_distance_bps: Annotated[int, Field(ge=1_000, le=9_000)] = 2_000
    """Least distance of its limit below the best bid of every venue, in 0.01 %: it is not to fill.
    Venues refuse what is too far from the market; 20 % they all take."""
    max_position: PositiveDecimal = Decimal(500)
    """Largest net position in the base asset against the start, in-flight orders counted."""
    max_gross: PositiveDecimal = Decimal(2_500)
    """Largest value of position, unsettled orders of both sides and the new pair together, all
    venues, in the quote asset."""
    min_cash: PositiveDecimal = Decimal(15)
    """Quote asset that entries leave free at each venue; hedges may use it."""
    hedge_cushion_bps: Annotated[int, Field(ge=0, le=10_000)] = 450
    """Of the value of a sell, in 0.01 %: so much of the quote asset is free at its venue to buy it
    back when the pair's buy fails. Twice the collar and the fee."""

    max_book_age_ms: Positive = 1_000
    """No order is decided on a book whose data are older."""
    max_pair_skew_ms: Positive = 1_000
    """Largest difference between the ages of a pair's two books."""
    max_signal_age_ms: Positive = 50
    """No order is decided so long after the frame that showed the edge."""
    max_spread_bps: Basis = 100
    """No pair is decided on a book whose spread is wider, in 0.01 % of its mid."""
    max_edge_bps: Basis = 300
    """A larger edge is bad data, in 0.01 %: refused, and a person is told."""
    collar_bps: Basis = 200
    """Largest distance of a limit price from both venues' mids, in 0.01 %."""
    drift_bps: Basis = 300
    """Largest distance of a limit price from every mid that its own book had within the drift
    window, in 0.01 %."""
    drift_window_ms: Positive = 5_000
    """How far back those mids go."""
    collar_breaches: Counted = 10
    """So many limits outside their collars within the breach window halt the strategy."""
    breach_window_s: Positive = 60
    """How long an outside limit counts."""

    max_orders_per_second: Annotated[int, Field(gt=1)] = 20
    """Per venue, hedges included; keep it below the venue's own limit."""
    hedge_lane: Positive = 2
    """Of those, how many entries leave to hedges."""
    max_cancels_per_second: Counted = 20
    """Per venue. Cancels always pass; while so many leave in a second, entries do not."""
    max_weight_per_minute: Positive = 3_000
    """Request weight of orders, cancels and queries per venue, the dearer venue's prices."""
    cancel_reserve: Positive = 300
    """Of that weight, what entries leave to cancels, hedges and queries."""
    duplicate_window_ms: Positive = 100
    """The same side, price and quantity of one strategy is refused for so long."""
    max_working_per_venue: Positive = 4
    """Unsettled orders at one venue, this one included."""
    max_working_per_side: Positive = 2
    """Unsettled orders of one side at one venue, this one included."""
    max_working_per_strategy: Annotated[int, Field(gt=1)] = 4
    """Unsettled orders of one strategy, those of the pair included."""

    hedge_min: PositiveDecimal = Decimal(5)
    """Imbalances of less base asset stay as residuals until they have grown."""
    hedge_time_ms: Positive = 5_000
    """An imbalance that is not closed by then closes its instrument until a person resumes."""
    hedge_retry_ms: Positive = 200
    """Between two attempts to close an imbalance."""
    hedge_loss: PositiveDecimal = Decimal(2)
    """What closing one imbalance may lose against the mean of all mids, in the quote asset."""

    approval_ttl_ms: Positive = 50
    """An approved order that has not left by then cannot leave."""
    max_clock_age_s: Positive = 120
    """No order goes to a venue whose clock was not measured well for so long."""
    max_clock_offset_ms: Positive = 1_000
    """No order goes to a venue whose clock is further from this machine's."""
    max_clock_uncertainty_ms: Positive = 250
    """A measurement of a clock that is less certain is none."""
    drift_dust: dict[str, PositiveDecimal] = Field(
        default={"XRP": Decimal("0.01"), "USDT": Decimal("0.01")}
    )
    """Per asset, how far a balance may differ from the books and be adopted without a word to a
    person; an asset that is not named has to agree to the last unit."""

    max_round_trips: Positive = 500
    """Pairs of one strategy, of all runs, until a person resumes it; then it is halted."""
    mark_ms: Positive = 1_000
    """Between two readings of all books, for the drift window and for the losses."""
    max_mark_age_ms: Positive = 10_000
    """Prices older than that value nothing: a loss that cannot be computed is a breach."""
    max_session_loss: PositiveDecimal = Decimal(25)
    """Loss of all strategies, of all runs since a person's last resume, base at the worst book's
    price, in the quote asset; beyond it no entries, then halted."""
    max_strategy_loss: PositiveDecimal = Decimal(15)
    """The same of one strategy, which alone is stopped."""
    max_drawdown: PositiveDecimal = Decimal(20)
    """Largest fall from the highest profit, of all runs since a person's last resume, in the quote
    asset."""
    max_losing_trades: Positive = 10
    """Losing trades of one strategy in a row, of all runs since a person's last resume, that stop
    it."""
    max_losses_in_window: Counted = 20
    """Losing trades of one strategy within the loss window, of one run, that stop it."""
    loss_window_s: Positive = 600
    """How long a losing trade counts."""
    max_venue_errors: Positive = 20
    """Refused orders, refused cancels and unknown outcomes of one venue within the error window
    that halt it."""
    max_strategy_rejects: Positive = 10
    """Refused orders of one strategy within the error window that halt it."""
    max_auth_errors: Positive = 1
    """Refused credentials within the error window that halt the venue."""
    error_window_s: Positive = 60
    """How long an error counts."""
    cancel_after_ms: Positive = 2_000
    """An account stream that is down for so long has own orders at its venue cancelled."""
    silence_halt_ms: Positive = 8_000
    """No enabled venue is heard for so long, no account stream and no LIVE book: the engine halts.
    It counts from when the sockets are known to be dead: a reset is known at once, silence after
    15 to 20 s.
    Above the waits of five dials (6.2 s), which an ordinary drop does not need; below
    `max_mark_age_ms`, from which on losses cannot be computed either."""

    @model_validator(mode="after")
    def _fits(self) -> RiskSection:
        if self.hedge_lane >= self.max_orders_per_second:
            raise ValueError("hedge_lane leaves nothing of max_orders_per_second: lower it")
        if 2 * (self.cancel_reserve + 1) > self.max_weight_per_minute:
            raise ValueError("cancel_reserve is half of max_weight_per_minute or more: lower it")
        return self
