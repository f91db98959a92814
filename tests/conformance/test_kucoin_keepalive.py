"""Clients that are left alone keep their sockets, and those that lose one come back.

The venue asks for a ping every 18 s and cuts after 60 s of silence; here both are compressed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import ccxt.pro
import pytest
from kucoin_universal_sdk.model import WebSocketEvent

from support.inbox import PATIENCE, Inbox
from support.kucoin_ccxt import PRO, pointed
from support.kucoin_ccxt import SYMBOL as UNIFIED
from support.kucoin_mock import KucoinMock
from support.kucoin_sdk import PUBLIC, SYMBOL, Sdk, wire
from support.proof import Proof
from xrpfast.model import Side

PING_MS = 400
SILENCE_S = 2.5
TOPIC = f"/market/match:{SYMBOL}"
SIZE = Decimal("1.5")


@pytest.fixture
def impatient(fresh_kucoin: KucoinMock) -> KucoinMock:
    """A KuCoin that wants to hear of its clients often."""

    def compress() -> None:
        settings = fresh_kucoin.face.venue.hub.settings
        settings.ping_interval_ms, settings.silence_s = PING_MS, SILENCE_S

    fresh_kucoin.on_venue(compress)
    return fresh_kucoin


def sockets(kucoin: KucoinMock) -> list[int]:
    """The push sockets that live."""
    return kucoin.on_venue(lambda: [id(session) for session in kucoin.face.venue.hub.sessions])


def trade(kucoin: KucoinMock) -> None:
    kucoin.counterparty(Side.BUY, kucoin.best(Side.SELL)[0], SIZE)


# --- ccxt pro -------------------------------------------------------------------------------------


@pytest.fixture
async def client(impatient: KucoinMock) -> AsyncIterator[ccxt.pro.kucoin]:
    client = pointed(ccxt.pro.kucoin, impatient.line)
    await client.load_markets()
    yield client
    await client.close()


async def watching(client: ccxt.pro.kucoin, kucoin: KucoinMock) -> asyncio.Future[Any]:
    watch = asyncio.ensure_future(client.watch_trades(UNIFIED))
    await asyncio.to_thread(kucoin.wait_subscribed, TOPIC)
    return watch


async def test_ccxt_left_alone_keeps_its_socket(
    client: ccxt.pro.kucoin, impatient: KucoinMock, proof: Proof
) -> None:
    watch = await watching(client, impatient)
    before = sockets(impatient)
    done, _ = await asyncio.wait({watch}, timeout=1.3 * SILENCE_S)
    assert not done, "nothing was traded and nothing was cut"
    assert sockets(impatient) == before
    trade(impatient)
    trades = await asyncio.wait_for(watch, PATIENCE)
    (socket,) = client.clients.values()
    age_ms = time.time() * 1_000 - socket.lastPong
    proof.check(
        PRO,
        "ping and pong, left alone for longer than the venue bears",
        {"lastPong": age_ms, "trade": trades[-1]["amount"]},
        {"lastPong": lambda age: age < SILENCE_S * 1_000, "trade": SIZE},
    )


async def test_ccxt_comes_back_after_a_cut(
    client: ccxt.pro.kucoin, impatient: KucoinMock, proof: Proof
) -> None:
    watch = await watching(client, impatient)
    impatient.on_venue(impatient.face.venue.hub.drop_all)
    with proof.raises(PRO, "watch_trades, cut by the venue", ccxt.NetworkError, "1000"):
        await asyncio.wait_for(watch, PATIENCE)
    watch = await watching(client, impatient)
    trade(impatient)
    trades = await asyncio.wait_for(watch, PATIENCE)
    proof.check(PRO, "watch_trades, after a cut", trades, {"-1.amount": SIZE})


# --- the venue's own SDK --------------------------------------------------------------------------


@pytest.fixture
def told() -> Inbox:
    return Inbox()


@pytest.fixture
def trades(impatient: KucoinMock, told: Inbox) -> Iterator[Inbox]:
    """What the SDK hears of trades."""
    inbox = Inbox()
    service = Sdk(
        impatient.line, told=lambda kind, *rest: told.put(kind)
    ).sockets.new_spot_public_ws()
    service.start()
    service.trade([SYMBOL], lambda topic, subject, event: inbox.put(wire(event)))
    yield inbox
    service.stop()


def test_the_sdk_left_alone_keeps_its_socket(
    impatient: KucoinMock, trades: Inbox, told: Inbox, proof: Proof
) -> None:
    before = sockets(impatient)
    alone = time.monotonic()
    while time.monotonic() < alone + 1.5 * SILENCE_S:
        pongs = told.seen().count(WebSocketEvent.EVENT_PONG_RECEIVED)
        told.until_count(WebSocketEvent.EVENT_PONG_RECEIVED, pongs + 1)
    assert sockets(impatient) == before
    assert WebSocketEvent.EVENT_TRY_RECONNECT not in told.seen()
    trade(impatient)
    proof.check(
        PUBLIC,
        "ping and pong, left alone for longer than the venue bears",
        trades.until(lambda event: True, "trade"),
        {"size": SIZE},
    )


def test_the_sdk_comes_back_after_a_cut(
    impatient: KucoinMock, trades: Inbox, told: Inbox, proof: Proof
) -> None:
    impatient.on_venue(impatient.face.venue.hub.drop_all)
    told.until(lambda kind: kind is WebSocketEvent.EVENT_RE_SUBSCRIBE_OK, "subscription")
    trade(impatient)
    proof.check(
        PUBLIC,
        "trade, after a cut",
        trades.until(lambda event: True, "trade"),
        {"size": SIZE},
    )
