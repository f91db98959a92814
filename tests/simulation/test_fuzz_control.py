"""The control port and its fault rules take anything: refused in words, or done without a crash."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from support import fuzzing
from support.binance import Keys, now_ms
from support.fuzz_words import BINANCE_ORDER, KUCOIN_ORDER
from support.fuzzing import RawHttp, examples, no_faults, scalars, spoiled, texts, values
from support.kucoin_client import World
from support.sockets import connected
from xrpfast.errors import UsageError
from xrpfast.simulation.faults.rules import ACTIONS
from xrpfast.simulation.kucoin.face import KucoinFace
from xrpfast.simulation.server import MockVenues, mock_venues

ROUTES = (
    ("GET", "/ledger"), ("POST", "/adjust"), ("GET", "/market"), ("POST", "/market"),
    ("GET", "/rules"), ("POST", "/rules"), ("DELETE", "/rules"), ("DELETE", "/rules/7"),
    ("POST", "/flood"), ("POST", "/quotas"), ("POST", "/bench"), ("POST", "/none"),
)  # fmt: skip
GOOD: dict[str, Any] = {"venue": "binance", "asset": "XRP", "delta": "1"}
NAMES = (
    "running", "frames", "enforced", "rules", "channel", "action", "params", "match", "point",
    "at_s", "for_s", "then", "levels", "size", "tick", "lot", "offset", "gap", "step_seconds",
)  # fmt: skip
CHANNELS = tuple(channel for channel in ACTIONS if channel not in ("venue", "network"))
SENSIBLE: dict[str, st.SearchStrategy[Any]] = {
    "asset": st.sampled_from(["XRP", "USDT"]),
    "delta": st.sampled_from(["1", "-1", "-999999", "1e40"]),
    "side": st.sampled_from(["buy", "sell", "up"]),
    "price": st.sampled_from(["2.4", "0", "-1", "9" * 30]),
    "qty": st.sampled_from(["25", "0", "0.01", "9" * 30]),
    "status": st.sampled_from(["TRADING", "HALT", "open", "close", 200, 403]),
    "kind": st.sampled_from(["transfer", "lock", "silent", "push", "stream"]),
    "offset_ms": st.sampled_from([-7_000, 7_000, -1e10, 1e10, -1e300, 1e300]),
}
"""Values that a venue's action can do something with, and such that only look so."""
SHORT, LONG = 0.01, 0.04
"""Seconds for replies to come, and after which one that does not is not waited for."""
POINTS = (
    "before_accept", "after_accept_before_reply", "after_match_before_reply", "after_reply",
)  # fmt: skip
numbers = st.sampled_from([0, 1, 2, 7, 0.5, 50, 100, 250, 1e-9, 1e300, 10**15, 400, 502, 4_000])
words = st.sampled_from(["", "truncate", "garbage", "html", "é", "x" * 200, "{}", "*", "venue"])


@pytest.fixture(autouse=True)
def no_unhandled_faults() -> None:
    """What frames that are broken on purpose do to the test's own sockets is none of the mock's;
    `no_faults` looks at the rest."""


@pytest.fixture
async def both() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=5) as running:
        running.flow.running = False
        for face in running.faces.values():
            face.enforce_quotas(False)
        yield running


@given(data=st.data())
@examples(150)
async def test_the_control_port(both: MockVenues, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from(ROUTES))
    wish = data.draw(spoiled(GOOD, NAMES, values) | values)
    # What would measure for minutes, or hand the market over to a measurement, is asked elsewhere.
    assume(not (path == "/flood" and isinstance(wish, dict) and type(wish.get("frames")) is int))
    assume(path != "/bench" or not (isinstance(wish, dict) and "ticks" in wish))
    body = data.draw(fuzzing.mangled(st.just(wish)))
    control = RawHttp(both.line["control_url"])
    with no_faults():
        answer = await control.call(method, path, {"Content-Type": "application/json"}, body)
        assert answer.status < 500, (answer, body)
        if answer.status == 200:
            answer.json()
        else:
            assert answer.body
        both.flow.running = False
        both.faults.clear()
        both.flow.step()
        good = await control.call("GET", "/ledger", {})
        await control.close()
    assert set(good.json()["venues"]) == {"binance", "kucoin"}


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule with the parameters that its action takes, their values of the right type at least."""
    channel = draw(st.sampled_from(CHANNELS))
    name = draw(st.sampled_from(sorted(ACTIONS[channel])))
    action = ACTIONS[channel][name]
    wanted = action.needs | {k: v for k, v in action.takes.items() if draw(st.booleans())}
    params = {key: draw(value_of(kind)) for key, kind in wanted.items()}
    if "mb" in params or params.get("how") == "huge":
        params["mb"] = 0.001  # what fills sockets is tried elsewhere
    rule: dict[str, Any] = {"channel": channel, "action": name, "params": params}
    if channel in ("request", "rest", "ws"):
        rule["point"] = draw(st.sampled_from(POINTS))
    if draw(st.booleans()):
        rule["match"] = {draw(st.sampled_from(["nth", "every", "times"])): draw(st.integers(1, 3))}
    return rule


def value_of(kind: type | tuple[type, ...]) -> st.SearchStrategy[Any]:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    options: list[st.SearchStrategy[Any]] = []
    if dict in kinds:
        options.append(st.dictionaries(texts, scalars, max_size=2))
    if str in kinds:
        options.append(words | texts)
    if float in kinds:
        options.append(numbers)
    elif int in kinds:
        options.append(numbers.filter(lambda number: type(number) is int))
    return st.one_of(options)


@given(given_rules=st.lists(rules(), min_size=1, max_size=3))
@examples(150)
async def test_requests_and_frames_under_any_rules(
    both: MockVenues, given_rules: list[dict[str, Any]]
) -> None:
    """Orders by every channel while rules put them wrong: whatever comes back, nothing breaks, and
    without the rules all is well again."""
    for rule in given_rules:
        # A number that JSON has no word for, or that is out of its range.
        with suppress(ValueError, UsageError):
            both.faults.add(orjson.loads(json.dumps(rule, allow_nan=False)))
    face = both.faces["kucoin"]
    assert isinstance(face, KucoinFace)
    with no_faults():
        async with aiohttp.ClientSession() as http:
            world = World(face, both.flow, both.line["venues"]["kucoin"], http, both.faults)
            tries = (binance_orders(both), kucoin_orders(world), rest_orders(both, world))
            await asyncio.gather(*tries, return_exceptions=True)
        both.flow.step()
        both.faults.clear()
        line = both.line["venues"]
        async with connected(line["binance"]["ws_api_url"]) as client:
            client.send({"id": "good", "method": "time"})
            await client.until(lambda m: m.get("id") == "good")
        for exchange in (one.exchange for one in both.faces.values()):
            for account in exchange.accounts.values():
                for order in exchange.open_orders(account):
                    exchange.cancel(account, order)


@st.composite
def venue_rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule about a whole venue, at once or a moment later."""
    name = draw(st.sampled_from(sorted(ACTIONS["venue"])))
    action = ACTIONS["venue"][name]
    wanted = action.needs | {k: v for k, v in action.takes.items() if draw(st.booleans())}
    params = {
        key: draw(SENSIBLE.get(key, st.nothing()) | value_of(kind)) for key, kind in wanted.items()
    }
    params |= {"changes": 10} if "changes" in params else {}
    rule = {
        "channel": "venue",
        "action": name,
        "params": params,
        "at_s": draw(st.sampled_from([0, 0.001])),
    }
    return rule | {"venue": draw(st.sampled_from(["*", "binance", "kucoin"]))}


@given(rule=venue_rules())
@examples(100)
async def test_whole_venues_under_any_rule(both: MockVenues, rule: dict[str, Any]) -> None:
    """What a rule does to a venue ends with it, what cannot be done is refused or ends alone."""
    lines = both.line["venues"]
    asked = (("binance", "/api/v3/time"), ("kucoin", "/api/v1/timestamp"))
    with no_faults():
        with suppress(ValueError, UsageError):
            try:
                both.faults.add(orjson.loads(json.dumps(rule, allow_nan=False)))
            except UsageError:
                assert both.faults.rows() == []
                raise
        await asyncio.sleep(0.005 if rule["at_s"] else 0)
        for venue, path in asked:
            assert await status_of(lines[venue]["rest_url"], path) != 500
        both.faults.clear()
        for venue, path in asked:
            assert await status_of(lines[venue]["rest_url"], path) == 200
        both.flow.step()


async def status_of(url: str, path: str) -> int | None:
    """What a venue answers with; None when it does not."""
    http, status = RawHttp(url), None
    with suppress(AssertionError, OSError, ValueError):
        async with asyncio.timeout(1):
            status = (await http.call("GET", path, {})).status
    with suppress(OSError):
        await http.close()
    return status


class Deaf(WSListener):
    """Sends, and lets anything come."""

    def __init__(self) -> None:
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if not self.first.done():
            self.first.set_result(frame.get_payload_as_bytes())


@asynccontextmanager
async def deaf(url: str) -> AsyncIterator[tuple[WSTransport, Deaf]]:
    async with asyncio.timeout(LONG):
        transport, listener = await ws_connect(Deaf, url)
        assert isinstance(listener, Deaf)
        try:
            yield transport, listener
        finally:
            transport.disconnect(graceful=False)
            await transport.wait_disconnected()


def send(transport: WSTransport, message: dict[str, Any]) -> None:
    if not transport.is_disconnected:
        transport.send(WSMsgType.TEXT, json.dumps(message).encode())


async def binance_orders(both: MockVenues) -> None:
    line = both.line["venues"]["binance"]
    keys = Keys(line)
    async with deaf(f"{line['stream_url']}/ws/xrpusdt@bookTicker"):
        both.flow.step()
    place = keys.params(**BINANCE_ORDER)
    async with deaf(line["ws_api_url"]) as (transport, _):
        for number, method, params in (
            (1, "userDataStream.subscribe.signature", keys.params()),
            (2, "order.place", place),
            (3, "openOrders.cancelAll", keys.params(symbol="XRPUSDT")),
            ([], "order.place", place),
        ):
            send(transport, {"id": number, "method": method, "params": params})
        await asyncio.sleep(SHORT)


async def kucoin_orders(world: World) -> None:
    url = f"{world.line['order_url']}?{world.keys.order_entry_query()}"
    async with deaf(url) as (transport, listener):
        transport.send(WSMsgType.TEXT, world.keys.sign(await listener.first).encode())
        send(transport, {"id": "1", "op": "spot.order", "args": KUCOIN_ORDER})
        send(transport, {"id": "2", "op": "spot.sync_cancel", "args": {"symbol": "XRP-USDT"}})
        send(transport, {"id": {}, "op": []})
        await asyncio.sleep(SHORT)


async def rest_orders(both: MockVenues, world: World) -> None:
    line = both.line["venues"]["binance"]
    keys = Keys(line)
    query = keys.query(**BINANCE_ORDER, newClientOrderId=f"r-{now_ms()}")
    http = RawHttp(line["rest_url"])
    with suppress(AssertionError, OSError, ValueError):  # whatever the rules make of the reply
        async with asyncio.timeout(LONG):
            await http.call("POST", f"/api/v3/order?{query}", keys.headers())
    await http.close()
    async with asyncio.timeout(LONG):
        await world.call("POST", "/api/v1/hf/orders", KUCOIN_ORDER)
