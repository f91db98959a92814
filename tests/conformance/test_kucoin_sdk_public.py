"""The public push socket, read by the venue's own SDK."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import kucoin_universal_sdk.generate.spot.market as market_api
import pytest
from kucoin_universal_sdk.generate.spot.spot_public.ws_spot_public import SpotPublicWS
from kucoin_universal_sdk.model import WebSocketEvent

from support.expect import candle, levels, positive, some
from support.inbox import Inbox
from support.kucoin_mock import KucoinMock
from support.kucoin_sdk import PUBLIC, SYMBOL, Sdk, settle, wire
from support.mock_thread import RunningMock
from support.proof import Proof
from xrpfast.model import Side

ONE = Decimal("1.5")


@pytest.fixture(scope="module")
def told() -> Inbox:
    """What the SDK tells of its socket."""
    return Inbox()


@pytest.fixture(scope="module")
def stream(venues: RunningMock, told: Inbox) -> Iterator[SpotPublicWS]:
    """One socket for the file: the SDK takes two seconds to end one."""
    sdk = Sdk(venues["kucoin"], told=lambda *event: told.put(event))
    service = sdk.sockets.new_spot_public_ws()
    service.start()
    yield service
    settle()
    service.stop()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def into(inbox: Inbox) -> Callable[[str, str, Any], None]:
    """A callback of the SDK: topic, subject and the event that it made of the frame."""
    return lambda topic, subject, event: inbox.put(
        {"topic": topic, "subject": subject, "data": wire(event)}
    )


def trade(kucoin: KucoinMock) -> Decimal:
    """Somebody buys a little at the best ask, whose price it is."""
    ask, _ = kucoin.best(Side.SELL)
    kucoin.counterparty(Side.BUY, ask, ONE)
    return ask


def test_trades(stream: SpotPublicWS, kucoin: KucoinMock, inbox: Inbox, proof: Proof) -> None:
    stream.trade([SYMBOL], into(inbox))
    ask = trade(kucoin)
    frame = inbox.until(lambda frame: frame["data"]["size"] == "1.5", "trade")
    proof.check(
        PUBLIC,
        "trade",
        frame,
        {
            "topic": f"/market/match:{SYMBOL}",
            "subject": "trade.l3match",
            "data.side": "buy",
            "data.price": ask,
            "data.size": ONE,
            "data.tradeId": some,
            "data.takerOrderId": some,
            "data.makerOrderId": some,
            "data.time": lambda ns: int(ns) > 10**18,
        },
    )


def test_ticker(stream: SpotPublicWS, kucoin: KucoinMock, inbox: Inbox, proof: Proof) -> None:
    stream.ticker([SYMBOL], into(inbox))
    ask = trade(kucoin)
    (bid, bid_size), (_, ask_size) = kucoin.best(Side.BUY), kucoin.best(Side.SELL)
    sequence = str(kucoin.sequence())
    frame = inbox.until(lambda frame: frame["data"]["sequence"] == sequence, "ticker")
    proof.check(
        PUBLIC,
        "ticker",
        frame,
        {
            "subject": "trade.ticker",
            "data.price": ask,
            "data.bestBid": bid,
            "data.bestBidSize": bid_size,
            "data.bestAsk": ask,
            "data.bestAskSize": ask_size,
        },
    )


def test_all_tickers(stream: SpotPublicWS, kucoin: KucoinMock, inbox: Inbox, proof: Proof) -> None:
    stream.all_tickers(into(inbox))
    trade(kucoin)
    sequence = str(kucoin.sequence())
    frame = inbox.until(lambda frame: frame["data"]["sequence"] == sequence, "ticker")
    proof.check(
        PUBLIC,
        "all_tickers",
        frame,
        {
            "topic": "/market/ticker:all",
            "subject": SYMBOL,
            "data.bestBid": kucoin.best(Side.BUY)[0],
            "data.bestAskSize": kucoin.best(Side.SELL)[1],
        },
    )


def test_best_prices(stream: SpotPublicWS, kucoin: KucoinMock, inbox: Inbox, proof: Proof) -> None:
    stream.orderbook_level1([SYMBOL], into(inbox))
    trade(kucoin)
    (bid, bid_size), (ask, ask_size) = kucoin.best(Side.BUY), kucoin.best(Side.SELL)
    frame = inbox.until(lambda frame: Decimal(frame["data"]["asks"][1]) == ask_size, "best prices")
    proof.check(
        PUBLIC,
        "orderbook_level1",
        frame,
        {
            "subject": "level1",
            "data.bids.0": bid,
            "data.bids.1": bid_size,
            "data.asks.0": ask,
            "data.asks.1": ask_size,
            "data.timestamp": positive,
        },
    )


@pytest.mark.parametrize("depth", [5, 50])
def test_part_of_the_book(
    stream: SpotPublicWS, kucoin: KucoinMock, inbox: Inbox, proof: Proof, depth: int
) -> None:
    getattr(stream, f"orderbook_level{depth}")([SYMBOL], into(inbox))
    with kucoin.moving():
        inbox.until(lambda frame: len(inbox.seen()) > 2, "frames of a moving market")
    bids, asks = kucoin.book(depth)
    equal_bids, equal = levels(bids), levels(asks)
    frame = inbox.until(
        lambda frame: equal_bids(frame["data"]["bids"]) and equal(frame["data"]["asks"]),
        "book equal to the venue's",
    )
    proof.check(
        PUBLIC,
        f"orderbook_level{depth}",
        frame,
        {
            "subject": "level2",
            "data.bids": equal_bids,
            "data.asks": equal,
            "data.timestamp": positive,
        },
    )


def test_a_book_kept_by_increments(
    stream: SpotPublicWS, kucoin: KucoinMock, inbox: Inbox, proof: Proof
) -> None:
    """The venue's rule: buffer, snapshot, drop what is old, apply each newer change."""
    sdk = Sdk(kucoin.line)
    stream.orderbook_increment([SYMBOL], into(inbox))
    with kucoin.moving():
        inbox.until(lambda frame: True, "increment")
        snapshot = sdk.market.get_full_order_book(market_api.GetFullOrderBookReq(symbol=SYMBOL))
        start = int(snapshot.sequence)
        inbox.until(lambda frame: frame["data"]["sequenceStart"] > start + 200, "more increments")
    end = kucoin.sequence()
    last_frame = inbox.until(lambda frame: frame["data"]["sequenceEnd"] == end, "last increment")
    book = {
        name: {Decimal(price): Decimal(size) for price, size in getattr(snapshot, name)}
        for name in ("bids", "asks")
    }
    last = start
    applied = 0
    for frame in (frame["data"] for frame in inbox.seen()):
        if frame["sequenceEnd"] <= last:
            continue
        assert frame["sequenceStart"] <= last + 1, "a gap"
        for name, side in book.items():
            for price, size, sequence in frame["changes"][name]:
                if int(sequence) > last and Decimal(price):
                    side[Decimal(price)] = Decimal(size)
        last = frame["sequenceEnd"]
        applied += 1
    bids, asks = kucoin.book()
    proof.check(
        PUBLIC,
        "orderbook_increment, joined with get_full_order_book",
        {
            "bids": sorted(((p, q) for p, q in book["bids"].items() if q), reverse=True),
            "asks": sorted((p, q) for p, q in book["asks"].items() if q),
            "sequenceEnd": last,
            "subject": last_frame["subject"],
            "symbol": last_frame["data"]["symbol"],
        },
        {
            "bids": levels(bids),
            "asks": levels(asks),
            "sequenceEnd": end,
            "subject": "trade.l2update",
            "symbol": SYMBOL,
        },
    )
    assert applied > 5


def test_candles(stream: SpotPublicWS, kucoin: KucoinMock, inbox: Inbox, proof: Proof) -> None:
    stream.klines(SYMBOL, "1hour", into(inbox))
    ask = trade(kucoin)
    frame = inbox.until(lambda frame: Decimal(frame["data"]["candles"][2]) == ask, "candle")
    proof.check(
        PUBLIC,
        "klines",
        frame
        | {"candle": candle(frame["data"]["candles"], "start open close high low volume turnover")},
        {
            "topic": f"/market/candles:{SYMBOL}_1hour",
            "data.symbol": SYMBOL,
            "candle.start": lambda start: 0 <= time.time() - int(start) < 7_200,
            "candle.close": ask,
            "candle.high": lambda high: Decimal(high) >= ask,
            "candle.volume": lambda volume: Decimal(volume) >= ONE,
            "data.time": positive,
        },
    )


def test_a_symbols_day(
    stream: SpotPublicWS, kucoin: KucoinMock, inbox: Inbox, proof: Proof
) -> None:
    stream.symbol_snapshot(SYMBOL, into(inbox))
    ask = trade(kucoin)
    frame = inbox.until(
        lambda frame: Decimal(str(frame["data"]["data"]["lastTradedPrice"])) == ask, "snapshot"
    )
    proof.check(
        PUBLIC,
        "symbol_snapshot",
        frame,
        {
            "subject": "trade.snapshot",
            "data.data.symbol": SYMBOL,
            "data.data.buy": kucoin.best(Side.BUY)[0],
            "data.data.sell": kucoin.best(Side.SELL)[0],
            "data.data.vol": lambda volume: volume >= 1.5,
        },
    )


def test_leaving_a_topic(
    stream: SpotPublicWS, kucoin: KucoinMock, inbox: Inbox, proof: Proof
) -> None:
    name = stream.orderbook_level50([SYMBOL], into(inbox))
    stream.unsubscribe(name)
    proof.check(PUBLIC, "unsubscribe", {"acknowledged": name}, {"acknowledged": some})
    assert f"/spotMarket/level2Depth50:{SYMBOL}" not in kucoin.topics()


def test_a_topic_that_the_venue_refuses(stream: SpotPublicWS, told: Inbox, proof: Proof) -> None:
    # The SDK raises the text of the error frame as it is, which Python does not let it.
    with proof.raises(PUBLIC, "klines of 7 minutes", TypeError, "must derive from BaseException"):
        stream.klines(SYMBOL, "7min", lambda *event: None)
    event = told.until(
        lambda event: event[0] is WebSocketEvent.EVENT_ERROR_RECEIVED, "error received"
    )
    proof.check(PUBLIC, "EVENT_ERROR_RECEIVED", {"error": event[2]}, {"error": "topic is invalid"})
