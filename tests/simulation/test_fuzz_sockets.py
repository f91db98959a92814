"""The sockets of both mock venues take any frame: the venue's own error, and the socket goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picows import WSMsgType

from support import fuzzing
from support.binance import Keys as BinanceKeys
from support.binance import now_ms
from support.fuzz_words import (
    BINANCE_CODES,
    BINANCE_METHODS,
    BINANCE_NAMES,
    BINANCE_ORDER,
    BINANCE_STREAMS,
    KUCOIN_CODES,
    KUCOIN_NAMES,
    KUCOIN_OPS,
    KUCOIN_ORDER,
    KUCOIN_TOPICS,
)
from support.fuzzing import (
    Books,
    FrameWish,
    RawHttp,
    examples,
    frames,
    mostly,
    no_faults,
    requests,
    spoiled,
    values,
)
from support.kucoin_client import World, entry_socket
from support.sockets import Client, connected
from xrpfast.simulation.kucoin.face import KucoinFace
from xrpfast.simulation.server import MockVenues, mock_venues

Json = dict[str, Any]
ids = mostly(st.integers(-3, 3) | st.sampled_from(["a", "x" * 36]), values, 20)
PUSH_CODES = {400, 401, 403, 404, 406, 415, 500, 509}


@pytest.fixture
async def both() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=5) as running:
        running.flow.running = False
        for face in running.faces.values():
            face.enforce_quotas(False)
        yield running


@pytest.fixture
async def world(both: MockVenues) -> AsyncIterator[World]:
    face = both.faces["kucoin"]
    assert isinstance(face, KucoinFace)
    async with aiohttp.ClientSession() as http:
        yield World(face, both.flow, both.line["venues"]["kucoin"], http, both.faults)


async def survives(
    client: Client, wishes: list[FrameWish], good: Json, answers: Callable[[Json], bool]
) -> list[Json]:
    """What came before the answer to a good request after all those frames; the request comes in
    two fragments now and then."""
    start = len(client.messages)
    for wish in wishes:
        fuzzing.write(client, wish)
    fuzzing.write(client, (WSMsgType.TEXT, fuzzing.dump(good), len(wishes) % 2 * 9))
    answer = await client.until(answers, start)
    return client.messages[start : client.messages.index(answer, start)]


# --- Binance ----------------------------------------------------------------------------------

stream_requests = spoiled(
    {"id": 1, "method": "SUBSCRIBE", "params": ["xrpusdt@trade"]}, (), values
) | st.fixed_dictionaries(
    {
        "id": ids,
        "method": mostly(
            st.sampled_from(
                ["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "GET_PROPERTY", "SET_PROPERTY"]
            ),
            values,
        ),
        "params": st.lists(
            mostly(st.sampled_from([*BINANCE_STREAMS, "combined"]), values), max_size=3
        ),
    }
)


@given(path=st.sampled_from(["/ws", "/stream", "/ws/x", "/stream?streams="]), data=st.data())
@examples(200)
async def test_binance_streams(both: MockVenues, path: str, data: st.DataObject) -> None:
    """Four frames of anything and a good one: no more than a second may take."""
    wishes = data.draw(frames(stream_requests, most=4))
    with no_faults():
        async with connected(both.line["venues"]["binance"]["stream_url"] + path) as client:
            good = {"id": 987_654, "method": "LIST_SUBSCRIPTIONS"}
            before = await survives(client, wishes, good, lambda m: m.get("id") == 987_654)
    for message in before:
        assert set(message) in ({"result", "id"}, {"error", "id"}), message
        if "error" in message:
            assert message["error"]["code"] in (0, 1, 2, 3)
            assert message["error"]["msg"]


@st.composite
def api_requests(draw: st.DrawFn, keys: BinanceKeys, numbers: st.SearchStrategy[Any]) -> Json:
    """A request of the WebSocket API, most of them signed well."""
    params: Any = draw(spoiled(BINANCE_ORDER, BINANCE_NAMES, values))
    if draw(st.integers(0, 3)):
        params |= {"apiKey": keys.key, "timestamp": now_ms()}
        text = "&".join(f"{name}={_scalar(params[name])}" for name in sorted(params))
        params["signature"] = keys.sign(text) if text.isprintable() else draw(values)
    if not draw(st.integers(0, 9)):
        params = draw(values)
    method = draw(mostly(st.sampled_from(BINANCE_METHODS), values, 20))
    return {"id": draw(numbers), "method": method, "params": params}


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@given(data=st.data())
@examples(200)
async def test_binance_websocket_api(both: MockVenues, data: st.DataObject) -> None:
    """Requests with any method and parameters, or fewer bad frames than the venue closes for."""
    line = both.line["venues"]["binance"]
    wishes = data.draw(
        mostly(
            requests(api_requests(BinanceKeys(line), st.integers(0, 9)), most=12),
            frames(api_requests(BinanceKeys(line), ids), most=4),
            3,
        )
    )
    books = Books(both.faces["binance"].exchange)
    with no_faults():
        async with connected(line["ws_api_url"]) as client:
            good = {"id": "good", "method": "time"}
            before = await survives(client, wishes, good, lambda m: m.get("id") == "good")
    for message in before:
        if "event" in message:
            continue
        assert message["status"] in (200, 400, 401, 403, 404, 409, 410), message
        if message["status"] != 200:
            assert message["error"]["code"] in BINANCE_CODES, message
            assert message["error"]["msg"]
    books.check()


# --- KuCoin -----------------------------------------------------------------------------------

push_requests = spoiled(
    {"id": "1", "type": "subscribe", "topic": "/market/level2:XRP-USDT", "response": True},
    ("privateChannel",),
    values,
) | st.fixed_dictionaries(
    {
        "id": ids,
        "type": mostly(st.sampled_from(["ping", "subscribe", "unsubscribe", "openTunnel"]), values),
        "topic": mostly(st.sampled_from(KUCOIN_TOPICS), values),
        "privateChannel": mostly(st.booleans(), values),
        "response": mostly(st.booleans(), values),
    }
)


@given(
    wishes=mostly(requests(push_requests, most=12), frames(push_requests, most=6), 3),
    private=st.booleans(),
)
@examples(200)
async def test_kucoin_push(world: World, wishes: list[FrameWish], private: bool) -> None:
    with no_faults():
        async with world.push(private=private) as client:
            good = {"id": "good", "type": "ping"}
            before = await survives(client, wishes, good, lambda m: m.get("id") == "good")
    for message in before:
        assert message["type"] in ("ack", "error", "pong", "message"), message
        if message["type"] == "error":
            assert message["code"] in PUSH_CODES
            assert message["data"]


entry_requests = mostly(
    st.fixed_dictionaries(
        {
            "id": mostly(st.just("r-1"), values),
            "op": mostly(st.sampled_from(KUCOIN_OPS), values),
            "args": mostly(spoiled(KUCOIN_ORDER, KUCOIN_NAMES, values), values),
        }
    ),
    spoiled({"id": "1", "op": "spot.order", "args": KUCOIN_ORDER}, (), values),
)


@given(wishes=mostly(requests(entry_requests, most=12), frames(entry_requests, most=6), 3))
@examples(200)
async def test_kucoin_order_entry(world: World, wishes: list[FrameWish]) -> None:
    books = Books(world.exchange)
    with no_faults():
        async with world.order_entry() as client:
            good = {"id": "good", "op": "ping", "timestamp": "1760000000000"}
            before = await survives(client, wishes, good, lambda m: m.get("id") == "good")
    for message in before:
        assert message.get("op") == "pong" or message["code"] in {*KUCOIN_CODES, "200000"}, message
    books.check()


@given(wishes=frames(entry_requests, most=3))
@examples(60)
async def test_kucoin_order_entry_before_the_session_stands(
    world: World, wishes: list[FrameWish]
) -> None:
    """A text that does not sign the challenge ends the session with the venue's word."""
    texts = any(kind in (1, 2) for kind, *_ in wishes)
    with no_faults():
        url = f"{world.line['order_url']}?{world.keys.order_entry_query()}"
        async with entry_socket(url) as client:
            await client.until(lambda m: "sessionId" in m)
            for wish in wishes:
                fuzzing.write(client, wish)
            if texts:
                refused = await client.until(lambda m: "code" in m)
                assert refused["code"] == "400011"
                await client.closed.wait()
        async with world.order_entry() as client:
            assert (await client.ask("spot.cancel", {}))["code"] in KUCOIN_CODES


# --- handshakes -------------------------------------------------------------------------------


@given(data=st.data())
@examples(150)
async def test_any_handshake(both: MockVenues, data: st.DataObject) -> None:
    """Any path and query: a socket or a refusal, and a good one afterwards."""
    venue = data.draw(st.sampled_from(["binance", "kucoin"]))
    line = both.line["venues"][venue]
    url = line["stream_url"] if venue == "binance" else line["order_url"].partition("/v1")[0]
    known = st.sampled_from(["/ws/", "/stream?streams=", "/ws-api/v3?", "/v1/private?", "/?token="])
    target = data.draw(known) + data.draw(
        fuzzing.targets | fuzzing.texts.map(lambda text: quote(text, errors="surrogatepass"))
    )
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    } | data.draw(
        st.dictionaries(
            st.sampled_from(["Sec-WebSocket-Key", "Upgrade", "X-MBX-APIKEY", "X-Any"]),
            fuzzing.header_values,
            max_size=1,
        )
    )
    client = RawHttp(url.replace("ws://", "http://"))
    with no_faults():
        answer = await client.call("GET", target, headers)
        await client.close()
        assert answer.status < 500, answer
        good = line["ws_api_url"] if venue == "binance" else f"{url}/?token=none"
        async with connected(good) as socket:
            socket.send({"id": 1, "method": "time"})
            await socket.until(lambda m: True)


@pytest.mark.parametrize("venue", ["binance", "kucoin"])
async def test_fragments_without_end_or_beginning_end_the_socket(
    both: MockVenues, world: World, venue: str
) -> None:
    """Nobody can fill the mock's memory with a message that never ends."""
    url = both.line["venues"]["binance"]["ws_api_url"]
    with no_faults():
        for endless, code in ((True, 1009), (False, 1002)):
            async with connected(url) if venue == "binance" else world.push() as client:
                if endless:
                    client.transport.send(WSMsgType.TEXT, b"[" * 500_000, fin=False)
                    client.transport.send(WSMsgType.CONTINUATION, b"[" * 600_000, fin=False)
                else:
                    client.transport.send(WSMsgType.CONTINUATION, b"{}", fin=True)
                async with asyncio.timeout(fuzzing.PATIENCE):
                    await client.closed.wait()
                assert client.close_code == code
