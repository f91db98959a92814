"""The mock Binance's WebSocket API: orders, the private stream beside them, and its errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from support.binance import Keys, now_ms
from support.sockets import Client, connected
from xrpfast.model import Side, TimeInForce

if TYPE_CHECKING:
    from xrpfast.simulation.exchange import Exchange
    from xrpfast.simulation.server import MockVenues

ORDER: dict[str, Any] = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "25.0", "price": "2.1000",
}  # fmt: skip
KEYS_OF_A_REPORT = set("eEscSofqpPFgCxXrilzLnNTtIwmMOZYQWV")


@pytest.fixture
async def api(venue: MockVenues) -> AsyncIterator[Client]:
    async with connected(venue.line["venues"]["binance"]["ws_api_url"]) as client:
        yield client


@pytest.fixture
def exchange(venue: MockVenues) -> Exchange:
    return venue.faces["binance"].exchange


async def subscribe(api: Client, keys: Keys) -> int:
    reply = await api.request("userDataStream.subscribe.signature", keys.params())
    assert reply["status"] == 200
    assert reply["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"  # the SDK reads it here too
    return int(reply["result"]["subscriptionId"])


def events(api: Client) -> list[dict[str, Any]]:
    return [message["event"] for message in api.messages if "event" in message]


def best_ask(exchange: Exchange) -> str:
    best = exchange.matching.best(Side.SELL)
    assert best is not None
    return f"{best[0] / 10**4:.4f}"


async def test_open_methods_answer(api: Client, exchange: Exchange) -> None:
    assert (await api.request("ping"))["result"] == {}
    assert abs((await api.request("time"))["result"]["serverTime"] - now_ms()) < 1_000
    info = await api.request("exchangeInfo", {"symbol": "XRPUSDT"})
    assert info["result"]["symbols"][0]["symbol"] == "XRPUSDT"
    depth = await api.request("v3/depth", {"symbol": "XRPUSDT", "limit": 5})
    assert depth["result"]["lastUpdateId"] == exchange.sequence
    assert len(depth["result"]["bids"]) == 5
    (weight,) = depth["rateLimits"]
    assert (weight["rateLimitType"], weight["interval"], weight["limit"]) == (
        "REQUEST_WEIGHT", "MINUTE", 6_000,
    )  # fmt: skip


async def test_place_query_and_cancel(api: Client, keys: Keys, exchange: Exchange) -> None:
    placed = await api.request(
        "order.place", keys.params(**ORDER, newClientOrderId="ws-1", newOrderRespType="ACK")
    )
    assert placed["status"] == 200
    assert set(placed["result"]) == {
        "symbol", "orderId", "orderListId", "clientOrderId", "transactTime",
    }  # fmt: skip
    kinds = [(row["rateLimitType"], row["interval"]) for row in placed["rateLimits"]]
    assert kinds == [("ORDERS", "SECOND"), ("ORDERS", "DAY"), ("REQUEST_WEIGHT", "MINUTE")]
    number = placed["result"]["orderId"]
    which = {"symbol": "XRPUSDT", "origClientOrderId": "ws-1"}
    found = await api.request("order.status", keys.params(**which))
    assert (found["result"]["orderId"], found["result"]["status"]) == (number, "NEW")
    rows = await api.request("openOrders.status", keys.params(symbol="XRPUSDT"))
    assert [row["orderId"] for row in rows["result"]] == [number]
    twice = await api.request("order.place", keys.params(**ORDER, newClientOrderId="ws-1"))
    assert twice["error"] == {"code": -2010, "msg": "Duplicate order sent."}
    assert len(twice["rateLimits"]) == 3
    ended = await api.request("order.cancel", keys.params(**which))
    assert (ended["result"]["status"], ended["result"]["origClientOrderId"]) == (
        "CANCELED", "ws-1",
    )  # fmt: skip
    again = await api.request("order.cancel", keys.params(**which))
    assert (again["status"], again["error"]["code"]) == (400, -2011)
    gone = await api.request("order.status", keys.params(symbol="XRPUSDT", orderId=7))
    assert gone["error"] == {"code": -2013, "msg": "Order does not exist."}
    assert exchange.open_orders(next(iter(exchange.accounts.values()))) == []


async def test_weights_are_counted(api: Client, keys: Keys) -> None:
    async def used(method: str, params: dict[str, Any]) -> int:
        return int((await api.request(method, params))["rateLimits"][-1]["count"])

    before = await used("ping", {})
    assert await used("depth", {"symbol": "XRPUSDT", "limit": 1_000}) == before + 50
    assert await used("account.status", keys.params()) == before + 70
    assert await used("order.place", keys.params(**ORDER)) == before + 70
    assert await used("order.place", keys.params(**ORDER | {"side": "?"})) == before + 71


async def test_order_counts_are_counted(api: Client, keys: Keys) -> None:
    for count in (1, 2, 3):
        reply = await api.request("order.place", keys.params(**ORDER))
        day = reply["rateLimits"][1]
        assert (day["interval"], day["count"]) == ("DAY", count)
    quiet = await api.request("openOrders.cancelAll", keys.params(
        symbol="XRPUSDT", returnRateLimits="false",
    ))  # fmt: skip
    assert len(quiet["result"]) == 3
    none = await api.request("openOrders.cancelAll", keys.params(symbol="XRPUSDT"))
    assert none["error"] == {"code": -2011, "msg": "Unknown order sent."}


async def test_a_taker_order_is_told_step_by_step(
    api: Client, keys: Keys, exchange: Exchange
) -> None:
    """NEW, one TRADE a fill, EXPIRED for the rest, then the balances: all absolute."""
    number = await subscribe(api, keys)
    bid, ask = exchange.matching.best(Side.BUY), exchange.matching.best(Side.SELL)
    assert bid is not None
    assert ask is not None
    assert ask[0] - bid[0] > 2
    exchange.place_background(Side.SELL, ask[0] - 2, 100, TimeInForce.GTC)
    exchange.place_background(Side.SELL, ask[0] - 1, 100, TimeInForce.GTC)
    order = ORDER | {
        "price": f"{(ask[0] - 1) / 10**4:.4f}", "quantity": "30.0", "timeInForce": "IOC",
    }  # fmt: skip
    reply = await api.request("order.place", keys.params(**order, newClientOrderId="taker"))
    result = reply["result"]
    assert (result["status"], result["executedQty"]) == ("EXPIRED", "20.00000000")
    assert [fill["qty"] for fill in result["fills"]] == ["10.00000000", "10.00000000"]
    await api.until(lambda m: m.get("event", {}).get("e") == "outboundAccountPosition")
    told = events(api)
    reports, position = told[:-1], told[-1]
    assert [(r["x"], r["X"], r["z"]) for r in reports] == [
        ("NEW", "NEW", "0.00000000"),
        ("TRADE", "PARTIALLY_FILLED", "10.00000000"),
        ("TRADE", "PARTIALLY_FILLED", "20.00000000"),
        ("EXPIRED", "EXPIRED", "20.00000000"),
    ]
    assert all(set(report) >= KEYS_OF_A_REPORT for report in reports)
    assert all(report["c"] == "taker" for report in reports)
    assert [r["I"] for r in reports] == sorted({r["I"] for r in reports})
    assert [r["t"] for r in reports[1:3]] == [fill["tradeId"] for fill in result["fills"]]
    assert (reports[1]["n"], reports[1]["N"], reports[1]["m"]) == ("0.01000000", "XRP", False)
    assert (reports[0]["t"], reports[0]["N"], reports[0]["n"]) == (-1, None, "0")
    assert reports[3]["eR"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    account = await api.request("account.status", keys.params())
    balances = {row["asset"]: (row["free"], row["locked"]) for row in account["result"]["balances"]}
    assert {row["a"]: (row["f"], row["l"]) for row in position["B"]} == balances
    assert all(m["subscriptionId"] == number for m in api.messages if "event" in m)


async def test_a_full_fill_ends_filled_and_fok_is_all_or_nothing(
    api: Client, keys: Keys, exchange: Exchange
) -> None:
    await subscribe(api, keys)
    order = ORDER | {"price": best_ask(exchange), "timeInForce": "FOK", "quantity": "20.0"}
    full = await api.request("order.place", keys.params(**order))
    assert full["result"]["status"] == "FILLED"
    last = await api.until(lambda m: m.get("event", {}).get("x") == "TRADE")
    assert (last["event"]["X"], last["event"]["w"]) == ("FILLED", False)
    none = await api.request("order.place", keys.params(**order | {"quantity": "19000.0"}))
    assert (none["result"]["status"], none["result"]["fills"]) == ("EXPIRED", [])
    assert none["result"]["expiryReason"] == "UNFILLED_FOK_ORDER_EXPIRED"


async def test_a_cancel_renames_the_order_and_a_maker_fill_says_so(
    api: Client, keys: Keys, exchange: Exchange
) -> None:
    await subscribe(api, keys)
    order = ORDER | {"type": "LIMIT_MAKER"}
    del order["timeInForce"]
    crossing = await api.request(
        "order.place", keys.params(**order | {"price": best_ask(exchange)})
    )
    assert crossing["error"] == {"code": -2010, "msg": "Order would immediately match and take."}
    best = exchange.matching.best(Side.BUY)
    assert best is not None
    top = order | {"price": f"{(best[0] + 1) / 10**4:.4f}"}
    placed = await api.request("order.place", keys.params(**top, newClientOrderId="maker"))
    assert set(placed["result"]) == {
        "symbol", "orderId", "orderListId", "clientOrderId", "transactTime",
    }  # fmt: skip
    exchange.place_background(Side.SELL, best[0] + 1, 100, TimeInForce.IOC)
    fill = (await api.until(lambda m: m.get("event", {}).get("x") == "TRADE"))["event"]
    assert (fill["m"], fill["w"], fill["X"], fill["N"]) == (True, True, "PARTIALLY_FILLED", "XRP")
    reply = await api.request("order.cancel", keys.params(
        symbol="XRPUSDT", origClientOrderId="maker", newClientOrderId="cxl-9",
    ))  # fmt: skip
    ended = (await api.until(lambda m: m.get("event", {}).get("x") == "CANCELED"))["event"]
    assert (ended["c"], ended["C"], ended["z"]) == ("cxl-9", "maker", "10.00000000")
    assert reply["result"]["executedQty"] == "10.00000000"


async def test_subscriptions_come_once_an_account_and_end(
    api: Client, keys: Keys, exchange: Exchange
) -> None:
    number = await subscribe(api, keys)
    twice = await api.request("userDataStream.subscribe.signature", keys.params())
    assert twice["error"]["code"] == -2035
    ended = await api.request("userDataStream.unsubscribe", {"subscriptionId": number})
    assert ended["result"] == {}
    await api.until(lambda m: m.get("event", {}).get("e") == "eventStreamTerminated")
    before = len(events(api))
    await api.request("order.place", keys.params(**ORDER))
    await api.request("ping")
    assert len(events(api)) == before
    assert await subscribe(api, keys) != number


async def test_signatures_cover_every_parameter(api: Client, keys: Keys) -> None:
    params = keys.params(**ORDER)
    changed = await api.request("order.place", params | {"quantity": "26.0"})
    assert (changed["status"], changed["error"]["code"]) == (400, -1022)
    for stamp in (now_ms() - 6_000, now_ms() + 2_000):
        late = await api.request("order.place", keys.params(**ORDER, timestamp=stamp))
        assert (late["status"], late["error"]["code"]) == (400, -1021)
    narrow = keys.params(**ORDER, timestamp=now_ms() - 700, recvWindow=200)
    assert (await api.request("order.place", narrow))["error"]["code"] == -1021
    upper = keys.params(**ORDER)
    reply = await api.request("order.place", upper | {"signature": upper["signature"].upper()})
    assert reply["status"] == 200
    for key, code in (("a" * 64, -2015), ("short", -2014), (7, -2014)):
        reply = await api.request("account.status", keys.params() | {"apiKey": key})
        assert (reply["status"], reply["error"]["code"]) == (401, code)
    bare = await api.request("order.place", dict(ORDER) | {"apiKey": keys.key})
    assert (bare["status"], bare["error"]["code"]) == (400, -1102)


async def test_a_test_order_is_checked_but_never_placed(
    api: Client, keys: Keys, exchange: Exchange
) -> None:
    good = await api.request("order.test", keys.params(**ORDER))
    assert (good["status"], good["result"]) == (200, {})
    bad = await api.request("order.test", keys.params(**ORDER | {"price": "2.10001"}))
    assert bad["error"] == {"code": -1013, "msg": "Filter failure: PRICE_FILTER"}
    assert exchange.orders == {}


async def test_unknown_methods_and_bad_requests_get_an_answer(api: Client) -> None:
    assert (await api.request("order.dream"))["status"] == 404
    for params in ([1], "text", 7):
        reply = await api.request("depth", params)  # type: ignore[arg-type]
        assert reply["status"] == 400
    for bad in ("{", "[]", '{"method":"ping"}', '{"id":"a b","method":"ping"}'):
        before = len(api.messages)
        api.send(bad)
        reply = await api.until(lambda m: m["id"] is None, before)
        assert (reply["status"], reply["error"]["code"]) == (400, -1135)
    api.send('{"id":1.5,"method":"ping"}')
    await api.closed.wait()
    assert api.close_code == 1008


@pytest.mark.parametrize("number", ["req-1", None, 0, -5])
async def test_any_legal_id_comes_back(api: Client, number: object) -> None:
    api.send({"id": number, "method": "ping"})
    reply = await api.until(lambda m: m["id"] == number)
    assert reply["status"] == 200
