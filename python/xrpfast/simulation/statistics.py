"""Rolling statistics of public trades: what the venues call 24h ticker, rolling window, VWAP.

Use: ``rolling(candles, now_ns)`` for the last 24 hours of a `Candles`, or another ``seconds``;
``window`` for bounds of one's own (a trading day). All integers: prices and quantities in the
venue's units, quote money 10^-18; ratios are told by how many places they shall have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from xrpfast.model import MONEY_ONE
from xrpfast.simulation.candles import SECOND, Candles

DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Statistics:
    """Trades with ``start_ns`` <= time < ``end_ns``. Without any, prices are 0, ids -1, and
    ``last`` is the price of the last trade before (0 when there never was one)."""

    start_ns: int
    end_ns: int
    open: int
    high: int
    low: int
    last: int
    last_qty: int
    previous_close: int
    """Price of the last trade before the window, 0 when none is known."""
    qty: int
    quote: int
    trades: int
    first_id: int
    last_id: int
    qty_one: int
    """One whole of the base asset in quantity units."""

    @property
    def change(self) -> int:
        """Last price less the first of the window, 0 without trades."""
        return self.last - self.open if self.trades else 0

    def change_ratio(self, places: int) -> int:
        """The change as part of the first price, in 10^-places, half rounded away from zero."""
        if not self.trades:
            return 0
        sign = -1 if self.change < 0 else 1
        one: int = 10**places
        return sign * ((2 * abs(self.change) * one + self.open) // (2 * self.open))

    def average(self, places: int) -> int:
        """Price weighted by quantity in 10^-places of the quote asset, cut; 0 without trades."""
        if not self.qty:
            return 0
        one: int = 10**places
        return self.quote * self.qty_one * one // (self.qty * MONEY_ONE)


def window(candles: Candles, start_ns: int, end_ns: int) -> Statistics:
    """The statistics of [``start_ns``, ``end_ns``), both rounded up to whole seconds."""
    qty_one: int = 10**candles.rules.qty_decimals
    before = candles.close_before(start_ns) or 0
    found = candles.span(start_ns, end_ns)
    if found is None:
        return Statistics(start_ns, end_ns, 0, 0, 0, before, 0, before, 0, 0, 0, -1, -1, qty_one)
    return Statistics(
        start_ns, end_ns, found.open, found.high, found.low, found.close, found.last_qty, before,
        found.qty, found.quote, found.trades, found.first_id, found.last_id, qty_one,
    )  # fmt: skip


def rolling(candles: Candles, now_ns: int, seconds: int = DAY_SECONDS) -> Statistics:
    """The last ``seconds`` up to and with ``now_ns``."""
    return window(candles, now_ns - seconds * SECOND, now_ns + 1)


def average_price(candles: Candles, now_ns: int, minutes: int, places: int) -> int:
    """Price weighted by quantity over ``minutes``, in 10^-places of the quote asset, cut; the last
    price when nothing was traded meanwhile or ``minutes`` is 0; 0 when nothing ever was."""
    found = rolling(candles, now_ns, minutes * 60)
    if minutes and found.trades:
        return found.average(places)
    last = candles.last.price if candles.last is not None else 0
    one: int = 10**places
    price_one: int = 10**candles.rules.price_decimals
    return last * one // price_one
