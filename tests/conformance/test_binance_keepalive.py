"""Clients of Binance that are pinged keep their sockets, and those that lose one come back.

The venue pings every 20 s and cuts after 60 s without a pong; here both are compressed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import ccxt.pro
import pytest

from support import python_binance
from support.binance_clients import CCXT_POINTED, SYMBOL, VENUE, ccxt_options
from support.binance_sdk import STREAMS as SDK
from support.binance_sdk import streams
from support.expect import levels
from support.mock_thread import RunningMock
from support.proof import Client, Proof
from xrpfast.simulation.binance.connection_life import ConnectionLife, Connections

CCXT = Client("Binance", "ccxt", "pro: streams", CCXT_POINTED)
UNIFIED, NAME = "XRP/USDT", SYMBOL.lower()
PATIENCE = 20.0
PING_S, DEADLINE_S = 0.3, 0.6
ALIVE_S = 3 * DEADLINE_S


@pytest.fixture
def sockets(fresh_venues: RunningMock) -> Connections:
    """The stream sockets of a venue that wants to hear of its clients often."""
    group: Connections = fresh_venues.venues.faces[VENUE].streams.sockets

    def compress() -> None:
        group.settings.ping_s, group.settings.pong_deadline_s = PING_S, DEADLINE_S

    fresh_venues.call(compress)
    return group


def standing(mock: RunningMock, sockets: Connections) -> list[ConnectionLife]:
    return mock.call(lambda: list(sockets.open))


async def soon(what: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(what, PATIENCE)


async def listened(read: Any) -> int:
    """Messages that came within the time in which an unanswered ping would have cost the socket."""
    loop = asyncio.get_running_loop()
    end, count = loop.time() + ALIVE_S, 0
    while loop.time() < end:
        await soon(read())
        count += 1
    return count


async def _in_step(client: ccxt.pro.binance, mock: RunningMock) -> Any:
    """The client's book with the last change of a market that stands still."""
    mock.pause()
    last = mock.call(lambda: mock.exchange(VENUE).sequence)
    book = client.orderbooks[UNIFIED]
    while book["nonce"] < last:
        book = await soon(client.watch_order_book(UNIFIED))
    return book


async def test_ccxt(fresh_venues: RunningMock, sockets: Connections, proof: Proof) -> None:
    client = ccxt.pro.binance(ccxt_options(fresh_venues[VENUE]))
    await soon(client.watch_order_book(UNIFIED))
    before = standing(fresh_venues, sockets)
    count = await listened(lambda: client.watch_order_book(UNIFIED))
    proof.check(
        CCXT,
        "pings of the venue",
        {"messages": count, "sockets": standing(fresh_venues, sockets)},
        {"messages": lambda number: number > 5, "sockets": before},
    )
    await _in_step(client, fresh_venues)  # and quiet: the next message would be an answer
    watching = asyncio.create_task(client.watch_order_book(UNIFIED))
    await asyncio.sleep(0)
    fresh_venues.call(sockets.drop_all)
    with proof.raises(CCXT, "watch_order_book, cut", ccxt.NetworkError, "closing code 1006"):
        await soon(watching)
    fresh_venues.resume()
    await soon(client.watch_order_book(UNIFIED))
    book = await _in_step(client, fresh_venues)
    bids, asks = fresh_venues.book(VENUE, 5_000)
    proof.check(
        CCXT,
        "watch_order_book again after a cut socket",
        book,
        {"bids": levels(bids), "asks": levels(asks)},
    )
    await client.close()


async def test_python_binance(
    fresh_venues: RunningMock, sockets: Connections, proof: Proof
) -> None:
    line = fresh_venues[VENUE]
    async with python_binance.async_client(line) as client:
        manager = python_binance.sockets(client, line)
        async with manager.multiplex_socket([f"{NAME}@bookTicker"]) as socket:
            await soon(socket.recv())
            before = standing(fresh_venues, sockets)
            count = await listened(socket.recv)
            proof.check(
                python_binance.ASYNC,
                "pings of the venue",
                {"messages": count, "sockets": standing(fresh_venues, sockets)},
                {"messages": lambda number: number > 5, "sockets": before},
            )
            fresh_venues.call(sockets.drop_all)
            told = await soon(socket.recv())
            while told.get("e") != "error":
                told = await soon(socket.recv())
            proof.check(
                python_binance.ASYNC,
                "multiplex_socket, cut",
                told,
                {"e": "error", "type": "ConnectionClosedError"},
            )
            while "stream" not in told:
                told = await soon(socket.recv())
            proof.check(
                python_binance.ASYNC,
                "multiplex_socket, after it came back",
                told,
                {"stream": f"{NAME}@bookTicker", "data.s": SYMBOL},
            )


async def test_sdk(fresh_venues: RunningMock, sockets: Connections, proof: Proof) -> None:
    market = await streams(fresh_venues[VENUE]).create_connection()
    queue: asyncio.Queue[Any] = asyncio.Queue()
    pings: list[bytes] = []
    closed = asyncio.Event()
    market.on_connection("ping", pings.append)
    market.on_connection("close", closed.set)
    (await market.book_ticker(NAME)).on("message", queue.put_nowait)
    before = standing(fresh_venues, sockets)
    count = await listened(queue.get)
    proof.check(
        SDK,
        "pings of the venue, on_connection ping",
        {"messages": count, "sockets": standing(fresh_venues, sockets), "pings": pings},
        {
            "messages": lambda number: number > 5,
            "sockets": before,
            "pings": lambda told: len(told) >= ALIVE_S / PING_S - 1 and all(told),
        },
    )
    fresh_venues.call(sockets.drop_all)
    await soon(closed.wait())
    proof.check(SDK, "on_connection close, cut", closed.is_set(), {"": True})
    await market.close_connection()
