"""Faults of frames and sockets: what a subscriber then receives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from support.binance import Keys
from support.kucoin_client import World, topic
from support.sockets import PATIENCE, Client, connected
from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.faults.damage import WAYS
from xrpfast.simulation.server import MockVenues, mock_venues

Json = dict[str, Any]


class Raw(WSListener):
    """Every frame as it came, for those that are no JSON."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.came = asyncio.Event()
        self.gone = asyncio.Event()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.frames.append(frame.get_payload_as_bytes())
            self.came.set()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.gone.set()

    async def next(self) -> bytes:
        seen = len(self.frames)
        async with asyncio.timeout(PATIENCE):
            while len(self.frames) == seen:
                self.came.clear()
                await self.came.wait()
        return self.frames[seen]


@dataclass
class Watch:
    """A mock whose book moves when told, and a subscriber to its book updates."""

    running: MockVenues
    venue: str
    url: str
    stream: str
    moves: int = 0
    orders: list[int] = field(default_factory=list)

    def rule(self, action: str, channel: str = "market", **more: Any) -> int:
        return self.running.faults.add(
            {"channel": channel, "action": action, "match": {"stream": self.stream}} | more
        )

    def move(self) -> None:
        """A new best bid: one frame of the stream."""
        exchange = self.running.faces[self.venue].exchange
        best = exchange.matching.best(Side.BUY)
        assert best is not None
        self.moves += 1
        exchange.place_background(Side.BUY, best[0], 1_000 + self.moves, TimeInForce.GTC)


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    async with mock_venues(["binance"], seed=5) as running:
        running.flow.running = False
        url = running.line["venues"]["binance"]["stream_url"]
        yield Watch(running, "binance", f"{url}/ws/xrpusdt@bookTicker", "*@bookTicker")


async def updates(client: Client, watch: Watch, moves: int, count: int) -> list[int]:
    """Update ids of ``count`` frames that ``moves`` moves of the book gave."""
    start = len(client.messages)
    for _ in range(moves):
        watch.move()
    while len(client.messages) - start < count:
        seen = len(client.messages)
        await client.until(lambda m: True, start=seen)
    return [message["u"] for message in client.messages[start:]]


async def test_frames_are_lost_doubled_late_and_swapped(watch: Watch) -> None:
    async with connected(watch.url) as client:
        plain = await updates(client, watch, 3, 3)
        assert plain == sorted(set(plain))
        rule = watch.rule("drop", match={"stream": watch.stream, "nth": 2})
        lost = await updates(client, watch, 3, 2)
        assert lost[1] == lost[0] + 2
        watch.running.faults.remove(rule)
        rule = watch.rule("duplicate", params={"times": 2})
        assert len(set(await updates(client, watch, 1, 3))) == 1
        watch.running.faults.remove(rule)
        rule = watch.rule("delay", params={"ms": 100}, match={"stream": watch.stream, "nth": 1})
        late = await updates(client, watch, 3, 3)
        assert late == [late[0], late[0] + 1, late[0] - 1]
        watch.running.faults.remove(rule)
        rule = watch.rule("swap", match={"stream": watch.stream, "nth": 1})
        swapped = await updates(client, watch, 3, 3)
        assert swapped == [swapped[0], swapped[0] - 1, swapped[0] + 1]


async def test_fields_are_changed_and_frames_replaced(watch: Watch) -> None:
    async with connected(watch.url) as client:
        watch.rule("mutate", params={"set": {"b": "9.9", "no.such.place": 1}})
        watch.move()
        assert (await client.until(lambda m: m.get("b") == "9.9"))["s"] == "XRPUSDT"
        watch.running.faults.clear()
        watch.rule("replace", params={"text": '{"e":"made up"}'})
        watch.move()
        await client.until(lambda m: m == {"e": "made up"})


@pytest.mark.parametrize("how", [way for way in WAYS if way != "huge"])
async def test_each_way_of_damage_changes_the_frame(watch: Watch, how: str) -> None:
    raw = Raw()
    await ws_connect(lambda: raw, watch.url)
    watch.move()
    sound = await raw.next()
    watch.rule("corrupt", params={"how": how})
    watch.move()
    damaged = await raw.next()
    assert damaged != sound
    assert (how in ("empty", "truncate", "garbage")) == (len(damaged) < len(sound) * 0.7)
    raw.transport.disconnect(graceful=False)
    await raw.gone.wait()


async def test_a_huge_frame_is_as_huge_as_it_was_told(watch: Watch) -> None:
    raw = Raw()
    await ws_connect(lambda: raw, watch.url, max_frame_size=1 << 26)
    watch.rule("corrupt", params={"how": "huge", "mb": 12})
    watch.move()
    assert len(await raw.next()) > 12 << 20
    raw.transport.disconnect(graceful=False)
    await raw.gone.wait()


@pytest.mark.parametrize(
    ("action", "params", "code"),
    [
        ("close", {}, 1000),
        ("close", {"code": 1012}, 1012),
        ("close", {"code": 1006}, None),
        ("reset", {}, None),
    ],
)
async def test_sockets_end_by_rule_now_and_when_they_connect(
    watch: Watch, action: str, params: Json, code: int | None
) -> None:
    rule = {"channel": "socket", "action": action, "params": params}
    async with connected(watch.url) as first:
        watch.running.faults.add(rule | {"match": {"kind": "stream", "times": 1}})
        async with asyncio.timeout(PATIENCE):
            await first.closed.wait()
        assert first.close_code == code
    async with connected(watch.url) as second:
        watch.move()
        await second.until(lambda m: "u" in m)
    watch.running.faults.add(rule | {"match": {"connection": 4}})
    async with connected(watch.url) as third:
        watch.move()
        await third.until(lambda m: "u" in m)
        async with connected(watch.url) as fourth:
            async with asyncio.timeout(PATIENCE):
                await fourth.closed.wait()
            assert not third.closed.is_set()


async def test_new_sockets_are_refused_with_a_status(watch: Watch) -> None:
    refuse = {"channel": "socket", "action": "refuse", "match": {"times": 1}}
    watch.running.faults.add(refuse | {"params": {"status": 429, "body": "wait"}})
    with pytest.raises(WSError, match="429"):
        await ws_connect(Raw, watch.url)
    async with connected(watch.url):
        pass


async def test_a_silent_socket_stands_and_answers_nothing(watch: Watch) -> None:
    async with connected(watch.url) as deaf, connected(watch.url) as well:
        watch.running.faults.add(
            {"channel": "socket", "action": "silence", "match": {"connection": 1}}
        )
        pongs: list[bytes] = []
        deaf.on_ws_frame = lambda _, frame: pongs.append(frame.get_payload_as_bytes())  # type: ignore[method-assign,assignment]
        deaf.transport.send_ping(b"there?")
        deaf.send({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        watch.move()
        await well.until(lambda m: "u" in m)
        assert (await well.request("LIST_SUBSCRIPTIONS"))["result"]
        assert deaf.messages == pongs == []
        assert not deaf.closed.is_set()


async def test_private_events_pass_the_rules_by_kind_and_client_id() -> None:
    async with mock_venues(["binance"], seed=5) as running:
        running.flow.running = False
        line = running.line["venues"]["binance"]
        keys = Keys(line)
        async with connected(line["ws_api_url"]) as api:
            await api.request("userDataStream.subscribe.signature", keys.params())
            running.faults.add(
                {
                    "channel": "private", "action": "drop",
                    "match": {"stream": "executionReport", "client_id": "lost-*"},
                }
            )  # fmt: skip
            for name in ("lost-1", "seen-1"):
                order = {
                    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                    "quantity": "25.0", "price": "2.2000", "newClientOrderId": name,
                }  # fmt: skip
                await api.request("order.place", keys.params(**order))
            events = [message["event"] for message in api.messages if "event" in message]
            reports = [e["c"] for e in events if e["e"] == "executionReport"]
            assert reports == ["seen-1"]
            assert sum(e["e"] == "outboundAccountPosition" for e in events) == 2


async def test_pushes_and_pongs_of_kucoin_pass_the_rules() -> None:
    async with mock_venues(["kucoin"], seed=5) as running, aiohttp.ClientSession() as http:
        running.flow.running = False
        world = World(
            running.faces["kucoin"],
            running.flow,
            running.line["venues"]["kucoin"],
            http,
            running.faults,
        )  # type: ignore[arg-type]
        watch = Watch(running, "kucoin", "", "/market/level2:*")
        async with world.push("/market/level2:XRP-USDT") as client:
            watch.rule("drop", match={"stream": watch.stream, "nth": 1})
            watch.move()
            watch.move()
            first = await client.until(topic("/market/level2:XRP-USDT"))
            assert first["data"]["sequenceEnd"] == world.face.venue.market.sequencer.last
            running.faults.add(
                {"channel": "control", "action": "drop", "match": {"stream": "pong", "nth": 1}}
            )
            for number in ("1", "2"):
                client.send({"id": number, "type": "ping"})
            await client.until(lambda m: m == {"id": "2", "type": "pong"} or m.get("id") == "2")
            assert not any(message.get("id") == "1" for message in client.messages[2:])
