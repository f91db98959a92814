"""How long a socket of the mock Binance lives: pings, deadlines, the last day, shutdown."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest
from picows import WSCloseCode, WSMsgType, WSTransport

from support.clock import Clock
from support.sockets import connected
from xrpfast.simulation.binance.connection_life import (
    ConnectionLife,
    Connections,
    ConnectionSettings,
)
from xrpfast.simulation.binance.face import BinanceFace
from xrpfast.simulation.flood import touch

if TYPE_CHECKING:
    from xrpfast.simulation.server import MockVenues

PATIENCE = 20.0


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clockwork:
    """Timers that a test winds by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Handle, Callable[[], object]]] = []
        self._count = 0

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], object]) -> Any:
        self._count += 1
        handle = Handle()
        heapq.heappush(self._due, (self.now + delay, self._count, handle, callback))
        return handle

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            self.now, _, handle, callback = heapq.heappop(self._due)
            if not handle.cancelled:
                callback()
        self.now = end


class Wire:
    """A transport that keeps what was sent by it."""

    def __init__(self) -> None:
        self.pings: list[bytes] = []
        self.closed: tuple[int, bytes] | None = None
        self.gone: bool | None = None

    def send_ping(self, payload: bytes) -> None:
        assert self.gone is None
        self.pings.append(payload)

    def send_close(self, code: WSCloseCode, reason: bytes) -> None:
        self.closed = (int(code.value), reason)

    def disconnect(self, graceful: bool = True) -> None:
        self.gone = graceful


class Frame:
    def __init__(self, kind: WSMsgType, payload: bytes = b"") -> None:
        self.msg_type, self._payload = kind, payload

    def get_payload_as_bytes(self) -> bytes:
        return self._payload


class Socket:
    """One life on a wire, under clockwork."""

    def __init__(self, **settings: Any) -> None:
        self.clock, self.wire, self.announced = Clockwork(), Wire(), list[int]()
        self.group = Connections(
            ConnectionSettings(**settings), lambda: int(self.clock.now * 1_000), self.clock
        )
        wire = cast(WSTransport, self.wire)
        self.life = ConnectionLife(self.group, wire, self.announced.append)

    def receive(self, kind: WSMsgType, payload: bytes = b"") -> bool:
        return self.life.take(cast(Any, Frame(kind, payload)))

    def pong(self, number: int) -> None:
        self.receive(WSMsgType.PONG, self.wire.pings[number])


def test_a_ping_every_20_seconds_and_60_to_answer() -> None:
    socket = Socket()
    socket.clock.advance(79.9)
    assert len(socket.wire.pings) == 3
    assert socket.wire.gone is None
    socket.clock.advance(0.2)  # 60 s after the first ping
    assert socket.wire.closed == (1008, b"Pong timeout")
    assert socket.wire.gone is True


def test_a_pong_answers_its_ping_and_those_before() -> None:
    socket = Socket()
    for number in range(200):
        socket.clock.advance(20.0)
        if number % 2:
            socket.pong(number)
    assert socket.wire.gone is None
    socket.clock.advance(20.0)
    socket.pong(198)  # an old one: the newest two are unanswered
    socket.clock.advance(59.9)
    assert socket.wire.gone is None
    socket.clock.advance(0.2)
    assert socket.wire.closed == (1008, b"Pong timeout")


def test_a_pong_that_answers_nothing_does_not_count() -> None:
    socket = Socket()
    for _ in range(7):
        socket.clock.advance(10.0)
        socket.receive(WSMsgType.PONG, b"hello")
    socket.clock.advance(10.1)
    assert socket.wire.closed == (1008, b"Pong timeout")


def test_a_socket_lives_a_day_and_settings_compress_it() -> None:
    for settings, life in (({}, 86_400.0), ({"lifetime_s": 30.0}, 30.0)):
        socket = Socket(**settings)
        for number in range(int(life // 20)):
            socket.clock.advance(19.0)
            assert socket.wire.gone is None
            socket.clock.advance(1.0)
            if number + 1 < life / 20:
                socket.pong(number)
        socket.clock.advance(life % 20)
        assert socket.wire.closed == (1001, b"")


def test_five_frames_in_any_second() -> None:
    socket = Socket()
    for _ in range(40):
        assert socket.receive(WSMsgType.TEXT)
        socket.clock.advance(0.25)
    assert socket.receive(WSMsgType.TEXT)
    assert socket.receive(WSMsgType.TEXT)
    assert not socket.receive(WSMsgType.TEXT)
    assert socket.wire.closed == (1008, b"Too many requests")
    assert Socket(messages_per_s=None).receive(WSMsgType.TEXT)


def test_all_are_told_of_a_shutdown_then_closed() -> None:
    socket = Socket(shutdown_notice_s=7.0)
    socket.group.shutdown()
    assert socket.announced == [0]
    socket.clock.advance(6.9)
    assert socket.wire.gone is None
    socket.clock.advance(0.2)
    assert socket.wire.closed == (1001, b"")
    socket.life.closed()
    assert not socket.group.open
    socket.group.shutdown()
    socket.clock.advance(100_000.0)
    assert socket.wire.pings == [], "a closed socket has no timers"


@pytest.fixture
def face(venue: MockVenues) -> BinanceFace:
    face = venue.faces["binance"]
    assert isinstance(face, BinanceFace)
    return face


async def test_the_venue_pings_and_drops_who_does_not_answer(
    venue: MockVenues, face: BinanceFace
) -> None:
    for sockets in (face.streams.sockets, face.ws_api.sockets):
        sockets.settings.ping_s, sockets.settings.pong_deadline_s = 0.3, 1.5
        sockets.settings.messages_per_s = None
    line = venue.line["venues"]["binance"]
    stream, api = line["stream_url"] + "/ws", line["ws_api_url"]
    async with (
        connected(stream) as good_stream,
        connected(stream) as mute_stream,
        connected(api) as good_api,
        connected(api) as mute_api,
        asyncio.timeout(PATIENCE),
    ):
        mute_stream.answers_pings = mute_api.answers_pings = False
        for mute in (mute_stream, mute_api):
            await mute.closed.wait()
            assert mute.close_code == 1008
        for good in (good_stream, good_api):
            good.pinged.clear()
            await good.pinged.wait()
            assert len(set(good.pings)) == len(good.pings) >= 5
            assert not good.closed.is_set()


async def test_shutdown_is_announced_in_the_form_of_each_socket(
    venue: MockVenues, face: BinanceFace
) -> None:
    line = venue.line["venues"]["binance"]
    async with (
        connected(f"{line['stream_url']}/ws") as raw,
        connected(f"{line['stream_url']}/stream?streams=xrpusdt@trade") as combined,
        connected(line["ws_api_url"]) as api,
        asyncio.timeout(PATIENCE),
    ):
        face.shutdown(0.3)
        event = await raw.until(lambda m: True)
        assert (event["e"], set(event)) == ("serverShutdown", {"e", "E"})
        assert isinstance(event["E"], int)
        wrapped = await combined.until(lambda m: True)
        assert (wrapped["stream"], wrapped["data"]["e"]) == ("!serverShutdown", "serverShutdown")
        told = await api.until(lambda m: True)
        assert (set(told), told["event"]["e"]) == ({"event"}, "serverShutdown")
        assert (await api.request("ping"))["status"] == 200, "still there meanwhile"
        for client in (raw, combined, api):
            await client.closed.wait()
            assert client.close_code == 1001
    async with connected(f"{line['stream_url']}/ws") as again:
        assert (await again.request("LIST_SUBSCRIPTIONS"))["result"] == []


async def test_sockets_can_be_cut_and_a_day_can_be_short(
    venue: MockVenues, face: BinanceFace
) -> None:
    line = venue.line["venues"]["binance"]
    async with (
        connected(f"{line['stream_url']}/ws") as stream,
        connected(line["ws_api_url"]) as api,
        asyncio.timeout(PATIENCE),
    ):
        face.drop_all()
        for client in (stream, api):
            await client.closed.wait()
            assert client.close_code is None
    async with (
        connected(f"{line['stream_url']}/ws") as stream,
        connected(line["ws_api_url"]) as api,
        asyncio.timeout(PATIENCE),
    ):
        venue.faults.add({"channel": "venue", "action": "compress", "params": {"factor": 432_000}})
        for client in (stream, api):
            await client.closed.wait()
            assert client.close_code == 1001


@pytest.mark.parametrize("path", ["/ws", "/stream", "/sbe/ws"])
async def test_an_address_may_connect_so_often(
    venue: MockVenues, face: BinanceFace, path: str
) -> None:
    line = venue.line["venues"]["binance"]
    headers = {"X-MBX-APIKEY": venue.line["ed25519"]["binance"]["ed25519_api_key"]}
    face.exchange.wall_ns = Clock()
    face.limits.connections = 3
    for _ in range(3):
        async with connected(line["stream_url"] + path, headers):
            pass
    with pytest.raises(Exception, match="429"):
        async with connected(line["stream_url"] + path, headers):
            pass
    async with connected(line["ws_api_url"]) as api:
        assert (await api.request("ping"))["status"] == 200, "that is counted by itself"
    face.enforce_quotas(False)
    async with connected(line["stream_url"] + path, headers):
        pass


async def test_who_does_not_read_is_cut_off(venue: MockVenues, face: BinanceFace) -> None:
    face.streams.sockets.settings.max_backlog = 200_000
    line = venue.line["venues"]["binance"]
    async with (
        connected(f"{line['stream_url']}/ws/xrpusdt@bookTicker") as slow,
        connected(f"{line['stream_url']}/ws/xrpusdt@bookTicker") as quick,
    ):
        slow.transport.underlying_transport.pause_reading()
        draw = random.Random(1)
        async with asyncio.timeout(PATIENCE):
            while len(face.streams.sockets.open) > 1:
                for _ in range(200):
                    touch(face.exchange, draw)
                await asyncio.sleep(0)
        slow.transport.underlying_transport.resume_reading()
        async with asyncio.timeout(PATIENCE):
            await slow.closed.wait()
        assert not quick.closed.is_set()
