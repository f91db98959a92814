"""Market-data queries of the mock Binance, over REST and WebSocket API alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from support.clock import NOON, NS, Clock
from support.sockets import Client, connected
from xrpfast.model import Side, TimeInForce

if TYPE_CHECKING:
    from support.binance import Rest
    from xrpfast.simulation.exchange import Exchange
    from xrpfast.simulation.server import MockVenues

S = "symbol=XRPUSDT"
BOTH = "symbols=%5B%22XRPUSDT%22%5D"


@pytest.fixture
def exchange(venue: MockVenues) -> Exchange:
    return venue.faces["binance"].exchange


@pytest.fixture
def clock(exchange: Exchange) -> Clock:
    exchange.wall_ns = clock = Clock()
    return clock


@pytest.fixture
async def api(venue: MockVenues) -> AsyncIterator[Client]:
    async with connected(venue.line["venues"]["binance"]["ws_api_url"]) as client:
        yield client


def trade(exchange: Exchange, side: Side, qty: int) -> int:
    """Takes some of the best level, whose price it returns."""
    best = exchange.matching.best(side.opposite)
    assert best is not None
    exchange.place_background(side, best[0], qty, TimeInForce.IOC)
    return best[0]


async def ok(rest: Rest, path: str, query: str = S) -> Any:
    status, body = await rest.get(path, query)
    assert status == 200, body
    return body


async def test_trades_by_recency_and_by_id(rest: Rest, exchange: Exchange, clock: Clock) -> None:
    assert await ok(rest, "/trades") == []
    assert await ok(rest, "/historicalTrades", f"{S}&fromId=0") == []
    price = trade(exchange, Side.SELL, 5)
    for qty in range(1, 8):
        clock.now += 3_000_001
        trade(exchange, Side.BUY, qty)
    rows = await ok(rest, "/trades")
    assert [row["qty"] for row in rows] == ["0.50000000"] + [f"0.{n}0000000" for n in range(1, 8)]
    assert set(rows[0]) == {
        "id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch",
    }  # fmt: skip
    assert [row["isBuyerMaker"] for row in rows] == [True] + [False] * 7
    assert Fraction(rows[0]["price"]) == Fraction(price, 10**4)
    assert Fraction(rows[0]["quoteQty"]) == Fraction(rows[0]["price"]) / 2
    assert [row["time"] for row in rows] == [NOON // 10**6 + 3 * n for n in range(8)]
    ids = [row["id"] for row in rows]
    assert ids == list(range(ids[0], ids[0] + 8))
    assert await ok(rest, "/trades", f"{S}&limit=3") == rows[-3:]
    assert await ok(rest, "/historicalTrades", f"{S}&limit=2") == rows[-2:]
    assert await ok(rest, "/historicalTrades", f"{S}&fromId={ids[2]}&limit=2") == rows[2:4]
    assert await ok(rest, "/historicalTrades", f"{S}&fromId=1") == rows
    assert await ok(rest, "/historicalTrades", f"{S}&fromId={ids[-1] + 1}") == []
    assert await ok(rest, "/historicalBlockTrades", f"{S}&fromId=1") == []


async def test_aggregates_join_one_takers_trades_at_one_price(
    rest: Rest, exchange: Exchange, clock: Clock
) -> None:
    best = exchange.matching.best(Side.BUY)
    assert best is not None
    bid = best[0] + 1
    for qty in (4, 5, 6):
        exchange.place_background(Side.BUY, bid, qty, TimeInForce.GTC)
    exchange.place_background(Side.SELL, best[0], 20, TimeInForce.IOC)  # 15 above, 5 below
    clock.now += NS
    trade(exchange, Side.BUY, 2)
    rows = await ok(rest, "/aggTrades")
    assert [(row["q"], row["m"]) for row in rows] == [
        ("1.50000000", True), ("0.50000000", True), ("0.20000000", False),
    ]  # fmt: skip
    assert rows[0]["l"] - rows[0]["f"] == 2
    assert rows[1]["f"] == rows[1]["l"] == rows[0]["l"] + 1
    assert [row["a"] for row in rows] == list(range(rows[0]["a"], rows[0]["a"] + 3))
    assert set(rows[0]) == {"a", "p", "q", "f", "l", "T", "m", "M"}
    first, last = rows[0]["T"], rows[-1]["T"]
    assert await ok(rest, "/aggTrades", f"{S}&limit=1") == rows[-1:]
    assert await ok(rest, "/aggTrades", f"{S}&fromId={rows[1]['a']}&limit=1") == rows[1:2]
    assert await ok(rest, "/aggTrades", f"{S}&startTime={first}&limit=1") == rows[:1]
    assert await ok(rest, "/aggTrades", f"{S}&startTime={last}") == rows[2:]
    assert await ok(rest, "/aggTrades", f"{S}&startTime={last}000") == rows[2:], "microseconds"
    assert await ok(rest, "/aggTrades", f"{S}&endTime={first}&limit=1") == rows[1:2]
    assert await ok(rest, "/aggTrades", f"{S}&startTime={last}&endTime={first}") == []


async def test_klines(rest: Rest, exchange: Exchange, clock: Clock) -> None:
    assert await ok(rest, "/klines", f"{S}&interval=1m") == []
    low = trade(exchange, Side.SELL, 5)
    clock.now += 70 * NS
    high = trade(exchange, Side.BUY, 2)
    trade(exchange, Side.SELL, 3)
    clock.now += 130 * NS  # 12:03:20
    rows = await ok(rest, "/klines", f"{S}&interval=1m")
    start = NOON // 10**6
    assert [row[0] for row in rows] == [start + 60_000 * n for n in range(4)]
    assert [row[6] for row in rows] == [row[0] + 59_999 for row in rows]
    assert [row[8] for row in rows] == [1, 2, 0, 0]
    lo, hi = (f"{price / 10**4:.4f}0000" for price in (low, high))
    assert rows[1][1:6] == [hi, hi, lo, lo, "0.50000000"]
    assert rows[1][9] == "0.20000000"
    assert Fraction(rows[1][10]) == Fraction(high, 10**4) / 5
    assert rows[3][1:8] == [lo, lo, lo, lo, "0.00000000", rows[3][6], "0.00000000"]
    assert [len(row) for row in rows] == [12] * 4
    assert rows[0][11] == "0"

    async def starts(query: str) -> list[int]:
        found = await ok(rest, "/klines", f"{S}&interval=1m&{query}")
        return [(row[0] - start) // 60_000 for row in found]

    assert await starts("limit=2") == [2, 3]
    assert await starts(f"startTime={start + 1}&limit=2") == [1, 2]
    assert await starts(f"endTime={start + 60_000}") == [0, 1]
    assert await starts(f"startTime={start}&endTime={start + 60_000}") == [0, 1]
    assert await starts(f"startTime={start + 120_000}000&limit=1") == [2]
    assert await starts("startTime=0&limit=1") == [0]
    (day,) = await ok(rest, "/uiKlines", f"{S}&interval=1d")
    assert (day[0], day[8]) == (start - 12 * 3_600_000, 3)
    (day,) = await ok(rest, "/klines", f"{S}&interval=1d&timeZone=-1:30")
    assert day[0] == start - 12 * 3_600_000 + 90 * 60_000
    (month,) = await ok(rest, "/klines", f"{S}&interval=1M&timeZone=8")
    assert (month[0], month[6]) == (1_788_192_000_000, 1_790_783_999_999)
    (week,) = await ok(rest, "/klines", f"{S}&interval=1w")
    assert week[0] == start - 12 * 3_600_000


async def test_statistics(rest: Rest, exchange: Exchange, clock: Clock) -> None:
    empty = await ok(rest, "/ticker/24hr")
    assert (empty["count"], empty["firstId"], empty["lastPrice"]) == (0, -1, "0.00000000")
    assert (await ok(rest, "/avgPrice"))["price"] == "0.00000000"
    trade(exchange, Side.SELL, 9)
    clock.now += 100 * NS
    low = trade(exchange, Side.SELL, 5)
    clock.now += 86_350 * NS  # the first trade is older than a day now
    high = trade(exchange, Side.BUY, 15)
    day = await ok(rest, "/ticker/24hr")
    assert list(day) == [
        "symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice",
        "lastPrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty", "openPrice",
        "highPrice", "lowPrice", "volume", "quoteVolume", "openTime", "closeTime", "firstId",
        "lastId", "count",
    ]  # fmt: skip
    assert (day["count"], day["volume"], day["lastQty"]) == (2, "2.00000000", "1.50000000")
    assert Fraction(day["priceChange"]) == Fraction(high - low, 10**4)
    percent = Fraction(100 * (high - low), low)
    assert abs(Fraction(day["priceChangePercent"]) - percent) <= Fraction(1, 2_000)
    assert Fraction(day["weightedAvgPrice"]) == Fraction(low + 3 * high, 4 * 10**4)
    assert day["closeTime"] - day["openTime"] == 86_400_000
    book = await ok(rest, "/ticker/bookTicker")
    for name in ("bidPrice", "bidQty", "askPrice", "askQty"):
        assert day[name] == book[name]
    mini = await ok(rest, "/ticker/24hr", f"{S}&type=MINI")
    assert list(mini) == [
        "symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume",
        "openTime", "closeTime", "firstId", "lastId", "count",
    ]  # fmt: skip
    assert mini == {name: day[name] for name in mini}
    last = f"{high / 10**4:.4f}0000"
    assert await ok(rest, "/ticker/price") == {"symbol": "XRPUSDT", "price": last}
    average = await ok(rest, "/avgPrice")
    assert average == {"mins": 5, "price": last, "closeTime": clock.now // 10**6}
    rolling = await ok(rest, "/ticker", f"{S}&windowSize=3m")
    assert (rolling["count"], rolling["openTime"] % 60_000) == (1, 0)
    assert rolling["closeTime"] == clock.now // 10**6
    assert 0 <= rolling["closeTime"] - rolling["openTime"] - 180_000 < 60_000
    assert (await ok(rest, "/ticker"))["count"] == 3, "a day, and the minute it opens in"
    today = await ok(rest, "/ticker/tradingDay")
    assert (today["count"], today["closeTime"] - today["openTime"]) == (1, 86_399_999)
    assert today["openTime"] % 86_400_000 == 0
    yesterday_too = await ok(rest, "/ticker/tradingDay", f"{S}&timeZone=-12&type=MINI")
    assert (yesterday_too["count"], "priceChange" in yesterday_too) == (1, False)


@pytest.mark.parametrize(
    ("path", "bare"),
    [("/ticker/24hr", True), ("/ticker/price", True), ("/ticker/bookTicker", True),
     ("/ticker", False), ("/ticker/tradingDay", False)],
)  # fmt: skip
async def test_one_symbol_is_an_object_several_an_array(
    rest: Rest, clock: Clock, path: str, bare: bool
) -> None:
    one = await ok(rest, path)
    assert await ok(rest, path, BOTH) == [one]
    assert await ok(rest, path, f"{S}&symbolStatus=TRADING") == one
    assert await ok(rest, path, f"{BOTH}&symbolStatus=HALT") == []
    status, body = await rest.get(path, f"{S}&symbolStatus=BREAK")
    assert (status, body["code"]) == (400, -1220)
    status, body = await rest.get(path)
    assert (status, body if status == 200 else body["code"]) == (
        (200, [one]) if bare else (400, -1102)
    )


ERRORS = [
    ("/depth", "", -1102),
    ("/depth", "symbol=", -1102),
    ("/depth", "symbol=xrpusdt", -1100),
    ("/depth", "symbol=BTCUSDT", -1121),
    ("/depth", f"{S}&limit=0", -1130),
    ("/depth", f"{S}&limit=-1", -1100),
    ("/depth", f"{S}&limit=", -1105),
    ("/depth", f"{S}&limit=99999999999999999999", -1108),
    ("/depth", f"{S}&colour=red", -1104),
    ("/depth", f"{S}&symbolStatus=SLEEPING", -1122),
    ("/depth", f"{S}&symbolStatus=HALT", -1220),
    ("/klines", S, -1102),
    ("/klines", f"{S}&interval=1H", -1120),
    ("/klines", f"{S}&interval=1m&timeZone=15", -1130),
    ("/klines", f"{S}&interval=1m&timeZone=-12:30", -1130),
    ("/klines", f"{S}&interval=1m&startTime=x", -1100),
    ("/aggTrades", f"{S}&fromId=1&startTime=1", -1128),
    ("/ticker/24hr", f"{S}&{BOTH}", -1128),
    ("/ticker/24hr", f"{S}&type=MAXI", -1139),
    ("/ticker/24hr", "symbols=XRPUSDT", -1135),
    ("/ticker/24hr", "symbols=", -1135),
    ("/ticker/24hr", "symbols=" + quote('["XRPUSDT","XRPUSDT"]'), -1151),
    ("/ticker/24hr", "symbols=" + quote('["XRPUSDT","BTCUSDT"]'), -1121),
    ("/ticker", "symbols=%5B%5D", -1135),
    ("/ticker", f"{S}&windowSize=60m", -1130),
    ("/historicalBlockTrades", S, -1102),
    ("/referencePrice", S, -2043),
    ("/referencePrice/calculation", S, -2043),
]  # fmt: skip


@pytest.mark.parametrize(("path", "query", "code"), ERRORS)
async def test_what_the_venue_refuses(rest: Rest, path: str, query: str, code: int) -> None:
    status, body = await rest.get(path, query)
    assert (status, body["code"]) == (400, code), body
    assert set(body) == {"code", "msg"}


async def test_the_websocket_api_answers_the_same(
    api: Client, rest: Rest, exchange: Exchange, clock: Clock
) -> None:
    for n in range(6):
        trade(exchange, Side(n % 2), 3 + n)
        clock.now += 40 * NS
    symbol: dict[str, Any] = {"symbol": "XRPUSDT"}
    cases: list[tuple[str, str, dict[str, Any], int]] = [
        ("depth", "/depth", {"limit": 7}, 5),
        ("depth", "/depth", {"limit": 501}, 50),
        ("depth", "/depth", {"limit": 9000}, 250),
        ("trades.recent", "/trades", {"limit": 2}, 25),
        ("trades.historical", "/historicalTrades", {"limit": 2, "fromId": 555_000_002}, 25),
        ("trades.aggregate", "/aggTrades", {"limit": 3}, 4),
        ("klines", "/klines", {"interval": "1m", "timeZone": "5:45"}, 2),
        ("uiKlines", "/uiKlines", {"interval": "1s", "limit": 9}, 2),
        ("avgPrice", "/avgPrice", {}, 2),
        ("ticker.24hr", "/ticker/24hr", {"type": "MINI"}, 2),
        ("ticker.tradingDay", "/ticker/tradingDay", {}, 4),
        ("ticker.price", "/ticker/price", {}, 2),
        ("ticker.book", "/ticker/bookTicker", {}, 2),
        ("ticker", "/ticker", {"windowSize": "4h"}, 4),
    ]
    for method, path, params, weight in cases:
        before = (await api.request("ping"))["rateLimits"][0]["count"]
        reply = await api.request(method, symbol | params)
        assert reply["status"] == 200, reply
        assert reply["rateLimits"][0]["count"] == before + weight
        query = "&".join(f"{name}={value}" for name, value in (symbol | params).items())
        assert reply["result"] == await ok(rest, path, query)
    several = await api.request("ticker.price", {"symbols": ["XRPUSDT"]})
    assert len(several["result"]) == 1
    refused = await api.request("ticker.price", {"symbols": ["XRPUSDT"], "symbol": "XRPUSDT"})
    assert (refused["status"], refused["error"]["code"]) == (400, -1128)


async def test_microseconds_on_demand(rest: Rest, exchange: Exchange, clock: Clock) -> None:
    clock.now += 123_456
    trade(exchange, Side.BUY, 4)
    for word, time in (
        ("MICROSECOND", clock.now // 1_000), ("microsecond", clock.now // 1_000),
        ("MILLISECOND", clock.now // 10**6),
    ):  # fmt: skip
        headers = {"X-MBX-TIME-UNIT": word}
        status, rows = await rest.call("GET", "/trades", S, headers=headers)
        assert (status, rows[0]["time"]) == (200, time)
    status, body = await rest.call("GET", "/trades", S, headers={"X-MBX-TIME-UNIT": "HOUR"})
    assert (status, body["code"]) == (400, -1194)


async def test_a_reference_price_that_was_set(rest: Rest, venue: MockVenues, clock: Clock) -> None:
    market = venue.faces["binance"].market  # type: ignore[union-attr]
    market.reference = (24_000, clock.now)
    body = await ok(rest, "/referencePrice")
    assert body == {
        "symbol": "XRPUSDT", "referencePrice": "2.40000000", "timestamp": clock.now // 10**6,
    }  # fmt: skip
    market.reference = (None, clock.now)
    assert (await ok(rest, "/referencePrice"))["referencePrice"] is None
    kind = (await ok(rest, "/referencePrice/calculation"))["calculationType"]
    assert kind == "EXTERNAL"
