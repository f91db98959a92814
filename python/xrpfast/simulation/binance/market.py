"""What market data is made of, for the queries and the streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from xrpfast.simulation.binance.tape import Tape
from xrpfast.simulation.exchange import Exchange

AVERAGE_MINUTES: Final = 5
"""Of the average price."""


@dataclass(slots=True)
class Market:
    """The market of the venue's symbol."""

    exchange: Exchange
    tape: Tape
    status: str = "TRADING"
    reference: tuple[int | None, int] | None = None
    """Reference price (None: withdrawn) in price units and since when, ns; None: never had one."""

    @property
    def silent(self) -> bool:
        """During a BREAK there is no market data."""
        return self.status == "BREAK"

    @property
    def symbol(self) -> str:
        return self.exchange.rules.venue_symbol
