"""Clients of Binance that replace their orders, and that meet themselves."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import ccxt
import pytest
from binance_common.errors import BadRequestError
from binance_sdk_spot.rest_api import SpotRestAPI

from support import python_binance
from support.binance_clients import (
    CCXT_POINTED,
    SYMBOL,
    VENUE,
    cancel_what_is_open,
    ccxt_options,
    order_of,
)
from support.binance_sdk import REST as SDK
from support.binance_sdk import rest_api
from support.mock_thread import RunningMock
from support.proof import Client, Proof

CCXT = Client("Binance", "ccxt", "REST", CCXT_POINTED)
WISH = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": 10}


@pytest.fixture(autouse=True)
def standing_still(venues: RunningMock) -> Iterator[None]:
    venues.pause()
    yield
    cancel_what_is_open(venues)


@pytest.fixture
def api(venues: RunningMock) -> SpotRestAPI:
    return rest_api(venues[VENUE])


def test_ccxt_replaces(venues: RunningMock, proof: Proof) -> None:
    client = ccxt.binance(ccxt_options(venues[VENUE]))
    old = client.create_order("XRP/USDT", "limit", "buy", 10, 2)
    new = client.edit_order(old["id"], "XRP/USDT", "limit", "buy", 20, 2.1)
    told = {"amount": 20.0, "price": 2.1, "status": "open", "id": lambda found: found != old["id"]}
    proof.check(CCXT, "edit_order", new, told)
    assert order_of(venues, old["id"]).state == "CANCELLED"
    assert order_of(venues, new["id"]).working
    client.close()


def test_python_binance_replaces(venues: RunningMock, proof: Proof) -> None:
    with python_binance.rest_client(venues[VENUE]) as client:
        old = client.order_limit_buy(symbol=SYMBOL, quantity="10", price="2")
        reply = client.cancel_replace_order(
            symbol=SYMBOL,
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="20",
            price="2.1",
            cancelReplaceMode="STOP_ON_FAILURE",
            cancelOrderId=old["orderId"],
        )
    proof.check(
        python_binance.REST,
        "cancel_replace_order",
        reply,
        {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse.orderId": old["orderId"],
            "cancelResponse.status": "CANCELED",
            "newOrderResponse.status": "NEW",
            "newOrderResponse.origQty": Decimal(20),
        },
    )


def test_the_sdk_replaces(api: SpotRestAPI, proof: Proof) -> None:
    old = api.new_order(**WISH, price=2).data()
    again = {**WISH, "price": "2.1", "cancel_replace_mode": "STOP_ON_FAILURE"}
    reply = api.order_cancel_replace(**again, cancel_order_id=old.order_id).data()
    told = {
        "cancel_result": "SUCCESS",
        "new_order_result": "SUCCESS",
        "cancel_response.order_id": old.order_id,
        "new_order_response.status": "NEW",
    }
    proof.check(SDK, "order_cancel_replace", reply, told)
    with proof.raises(
        SDK,
        "order_cancel_replace of an unknown order",
        BadRequestError,
        "(-2022, 'Order cancel-replace failed.')",
    ):
        api.order_cancel_replace(**again, cancel_order_id=1)


@pytest.mark.parametrize(
    ("mode", "taker", "maker"),
    [
        ("EXPIRE_TAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_MAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
    ],
)
def test_self_trade_prevention(
    api: SpotRestAPI, venues: RunningMock, proof: Proof, mode: str, taker: str, maker: str
) -> None:
    bid, _ = venues.touch(VENUE)
    price = str(bid + Decimal("0.0002"))  # inside of the spread: there is nobody else
    own = api.new_order(**WISH, price=price).data()
    met = api.new_order(
        **WISH | {"side": "SELL"}, price=price, self_trade_prevention_mode=mode
    ).data()
    proof.check(
        SDK,
        f"new_order that meets its own, {mode}",
        met,
        {"status": taker, "executed_qty": Decimal(0), "self_trade_prevention_mode": mode},
    )
    resting = api.get_order(SYMBOL, order_id=own.order_id).data()
    proof.check(SDK, f"get_order of the one it met, {mode}", resting, {"status": maker})
    (row,) = api.my_prevented_matches(SYMBOL, order_id=met.order_id).data()
    proof.check(
        SDK,
        "my_prevented_matches",
        row,
        {
            "taker_order_id": met.order_id,
            "maker_order_id": own.order_id,
            "price": Decimal(price),
            "self_trade_prevention_mode": mode,
        },
    )
