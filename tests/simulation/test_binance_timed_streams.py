"""The mock Binance's streams beside depth, bookTicker and trade: payloads and when they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from support.clock import NOON, NS, Clock
from support.sockets import Client, connected
from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.binance.face import BinanceFace

if TYPE_CHECKING:
    from support.binance import Rest
    from xrpfast.simulation.exchange import Exchange
    from xrpfast.simulation.server import MockVenues

MS = 10**6


@pytest.fixture
def face(venue: MockVenues) -> BinanceFace:
    face = venue.faces["binance"]
    assert isinstance(face, BinanceFace)
    return face


@pytest.fixture
def exchange(face: BinanceFace) -> Exchange:
    return face.exchange


@pytest.fixture
def clock(exchange: Exchange) -> Clock:
    exchange.wall_ns = clock = Clock()
    return clock


class Watch:
    """A client of one stream whose pace the test sets: the venue's own timers are far away."""

    def __init__(self, client: Client, face: BinanceFace, period: int) -> None:
        self._client, self._face, self._period = client, face, period

    async def turn(self) -> list[Any]:
        """What the stream says at its next turn."""
        before = len(self._client.messages)
        self._face.streams.flush(self._period)
        await self._client.request("LIST_SUBSCRIPTIONS")  # answered after what was flushed
        return [m for m in self._client.messages[before:] if isinstance(m, list) or "id" not in m]


@pytest.fixture
def watch(
    venue: MockVenues, face: BinanceFace, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    monkeypatch.setattr(face.streams._pace, "want", lambda period, *, wanted: None)
    face.streams.sockets.settings.messages_per_s = None
    url = venue.line["venues"]["binance"]["stream_url"]

    @asynccontextmanager
    async def watching(stream: str, period: int) -> AsyncIterator[Watch]:
        async with connected(f"{url}/ws/{stream}") as client:
            await client.request("LIST_SUBSCRIPTIONS")
            yield Watch(client, face, period)

    return watching


def trade(exchange: Exchange, side: Side, qty: int) -> int:
    """Takes some of the best level, whose price it returns."""
    best = exchange.matching.best(side.opposite)
    assert best is not None
    exchange.place_background(side, best[0], qty, TimeInForce.IOC)
    return best[0]


def text(price: int) -> str:
    return f"{price / 10**4:.4f}0000"


async def test_aggregate_trades_join_one_takers_trades_at_one_price(
    venue: MockVenues, rest: Rest, exchange: Exchange
) -> None:
    url = venue.line["venues"]["binance"]["stream_url"]
    async with connected(f"{url}/ws/xrpusdt@aggTrade") as client:
        best = exchange.matching.best(Side.BUY)
        assert best is not None
        for qty in (4, 5):
            exchange.place_background(Side.BUY, best[0] + 1, qty, TimeInForce.GTC)
        exchange.place_background(Side.SELL, best[0], 11, TimeInForce.IOC)
        await client.until(lambda m: m["q"] == "0.20000000")
        first, second = client.messages
        assert list(first) == ["e", "E", "s", "a", "p", "q", "f", "l", "T", "m", "M"]
        assert (first["e"], first["s"], first["q"], first["m"]) == (
            "aggTrade", "XRPUSDT", "0.90000000", True,
        )  # fmt: skip
        assert (first["l"] - first["f"], second["f"], second["a"]) == (
            1, first["l"] + 1, first["a"] + 1,
        )  # fmt: skip
        _, rows = await rest.get("/aggTrades", "symbol=XRPUSDT")
        assert [{name: m[name] for name in rows[0]} for m in client.messages] == rows


@pytest.mark.parametrize(("levels", "suffix", "period"), [(5, "", 1_000), (20, "@100ms", 100)])
async def test_partial_books(
    watch: Any, exchange: Exchange, rest: Rest, levels: int, suffix: str, period: int
) -> None:
    async with watch(f"xrpusdt@depth{levels}{suffix}", period) as feed:
        (message,) = await feed.turn()
        _, snapshot = await rest.get("/depth", f"symbol=XRPUSDT&limit={levels}")
        assert message == snapshot
        assert len(message["bids"]) == levels
        assert await feed.turn() == [], "nothing changed"
        trade(exchange, Side.SELL, 3)
        (message,) = await feed.turn()
        assert message["lastUpdateId"] == exchange.sequence


async def test_klines_follow_their_interval(watch: Any, exchange: Exchange, clock: Clock) -> None:
    async with watch("xrpusdt@kline_1m", 2_000) as feed:
        assert await feed.turn() == [], "nothing was ever traded"
        price = trade(exchange, Side.SELL, 5)
        clock.now += 10 * NS
        (event,) = await feed.turn()
        assert list(event) == ["e", "E", "s", "k"]
        assert (event["e"], event["E"], event["s"]) == ("kline", clock.now // MS, "XRPUSDT")
        trade_id = exchange.trades.newest(1)[0].trade_id
        quote = f"{price * 5 / 10**5:.5f}000"
        assert event["k"] == {
            "t": NOON // MS, "T": NOON // MS + 59_999, "s": "XRPUSDT", "i": "1m", "f": trade_id,
            "L": trade_id, "o": text(price), "c": text(price), "h": text(price), "l": text(price),
            "v": "0.50000000", "n": 1, "x": False, "q": quote, "V": "0.00000000",
            "Q": "0.00000000", "B": "0",
        }  # fmt: skip
        assert await feed.turn() == []
        clock.now += 15 * NS
        trade(exchange, Side.BUY, 2)
        (event,) = await feed.turn()
        assert (event["k"]["n"], event["k"]["V"]) == (2, "0.20000000")
        clock.now += 100 * NS
        closed, empty, current = await feed.turn()
        assert [e["k"]["x"] for e in (closed, empty, current)] == [True, True, False]
        assert closed["k"] | {"x": False} == event["k"]
        assert (empty["k"]["n"], empty["k"]["o"], empty["k"]["f"]) == (0, event["k"]["c"], -1)
        assert current["k"]["t"] == NOON // MS + 120_000


async def test_klines_of_another_zone(watch: Any, exchange: Exchange, clock: Clock) -> None:
    async with watch("xrpusdt@kline_1d@+08:00/xrpusdt@kline_1s", 2_000) as feed:
        trade(exchange, Side.SELL, 5)
        (event,) = await feed.turn()
        assert event["k"]["t"] == NOON // MS - 20 * 3_600_000


@pytest.mark.parametrize("array", [False, True])
async def test_tickers(
    watch: Any, exchange: Exchange, rest: Rest, clock: Clock, array: bool
) -> None:
    low = trade(exchange, Side.SELL, 5)
    clock.now += 3_000 * NS
    high = trade(exchange, Side.BUY, 15)
    stream = "!miniTicker@arr" if array else "xrpusdt@miniTicker"
    async with watch(stream, 1_000) as feed:
        (event,) = await feed.turn()
        if array:
            (event,) = event
        assert event == {
            "e": "24hrMiniTicker", "E": clock.now // MS, "s": "XRPUSDT", "c": text(high),
            "o": text(low), "h": text(high), "l": text(low), "v": "2.00000000",
            "q": f"{(5 * low + 15 * high) / 10**5:.5f}000",
        }  # fmt: skip
        assert await feed.turn() == [], "nothing was traded"
    stream = "!ticker_1h@arr" if array else "xrpusdt@ticker_1h"
    async with watch(stream, 1_000) as feed:
        (event,) = await feed.turn()
        if array:
            (event,) = event
        assert list(event) == [
            "e", "E", "s", "p", "P", "o", "h", "l", "c", "w", "v", "q", "O", "C", "F", "L", "n",
        ]  # fmt: skip
        assert (event["e"], event["n"], event["O"] % 60_000) == ("1hTicker", 2, 0)
        assert event["C"] == clock.now // MS
        _, query = await rest.get("/ticker", "symbol=XRPUSDT&windowSize=1h")
        assert [event[name] for name in "pPwohlcvqOCFLn"] == [
            query[name] for name in (
                "priceChange", "priceChangePercent", "weightedAvgPrice", "openPrice", "highPrice",
                "lowPrice", "lastPrice", "volume", "quoteVolume", "openTime", "closeTime",
                "firstId", "lastId", "count",
            )
        ]  # fmt: skip


async def test_the_full_ticker_is_the_one_of_rest(
    watch: Any, exchange: Exchange, rest: Rest, clock: Clock
) -> None:
    trade(exchange, Side.SELL, 5)
    clock.now += 86_399 * NS
    trade(exchange, Side.BUY, 15)
    clock.now += 2 * NS
    async with watch("xrpusdt@ticker", 1_000) as feed:
        (event,) = await feed.turn()
        assert (event["e"], event["s"], event["E"]) == ("24hrTicker", "XRPUSDT", clock.now // MS)
        _, query = await rest.get("/ticker/24hr", "symbol=XRPUSDT")
        names = {
            "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice",
            "x": "prevClosePrice", "c": "lastPrice", "Q": "lastQty", "b": "bidPrice", "B": "bidQty",
            "a": "askPrice", "A": "askQty", "o": "openPrice", "h": "highPrice", "l": "lowPrice",
            "v": "volume", "q": "quoteVolume", "O": "openTime", "C": "closeTime", "F": "firstId",
            "L": "lastId", "n": "count",
        }  # fmt: skip
        assert list(event) == ["e", "E", "s", *names]
        assert {short: event[short] for short in names} == {
            short: query[long] for short, long in names.items()
        }
        assert event["n"] == 1, "the other is older than a day"
        best = exchange.matching.best(Side.BUY)
        assert best is not None
        exchange.place_background(Side.BUY, best[0] + 1, 1, TimeInForce.GTC)
        (event,) = await feed.turn()
        assert event["B"] == "0.10000000"


async def test_average_and_reference_price(
    watch: Any, face: BinanceFace, exchange: Exchange, clock: Clock
) -> None:
    async with watch("xrpusdt@avgPrice/xrpusdt@referencePrice", 1_000) as feed:
        assert await feed.turn() == []
        low = trade(exchange, Side.SELL, 5)
        clock.now += 100 * NS
        high, traded = trade(exchange, Side.BUY, 15), clock.now
        face.market.reference = (24_000, NOON)
        clock.now += NS
        average, reference = await feed.turn()
        assert list(average) == ["e", "E", "s", "i", "w", "T"]
        assert (average["e"], average["i"], average["T"]) == ("avgPrice", "5m", traded // MS)
        assert Fraction(average["w"]) == Fraction(low + 3 * high, 4 * 10**4)
        assert reference == {
            "e": "referencePrice", "s": "XRPUSDT", "r": "2.40000000", "t": NOON // MS,
        }  # fmt: skip
        face.market.reference = (None, clock.now)
        (reference,) = await feed.turn()
        assert reference["r"] is None


async def test_the_venues_timers_do_the_same(venue: MockVenues, exchange: Exchange) -> None:
    url = venue.line["venues"]["binance"]["stream_url"]
    names = ["depth5@100ms", "depth", "kline_1s", "kline_1m", "miniTicker", "ticker", "avgPrice"]
    streams = "/".join(f"xrpusdt@{name}" for name in names)
    trade(exchange, Side.SELL, 5)
    async with connected(f"{url}/stream?streams={streams}") as client, asyncio.timeout(20):
        trade(exchange, Side.SELL, 5)
        for name in names:
            stream = f"xrpusdt@{name}"
            await client.until(lambda m, stream=stream: m["stream"] == stream)


async def test_nothing_is_made_for_nobody_and_once_for_many(
    venue: MockVenues, face: BinanceFace, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xrpfast.simulation.binance import stream_events

    made: list[str] = []
    for name in ("book_ticker", "trade", "aggregate", "depth_update", "partial_book"):
        real = getattr(stream_events, name)

        def counted(*given: Any, name: str = name, real: Any = real) -> Any:
            made.append(name)
            return real(*given)

        monkeypatch.setattr(stream_events, name, counted)
    trade(exchange, Side.SELL, 5)
    for period in (100, 1_000, 2_000):
        face.streams.flush(period)
    assert made == []
    url = venue.line["venues"]["binance"]["stream_url"]
    stream = "xrpusdt@trade"
    async with connected(f"{url}/ws/{stream}") as one, connected(f"{url}/ws/{stream}") as two:
        async with connected(f"{url}/stream?streams={stream}") as three:
            trade(exchange, Side.SELL, 5)
            bare = await one.until(lambda m: m["e"] == "trade")
            assert await two.until(lambda m: m["e"] == "trade") == bare
            assert (await three.until(lambda m: "data" in m))["data"] == bare
        assert made == ["trade"]


async def test_a_break_is_silent_and_leaves_no_gap(
    watch: Any, face: BinanceFace, exchange: Exchange
) -> None:
    async with watch("xrpusdt@depth@100ms/xrpusdt@bookTicker/xrpusdt@trade", 100) as feed:
        first = exchange.sequence + 1
        trade(exchange, Side.SELL, 3)
        assert len(await feed.turn()) == 3
        face.venue.status = "BREAK"
        for _ in range(3):
            trade(exchange, Side.SELL, 3)
            assert await feed.turn() == []
        face.venue.status = "TRADING"
        (update,) = await feed.turn()
        assert (update["U"], update["u"]) == (first + 1, exchange.sequence)


async def test_a_symbol_that_only_cancels_has_no_klines(
    watch: Any, face: BinanceFace, exchange: Exchange
) -> None:
    trade(exchange, Side.SELL, 3)
    async with watch("xrpusdt@kline_1d", 2_000) as feed:
        face.venue.status = "CANCEL_ONLY"
        assert await feed.turn() == []
        face.venue.status = "HALT"
        assert len(await feed.turn()) == 1
