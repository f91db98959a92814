"""ccxt.pro's binance: watched markets, the private stream, orders over the WebSocket API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from decimal import Decimal
from typing import TypeVar

import ccxt.pro
import pytest

from support.binance_clients import (
    CCXT_POINTED,
    VENUE,
    cancel_what_is_open,
    ccxt_options,
    fee_of,
    fills_of,
    trade_against,
)
from support.binance_refusals import MANY
from support.expect import levels, positive
from support.mock_thread import RunningMock
from support.proof import Client, Proof

STREAMS = Client("Binance", "ccxt", "pro: streams", CCXT_POINTED)
WS_API = Client("Binance", "ccxt", "pro: WebSocket API", CCXT_POINTED)
SYMBOL = "XRP/USDT"
PATIENCE = 20.0
T = TypeVar("T")


@pytest.fixture
async def exchange(venues: RunningMock) -> AsyncIterator[ccxt.pro.binance]:
    venues.pause()
    client = ccxt.pro.binance(ccxt_options(venues[VENUE]))
    await client.load_markets()
    yield client
    await client.close()
    cancel_what_is_open(venues)


async def soon(what: Awaitable[T]) -> T:
    return await asyncio.wait_for(what, PATIENCE)


# --- market data ----------------------------------------------------------------------------------


async def test_book(exchange: ccxt.pro.binance, venues: RunningMock, proof: Proof) -> None:
    venues.resume()
    for _ in range(5):
        book = await soon(exchange.watch_order_book(SYMBOL))
    venues.pause()
    bids, asks = venues.book(VENUE, 5_000)

    def same() -> bool:
        return levels(bids)(book["bids"]) and levels(asks)(book["asks"])

    while not same():
        book = await soon(exchange.watch_order_book(SYMBOL))
    told = {"symbol": SYMBOL, "bids": levels(bids), "asks": levels(asks), "nonce": positive}
    proof.check(STREAMS, "watch_order_book, once the market stands still", book, told)


async def test_best_prices(exchange: ccxt.pro.binance, venues: RunningMock, proof: Proof) -> None:
    watching = asyncio.create_task(exchange.watch_bids_asks([SYMBOL]))
    venues.resume()
    told = (await soon(watching))[SYMBOL]
    proof.check(
        STREAMS,
        "watch_bids_asks",
        told,
        {
            "symbol": SYMBOL,
            "bid": positive,
            "bidVolume": positive,
            "ask": lambda ask: ask > told["bid"],
            "askVolume": positive,
        },
    )


async def test_ticker(exchange: ccxt.pro.binance, venues: RunningMock, proof: Proof) -> None:
    venues.steps(50)
    venues.resume()
    small = await soon(exchange.watch_ticker(SYMBOL))
    rolling = {
        "symbol": SYMBOL,
        "last": positive,
        "high": lambda high: high >= small["last"],
        "low": lambda low: low <= small["last"],
        "baseVolume": positive,
        "timestamp": positive,
    }
    proof.check(STREAMS, "watch_ticker", small, rolling)
    told = await soon(exchange.watch_ticker(SYMBOL, {"name": "ticker"}))
    proof.check(
        STREAMS,
        "watch_ticker, name = ticker",
        told,
        {
            "symbol": SYMBOL,
            "last": positive,
            "bid": positive,
            "ask": lambda ask: ask > told["bid"],
            "vwap": positive,
        },
    )


async def test_trades(exchange: ccxt.pro.binance, venues: RunningMock, proof: Proof) -> None:
    venues.resume()
    told = (await soon(exchange.watch_trades(SYMBOL)))[-1]
    trades = venues.call(lambda: {t.trade_id: t for t in venues.exchange(VENUE).trades})
    trade = trades[int(told["id"])]
    proof.check(
        STREAMS,
        "watch_trades",
        told,
        {
            "symbol": SYMBOL,
            "price": Decimal(trade.price).scaleb(-4),
            "amount": Decimal(trade.qty).scaleb(-1),
            "side": trade.taker_side.name.lower(),
            "timestamp": trade.wall_ns // 1_000_000,
        },
    )


async def test_candles(exchange: ccxt.pro.binance, venues: RunningMock, proof: Proof) -> None:
    venues.resume()
    candle = (await soon(exchange.watch_ohlcv(SYMBOL, "1m")))[-1]
    _, opened, high, low, close, volume = candle
    proof.check(
        STREAMS,
        "watch_ohlcv",
        dict(zip(("time", "open", "high", "low", "close", "volume"), candle, strict=True)),
        {
            "time": lambda ms: ms % 60_000 == 0,
            "high": lambda _: high >= max(opened, close),
            "low": lambda _: low <= min(opened, close),
            "volume": lambda _: volume > 0,
        },
    )


# --- the private stream ---------------------------------------------------------------------------


async def test_an_order_from_place_to_fill(
    exchange: ccxt.pro.binance, venues: RunningMock, proof: Proof
) -> None:
    await soon(exchange.authenticate())  # subscribed: every event from here on arrives
    watch_order = exchange.watch_orders
    placed = asyncio.create_task(watch_order(SYMBOL))
    traded = asyncio.create_task(exchange.watch_my_trades(SYMBOL))
    held = asyncio.create_task(exchange.watch_balance())
    await asyncio.sleep(0)
    bid, _ = venues.touch(VENUE)
    price = bid + Decimal("0.0001")
    order = await soon(exchange.create_order(SYMBOL, "limit", "buy", 10, float(price)))
    told = {
        "id": order["id"],
        "clientOrderId": order["clientOrderId"],
        "symbol": SYMBOL,
        "type": "limit",
        "side": "buy",
        "price": price,
        "amount": Decimal(10),
    }
    proof.check(
        STREAMS,
        "watch_orders: placed",
        (await soon(placed))[-1],
        told | {"status": "open", "filled": Decimal(0), "remaining": Decimal(10)},
    )
    free, locked = venues.balances(VENUE)["USDT"]
    assert locked == 10 * price
    proof.check(
        STREAMS,
        "watch_balance",
        await soon(held),
        {"USDT.free": free, "USDT.used": locked, "USDT.total": free + locked},
    )
    part = asyncio.create_task(watch_order(SYMBOL))
    await asyncio.sleep(0)
    trade_against(venues, order["id"], "4")
    proof.check(
        STREAMS,
        "watch_orders: filled in part",
        (await soon(part))[-1],
        told | {"status": "open", "filled": Decimal(4), "remaining": Decimal(6), "average": price},
    )
    (fill,) = fills_of(venues, order["id"])
    proof.check(
        STREAMS,
        "watch_my_trades",
        (await soon(traded))[-1],
        {
            "id": str(fill.trade_id),
            "order": order["id"],
            "symbol": SYMBOL,
            "side": "buy",
            "takerOrMaker": "maker",
            "price": price,
            "amount": Decimal(4),
            "fee.cost": fee_of(venues, order["id"]),
            "fee.currency": "XRP",
        },
    )
    whole = asyncio.create_task(watch_order(SYMBOL))
    await asyncio.sleep(0)
    trade_against(venues, order["id"], "6")
    proof.check(
        STREAMS,
        "watch_orders: filled",
        (await soon(whole))[-1],
        told | {"status": "closed", "filled": Decimal(10), "remaining": Decimal(0)},
    )


# --- orders over the WebSocket API ----------------------------------------------------------------


async def test_orders_over_the_websocket_api(exchange: ccxt.pro.binance, proof: Proof) -> None:
    order = await soon(exchange.create_order_ws(SYMBOL, "limit", "sell", 12.5, 3.1))
    told = {
        "symbol": SYMBOL,
        "type": "limit",
        "timeInForce": "GTC",
        "side": "sell",
        "price": Decimal("3.1"),
        "amount": Decimal("12.5"),
        "filled": Decimal(0),
        "status": "open",
    }
    proof.check(WS_API, "create_order_ws limit GTC", order, told | {"id": str})
    told["id"] = order["id"]
    queried = await soon(exchange.fetch_order_ws(order["id"], SYMBOL))
    proof.check(WS_API, "fetch_order_ws", queried, told)
    (opened,) = await soon(exchange.fetch_open_orders_ws(SYMBOL))
    proof.check(WS_API, "fetch_open_orders_ws", opened, told)
    gone = await soon(exchange.cancel_order_ws(order["id"], SYMBOL))
    ended = {"id": order["id"], "status": "canceled"}
    proof.check(WS_API, "cancel_order_ws", gone, ended)
    newest = (await soon(exchange.fetch_orders_ws(SYMBOL)))[-1]
    proof.check(WS_API, "fetch_orders_ws", newest, ended)
    placed = [
        (await soon(exchange.create_order_ws(SYMBOL, "limit", "buy", 10, 2 + n / 100)))["id"]
        for n in range(3)
    ]
    cancelled = await soon(exchange.cancel_all_orders_ws(SYMBOL))
    proof.check(
        WS_API,
        "cancel_all_orders_ws",
        {each["id"]: each["status"] for each in cancelled},
        dict.fromkeys(placed, "canceled"),
    )


async def test_takers_over_the_websocket_api(
    exchange: ccxt.pro.binance, venues: RunningMock, proof: Proof
) -> None:
    _, ask = venues.touch(VENUE)
    bought = await soon(exchange.create_order_ws(SYMBOL, "market", "buy", 7))
    proof.check(
        WS_API,
        "create_order_ws market",
        bought,
        {
            "status": "closed",
            "filled": Decimal(7),
            "average": ask,
            "cost": 7 * ask,
            "fees.0.cost": fee_of(venues, bought["id"]),
        },
    )
    for tif in ("IOC", "FOK"):
        taken = await soon(
            exchange.create_order_ws(SYMBOL, "limit", "buy", 7, 3, {"timeInForce": tif})
        )
        proof.check(
            WS_API,
            f"create_order_ws limit {tif}",
            taken,
            {"timeInForce": tif, "status": "closed", "filled": Decimal(7)},
        )
    resting = await soon(
        exchange.create_order_ws(SYMBOL, "limit", "buy", 10, 2, {"postOnly": True})
    )
    proof.check(WS_API, "create_order_ws limit, postOnly", resting, {"id": str})
    trade = (await soon(exchange.fetch_my_trades_ws(SYMBOL)))[-1]
    proof.check(WS_API, "fetch_my_trades_ws", trade, {"order": taken["id"], "amount": Decimal(7)})
    expected = {}
    for asset, (free, locked) in venues.balances(VENUE).items():
        expected |= {f"{asset}.free": free, f"{asset}.locked": locked}
    # ccxt parses what it takes for a futures account here; the venue's reply is in `info`.
    told = await soon(exchange.fetch_balance_ws())
    rows = {row["asset"]: row for row in told["info"]["balances"]}
    proof.check(WS_API, "fetch_balance_ws (info)", rows, expected)


async def test_refusals_over_the_websocket_api(
    exchange: ccxt.pro.binance, venues: RunningMock, proof: Proof
) -> None:
    with proof.raises(
        WS_API, "create_order_ws: more than the balance", ccxt.InsufficientFunds,
        "Account has insufficient balance for requested action.",
    ):  # fmt: skip
        await soon(exchange.create_order_ws(SYMBOL, "limit", "buy", 100_000, 2))
    with proof.raises(
        WS_API, "cancel_order_ws: unknown order", ccxt.OrderNotFound,
        "-2011", "Unknown order sent.",
    ):  # fmt: skip
        await soon(exchange.cancel_order_ws("1", SYMBOL))
    with proof.raises(
        WS_API, "fetch_order_ws: unknown order", ccxt.OrderNotFound,
        "-2013", "Order does not exist.",
    ):  # fmt: skip
        await soon(exchange.fetch_order_ws("1", SYMBOL))
    exchange.secret = "0" * 64
    with proof.raises(
        WS_API, "create_order_ws: wrong secret", ccxt.AuthenticationError,
        "-1022", "Signature for this request is not valid.",
    ):  # fmt: skip
        await soon(exchange.create_order_ws(SYMBOL, "limit", "buy", 10, 2))


async def test_order_count(fresh_venues: RunningMock, proof: Proof) -> None:
    client = ccxt.pro.binance(ccxt_options(fresh_venues[VENUE]))
    with proof.raises(
        WS_API, "create_order_ws, without end", ccxt.RateLimitExceeded,
        "-1015", "Too many new orders; current limit is 100 orders per 10 SECOND.",
    ):  # fmt: skip
        for _ in range(MANY):
            order = await soon(client.create_order_ws(SYMBOL, "limit", "buy", 10, 2))
            await soon(client.cancel_order_ws(order["id"], SYMBOL))
    await client.close()
