"""What the mock KuCoin tells of its market beside books: trades, candles, statistics, lists."""

from __future__ import annotations

from typing import Any

import pytest

from support.kucoin_client import SYMBOL, World, now_ms, topic
from xrpfast.model import Side, TimeInForce

SNAPSHOT = f"/market/snapshot:{SYMBOL}"
CANDLES = f"/market/candles:{SYMBOL}_1min"
MARKET = "/api/v1/market"


async def public(kucoin: World, target: str) -> Any:
    return (await kucoin.call("GET", target, signed=False)).data


def trade(kucoin: World, qty: int = 10_000, side: Side = Side.BUY) -> int:
    """Somebody takes some of the best level; its price."""
    price, _ = kucoin.best(side.opposite)
    kucoin.exchange.place_background(side, price, qty, TimeInForce.IOC)
    return price


async def test_before_the_first_trade(kucoin: World) -> None:
    assert kucoin.exchange.last_trade is None
    stats = await public(kucoin, f"{MARKET}/stats?symbol={SYMBOL}")
    assert (stats["last"], stats["high"], stats["vol"]) == (None, None, "0")
    assert [stats["buy"], stats["sell"]] == [kucoin.price(Side.BUY), kucoin.price(Side.SELL)]
    assert await public(kucoin, f"{MARKET}/histories?symbol={SYMBOL}") == []
    assert await public(kucoin, f"{MARKET}/candles?symbol={SYMBOL}&type=1min") == []
    assert await public(kucoin, "/api/v1/prices") == {"USDT": "1"}


async def test_trades_oldest_first(kucoin: World) -> None:
    for number in range(102):
        trade(kucoin, 10_000 + number, Side(number % 2))
    rows = await public(kucoin, f"{MARKET}/histories?symbol={SYMBOL}")
    assert len(rows) == 100
    assert [rows[0]["size"], rows[-1]["size"]] == ["1.0002", "1.0101"]
    assert [rows[0]["side"], rows[1]["side"]] == ["buy", "sell"]
    numbers = [int(row["sequence"]) for row in rows]
    assert numbers == sorted(set(numbers))
    assert isinstance(rows[0]["time"], int)
    assert len(str(rows[0]["time"])) == 19


async def test_statistics_and_tickers(kucoin: World) -> None:
    first = trade(kucoin, 20_000)
    low = trade(kucoin, 20_000, Side.SELL)
    wire = kucoin.face.venue.wire
    stats = await public(kucoin, f"{MARKET}/stats?symbol={SYMBOL}")
    assert {
        "symbol": SYMBOL,
        "high": wire.price(first),
        "low": wire.price(low),
        "last": wire.price(low),
        "vol": "4",
        "changePrice": wire.price(low - first),
        "takerFeeRate": "0.001",
        "makerFeeRate": "0.001",
        "takerCoefficient": "1",
        "makerCoefficient": "1",
    }.items() <= stats.items()
    assert stats["volValue"] == wire.price(2 * (first + low))
    assert float(stats["averagePrice"]) == pytest.approx((first + low) / 2 / 10**5)
    assert float(stats["changeRate"]) == round((low - first) / first, 4)
    found = await public(kucoin, f"{MARKET}/allTickers")
    (row,) = found["ticker"]
    assert (row["symbol"], row["symbolName"], row["last"]) == (SYMBOL, SYMBOL, stats["last"])
    assert (row["buy"], row["bestBidSize"]) == (
        kucoin.price(Side.BUY),
        wire.qty(kucoin.best(Side.BUY)[1]),
    )
    trade(kucoin)
    again = await public(kucoin, f"{MARKET}/allTickers")
    assert again == found, "the list is made anew every two seconds"
    assert await public(kucoin, "/api/v1/prices?base=USD&currencies=XRP") == {
        "XRP": wire.price(kucoin.exchange.last_trade.price)  # type: ignore[union-attr]
    }
    assert (await kucoin.call("GET", "/api/v1/prices?base=EUR", signed=False)).code == "400100"


@pytest.mark.parametrize(
    "kind",
    [
        "1min",
        "3min",
        "5min",
        "15min",
        "30min",
        "1hour",
        "2hour",
        "4hour",
        "6hour",
        "8hour",
        "12hour",
        "1day",
        "1week",
        "1month",
    ],
)
async def test_candles_of_every_type(kucoin: World, kind: str) -> None:
    first = trade(kucoin, 30_000)
    last = trade(kucoin, 10_000, Side.SELL)
    rows = await public(kucoin, f"{MARKET}/candles?symbol={SYMBOL}&type={kind}")
    price = kucoin.face.venue.wire.price
    assert sum(float(row[5]) for row in rows) == 4
    start = int(rows[0][0])
    assert start <= now_ms() // 1000
    if len(rows) == 1:  # unless a minute ended between the trades
        assert rows[0][1:5] == [price(first), price(last), price(first), price(last)]
        assert rows[0][6] == price(3 * first + last)
    at = f"&startAt={start}&endAt={start}"
    assert (await public(kucoin, f"{MARKET}/candles?symbol={SYMBOL}&type={kind}{at}"))[:1] == rows[
        :1
    ]
    later = f"&startAt={start + 1}"
    assert await public(kucoin, f"{MARKET}/candles?symbol={SYMBOL}&type={kind}{later}") == []


async def test_bad_questions(kucoin: World) -> None:
    for target, code in (
        (f"{MARKET}/candles?symbol={SYMBOL}&type=2min", "400100"),
        (f"{MARKET}/candles?symbol={SYMBOL}", "400100"),
        (f"{MARKET}/candles?type=1min", "400100"),
        (f"{MARKET}/candles?symbol={SYMBOL}&type=1min&startAt=x", "400100"),
        (f"{MARKET}/stats?symbol=NO-SUCH", "900001"),
        (f"{MARKET}/histories", "400100"),
    ):
        assert (await kucoin.call("GET", target, signed=False)).code == code, target


async def test_lists(kucoin: World) -> None:
    assert await public(kucoin, "/api/v1/markets") == ["USDS"]
    assert len(await public(kucoin, "/api/v2/symbols?market=USDS")) == 1
    assert await public(kucoin, "/api/v2/symbols?market=BTC") == []
    assert await public(kucoin, "/api/v1/my-ip") == "127.0.0.1"
    page = await public(kucoin, "/api/v3/announcements?pageSize=10")
    assert (page["items"], page["pageSize"]) == ([], 10)
    kucoin.face.venue.status, kucoin.face.venue.status_text = "cancelonly", "upgrade"
    assert await public(kucoin, "/api/v1/status") == {"status": "cancelonly", "msg": "upgrade"}


# --- pushed -----------------------------------------------------------------------------------


async def test_snapshot_has_bare_numbers(kucoin: World) -> None:
    last = trade(kucoin, 20_000)
    from xrpfast.simulation.kucoin import paced_feed

    topics = (SNAPSHOT, "/market/snapshot:USDS")
    for paced in kucoin.face.venue.market.paced._paced.values():
        if paced.topic in topics:
            assert paced.seconds == paced_feed.PACE_S["/market/snapshot"] == 2.0
            paced.seconds = 0.01
    async with kucoin.push(*topics) as client:
        for name in topics:
            frame = await client.until(topic(name))
            assert frame["subject"] == "trade.snapshot"
            assert frame["data"]["sequence"] == str(kucoin.face.venue.market.sequencer.last)
            data = frame["data"]["data"]
            assert data["lastTradedPrice"] == data["high"] == data["close"] == last / 10**5
            assert (data["vol"], data["market"], data["symbol"]) == (2, "USDS", SYMBOL)
            assert data["marketChange24h"]["vol"] == data["marketChange1h"]["vol"] == 2
            assert data["trading"] is True
            assert abs(data["datetime"] - now_ms()) < 5_000
        count = len(client.messages)
        trade(kucoin)
        await client.until(topic(SNAPSHOT), count)


async def test_all_tickers_carry_the_symbol_as_subject(kucoin: World) -> None:
    async with kucoin.push("/market/ticker:all") as client:
        frame = await client.until(topic("/market/ticker:all"))
    assert frame["subject"] == SYMBOL
    assert frame["data"]["bestBid"] == kucoin.price(Side.BUY)


async def test_candles_are_pushed_as_they_grow(kucoin: World) -> None:
    async with kucoin.push(CANDLES) as client:
        first = trade(kucoin, 10_000)
        frame = await client.until(topic(CANDLES))
        assert frame["subject"] == "trade.candles.update"
        data = frame["data"]
        price = kucoin.face.venue.wire.price(first)
        assert data["symbol"] == SYMBOL
        assert data["candles"][1:6] == [price] * 4 + ["1"]
        assert len(str(data["time"])) == 19
        count = len(client.messages)
        # The next minute, by the venue's own clock.
        kucoin.exchange.wall_ns.offset_ns += 60 * 10**9  # type: ignore[attr-defined]
        trade(kucoin, 20_000)
        frame = await client.until(topic(CANDLES), count)
        assert frame["subject"] == "trade.candles.add"
        assert int(frame["data"]["candles"][0]) == int(data["candles"][0]) + 60
        assert frame["data"]["candles"][5] == "2"


async def test_several_symbols_in_one_topic(kucoin: World) -> None:
    """Unknown ones among them are acked and silent; the known one streams under its own topic."""
    async with kucoin.push(f"/market/level2:AAA-BBB,{SYMBOL},CCC-DDD") as client:
        trade(kucoin)
        frame = await client.until(topic(f"/market/level2:{SYMBOL}"))
        assert frame["data"]["symbol"] == SYMBOL
    assert {m["topic"] for m in client.messages if m["type"] == "message"} == {
        f"/market/level2:{SYMBOL}"
    }


async def test_topics_without_news_are_acked(kucoin: World) -> None:
    async with kucoin.push(
        f"/callauction/level2Depth50:{SYMBOL}", f"/callauction/callauctionData:{SYMBOL}"
    ) as client:
        kucoin.flow.step()
        client.send({"id": "p", "type": "ping"})
        await client.until(lambda m: m["type"] == "pong")
        assert [m["type"] for m in client.messages] == ["welcome", "ack", "ack", "pong"]


async def test_an_empty_side_of_the_book(kucoin: World) -> None:
    kucoin.flow.stop()
    level1 = await public(kucoin, f"{MARKET}/orderbook/level1?symbol={SYMBOL}")
    assert (level1["bestBid"], level1["bestAskSize"]) == ("0", "0")
    async with kucoin.push(f"/spotMarket/level1:{SYMBOL}", SNAPSHOT) as client:
        frame = await client.until(topic(f"/spotMarket/level1:{SYMBOL}"))
        assert (frame["data"]["asks"], frame["data"]["bids"]) == ([], [])
    reply = await kucoin.call(
        "POST",
        "/api/v1/hf/orders/sync",
        {"clientOid": "m", "symbol": SYMBOL, "side": "buy", "type": "market", "size": "5"},
    )
    assert (reply.data["dealSize"], reply.data["canceledSize"]) == ("0", "5")
