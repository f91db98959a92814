"""The venue's own SDK on the market streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from decimal import Decimal
from typing import Any

import pytest
from binance_sdk_spot.websocket_streams import SpotWebSocketStreams

from support.binance_clients import SYMBOL, VENUE
from support.binance_sdk import STREAMS, rest_api, streams
from support.expect import positive
from support.mock_thread import RunningMock
from support.proof import Proof

NAME = SYMBOL.lower()
PATIENCE = 20.0
Stream = Coroutine[Any, Any, Any]


@pytest.fixture
async def market(venues: RunningMock) -> AsyncIterator[SpotWebSocketStreams]:
    venues.resume()
    connected = await streams(venues[VENUE]).create_connection()
    yield connected
    await connected.close_connection()


@pytest.fixture(autouse=True)
def every_event_fits(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The SDK warns of an event that is not of the types that the venue declares."""
    yield
    warned = [r.getMessage() for r in caplog.get_records("call") if r.levelname == "WARNING"]
    assert not warned


async def events(stream: Stream) -> Callable[[], Coroutine[Any, Any, Any]]:
    """A stream's events, one at a call."""
    queue: asyncio.Queue[Any] = asyncio.Queue()
    (await stream).on("message", queue.put_nowait)
    return lambda: asyncio.wait_for(queue.get(), PATIENCE)


async def test_book_kept_in_step(
    market: SpotWebSocketStreams, venues: RunningMock, proof: Proof
) -> None:
    event = await events(market.diff_book_depth(NAME, update_speed="100ms"))
    diff = await event()
    snapshot = rest_api(venues[VENUE]).depth(SYMBOL, limit=5_000).data()
    assert snapshot.last_update_id + 1 >= diff.U
    bids: dict[Decimal, Decimal] = {}
    asks: dict[Decimal, Decimal] = {}

    def apply(book: dict[Decimal, Decimal], rows: list[list[str]]) -> None:
        book.update((Decimal(price), Decimal(qty)) for price, qty in rows)
        for price in [price for price, qty in book.items() if not qty]:
            del book[price]

    apply(bids, snapshot.bids)
    apply(asks, snapshot.asks)
    last, applied, end = snapshot.last_update_id, 0, None
    while True:
        if diff.u > last:
            assert last + 1 >= diff.U, "a gap"
            apply(bids, diff.b)
            apply(asks, diff.a)
            last, applied = diff.u, applied + 1
        if applied == 5 and end is None:
            venues.pause()
            end = venues.call(lambda: venues.exchange(VENUE).sequence)
        if end is not None and last >= end:
            break
        diff = await event()
    own_bids, own_asks = venues.book(VENUE, 5_000)
    proof.check(
        STREAMS,
        "diff_book_depth on top of a snapshot, once the market stands still",
        diff,
        {
            "e": "depthUpdate",
            "s": SYMBOL,
            "E": positive,
            "U": positive,
            "u": end,
            "b": lambda _: bids == dict(own_bids),
            "a": lambda _: asks == dict(own_asks),
        },
    )


async def test_best_prices(market: SpotWebSocketStreams, proof: Proof) -> None:
    told = await (await events(market.book_ticker(NAME)))()
    proof.check(
        STREAMS,
        "book_ticker",
        told,
        {
            "u": positive,
            "s": SYMBOL,
            "b": positive,
            "B": positive,
            "a": lambda ask: Decimal(ask) > Decimal(told.b),
            "A": positive,
        },
    )


async def test_top_of_the_book(market: SpotWebSocketStreams, proof: Proof) -> None:
    told = await (await events(market.partial_book_depth(NAME, "20", update_speed="100ms")))()
    prices = [Decimal(price) for price, _ in told.bids]
    proof.check(
        STREAMS,
        "partial_book_depth",
        told,
        {
            "last_update_id": positive,
            "bids": lambda _: len(prices) == 20 and prices == sorted(prices, reverse=True),
            "asks": lambda rows: len(rows) == 20 and Decimal(rows[0][0]) > prices[0],
        },
    )


async def test_trades(market: SpotWebSocketStreams, venues: RunningMock, proof: Proof) -> None:
    trade = await events(market.trade(NAME))
    together = await events(market.agg_trade(NAME))
    told = await trade()
    mine = venues.call(
        lambda: {trade.trade_id: trade for trade in venues.exchange(VENUE).trades}[told.t]
    )
    proof.check(
        STREAMS,
        "trade",
        told,
        {
            "e": "trade",
            "s": SYMBOL,
            "p": Decimal(mine.price).scaleb(-4),
            "q": Decimal(mine.qty).scaleb(-1),
            "T": mine.wall_ns // 1_000_000,
            "m": mine.taker_side.name == "SELL",
        },
    )
    proof.check(
        STREAMS,
        "agg_trade",
        await together(),
        {"e": "aggTrade", "s": SYMBOL, "a": positive, "p": positive, "q": positive, "f": int},
    )


async def test_statistics(market: SpotWebSocketStreams, proof: Proof) -> None:
    candles = await events(market.kline(NAME, "1m"))
    tickers = await events(market.ticker(NAME))
    averages = await events(market.avg_price(NAME))
    candle = (await candles()).k.model_dump(by_alias=True)
    proof.check(
        STREAMS,
        "kline",
        {"k": candle},
        {
            "k.s": SYMBOL,
            "k.i": "1m",
            "k.t": lambda ms: ms % 60_000 == 0,
            "k.T": candle["t"] + 59_999,
            "k.h": lambda high: Decimal(high) >= Decimal(candle["c"]),
            "k.l": lambda low: Decimal(low) <= Decimal(candle["c"]),
            "k.x": bool,
        },
    )
    ticker = (await tickers()).model_dump(by_alias=True)
    proof.check(
        STREAMS,
        "ticker",
        ticker,
        {
            "e": "24hrTicker",
            "s": SYMBOL,
            "c": positive,
            "b": positive,
            "a": lambda ask: Decimal(ask) > Decimal(ticker["b"]),
            "v": positive,
        },
    )
    average = await averages()
    proof.check(
        STREAMS, "avg_price", average, {"e": "avgPrice", "s": SYMBOL, "i": "5m", "w": positive}
    )


async def test_subscriptions(market: SpotWebSocketStreams, proof: Proof) -> None:
    stream = await market.book_ticker(NAME)
    listed = await asyncio.wait_for(market.list_subscribe(), PATIENCE)
    proof.check(STREAMS, "list_subscribe", listed, {"result": [f"{NAME}@bookTicker"]})
    await stream.unsubscribe()
    listed = await asyncio.wait_for(market.list_subscribe(), PATIENCE)
    proof.check(STREAMS, "unsubscribe, then list_subscribe", listed, {"result": []})
