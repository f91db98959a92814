"""The mock Binance's REST: market data, signed queries and orders, and each refusal's own words."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from support.binance import Keys, Rest, now_ms
from xrpfast.simulation.server import MockVenues

ORDER = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "25.0", "price": "2.1000",
}  # fmt: skip


async def test_time_and_ping(rest: Rest) -> None:
    before = now_ms()
    status, body = await rest.get("/time")
    assert status == 200
    assert before <= body["serverTime"] <= now_ms()
    assert await rest.get("/ping") == (200, {})


async def test_unknown_path_is_404(rest: Rest, venue: MockVenues) -> None:
    async with aiohttp.ClientSession() as http:
        url = venue.line["venues"]["binance"]["rest_url"]
        for path in ("/api/v3/nothing", "/api/v1/time", "/"):
            async with http.get(url + path) as reply:
                assert reply.status == 404


async def test_exchange_info_states_the_rules_that_are_enforced(rest: Rest) -> None:
    status, body = await rest.get("/exchangeInfo", "symbol=XRPUSDT")
    assert status == 200
    (symbol,) = body["symbols"]
    filters = {row["filterType"]: row for row in symbol["filters"]}
    assert (symbol["symbol"], symbol["status"]) == ("XRPUSDT", "TRADING")
    assert filters["PRICE_FILTER"]["tickSize"] == "0.00010000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.10000000"
    assert filters["NOTIONAL"]["minNotional"] == "5.00000000"
    assert {row["rateLimitType"] for row in body["rateLimits"]} >= {"ORDERS", "REQUEST_WEIGHT"}
    bad = await rest.get("/exchangeInfo", "symbol=NOPE")
    assert bad == (400, {"code": -1121, "msg": "Invalid symbol."})


async def test_depth_is_the_exchanges_book(rest: Rest, venue: MockVenues) -> None:
    status, body = await rest.get("/depth", "symbol=XRPUSDT&limit=5")
    exchange = venue.faces["binance"].exchange
    assert status == 200
    assert body["lastUpdateId"] == exchange.sequence
    for name, side in (("bids", 0), ("asks", 1)):
        expected = exchange.matching.levels(side, 5)
        rows = [(round(float(p) * 10**4), round(float(q) * 10)) for p, q in body[name]]
        assert rows == expected
        assert all(len(p.partition(".")[2]) == 8 for row in body[name] for p in row)
    _, ticker = await rest.get("/ticker/bookTicker", "symbol=XRPUSDT")
    assert [ticker["bidPrice"], ticker["bidQty"]] == body["bids"][0]
    assert [ticker["askPrice"], ticker["askQty"]] == body["asks"][0]


async def test_an_order_from_place_to_cancel(rest: Rest) -> None:
    status, placed = await rest.signed(
        "POST", "/order", **ORDER, newClientOrderId="rest-1", newOrderRespType="RESULT"
    )
    assert status == 200
    assert (placed["status"], placed["clientOrderId"]) == ("NEW", "rest-1")
    number = placed["orderId"]
    _, account = await rest.signed("GET", "/account")
    usdt = next(row for row in account["balances"] if row["asset"] == "USDT")
    assert usdt["locked"] == "52.50000000"
    assert account["updateTime"] >= placed["transactTime"]
    _, rows = await rest.signed("GET", "/openOrders", symbol="XRPUSDT")
    assert [row["orderId"] for row in rows] == [number]
    for which in ({"orderId": number}, {"origClientOrderId": "rest-1"}):
        _, found = await rest.signed("GET", "/order", symbol="XRPUSDT", **which)
        assert (found["orderId"], found["status"], found["isWorking"]) == (number, "NEW", True)
        assert found["origQuoteOrderQty"] == "0.00000000"
    status, ended = await rest.signed(
        "DELETE", "/order", symbol="XRPUSDT", orderId=number, newClientOrderId="cxl-1"
    )
    assert status == 200
    assert (ended["status"], ended["origClientOrderId"]) == ("CANCELED", "rest-1")
    assert ended["clientOrderId"] == "cxl-1"
    gone = await rest.signed("DELETE", "/order", symbol="XRPUSDT", orderId=number)
    assert gone == (400, {"code": -2011, "msg": "Unknown order sent."})
    assert (await rest.signed("GET", "/openOrders", symbol="XRPUSDT"))[1] == []


async def test_a_taker_order_tells_its_fills(rest: Rest) -> None:
    _, book = await rest.get("/depth", "symbol=XRPUSDT&limit=1")
    price = book["asks"][0][0]
    _, reply = await rest.signed("POST", "/order", **ORDER | {"price": price, "timeInForce": "IOC"})
    assert (reply["status"], reply["executedQty"]) == ("FILLED", "25.00000000")
    (fill,) = reply["fills"]
    assert (fill["price"], fill["commission"], fill["commissionAsset"]) == (
        price, "0.02500000", "XRP",
    )  # fmt: skip
    _, trades = await rest.signed("GET", "/myTrades", symbol="XRPUSDT")
    assert [(row["id"], row["isBuyer"], row["isMaker"]) for row in trades] == [
        (fill["tradeId"], True, False)
    ]


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "ICEBERG"}, -1116, "Invalid orderType."),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"price": "2.10005"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "20000"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "25.05"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0"}, -1013, "Invalid quantity."),
        ({"price": "0"}, -1013, "Invalid price."),
        ({"quantity": "1.0"}, -1013, "Filter failure: NOTIONAL"),
        ({"price": "2.100000001"}, -1111, "Parameter 'price' has too much precision."),
        (
            {"quantity": "900000"},
            -2010,
            "Account has insufficient balance for requested action.",
        ),
        ({"quantity": "99999999999999999999"}, -1013, "Filter failure: LOT_SIZE"),
    ],
)
async def test_each_refusal_has_its_code_and_text(
    rest: Rest, change: dict[str, Any], code: int, text: str
) -> None:
    assert await rest.signed("POST", "/order", **ORDER | change) == (
        400, {"code": code, "msg": text},
    )  # fmt: skip
    assert (await rest.signed("GET", "/openOrders", symbol="XRPUSDT"))[1] == []


@pytest.mark.parametrize("name", ["symbol", "side", "type", "timeInForce", "quantity", "price"])
async def test_a_missing_parameter_is_named(rest: Rest, name: str) -> None:
    order = {key: value for key, value in ORDER.items() if key != name}
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    assert await rest.signed("POST", "/order", **order) == (400, {"code": -1102, "msg": text})


@pytest.mark.parametrize("bad", ["a.b", "a b", "x" * 37, "é"])
async def test_a_client_id_keeps_to_its_pattern(rest: Rest, bad: str) -> None:
    status, body = await rest.signed("POST", "/order", **ORDER, newClientOrderId=bad)
    assert (status, body["code"]) == (400, -1100)
    assert "^[a-zA-Z0-9-_]{1,36}$" in body["msg"]


async def test_who_asks_is_checked(rest: Rest, keys: Keys) -> None:
    query, good = keys.query(), keys.headers()
    cases: list[tuple[str, dict[str, str], int, int]] = [
        (query, {}, 401, -2014),
        (query, {"X-MBX-APIKEY": "short"}, 401, -2014),
        (query, {"X-MBX-APIKEY": "a" * 64}, 401, -2015),
        (query[:-4] + "0000", good, 400, -1022),
        (query + "&recvWindow=5000", good, 400, -1022),
        (f"timestamp={now_ms()}", good, 400, -1102),
        ("signature=00", good, 400, -1102),
        (keys.query(timestamp=now_ms() - 6_000), good, 400, -1021),
        (keys.query(timestamp=now_ms() - 900, recvWindow=500), good, 400, -1021),
        (keys.query(timestamp=now_ms() + 2_000), good, 400, -1021),
        (keys.query(timestamp="soon"), good, 400, -1100),
    ]
    for sent, headers, status, code in cases:
        got, body = await rest.call("GET", "/account", sent, headers=headers)
        assert (got, body["code"]) == (status, code), sent


async def test_a_query_names_an_order(rest: Rest) -> None:
    status, body = await rest.signed("GET", "/order", symbol="XRPUSDT")
    assert (status, body["code"]) == (400, -1102)
    assert "'orderId' or 'origClientOrderId'" in body["msg"]
    unknown = await rest.signed("GET", "/order", symbol="XRPUSDT", orderId=1)
    assert unknown == (400, {"code": -2013, "msg": "Order does not exist."})


async def test_a_test_order_changes_nothing(rest: Rest, venue: MockVenues) -> None:
    assert await rest.signed("POST", "/order/test", **ORDER) == (200, {})
    status, body = await rest.signed("POST", "/order/test", **ORDER | {"quantity": "0.05"})
    assert (status, body["code"]) == (400, -1013)
    assert venue.faces["binance"].exchange.orders == {}
