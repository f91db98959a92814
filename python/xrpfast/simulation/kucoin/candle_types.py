"""The candle types of KuCoin, as REST and the topics name them."""

from __future__ import annotations

from typing import Final

from xrpfast.simulation.candles import DAY, MINUTE, MONTH, Interval

TYPES: Final = {
    "1min": MINUTE,
    "3min": Interval(180),
    "5min": Interval(300),
    "15min": Interval(900),
    "30min": Interval(1_800),
    "1hour": Interval(3_600),
    "2hour": Interval(7_200),
    "4hour": Interval(14_400),
    "6hour": Interval(21_600),
    "8hour": Interval(28_800),
    "12hour": Interval(43_200),
    "1day": DAY,
    "1week": Interval(604_800),  # of 1970: from Thursday
    "1month": MONTH,
}
