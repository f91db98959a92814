"""The classic push socket, public and private alike: token, welcome, subscriptions, pings."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import orjson

from xrpfast.net.websocket import Connection

_LOG = logging.getLogger("xrpfast.venues")


class Place(NamedTuple):
    """Where to connect, and how to stay."""

    url: str
    ping_interval_s: float
    ping_timeout_s: float


OFTEN_S: Final = 5.0
"""The venue asks for a ping every 18 s: what died would be noticed late."""
LATE_S: Final = 10.0
"""A pong that comes later is no sign of life."""


def place(token: dict[str, Any]) -> Place:
    """The first server of a bullet answer."""
    server = token["instanceServers"][0]
    endpoint = server["endpoint"].rstrip("/")
    address = f"{endpoint}/?token={quote(token['token'], safe='')}&connectId={uuid4().hex}"
    return Place(address, server["pingInterval"] / 1000, server["pingTimeout"] / 1000)


def subscription(number: int, topic: str, *, private: bool) -> bytes:
    """A subscribe request that asks for an acknowledgement."""
    return orjson.dumps(
        {
            "id": str(number),
            "type": "subscribe",
            "topic": topic,
            "privateChannel": private,
            "response": True,
        }
    )


class Pinger:
    """Application pings, at least as often as the venue wants them; a connection whose pong does
    not come in time is hung up."""

    def __init__(self, connection: Connection, interval_s: float, timeout_s: float) -> None:
        self._connection = connection
        self._interval_s = min(interval_s, OFTEN_S)
        self._timeout_s = min(timeout_s, LATE_S)
        self._number = 0
        self._pong = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def on_pong(self) -> None:
        self._pong.set()

    def stop(self) -> None:
        self._task.cancel()

    def frame(self, number: int) -> bytes:
        """One ping."""
        return orjson.dumps({"id": f"ping-{number}", "type": "ping"})

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            self._number += 1
            self._pong.clear()
            self._connection.post(self.frame(self._number))
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._pong.wait()
            except TimeoutError:
                _LOG.warning("%s: no pong in time", self._connection.name)
                self._connection.abort()
                return
