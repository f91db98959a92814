"""Every order type and every way to cancel and query, by ccxt."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from support.expect import some
from support.kucoin_ccxt import REST, SYMBOL, pointed
from support.kucoin_mock import KucoinMock, client_oid
from support.mock_thread import RunningMock
from support.proof import Proof
from xrpfast.model import Side

TEN = Decimal(10)
NONE = Decimal(0)


@pytest.fixture(scope="module")
def exchange(venues: RunningMock) -> Iterator[ccxt.kucoin]:
    client = pointed(ccxt.kucoin, venues["kucoin"])
    client.load_markets()
    yield client
    client.close()


@pytest.fixture(autouse=True)
def nothing_left(exchange: ccxt.kucoin) -> Iterator[None]:
    yield
    exchange.cancel_all_orders(SYMBOL)


def limit(
    exchange: ccxt.kucoin, side: str, price: Decimal, size: Decimal = TEN, **params: Any
) -> dict[str, Any]:
    """A limit order; ccxt takes floats and writes them with the market's decimals."""
    placed: dict[str, Any] = exchange.create_order(
        SYMBOL, "limit", side, float(size), float(price), params
    )
    return placed


def below(kucoin: KucoinMock) -> Decimal:
    """A price at which a buy rests."""
    return kucoin.best(Side.BUY)[0] - Decimal("0.1")


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("GTC", {"timeInForce": "GTC"}),
        ("GTT", {"timeInForce": "GTT", "cancelAfter": 3_600}),
        ("postOnly", {"postOnly": True}),
    ],
)
def test_a_resting_limit_order(
    exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof, kind: str, params: dict[str, Any]
) -> None:
    price, name = below(kucoin), client_oid()
    placed = limit(exchange, "buy", price, clientOrderId=name, **params)
    proof.check(REST, f"create_order limit {kind}", placed, {"id": some, "clientOrderId": name})
    resting = {
        "id": placed["id"],
        "clientOrderId": name,
        "symbol": SYMBOL,
        "type": "limit",
        "side": "buy",
        "price": price,
        "amount": TEN,
        "filled": NONE,
        "remaining": TEN,
        "status": "open",
        "timeInForce": params.get("timeInForce", "GTC"),
        "postOnly": kind == "postOnly",
        "info.cancelAfter": params.get("cancelAfter", 0),
    }
    proof.check(REST, "fetch_order", exchange.fetch_order(placed["id"], SYMBOL), resting)
    proof.check(
        REST,
        "fetch_order by clientOrderId",
        exchange.fetch_order(None, SYMBOL, {"clientOrderId": name}),
        resting,
    )
    proof.check(
        REST,
        "fetch_balance with an order open",
        exchange.fetch_balance(),
        {"USDT.used": price * TEN * Decimal("1.001"), "USDT.free": kucoin.balances()["USDT"][0]},
    )


def test_an_order_placed_in_step_with_matching(
    exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof
) -> None:
    ask, _ = kucoin.best(Side.SELL)
    proof.check(
        REST,
        "create_order sync",
        limit(exchange, "buy", ask, sync=True),
        {
            "id": some,
            "info.status": "done",
            "info.dealSize": TEN,
            "info.remainSize": NONE,
            "info.canceledSize": NONE,
        },
    )


def test_a_test_order_leaves_nothing(
    exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof
) -> None:
    before = kucoin.balances()
    name = client_oid()
    reply = limit(exchange, "buy", kucoin.best(Side.SELL)[0], test=True, clientOrderId=name)
    proof.check(REST, "create_order test", reply, {"id": some, "clientOrderId": name})
    assert kucoin.balances() == before


def test_several_orders_at_once(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    wish = {
        "symbol": SYMBOL,
        "type": "limit",
        "side": "buy",
        "amount": 10,
        "price": float(below(kucoin)),
    }
    exchange.create_orders([wish, wish])
    # This release of ccxt reads no row of the reply's list, so the venue's own list is looked at.
    proof.check(
        REST,
        "create_orders, seen by fetch_open_orders",
        exchange.fetch_open_orders(SYMBOL),
        {"": lambda rows: len(rows) == 2, "0.amount": TEN, "1.status": "open"},
    )


def test_immediate_or_cancel(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    ask, size = kucoin.best(Side.SELL)
    placed = limit(exchange, "buy", ask, size + 7, timeInForce="IOC")
    proof.check(
        REST,
        "create_order limit IOC, then fetch_order",
        exchange.fetch_order(placed["id"], SYMBOL),
        {
            "status": "canceled",
            "timeInForce": "IOC",
            "amount": size + 7,
            "filled": size,
            "average": ask,
            "cost": ask * size,
            "fee.cost": ask * size / 1000,
            "fee.currency": "USDT",
        },
    )


def test_fill_or_kill(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    ask, size = kucoin.best(Side.SELL)
    killed = limit(exchange, "buy", ask, size + 7, timeInForce="FOK")
    proof.check(
        REST,
        "create_order limit FOK, then fetch_order",
        exchange.fetch_order(killed["id"], SYMBOL),
        {"status": "canceled", "filled": NONE},
    )
    filled = limit(exchange, "buy", ask, timeInForce="FOK")
    proof.check(
        REST,
        "create_order limit FOK, then fetch_order",
        exchange.fetch_order(filled["id"], SYMBOL),
        {"status": "closed", "filled": TEN},
    )


def test_post_only_that_would_take(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    placed = limit(exchange, "buy", kucoin.best(Side.SELL)[0], postOnly=True)
    proof.check(
        REST,
        "create_order limit postOnly, would take",
        exchange.fetch_order(placed["id"], SYMBOL),
        {"status": "canceled", "filled": NONE},
    )


def test_market_orders(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    bid, _ = kucoin.best(Side.BUY)
    sold = exchange.create_order(SYMBOL, "market", "sell", 10)
    proof.check(
        REST,
        "create_order market by size, then fetch_order",
        exchange.fetch_order(sold["id"], SYMBOL),
        {
            "type": "market",
            "status": "closed",
            "filled": TEN,
            "average": bid,
            "cost": bid * TEN,
            "fee.cost": bid * TEN / 1000,
        },
    )
    ask, _ = kucoin.best(Side.SELL)
    bought = exchange.create_market_buy_order_with_cost(SYMBOL, 25)
    lot = Decimal("0.0001")
    most = (25 / ask).quantize(lot)
    proof.check(
        REST,
        "create_market_buy_order_with_cost, then fetch_order",
        exchange.fetch_order(bought["id"], SYMBOL),
        {
            "type": "market",
            "average": lambda price: abs(Decimal(str(price)) - ask) < lot,
            "filled": lambda size: most - lot <= Decimal(str(size)) <= most,
            "info.active": False,
        },
    )


def test_each_way_to_cancel_one_order(
    exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof
) -> None:
    one = limit(exchange, "buy", below(kucoin))
    reply = exchange.cancel_order(one["id"], SYMBOL)
    proof.check(REST, "cancel_order", reply, {"id": one["id"]})
    one = limit(exchange, "buy", below(kucoin))
    reply = exchange.cancel_order(None, SYMBOL, {"clientOrderId": one["clientOrderId"]})
    proof.check(
        REST, "cancel_order by clientOrderId", reply, {"clientOrderId": one["clientOrderId"]}
    )
    one = limit(exchange, "buy", below(kucoin))
    proof.check(
        REST,
        "cancel_order sync",
        exchange.cancel_order(one["id"], SYMBOL, {"sync": True}),
        {"id": one["id"], "info.status": "done", "info.canceledSize": TEN},
    )
    proof.check(
        REST,
        "fetch_order, cancelled",
        exchange.fetch_order(one["id"], SYMBOL),
        {"status": "canceled", "filled": NONE, "info.cancelledSize": TEN},
    )
    assert kucoin.balances()["USDT"][1] == 0, "nothing is held any more"


def test_altering_an_order(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    price = below(kucoin)
    one = limit(exchange, "buy", price)
    lower = price - Decimal("0.01")
    new = exchange.edit_order(one["id"], SYMBOL, "limit", "buy", 10, float(lower))
    proof.check(REST, "edit_order", new, {"id": lambda name: name != one["id"]})
    proof.check(
        REST, "fetch_order, altered", exchange.fetch_order(new["id"], SYMBOL), {"price": lower}
    )
    old = exchange.fetch_order(one["id"], SYMBOL)
    proof.check(REST, "fetch_order, altered", old, {"status": "canceled"})


def test_cancelling_everything(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    for _ in range(2):
        limit(exchange, "buy", below(kucoin))
    (reply,) = exchange.cancel_all_orders(SYMBOL)
    proof.check(REST, "cancel_all_orders of a symbol", reply, {"info.data": "success"})
    proof.check(REST, "fetch_open_orders, none", exchange.fetch_open_orders(SYMBOL), {"": []})
    limit(exchange, "buy", below(kucoin))
    (reply,) = exchange.cancel_all_orders()
    proof.check(REST, "cancel_all_orders", reply, {"info.data.succeedSymbols": ["XRP-USDT"]})
    assert kucoin.balances()["USDT"][1] == 0, "nothing is held any more"


def test_open_orders(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    ids = {limit(exchange, "buy", below(kucoin))["id"] for _ in range(2)}
    proof.check(
        REST,
        "fetch_open_orders",
        exchange.fetch_open_orders(SYMBOL),
        {"": lambda rows: {row["id"] for row in rows} == ids, "0.remaining": TEN},
    )


def test_done_orders_and_own_trades(
    exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof
) -> None:
    ask, _ = kucoin.best(Side.SELL)
    placed = limit(exchange, "buy", ask)
    done = next(row for row in exchange.fetch_closed_orders(SYMBOL) if row["id"] == placed["id"])
    proof.check(
        REST,
        "fetch_closed_orders",
        done,
        {"status": "closed", "filled": TEN, "cost": ask * TEN, "fee.cost": ask / 100},
    )
    wanted = {
        "order": placed["id"],
        "symbol": SYMBOL,
        "side": "buy",
        "price": ask,
        "amount": TEN,
        "cost": ask * TEN,
        "takerOrMaker": "taker",
        "fee.cost": ask / 100,
        "fee.currency": "USDT",
        "fee.rate": Decimal("0.001"),
        "id": lambda number: int(number) > 2**53,
    }
    mine = next(row for row in exchange.fetch_my_trades(SYMBOL) if row["order"] == placed["id"])
    proof.check(REST, "fetch_my_trades", mine, wanted)
    (of_order,) = exchange.fetch_order_trades(placed["id"], SYMBOL)
    proof.check(REST, "fetch_order_trades", of_order, wanted)
