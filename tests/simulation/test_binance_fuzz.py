"""Bad input gets the venue's own error: never a 500, a closed socket or an unhandled exception."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from support.binance import Keys, Rest, now_ms
from support.sockets import connected
from xrpfast.simulation.binance.face import BinanceFace

if TYPE_CHECKING:
    from xrpfast.simulation.server import MockVenues

ORDER: dict[str, Any] = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "25.0", "price": "2.1",
}  # fmt: skip
NAMES = [
    *ORDER, "newClientOrderId", "orderId", "origClientOrderId", "newOrderRespType", "recvWindow",
    "timestamp", "limit", "subscriptionId", "returnRateLimits", "apiKey", "symbols",
    "interval", "startTime", "endTime", "fromId", "timeZone", "windowSize",
]  # fmt: skip
SCALARS: list[Any] = [
    "", "x", "1", "-1", "1e9", "NaN", "é", "\u0000", "9" * 30, "BUY", "LIMIT", "LIMIT_MAKER",
    "MARKET", "XRPUSDT", "IOC", "25.0", "2.1", ".5", "5.", "0", '["XRPUSDT"]', "[1]", "٣",
]  # fmt: skip
JSONS: list[Any] = [
    *SCALARS,
    None,
    True,
    False,
    0,
    -1,
    1,
    1.5,
    1e300,
    10**18,
    [],
    [1],
    {},
    {"a": 1},
]
METHODS: list[Any] = [
    "order.place", "order.test", "order.cancel", "order.status", "openOrders.status",
    "openOrders.cancelAll", "account.status", "myTrades", "depth", "exchangeInfo", "time",
    "userDataStream.subscribe", "userDataStream.subscribe.signature", "userDataStream.unsubscribe",
    "session.status", "session.logon", "session.logout", "order.cancelReplace",
    "order.amend.keepPriority", "order.amendments", "allOrders", "account.commission",
    "account.rateLimits.orders", "myFilters", "myPreventedMatches", "executionRules",
    "klines", "ticker.24hr", "ticker", "trades.aggregate", "trades.recent", 5, None, [], {},
]  # fmt: skip
ROUTES = [
    ("POST", "/order"), ("POST", "/order/test"), ("DELETE", "/order"), ("GET", "/order"),
    ("GET", "/openOrders"), ("GET", "/myTrades"), ("GET", "/account"), ("GET", "/depth"),
    ("GET", "/exchangeInfo"), ("GET", "/ticker/bookTicker"), ("GET", "/klines"),
    ("GET", "/ticker/24hr"), ("GET", "/ticker"), ("GET", "/aggTrades"), ("GET", "/trades"),
]  # fmt: skip


def spoiled(draw: random.Random, values: list[Any]) -> dict[str, Any]:
    params = dict(ORDER) if draw.random() < 0.7 else {}
    return params | {draw.choice(NAMES): draw.choice(values) for _ in range(draw.randint(0, 3))}


def scalar(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize("seed", range(3))
async def test_the_websocket_api_answers_everything(
    venue: MockVenues, keys: Keys, seed: int
) -> None:
    draw = random.Random(seed)
    async with connected(venue.line["venues"]["binance"]["ws_api_url"]) as api:
        for number in range(500):
            params = {"apiKey": keys.key, "timestamp": now_ms()} | spoiled(draw, JSONS)
            text = "&".join(f"{name}={scalar(params[name])}" for name in sorted(params))
            good = draw.random() < 0.9
            params["signature"] = keys.sign(text) if good else draw.choice(JSONS)
            if draw.random() < 0.05:
                params = draw.choice(JSONS)
            api.messages.clear()
            api.send({"id": number, "method": draw.choice(METHODS), "params": params})
            reply = await api.until(lambda m, number=number: m.get("id", "") == number)
            assert reply["status"] in (200, 400, 401, 404)
            if reply["status"] != 200:
                assert isinstance(reply["error"]["code"], int)
                assert reply["error"]["msg"]


@pytest.mark.parametrize("seed", range(3))
async def test_rest_answers_everything(rest: Rest, keys: Keys, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(200):
        method, path = draw.choice(ROUTES)
        status, body = await rest.signed(method, path, **spoiled(draw, SCALARS))
        assert status in (200, 400, 401), (method, path, body)
        assert status == 200 or set(body) == {"code", "msg"}
    for query in ("%ff%fe", "a=%", "&&&", "symbol=%00", "=&=", "symbol=%ff", "limit=%D9%A3"):
        for path in ("/account", "/depth", "/order"):
            status, body = await rest.call("GET", path, query, headers=keys.headers())
            assert status == 400
            assert set(body) == {"code", "msg"}


async def test_stream_control_answers_everything(venue: MockVenues) -> None:
    draw = random.Random(1)
    face = venue.faces["binance"]
    assert isinstance(face, BinanceFace)
    face.streams.sockets.settings.messages_per_s = None
    methods = [
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "LIST_SUBSCRIPTIONS",
        "GET_PROPERTY",
        "SET_PROPERTY",
        *JSONS,
    ]
    async with connected(f"{venue.line['venues']['binance']['stream_url']}/ws") as client:
        for number in range(300):
            client.messages.clear()
            params = draw.choice([[draw.choice(JSONS)], ["combined", draw.choice(JSONS)], *JSONS])
            client.send({"id": number, "method": draw.choice(methods), "params": params})
            reply = await client.until(lambda m, number=number: m.get("id", "") == number)
            assert ("result" in reply) != ("error" in reply)
        client.send("{")
        await client.until(lambda m: m.get("error", {}).get("code") == 3)
