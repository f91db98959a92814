"""Names of market streams and what they ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from xrpfast.simulation.binance.market_bodies import INTERVALS

DEPTHS: Final = {"depth": 1_000, "depth@1000ms": 1_000, "depth@100ms": 100}
"""Diff streams and their periods in milliseconds."""
UTC8: Final = 8 * 3_600


@dataclass(frozen=True, slots=True)
class Topic:
    """What a stream tells. ``kind``: trade, aggTrade, bookTicker, diff, partial, kline, miniTicker,
    ticker, window, avgPrice, referencePrice, or silent for what this venue has nothing to say on.
    """

    kind: str
    period_ms: int = 0
    """0: as it happens."""
    word: str = ""
    """Diff: the part of the name after the symbol. Kline: interval. Window: its size."""
    levels: int = 0
    """Partial book: how many."""
    zone: int = 0
    """Kline: seconds east of UTC."""
    array: bool = False
    """All symbols of the venue in an array."""


SILENT: Final = Topic("silent")
_PLAIN: Final = {
    "trade": Topic("trade"),
    "aggTrade": Topic("aggTrade"),
    "bookTicker": Topic("bookTicker"),
    "avgPrice": Topic("avgPrice", 1_000),
    "miniTicker": Topic("miniTicker", 1_000),
    "ticker": Topic("ticker", 1_000),
    "referencePrice": Topic("referencePrice", 1_000),
    **{word: Topic("diff", period, word) for word, period in DEPTHS.items()},
    **{f"ticker_{size}": Topic("window", 1_000, size) for size in ("1h", "4h", "1d")},
    **{
        f"depth{levels}{suffix}": Topic("partial", period, levels=levels)
        for levels in (5, 10, 20)
        for suffix, period in (("", 1_000), ("@1000ms", 1_000), ("@100ms", 100))
    },
    **{
        f"kline_{name}{suffix}": Topic("kline", 1_000 if name == "1s" else 2_000, name, zone=zone)
        for name in INTERVALS
        for suffix, zone in (("", 0), ("@+08:00", UTC8))
    },
}
_ARRAYS: Final = {
    "!miniTicker@arr": Topic("miniTicker", 1_000, array=True),
    # Not documented, but older clients ask for it by these names and get it.
    "!miniTicker@arr@1000ms": Topic("miniTicker", 1_000, array=True),
    "!miniTicker@arr@3000ms": Topic("miniTicker", 3_000, array=True),
    **{
        f"!ticker_{size}@arr": Topic("window", 1_000, size, array=True)
        for size in ("1h", "4h", "1d")
    },
}
_FORM: Final = re.compile(r"!?[^@\s]+@\S+")


def well_formed(name: object) -> bool:
    """Whether the venue takes it for the name of a stream; it takes names of nothing, too."""
    return isinstance(name, str) and _FORM.fullmatch(name) is not None


def topic(name: str, symbol: str) -> Topic:
    """What a name asks for; names of other symbols and of nothing are silent. ``symbol`` in
    lower case."""
    if name.startswith(f"{symbol}@"):
        return _PLAIN.get(name[len(symbol) + 1 :], SILENT)
    return _ARRAYS.get(name, SILENT)
