"""Market-data queries of REST and WebSocket API: parameters in, JSON out, and what they weigh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from xrpfast.simulation.binance import market_bodies as bodies
from xrpfast.simulation.binance import wire
from xrpfast.simulation.binance.errors import BinanceError, missing
from xrpfast.simulation.binance.limits import depth_weight
from xrpfast.simulation.binance.parameters import Parameters, counted_symbols, invalid
from xrpfast.simulation.binance.tape import Tape
from xrpfast.simulation.binance.wire import MS
from xrpfast.simulation.candles import DAY
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.statistics import Statistics, average_price, rolling, window

Json = dict[str, Any]
AVERAGE_MINUTES: Final = 5
LEVELS: Final = 5_000


@dataclass(slots=True)
class Market:
    """What the market-data queries of one symbol read."""

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


@dataclass(frozen=True, slots=True)
class Call:
    """One query: where it is found, what it costs, how it is answered.

    ``weight`` never raises; ``run(market, parameters, unit)`` raises `BinanceError`, ``unit`` is
    the reply's time unit in nanoseconds.
    """

    path: str
    method: str
    weight: Callable[[Mapping[str, Any]], int]
    run: Callable[[Market, Parameters, int], Any]

    def answer(self, market: Market, params: Mapping[str, Any], unit: int = MS) -> Any:
        """The result; raises `BinanceError`, for parameters that nobody reads, too."""
        read = Parameters(params)
        result = self.run(market, read, unit)
        read.done()
        return result


# --- the book -------------------------------------------------------------------------------------


def _depth(market: Market, params: Parameters, unit: int) -> Json:
    _symbol(market, params)
    return wire.depth(market.exchange, params.limit(100, LEVELS))


def _book_ticker(market: Market, params: Parameters, unit: int) -> Any:
    def row() -> Json:
        bid, bid_qty, ask, ask_qty = bodies.touch(market.exchange)
        return {
            "symbol": market.symbol,
            "bidPrice": bid, "bidQty": bid_qty, "askPrice": ask, "askQty": ask_qty,
        }  # fmt: skip

    return _each(market, params, row, required=False)


# --- trades ---------------------------------------------------------------------------------------


def _trades(market: Market, params: Parameters, unit: int) -> list[Json]:
    return _trade_rows(market, params, unit, None)


def _historical_trades(market: Market, params: Parameters, unit: int) -> list[Json]:
    return _trade_rows(market, params, unit, params.number("fromId"))


def _trade_rows(market: Market, params: Parameters, unit: int, from_id: int | None) -> list[Json]:
    params.symbol(market.symbol)
    rows = market.tape.trades(params.limit(500, 1_000), from_id)
    return [bodies.trade_row(trade, market.exchange.rules, unit) for trade in rows]


def _block_trades(market: Market, params: Parameters, unit: int) -> list[Json]:
    """No block trade ever happens here."""
    params.symbol(market.symbol)
    if params.number("fromId") is None:
        raise missing("fromId")
    params.limit(500, 1_000)
    return []


def _aggregate_trades(market: Market, params: Parameters, unit: int) -> list[Json]:
    params.symbol(market.symbol)
    now, from_id = market.exchange.wall_ns(), params.number("fromId")
    start, end = params.time_ns("startTime", now), params.time_ns("endTime", now, last=True)
    if from_id is not None and (start is not None or end is not None):
        raise BinanceError(400, -1128, "Combination of optional parameters invalid.")
    rows = market.tape.aggregated(
        params.limit(500, 1_000), from_id=from_id, start_ns=start, end_ns=end
    )
    return [bodies.aggregate_row(row, market.exchange.rules, unit) for row in rows]


def _klines(market: Market, params: Parameters, unit: int) -> list[list[Any]]:
    params.symbol(market.symbol)
    if not params.sent("interval"):
        raise missing("interval")
    bad = BinanceError(400, -1120, "Invalid interval.")
    interval = bodies.INTERVALS[params.choice("interval", tuple(bodies.INTERVALS), "", bad)]
    now = market.exchange.wall_ns()
    candles = market.tape.candles.candles(
        interval,
        params.limit(500, 1_000),
        now,
        start_ns=params.time_ns("startTime", now),
        end_ns=params.time_ns("endTime", now),
        offset=params.zone_seconds(),
    )
    return [bodies.kline_row(candle, market.exchange.rules, unit) for candle in candles]


# --- prices and statistics ------------------------------------------------------------------------


def _average_price(market: Market, params: Parameters, unit: int) -> Json:
    params.symbol(market.symbol)
    candles, now = market.tape.candles, market.exchange.wall_ns()
    return {
        "mins": AVERAGE_MINUTES,
        "price": bodies.text(average_price(candles, now, AVERAGE_MINUTES, 8), 8),
        "closeTime": candles.last.wall_ns // unit if candles.last is not None else 0,
    }


def _price(market: Market, params: Parameters, unit: int) -> Any:
    def row() -> Json:
        last, rules = market.tape.candles.last, market.exchange.rules
        price = bodies.text(last.price if last is not None else 0, rules.price_decimals)
        return {"symbol": market.symbol, "price": price}

    return _each(market, params, row, required=False)


def _day_ticker(market: Market, params: Parameters, unit: int) -> Any:
    mini = _is_mini(params)
    stats = rolling(market.tape.candles, market.exchange.wall_ns())

    def row() -> Json:
        if mini:
            return bodies.ticker_mini(stats, market.exchange.rules, unit)
        return bodies.ticker_day(stats, market.exchange, unit)

    return _each(market, params, row, required=False)


def _rolling_ticker(market: Market, params: Parameters, unit: int) -> Any:
    name = params.choice("windowSize", tuple(bodies.WINDOWS), "1d", invalid("windowSize"))
    now = market.exchange.wall_ns()
    opened = bodies.minute_before(now, bodies.WINDOWS[name])
    return _window_ticker(market, params, unit, window(market.tape.candles, opened, now + 1))


def _trading_day(market: Market, params: Parameters, unit: int) -> Any:
    zone, now = params.zone_seconds(), market.exchange.wall_ns()
    opened = DAY.start(now, zone)
    closed = DAY.end(opened, zone)
    return _window_ticker(market, params, unit, window(market.tape.candles, opened, closed))


def _window_ticker(market: Market, params: Parameters, unit: int, stats: Statistics) -> Any:
    body = bodies.ticker_mini if _is_mini(params) else bodies.ticker_window
    rules = market.exchange.rules
    return _each(market, params, lambda: body(stats, rules, unit), required=True)


def _reference(market: Market, params: Parameters, unit: int) -> Json:
    params.symbol(market.symbol)
    if market.reference is None:
        raise BinanceError(400, -2043, "This symbol doesn't have a reference price.")
    price, since = market.reference
    decimals = market.exchange.rules.price_decimals
    return {
        "symbol": market.symbol,
        "referencePrice": None if price is None else bodies.text(price, decimals),
        "timestamp": since // unit,
    }


def _reference_calculation(market: Market, params: Parameters, unit: int) -> Json:
    _symbol(market, params)
    if market.reference is None:
        raise BinanceError(400, -2043, "This symbol doesn't have a reference price.")
    return {
        "symbol": market.symbol, "calculationType": "EXTERNAL", "externalCalculationId": 1,
    }  # fmt: skip


# --- what they share ------------------------------------------------------------------------------


def _is_mini(params: Parameters) -> bool:
    bad = BinanceError(400, -1139, "Invalid ticker type.")
    return params.choice("type", ("FULL", "MINI"), "FULL", bad) == "MINI"


def _mismatch() -> BinanceError:
    text = "The symbol's status does not match the requested symbolStatus."
    return BinanceError(400, -1220, text)


def _symbol(market: Market, params: Parameters) -> None:
    params.symbol(market.symbol)
    if not params.status_matches(market.status):
        raise _mismatch()


def _each(market: Market, params: Parameters, row: Callable[[], Json], *, required: bool) -> Any:
    """One object for ``symbol``, an array for ``symbols`` or none."""
    names, single = params.symbols(market.symbol, required=required)
    matches = params.status_matches(market.status)
    if single and not matches:
        raise _mismatch()
    rows = [row() for _ in names] if matches else []
    return rows[0] if single else rows


def _flat(weight: int) -> Callable[[Mapping[str, Any]], int]:
    return lambda _: weight


def _depth_weight(params: Mapping[str, Any]) -> int:
    value = str(params.get("limit", 100))
    return depth_weight(int(value) if value.isascii() and value.isdigit() else 100)


def _symbol_weight(params: Mapping[str, Any]) -> int:
    return 2 if params.get("symbol") else 4


def _day_weight(params: Mapping[str, Any]) -> int:
    count = counted_symbols(params)
    return 80 if count is None or count > 100 else 2 if count <= 20 else 40


def _window_weight(params: Mapping[str, Any]) -> int:
    return min(4 * max(1, counted_symbols(params) or 1), 200)


CALLS: Final = (
    Call("/depth", "depth", _depth_weight, _depth),
    Call("/trades", "trades.recent", _flat(25), _trades),
    Call("/historicalTrades", "trades.historical", _flat(25), _historical_trades),
    Call("/historicalBlockTrades", "blockTrades.historical", _flat(25), _block_trades),
    Call("/aggTrades", "trades.aggregate", _flat(4), _aggregate_trades),
    Call("/klines", "klines", _flat(2), _klines),
    Call("/uiKlines", "uiKlines", _flat(2), _klines),
    Call("/avgPrice", "avgPrice", _flat(2), _average_price),
    Call("/ticker/24hr", "ticker.24hr", _day_weight, _day_ticker),
    Call("/ticker/tradingDay", "ticker.tradingDay", _window_weight, _trading_day),
    Call("/ticker/price", "ticker.price", _symbol_weight, _price),
    Call("/ticker/bookTicker", "ticker.book", _symbol_weight, _book_ticker),
    Call("/ticker", "ticker", _window_weight, _rolling_ticker),
    Call("/referencePrice", "referencePrice", _flat(2), _reference),
    Call("/referencePrice/calculation", "referencePrice.calculation", _flat(2),
         _reference_calculation),
)  # fmt: skip
"""Path below `/api/v3`, method of the WebSocket API, weight, answer."""
METHODS: Final = {call.method: call for call in CALLS}
