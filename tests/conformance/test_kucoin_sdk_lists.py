"""Open and done orders, fills and the dead-man's switch, by the venue's own SDK."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import kucoin_universal_sdk.generate.account.account as account_api
import kucoin_universal_sdk.generate.spot.order as api
import pytest

from support.expect import positive
from support.kucoin_mock import KucoinMock
from support.kucoin_sdk import SYMBOL, Prove, Sdk, limit
from xrpfast.model import Side

TEN = Decimal(10)


@pytest.fixture(autouse=True)
def nothing_left(sdk: Sdk) -> Any:
    yield
    sdk.order.cancel_all_orders_by_symbol(api.CancelAllOrdersBySymbolReq(symbol=SYMBOL))


def test_open_orders(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    price = kucoin.best(Side.BUY)[0] - Decimal("0.1")
    ids = {sdk.order.add_order(api.AddOrderReq(**limit("buy", price))).order_id for _ in range(3)}
    whole = sdk.order.get_open_orders(api.GetOpenOrdersReq(symbol=SYMBOL))
    prove(
        "get_open_orders",
        whole,
        {"data": lambda rows: {row["id"] for row in rows} == ids, "data.0.remainSize": TEN},
    )
    page = sdk.order.get_open_orders_by_page(
        api.GetOpenOrdersByPageReq(symbol=SYMBOL, page_num=2, page_size=2)
    )
    prove(
        "get_open_orders_by_page",
        page,
        {
            "currentPage": 2,
            "pageSize": 2,
            "totalNum": 3,
            "totalPage": 2,
            "items": lambda rows: len(rows) == 1 and rows[0]["id"] in ids,
        },
    )


def test_done_orders_and_fills(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    ask, _ = kucoin.best(Side.SELL)
    started = time.time_ns() // 1_000_000
    placed = sdk.order.add_order(api.AddOrderReq(**limit("buy", ask)))
    closed = sdk.order.get_closed_orders(
        api.GetClosedOrdersReq(symbol=SYMBOL, side="buy", type="limit", limit=1)
    )
    prove(
        "get_closed_orders",
        closed,
        {
            "items.0.id": placed.order_id,
            "items.0.clientOid": placed.client_oid,
            "items.0.dealSize": TEN,
            "items.0.dealFunds": ask * 10,
            "items.0.fee": ask / 100,
            "items.0.active": False,
            "lastId": positive,
        },
    )
    fills = sdk.order.get_trade_history(
        api.GetTradeHistoryReq(symbol=SYMBOL, order_id=placed.order_id)
    )
    prove(
        "get_trade_history",
        fills,
        {
            "items": lambda rows: len(rows) == 1,
            "items.0.orderId": placed.order_id,
            "items.0.side": "buy",
            "items.0.price": ask,
            "items.0.size": TEN,
            "items.0.funds": ask * 10,
            "items.0.fee": ask / 100,
            "items.0.feeRate": Decimal("0.001"),
            "items.0.feeCurrency": "USDT",
            "items.0.liquidity": "taker",
            "items.0.tradeId": lambda number: number > 2**53,
            "items.0.createdAt": lambda ms: ms >= started,
        },
    )


def test_the_ledger(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    ask, _ = kucoin.best(Side.SELL)
    placed = sdk.order.add_order(api.AddOrderReq(**limit("buy", ask)))
    prove(
        "get_spot_hf_ledger",
        sdk.account.get_spot_hf_ledger(account_api.GetSpotHfLedgerReq(currency="USDT", limit=1)),
        {
            "data.0.currency": "USDT",
            "data.0.direction": "out",
            "data.0.bizType": "TRADE_EXCHANGE",
            "data.0.amount": ask * 10 * Decimal("1.001"),
            "data.0.fee": ask / 100,
            "data.0.balance": kucoin.balances()["USDT"][0],
            "data.0.context": lambda text: json.loads(text)["orderId"] == placed.order_id,
        },
    )


def test_the_dead_mans_switch(sdk: Sdk, prove: Prove) -> None:
    now = int(time.time())
    armed = sdk.order.set_dcp(api.SetDcpReq(timeout=3_600, symbols=SYMBOL))
    prove(
        "set_dcp",
        armed,
        {
            "currentTime": lambda at: now <= at <= now + 60,
            "triggerTime": lambda at: at == armed.current_time + 3_600,
        },
    )
    prove(
        "get_dcp",
        sdk.order.get_dcp(),
        {"timeout": 3_600, "symbols": SYMBOL, "triggerTime": armed.trigger_time},
    )
    sdk.order.set_dcp(api.SetDcpReq(timeout=-1, symbols=SYMBOL))
