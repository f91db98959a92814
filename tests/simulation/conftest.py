"""Mock venues for a test, on sockets of this machine; their unhandled faults fail the test."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import aiohttp
import pytest

from support.binance import Ed25519Keys, Keys, Rest
from support.kucoin_client import World
from support.sockets import Client, connected

if TYPE_CHECKING:
    from xrpfast.simulation.binance.face import BinanceFace
    from xrpfast.simulation.server import MockVenues


@pytest.fixture(autouse=True)
def no_unhandled_faults(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a server logs as an error was not handled; a client's log is the test's affair."""
    yield
    faults = [
        record.getMessage() + (f": {record.exc_info[1]!r}" if record.exc_info else "")
        for record in caplog.get_records("call")
        if record.levelno >= logging.ERROR and not record.name.startswith("picows.client")
    ]
    assert not faults


@pytest.fixture
async def venue() -> AsyncIterator[MockVenues]:
    """A mock Binance whose market stands still until a test moves it."""
    from xrpfast.simulation.server import mock_venues

    async with mock_venues(["binance"], seed=5) as running:
        running.flow.running = False
        yield running


@pytest.fixture
def keys(venue: MockVenues) -> Keys:
    return Keys(venue.line["venues"]["binance"])


@pytest.fixture
def ed25519(venue: MockVenues) -> Ed25519Keys:
    return Ed25519Keys(venue.line["ed25519"]["binance"])


@pytest.fixture
def face(venue: MockVenues) -> BinanceFace:
    from xrpfast.simulation.binance.face import BinanceFace

    face = venue.faces["binance"]
    assert isinstance(face, BinanceFace)
    return face


@pytest.fixture
async def api(venue: MockVenues) -> AsyncIterator[Client]:
    """A socket of Binance's WebSocket API."""
    async with connected(venue.line["venues"]["binance"]["ws_api_url"]) as client:
        yield client


@pytest.fixture
async def rest(venue: MockVenues, keys: Keys) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as http:
        yield Rest(http, venue.line["venues"]["binance"]["rest_url"], keys)


@pytest.fixture
async def kucoin() -> AsyncIterator[World]:
    """A mock KuCoin whose market stands still until a test moves it."""
    from xrpfast.simulation.kucoin.face import KucoinFace
    from xrpfast.simulation.server import mock_venues

    async with mock_venues(["kucoin"], seed=5) as running, aiohttp.ClientSession() as http:
        running.flow.running = False
        face = running.faces["kucoin"]
        assert isinstance(face, KucoinFace)
        yield World(face, running.flow, running.line["venues"]["kucoin"], http, running.faults)
