"""`[[strategies]]`: what trades."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from xrpfast.config.section import PositiveDecimal, Section

HEDGE: Final = "hedge"
"""What stands for hedges where a strategy's name does."""
DRILL: Final = "drill"
"""The same for the orders of a live drill."""
Instrument = Literal["XRP/USDT"]
"""Instruments the engine knows."""


class ArbitrageSection(Section):
    """Buy where it is cheap, sell where it is dear, at once."""

    kind: Literal["arbitrage"]
    """Which strategy this is."""
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    """Its name in the ledger; unique."""
    instrument: Instrument = "XRP/USDT"
    """Canonical name; the venues' own symbols follow from it."""
    min_edge_bps: PositiveDecimal
    """Least marginal edge after both taker fees, in 0.01 % of the price."""
    max_qty: PositiveDecimal
    """Largest size of a pair, in the base asset."""
    cooldown_ms: Annotated[int, Field(ge=0)] = 0
    """Least time between two entries in one direction."""

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name == HEDGE:
            raise ValueError(f"{HEDGE!r} is what the ledger calls hedges: rename the strategy")
        if name == DRILL:
            raise ValueError(
                f"{DRILL!r} is what the ledger calls a live drill: rename the strategy"
            )
        return name
