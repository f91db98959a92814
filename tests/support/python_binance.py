"""python-binance, pointed at a mock by class attributes of its own."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

with warnings.catch_warnings():
    # It imports names that websockets calls deprecated.
    warnings.filterwarnings("ignore", "websockets", DeprecationWarning)
    from binance import AsyncClient, BinanceSocketManager, DepthCacheManager
    from binance.client import Client
    from binance.exceptions import BinanceAPIException

from websockets.exceptions import ConnectionClosed

from support.proof import Client as Proven

REST = Proven(
    "Binance",
    "python-binance",
    "REST",
    "a subclass with its own class attribute `API_URL`, and by `ping=False` (its constructor would "
    "call before anything else)",
)
ASYNC = Proven(
    "Binance",
    "python-binance",
    "async sockets and WebSocket API",
    "subclasses with their own class attributes `AsyncClient.API_URL`, `AsyncClient.WS_API_URL` "
    "and `BinanceSocketManager.STREAM_URL`",
)
__all__ = [
    "ASYNC",
    "REST",
    "AsyncClient",
    "BinanceAPIException",
    "BinanceSocketManager",
    "Client",
    "DepthCacheManager",
    "async_client",
    "rest_client",
    "sockets",
]


@contextmanager
def rest_client(line: Mapping[str, Any], **options: Any) -> Iterator[Client]:
    """A Client for the mock of this line."""

    class Pointed(Client):
        API_URL = f"{line['rest_url']}/api"

    keys = {"api_key": line["api_key"], "api_secret": line["api_secret"]} | options
    # Its constructor asks for the thread's loop, and makes one that nobody closes if there is none.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    client = Pointed(**keys, ping=False)
    asyncio.set_event_loop(None)
    try:
        yield client
    finally:
        client.close_connection()
        loop.close()


@asynccontextmanager
async def async_client(line: Mapping[str, Any], **options: Any) -> AsyncIterator[AsyncClient]:
    """An AsyncClient for the mock of this line."""

    class Pointed(AsyncClient):
        API_URL = f"{line['rest_url']}/api"
        WS_API_URL = line["ws_api_url"]

    keys = {"api_key": line["api_key"], "api_secret": line["api_secret"]} | options
    client = await Pointed.create(**keys)
    try:
        yield client
    finally:
        await _close(client)


async def _close(client: AsyncClient) -> None:
    """The reader of its WebSocket API looks up only when something arrives, or every ten seconds:
    so something has to arrive once it is being closed."""
    closing = asyncio.create_task(client.close_connection())
    while not (await asyncio.wait([closing], timeout=0.02))[0]:
        if client.ws_api.ws is not None:
            with suppress(ConnectionClosed):
                await client.ws_api.ws.send('{"id":"wake","method":"ping"}')
    await closing


def sockets(client: AsyncClient, line: Mapping[str, Any]) -> BinanceSocketManager:
    """The socket manager for the streams of the mock of this line."""

    class Pointed(BinanceSocketManager):
        STREAM_URL = f"{line['stream_url']}/"

    return Pointed(client)
