"""`[paper]`: the account and the ways to the venues of `mode = "paper"`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field, field_validator

from xrpfast.config.section import PositiveDecimal, Section


class PaperVenueSection(Section):
    """What the paper account has at one venue at the start of every run, and what it pays."""

    base: PositiveDecimal = Decimal(1000)
    """Of the base asset (XRP)."""
    quote: PositiveDecimal = Decimal(1000)
    """Of the quote asset (USDT)."""
    fee_bps: PositiveDecimal = Decimal(10)
    """Fee of makers and takers in hundredths of a percent: the venue tells it to nobody without a
    key. 10 is what both venues take of who trades little and holds none of their coins."""

    @field_validator("fee_bps")
    @classmethod
    def _sane(cls, value: Decimal) -> Decimal:
        if value > 100:
            raise ValueError("above 100 (1 %): no venue takes that")
        if value * 10_000 % 1:
            raise ValueError("finer than 0.0001")
        return value


class PaperSection(Section):
    """Live public books, simulated orders."""

    latency_ms: Annotated[int, Field(ge=0, le=10_000)] = 5
    """From an order or a cancel leaving the engine until it meets the mirrored book. That book is
    as late as market data are on their way here: set it to the whole round trip to the venue."""
    binance: PaperVenueSection = PaperVenueSection()
    kucoin: PaperVenueSection = PaperVenueSection()
