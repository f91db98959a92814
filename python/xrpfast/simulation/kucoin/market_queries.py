"""What the public routes answer: clock, rules, books, trades, candles, tickers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import errors
from .candle_types import TYPES
from .reading import HUGE, need_symbol, number
from .wire import DOLLARS, Json

if TYPE_CHECKING:
    from .rest import Call

FULL_DEPTH: Final = 100_000
MAX_CANDLES: Final = 1_500
MAX_TRADES: Final = 100


def timestamp(call: Call) -> int:
    return call.venue.now_ms()


def status(call: Call) -> Json:
    return {"status": call.venue.status, "msg": call.venue.status_text}


def my_ip(call: Call) -> str:
    return call.remote


def symbols(call: Call) -> list[Json]:
    market = call.query.get("market")
    found = call.venue.symbol_object()
    return [found] if market in {None, "", found["market"], found["quoteCurrency"]} else []


def symbol(call: Call) -> Json:
    need_symbol(call.path["symbol"], call.venue.wire.symbol)
    return call.venue.symbol_object()


def markets(call: Call) -> list[str]:
    return [call.venue.wire.market]


def prices(call: Call) -> dict[str, str]:
    """Value of each asset in dollars, for which the quote asset stands where it is worth one."""
    if (call.query.get("base") or "USD") != "USD":
        raise errors.PARAMETER.refuse("base is invalid.")
    rules, last = call.venue.exchange.rules, call.venue.exchange.last_trade
    if rules.quote not in DOLLARS:
        return {}
    values = {rules.quote: "1"}
    if last is not None:
        values[rules.base] = call.venue.wire.price(last.price)
    asked = [text for text in (call.query.get("currencies") or "").split(",") if text]
    return {asset: value for asset, value in values.items() if not asked or asset in asked}


def level1(call: Call) -> Json:
    _need(call)
    return call.venue.market.level1()


def level2_20(call: Call) -> Json:
    _need(call)
    return call.venue.market.book(20)


def level2_100(call: Call) -> Json:
    _need(call)
    return call.venue.market.book(100)


def level2_full(call: Call) -> Json:
    _need(call)
    return call.venue.market.book(FULL_DEPTH)


def histories(call: Call) -> list[Json]:
    """The last 100 trades, oldest first."""
    _need(call)
    wire = call.venue.wire
    return [wire.public_trade(trade) for trade in call.venue.exchange.trades.newest(MAX_TRADES)]


def candles(call: Call) -> list[list[str]]:
    """Newest first; a time in which nothing was traded has no candle."""
    _need(call)
    interval = TYPES.get(call.query.get("type") or "")
    if interval is None:
        raise errors.PARAMETER.refuse("type is invalid.")
    start_s = number(call.query, "startAt", 0, 0, HUGE)
    end_s = number(call.query, "endAt", 0, 0, HUGE) or HUGE
    venue = call.venue
    now = venue.exchange.wall_ns()
    found = venue.market.tickers.candles.candles(
        interval, MAX_CANDLES, now, end_ns=min(end_s * 10**9, now), fill=False
    )
    rows = [venue.wire.candle(candle) for candle in found if candle.start_ns >= start_s * 10**9]
    return rows[::-1]


def all_tickers(call: Call) -> Json:
    return call.venue.market.tickers.all()


def stats(call: Call) -> Json:
    _need(call)
    return call.venue.market.tickers.stats()


def announcements(call: Call) -> Json:
    """None was ever made."""
    page = number(call.query, "currentPage", 1, 1, 10**9)
    size = number(call.query, "pageSize", 50, 1, 100)
    return {"totalNum": 0, "totalPage": 0, "currentPage": page, "pageSize": size, "items": []}


def _need(call: Call) -> None:
    need_symbol(call.query.get("symbol"), call.venue.wire.symbol)
