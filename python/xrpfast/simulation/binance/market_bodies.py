"""JSON of market data: the rows of the queries, which the streams abbreviate."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from xrpfast.model import Side, SymbolRules
from xrpfast.simulation.binance import wire
from xrpfast.simulation.binance.tape import Aggregate
from xrpfast.simulation.candles import DAY, MINUTE, MONTH, SECOND, WEEK, Candle, Interval
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Trade
from xrpfast.simulation.statistics import Statistics
from xrpfast.simulation.texts import fixed_money

Json = dict[str, Any]
ZERO: Final = "0.00000000"
_HOUR: Final = 3_600
INTERVALS: Final = {
    "1s": Interval(1),
    "1m": MINUTE,
    **{f"{minutes}m": Interval(60 * minutes) for minutes in (3, 5, 15, 30)},
    **{f"{hours}h": Interval(_HOUR * hours) for hours in (1, 2, 4, 6, 8, 12)},
    "1d": DAY,
    "3d": Interval(3 * 24 * _HOUR),
    "1w": WEEK,
    "1M": MONTH,
}
"""Names of kline intervals."""
WINDOWS: Final = {
    **{f"{minutes}m": 60 * minutes for minutes in range(1, 60)},
    **{f"{hours}h": _HOUR * hours for hours in range(1, 24)},
    **{f"{days}d": 24 * _HOUR * days for days in range(1, 8)},
}
"""Names of rolling windows and their seconds."""


@lru_cache(maxsize=4_096)
def text(units: int, decimals: int) -> str:
    """Units as the venue prints them; the same prices and sizes come again and again."""
    return wire.fixed(units, decimals)


def money(value: int) -> str:
    return fixed_money(value, 8)


def percent(stats: Statistics) -> str:
    """Change of a window in percent, three places."""
    ratio = stats.change_ratio(5)
    sign = "-" if ratio < 0 else ""
    return f"{sign}{abs(ratio) // 1_000}.{abs(ratio) % 1_000:03d}"


def touch(exchange: Exchange) -> tuple[str, str, str, str]:
    """Bid price, bid quantity, ask price, ask quantity; zeros for an empty side."""
    rules = exchange.rules
    found: list[str] = []
    for side in (Side.BUY, Side.SELL):
        best = exchange.matching.best(side)
        if best is None:
            found += [ZERO, ZERO]
        else:
            found += [text(best[0], rules.price_decimals), text(best[1], rules.qty_decimals)]
    return found[0], found[1], found[2], found[3]


def trade_row(trade: Trade, rules: SymbolRules, unit: int) -> Json:
    """A row of `trades`; ``unit``: nanoseconds of the reply's time unit, here and below."""
    return {
        "id": trade.trade_id,
        "price": text(trade.price, rules.price_decimals),
        "qty": text(trade.qty, rules.qty_decimals),
        "quoteQty": money(rules.notional(trade.price, trade.qty)),
        "time": trade.wall_ns // unit,
        "isBuyerMaker": trade.taker_side is Side.SELL,
        "isBestMatch": True,
    }


def aggregate_row(row: Aggregate, rules: SymbolRules, unit: int) -> Json:
    """A row of `aggTrades`, and most of the event `aggTrade`."""
    return {
        "a": row.number,
        "p": text(row.price, rules.price_decimals),
        "q": text(row.qty, rules.qty_decimals),
        "f": row.first_id,
        "l": row.last_id,
        "T": row.wall_ns // unit,
        "m": row.buyer_maker,
        "M": True,
    }


def kline_row(candle: Candle, rules: SymbolRules, unit: int) -> list[Any]:
    """A row of `klines`."""
    price, qty = rules.price_decimals, rules.qty_decimals
    return [
        candle.start_ns // unit,
        text(candle.open, price),
        text(candle.high, price),
        text(candle.low, price),
        text(candle.close, price),
        text(candle.qty, qty),
        candle.end_ns // unit - 1,
        money(candle.quote),
        candle.trades,
        text(candle.taker_buy_qty, qty),
        money(candle.taker_buy_quote),
        "0",
    ]


def ticker_mini(stats: Statistics, rules: SymbolRules, unit: int) -> Json:
    """A ticker of type MINI."""
    price = rules.price_decimals
    return {
        "symbol": rules.venue_symbol,
        "openPrice": text(stats.open, price),
        "highPrice": text(stats.high, price),
        "lowPrice": text(stats.low, price),
        "lastPrice": text(stats.last, price),
        "volume": text(stats.qty, rules.qty_decimals),
        "quoteVolume": money(stats.quote),
        "openTime": stats.start_ns // unit,
        "closeTime": (stats.end_ns - 1) // unit,
        "firstId": stats.first_id,
        "lastId": stats.last_id,
        "count": stats.trades,
    }


def ticker_window(stats: Statistics, rules: SymbolRules, unit: int) -> Json:
    """A ticker of type FULL of a rolling window or a trading day."""
    mini = ticker_mini(stats, rules, unit)
    change = {
        "symbol": mini.pop("symbol"),
        "priceChange": text(stats.change, rules.price_decimals),
        "priceChangePercent": percent(stats),
        "weightedAvgPrice": text(stats.average(8), 8),
    }
    return change | mini


def ticker_day(stats: Statistics, exchange: Exchange, unit: int) -> Json:
    """A ticker of type FULL of the last 24 hours: with the book's touch."""
    rules = exchange.rules
    body = ticker_window(stats, rules, unit)
    bid, bid_qty, ask, ask_qty = touch(exchange)
    head = {name: body.pop(name) for name in list(body)[:4]}
    return head | {
        "prevClosePrice": text(stats.previous_close, rules.price_decimals),
        "lastPrice": body.pop("lastPrice"),
        "lastQty": text(stats.last_qty, rules.qty_decimals),
        "bidPrice": bid,
        "bidQty": bid_qty,
        "askPrice": ask,
        "askQty": ask_qty,
    } | body  # fmt: skip


def minute_before(now_ns: int, seconds: int) -> int:
    """Where a rolling window opens: on a minute, so that it is up to 59,999 ms wider."""
    return (now_ns - seconds * SECOND) // (60 * SECOND) * (60 * SECOND)
