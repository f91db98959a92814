"""SBE market streams: every frame by the schema's own layout, and the book they carry."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.naive_book import NaiveBook
from support.sbe import Schema
from support.sockets import Client, connected
from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.binance.face import BinanceFace
from xrpfast.simulation.binance.sbe import SbeEncoder, SbeSettings
from xrpfast.simulation.worlds import BINANCE

if TYPE_CHECKING:
    from support.binance import Rest
    from xrpfast.simulation.exchange import Exchange
    from xrpfast.simulation.server import MockVenues

VECTORS = json.loads(
    (Path(__file__).parents[1] / "data/vectors/binance_sbe_stream.json").read_text()
)["vectors"]
SCHEMA = Schema()


def units(text: str, decimals: int) -> int:
    """Exactly, without the engine's parser."""
    whole, _, part = text.partition(".")
    return int(whole + part[:decimals].ljust(decimals, "0"))


def encoded(vector: dict[str, Any], encoder: SbeEncoder) -> bytes:
    """The vector's values through the mock's encoder."""
    values = vector["decoded"]

    def level(pair: list[str]) -> tuple[int, int]:
        return units(pair[0], 4), units(pair[1], 1)

    event = values.get("eventTime", 1790000000123456)
    if vector["templateId"] == 10_000:
        rows = [
            (row["id"], *level([row["price"], row["qty"]]), row["isBuyerMaker"])
            for row in values["trades"]
        ]
        return encoder.trades(event, values["transactTime"], rows)
    if vector["templateId"] == 10_001:
        bid = level([values["bidPrice"], values.get("bidQty", "12345.6")])
        ask = level([values.get("askPrice", "2.1234"), values["askQty"]])
        return encoder.best(event, 9876543210, bid, ask)
    bids, asks = (list(map(level, values[side])) for side in ("bids", "asks"))
    if vector["templateId"] == 10_002:
        return encoder.depth(event, values["bookUpdateId"], bids, asks)
    first, last = values["firstBookUpdateId"], values["lastBookUpdateId"]
    return encoder.diff(event, first, last, bids, asks)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_the_encoder_makes_the_vectors(vector: dict[str, Any]) -> None:
    settings = SbeSettings()
    if vector["id"] == "bestBidAsk-extended-block":
        settings = SbeSettings(version=1, block_tail=bytes.fromhex("deadbeef"))
    elif vector["id"] == "bestBidAsk-exp8":
        settings = SbeSettings(price_decimals=8, qty_decimals=8)
    frame = encoded(vector, SbeEncoder(BINANCE, settings))
    assert frame.hex() == vector["hex"]
    name, values = SCHEMA.decode(frame)
    assert SCHEMA.messages[vector["templateId"]].attrib["name"] == name
    assert values["symbol"] == vector["decoded"]["symbol"] == "XRPUSDT"


@pytest.fixture
def face(venue: MockVenues) -> BinanceFace:
    face = venue.faces["binance"]
    assert isinstance(face, BinanceFace)
    return face


@pytest.fixture
def exchange(face: BinanceFace) -> Exchange:
    return face.exchange


class Sbe:
    """The SBE side of one mock: sockets with the right key."""

    def __init__(self, venue: MockVenues, key: str) -> None:
        self.url = str(venue.line["sbe_stream_url"])
        self.json_url = str(venue.line["venues"]["binance"]["stream_url"])
        self._key = key

    def open(self, path: str) -> AbstractAsyncContextManager[Client]:
        return connected(f"{self.url}{path}", {"X-MBX-APIKEY": self._key})


@pytest.fixture
def sbe(venue: MockVenues) -> Sbe:
    return Sbe(venue, venue.line["ed25519"]["binance"]["ed25519_api_key"])


def decoded(client: Client, name: str) -> list[dict[str, Any]]:
    found = (SCHEMA.decode(frame) for frame in client.frames)
    return [values for kind, values in found if kind == name]


def pairs(rows: list[dict[str, int]]) -> list[tuple[int, int]]:
    return [(row["price"], row["qty"]) for row in rows]


def is_diff_up_to(sequence: int) -> Any:
    return lambda frame: SCHEMA.decode(frame)[1].get("lastBookUpdateId") == sequence


async def test_the_book_of_sbe_is_the_book_of_json(
    venue: MockVenues, sbe: Sbe, rest: Rest, exchange: Exchange
) -> None:
    async with (
        sbe.open("/ws/xrpusdt@depth") as binary,
        connected(f"{sbe.json_url}/ws/xrpusdt@depth@100ms") as text,
    ):
        for _ in range(20):
            venue.flow.step()
        await binary.until_frame(lambda _: True)
        await text.until(lambda m: m.get("e") == "depthUpdate")
        _, snapshot = await rest.get("/depth", "symbol=XRPUSDT&limit=5000")
        for _ in range(20):
            for _ in range(5):
                venue.flow.step()
            await asyncio.sleep(0.01)
        await binary.until_frame(is_diff_up_to(exchange.sequence))
        await text.until(lambda m: m.get("u") == exchange.sequence)
    books = NaiveBook(), NaiveBook()
    for book in books:
        book.load(snapshot)
    updates = decoded(binary, "DepthDiffStreamEvent")
    assert len(updates) > 3
    for earlier, later in itertools.pairwise(updates):
        assert later["firstBookUpdateId"] == earlier["lastBookUpdateId"] + 1
        assert later["eventTime"] >= earlier["eventTime"]
    for event in updates:
        assert (event["priceExponent"], event["qtyExponent"]) == (-4, -1)
        books[0].change(
            event["firstBookUpdateId"], event["lastBookUpdateId"], pairs(event["bids"]),
            pairs(event["asks"]),
        )  # fmt: skip
    for message in text.messages:
        books[1].apply(message)
    for side in (0, 1):
        levels = exchange.matching.levels(Side(side), 10_000)
        assert books[0].levels(side) == books[1].levels(side) == levels


async def test_the_fills_of_one_transaction_share_a_frame(sbe: Sbe, exchange: Exchange) -> None:
    async with sbe.open("/stream?streams=xrpusdt@trade") as client:
        best = exchange.matching.best(Side.BUY)
        assert best is not None
        for qty in (4, 5):
            exchange.place_background(Side.BUY, best[0] + 1, qty, TimeInForce.GTC)
        exchange.place_background(Side.SELL, best[0], 11, TimeInForce.IOC)
        frame = await client.until_frame(lambda _: True)
        _, event = SCHEMA.decode(frame)
        newest = exchange.trades.newest(3)
        assert [(row["id"], row["price"], row["qty"]) for row in event["trades"]] == [
            (trade.trade_id, trade.price, trade.qty) for trade in newest
        ]
        assert [row["qty"] for row in event["trades"]] == [4, 5, 2]
        assert {row["isBuyerMaker"] for row in event["trades"]} == {1}
        assert event["transactTime"] == newest[0].wall_ns // 1_000
        assert event["eventTime"] >= event["transactTime"]
        assert len(client.frames) == 1


async def test_the_touch_in_real_time_and_twenty_levels(sbe: Sbe, exchange: Exchange) -> None:
    async with sbe.open("/ws/xrpusdt@bestBidAsk/xrpusdt@depth20") as client:
        best, other = (exchange.matching.best(side) for side in (Side.BUY, Side.SELL))
        assert best is not None
        assert other is not None
        exchange.place_background(Side.BUY, best[0] - 40, 3, TimeInForce.GTC)
        exchange.place_background(Side.BUY, best[0] + 1, 123, TimeInForce.GTC)
        last = exchange.sequence
        await client.until_frame(lambda f: SCHEMA.decode(f)[0] == "BestBidAskStreamEvent")
        (touch,) = decoded(client, "BestBidAskStreamEvent")
        assert (touch["bidPrice"], touch["bidQty"]) == (best[0] + 1, 123)
        assert (touch["askPrice"], touch["askQty"]) == other
        assert touch["bookUpdateId"] == last
        await client.until_frame(
            lambda f: (
                SCHEMA.decode(f)[0] == "DepthSnapshotStreamEvent"
                and SCHEMA.decode(f)[1]["bookUpdateId"] == last
            )
        )
        depth = decoded(client, "DepthSnapshotStreamEvent")[-1]
        for side, name in ((Side.BUY, "bids"), (Side.SELL, "asks")):
            assert pairs(depth[name]) == exchange.matching.levels(side, 20)
            assert len(depth[name]) == 20


async def test_of_waiting_touches_the_newest_is_told(
    sbe: Sbe, face: BinanceFace, exchange: Exchange
) -> None:
    async with sbe.open("/ws/xrpusdt@bestBidAsk") as client:
        (feed,) = face.sbe_streams._feeds.named.values()
        (connection,) = feed.connections
        connection.pause_writing()  # as the socket does when the client reads too slowly
        best = exchange.matching.best(Side.BUY)
        assert best is not None
        for step in (1, 2, 3):
            exchange.place_background(Side.BUY, best[0] + step, 5 + step, TimeInForce.GTC)
        connection.resume_writing()
        exchange.place_background(Side.BUY, best[0] + 4, 9, TimeInForce.GTC)
        await client.until_frame(lambda f: SCHEMA.decode(f)[1]["bidQty"] == 9)
        assert [t["bidQty"] for t in decoded(client, "BestBidAskStreamEvent")] == [8, 9]


async def test_control_frames_are_text(sbe: Sbe, face: BinanceFace) -> None:
    face.sbe_streams.sockets.settings.messages_per_s = None
    async with sbe.open("/ws") as client:
        reply = await client.request("SUBSCRIBE", ["xrpusdt@trade", "xrpusdt@depth@100ms"])
        assert reply["result"] is None
        listed = await client.request("LIST_SUBSCRIPTIONS")
        assert listed["result"] == ["xrpusdt@trade", "xrpusdt@depth@100ms"]
        error = await client.request("SUBSCRIBE", ["nonsense"])
        assert error["error"] == {"code": 2, "msg": "Invalid request: invalid stream"}
        face.shutdown(0.1)
        event = await client.until(lambda m: "e" in m)
        assert (event["e"], set(event)) == ("serverShutdown", {"e", "E"})
        await client.closed.wait()
        assert client.close_code == 1001


async def test_exponents_and_blocks_may_change(
    sbe: Sbe, face: BinanceFace, exchange: Exchange
) -> None:
    face.sbe_streams.sbe.price_decimals, face.sbe_streams.sbe.qty_decimals = 8, 6
    face.sbe_streams.sbe.block_tail, face.sbe_streams.sbe.version = b"\x01\x02", 7
    async with sbe.open("/ws/xrpusdt@bestBidAsk") as client:
        best = exchange.matching.best(Side.BUY)
        assert best is not None
        exchange.place_background(Side.BUY, best[0] + 1, 123, TimeInForce.GTC)
        frame = await client.until_frame(lambda _: True)
        _, touch = SCHEMA.decode(frame)
        assert (touch["priceExponent"], touch["qtyExponent"]) == (-8, -6)
        assert touch["bidPrice"] == (best[0] + 1) * 10**4
        assert touch["bidQty"] == 123 * 10**5


@pytest.mark.parametrize("key", [None, "short", "F" * 64, "hmac"])
async def test_only_ed25519_keys_may_come_in(venue: MockVenues, sbe: Sbe, key: str | None) -> None:
    if key == "hmac":
        key = venue.line["venues"]["binance"]["api_key"]
    headers = {} if key is None else {"X-MBX-APIKEY": key}
    with pytest.raises(Exception, match="401"):
        async with connected(f"{sbe.url}/ws/xrpusdt@trade", headers):
            pass
