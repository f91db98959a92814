"""KuCoin market data: level-2 increments by the public push socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson

from xrpfast.net.websocket import Connection, connect, hung_up
from xrpfast.venues.kucoin.push import Pinger, place, subscription
from xrpfast.venues.ports import Sink
from xrpfast.venues.stream import MarketConnection, MarketStream

if TYPE_CHECKING:
    from xrpfast._core import Market
    from xrpfast.net.fuse import Fuse
    from xrpfast.venues.kucoin.public import KucoinPublicRest

SETUP_TIMEOUT_S = 10.0
_LOG = logging.getLogger("xrpfast.venues")


class KucoinMarket(MarketStream):
    """One socket: ``/market/level2`` of every symbol."""

    venue = "kucoin"

    def __init__(
        self,
        market: Market,
        books: Mapping[int, str],
        sink: Sink,
        fuse: Fuse,
        rest: KucoinPublicRest,
    ) -> None:
        super().__init__(market, books, sink, fuse)
        self._rest = rest
        self._awaited = ""
        self._answer: asyncio.Future[None] | None = None
        self._pinger: Pinger | None = None

    async def dial(self) -> Connection:
        where = place(await self._rest.public_token())
        welcome = self._expect("welcome")
        connection = await connect(lambda: MarketConnection("kucoin market", self), where.url)
        try:
            async with asyncio.timeout(SETUP_TIMEOUT_S):
                await welcome
            acknowledged = self._expect("ack")
            topic = f"/market/level2:{','.join(self.books.values())}"
            connection.post(subscription(1, topic, private=False))
            async with asyncio.timeout(SETUP_TIMEOUT_S):
                await acknowledged
        except BaseException:
            connection.abort()
            raise
        self._pinger = Pinger(connection, where.ping_interval_s, where.ping_timeout_s)
        return connection

    def _expect(self, kind: str) -> asyncio.Future[None]:
        self._awaited = kind
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer

    async def snapshot(self, symbol: str) -> bytes:
        return await self._rest.snapshot(symbol)

    def on_control(self, text: str) -> None:
        with contextlib.suppress(orjson.JSONDecodeError):
            message = orjson.loads(text)
            kind = message.get("type")
            if kind == self._awaited:
                if self._answer is not None and not self._answer.done():
                    self._answer.set_result(None)
            elif kind == "pong":
                if self._pinger is not None:
                    self._pinger.on_pong()
            elif kind == "error":
                _LOG.error("kucoin market: %s %s", message.get("code"), message.get("data"))
                if self.connection is not None:
                    self.connection.abort()

    def closed(self, connection: MarketConnection) -> None:
        hung_up(self._answer)
        if self._pinger is not None:
            self._pinger.stop()
            self._pinger = None
        super().closed(connection)
