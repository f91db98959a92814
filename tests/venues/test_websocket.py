"""A connection: NODELAY proven, and the outcome of a send always known."""

from __future__ import annotations

import asyncio
import gc
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha1
from typing import Any

import pytest
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

from xrpfast.net import liveness
from xrpfast.net.liveness import require_life
from xrpfast.net.websocket import Connection, SendResult, connect, hung_up, require_nodelay


class Peer(WSListener):
    """The other side: keeps what it gets, may stop reading."""

    latest: Peer
    answers = True
    """Pings."""

    def __init__(self) -> None:
        Peer.latest = self
        self.got: asyncio.Queue[bytes] = asyncio.Queue()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.got.put_nowait(frame.get_payload_as_bytes())
        if frame.msg_type == WSMsgType.PING and self.answers:
            transport.send_pong(frame.get_payload_as_bytes())


class Client(Connection):
    def __init__(self) -> None:
        super().__init__("test")
        self.texts: asyncio.Queue[bytes] = asyncio.Queue()
        self.closes = 0

    def on_text(self, payload: bytes) -> None:
        self.texts.put_nowait(payload)

    def on_close(self) -> None:
        self.closes += 1


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    server = await ws_create_server(lambda _: Peer(), "127.0.0.1", 0, enable_auto_pong=False)
    port = server.sockets[0].getsockname()[1]
    connection = await connect(Client, f"ws://127.0.0.1:{port}/")
    assert isinstance(connection, Client)
    yield connection
    await connection.close()
    Peer.latest.transport.disconnect(graceful=False)  # a peer that does not read sees no end
    server.close()
    await server.wait_closed()


async def test_nodelay_is_set(client: Client) -> None:
    assert client.transport is not None
    sock = client.transport.underlying_transport.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_socket_that_will_not_take_nodelay_is_an_error() -> None:
    class Stubborn:
        def setsockopt(self, *_: Any) -> None: ...
        def getsockopt(self, *_: Any) -> int:
            return 0

    with pytest.raises(OSError, match="TCP_NODELAY"):
        require_nodelay(Stubborn())


async def test_what_is_sent_arrives(client: Client) -> None:
    assert client.writable
    assert client.send(b"order") is SendResult.SENT
    assert await asyncio.wait_for(Peer.latest.got.get(), 5) == b"order"


async def test_a_reader_that_stalls_makes_the_frame_stuck_and_the_connection_go(
    client: Client,
) -> None:
    Peer.latest.transport.underlying_transport.pause_reading()  # type: ignore[attr-defined]
    results = []
    for _ in range(1000):
        results.append(client.send(b"x" * 65_536))
        if results[-1] is not SendResult.SENT:
            break
    assert results[-1] is SendResult.STUCK
    assert client.send(b"next") is SendResult.NOT_SENT
    await asyncio.wait_for(client.wait_closed(), 5)
    assert client.closes == 1


async def test_nothing_is_sent_on_a_closed_connection(client: Client) -> None:
    Peer.latest.transport.disconnect()
    await asyncio.wait_for(client.wait_closed(), 5)
    assert not client.is_open
    assert client.send(b"late") is SendResult.NOT_SENT
    assert client.fileno() == -1


async def test_fragments_are_joined_and_pings_answered(client: Client) -> None:
    far = Peer.latest.transport
    far.send(WSMsgType.TEXT, b"one ", fin=False)
    far.send_ping(b"mark")
    far.send(WSMsgType.CONTINUATION, b"two")
    assert await asyncio.wait_for(client.texts.get(), 5) == b"one two"
    assert await asyncio.wait_for(Peer.latest.got.get(), 5) == b"mark"


async def test_the_connection_is_over_when_the_peer_says_goodbye(client: Client) -> None:
    """The peer keeps its end of the socket open: an order sent then would be read by nobody."""
    Peer.latest.transport.send_close()
    await asyncio.wait_for(client.wait_closed(), 1)
    assert not client.writable
    assert client.send(b"order") is SendResult.NOT_SENT
    assert client.closes == 1


async def test_control_frames_are_no_messages_and_may_come_between_fragments(
    client: Client,
) -> None:
    peer = Peer.latest.transport
    peer.send(WSMsgType.TEXT, b"one ", fin=False)
    peer.send_ping(b"p")
    peer.send_pong(b"unasked")
    peer.send(WSMsgType.CONTINUATION, b"message")
    assert await asyncio.wait_for(client.texts.get(), 5) == b"one message"
    assert await asyncio.wait_for(Peer.latest.got.get(), 5) == b"p"
    assert client.texts.empty()


async def test_a_connection_on_which_nothing_is_heard_is_hung_up(client: Client) -> None:
    Peer.latest.answers = False
    require_life(client, 0.2)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.wait_for(client.wait_closed(), 5)
    assert loop.time() - began >= 0.19
    assert client.closes == 1


async def test_pings_that_are_answered_no_more_are_enough(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before the other side would have spoken by itself."""
    monkeypatch.setattr(liveness, "PING_S", 0.05)
    require_life(client, 60.0)
    async with asyncio.timeout(5):
        while not client.answers:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.4)
    assert client.is_open, "a silent line whose pings are answered is none that died"
    Peer.latest.answers = False
    await asyncio.wait_for(client.wait_closed(), 5)
    assert client.closes == 1


async def test_who_never_answered_a_ping_need_not(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "PING_S", 0.05)
    Peer.latest.answers = False
    require_life(client, 60.0)
    await asyncio.sleep(0.5)
    assert client.is_open


@pytest.mark.parametrize("kind", [WSMsgType.PING, WSMsgType.TEXT])
async def test_any_frame_is_a_sign_of_life(client: Client, kind: WSMsgType) -> None:
    Peer.latest.answers = False
    require_life(client, 0.2)
    loop = asyncio.get_running_loop()
    end = loop.time() + 0.7
    while loop.time() < end:
        Peer.latest.transport.send(kind, b"x")
        await asyncio.sleep(0.02)
    assert client.is_open
    await asyncio.wait_for(client.wait_closed(), 5)


async def test_a_cancellation_with_the_handshake_is_not_lost_and_hangs_up() -> None:
    """The worst: an engine that is ending goes on with a new socket."""

    class Ending(Client):
        def on_open(self) -> None:
            opened.append(self)
            dialling.cancel()

    opened: list[Client] = []
    server = await ws_create_server(lambda _: Peer(), "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    dialling = asyncio.create_task(connect(Ending, url))
    await asyncio.wait({dialling}, timeout=5)
    assert dialling.cancelled()
    (client,) = opened
    await asyncio.wait_for(client.wait_closed(), 5)
    server.close()
    await server.wait_closed()


async def test_a_handshake_that_nobody_waits_for_any_more_is_hung_up() -> None:
    asked, given_up = asyncio.Event(), asyncio.Event()
    ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line for line in head.splitlines() if line.lower().startswith("sec-websocket-k"))
        digest = sha1(f"{key.split(': ')[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        asked.set()
        await given_up.wait()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + b64encode(digest) + b"\r\n\r\n"
        )
        try:
            ended.set_result(await reader.read(1))
        except ConnectionError:
            ended.set_result(b"")
        writer.close()

    made: list[Client] = []

    def make() -> Client:
        made.append(Client())
        return made[-1]

    server = await asyncio.start_server(answer_late, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    dialling = asyncio.create_task(connect(make, url))
    await asyncio.wait_for(asked.wait(), 5)
    dialling.cancel()
    await asyncio.wait({dialling}, timeout=5)
    given_up.set()
    assert await asyncio.wait_for(ended, 5) == b"", "hung up"
    assert dialling.cancelled()
    assert [client.closes for client in made] == [0] * len(made), "it never opened"
    server.close()
    await server.wait_closed()


async def test_a_session_that_nobody_waits_for_any_more_fails_in_silence() -> None:
    loop = asyncio.get_running_loop()
    complaints: list[object] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    session: asyncio.Future[None] | None = loop.create_future()
    hung_up(session)
    hung_up(session)
    del session
    gc.collect()
    assert complaints == []
    waited = loop.create_future()
    loop.call_soon(hung_up, waited)
    with pytest.raises(ConnectionError, match="closed during set-up"):
        await waited
    hung_up(None)
