"""The newer public push of the mock KuCoin: books in binary frames, without a token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from picows import WSFrame, WSMsgType, WSTransport, ws_connect

from support.kucoin_client import SYMBOL, World
from support.sockets import Client
from xrpfast.model import Side, TimeInForce


class BinaryClient(Client):
    """Reads JSON out of binary frames, and no others."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.BINARY:
            self.messages.append(json.loads(frame.get_payload_as_bytes()))
            self._arrived.set()
        elif frame.msg_type == WSMsgType.CLOSE:
            super().on_ws_frame(transport, frame)
        else:
            raise AssertionError("a frame that is not binary")


@asynccontextmanager
async def uta(kucoin: World, *depths: str) -> AsyncIterator[BinaryClient]:
    client = BinaryClient()
    await ws_connect(lambda: client, kucoin.face.venue.push_url + "uta", enable_auto_pong=False)
    try:
        welcome = await client.until(lambda m: True)
        assert (welcome["message"], welcome["pingInterval"]) == ("welcome", 18_000)
        for depth in depths:
            reply = await ask(client, depth)
            assert reply["result"] is True
        yield client
    finally:
        client.transport.disconnect(graceful=False)
        await client.closed.wait()


async def ask(
    client: Client, depth: str, action: str = "SUBSCRIBE", changes: dict[str, Any] | None = None
) -> Any:
    name = f"{action} {depth} {len(client.messages)}"
    body = {
        "id": name,
        "action": action,
        "channel": "obu",
        "tradeType": "SPOT",
        "symbol": SYMBOL,
        "depth": depth,
        "rpiFilter": 0,
    }
    client.send(body | (changes or {}))
    return await client.until(lambda m: m.get("id") == name)


def of(client: Client, depth: str) -> list[Any]:
    return [m for m in client.messages if m.get("dp") == depth]


def rebuilt(frames: list[Any]) -> dict[str, list[list[str]]]:
    sides: dict[str, dict[str, str]] = {"a": {}, "b": {}}
    last = 0
    for frame in frames:
        data = frame["d"]
        if frame["t"] == "snapshot":
            assert data["O"] == data["C"]
            sides = {side: dict(data[side]) for side in sides}
        else:
            assert data["O"] <= last + 1 <= data["C"] + 1
            for side in sides:
                for price, size in data[side]:
                    if size == "0":
                        del sides[side][price]  # only what was there is deleted
                    else:
                        sides[side][price] = size
        last = data["C"]
    return {
        side: sorted(map(list, rows.items()), key=lambda row: float(row[0]), reverse=side == "b")
        for side, rows in sides.items()
    }


async def test_paced_increments_rebuild_the_book(kucoin: World) -> None:
    depth = "increment@10ms"
    async with uta(kucoin, depth) as client, uta(kucoin) as later:
        for step in range(30):
            kucoin.flow.step()
            if step == 10:
                await ask(later, depth)
            await asyncio.sleep(0.002)
        truth = kucoin.face.venue.market.book(1_000)
        last = int(truth["sequence"])
        for each in (client, later):
            await each.until(lambda m: m.get("dp") == depth and m["d"]["C"] == last)
            book = rebuilt(of(each, depth))
            assert (book["a"], book["b"]) == (truth["asks"], truth["bids"])
    frames = of(client, depth)
    assert [frame["t"] for frame in frames[:2]] == ["snapshot", "delta"]
    assert frames[0]["T"] == "obu.SPOT"
    assert frames[0]["d"]["s"] == SYMBOL
    assert frames[0]["P"] > 2**53
    for before, after in pairwise(frames):
        assert after["d"]["O"] == before["d"]["C"] + 1


async def test_what_falls_out_of_the_top_is_deleted(
    kucoin: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xrpfast.simulation.kucoin import uta_books

    monkeypatch.setattr(uta_books, "KEPT_LEVELS", 3)
    depth = "increment@10ms"
    async with uta(kucoin, depth) as client:
        book = kucoin.face.venue.market.book(3)
        best, _ = kucoin.best(Side.BUY)
        kucoin.exchange.place_background(Side.BUY, best + 1, 50_000, TimeInForce.GTC)
        frame = await client.until(lambda m: m.get("t") == "delta")
        assert sorted(frame["d"]["b"]) == sorted(
            [[kucoin.price(Side.BUY), "5"], [book["bids"][2][0], "0"]]
        )
        assert frame["d"]["a"] == []


async def test_real_time_increments_and_full_books(kucoin: World) -> None:
    async with uta(kucoin, "increment", "1", "5", "50") as client:
        market = kucoin.face.venue.market
        for depth, count in (("1", 1), ("5", 5), ("50", 50)):
            frame = of(client, depth)[0]
            book = market.book(count)
            assert (frame["t"], frame["d"]["a"], frame["d"]["b"]) == (
                "snapshot",
                book["asks"],
                book["bids"],
            )
        assert not of(client, "increment")
        start = market.sequencer.last
        best, _ = kucoin.best(Side.BUY)
        kucoin.exchange.place_background(Side.BUY, best + 1, 50_000, TimeInForce.GTC)
        delta = await client.until(lambda m: m.get("dp") == "increment")
        assert (delta["t"], delta["d"]["O"], delta["d"]["C"]) == (
            "delta",
            start + 1,
            market.sequencer.last,
        )
        assert delta["d"]["b"] == [[kucoin.price(Side.BUY), "5"]]
        for depth in ("1", "5", "50"):
            frame = await client.until(
                lambda m, d=depth: m.get("dp") == d and m["d"]["b"][0][1] == "5"
            )
            assert frame["d"]["C"] == market.sequencer.last
        await ask(client, "increment", "unsubscribe")
        count = len(of(client, "increment"))
        kucoin.flow.step()
        client.send({"id": "p", "type": "ping"})
        await client.until(lambda m: m.get("type") == "pong")
        assert len(of(client, "increment")) == count


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "dance"},
        {"action": 5},
        {"channel": "trade"},
        {"tradeType": "FUTURES"},
        {"symbol": "NO-SUCH"},
        {"symbols": "x"},
        {"symbols": [{}]},
        {"depth": "7"},
        {"depth": None},
    ],
)
async def test_refusals(kucoin: World, changes: dict[str, Any]) -> None:
    async with uta(kucoin) as client:
        reply = await ask(client, "5", "SUBSCRIBE", changes)
        assert reply["result"] is False
        assert reply["message"]


async def test_pings_limits_and_silence(kucoin: World) -> None:
    settings = kucoin.face.venue.uta.settings
    settings.messages_per_10_s, settings.max_topics, settings.silence_s = 6, 1, 0.5
    async with uta(kucoin, "5") as client:
        client.send({"id": 7, "op": "ping", "timestamp": 1})
        pong = await client.until(lambda m: m.get("op") == "pong")
        assert pong["id"] == "7"
        assert pong["ts"] > 2**53
        assert (await ask(client, "50"))["message"] == "too many topics"
        for text in ("no json", "[]"):
            client.send(text)
        await client.until(lambda m: m.get("message") == "invalid request")
        client.send({"id": "a", "type": "ping"})
        client.send({"id": "b", "type": "ping"})
        assert (await client.until(lambda m: m.get("id") == "b"))["result"] is False
        await asyncio.wait_for(client.closed.wait(), 10)
    assert not kucoin.face.venue.uta.sessions
