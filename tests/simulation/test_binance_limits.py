"""What the mock Binance lets a client ask in a window of time, and how it refuses the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.binance import Keys, Rest
from support.sockets import Client, connected
from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.binance.face import BinanceFace
from xrpfast.simulation.binance.limits import Limits
from xrpfast.simulation.server import MockVenues

SECOND = 10**9
DAY = 86_400
LIMIT: dict[str, Any] = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "25.0", "price": "2.1000",
}  # fmt: skip


@pytest.fixture(autouse=True)
def early_in_the_window(face: BinanceFace) -> Iterator[None]:
    """The venue's day has just begun: no window ends in a test that is not told to."""
    clock: Any = face.exchange.wall_ns
    clock.offset_ns = (DAY * SECOND) - clock() % (DAY * SECOND) + SECOND // 10
    yield
    clock.offset_ns = 0


def skip(face: BinanceFace, seconds: float) -> None:
    clock: Any = face.exchange.wall_ns
    clock.offset_ns += round(seconds * SECOND)


def stamp(face: BinanceFace) -> dict[str, int]:
    return {"timestamp": face.exchange.wall_ns() // 10**6}


async def used(rest: Rest) -> int:
    """Weight used before this call, which weighs 1."""
    answer = await rest.whole("GET", "/ping")
    assert answer.headers["x-mbx-used-weight"] == answer.headers["X-MBX-USED-WEIGHT-1M"]
    return int(answer.headers["X-MBX-USED-WEIGHT-1M"]) - 1


WEIGHTS = [
    ("GET", "/time", {}, 1),
    ("GET", "/exchangeInfo", {}, 20),
    ("GET", "/executionRules", {}, 40),
    ("GET", "/executionRules", {"symbol": "XRPUSDT"}, 2),
    ("GET", "/depth", {"symbol": "XRPUSDT", "limit": 500}, 25),
    ("POST", "/order", LIMIT, 0),
    ("POST", "/order", LIMIT | {"side": "?"}, 1),
    ("POST", "/order/test", LIMIT, 1),
    ("POST", "/order/test", LIMIT | {"computeCommissionRates": "true"}, 20),
    ("DELETE", "/openOrders", {"symbol": "XRPUSDT"}, 1),
    ("DELETE", "/order", {"symbol": "XRPUSDT", "orderId": 1}, 1),
    ("GET", "/order", {"symbol": "XRPUSDT", "orderId": 1}, 4),
    ("GET", "/openOrders", {"symbol": "XRPUSDT"}, 6),
    ("GET", "/openOrders", {}, 80),
    ("GET", "/allOrders", {"symbol": "XRPUSDT"}, 20),
    ("GET", "/myTrades", {"symbol": "XRPUSDT"}, 20),
    ("GET", "/myTrades", {"symbol": "XRPUSDT", "orderId": 1}, 5),
    ("GET", "/account", {}, 20),
    ("GET", "/account/commission", {"symbol": "XRPUSDT"}, 20),
    ("GET", "/rateLimit/order", {}, 40),
    ("GET", "/myFilters", {"symbol": "XRPUSDT"}, 40),
    ("GET", "/myPreventedMatches", {"symbol": "XRPUSDT", "orderId": 1}, 20),
    ("GET", "/myPreventedMatches", {"symbol": "XRPUSDT", "preventedMatchId": 1}, 2),
]


@pytest.mark.parametrize(("method", "path", "params", "weight"), WEIGHTS)
async def test_a_call_has_its_weight(
    rest: Rest, face: BinanceFace, method: str, path: str, params: dict[str, Any], weight: int
) -> None:
    before = await used(rest)
    if path in ("/time", "/exchangeInfo", "/depth", "/executionRules"):
        await rest.get(path, "&".join(f"{name}={value}" for name, value in params.items()))
    else:
        await rest.signed(method, path, **params, **stamp(face))
    assert await used(rest) == before + 1 + weight


async def test_weight_runs_out_until_the_window_ends(
    rest: Rest, api: Client, face: BinanceFace
) -> None:
    face.limits.weight = await used(rest) + 1 + 20
    assert (await rest.whole("GET", "/exchangeInfo")).status == 200
    refused = await rest.whole("GET", "/ping")
    assert (refused.status, refused.body) == (429, {
        "code": -1003,
        "msg": "Too much request weight used; current limit is "
        f"{face.limits.weight} request weight per 1 MINUTE. Please use WebSocket Streams for live "
        "updates to avoid polling the API.",
    })  # fmt: skip
    assert 55 <= int(refused.headers["Retry-After"]) <= 60
    reply = await api.request("ping")
    assert (reply["status"], reply["error"]["code"]) == (429, -1003)
    data = reply["error"]["data"]
    assert data["serverTime"] < data["retryAfter"] <= data["serverTime"] + 60_000
    assert data["retryAfter"] % 60_000 == 0
    assert reply["rateLimits"][-1]["count"] > face.limits.weight
    skip(face, 60)
    assert (await rest.whole("GET", "/ping")).status == 200


async def test_ignoring_it_brings_ever_longer_bans(
    rest: Rest, venue: MockVenues, face: BinanceFace
) -> None:
    url = venue.line["venues"]["binance"]["ws_api_url"]
    face.limits.patience = 3
    for minutes in (2, 4, 8):
        face.limits.weight = 6_000
        async with connected(url) as api:
            face.limits.weight = 1
            for _ in range(3):
                assert (await rest.whole("GET", "/ping")).status == 429
            ban = await rest.whole("GET", "/ping")
            until = face.limits.banned_until_ns // 10**6
            assert (ban.status, ban.body) == (418, {
                "code": -1003,
                "msg": f"Way too much request weight used; IP banned until {until}. "
                "Please use WebSocket Streams for live updates to avoid bans.",
            })  # fmt: skip
            assert 60 * minutes - 5 <= int(ban.headers["Retry-After"]) <= 60 * minutes
            await api.closed.wait()
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await http.ws_connect(url)
            assert caught.value.status == 418
        skip(face, 60 * minutes)
        face.limits.weight = 6_000
        assert (await rest.whole("GET", "/ping")).status == 200


async def test_a_ban_ends_after_three_days_at_most(rest: Rest, face: BinanceFace) -> None:
    face.limits.patience, face.limits.weight = 0, 0
    for _ in range(14):
        assert (await rest.whole("GET", "/ping")).status == 418
        left = face.limits.banned_until_ns - face.exchange.wall_ns()
        skip(face, left / SECOND + 1)
    assert 3 * DAY - 5 <= left / SECOND <= 3 * DAY


async def test_a_ban_can_be_set_and_lifted(rest: Rest, api: Client, face: BinanceFace) -> None:
    face.limits.banned_until_ns = face.exchange.wall_ns() + 600 * SECOND
    await api.closed.wait()
    answer = await rest.whole("GET", "/time")
    assert answer.status == 418
    assert 595 <= int(answer.headers["Retry-After"]) <= 600
    face.limits.banned_until_ns = 0
    assert (await rest.whole("GET", "/time")).status == 200


async def test_the_socket_that_brings_the_ban_is_told(api: Client, face: BinanceFace) -> None:
    face.limits.patience, face.limits.weight = 0, 0
    reply = await api.request("ping")
    assert (reply["status"], reply["error"]["code"]) == (418, -1003)
    assert reply["error"]["data"]["retryAfter"] == face.limits.banned_until_ns // 10**6
    await api.closed.wait()


async def test_raw_requests_and_connections_run_out(
    rest: Rest, venue: MockVenues, face: BinanceFace
) -> None:
    face.limits.raw_requests = 2
    assert [(await rest.whole("GET", "/ping")).status for _ in range(3)] == [200, 200, 429]
    face.limits.raw_requests = 300_000
    url = venue.line["venues"]["binance"]["ws_api_url"]
    before = face.limits.used_weight
    async with connected(url):
        assert face.limits.used_weight == before + 2
    face.limits.connections = 1
    async with aiohttp.ClientSession() as http:
        reply = await http.get(url.replace("ws://", "http://"))
        assert (reply.status, (await reply.json())["code"]) == (429, -1034)


async def test_orders_run_out_and_fills_give_back(
    rest: Rest, api: Client, keys: Keys, face: BinanceFace
) -> None:
    face.limits.orders_10s = 2
    for count in ("1", "2"):
        query = keys.query(**LIMIT, **stamp(face))
        placed = await rest.whole("POST", "/order", query, headers=keys.headers())
        assert placed.headers["X-MBX-ORDER-COUNT-10S"] == count
        assert placed.headers["X-MBX-ORDER-COUNT-1D"] == count
    query = keys.query(**LIMIT, **stamp(face))
    full = await rest.whole("POST", "/order", query, headers=keys.headers())
    assert (full.status, full.body) == (429, {
        "code": -1015, "msg": "Too many new orders; current limit is 2 orders per 10 SECOND.",
    })  # fmt: skip
    assert 5 <= int(full.headers["Retry-After"]) <= 10
    assert "X-MBX-ORDER-COUNT-10S" not in full.headers
    reply = await api.request("order.place", keys.params(**LIMIT, **stamp(face)))
    assert (reply["status"], reply["error"]["code"]) == (429, -1015)
    assert reply["error"]["data"]["retryAfter"] % 10_000 == 0
    assert [row["count"] for row in reply["rateLimits"][:2]] == [2, 2]
    asked = await rest.signed("GET", "/rateLimit/order", **stamp(face))
    assert [(row["interval"], row["limit"], row["count"]) for row in asked[1]] == [
        ("SECOND", 2, 2), ("DAY", 200_000, 2),
    ]  # fmt: skip
    order = next(iter(face.exchange.orders.values()))
    face.exchange.trade_with(order, 10)  # the first fill, as maker: five back
    _, rows = await rest.signed("GET", "/rateLimit/order", **stamp(face))
    assert [row["count"] for row in rows] == [0, 0]
    face.exchange.trade_with(order, 10)  # later fills change nothing
    for _ in range(2):
        assert (await rest.signed("POST", "/order", **LIMIT, **stamp(face)))[0] == 200
    assert (await rest.signed("POST", "/order", **LIMIT, **stamp(face)))[0] == 429
    skip(face, 10)
    assert (await rest.signed("POST", "/order", **LIMIT, **stamp(face)))[0] == 200
    assert face.limits.order_counts(1) == (1, 3)


async def test_a_taker_gets_one_back(rest: Rest, face: BinanceFace) -> None:
    await rest.signed("POST", "/order", **LIMIT, **stamp(face))
    best = face.exchange.matching.best(Side.SELL)
    assert best is not None
    face.exchange.place_background(Side.SELL, best[0], 10, TimeInForce.GTC)
    taker = LIMIT | {"price": f"{best[0] / 10**4:.4f}"}
    await rest.signed("POST", "/order", **taker, **stamp(face))
    assert face.limits.order_counts(1) == (2, 2)  # a little later
    await rest.whole("GET", "/ping")
    assert face.limits.order_counts(1) == (1, 1)


async def test_a_spent_day_spares_the_seconds(rest: Rest, face: BinanceFace) -> None:
    face.limits.orders_1d = 1
    await rest.signed("POST", "/order", **LIMIT, **stamp(face))
    status, body = await rest.signed("POST", "/order", **LIMIT, **stamp(face))
    assert (status, body["msg"]) == (
        429, "Too many new orders; current limit is 1 orders per 1 DAY.",
    )  # fmt: skip
    assert face.limits.order_counts(1) == (1, 1)


async def test_cancels_work_when_orders_do_not(rest: Rest, face: BinanceFace) -> None:
    _, placed = await rest.signed("POST", "/order", **LIMIT, **stamp(face))
    face.limits.orders_10s = 0
    which = {"symbol": "XRPUSDT", "orderId": placed["orderId"]}
    assert (await rest.signed("DELETE", "/order", **which, **stamp(face)))[0] == 200


async def test_measurements_go_beyond_the_limits(rest: Rest, face: BinanceFace) -> None:
    face.limits.weight = face.limits.raw_requests = face.limits.orders_10s = 0
    face.enforce_quotas(False)
    assert (await rest.signed("POST", "/order", **LIMIT, **stamp(face)))[0] == 200
    assert await used(rest) == 0
    face.enforce_quotas(True)
    assert (await rest.whole("GET", "/ping")).status == 429


def test_windows_are_aligned_to_utc() -> None:
    now = [5 * 60 * SECOND - 1]
    limits = Limits(lambda: now[0])
    limits.charge(7)
    assert limits.used_weight == 7
    now[0] += 1
    assert limits.used_weight == 0
    limits.ordered(3)
    now[0] += 10 * SECOND - 1
    assert limits.order_counts(3) == (1, 1)
    now[0] += 1
    assert limits.order_counts(3) == (0, 1)
    assert limits.order_counts(4) == (0, 0)


def test_the_reference_page_is_what_the_tables_say() -> None:
    from xrpfast.simulation.binance.reference import reference

    page = Path(__file__).parents[2] / "docs" / "mock-binance.md"
    assert page.read_text() == reference(), "run: make docs"
