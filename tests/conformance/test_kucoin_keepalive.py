"""Clients that are left alone keep their sockets, and those that lose one come back.

The venue asks for a ping every 18 s and cuts after 60 s of silence; here both are compressed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from typing import Any

import ccxt.pro
from kucoin_universal_sdk.model import WebSocketEvent

from support.inbox import PATIENCE, Inbox
from support.kucoin_ccxt import PRO, pointed
from support.kucoin_ccxt import SYMBOL as UNIFIED
from support.kucoin_mock import KucoinMock
from support.kucoin_sdk import PUBLIC, SYMBOL, Sdk, collect_lost_sockets, settle, wire
from support.proof import Proof
from xrpfast.model import Side

PING_MS = 400
# The SDK looks once a second whether a ping is due.
CCXT_SILENCE_S, SDK_SILENCE_S = 2.5, 4.0
TOPIC = f"/market/match:{SYMBOL}"
SIZE = Decimal("1.5")


def compress(kucoin: KucoinMock, silence_s: float) -> None:
    """Makes a KuCoin want to hear of its clients often."""

    def change() -> None:
        settings = kucoin.face.venue.hub.settings
        settings.ping_interval_ms, settings.silence_s = PING_MS, silence_s

    kucoin.on_venue(change)


def sockets(kucoin: KucoinMock) -> list[int]:
    """The push sockets that live."""
    return kucoin.on_venue(lambda: [id(session) for session in kucoin.face.venue.hub.sessions])


def trade(kucoin: KucoinMock) -> None:
    kucoin.counterparty(Side.BUY, kucoin.best(Side.SELL)[0], SIZE)


# --- ccxt pro -------------------------------------------------------------------------------------


@asynccontextmanager
async def client_of(kucoin: KucoinMock) -> AsyncIterator[ccxt.pro.kucoin]:
    client = pointed(ccxt.pro.kucoin, kucoin.line)
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()


async def watching(client: ccxt.pro.kucoin, kucoin: KucoinMock) -> asyncio.Future[Any]:
    watch = asyncio.ensure_future(client.watch_trades(UNIFIED))
    await asyncio.to_thread(kucoin.wait_subscribed, TOPIC)
    return watch


async def test_ccxt_left_alone_keeps_its_socket(fresh_kucoin: KucoinMock, proof: Proof) -> None:
    compress(fresh_kucoin, CCXT_SILENCE_S)
    async with client_of(fresh_kucoin) as client:
        watch = await watching(client, fresh_kucoin)
        before = sockets(fresh_kucoin)
        done, _ = await asyncio.wait({watch}, timeout=1.3 * CCXT_SILENCE_S)
        assert not done, "nothing was traded and nothing was cut"
        assert sockets(fresh_kucoin) == before
        trade(fresh_kucoin)
        trades = await asyncio.wait_for(watch, PATIENCE)
        (socket,) = client.clients.values()
        proof.check(
            PRO,
            "ping and pong, left alone for longer than the venue bears",
            {"trade": trades[-1]["amount"], "lastPong": socket.lastPong},
            {
                "trade": SIZE,
                "lastPong": lambda ms: time.time() * 1_000 - ms < CCXT_SILENCE_S * 1_000,
            },
        )


async def test_ccxt_comes_back_after_a_cut(fresh_kucoin: KucoinMock, proof: Proof) -> None:
    async with client_of(fresh_kucoin) as client:
        watch = await watching(client, fresh_kucoin)
        fresh_kucoin.on_venue(fresh_kucoin.face.venue.hub.drop_all)
        with proof.raises(PRO, "watch_trades, cut by the venue", ccxt.NetworkError, "1000"):
            await asyncio.wait_for(watch, PATIENCE)
        await asyncio.to_thread(fresh_kucoin.wait_left)
        watch = await watching(client, fresh_kucoin)
        trade(fresh_kucoin)
        trades = await asyncio.wait_for(watch, PATIENCE)
        proof.check(PRO, "watch_trades, after a cut", trades, {"-1.amount": SIZE})


# --- the venue's own SDK --------------------------------------------------------------------------


@contextmanager
def trades_of(kucoin: KucoinMock) -> Iterator[tuple[Inbox, Inbox]]:
    """What the SDK hears of trades, and what it tells of its socket."""
    trades, told = Inbox(), Inbox()
    service = Sdk(kucoin.line, told=lambda kind, *rest: told.put(kind)).sockets.new_spot_public_ws()
    service.start()
    service.trade([SYMBOL], lambda topic, subject, event: trades.put(wire(event)))
    try:
        yield trades, told
    finally:
        settle()
        service.stop()
        del service
        collect_lost_sockets()


def test_the_sdk_left_alone_keeps_its_socket(fresh_kucoin: KucoinMock, proof: Proof) -> None:
    compress(fresh_kucoin, SDK_SILENCE_S)
    with trades_of(fresh_kucoin) as (trades, told):
        before = sockets(fresh_kucoin)
        alone = time.monotonic()
        pongs = 0
        while time.monotonic() < alone + 1.2 * SDK_SILENCE_S:
            pongs += 1
            told.until_count(WebSocketEvent.EVENT_PONG_RECEIVED, pongs)
        assert sockets(fresh_kucoin) == before
        assert WebSocketEvent.EVENT_TRY_RECONNECT not in told.seen()
        trade(fresh_kucoin)
        proof.check(
            PUBLIC,
            "ping and pong, left alone for longer than the venue bears",
            trades.until(lambda event: True, "trade"),
            {"size": SIZE},
        )


def test_the_sdk_comes_back_after_a_cut(fresh_kucoin: KucoinMock, proof: Proof) -> None:
    with trades_of(fresh_kucoin) as (trades, told):
        fresh_kucoin.on_venue(fresh_kucoin.face.venue.hub.drop_all)
        told.until(lambda kind: kind is WebSocketEvent.EVENT_RE_SUBSCRIBE_OK, "subscription")
        trade(fresh_kucoin)
        proof.check(
            PUBLIC,
            "trade, after a cut",
            trades.until(lambda event: True, "trade"),
            {"size": SIZE},
        )
