"""Bytes that are no HTTP, and clients that go away in the middle: no 5xx, nothing logged."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fuzzing import PATIENCE, examples, no_faults
from xrpfast.simulation.server import MockVenues, mock_venues

ROUTES = {"binance": "/api/v3/order", "kucoin": "/api/v1/hf/orders"}
GOOD = {"binance": "/api/v3/time", "kucoin": "/api/v1/timestamp"}
BROKEN = {
    "an unknown method": b"BREW {path} HTTP/1.1\r\nHost: x\r\n\r\n",
    "no version": b"POST {path}\r\n\r\n",
    "a header without a colon": b"POST {path} HTTP/1.1\r\nHost x\r\n\r\n",
    "a header too long": b"POST {path} HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 20_000 + b"\r\n\r\n",
    "two lengths": b"POST {path} HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a negative length": b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "no chunk": b"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a chunk, then none": (
        b"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n"
    ),
    "no gzip": (
        b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: 4\r\n\r\nabcd"
    ),
    "a body too long": (
        b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + b"a" * 2_000_000
    ),
}


@pytest.fixture
async def both() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=5) as running:
        running.flow.running = False
        for face in running.faces.values():
            face.enforce_quotas(False)
        yield running


async def send(
    both: MockVenues, venue: str, raw: bytes, *, leave: bool = False, end: bool = False
) -> bytes:
    """What comes back, up to the end of the head. ``leave``: nothing is read; ``end``: nothing more
    will be sent, or a server waits for the rest of what began well."""
    url = both.line["venues"][venue]["rest_url"].removeprefix("http://")
    host, port = url.split(":")
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw)
        try:
            if end:
                writer.write_eof()
            if not leave:
                return (await reader.read(1_000)).partition(b"\r\n\r\n")[0]
            await writer.drain()
        except ConnectionError:
            pass  # cut while we were still sending
        finally:
            writer.close()
        return b""


async def still_good(both: MockVenues, venue: str) -> None:
    url = both.line["venues"][venue]["rest_url"] + GOOD[venue]
    async with aiohttp.ClientSession() as http, http.get(url) as reply:
        assert reply.status == 200


@pytest.mark.parametrize("venue", ["binance", "kucoin"])
async def test_what_is_no_http_is_refused(both: MockVenues, venue: str) -> None:
    for what, raw in BROKEN.items():
        with no_faults():
            head = await send(both, venue, raw.replace(b"{path}", ROUTES[venue].encode()))
            assert re.match(rb"HTTP/[0-9.]+ 4", head), (what, head)
            await still_good(both, venue)


@pytest.mark.parametrize("venue", ["binance", "kucoin"])
async def test_clients_that_go_away_leave_no_trace(both: MockVenues, venue: str) -> None:
    whole = (
        f"POST {ROUTES[venue]} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: 100\r\n\r\n"
    ).encode() + b"a" * 50
    with no_faults():
        for size in range(0, len(whole), 7):
            await send(both, venue, whole[:size], leave=True)
        await still_good(both, venue)


@given(venue=st.sampled_from(["binance", "kucoin"]), raw=st.binary(max_size=80))
@examples(60)
async def test_any_bytes(both: MockVenues, venue: str, raw: bytes) -> None:
    with no_faults():
        await send(both, venue, raw + b"\r\n\r\n", end=True)
        await still_good(both, venue)
