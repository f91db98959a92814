"""The push socket by ccxt pro: the market, and orders and money from place to end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import ccxt.pro
import pytest
import pytest_asyncio

from support.expect import candle, levels
from support.inbox import PATIENCE
from support.kucoin_ccxt import PRO, SYMBOL, pointed
from support.kucoin_mock import KucoinMock, client_oid
from support.mock_thread import RunningMock
from support.proof import Proof
from xrpfast.model import Side

pytestmark = pytest.mark.asyncio(loop_scope="module")
SIZE = Decimal("2.5")
TEN = Decimal(10)
Watch = Callable[[], Awaitable[Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange(venues: RunningMock) -> AsyncIterator[ccxt.pro.kucoin]:
    """One client for the file: its markets and sockets are shared, as in a program."""
    client = pointed(ccxt.pro.kucoin, venues["kucoin"])
    await client.load_markets()
    yield client
    await client.close()


async def armed(exchange: ccxt.pro.kucoin, watch: Watch) -> asyncio.Future[Any]:
    """A watch that has begun: what the venue tells from here on resolves it."""
    watching = asyncio.ensure_future(watch())
    await exchange.fetch_time()  # a round trip, in which the watch gets to where it waits
    return watching


async def until(
    watch: Watch,
    wanted: Callable[[Any], bool],
    what: str,
    first: Awaitable[Any] | None = None,
) -> Any:
    """What ``watch``, begun already as ``first``, tells once it is as wanted."""
    try:
        async with asyncio.timeout(PATIENCE):
            told = await (first or watch())
            while not wanted(told):
                told = await watch()
            return told
    except TimeoutError:
        raise AssertionError(f"no {what} within {PATIENCE} s") from None


async def subscribed(kucoin: KucoinMock, topic: str) -> None:
    """Waits until the venue has taken the subscription."""
    await asyncio.to_thread(kucoin.wait_subscribed, topic)


def trade(kucoin: KucoinMock) -> Decimal:
    """Somebody buys at the best ask, whose price it is."""
    ask, _ = kucoin.best(Side.SELL)
    kucoin.counterparty(Side.BUY, ask, SIZE)
    return ask


# --- the market -----------------------------------------------------------------------------------


async def test_a_watched_book_is_the_venues_own(
    exchange: ccxt.pro.kucoin, kucoin: KucoinMock, proof: Proof
) -> None:
    with kucoin.moving():
        first = await exchange.watch_order_book(SYMBOL)
        start = first["nonce"]
        await until(
            lambda: exchange.watch_order_book(SYMBOL),
            lambda book: book["nonce"] > start + 300,
            "book of a moving market",
        )
    # Somebody's last trade makes a frame to wait for, however much is already read.
    trade(kucoin)
    end = kucoin.sequence()
    book = await until(
        lambda: exchange.watch_order_book(SYMBOL),
        lambda book: book["nonce"] == end,
        "last frame",
    )
    bids, asks = kucoin.book()
    proof.check(
        PRO,
        "watch_order_book",
        book,
        {"bids": levels(bids), "asks": levels(asks), "nonce": end, "symbol": SYMBOL},
    )


@pytest.mark.parametrize("depth", [5, 50])
async def test_part_of_the_book(kucoin: KucoinMock, proof: Proof, depth: int) -> None:
    # Another client: one client keeps one book a symbol, whatever feeds it.
    other = pointed(ccxt.pro.kucoin, kucoin.line)
    await other.load_markets()
    try:
        with kucoin.moving():
            for _ in range(3):
                await other.watch_order_book(SYMBOL, depth)
        trade(kucoin)  # makes a frame to wait for
        bids, asks = kucoin.book(depth)
        equal = levels(asks)
        book = await until(
            lambda: other.watch_order_book(SYMBOL, depth),
            lambda book: equal(book["asks"]),
            "book equal to the venue's",
        )
        proof.check(PRO, f"watch_order_book {depth}", book, {"bids": levels(bids), "asks": equal})
    finally:
        await other.close()


async def test_trades(exchange: ccxt.pro.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    watching = asyncio.ensure_future(exchange.watch_trades(SYMBOL))
    await subscribed(kucoin, "/market/match:XRP-USDT")
    price = trade(kucoin)
    trades = await asyncio.wait_for(watching, PATIENCE)
    proof.check(
        PRO,
        "watch_trades",
        trades,
        {
            "-1.symbol": SYMBOL,
            "-1.price": price,
            "-1.amount": SIZE,
            "-1.side": "buy",
            "-1.id": lambda number: int(number) > 2**53,
            "-1.timestamp": lambda ms: abs(ms - time.time() * 1_000) < 60_000,
        },
    )


async def test_tickers(exchange: ccxt.pro.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    watching = asyncio.ensure_future(exchange.watch_tickers([SYMBOL]))
    await subscribed(kucoin, "/market/ticker:XRP-USDT")
    price = trade(kucoin)
    (bid, _), (ask, ask_size) = kucoin.best(Side.BUY), kucoin.best(Side.SELL)
    tickers = await until(
        lambda: exchange.watch_tickers([SYMBOL]),
        lambda told: Decimal(str(told[SYMBOL]["askVolume"])) == ask_size,
        "ticker",
        watching,
    )
    proof.check(
        PRO,
        "watch_tickers",
        tickers,
        {f"{SYMBOL}.last": price, f"{SYMBOL}.bid": bid, f"{SYMBOL}.ask": ask},
    )


async def test_the_day_of_a_symbol(
    exchange: ccxt.pro.kucoin, kucoin: KucoinMock, proof: Proof
) -> None:
    price = trade(kucoin)
    ticker = await until(
        lambda: exchange.watch_ticker(SYMBOL),
        lambda told: Decimal(str(told["last"])) == price and told["baseVolume"],
        "ticker with the day's volume",
    )
    proof.check(
        PRO,
        "watch_ticker",
        ticker,
        {
            "symbol": SYMBOL,
            "bid": kucoin.best(Side.BUY)[0],
            "ask": kucoin.best(Side.SELL)[0],
            "baseVolume": lambda volume: volume >= float(SIZE),
        },
    )


async def test_best_prices(exchange: ccxt.pro.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    watching = asyncio.ensure_future(exchange.watch_bids_asks([SYMBOL]))
    await subscribed(kucoin, "/spotMarket/level1:XRP-USDT")
    (bid, bid_size), (ask, ask_size) = kucoin.best(Side.BUY), kucoin.best(Side.SELL)
    told = await asyncio.wait_for(watching, PATIENCE)
    proof.check(
        PRO,
        "watch_bids_asks",
        told,
        {
            f"{SYMBOL}.bid": bid,
            f"{SYMBOL}.bidVolume": bid_size,
            f"{SYMBOL}.ask": ask,
            f"{SYMBOL}.askVolume": ask_size,
        },
    )


async def test_candles(exchange: ccxt.pro.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    watching = asyncio.ensure_future(exchange.watch_ohlcv(SYMBOL, "1h"))
    await subscribed(kucoin, "/market/candles:XRP-USDT_1hour")
    price = trade(kucoin)
    candles = await asyncio.wait_for(watching, PATIENCE)
    proof.check(
        PRO,
        "watch_ohlcv",
        candle(candles[-1], "timestamp open high low close volume"),
        {
            "timestamp": lambda start: start % 3_600_000 == 0,
            "high": lambda high: high >= float(price),
            "close": price,
            "volume": lambda volume: volume >= float(SIZE),
        },
    )


async def test_leaving_a_topic(exchange: ccxt.pro.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    watching = asyncio.ensure_future(exchange.watch_trades(SYMBOL))
    await subscribed(kucoin, "/market/match:XRP-USDT")
    left = await asyncio.wait_for(exchange.un_watch_trades(SYMBOL), PATIENCE)
    proof.check(PRO, "un_watch_trades", {"left": left}, {"left": True})
    with pytest.raises(ccxt.UnsubscribeError):
        await watching
    assert "/market/match:XRP-USDT" not in kucoin.topics()


# --- the customer ---------------------------------------------------------------------------------


async def test_an_order_from_place_to_fill(
    exchange: ccxt.pro.kucoin, kucoin: KucoinMock, proof: Proof
) -> None:
    orders = asyncio.ensure_future(exchange.watch_orders(SYMBOL))
    await subscribed(kucoin, "/spotMarket/tradeOrders")
    mine = asyncio.ensure_future(exchange.watch_my_trades(SYMBOL))
    price, name = kucoin.own_best(Side.BUY), client_oid()
    placed = await exchange.create_order(
        SYMBOL, "limit", "buy", 10, float(price), {"clientOrderId": name}
    )
    (opened,) = await asyncio.wait_for(orders, PATIENCE)
    everywhere = {
        "id": placed["id"],
        "clientOrderId": name,
        "symbol": SYMBOL,
        "type": "limit",
        "side": "buy",
        "price": price,
        "amount": TEN,
    }
    proof.check(
        PRO,
        "watch_orders, open",
        opened,
        everywhere | {"status": "open", "filled": Decimal(0), "remaining": TEN},
    )
    kucoin.counterparty(Side.SELL, price, Decimal(4))
    (trade_of_mine,) = await asyncio.wait_for(mine, PATIENCE)
    proof.check(
        PRO,
        "watch_my_trades",
        trade_of_mine,
        {
            "order": placed["id"],
            "symbol": SYMBOL,
            "side": "buy",
            "price": price,
            "amount": Decimal(4),
            "takerOrMaker": "maker",
            "id": lambda number: int(number) > 2**53,
        },
    )
    watching = await armed(exchange, lambda: exchange.watch_orders(SYMBOL))
    kucoin.counterparty(Side.SELL, price, Decimal(6))

    def latest(told: list[Any]) -> Any:
        return next(row for row in reversed(told) if row["id"] == placed["id"])

    told = await until(
        lambda: exchange.watch_orders(SYMBOL),
        lambda told: latest(told)["status"] == "closed",
        "filled order",
        watching,
    )
    proof.check(
        PRO,
        "watch_orders, filled",
        latest(told),
        everywhere | {"status": "closed", "filled": TEN, "average": price, "cost": price * TEN},
    )


async def test_an_order_that_is_cancelled(
    exchange: ccxt.pro.kucoin, kucoin: KucoinMock, proof: Proof
) -> None:
    price = kucoin.best(Side.BUY)[0] - Decimal("0.1")
    watching = asyncio.ensure_future(exchange.watch_orders(SYMBOL))
    await subscribed(kucoin, "/spotMarket/tradeOrders")
    placed = await exchange.create_order(SYMBOL, "limit", "buy", 10, float(price))
    await asyncio.wait_for(watching, PATIENCE)
    watching = await armed(exchange, lambda: exchange.watch_orders(SYMBOL))
    await exchange.cancel_order(placed["id"], SYMBOL)
    told = await asyncio.wait_for(watching, PATIENCE)
    proof.check(
        PRO,
        "watch_orders, cancelled",
        told,
        {"-1.id": placed["id"], "-1.status": "canceled", "-1.filled": Decimal(0)},
    )


async def test_money_follows_the_order(
    exchange: ccxt.pro.kucoin, kucoin: KucoinMock, proof: Proof
) -> None:
    free, _ = kucoin.balances()["USDT"]
    price = kucoin.own_best(Side.BUY)
    held = price * TEN * Decimal("1.001")
    watching = asyncio.ensure_future(exchange.watch_balance())
    await subscribed(kucoin, "/account/balance")
    await exchange.create_order(SYMBOL, "limit", "buy", 10, float(price))
    told = await until(
        exchange.watch_balance, lambda told: told["USDT"]["used"] > 0, "hold", watching
    )
    proof.check(
        PRO,
        "watch_balance, hold",
        told,
        {"USDT.used": held, "USDT.free": free - held, "USDT.total": free},
    )
    watching = await armed(exchange, exchange.watch_balance)
    kucoin.counterparty(Side.SELL, price, TEN)
    bought = kucoin.balances()["XRP"][0]
    told = await until(
        exchange.watch_balance,
        lambda told: told["USDT"]["used"] == 0 and Decimal(str(told["XRP"]["free"])) == bought,
        "settlement",
        watching,
    )
    proof.check(
        PRO, "watch_balance, settlement", told, {"USDT.free": free - held, "XRP.free": bought}
    )


async def test_order_entry_has_no_call(exchange: ccxt.pro.kucoin, proof: Proof) -> None:
    proof.cannot(
        PRO,
        "orders over a WebSocket",
        "this ccxt has none for KuCoin",
        because=not exchange.has["createOrderWs"] and not exchange.has["cancelOrderWs"],
    )


async def test_a_private_socket_needs_keys(kucoin: KucoinMock, proof: Proof) -> None:
    # What it asks with its keys before that is left out, by its own options.
    stranger = pointed(
        ccxt.pro.kucoin, kucoin.line, password="wrong", options={"uta": False, "hf": True}
    )
    try:
        await stranger.load_markets(params={"marginables": False})
        with proof.raises(
            PRO, "watch_orders, wrong passphrase", ccxt.AuthenticationError, "400004"
        ):
            await asyncio.wait_for(stranger.watch_orders(SYMBOL), PATIENCE)
    finally:
        await stranger.close()
