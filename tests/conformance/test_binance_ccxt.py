"""ccxt's binance over REST: what it reads and what it trades."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import ccxt
import pytest

from support.binance_clients import (
    CCXT_POINTED,
    VENUE,
    cancel_what_is_open,
    ccxt_options,
    fee_of,
    fills_of,
    order_of,
)
from support.expect import levels, positive
from support.mock_thread import RunningMock
from support.proof import Client, Proof

REST = Client("Binance", "ccxt", "REST", CCXT_POINTED)
SYMBOL = "XRP/USDT"


@pytest.fixture(scope="module")
def exchange(venues: RunningMock) -> Iterator[ccxt.binance]:
    client = ccxt.binance(ccxt_options(venues[VENUE]))
    client.load_markets()
    yield client
    client.close()


@pytest.fixture(autouse=True)
def standing_still(venues: RunningMock) -> Iterator[None]:
    venues.pause()
    yield
    cancel_what_is_open(venues)


# --- market data ----------------------------------------------------------------------------------


def test_time_and_status(exchange: ccxt.binance, proof: Proof) -> None:
    before = time.time_ns() // 1_000_000
    proof.check(REST, "fetch_time", exchange.fetch_time(), {"": lambda ms: 0 <= ms - before < 9e3})
    proof.check(REST, "public_get_ping", exchange.public_get_ping(), {"": {}})


def test_markets(exchange: ccxt.binance, proof: Proof) -> None:
    (market,) = exchange.fetch_markets()
    proof.check(
        REST,
        "fetch_markets",
        market,
        {
            "id": "XRPUSDT",
            "symbol": SYMBOL,
            "base": "XRP",
            "quote": "USDT",
            "type": "spot",
            "spot": True,
            "active": True,
            "precision.price": Decimal("0.0001"),
            "precision.amount": Decimal("0.1"),
            "limits.amount.min": Decimal("0.1"),
            "limits.amount.max": Decimal("9222449"),
            "limits.price.min": Decimal("0.0001"),
            "limits.price.max": Decimal("10000"),
            "limits.cost.min": Decimal("5"),
        },
    )


def test_currencies_and_fees(exchange: ccxt.binance, proof: Proof) -> None:
    proof.check(
        REST,
        "fetch_currencies",
        exchange.fetch_currencies(),
        {"": lambda found: sorted(found) == ["USDT", "XRP"], "XRP.id": "XRP", "USDT.id": "USDT"},
    )
    proof.check(
        REST,
        "fetch_trading_fee",
        exchange.fetch_trading_fee(SYMBOL),
        {"symbol": SYMBOL, "maker": 0.001, "taker": 0.001},
    )


def test_order_book(exchange: ccxt.binance, venues: RunningMock, proof: Proof) -> None:
    bids, asks = venues.book(VENUE, 20)
    proof.check(
        REST,
        "fetch_order_book",
        exchange.fetch_order_book(SYMBOL, 20),
        {
            "symbol": SYMBOL,
            "bids": levels(bids),
            "asks": levels(asks),
            "nonce": venues.call(lambda: venues.exchange(VENUE).sequence),
        },
    )


def test_tickers(exchange: ccxt.binance, venues: RunningMock, proof: Proof) -> None:
    venues.steps(50)
    bid, ask = venues.touch(VENUE)
    last = venues.last_price(VENUE)
    top = {"symbol": SYMBOL, "bid": bid, "ask": ask}
    rolling = top | {
        "last": last,
        "close": last,
        "high": lambda high: high >= last,
        "low": lambda low: 0 < low <= last,
        "open": positive,
        "vwap": positive,
        "baseVolume": positive,
        "quoteVolume": positive,
    }
    proof.check(REST, "fetch_ticker", exchange.fetch_ticker(SYMBOL), rolling)
    proof.check(REST, "fetch_tickers", exchange.fetch_tickers([SYMBOL])[SYMBOL], rolling)
    proof.check(REST, "fetch_bids_asks", exchange.fetch_bids_asks([SYMBOL])[SYMBOL], top)
    prices = exchange.fetch_last_prices([SYMBOL])[SYMBOL]
    proof.check(REST, "fetch_last_prices", prices, {"symbol": SYMBOL, "price": last})


def test_trades(exchange: ccxt.binance, venues: RunningMock, proof: Proof) -> None:
    venues.steps(50)
    newest = venues.call(lambda: venues.exchange(VENUE).last_trade)
    assert newest is not None
    told = {
        "symbol": SYMBOL,
        "side": newest.taker_side.name.lower(),
        "price": Decimal(newest.price).scaleb(-4),
        "amount": Decimal(newest.qty).scaleb(-1),
        "timestamp": newest.wall_ns // 1_000_000,
    }
    proof.check(REST, "fetch_trades (aggTrades)", exchange.fetch_trades(SYMBOL)[-1], told)
    trades = exchange.fetch_trades(SYMBOL, params={"fetchTradesMethod": "publicGetTrades"})
    proof.check(REST, "fetch_trades (trades)", trades[-1], told | {"id": str(newest.trade_id)})


def test_candles(exchange: ccxt.binance, venues: RunningMock, proof: Proof) -> None:
    venues.steps(50)
    last = venues.last_price(VENUE)
    candle = exchange.fetch_ohlcv(SYMBOL, "1d")[-1]
    proof.check(
        REST,
        "fetch_ohlcv",
        dict(zip(("time", "open", "high", "low", "close", "volume"), candle, strict=True)),
        {
            "time": lambda ms: ms % 86_400_000 == 0,
            "open": positive,
            "high": lambda high: high >= last,
            "low": lambda low: low <= last,
            "close": last,
            "volume": positive,
        },
    )


# --- the account and its orders -------------------------------------------------------------------


def test_balances(exchange: ccxt.binance, venues: RunningMock, proof: Proof) -> None:
    order = exchange.create_order(SYMBOL, "limit", "buy", 10, 2.0)
    held = venues.balances(VENUE)
    assert held["USDT"][1] == 20
    expected = {}
    for asset, (free, locked) in held.items():
        expected |= {
            f"{asset}.free": free,
            f"{asset}.used": locked,
            f"{asset}.total": free + locked,
        }
    proof.check(REST, "fetch_balance", exchange.fetch_balance(), expected)
    exchange.cancel_order(order["id"], SYMBOL)


def test_limit_order_from_place_to_cancel(
    exchange: ccxt.binance, venues: RunningMock, proof: Proof
) -> None:
    order = exchange.create_order(SYMBOL, "limit", "buy", 12.5, 2.3456)
    told = {
        "id": str,
        "clientOrderId": order_of(venues, order["id"]).client_id,
        "symbol": SYMBOL,
        "type": "limit",
        "timeInForce": "GTC",
        "side": "buy",
        "price": 2.3456,
        "amount": 12.5,
        "filled": 0.0,
        "remaining": 12.5,
        "status": "open",
    }
    proof.check(REST, "create_order limit GTC", order, told | {"trades": []})
    told["id"] = order["id"]
    proof.check(REST, "fetch_order", exchange.fetch_order(order["id"], SYMBOL), told)
    (opened,) = exchange.fetch_open_orders(SYMBOL)
    proof.check(REST, "fetch_open_orders", opened, told)
    exchange.options["fetchOpenOrders"]["warnWithoutSymbol"] = False  # it wants to be told so
    (everywhere,) = exchange.fetch_open_orders()
    proof.check(REST, "fetch_open_orders of all symbols", everywhere, told)
    cancelled = exchange.cancel_order(order["id"], SYMBOL)
    proof.check(
        REST,
        "cancel_order",
        cancelled,
        {
            "id": order["id"],
            "status": "canceled",
            "filled": 0.0,
            "info.origClientOrderId": order["clientOrderId"],
        },
    )
    ended = told | {"status": "canceled", "clientOrderId": cancelled["clientOrderId"]}
    proof.check(
        REST, "fetch_order of a cancelled one", exchange.fetch_order(order["id"], SYMBOL), ended
    )
    newest = exchange.fetch_canceled_orders(SYMBOL)[-1]
    proof.check(REST, "fetch_canceled_orders", newest, ended)


def test_ids_of_ones_own(exchange: ccxt.binance, proof: Proof) -> None:
    order = exchange.create_order(SYMBOL, "limit", "sell", 10, 3, {"newClientOrderId": "mine-1"})
    proof.check(REST, "create_order with newClientOrderId", order, {"clientOrderId": "mine-1"})
    found = exchange.fetch_order("", SYMBOL, {"origClientOrderId": "mine-1"})
    proof.check(
        REST, "fetch_order by origClientOrderId", found, {"id": order["id"], "side": "sell"}
    )
    gone = exchange.cancel_order("", SYMBOL, {"origClientOrderId": "mine-1"})
    proof.check(
        REST, "cancel_order by origClientOrderId", gone, {"id": order["id"], "status": "canceled"}
    )


def test_ioc_takes_what_is_there(exchange: ccxt.binance, venues: RunningMock, proof: Proof) -> None:
    _, ((ask, there), *_) = venues.book(VENUE, 1)
    order = exchange.create_order(
        SYMBOL, "limit", "buy", float(there + 5), float(ask), {"timeInForce": "IOC"}
    )
    proof.check(
        REST,
        "create_order limit IOC",
        order,
        {
            "timeInForce": "IOC",
            "status": "expired",
            "filled": there,
            "remaining": Decimal(5),
            "average": ask,
            "cost": ask * there,
            "fees.0.currency": "XRP",
            "fees.0.cost": fee_of(venues, order["id"]),
            "trades.0.price": ask,
            "trades.0.amount": there,
            "trades.0.id": str(fills_of(venues, order["id"])[0].trade_id),
        },
    )


def test_fok_takes_all_or_nothing(
    exchange: ccxt.binance, venues: RunningMock, proof: Proof
) -> None:
    ((bid, there), *_), _ = venues.book(VENUE, 1)
    fok = {"timeInForce": "FOK"}
    too_much = exchange.create_order(SYMBOL, "limit", "sell", float(there + 5), float(bid), fok)
    proof.check(
        REST,
        "create_order limit FOK, too large",
        too_much,
        {"timeInForce": "FOK", "status": "expired", "filled": 0.0, "trades": []},
    )
    exact = exchange.create_order(SYMBOL, "limit", "sell", float(there), float(bid), fok)
    proof.check(
        REST,
        "create_order limit FOK",
        exact,
        {"timeInForce": "FOK", "status": "closed", "filled": there, "average": bid},
    )


def test_limit_maker(exchange: ccxt.binance, venues: RunningMock, proof: Proof) -> None:
    order = exchange.create_order(SYMBOL, "limit", "buy", 10, 2.0, {"postOnly": True})
    proof.check(
        REST,
        "create_order limit, postOnly",
        exchange.fetch_order(order["id"], SYMBOL),
        {"id": order["id"], "postOnly": True, "status": "open", "info.type": "LIMIT_MAKER"},
    )
    _, ask = venues.touch(VENUE)
    with proof.raises(
        REST, "create_order limit, postOnly, that would take", ccxt.OrderImmediatelyFillable,
        "Order would immediately match and take.",
    ):  # fmt: skip
        exchange.create_order(SYMBOL, "limit", "buy", 10, float(ask), {"postOnly": True})


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_market_order_by_quantity(
    exchange: ccxt.binance, venues: RunningMock, proof: Proof, side: str
) -> None:
    bid, ask = venues.touch(VENUE)
    order = exchange.create_order(SYMBOL, "market", side, 7)
    price = ask if side == "buy" else bid
    proof.check(
        REST,
        f"create_order market {side}",
        order,
        {
            "type": "market",
            "side": side,
            "status": "closed",
            "filled": Decimal(7),
            "average": price,
            "cost": price * 7,
            "fees.0.currency": "XRP" if side == "buy" else "USDT",
            "fees.0.cost": fee_of(venues, order["id"]),
        },
    )


def test_market_order_by_cost(exchange: ccxt.binance, venues: RunningMock, proof: Proof) -> None:
    bid, ask = venues.touch(VENUE)
    for side, price, place in (
        ("buy", ask, exchange.create_market_buy_order_with_cost),
        ("sell", bid, exchange.create_market_sell_order_with_cost),
    ):
        order = place(SYMBOL, 30)
        proof.check(
            REST,
            f"create_market_{side}_order_with_cost",
            order,
            {
                "status": "closed",
                "average": price,
                "cost": lambda cost, price=price: abs(cost - 30) <= price / 10,
                "info.origQuoteOrderQty": Decimal(30),
            },
        )


def test_order_that_is_only_checked(
    exchange: ccxt.binance, venues: RunningMock, proof: Proof
) -> None:
    before = venues.balances(VENUE)
    tested = exchange.create_order(SYMBOL, "limit", "buy", 10, 2.0, {"test": True})
    proof.check(REST, "create_order, test", tested, {"info": {}})
    assert exchange.fetch_open_orders(SYMBOL) == []
    assert venues.balances(VENUE) == before


def test_trades_of_ones_own(exchange: ccxt.binance, venues: RunningMock, proof: Proof) -> None:
    order = exchange.create_order(SYMBOL, "market", "buy", 7)
    (fill,) = fills_of(venues, order["id"])
    told = {
        "id": str(fill.trade_id),
        "order": order["id"],
        "symbol": SYMBOL,
        "side": "buy",
        "takerOrMaker": "taker",
        "price": Decimal(fill.price).scaleb(-4),
        "amount": Decimal(7),
        "fee.currency": "XRP",
        "fee.cost": fee_of(venues, order["id"]),
        "timestamp": fill.wall_ns // 1_000_000,
    }
    proof.check(REST, "fetch_my_trades", exchange.fetch_my_trades(SYMBOL)[-1], told)
    (own,) = exchange.fetch_order_trades(order["id"], SYMBOL)
    proof.check(REST, "fetch_order_trades", own, told)
    closed = exchange.fetch_closed_orders(SYMBOL)[-1]
    proof.check(REST, "fetch_closed_orders", closed, {"id": order["id"], "status": "closed"})
    proof.check(
        REST, "fetch_orders", exchange.fetch_orders(SYMBOL)[-1], {"id": order["id"], "filled": 7.0}
    )


def test_cancel_all(exchange: ccxt.binance, venues: RunningMock, proof: Proof) -> None:
    placed = [exchange.create_order(SYMBOL, "limit", "buy", 10, 2 + n / 100) for n in range(3)]
    gone = exchange.cancel_all_orders(SYMBOL)
    proof.check(
        REST,
        "cancel_all_orders",
        {order["id"]: order["status"] for order in gone},
        {order["id"]: "canceled" for order in placed} | {"": lambda found: len(found) == 3},
    )
    assert exchange.fetch_open_orders(SYMBOL) == []
