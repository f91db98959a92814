"""Market-data queries of REST and the WebSocket API, and what they weigh."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from xrpfast.simulation.binance import errors, wire
from xrpfast.simulation.binance import market_bodies as bodies
from xrpfast.simulation.binance.call import Call, Endpoint
from xrpfast.simulation.binance.limits import depth_weight
from xrpfast.simulation.binance.market import AVERAGE_MINUTES
from xrpfast.simulation.binance.params import Params
from xrpfast.simulation.binance.symbol import QUERYABLE_STATUSES, named_symbols
from xrpfast.simulation.binance.wire import Json
from xrpfast.simulation.candles import DAY
from xrpfast.simulation.statistics import Statistics, average_price, rolling, window

LEVELS: Final = 5_000
MOST_ROWS: Final = 1_000
AHEAD_NS: Final = 10 * 10**9
"""No range ends later than that from now."""


# --- the book -------------------------------------------------------------------------------------


def _depth(call: Call) -> Json:
    _one_symbol(call)
    return wire.depth(call.venue.exchange, _limit(call.params, 100, LEVELS))


def _book_ticker(call: Call) -> Any:
    market = call.venue.market

    def row() -> Json:
        bid, bid_qty, ask, ask_qty = bodies.touch(market.exchange)
        return {
            "symbol": market.symbol,
            "bidPrice": bid, "bidQty": bid_qty, "askPrice": ask, "askQty": ask_qty,
        }  # fmt: skip

    return _each(call, row, required=False)


# --- trades ---------------------------------------------------------------------------------------


def _trades(call: Call) -> list[Json]:
    return _trade_rows(call, None)


def _historical_trades(call: Call) -> list[Json]:
    return _trade_rows(call, call.params.integer("fromId"))


def _trade_rows(call: Call, from_id: int | None) -> list[Json]:
    call.check_symbol()
    rows = call.venue.market.tape.trades(_limit(call.params), from_id)
    return [bodies.trade_row(trade, call.wire.rules, call.wire.unit_ns) for trade in rows]


def _block_trades(call: Call) -> list[Json]:
    """No block trade ever happens here."""
    call.check_symbol()
    call.params.need("fromId")
    call.params.integer("fromId")
    _limit(call.params)
    return []


def _aggregate_trades(call: Call) -> list[Json]:
    call.check_symbol()
    from_id, (start, end) = call.params.integer("fromId"), _range(call, last=True)
    if from_id is not None and (start is not None or end is not None):
        raise errors.bad_combination()
    rows = call.venue.market.tape.aggregated(
        _limit(call.params), from_id=from_id, start_ns=start, end_ns=end
    )
    return [bodies.aggregate_row(row, call.wire.rules, call.wire.unit_ns) for row in rows]


def _klines(call: Call) -> list[list[Any]]:
    call.check_symbol()
    name = call.params.need_choice("interval", bodies.INTERVALS, errors.interval())
    start, end = _range(call)
    candles = call.venue.market.tape.candles.candles(
        bodies.INTERVALS[name],
        _limit(call.params),
        call.venue.exchange.wall_ns(),
        start_ns=start,
        end_ns=end,
        offset=_zone_seconds(call.params),
    )
    return [bodies.kline_row(candle, call.wire.rules, call.wire.unit_ns) for candle in candles]


# --- prices and statistics ------------------------------------------------------------------------


def _average_price(call: Call) -> Json:
    call.check_symbol()
    candles, now = call.venue.market.tape.candles, call.venue.exchange.wall_ns()
    return {
        "mins": AVERAGE_MINUTES,
        "price": bodies.text(average_price(candles, now, AVERAGE_MINUTES, 8), 8),
        "closeTime": call.wire.time(candles.last.wall_ns) if candles.last is not None else 0,
    }


def _price(call: Call) -> Any:
    last = call.venue.market.tape.candles.last
    price = call.wire.price(last.price if last is not None else 0)
    return _each(call, lambda: {"symbol": call.venue.market.symbol, "price": price}, required=False)


def _day_ticker(call: Call) -> Any:
    exchange, unit, mini = call.venue.exchange, call.wire.unit_ns, _is_mini(call.params)
    stats = rolling(call.venue.market.tape.candles, exchange.wall_ns())

    def row() -> Json:
        if mini:
            return bodies.ticker_mini(stats, exchange.rules, unit)
        return bodies.ticker_day(stats, exchange, unit)

    return _each(call, row, required=False)


def _rolling_ticker(call: Call) -> Any:
    name = call.params.choice("windowSize", bodies.WINDOWS) or "1d"
    now = call.venue.exchange.wall_ns()
    opened = bodies.minute_before(now, bodies.WINDOWS[name])
    return _window_ticker(call, window(call.venue.market.tape.candles, opened, now + 1))


def _trading_day(call: Call) -> Any:
    zone, now = _zone_seconds(call.params), call.venue.exchange.wall_ns()
    opened = DAY.start(now, zone)
    closed = DAY.end(opened, zone)
    return _window_ticker(call, window(call.venue.market.tape.candles, opened, closed))


def _window_ticker(call: Call, stats: Statistics) -> Any:
    body = bodies.ticker_mini if _is_mini(call.params) else bodies.ticker_window
    return _each(call, lambda: body(stats, call.wire.rules, call.wire.unit_ns), required=True)


def _reference(call: Call) -> Json:
    call.check_symbol()
    market = call.venue.market
    if market.reference is None:
        raise errors.no_reference_price()
    price, since = market.reference
    return {
        "symbol": market.symbol,
        "referencePrice": None if price is None else call.wire.price(price),
        "timestamp": call.wire.time(since),
    }


def _reference_calculation(call: Call) -> Json:
    _one_symbol(call)
    market = call.venue.market
    if market.reference is None:
        raise errors.no_reference_price()
    return {
        "symbol": market.symbol, "calculationType": "EXTERNAL", "externalCalculationId": 1,
    }  # fmt: skip


# --- what they share ------------------------------------------------------------------------------


def _limit(params: Params, default: int = 500, most: int = MOST_ROWS) -> int:
    """``limit``: more than the most is the most; raises -1130 for 0."""
    return min(params.integer("limit", 1) or default, most)


def _range(call: Call, *, last: bool = False) -> tuple[int | None, int | None]:
    """``startTime`` and ``endTime`` in nanoseconds; ``last``: all of the end's own unit."""
    latest = call.venue.exchange.wall_ns() + AHEAD_NS
    start = call.params.time_ns("startTime")
    end = call.params.time_ns("endTime", last=last)
    return (
        None if start is None else min(start, latest),
        None if end is None else min(end, latest),
    )


def _zone_seconds(params: Params) -> int:
    """``timeZone`` as seconds east of UTC; raises -1130."""
    value = params.get("timeZone")
    if value is None:
        return 0
    found = re.fullmatch(r"([+-]?)([0-9]{1,2})(?::([0-5][0-9]))?", value, re.ASCII)
    if found is None:
        raise errors.invalid("timeZone")
    seconds = int(found[2]) * 3_600 + int(found[3] or 0) * 60
    seconds = -seconds if found[1] == "-" else seconds
    if not -12 * 3_600 <= seconds <= 14 * 3_600:
        raise errors.invalid("timeZone")
    return seconds


def _is_mini(params: Params) -> bool:
    return params.choice("type", ("FULL", "MINI"), errors.ticker_type()) == "MINI"


def _status_matches(call: Call) -> bool:
    asked = call.params.choice("symbolStatus", QUERYABLE_STATUSES, errors.symbol_status())
    return asked in (None, call.venue.status)


def _one_symbol(call: Call) -> None:
    call.check_symbol()
    if not _status_matches(call):
        raise errors.status_mismatch()


def _each(call: Call, row: Callable[[], Json], *, required: bool) -> Any:
    """One object for ``symbol``, an array for ``symbols`` or none."""
    names, single = named_symbols(call), call.params.has("symbol")
    if names is None and required:
        raise errors.missing_both("symbol", "symbols")
    matches = _status_matches(call)
    if single and not matches:
        raise errors.status_mismatch()
    rows = [row()] if matches else []
    return rows[0] if single else rows


def _named(params: Params) -> int | None:
    """How many symbols a request names, None for all of them; for weights, so it never raises."""
    if params.has("symbol"):
        return 1
    value = params.values.get("symbols")
    if isinstance(value, list):
        return len(value)
    return value.count('"') // 2 if isinstance(value, str) else None


def _depth_weight(params: Params) -> int:
    value = str(params.values.get("limit", 100))
    return depth_weight(int(value) if value.isascii() and value.isdigit() else 100)


def _symbol_weight(params: Params) -> int:
    return 2 if params.has("symbol") else 4


def _day_weight(params: Params) -> int:
    count = _named(params)
    return 80 if count is None or count > 100 else 2 if count <= 20 else 40


def _window_weight(params: Params) -> int:
    return min(4 * max(1, _named(params) or 1), 200)


_TABLE: Final = (
    ("/depth", "depth", _depth_weight, _depth),
    ("/trades", "trades.recent", 25, _trades),
    ("/historicalTrades", "trades.historical", 25, _historical_trades),
    ("/historicalBlockTrades", "blockTrades.historical", 25, _block_trades),
    ("/aggTrades", "trades.aggregate", 4, _aggregate_trades),
    ("/klines", "klines", 2, _klines),
    ("/uiKlines", "uiKlines", 2, _klines),
    ("/avgPrice", "avgPrice", 2, _average_price),
    ("/ticker/24hr", "ticker.24hr", _day_weight, _day_ticker),
    ("/ticker/tradingDay", "ticker.tradingDay", _window_weight, _trading_day),
    ("/ticker/price", "ticker.price", _symbol_weight, _price),
    ("/ticker/bookTicker", "ticker.book", _symbol_weight, _book_ticker),
    ("/ticker", "ticker", _window_weight, _rolling_ticker),
    ("/referencePrice", "referencePrice", 2, _reference),
    ("/referencePrice/calculation", "referencePrice.calculation", 2, _reference_calculation),
)
"""Path below `/api/v3`, method of the WebSocket API, weight, answer."""
ENDPOINTS: Final = tuple(
    Endpoint(rest=f"GET {path}", ws=method, weight=weight, handle=handle)
    for path, method, weight, handle in _TABLE
)
