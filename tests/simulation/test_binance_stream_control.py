"""The mock Binance's stream sockets: control frames, options of the URL, limits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from picows import WSMsgType

from support.sockets import Client, connected
from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.binance.face import BinanceFace

if TYPE_CHECKING:
    from xrpfast.simulation.exchange import Exchange
    from xrpfast.simulation.server import MockVenues


@pytest.fixture
def face(venue: MockVenues) -> BinanceFace:
    face = venue.faces["binance"]
    assert isinstance(face, BinanceFace)
    return face


@pytest.fixture
def patient(face: BinanceFace) -> None:
    """No limit of messages: the test sends many."""
    face.streams.sockets.settings.messages_per_s = None


@pytest.fixture
def url(venue: MockVenues) -> str:
    return str(venue.line["venues"]["binance"]["stream_url"])


@pytest.fixture
def exchange(face: BinanceFace) -> Exchange:
    return face.exchange


async def control(client: Client, method: str, params: list[Any] | None = None) -> Any:
    reply = await client.request(method, params)
    return reply["result"] if "result" in reply else reply["error"]


def better_bid(exchange: Exchange) -> None:
    best = exchange.matching.best(Side.BUY)
    assert best is not None
    exchange.place_background(Side.BUY, best[0] + 1, 1, TimeInForce.GTC)


@pytest.mark.usefixtures("patient")
async def test_subscribing_and_listing(url: str, exchange: Exchange) -> None:
    async with connected(f"{url}/ws") as client:
        assert await control(client, "LIST_SUBSCRIPTIONS") == []
        names = ["xrpusdt@bookTicker", "xrpusdt@trade"]
        assert await control(client, "SUBSCRIBE", [*names]) is None
        assert await control(client, "SUBSCRIBE", [*names]) is None, "twice is once"
        assert await control(client, "LIST_SUBSCRIPTIONS") == names
        assert await control(client, "UNSUBSCRIBE", ["xrpusdt@trade"]) is None
        assert await control(client, "UNSUBSCRIBE", ["xrpusdt@never"]) is None
        assert await control(client, "LIST_SUBSCRIPTIONS") == ["xrpusdt@bookTicker"]
        assert await control(client, "GET_PROPERTY", ["combined"]) is False
        better_bid(exchange)
        await client.until(lambda m: "B" in m)
        assert await control(client, "SET_PROPERTY", ["combined", True]) is None
        better_bid(exchange)
        wrapped = await client.until(lambda m: "stream" in m)
        assert wrapped["stream"] == "xrpusdt@bookTicker"


async def test_streams_of_the_path(url: str) -> None:
    names = ["xrpusdt@trade", "xrpusdt@kline_1d@+08:00", "!miniTicker@arr"]
    for path, combined in (("/ws/", False), ("/stream?streams=", True)):
        for plus in ("+", "%2B"):
            async with connected(f"{url}{path}{'/'.join(names).replace('+', plus)}") as client:
                assert await control(client, "LIST_SUBSCRIPTIONS") == names
                assert await control(client, "GET_PROPERTY", ["combined"]) is combined


NAMES = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"


@pytest.mark.usefixtures("patient")
async def test_bad_control_frames_are_answered(url: str) -> None:
    async with connected(f"{url}/ws") as client:
        cases: list[tuple[str, int, str, object]] = [
            ('{"method":"DANCE","params":[],"id":1}', 2,
             f"Invalid request: unknown variant DANCE, expected one of {NAMES}"
             " at line 1 column 17", 1),
            ('{"method":"SUBSCRIBE","params":["nonsense"],"id":2}', 2,
             "Invalid request: invalid stream", 2),
            ('{"method":"SUBSCRIBE","params":[7],"id":"a-3"}', 2,
             "Invalid request: invalid stream", "a-3"),
            ('{"method":"GET_PROPERTY","params":["colour"],"id":null}', 0,
             "Unknown property", None),
            ('{"method":"GET_PROPERTY","params":[],"id":4}', 2,
             "Invalid request: property name must be a string", 4),
            ('{"method":"GET_PROPERTY","params":["combined",1],"id":4}', 2,
             "Invalid request: too many parameters", 4),
            ('{"method":"SET_PROPERTY","params":["combined","yes"],"id":5}', 1,
             "Invalid value type: expected Boolean", 5),
            ('{"method":"SET_PROPERTY","params":[false,true],"id":5}', 2,
             "Invalid request: property name must be a string", 5),
            ('{"method":"LIST_SUBSCRIPTIONS","params":["a@b"],"id":5}', 2,
             "Invalid request: too many parameters", 5),
            ('{"method":"LIST_SUBSCRIPTIONS","id":1.5}', 2,
             "Invalid request: request ID must be an unsigned integer", None),
            ('{"method":"LIST_SUBSCRIPTIONS"}', 2,
             "Invalid request: request ID must be an unsigned integer", None),
            ('{"params":[],"id":9}', 2,
             "Invalid request: missing field `method` at line 1 column 20", 9),
            ("[1]", 2, "Invalid request: invalid type, expected a request object at line 1"
             " column 0", None),
            ("{", 3, "Invalid JSON: expected value at line 1 column 2", None),
        ]  # fmt: skip
        for text, code, message, number in cases:
            client.messages.clear()
            client.send(text)
            reply = await client.until(lambda m: "error" in m)
            assert reply == {"error": {"code": code, "msg": message}, "id": number}, text


async def test_unknown_streams_are_taken_and_silent(url: str, exchange: Exchange) -> None:
    names = ["btcusdt@trade", "XRPUSDT@bookTicker", "xrpusdt@dreams", "!ticker@arr"]
    async with connected(f"{url}/ws/{'/'.join(names)}") as client:
        assert await control(client, "LIST_SUBSCRIPTIONS") == names
        better_bid(exchange)
        assert await control(client, "SUBSCRIBE", ["xrpusdt@bookTicker"]) is None
        better_bid(exchange)
        await client.until(lambda m: "B" in m)
        assert [m for m in client.messages if "B" in m] == [client.messages[-1]]


async def test_a_socket_has_a_limited_number_of_streams(url: str, face: BinanceFace) -> None:
    face.streams.sockets.settings.max_streams = 3
    async with connected(f"{url}/ws/a@b/c@d") as client:
        error = await control(client, "SUBSCRIBE", ["e@f", "g@h"])
        assert error == {"code": 2, "msg": "Invalid request: too many parameters"}
        assert await control(client, "LIST_SUBSCRIPTIONS") == ["a@b", "c@d"]
        assert await control(client, "SUBSCRIBE", ["a@b", "e@f"]) is None
    async with connected(f"{url}/ws/a@b/c@d/e@f/g@h") as client:
        await client.closed.wait()
        assert client.close_code == 1008


@pytest.mark.parametrize("kind", ["text", "ping", "pong"])
async def test_who_sends_too_much_is_disconnected(url: str, face: BinanceFace, kind: str) -> None:
    face.streams.sockets.settings.messages_per_s = 5
    async with connected(f"{url}/ws") as client:
        for _ in range(5):
            await control(client, "LIST_SUBSCRIPTIONS")
    async with connected(f"{url}/ws") as client:
        for n in range(6):
            if kind == "text":
                client.send({"method": "LIST_SUBSCRIPTIONS", "id": n})
            elif kind == "ping":
                client.transport.send_ping(b"")
            else:
                client.transport.send(WSMsgType.PONG, b"")
        await client.closed.wait()
        assert client.close_code == 1008
        assert [m["id"] for m in client.messages] == ([0, 1, 2, 3, 4] if kind == "text" else [])


async def test_microseconds_are_an_option_of_the_url(url: str, exchange: Exchange) -> None:
    async with (
        connected(f"{url}/ws/xrpusdt@trade") as milli,
        connected(f"{url}/stream?streams=xrpusdt@trade&timeUnit=MICROSECOND") as micro,
        connected(f"{url}/ws/xrpusdt@trade?timeUnit=microsecond") as raw,
    ):
        best = exchange.matching.best(Side.BUY)
        assert best is not None
        exchange.place_background(Side.SELL, best[0], 5, TimeInForce.IOC)
        slow = await milli.until(lambda m: m["e"] == "trade")
        fast = (await micro.until(lambda m: "data" in m))["data"]
        assert fast == await raw.until(lambda m: m["e"] == "trade")
        assert (fast["T"] // 1_000, fast["E"] // 1_000) == (slow["T"], slow["E"])
        assert fast | {"T": 0, "E": 0} == slow | {"T": 0, "E": 0}


@pytest.mark.parametrize("path", ["/ws/xrpusdt@trade?timeUnit=HOUR", "/ws?timeUnit="])
async def test_other_time_units_are_refused(url: str, path: str) -> None:
    with pytest.raises(Exception, match="400"):
        async with connected(f"{url}{path}"):
            pass


async def test_other_paths_are_refused(url: str) -> None:
    with pytest.raises(Exception, match="404"):
        async with connected(f"{url}/other"):
            pass


ODD = ["//[x", "http://[/ws", "/sbe//[", "/wsx", "/ws-api/v4", "/stream/x"]
TAKEN = ["/ws//[", "/ws/%ff%fe", "/ws/é@trade", "/stream?streams=%ff@a/&&=", "/ws?", "/stream"]


@pytest.mark.parametrize("path", ODD + TAKEN)
async def test_odd_paths_get_an_answer(url: str, path: str) -> None:
    """Byte by byte: a client library would not send them."""
    host, port = url.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        async with asyncio.timeout(10):
            status = int((await reader.readline()).split()[1])
    finally:
        writer.close()
        await writer.wait_closed()
    assert status == (404 if path in ODD else 101)
