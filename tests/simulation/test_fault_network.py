"""Faults of bytes, at the relay before a venue's ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from support.sockets import PATIENCE, connected
from xrpfast.errors import UsageError
from xrpfast.simulation.server import MockVenues, mock_venues


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(["binance"], seed=5, relay=True) as running:
        running.flow.running = False
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def rule(mock: MockVenues, action: str, **more: Any) -> int:
    return mock.faults.add({"channel": "network", "action": action} | more)


async def timed(http: aiohttp.ClientSession, mock: MockVenues, path: str = "time") -> float:
    """Seconds of one REST call."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    url = f"{mock.line['venues']['binance']['rest_url']}/api/v3/{path}"
    async with http.get(url) as reply:
        assert reply.status == 200
        await reply.read()
    return loop.time() - began


def stream(mock: MockVenues) -> str:
    return f"{mock.line['venues']['binance']['stream_url']}/ws/xrpusdt@trade"


async def test_latency_delays_each_way_and_ends_with_the_rule(
    mock: MockVenues, http: aiohttp.ClientSession
) -> None:
    await timed(http, mock)
    number = rule(mock, "latency", params={"ms": 60})
    assert await timed(http, mock) >= 0.12
    mock.faults.remove(number)
    number = rule(mock, "latency", params={"ms": 60, "direction": "down"})
    assert 0.06 <= await timed(http, mock) < 0.12
    mock.faults.remove(number)
    assert await timed(http, mock) < 0.06


async def test_a_thin_line_takes_its_time(mock: MockVenues, http: aiohttp.ClientSession) -> None:
    rule(mock, "bandwidth", params={"bytes_per_s": 10_000, "direction": "down"})
    assert await timed(http, mock, "exchangeInfo") >= 0.1  # more than 1,000 bytes


async def test_sliced_bytes_arrive_whole(mock: MockVenues, http: aiohttp.ClientSession) -> None:
    rule(mock, "slice", params={"bytes": 7})
    await timed(http, mock, "exchangeInfo")
    async with connected(stream(mock)) as client:
        assert (await client.request("LIST_SUBSCRIPTIONS"))["result"] == ["xrpusdt@trade"]


async def test_a_black_hole_swallows_for_good_what_stands_and_spares_what_comes(
    mock: MockVenues,
) -> None:
    async with connected(stream(mock)) as lost:
        await lost.request("LIST_SUBSCRIPTIONS")
        number = rule(mock, "black_hole", match={"kind": "ws", "connection": 1})
        lost.send({"method": "LIST_SUBSCRIPTIONS", "id": 99})
        async with connected(stream(mock)) as well:
            await well.request("LIST_SUBSCRIPTIONS")
        mock.faults.remove(number)
        lost.send({"method": "LIST_SUBSCRIPTIONS", "id": 100})
        async with connected(stream(mock)) as well:
            await well.request("LIST_SUBSCRIPTIONS")
        assert [m["id"] for m in lost.messages] == [1]
        assert not lost.closed.is_set()


async def test_connections_are_reset_by_number_and_refused(
    mock: MockVenues, http: aiohttp.ClientSession
) -> None:
    async with connected(stream(mock)) as first, connected(stream(mock)) as second:
        for client in (first, second):
            await client.request("LIST_SUBSCRIPTIONS")
        rule(mock, "reset", match={"kind": "ws", "connection": 2})
        async with asyncio.timeout(PATIENCE):
            await second.closed.wait()
        assert (await first.request("LIST_SUBSCRIPTIONS"))["result"] == ["xrpusdt@trade"]
    rule(mock, "refuse", match={"kind": "rest"})
    with pytest.raises(aiohttp.ClientError):
        await timed(http, mock)
    mock.faults.clear()
    await timed(http, mock)


async def test_the_end_of_a_connection_comes_late(mock: MockVenues) -> None:
    rule(mock, "slow_close", params={"ms": 200, "direction": "down"})
    port = int(mock.line["venues"]["binance"]["rest_url"].rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        await reader.readuntil(b"\r\n\r\n{}")
        answered = asyncio.get_running_loop().time()
        assert await reader.read() == b""
    assert asyncio.get_running_loop().time() - answered >= 0.19
    writer.close()


async def test_without_a_relay_bytes_cannot_be_disturbed() -> None:
    async with mock_venues(["binance"]) as running:
        with pytest.raises(UsageError, match="--faults or --relay"):
            rule(running, "latency", params={"ms": 1})


async def test_a_mock_with_disturbed_lines_still_ends_at_once(mock: MockVenues) -> None:
    rule(mock, "bandwidth", params={"bytes_per_s": 1})
    rule(mock, "latency", params={"ms": 60_000})
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", int(mock.line["venues"]["binance"]["rest_url"].rpartition(":")[2])
    )
    writer.write(b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.1)
    writer.close()
