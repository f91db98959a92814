"""Every order type and every way to cancel and query, by the venue's own SDK."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import kucoin_universal_sdk.generate.spot.order as api
import pytest

from support.expect import positive, some
from support.kucoin_mock import KucoinMock
from support.kucoin_sdk import SYMBOL, Prove, Sdk, by_client_oid, by_id, limit, market
from xrpfast.model import Side

TEN = Decimal(10)
DONE = {"dealSize": TEN, "remainSize": Decimal(0), "canceledSize": Decimal(0), "status": "done"}


@pytest.fixture(autouse=True)
def nothing_left(sdk: Sdk) -> Any:
    yield
    sdk.order.cancel_all_orders_by_symbol(api.CancelAllOrdersBySymbolReq(symbol=SYMBOL))


# --- limit orders that rest -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "flags",
    [
        {"time_in_force": "GTC"},
        {"time_in_force": "GTT", "cancel_after": 3_600},
        {"time_in_force": "GTC", "post_only": True},
    ],
    ids=["GTC", "GTT", "postOnly"],
)
def test_a_resting_limit_order(
    sdk: Sdk, kucoin: KucoinMock, prove: Prove, flags: dict[str, Any], request: Any
) -> None:
    kind = request.node.callspec.id
    wish = limit("buy", kucoin.best(Side.BUY)[0] - Decimal("0.1"), **flags)
    placed = sdk.order.add_order(api.AddOrderReq(**wish))
    prove(f"add_order {kind}", placed, {"orderId": some, "clientOid": wish["client_oid"]})
    resting = {
        "clientOid": wish["client_oid"],
        "id": placed.order_id,
        "type": "limit",
        "side": "buy",
        "price": Decimal(wish["price"]),
        "size": TEN,
        "dealSize": Decimal(0),
        "remainSize": TEN,
        "timeInForce": flags["time_in_force"],
        "postOnly": flags.get("post_only", False),
        "cancelAfter": flags.get("cancel_after", 0),
        "active": True,
        "inOrderBook": True,
        "cancelExist": False,
    }
    prove(
        "get_order_by_order_id",
        sdk.order.get_order_by_order_id(api.GetOrderByOrderIdReq(**by_id(placed))),
        resting,
    )
    prove(
        "get_order_by_client_oid",
        sdk.order.get_order_by_client_oid(api.GetOrderByClientOidReq(**by_client_oid(placed))),
        resting,
    )
    cost = Decimal(wish["price"]) * TEN
    assert kucoin.balances()["USDT"][1] == cost * Decimal("1.001"), "the fee is frozen too"


def test_an_order_placed_in_step_with_matching(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    resting = sdk.order.add_order_sync(
        api.AddOrderSyncReq(**limit("sell", kucoin.best(Side.SELL)[0] + Decimal("0.1")))
    )
    prove(
        "add_order_sync, resting",
        resting,
        {
            "orderId": some,
            "status": "open",
            "originSize": TEN,
            "dealSize": Decimal(0),
            "remainSize": TEN,
            "canceledSize": Decimal(0),
            "orderTime": positive,
            "matchTime": positive,
        },
    )
    taken = sdk.order.add_order_sync(api.AddOrderSyncReq(**limit("buy", kucoin.best(Side.SELL)[0])))
    prove("add_order_sync, taken", taken, DONE)


def test_a_test_order_leaves_nothing(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    before = kucoin.balances()
    wish = limit("buy", kucoin.best(Side.SELL)[0])
    reply = sdk.order.add_order_test(api.AddOrderTestReq(**wish))
    prove("add_order_test", reply, {"orderId": some, "clientOid": wish["client_oid"]})
    assert kucoin.balances() == before


def test_several_orders_at_once(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    price = kucoin.best(Side.BUY)[0] - Decimal("0.1")
    good, bad = limit("buy", price), limit("buy", price, "0.01")
    reply = sdk.order.batch_add_orders(
        api.BatchAddOrdersReq(
            order_list=[api.BatchAddOrdersOrderList(**wish) for wish in (good, bad)]
        )
    )
    prove(
        "batch_add_orders",
        reply,
        {
            "data.0.success": True,
            "data.0.orderId": some,
            "data.0.clientOid": good["client_oid"],
            "data.1.success": False,
            "data.1.failMsg": some,
        },
    )
    both = [limit("buy", price), limit("buy", kucoin.best(Side.SELL)[0])]
    reply = sdk.order.batch_add_orders_sync(
        api.BatchAddOrdersSyncReq(
            order_list=[api.BatchAddOrdersSyncOrderList(**wish) for wish in both]
        )
    )
    prove(
        "batch_add_orders_sync",
        reply,
        {
            "data.0.success": True,
            "data.0.status": "open",
            "data.0.remainSize": TEN,
            "data.1.success": True,
            **{f"data.1.{name}": value for name, value in DONE.items()},
        },
    )


# --- orders that are done at once -----------------------------------------------------------------


def test_immediate_or_cancel(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    ask, size = kucoin.best(Side.SELL)
    wish = limit("buy", ask, size + 7, time_in_force="IOC")
    prove(
        "add_order_sync IOC",
        sdk.order.add_order_sync(api.AddOrderSyncReq(**wish)),
        {
            "status": "done",
            "originSize": size + 7,
            "dealSize": size,
            "canceledSize": Decimal(7),
            "remainSize": Decimal(0),
        },
    )


def test_fill_or_kill(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    ask, size = kucoin.best(Side.SELL)
    killed = sdk.order.add_order_sync(
        api.AddOrderSyncReq(**limit("buy", ask, size + 7, time_in_force="FOK"))
    )
    prove(
        "add_order_sync FOK, killed",
        killed,
        {"status": "done", "dealSize": Decimal(0), "canceledSize": size + 7},
    )
    filled = sdk.order.add_order_sync(api.AddOrderSyncReq(**limit("buy", ask, time_in_force="FOK")))
    prove("add_order_sync FOK, filled", filled, DONE)


def test_post_only_that_would_take(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    before = kucoin.balances()
    wish = limit("buy", kucoin.best(Side.SELL)[0], post_only=True)
    prove(
        "add_order_sync postOnly, would take",
        sdk.order.add_order_sync(api.AddOrderSyncReq(**wish)),
        {"status": "done", "dealSize": Decimal(0), "canceledSize": TEN},
    )
    assert kucoin.balances() == before


@pytest.mark.parametrize(
    ("stp", "taker", "maker"),
    [
        ("CN", {"status": "done", "canceledSize": 4}, {"active": True, "remainSize": 10}),
        ("CO", {"status": "open", "remainSize": 4}, {"active": False, "cancelledSize": 10}),
        ("CB", {"status": "done", "canceledSize": 4}, {"active": False, "cancelledSize": 10}),
        ("DC", {"status": "done", "canceledSize": 4}, {"active": True, "remainSize": 6}),
    ],
)
def test_self_trade_prevention(
    sdk: Sdk,
    kucoin: KucoinMock,
    prove: Prove,
    stp: str,
    taker: dict[str, Any],
    maker: dict[str, Any],
) -> None:
    def amounts(row: dict[str, Any]) -> dict[str, Any]:
        return {name: Decimal(n) if type(n) is int else n for name, n in row.items()}

    price = kucoin.own_best(Side.BUY)
    resting = sdk.order.add_order(api.AddOrderReq(**limit("buy", price)))
    met = sdk.order.add_order_sync(api.AddOrderSyncReq(**limit("sell", price, 4, stp=stp)))
    prove(f"add_order_sync stp {stp}", met, amounts(taker) | {"dealSize": Decimal(0)})
    prove(
        f"get_order_by_order_id, met with stp {stp}",
        sdk.order.get_order_by_order_id(api.GetOrderByOrderIdReq(**by_id(resting))),
        amounts(maker) | {"dealSize": Decimal(0)},
    )


def test_a_market_order_by_size(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    bid, _ = kucoin.best(Side.BUY)
    free = kucoin.balances()["USDT"][0]
    placed = sdk.order.add_order(api.AddOrderReq(**market("sell", size="10")))
    prove("add_order market by size", placed, {"orderId": some, "clientOid": some})
    prove(
        "get_order_by_order_id, market",
        sdk.order.get_order_by_order_id(api.GetOrderByOrderIdReq(**by_id(placed))),
        {
            "type": "market",
            "price": Decimal(0),
            "dealSize": TEN,
            "dealFunds": bid * TEN,
            "fee": bid * TEN / 1000,
            "feeCurrency": "USDT",
            "active": False,
            "cancelExist": False,
        },
    )
    assert kucoin.balances()["USDT"][0] == free + bid * TEN * Decimal("0.999")


def test_a_market_order_by_funds(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    ask, _ = kucoin.best(Side.SELL)
    placed = sdk.order.add_order(api.AddOrderReq(**market("buy", funds="25")))
    prove("add_order market by funds", placed, {"orderId": some})
    order = sdk.order.get_order_by_order_id(api.GetOrderByOrderIdReq(**by_id(placed)))
    lot = Decimal("0.0001")
    most = (25 / ask).quantize(lot)
    prove(
        "get_order_by_order_id, market by funds",
        order,
        {
            "funds": Decimal(25),
            "dealSize": lambda size: most - lot <= Decimal(size) <= most,
            "dealFunds": lambda funds: Decimal(funds) == Decimal(order.deal_size) * ask,
            "active": False,
        },
    )


# --- ends -----------------------------------------------------------------------------------------


def test_each_way_to_cancel_one_order(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    price = kucoin.best(Side.BUY)[0] - Decimal("0.1")
    cancelled = {"originSize": TEN, "dealSize": Decimal(0), "canceledSize": TEN, "status": "done"}

    def placed() -> Any:
        return sdk.order.add_order(api.AddOrderReq(**limit("buy", price)))

    one = placed()
    prove(
        "cancel_order_by_order_id",
        sdk.order.cancel_order_by_order_id(api.CancelOrderByOrderIdReq(**by_id(one))),
        {"orderId": one.order_id},
    )
    one = placed()
    prove(
        "cancel_order_by_client_oid",
        sdk.order.cancel_order_by_client_oid(api.CancelOrderByClientOidReq(**by_client_oid(one))),
        {"clientOid": one.client_oid},
    )
    one = placed()
    prove(
        "cancel_order_by_order_id_sync",
        sdk.order.cancel_order_by_order_id_sync(api.CancelOrderByOrderIdSyncReq(**by_id(one))),
        {"orderId": one.order_id, **cancelled},
    )
    one = placed()
    prove(
        "cancel_order_by_client_oid_sync",
        sdk.order.cancel_order_by_client_oid_sync(
            api.CancelOrderByClientOidSyncReq(**by_client_oid(one))
        ),
        {"clientOid": one.client_oid, **cancelled},
    )
    assert kucoin.balances()["USDT"][1] == 0, "nothing is held any more"


def test_a_partial_cancel_keeps_the_rest(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    price = kucoin.best(Side.BUY)[0] - Decimal("0.1")
    one = sdk.order.add_order(api.AddOrderReq(**limit("buy", price)))
    prove(
        "cancel_partial_order",
        sdk.order.cancel_partial_order(api.CancelPartialOrderReq(**by_id(one), cancel_size="4")),
        {"orderId": one.order_id, "cancelSize": Decimal(4)},
    )
    left = sdk.order.get_order_by_order_id(api.GetOrderByOrderIdReq(**by_id(one)))
    prove(
        "get_order_by_order_id, reduced",
        left,
        {"remainSize": Decimal(6), "cancelledSize": Decimal(4), "active": True},
    )


def test_altering_an_order(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    price = kucoin.best(Side.BUY)[0] - Decimal("0.1")
    one = sdk.order.add_order(api.AddOrderReq(**limit("buy", price)))
    reply = sdk.order.modify_order(
        api.ModifyOrderReq(
            symbol=SYMBOL, order_id=one.order_id, new_price=str(price - Decimal("0.01"))
        )
    )
    prove(
        "modify_order",
        reply,
        {"newOrderId": lambda new: new != one.order_id, "clientOid": one.client_oid},
    )
    old = sdk.order.get_order_by_order_id(api.GetOrderByOrderIdReq(**by_id(one)))
    new = sdk.order.get_order_by_order_id(
        api.GetOrderByOrderIdReq(symbol=SYMBOL, order_id=reply.new_order_id)
    )
    prove("get_order_by_order_id, altered", old, {"active": False, "cancelExist": True})
    prove("get_order_by_order_id, its successor", new, {"price": price - Decimal("0.01")})


def test_cancelling_everything(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    price = kucoin.best(Side.BUY)[0] - Decimal("0.1")
    for _ in range(2):
        sdk.order.add_order(api.AddOrderReq(**limit("buy", price)))
    prove(
        "get_symbols_with_open_order",
        sdk.order.get_symbols_with_open_order(),
        {"symbols.0": SYMBOL},
    )
    prove(
        "cancel_all_orders_by_symbol",
        sdk.order.cancel_all_orders_by_symbol(api.CancelAllOrdersBySymbolReq(symbol=SYMBOL)),
        {"data": "success"},
    )
    still = sdk.order.get_open_orders(api.GetOpenOrdersReq(symbol=SYMBOL))
    prove("get_open_orders, none", still, {"data": []})
    sdk.order.add_order(api.AddOrderReq(**limit("buy", price)))
    prove("cancel_all_orders", sdk.order.cancel_all_orders(), {"succeedSymbols.0": SYMBOL})
    assert kucoin.balances()["USDT"][1] == 0, "nothing is held any more"
