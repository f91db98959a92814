"""The push socket of the mock KuCoin on a real socket: session rules, public topics, the book."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from support.kucoin_client import SYMBOL, World, topic
from support.sockets import Client, connected
from xrpfast.model import Side, TimeInForce

LEVEL2 = f"/market/level2:{SYMBOL}"
TICKER = f"/market/ticker:{SYMBOL}"
LEVEL1 = f"/spotMarket/level1:{SYMBOL}"
MATCH = f"/market/match:{SYMBOL}"
DEPTH5 = f"/spotMarket/level2Depth5:{SYMBOL}"
DEPTH50 = f"/spotMarket/level2Depth50:{SYMBOL}"


class Rebuilt:
    """A book kept as the venue's manual says, with plain dictionaries."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.last = int(snapshot["sequence"])
        self.sides = {side: dict(snapshot[side]) for side in ("bids", "asks")}
        self.hidden = self.several = self.holes = 0

    def apply(self, data: dict[str, Any]) -> None:
        start, end = data["sequenceStart"], data["sequenceEnd"]
        if end <= self.last:
            return
        assert start <= self.last + 1, f"gap: {start} after {self.last}"
        numbers = []
        for side in ("bids", "asks"):
            for price, size, number in data["changes"][side]:
                assert start <= int(number) <= end
                numbers.append(int(number))
                if int(number) <= self.last:
                    continue
                if price == "0":
                    self.hidden += 1
                elif size == "0":
                    self.sides[side].pop(price, None)
                else:
                    self.sides[side][price] = size
        assert len(set(numbers)) == len(numbers)
        assert max(numbers) == end
        self.several += len(numbers) > 1
        self.holes += len(numbers) < end - start + 1
        self.last = end

    def rows(self) -> dict[str, list[list[str]]]:
        def by_price(side: str) -> list[list[str]]:
            rows = [list(row) for row in self.sides[side].items()]
            return sorted(rows, key=lambda row: float(row[0]), reverse=side == "bids")

        return {side: by_price(side) for side in self.sides}


async def until_sequence(client: Client, last: int) -> None:
    await client.until(lambda m: topic(LEVEL2)(m) and m["data"]["sequenceEnd"] >= last)


async def test_book_of_snapshot_and_frames_equals_the_truth(kucoin: World) -> None:
    """Subscribe, let the market run, take a snapshot amid it, run on: every level agrees."""
    flow = kucoin.flow
    async with kucoin.push(LEVEL2) as client:
        for _ in range(60):
            flow.step()
        data = await kucoin.get(f"/api/v3/market/orderbook/level2?symbol={SYMBOL}")
        assert isinstance(data["sequence"], str)
        for _ in range(200):
            flow.step()
            # Sweeps of several levels make frames with several changes.
            if flow.steps % 10 == 0:
                price = kucoin.best(Side.SELL)[0] + 120
                kucoin.exchange.place_background(Side.BUY, price, 15_000_000, TimeInForce.IOC)
        truth = kucoin.face.venue.market.book(10_000)
        await until_sequence(client, int(truth["sequence"]))
    frames = [m["data"] for m in client.messages if topic(LEVEL2)(m)]
    assert frames[0]["sequenceStart"] <= int(data["sequence"])
    book = Rebuilt(data)
    for frame in frames:
        book.apply(frame)
    assert book.last == int(truth["sequence"])
    assert book.rows() == {"bids": truth["bids"], "asks": truth["asks"]}
    assert len(truth["bids"]) > 20
    # The stream has what connectors stumble on.
    assert book.hidden > 10
    assert book.several > 10
    for before, after in pairwise(frames):
        assert after["sequenceStart"] == before["sequenceEnd"] + 1


async def test_changes_of_one_price_are_collapsed_to_the_last(kucoin: World) -> None:
    price = kucoin.best(Side.SELL)[0] - 10
    for qty in (20_000, 30_000, 40_000):
        kucoin.exchange.place_background(Side.SELL, price, qty, TimeInForce.GTC)
    kucoin.face.venue.market.sequencer.hidden_share = 0
    async with kucoin.push(LEVEL2, MATCH) as client:
        first = kucoin.face.venue.market.sequencer.last
        kucoin.exchange.place_background(Side.BUY, price, 60_000, TimeInForce.IOC)
        frame = (await client.until(topic(LEVEL2)))["data"]
    assert (frame["sequenceStart"], frame["sequenceEnd"]) == (first + 1, first + 3)
    wire = kucoin.face.venue.wire
    assert frame["changes"] == {"bids": [], "asks": [[wire.price(price), "3", str(first + 3)]]}
    trades = [m["data"] for m in client.messages if topic(MATCH)(m)]
    assert [trade["size"] for trade in trades] == ["2", "3", "1"]
    assert {trade["side"] for trade in trades} == {"buy"}
    assert all(len(trade["time"]) == 19 for trade in trades)
    assert int(trades[0]["tradeId"]) > 2**53


async def test_ticker_equals_the_book_at_its_sequence(kucoin: World) -> None:
    async with kucoin.push(TICKER) as client:
        data = (await client.until(topic(TICKER)))["data"]
        market = kucoin.face.venue.market
        assert data["sequence"] == str(market.sequencer.last)
        bid, ask = market.book(1)["bids"][0], market.book(1)["asks"][0]
        assert [data["bestBid"], data["bestBidSize"]] == bid
        assert [data["bestAsk"], data["bestAskSize"]] == ask
        count = len(client.messages)
        price = kucoin.best(Side.BUY)[0] - 1
        kucoin.exchange.place_background(Side.BUY, price, 50_000, TimeInForce.GTC)
        await asyncio.sleep(0.25)
        assert len(client.messages) == count, "a change below the best is no ticker"
        kucoin.exchange.place_background(Side.BUY, price + 2, 50_000, TimeInForce.GTC)
        await client.until(topic(TICKER), count)


async def test_level1_and_depths(kucoin: World) -> None:
    async with kucoin.push(LEVEL1, DEPTH5, DEPTH50) as client:
        level1 = (await client.until(topic(LEVEL1)))["data"]
        depth5 = (await client.until(topic(DEPTH5)))["data"]
        depth50 = (await client.until(topic(DEPTH50)))["data"]
    book = kucoin.face.venue.market.book(50)
    assert level1["bids"] == book["bids"][0]
    assert level1["asks"] == book["asks"][0]
    assert depth5["bids"] == book["bids"][:5]
    assert depth5["asks"] == book["asks"][:5]
    assert depth50["bids"] == book["bids"]
    assert {"timestamp"} == set(depth50) - {"asks", "bids"}
    assert "sequence" not in level1


@pytest.mark.parametrize("query", ["", "token=forged&connectId=a"])
async def test_bad_token_is_told_and_the_socket_ends(kucoin: World, query: str) -> None:
    async with connected(f"{kucoin.face.venue.push_url}?{query}") as client:
        error = await client.until(lambda m: True)
        assert (error["type"], error["code"], error["data"]) == ("error", 401, "token is invalid")
        await asyncio.wait_for(client.closed.wait(), 10)


async def test_open_socket_survives_its_token(kucoin: World) -> None:
    async with kucoin.push() as client:
        kucoin.face.venue.hub.tokens.expire_all()
        client.send({"id": "1", "type": "ping"})
        assert (await client.until(lambda m: m["type"] == "pong"))["id"] == "1"


async def test_pong_has_microseconds_and_the_id_as_text(kucoin: World) -> None:
    async with kucoin.push() as client:
        client.send({"id": 1760000000001, "type": "ping"})
        pong = await client.until(lambda m: m["type"] == "pong")
        assert pong["id"] == "1760000000001"
        assert len(str(pong["timestamp"])) == 16


async def test_silence_ends_the_socket_while_data_streams(kucoin: World) -> None:
    kucoin.face.venue.hub.settings.silence_s = 0.2
    kucoin.flow.running = True
    async with kucoin.push(LEVEL2) as client:
        error = await client.until(lambda m: m["type"] == "error")
        assert (error["code"], error["data"]) == (400, "ping timeout")
        await asyncio.wait_for(client.closed.wait(), 10)
        assert client.close_code == 1000


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('{"id":"1","type":"subscribe","topic":"/market/nothing:A-B","response":true}', 404),
        ('{"id":"1","type":"subscribe","response":true}', 406),
        ('{"id":"1","type":"subscribe","topic":"","response":true}', 406),
        ('{"id":"1","type":"subscribe","topic":"/market/level2","response":true}', 400),
        ('{"id":"1","type":"subscribe","topic":17,"response":true}', 400),
        ('{"id":"1","type":"subscribe","topic":"/account/balance","response":true}', 403),
        ('{"id":"1","type":"dance"}', 415),
        ('{"id":"1"}', 415),
        ("not json", 400),
        ("[]", 400),
    ],
)
async def test_bad_messages_get_the_venues_error(kucoin: World, message: str, code: int) -> None:
    async with kucoin.push() as client:
        client.send(message)
        error = await client.until(lambda m: m["type"] == "error")
        assert error["code"] == code
        assert isinstance(error["id"], str)
        client.send({"id": "after", "type": "ping"})
        await client.until(lambda m: m.get("id") == "after")


async def test_unknown_symbol_is_acked_and_silent(kucoin: World) -> None:
    async with kucoin.push("/market/level2:NO-SUCH") as client:
        kucoin.flow.step()
        client.send({"id": "p", "type": "ping"})
        await client.until(lambda m: m["type"] == "pong")
        assert [m["type"] for m in client.messages] == ["welcome", "ack", "pong"]


async def test_more_than_a_hundred_symbols_at_once(kucoin: World) -> None:
    many = ",".join(f"A{n}-USDT" for n in range(101))
    async with kucoin.push() as client:
        client.send({"id": "1", "type": "subscribe", "topic": f"/market/level2:{many}"})
        assert (await client.until(lambda m: m["type"] == "error"))["code"] == 509


async def test_too_many_topics_and_messages(kucoin: World) -> None:
    kucoin.face.venue.hub.settings.max_topics = 1
    kucoin.face.venue.hub.settings.messages_per_10_s = 3
    async with kucoin.push(LEVEL2) as client:
        for kind in ("subscribe", "ping", "ping"):
            client.send({"id": "1", "type": kind, "topic": TICKER, "response": True})
        first = await client.until(lambda m: m["type"] == "error")
        assert "per session" in first["data"]
        last = await client.until(lambda m: m["type"] == "error" and "permits" in m["data"])
        assert last["code"] == 509


async def test_double_subscribe_is_one_stream_and_no_response_no_ack(kucoin: World) -> None:
    async with kucoin.push(LEVEL2, LEVEL2) as client:
        client.send({"id": "quiet", "type": "subscribe", "topic": MATCH})
        client.send({"id": "p", "type": "ping"})
        await client.until(lambda m: m["type"] == "pong")
        best, _ = kucoin.best(Side.SELL)
        kucoin.exchange.place_background(Side.BUY, best, 10_000, TimeInForce.IOC)
        await client.until(topic(LEVEL2))
        await client.until(topic(MATCH))
        client.send({"id": "q", "type": "ping"})
        await client.until(lambda m: m.get("id") == "q")
    assert sum(m["type"] == "ack" for m in client.messages) == 2
    assert not [m for m in client.messages if m.get("id") == "quiet"]
    assert sum(topic(LEVEL2)(m) for m in client.messages) == 1


async def test_unsubscribe_ends_the_stream(kucoin: World) -> None:
    async with kucoin.push(LEVEL2) as client:
        client.send({"id": "u", "type": "unsubscribe", "topic": LEVEL2, "response": True})
        await client.until(lambda m: m.get("id") == "u")
        count = len(client.messages)
        kucoin.flow.step()
        client.send({"id": "p", "type": "ping"})
        await client.until(lambda m: m["type"] == "pong")
        assert len(client.messages) == count + 1


async def test_sockets_leave_nothing_behind(kucoin: World) -> None:
    hub = kucoin.face.venue.hub
    async with kucoin.push(LEVEL2, TICKER):
        assert hub.watched(LEVEL2)
    async with asyncio.timeout(10):
        while hub.sessions:  # noqa: ASYNC110 - the server's side has no event of it
            await asyncio.sleep(0.01)
    assert not hub.watched(LEVEL2)
    kucoin.flow.step()


async def test_hook_before_a_level2_frame(kucoin: World) -> None:
    stamps: list[int] = []
    kucoin.face.before_send = stamps.append
    kucoin.flow.step()
    assert not stamps, "nobody watches"
    async with kucoin.push(LEVEL2) as client:
        best, _ = kucoin.best(Side.SELL)
        kucoin.exchange.place_background(Side.BUY, best, 10_000, TimeInForce.IOC)
        assert len(stamps) == 1
        await client.until(topic(LEVEL2))


async def test_other_path_is_refused(kucoin: World) -> None:
    from picows import WSHandshakeError

    with pytest.raises(WSHandshakeError):
        async with connected(kucoin.face.venue.push_url + "nowhere"):
            pass


async def test_too_many_sockets_of_one_customer_or_address(kucoin: World) -> None:
    hub = kucoin.face.venue.hub
    hub.settings.max_sessions = 1
    async with kucoin.push(private=True), kucoin.push() as public:
        for kind, signed in (("private", True), ("public", False)):
            data = (await kucoin.call("POST", f"/api/v1/bullet-{kind}", signed=signed)).data
            url = f"{data['instanceServers'][0]['endpoint']}?token={data['token']}&connectId=b"
            async with connected(url) as client:
                error = await client.until(lambda m: True)
                assert (error["id"], error["code"]) == ("b", 509)
                assert "session count" in error["data"]
                await asyncio.wait_for(client.closed.wait(), 10)
        assert len(hub.sessions) == 2
        public.send({"id": "1", "type": "ping"})
        await public.until(lambda m: m["type"] == "pong")


async def test_welcome_may_come_late(kucoin: World) -> None:
    kucoin.face.venue.hub.settings.welcome_delay_s = 0.05
    async with kucoin.push(LEVEL1) as client:
        assert [m["type"] for m in client.messages[:2]] == ["welcome", "ack"]


async def test_second_watcher_joins_a_paced_topic(kucoin: World) -> None:
    """Each watcher sees the present state soon, and one change is one frame for both."""
    async with kucoin.push(LEVEL1) as one:
        await one.until(topic(LEVEL1))
        async with kucoin.push(LEVEL1) as two:
            await two.until(topic(LEVEL1))
            counts = len(one.messages), len(two.messages)
            best, _ = kucoin.best(Side.BUY)
            kucoin.exchange.place_background(Side.BUY, best + 1, 50_000, TimeInForce.GTC)
            for client, count in ((one, counts[0]), (two, counts[1])):
                frame = await client.until(topic(LEVEL1), count)
                assert frame["data"]["bids"] == [kucoin.price(Side.BUY), "5"]
            for client, count in ((one, counts[0]), (two, counts[1])):
                client.send({"id": "p", "type": "ping"})
                await client.until(lambda m: m.get("id") == "p")
                assert sum(topic(LEVEL1)(m) for m in client.messages[count:]) == 1


async def test_old_orders_topic_has_no_received(kucoin: World) -> None:
    old = "/spotMarket/tradeOrders"
    async with kucoin.push(old, "/spotMarket/advancedOrders", private=True) as events:
        await kucoin.call("POST", "/api/v1/hf/orders", kucoin.order("buy", "2.3", "25"))
        await kucoin.call("DELETE", f"/api/v1/hf/orders?symbol={SYMBOL}")
        await events.until(lambda m: m.get("data", {}).get("type") == "canceled")
    assert [m["data"]["type"] for m in events.messages if topic(old)(m)] == ["open", "canceled"]


async def test_who_reads_too_slowly_misses_frames_silently(kucoin: World) -> None:
    """Nothing is said and the socket stays; the gap in the sequence is the only sign."""
    hub = kucoin.face.venue.hub
    async with kucoin.push(LEVEL2) as slow, kucoin.push(LEVEL2) as fast:
        slow.transport.underlying_transport.pause_reading()
        stuffing = b'{"type":"stuffing","text":"' + b"x" * 500_000 + b'"}'
        for _ in range(200):
            for session in hub.sessions:
                if not session.congested:
                    session.send(stuffing)
            await asyncio.sleep(0)
            if any(session.congested for session in hub.sessions):
                break
        price, _ = kucoin.best(Side.BUY)
        kucoin.exchange.place_background(Side.BUY, price + 1, 50_000, TimeInForce.GTC)
        await fast.until(topic(LEVEL2))
        assert hub.dropped > 0
        slow.transport.underlying_transport.resume_reading()
        async with asyncio.timeout(10):
            while any(session.congested for session in hub.sessions):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        kucoin.exchange.place_background(Side.BUY, price + 2, 50_000, TimeInForce.GTC)
        seen = (await slow.until(topic(LEVEL2)))["data"]
        assert seen["changes"]["bids"][0][0] != kucoin.face.venue.wire.price(price + 1)
        first = next(m for m in fast.messages if topic(LEVEL2)(m))["data"]
        assert seen["sequenceStart"] == first["sequenceEnd"] + 1
