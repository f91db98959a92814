"""Bad input gets KuCoin's own error: never a 500, a closed socket or an unhandled exception."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.kucoin_client import SYMBOL, World

HF = "/api/v1/hf/orders"
ORDER: dict[str, Any] = {
    "clientOid": "fuzz-1", "symbol": SYMBOL, "side": "buy", "type": "limit", "price": "2.3",
    "size": "25",
}  # fmt: skip
NAMES = [
    *ORDER, "funds", "timeInForce", "postOnly", "stp", "cancelAfter", "hidden", "iceberg", "tags",
    "remark", "orderId", "newPrice", "newSize", "allowMaxTimeWindow", "clientTimestamp", "timeout",
    "symbols", "orderList", "cancelSize", "stop",
]  # fmt: skip
TEXTS = [
    "", "x", "1", "-1", "1e9", "NaN", "é", "\u0000", "9" * 30, "buy", "sell", "limit", "market",
    SYMBOL, "IOC", "FOK", "GTT", "CN", "DC", "25.0", "2.1", ".5", "5.", "0", "٣", "1 000",
    "6920aa01c3f1000000000001", "2.41370000000000001", "true", "99999999999999999999.9",
]  # fmt: skip
ROUTES = [
    ("GET", HF), ("GET", f"{HF}/active"), ("GET", f"{HF}/active/page"), ("GET", f"{HF}/done"),
    ("GET", "/api/v1/hf/fills"), ("GET", "/api/v1/hf/accounts/ledgers"), ("GET", f"{HF}/x"),
    ("GET", f"{HF}/client-order/x"), ("GET", "/api/v1/accounts"), ("GET", "/api/v1/accounts/1"),
    ("GET", "/api/v1/trade-fees"), ("GET", "/api/v1/base-fee"), ("GET", "/api/v1/market/candles"),
    ("GET", "/api/v1/market/stats"), ("GET", "/api/v1/market/orderbook/level2_20"),
    ("GET", "/api/v3/market/orderbook/level2"), ("GET", "/api/v2/symbols"),
    ("GET", "/api/v2/symbols/x"), ("GET", "/api/v1/prices"), ("GET", "/api/v3/currencies/x"),
    ("GET", "/api/v3/announcements"), ("DELETE", HF), ("DELETE", f"{HF}/x"),
    ("DELETE", f"{HF}/sync/x"), ("DELETE", f"{HF}/cancel/x"), ("DELETE", f"{HF}/client-order/x"),
    ("POST", HF), ("POST", f"{HF}/sync"), ("POST", f"{HF}/test"), ("POST", f"{HF}/multi"),
    ("POST", f"{HF}/multi/sync"), ("POST", f"{HF}/alter"), ("POST", f"{HF}/dead-cancel-all"),
    ("POST", "/api/v1/bullet-public"), ("PUT", HF), ("GET", "/api/v9/none"),
]  # fmt: skip
QUERIES = [
    "symbol", "limit", "lastId", "startAt", "endAt", "side", "type", "pageNum", "pageSize",
    "orderId", "currency", "direction", "bizType", "symbols", "cancelSize", "currencyType",
    "market", "base", "chain",
]  # fmt: skip
OPS = [
    "spot.order", "spot.sync_order", "spot.cancel", "spot.sync_cancel", "spot.modify", "ping",
    "uta.order", "margin.cancel", "none", "", 5, None, [],
]  # fmt: skip
TOPICS = [
    f"/market/level2:{SYMBOL}", f"/market/candles:{SYMBOL}_1min", "/market/candles:x",
    "/account/balance", "/market/ticker:all", "/market/", ":", "/", "/market/level2:", 5, None, [],
    {}, "/spotMarket/tradeOrdersV2:é", "/market/level2:" + "A," * 150, "\u0000",
]  # fmt: skip

texts = st.sampled_from(TEXTS)
values = st.recursive(
    texts | st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)  # fmt: skip
spoiled = st.dictionaries(st.sampled_from(NAMES), values, max_size=3).map(
    lambda changes: ORDER | changes
)
args = st.one_of(spoiled, spoiled, spoiled.map(lambda one: {"orderList": [one, 5]}), values)
queries = st.dictionaries(st.sampled_from(QUERIES), texts, max_size=3)
run = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def unlimited(kucoin: World) -> None:
    kucoin.face.enforce_quotas(False)
    kucoin.face.venue.hub.settings.messages_per_10_s = 10**6


def dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


def well_formed(reply: Any) -> None:
    assert isinstance(reply["code"], str)
    assert reply["code"] != "500000", reply
    assert ("data" in reply) == (reply["code"] == "200000")
    assert reply["code"] == "200000" or isinstance(reply["msg"], str)


@run
@given(st.lists(st.tuples(st.sampled_from(ROUTES), queries, args), min_size=20, max_size=20))
async def test_rest_answers_everything(kucoin: World, calls: list[Any]) -> None:
    unlimited(kucoin)
    for (method, path), query, body in calls:
        text = "&".join(f"{name}={quote(value)}" for name, value in query.items())
        plain = "&".join(f"{name}={value}" for name, value in query.items())
        raw = dumped(body) if method == "POST" else b""
        target = f"{path}?{text}" if text else path
        signed = kucoin.keys.headers(method, f"{path}?{plain}" if plain else path, raw)
        reply = await kucoin.call(method, target, raw or None, signed=False, headers=signed)
        assert reply.status in (200, 400, 401, 404, 405), (method, target, reply.body)
        well_formed(reply.body)
        assert reply.code != "400005", (method, target)


async def test_broken_requests(kucoin: World) -> None:
    for body in (b"{", b"\xff\xfe", b"nan", b"[" * 5_000, b'{"symbol":"\\ud800"}', b'"' * 9):
        for path in (HF, f"{HF}/multi", f"{HF}/alter", f"{HF}/dead-cancel-all"):
            reply = await kucoin.call("POST", path, body)
            assert reply.status == 400, (body[:9], path)
            well_formed(reply.body)
    for query in ("%ff%fe", "a=%", "&&&", "symbol=%00", "=&=", "limit=%D9%A3", "symbol=%ff"):
        for path in (f"{HF}/active", "/api/v1/market/stats", "/api/v1/hf/fills"):
            reply = await kucoin.call("GET", f"{path}?{query}")
            assert reply.status in (200, 400, 401), (query, path)
            well_formed(reply.body)


@run
@given(st.lists(st.tuples(st.sampled_from(OPS), args), min_size=40, max_size=40))
async def test_order_entry_answers_everything(kucoin: World, calls: list[Any]) -> None:
    unlimited(kucoin)
    async with kucoin.order_entry() as entry:
        for number, (op, given_args) in enumerate(calls):
            entry.messages.clear()
            entry.send(dumped({"id": f"f{number}", "op": op, "args": given_args}))
            reply = await entry.until(lambda m: "code" in m or m.get("op") == "pong")
            if "code" in reply:
                well_formed(reply)
                assert ("id" in reply) == (isinstance(op, str) and op != "")
        for text in (b"\xff", b"[]", b"{}", b'{"id":[]}', b'{"id":"x","op":{}}', b"\x00"):
            entry.messages.clear()
            entry.send(text)
            error = await entry.until(lambda m: "code" in m)
            assert error["code"] in ("400101", "4001002")


@run
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["subscribe", "unsubscribe", "ping", "openTunnel", "", None, 5]),
            st.sampled_from(TOPICS),
            values,
        ),
        min_size=30,
        max_size=30,
    )
)
async def test_push_answers_everything(kucoin: World, calls: list[Any]) -> None:
    unlimited(kucoin)
    async with kucoin.push() as client:
        for kind, topic, name in calls:
            client.send(dumped({"id": name, "type": kind, "topic": topic, "response": True}))
        for text in (b"\xff", b"[]", b"null", b"{", b"\x00"):
            client.send(text)
        client.send({"id": "after all", "type": "ping"})
        await client.until(lambda m: m.get("id") == "after all")
        answers = [m for m in client.messages if m["type"] in ("ack", "error", "pong")]
        assert len(answers) == len(calls) + 6
        for answer in answers:
            if answer["type"] == "error":
                assert answer["code"] in (400, 403, 404, 406, 415, 509)
                assert isinstance(answer["id"], str)
