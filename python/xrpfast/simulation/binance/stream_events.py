"""Bodies of the JSON streams, each for one time unit (nanoseconds)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from xrpfast.model import Side, SymbolRules
from xrpfast.simulation.binance.market_bodies import (
    aggregate_row,
    money,
    percent,
    text,
    touch,
)
from xrpfast.simulation.binance.tape import Aggregate
from xrpfast.simulation.candles import Candle
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Trade
from xrpfast.simulation.statistics import Statistics

Json = dict[str, Any]
Levels = Iterable[tuple[int, int]]


def trade(row: Trade, rules: SymbolRules, now_ns: int, unit: int) -> bytes:
    """`@trade`."""
    price, qty = text(row.price, rules.price_decimals), text(row.qty, rules.qty_decimals)
    maker = "true" if row.taker_side is Side.SELL else "false"
    return (
        f'{{"e":"trade","E":{now_ns // unit},"s":"{rules.venue_symbol}","t":{row.trade_id},'
        f'"p":"{price}","q":"{qty}","T":{row.wall_ns // unit},"m":{maker},"M":true}}'
    ).encode()


def aggregate(row: Aggregate, rules: SymbolRules, now_ns: int, unit: int) -> bytes:
    """`@aggTrade`."""
    head = {"e": "aggTrade", "E": now_ns // unit, "s": rules.venue_symbol}
    return orjson.dumps(head | aggregate_row(row, rules, unit))


def book_ticker(exchange: Exchange) -> bytes:
    """`@bookTicker`: it has no time."""
    bid, bid_qty, ask, ask_qty = touch(exchange)
    return (
        f'{{"u":{exchange.sequence},"s":"{exchange.rules.venue_symbol}","b":"{bid}",'
        f'"B":"{bid_qty}","a":"{ask}","A":"{ask_qty}"}}'
    ).encode()


def depth_update(
    sides: tuple[Levels, Levels], first: int, last: int, rules: SymbolRules, now_ns: int, unit: int
) -> bytes:
    """`@depth`: changed levels, absolute quantities."""
    return (
        f'{{"e":"depthUpdate","E":{now_ns // unit},"s":"{rules.venue_symbol}","U":{first},'
        f'"u":{last},"b":{_levels(sides[0], rules)},"a":{_levels(sides[1], rules)}}}'
    ).encode()


def partial_book(exchange: Exchange, count: int) -> bytes:
    """`@depth5`, `10`, `20`: it has neither symbol nor time."""
    bids, asks = (
        _levels(exchange.matching.levels(side, count), exchange.rules)
        for side in (Side.BUY, Side.SELL)
    )
    body = f'{{"lastUpdateId":{exchange.sequence},"bids":{bids},"asks":{asks}}}'
    return body.encode()


def _levels(rows: Levels, rules: SymbolRules) -> str:
    price, qty = rules.price_decimals, rules.qty_decimals
    told = [f'["{text(p, price)}","{text(q, qty)}"]' for p, q in rows]
    return f"[{','.join(told)}]"


def kline(
    candle: Candle, name: str, rules: SymbolRules, closed: bool, now_ns: int, unit: int
) -> bytes:
    """`@kline_<interval>`."""
    price, qty = rules.price_decimals, rules.qty_decimals
    return orjson.dumps(
        {
            "e": "kline",
            "E": now_ns // unit,
            "s": rules.venue_symbol,
            "k": {
                "t": candle.start_ns // unit,
                "T": candle.end_ns // unit - 1,
                "s": rules.venue_symbol,
                "i": name,
                "f": candle.first_id,
                "L": candle.last_id,
                "o": text(candle.open, price),
                "c": text(candle.close, price),
                "h": text(candle.high, price),
                "l": text(candle.low, price),
                "v": text(candle.qty, qty),
                "n": candle.trades,
                "x": closed,
                "q": money(candle.quote),
                "V": text(candle.taker_buy_qty, qty),
                "Q": money(candle.taker_buy_quote),
                "B": "0",
            },
        }
    )


def mini_ticker(stats: Statistics, rules: SymbolRules, now_ns: int, unit: int) -> Json:
    """`@miniTicker`."""
    price = rules.price_decimals
    return {
        "e": "24hrMiniTicker",
        "E": now_ns // unit,
        "s": rules.venue_symbol,
        "c": text(stats.last, price),
        "o": text(stats.open, price),
        "h": text(stats.high, price),
        "l": text(stats.low, price),
        "v": text(stats.qty, rules.qty_decimals),
        "q": money(stats.quote),
    }


def ticker(stats: Statistics, exchange: Exchange, now_ns: int, unit: int) -> Json:
    """`@ticker`."""
    rules = exchange.rules
    bid, bid_qty, ask, ask_qty = touch(exchange)
    return {
        "e": "24hrTicker",
        "E": now_ns // unit,
        "s": rules.venue_symbol,
        "p": text(stats.change, rules.price_decimals),
        "P": percent(stats),
        "w": text(stats.average(8), 8),
        "x": text(stats.previous_close, rules.price_decimals),
        "c": text(stats.last, rules.price_decimals),
        "Q": text(stats.last_qty, rules.qty_decimals),
        "b": bid,
        "B": bid_qty,
        "a": ask,
        "A": ask_qty,
        **_window(stats, rules, unit),
    }


def window_ticker(stats: Statistics, size: str, rules: SymbolRules, now_ns: int, unit: int) -> Json:
    """`@ticker_<size>`."""
    window = _window(stats, rules, unit)
    return {
        "e": f"{size}Ticker",
        "E": now_ns // unit,
        "s": rules.venue_symbol,
        "p": text(stats.change, rules.price_decimals),
        "P": percent(stats),
        **{name: window.pop(name) for name in ("o", "h", "l")},
        "c": text(stats.last, rules.price_decimals),
        "w": text(stats.average(8), 8),
        **window,
    }


def _window(stats: Statistics, rules: SymbolRules, unit: int) -> Json:
    price = rules.price_decimals
    return {
        "o": text(stats.open, price),
        "h": text(stats.high, price),
        "l": text(stats.low, price),
        "v": text(stats.qty, rules.qty_decimals),
        "q": money(stats.quote),
        "O": stats.start_ns // unit,
        "C": (stats.end_ns - 1) // unit,
        "F": stats.first_id,
        "L": stats.last_id,
        "n": stats.trades,
    }


def average_price(
    price: int, minutes: int, last_ns: int, rules: SymbolRules, now_ns: int, unit: int
) -> bytes:
    """`@avgPrice`; ``price`` in 10^-8."""
    return orjson.dumps(
        {
            "e": "avgPrice",
            "E": now_ns // unit,
            "s": rules.venue_symbol,
            "i": f"{minutes}m",
            "w": text(price, 8),
            "T": last_ns // unit,
        }
    )


def reference_price(price: int | None, since_ns: int, rules: SymbolRules, unit: int) -> bytes:
    """`@referencePrice`."""
    value = None if price is None else text(price, rules.price_decimals)
    return orjson.dumps(
        {"e": "referencePrice", "s": rules.venue_symbol, "r": value, "t": since_ns // unit}
    )
