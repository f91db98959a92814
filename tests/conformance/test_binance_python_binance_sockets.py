"""python-binance's sockets: streams, a kept book, the private stream, the WebSocket API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from decimal import Decimal
from typing import Any

import pytest

from support.binance_clients import (
    SYMBOL,
    VENUE,
    cancel_what_is_open,
    fee_of,
    fills_of,
    trade_against,
)
from support.expect import levels, positive
from support.mock_thread import RunningMock
from support.proof import Proof
from support.python_binance import (
    ASYNC,
    AsyncClient,
    BinanceSocketManager,
    DepthCacheManager,
    async_client,
    sockets,
)

NAME = SYMBOL.lower()
PATIENCE = 20.0


@pytest.fixture
async def client(venues: RunningMock) -> AsyncIterator[AsyncClient]:
    venues.pause()
    async with async_client(venues[VENUE]) as client:
        yield client
    cancel_what_is_open(venues)


@pytest.fixture
def manager(client: AsyncClient, venues: RunningMock) -> BinanceSocketManager:
    return sockets(client, venues[VENUE])


async def soon(what: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(what, PATIENCE)


# --- streams --------------------------------------------------------------------------------------


async def test_kept_book(
    client: AsyncClient, manager: BinanceSocketManager, venues: RunningMock, proof: Proof
) -> None:
    venues.resume()
    kept = DepthCacheManager(
        client, SYMBOL, bm=manager, limit=5_000, conv_type=Decimal, ws_interval=100
    )
    async with kept:
        for _ in range(5):
            cache = await soon(kept.recv())
        venues.pause()
        bids, asks = venues.book(VENUE, 5_000)
        while not (levels(bids)(cache.get_bids()) and levels(asks)(cache.get_asks())):
            cache = await soon(kept.recv())
        proof.check(
            ASYNC,
            "DepthCacheManager, once the market stands still",
            {"bids": cache.get_bids(), "asks": cache.get_asks(), "symbol": cache.symbol},
            {"symbol": SYMBOL, "bids": levels(bids), "asks": levels(asks)},
        )
        venues.resume()  # the client's reader ends with the next message


async def test_several_streams_on_one_socket(
    manager: BinanceSocketManager, venues: RunningMock, proof: Proof
) -> None:
    venues.resume()
    kinds = ("bookTicker", "trade", "depth@100ms")
    told: dict[str, Any] = {}
    async with manager.multiplex_socket([f"{NAME}@{kind}" for kind in kinds]) as socket:
        while len(told) < len(kinds):
            message = await soon(socket.recv())
            told[message["stream"].partition("@")[2]] = message["data"]
    trade = told["trade"]
    own = venues.call(lambda: {t.trade_id: t for t in venues.exchange(VENUE).trades}[trade["t"]])
    proof.check(
        ASYNC,
        "multiplex_socket",
        told,
        {
            "bookTicker.s": SYMBOL,
            "bookTicker.b": positive,
            "bookTicker.a": lambda ask: Decimal(ask) > Decimal(told["bookTicker"]["b"]),
            "trade.e": "trade",
            "trade.p": Decimal(own.price).scaleb(-4),
            "trade.q": Decimal(own.qty).scaleb(-1),
            "trade.m": own.taker_side.name == "SELL",
            "depth@100ms.e": "depthUpdate",
            "depth@100ms.u": lambda last: last >= told["depth@100ms"]["U"],
        },
    )


async def test_single_streams(
    manager: BinanceSocketManager, venues: RunningMock, proof: Proof
) -> None:
    venues.resume()
    async with manager.trade_socket(SYMBOL) as socket:
        told = await soon(socket.recv())
        proof.check(
            ASYNC, "trade_socket", told, {"e": "trade", "s": SYMBOL, "p": positive, "q": positive}
        )
    async with manager.symbol_book_ticker_socket(SYMBOL) as socket:
        told = await soon(socket.recv())
        proof.check(
            ASYNC, "symbol_book_ticker_socket", told, {"s": SYMBOL, "b": positive, "a": positive}
        )
    async with manager.kline_socket(SYMBOL, "1m") as socket:
        told = await soon(socket.recv())
        proof.check(
            ASYNC,
            "kline_socket",
            told,
            {"e": "kline", "s": SYMBOL, "k.i": "1m", "k.c": positive, "k.x": bool},
        )


# --- the private stream ---------------------------------------------------------------------------


async def test_an_order_from_place_to_fill(
    client: AsyncClient, manager: BinanceSocketManager, venues: RunningMock, proof: Proof
) -> None:
    async with manager.user_socket() as socket:

        async def event(kind: str) -> dict[str, Any]:
            while True:
                told: dict[str, Any] = await soon(socket.recv())
                if told["e"] == kind:
                    return told

        bid, _ = venues.touch(VENUE)
        price = bid + Decimal("0.0001")
        order = await soon(client.order_limit_buy(symbol=SYMBOL, quantity="10", price=str(price)))
        of_the_order = {
            "s": SYMBOL,
            "i": order["orderId"],
            "c": order["clientOrderId"],
            "S": "BUY",
            "p": price,
            "q": Decimal(10),
        }
        proof.check(
            ASYNC,
            "user_socket executionReport: placed",
            await event("executionReport"),
            of_the_order | {"x": "NEW", "X": "NEW", "z": Decimal(0), "w": True},
        )
        free, locked = venues.balances(VENUE)["USDT"]
        position = await event("outboundAccountPosition")
        proof.check(
            ASYNC,
            "user_socket outboundAccountPosition",
            {"B": {row["a"]: row for row in position["B"]}},
            {"B.USDT.f": free, "B.USDT.l": locked},
        )
        trade_against(venues, order["orderId"], "10")
        (fill,) = fills_of(venues, order["orderId"])
        proof.check(
            ASYNC,
            "user_socket executionReport: filled",
            await event("executionReport"),
            of_the_order
            | {
                "x": "TRADE",
                "X": "FILLED",
                "l": Decimal(10),
                "L": price,
                "n": fee_of(venues, order["orderId"]),
                "N": "XRP",
                "t": fill.trade_id,
                "m": True,
            },
        )


# --- the WebSocket API ----------------------------------------------------------------------------


async def test_orders_over_the_websocket_api(
    client: AsyncClient, venues: RunningMock, proof: Proof
) -> None:
    order = await soon(
        client.ws_create_order(
            symbol=SYMBOL, side="SELL", type="LIMIT", timeInForce="GTC", quantity="10", price="3.1"
        )
    )
    told = {
        "symbol": SYMBOL,
        "orderId": order["orderId"],
        "type": "LIMIT",
        "side": "SELL",
        "price": Decimal("3.1"),
        "origQty": Decimal(10),
        "status": "NEW",
    }
    proof.check(ASYNC, "ws_create_order LIMIT GTC", order, told | {"orderId": int})
    queried = await soon(client.ws_get_order(symbol=SYMBOL, orderId=order["orderId"]))
    proof.check(ASYNC, "ws_get_order", queried, told | {"isWorking": True})
    (opened,) = await soon(client.ws_get_open_orders(symbol=SYMBOL))
    proof.check(ASYNC, "ws_get_open_orders", opened, told)
    gone = await soon(client.ws_cancel_order(symbol=SYMBOL, orderId=order["orderId"]))
    proof.check(ASYNC, "ws_cancel_order", gone, {"orderId": order["orderId"], "status": "CANCELED"})
    _, ask = venues.touch(VENUE)
    bought = await soon(client.ws_order_market_buy(symbol=SYMBOL, quantity="7"))
    fee = fee_of(venues, bought["orderId"])
    proof.check(
        ASYNC,
        "ws_order_market_buy",
        bought,
        {
            "status": "FILLED",
            "executedQty": Decimal(7),
            "cummulativeQuoteQty": 7 * ask,
            "fills.0.commission": fee,
        },
    )
    trade = (await soon(client.ws_get_my_trades(symbol=SYMBOL)))[-1]
    proof.check(
        ASYNC,
        "ws_get_my_trades",
        trade,
        {"orderId": bought["orderId"], "price": ask, "qty": Decimal(7), "commission": fee},
    )
    account = await soon(client.ws_get_account())
    expected = {}
    for asset, (free, locked) in venues.balances(VENUE).items():
        expected |= {f"{asset}.free": free, f"{asset}.locked": locked}
    rows = {row["asset"]: row for row in account["balances"]}
    proof.check(ASYNC, "ws_get_account", rows, expected)
    bids, asks = venues.book(VENUE, 20)
    book = await soon(client.ws_get_order_book(symbol=SYMBOL, limit=20))
    proof.check(ASYNC, "ws_get_order_book", book, {"bids": levels(bids), "asks": levels(asks)})
