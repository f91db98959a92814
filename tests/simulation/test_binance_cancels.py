"""Ending and changing orders at the mock Binance: cancel, cancel all, cancel-replace, amend."""

from __future__ import annotations

from typing import Any

import pytest

from support.binance import Keys, Rest
from support.sockets import Client
from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.binance.face import BinanceFace

LIMIT: dict[str, Any] = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "25.0", "price": "2.1000",
}  # fmt: skip
SYMBOL = {"symbol": "XRPUSDT"}
UNKNOWN = {"code": -2011, "msg": "Unknown order sent."}
STOP = {"cancelReplaceMode": "STOP_ON_FAILURE"}
ALLOW = {"cancelReplaceMode": "ALLOW_FAILURE"}


async def place(rest: Rest, **more: Any) -> int:
    status, body = await rest.signed("POST", "/order", **LIMIT | more)
    assert status == 200
    return int(body["orderId"])


async def open_ids(rest: Rest) -> list[int]:
    return [row["orderId"] for row in (await rest.signed("GET", "/openOrders", **SYMBOL))[1]]


def partly_filled(face: BinanceFace, number: int) -> None:
    """Somebody trades with a part of the order."""
    face.exchange.trade_with(face.exchange.orders[number], 100)


async def test_a_cancel_takes_the_orders_name(rest: Rest, api: Client, keys: Keys) -> None:
    await api.request("userDataStream.subscribe.signature", keys.params())
    number = await place(rest, newClientOrderId="one")
    _, body = await rest.signed(
        "DELETE", "/order", **SYMBOL, origClientOrderId="one", newClientOrderId="cxl"
    )
    assert (body["origClientOrderId"], body["clientOrderId"], body["status"]) == (
        "one", "cxl", "CANCELED",
    )  # fmt: skip
    told = (await api.until(lambda m: m.get("event", {}).get("x") == "CANCELED"))["event"]
    assert (told["c"], told["C"], told["w"]) == ("cxl", "one", False)
    names: list[dict[str, Any]] = [
        {"orderId": number}, {"origClientOrderId": "one"}, {"origClientOrderId": "cxl"},
        {"orderId": number, "origClientOrderId": "cxl"},
    ]  # fmt: skip
    for which in names:
        _, found = await rest.signed("GET", "/order", **SYMBOL, **which)
        assert (found["status"], found["clientOrderId"]) == ("CANCELED", "cxl")
    again = await place(rest, newClientOrderId="one")  # the name is free
    _, found = await rest.signed("GET", "/order", **SYMBOL, origClientOrderId="one")
    assert found["orderId"] == again


async def test_both_ids_must_agree(rest: Rest) -> None:
    number = await place(rest, newClientOrderId="one")
    wrong = {"orderId": number, "origClientOrderId": "two"}
    assert await rest.signed("GET", "/order", **SYMBOL, **wrong) == (400, {
        "code": -2039, "msg": "Client order ID is not correct for this order ID.",
    })  # fmt: skip
    status, body = await rest.signed("DELETE", "/order", **SYMBOL, **wrong)
    assert (status, body["code"]) == (400, -2011)
    right = {"orderId": number, "origClientOrderId": "one"}
    assert (await rest.signed("DELETE", "/order", **SYMBOL, **right))[0] == 200


async def test_restrictions_hold_a_cancel_back(rest: Rest, face: BinanceFace) -> None:
    number = await place(rest)
    which = SYMBOL | {"orderId": number}
    held = (400, {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."})
    only_part = {"cancelRestrictions": "ONLY_PARTIALLY_FILLED"}
    assert await rest.signed("DELETE", "/order", **which, **only_part) == held
    partly_filled(face, number)
    only_new = {"cancelRestrictions": "ONLY_NEW"}
    assert await rest.signed("DELETE", "/order", **which, **only_new) == held
    bad = await rest.signed("DELETE", "/order", **which, cancelRestrictions="NEVER")
    assert bad == (400, {"code": -1145, "msg": "Invalid cancelRestrictions"})
    _, body = await rest.signed("DELETE", "/order", **which, **only_part)
    assert (body["status"], body["executedQty"]) == ("CANCELED", "10.00000000")


async def test_all_open_orders_end_at_once(rest: Rest) -> None:
    numbers = [await place(rest) for _ in range(3)]
    status, rows = await rest.signed("DELETE", "/openOrders", **SYMBOL)
    assert (status, [row["orderId"] for row in rows]) == (200, numbers)
    assert {row["status"] for row in rows} == {"CANCELED"}
    assert await rest.signed("DELETE", "/openOrders", **SYMBOL) == (400, UNKNOWN)


# --- cancel-replace -------------------------------------------------------------------------------


async def test_one_order_replaces_another(rest: Rest, api: Client, keys: Keys) -> None:
    number = await place(rest, newClientOrderId="one")
    params = LIMIT | STOP | {
        "cancelOrderId": number, "cancelNewClientOrderId": "cxl", "newClientOrderId": "one",
        "price": "2.2000",
    }  # fmt: skip
    reply = await api.request("order.cancelReplace", keys.params(**params))
    assert (reply["status"], len(reply["rateLimits"])) == (200, 3)
    body = reply["result"]
    assert (body["cancelResult"], body["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert body["cancelResponse"]["clientOrderId"] == "cxl"
    assert body["newOrderResponse"]["clientOrderId"] == "one"
    assert body["newOrderResponse"]["fills"] == []
    assert await open_ids(rest) == [body["newOrderResponse"]["orderId"]]


async def test_halves_of_a_cancel_replace_fail_apart(rest: Rest, api: Client, keys: Keys) -> None:
    stop = LIMIT | STOP | {"cancelOrderId": 1}
    assert await rest.signed("POST", "/order/cancelReplace", **stop) == (400, {
        "code": -2022, "msg": "Order cancel-replace failed.",
        "data": {
            "cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED",
            "cancelResponse": UNKNOWN, "newOrderResponse": None,
        },
    })  # fmt: skip
    allow = LIMIT | ALLOW | {"cancelOrderId": 1}
    status, body = await rest.signed("POST", "/order/cancelReplace", **allow)
    assert (status, body["code"], body["msg"]) == (
        409, -2021, "Order cancel-replace partially failed.",
    )  # fmt: skip
    assert (body["data"]["cancelResult"], body["data"]["newOrderResult"]) == ("FAILURE", "SUCCESS")
    assert body["data"]["cancelResponse"] == UNKNOWN
    number = body["data"]["newOrderResponse"]["orderId"]
    poor = LIMIT | STOP | {"cancelOrderId": number, "quantity": "100000"}
    reply = await api.request("order.cancelReplace", keys.params(**poor))
    assert (reply["status"], reply["error"]["code"]) == (409, -2021)
    data = reply["error"]["data"]
    assert (data["cancelResult"], data["newOrderResult"]) == ("SUCCESS", "FAILURE")
    assert data["cancelResponse"]["status"] == "CANCELED"
    assert data["newOrderResponse"]["code"] == -2010
    both = await rest.signed(
        "POST", "/order/cancelReplace", **poor | ALLOW | {"cancelOrderId": number}
    )
    assert (both[0], both[1]["code"]) == (400, -2022)
    assert both[1]["data"]["newOrderResponse"]["code"] == -2010
    assert await open_ids(rest) == []


async def test_filters_stop_a_cancel_replace_before_it_begins(rest: Rest) -> None:
    number = await place(rest)
    bad = LIMIT | ALLOW | {"cancelOrderId": number, "price": "2.10001"}
    assert await rest.signed("POST", "/order/cancelReplace", **bad) == (
        400, {"code": -1013, "msg": "Filter failure: PRICE_FILTER"},
    )  # fmt: skip
    bad = LIMIT | {"cancelReplaceMode": "HOPE", "cancelOrderId": number}
    assert (await rest.signed("POST", "/order/cancelReplace", **bad))[1]["code"] == -1130
    none = LIMIT | STOP
    status, body = await rest.signed("POST", "/order/cancelReplace", **none)
    assert (status, body["code"]) == (400, -1102)
    assert await open_ids(rest) == [number]


@pytest.mark.parametrize(
    ("mode", "known", "status", "code"),
    [(STOP, True, 409, -2021), (STOP, False, 429, -2022), (ALLOW, False, 400, -2022)],
)
async def test_a_spent_order_count_leaves_the_cancel(
    rest: Rest, face: BinanceFace, mode: dict[str, str], known: bool, status: int, code: int
) -> None:
    number = await place(rest)
    face.limits.orders_1d = 1
    params = LIMIT | mode | {"cancelOrderId": number if known else 1}
    nothing = await rest.signed("POST", "/order/cancelReplace", **params)
    assert (nothing[0], nothing[1]["code"]) == (429, -1015)
    assert await open_ids(rest) == [number]
    params["orderRateLimitExceededMode"] = "CANCEL_ONLY"
    got, body = await rest.signed("POST", "/order/cancelReplace", **params)
    assert (got, body["code"]) == (status, code)
    if known:
        assert body["data"]["newOrderResponse"]["code"] == -1015
    assert await open_ids(rest) == ([] if known else [number])


# --- amend ----------------------------------------------------------------------------------------


async def test_an_amended_order_keeps_its_place(
    rest: Rest, api: Client, keys: Keys, face: BinanceFace
) -> None:
    await api.request("userDataStream.subscribe.signature", keys.params())
    best = face.exchange.matching.best(Side.BUY)
    assert best is not None
    price = f"{(best[0] + 1) / 10**4:.4f}"
    number = await place(rest, price=price, newClientOrderId="one")
    behind = await place(rest, price=price)
    status, body = await rest.signed(
        "PUT", "/order/amend/keepPriority", **SYMBOL, orderId=number, newQty="20",
        newClientOrderId="two",
    )  # fmt: skip
    assert status == 200
    assert set(body) == {"transactTime", "executionId", "amendedOrder"}
    order = body["amendedOrder"]
    assert (order["qty"], order["executedQty"], order["status"]) == (
        "20.00000000", "0.00000000", "NEW",
    )  # fmt: skip
    assert (order["origClientOrderId"], order["clientOrderId"]) == ("one", "two")
    told = (await api.until(lambda m: m.get("event", {}).get("x") == "REPLACED"))["event"]
    assert (told["X"], told["q"], told["c"], told["C"], told["I"], told["w"]) == (
        "NEW", "20.00000000", "two", "one", body["executionId"], True,
    )  # fmt: skip
    _, found = await rest.signed("GET", "/order", **SYMBOL, origClientOrderId="two")
    assert (found["orderId"], found["origQty"]) == (number, "20.00000000")
    face.exchange.place_background(Side.SELL, best[0] + 1, 200, TimeInForce.IOC)
    _, found = await rest.signed("GET", "/order", **SYMBOL, orderId=number)
    assert (found["status"], found["executedQty"]) == ("FILLED", "20.00000000")
    assert await open_ids(rest) == [behind]
    _, rows = await rest.signed("GET", "/order/amendments", **SYMBOL, orderId=number)
    assert rows == [{
        "symbol": "XRPUSDT", "orderId": number, "executionId": body["executionId"],
        "origClientOrderId": "one", "newClientOrderId": "two", "origQty": "25.00000000",
        "newQty": "20.00000000", "time": body["transactTime"],
    }]  # fmt: skip
    reply = await api.request(
        "order.amendments",
        keys.params(**SYMBOL, orderId=number, fromExecutionId=body["executionId"] + 1),
    )
    assert reply["result"] == []


async def test_an_amend_is_refused(rest: Rest, api: Client, keys: Keys, face: BinanceFace) -> None:
    number = await place(rest, newClientOrderId="one")
    await place(rest, newClientOrderId="other")
    for params, words in (
        ({"newQty": "26"}, "Order amend (quantity increase) is not supported."),
        ({"newQty": "25.0"}, "The requested action would change no state; rejecting"),
        ({"newQty": "20.05"}, "Filter failure: LOT_SIZE"),
        ({"newQty": "0"}, "Filter failure: LOT_SIZE"),
        ({"newQty": "2"}, "Filter failure: NOTIONAL"),
        ({"newQty": "20", "newClientOrderId": "other"}, "Duplicate order sent."),
        ({"newQty": "20", "orderId": 1}, "Unknown order sent."),
    ):
        which = SYMBOL | {"orderId": number} | params
        reply = await api.request("order.amend.keepPriority", keys.params(**which))
        assert reply["error"] == {"code": -2038, "msg": words}
        assert len(reply["rateLimits"]) == 1
    for left in range(24, 14, -1):
        which = SYMBOL | {"orderId": number, "newQty": left, "newClientOrderId": "one"}
        assert (await rest.signed("PUT", "/order/amend/keepPriority", **which))[0] == 200
    _, body = await rest.signed("PUT", "/order/amend/keepPriority", **which | {"newQty": 10})
    assert body["msg"] == "Filter failure: MAX_NUM_ORDER_AMENDS"
    face.venue.status = "HALT"
    _, body = await rest.signed("PUT", "/order/amend/keepPriority", **which | {"newQty": 10})
    assert body == {"code": -2038, "msg": "Market is closed."}


async def test_an_amend_down_to_its_fills_ends_the_order(rest: Rest, face: BinanceFace) -> None:
    number = await place(rest)
    partly_filled(face, number)
    _, body = await rest.signed(
        "PUT", "/order/amend/keepPriority", **SYMBOL, orderId=number, newQty="10"
    )
    assert body["amendedOrder"]["status"] == "CANCELED"
    (account,) = face.exchange.accounts.values()
    assert account.balance("USDT").locked == 0
