"""python-binance's Client over REST: what it reads and what it trades."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from support.binance_clients import (
    SYMBOL,
    VENUE,
    cancel_what_is_open,
    fee_of,
    fills_of,
)
from support.expect import levels, positive
from support.mock_thread import RunningMock
from support.proof import Proof
from support.python_binance import REST, rest_client
from support.python_binance import Client as BinanceClient


@pytest.fixture(scope="module")
def client(venues: RunningMock) -> Iterator[BinanceClient]:
    with rest_client(venues[VENUE]) as client:
        yield client


@pytest.fixture(autouse=True)
def standing_still(venues: RunningMock) -> Iterator[None]:
    venues.pause()
    yield
    cancel_what_is_open(venues)


# --- market data ----------------------------------------------------------------------------------


def test_time(client: BinanceClient, proof: Proof) -> None:
    before = time.time_ns() // 1_000_000
    proof.check(REST, "ping", client.ping(), {"": {}})
    proof.check(
        REST,
        "get_server_time",
        client.get_server_time(),
        {"serverTime": lambda ms: 0 <= ms - before < 9_000},
    )


def test_exchange_info(client: BinanceClient, proof: Proof) -> None:
    info = client.get_exchange_info()
    limits = {(row["rateLimitType"], row["interval"]): row["limit"] for row in info["rateLimits"]}
    proof.check(
        REST,
        "get_exchange_info",
        info | {"rateLimits": limits},
        {
            "timezone": "UTC",
            "serverTime": int,
            "rateLimits": lambda rows: (
                rows[("REQUEST_WEIGHT", "MINUTE")] == 6_000 and rows[("ORDERS", "SECOND")] == 100
            ),
            "symbols": lambda rows: [row["symbol"] for row in rows] == [SYMBOL],
        },
    )
    found = client.get_symbol_info(SYMBOL)
    filters = {row["filterType"]: row for row in found["filters"]}
    proof.check(
        REST,
        "get_symbol_info",
        found | {"filters": filters},
        {
            "symbol": SYMBOL,
            "status": "TRADING",
            "baseAsset": "XRP",
            "quoteAsset": "USDT",
            "orderTypes": lambda kinds: {"LIMIT", "LIMIT_MAKER", "MARKET"} <= set(kinds),
            "isSpotTradingAllowed": True,
            "quoteOrderQtyMarketAllowed": True,
            "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
            "filters.PRICE_FILTER.tickSize": Decimal("0.0001"),
            "filters.LOT_SIZE.stepSize": Decimal("0.1"),
            "filters.NOTIONAL.minNotional": Decimal(5),
            "filters.MAX_NUM_ORDERS.maxNumOrders": 200,
        },
    )


def test_order_book(client: BinanceClient, venues: RunningMock, proof: Proof) -> None:
    bids, asks = venues.book(VENUE, 20)
    sequence = venues.call(lambda: venues.exchange(VENUE).sequence)
    proof.check(
        REST,
        "get_order_book",
        client.get_order_book(symbol=SYMBOL, limit=20),
        {"lastUpdateId": sequence, "bids": levels(bids), "asks": levels(asks)},
    )


def test_tickers(client: BinanceClient, venues: RunningMock, proof: Proof) -> None:
    venues.steps(50)
    ((bid, bid_qty),), ((ask, ask_qty),) = venues.book(VENUE, 1)
    last = venues.last_price(VENUE)
    top = {
        "symbol": SYMBOL,
        "bidPrice": bid,
        "bidQty": bid_qty,
        "askPrice": ask,
        "askQty": ask_qty,
    }
    proof.check(REST, "get_orderbook_ticker", client.get_orderbook_ticker(symbol=SYMBOL), top)
    proof.check(REST, "get_orderbook_tickers", client.get_orderbook_tickers()[0], top)
    proof.check(
        REST,
        "get_ticker",
        client.get_ticker(symbol=SYMBOL),
        top
        | {
            "lastPrice": last,
            "highPrice": lambda high: Decimal(high) >= last,
            "lowPrice": lambda low: Decimal(low) <= last,
            "openPrice": positive,
            "weightedAvgPrice": positive,
            "volume": positive,
            "quoteVolume": positive,
            "count": positive,
        },
    )
    told = {"symbol": SYMBOL, "price": last}
    proof.check(REST, "get_symbol_ticker", client.get_symbol_ticker(symbol=SYMBOL), told)
    proof.check(REST, "get_all_tickers", client.get_all_tickers()[0], told)
    proof.check(REST, "get_avg_price", client.get_avg_price(symbol=SYMBOL), {"price": positive})


def test_trades(client: BinanceClient, venues: RunningMock, proof: Proof) -> None:
    venues.steps(50)
    newest = venues.call(lambda: venues.exchange(VENUE).last_trade)
    assert newest is not None
    price, qty = Decimal(newest.price).scaleb(-4), Decimal(newest.qty).scaleb(-1)
    sold = newest.taker_side.name == "SELL"
    told = {
        "id": newest.trade_id,
        "price": price,
        "qty": qty,
        "quoteQty": price * qty,
        "time": newest.wall_ns // 1_000_000,
        "isBuyerMaker": sold,
    }
    recent = client.get_recent_trades(symbol=SYMBOL)
    proof.check(REST, "get_recent_trades", recent[-1], told)
    older = client.get_historical_trades(symbol=SYMBOL, fromId=recent[0]["id"])
    proof.check(REST, "get_historical_trades", older, {"": recent[: len(older)]})
    proof.check(
        REST,
        "get_aggregate_trades",
        client.get_aggregate_trades(symbol=SYMBOL)[-1],
        {"p": price, "l": newest.trade_id, "m": sold, "T": newest.wall_ns // 1_000_000},
    )


def test_klines(client: BinanceClient, venues: RunningMock, proof: Proof) -> None:
    venues.steps(50)
    last = venues.last_price(VENUE)
    names = "openTime open high low close volume closeTime quoteVolume trades buyBase buyQuote _"
    candle = dict(
        zip(names.split(), client.get_klines(symbol=SYMBOL, interval="1d")[-1], strict=True)
    )
    proof.check(
        REST,
        "get_klines",
        candle,
        {
            "openTime": lambda ms: ms % 86_400_000 == 0,
            "closeTime": candle["openTime"] + 86_399_999,
            "high": lambda high: Decimal(high) >= last,
            "low": lambda low: Decimal(low) <= last,
            "close": last,
            "volume": positive,
            "trades": positive,
        },
    )


# --- the account and its orders -------------------------------------------------------------------


def test_account(client: BinanceClient, venues: RunningMock, proof: Proof) -> None:
    client.order_limit_buy(symbol=SYMBOL, quantity="10", price="2.0")
    told = client.get_account()
    balances = {row["asset"]: row for row in told["balances"]}
    expected = {}
    for asset, (free, locked) in venues.balances(VENUE).items():
        expected |= {f"balances.{asset}.free": free, f"balances.{asset}.locked": locked}
    assert expected["balances.USDT.locked"] == 20
    proof.check(
        REST,
        "get_account",
        told | {"balances": balances},
        expected
        | {
            "canTrade": True,
            "accountType": "SPOT",
            "commissionRates.maker": Decimal("0.001"),
            "commissionRates.taker": Decimal("0.001"),
        },
    )
    one = client.get_asset_balance(asset="USDT")
    proof.check(REST, "get_asset_balance", one, {"asset": "USDT", "locked": Decimal(20)})
    limits = client.get_current_order_count()
    proof.check(
        REST, "get_current_order_count", limits[0],
        {"rateLimitType": "ORDERS", "interval": "SECOND", "limit": 100, "count": positive},
    )  # fmt: skip


def test_limit_order_from_place_to_cancel(client: BinanceClient, proof: Proof) -> None:
    order = client.order_limit_sell(
        symbol=SYMBOL, quantity="12.5", price="3.1", newClientOrderId="mine-1"
    )
    told = {
        "symbol": SYMBOL,
        "orderId": order["orderId"],
        "clientOrderId": "mine-1",
        "type": "LIMIT",
        "side": "SELL",
        "timeInForce": "GTC",
        "price": Decimal("3.1"),
        "origQty": Decimal("12.5"),
        "executedQty": Decimal(0),
        "cummulativeQuoteQty": Decimal(0),
        "status": "NEW",
    }
    placed = told | {"orderId": int, "transactTime": int, "fills": []}
    proof.check(REST, "order_limit_sell", order, placed)
    queried = told | {"isWorking": True, "time": order["transactTime"]}
    by_id = client.get_order(symbol=SYMBOL, orderId=order["orderId"])
    proof.check(REST, "get_order by orderId", by_id, queried)
    by_client_id = client.get_order(symbol=SYMBOL, origClientOrderId="mine-1")
    proof.check(REST, "get_order by origClientOrderId", by_client_id, queried)
    (opened,) = client.get_open_orders(symbol=SYMBOL)
    proof.check(REST, "get_open_orders", opened, queried)
    proof.check(REST, "get_open_orders of all symbols", client.get_open_orders()[0], queried)
    gone = client.cancel_order(symbol=SYMBOL, orderId=order["orderId"])
    proof.check(
        REST,
        "cancel_order",
        gone,
        {"orderId": order["orderId"], "origClientOrderId": "mine-1", "status": "CANCELED"},
    )
    newest = client.get_all_orders(symbol=SYMBOL)[-1]
    proof.check(REST, "get_all_orders", newest, {"orderId": order["orderId"], "status": "CANCELED"})


def test_ioc_and_fok(client: BinanceClient, venues: RunningMock, proof: Proof) -> None:
    ((bid, there),), _ = venues.book(VENUE, 1)
    wish = {"symbol": SYMBOL, "side": "SELL", "type": "LIMIT", "price": str(bid)}
    none = client.create_order(**wish, timeInForce="FOK", quantity=str(there + 5))
    proof.check(
        REST,
        "create_order LIMIT FOK, too large",
        none,
        {
            "status": "EXPIRED",
            "expiryReason": "UNFILLED_FOK_ORDER_EXPIRED",
            "executedQty": Decimal(0),
            "fills": [],
        },
    )
    part = client.create_order(**wish, timeInForce="IOC", quantity=str(there + 5))
    proof.check(
        REST,
        "create_order LIMIT IOC",
        part,
        {
            "status": "EXPIRED",
            "expiryReason": "UNFILLED_IOC_QUANTITY_EXPIRED",
            "executedQty": there,
            "cummulativeQuoteQty": bid * there,
            "fills.0.price": bid,
            "fills.0.qty": there,
            "fills.0.commission": fee_of(venues, part["orderId"]),
            "fills.0.commissionAsset": "USDT",
            "fills.0.tradeId": fills_of(venues, part["orderId"])[0].trade_id,
        },
    )
    venues.pause()  # quotes anew what was taken
    ((bid, there),), _ = venues.book(VENUE, 1)
    whole = client.create_order(
        **wish | {"price": str(bid)}, timeInForce="FOK", quantity=str(there)
    )
    proof.check(REST, "create_order LIMIT FOK", whole, {"status": "FILLED", "executedQty": there})


def test_limit_maker(client: BinanceClient, proof: Proof) -> None:
    wish = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT_MAKER", "quantity": 10, "price": "2.0"}
    acked = client.create_order(**wish)
    assert "status" not in acked
    proof.check(
        REST,
        "create_order LIMIT_MAKER",
        acked,
        {"symbol": SYMBOL, "orderId": int, "clientOrderId": str, "transactTime": int},
    )
    told = client.create_order(**wish, newOrderRespType="RESULT")
    proof.check(
        REST,
        "create_order LIMIT_MAKER RESULT",
        told,
        {"type": "LIMIT_MAKER", "status": "NEW", "timeInForce": "GTC", "workingTime": int},
    )


def test_market_orders(client: BinanceClient, venues: RunningMock, proof: Proof) -> None:
    bid, ask = venues.touch(VENUE)
    for side, price, place in (
        ("buy", ask, client.order_market_buy),
        ("sell", bid, client.order_market_sell),
    ):
        by_qty = place(symbol=SYMBOL, quantity="7")
        proof.check(
            REST,
            f"order_market_{side} by quantity",
            by_qty,
            {
                "type": "MARKET",
                "side": side.upper(),
                "status": "FILLED",
                "price": Decimal(0),
                "executedQty": Decimal(7),
                "cummulativeQuoteQty": 7 * price,
                "fills.0.price": price,
                "fills.0.commission": fee_of(venues, by_qty["orderId"]),
            },
        )
        by_funds = place(symbol=SYMBOL, quoteOrderQty="30")
        proof.check(
            REST,
            f"order_market_{side} by quoteOrderQty",
            by_funds,
            {
                "status": "FILLED",
                "origQuoteOrderQty": Decimal(30),
                "cummulativeQuoteQty": lambda cost, price=price: (
                    abs(Decimal(cost) - 30) <= price / 10
                ),
            },
        )


def test_test_order(client: BinanceClient, venues: RunningMock, proof: Proof) -> None:
    before = venues.balances(VENUE)
    wish = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "10"}
    proof.check(REST, "create_test_order", client.create_test_order(**wish), {"": {}})
    assert client.get_open_orders(symbol=SYMBOL) == []
    assert venues.balances(VENUE) == before


def test_my_trades(client: BinanceClient, venues: RunningMock, proof: Proof) -> None:
    order = client.order_market_buy(symbol=SYMBOL, quantity="7")
    (fill,) = fills_of(venues, order["orderId"])
    told = {
        "symbol": SYMBOL,
        "id": fill.trade_id,
        "orderId": order["orderId"],
        "price": Decimal(fill.price).scaleb(-4),
        "qty": Decimal(7),
        "commission": fee_of(venues, order["orderId"]),
        "commissionAsset": "XRP",
        "time": fill.wall_ns // 1_000_000,
        "isBuyer": True,
        "isMaker": False,
    }
    proof.check(REST, "get_my_trades", client.get_my_trades(symbol=SYMBOL)[-1], told)
    (own,) = client.get_my_trades(symbol=SYMBOL, orderId=order["orderId"])
    proof.check(REST, "get_my_trades of one order", own, told)


def test_cancel_all(client: BinanceClient, proof: Proof) -> None:
    placed = [
        client.order_limit_buy(symbol=SYMBOL, quantity="10", price=f"2.0{n}")["orderId"]
        for n in range(3)
    ]
    gone = client.cancel_all_open_orders(symbol=SYMBOL)
    proof.check(
        REST,
        "cancel_all_open_orders",
        gone,
        {
            "": lambda rows: [row["orderId"] for row in rows] == placed,
            "0.status": "CANCELED",
            "2.status": "CANCELED",
        },
    )
    assert client.get_open_orders(symbol=SYMBOL) == []
