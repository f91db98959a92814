"""Binance market data: depth differences and best prices on one combined stream."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from xrpfast.net.liveness import require_life
from xrpfast.net.websocket import Connection, connect
from xrpfast.venues.binance.public import SILENT_S
from xrpfast.venues.ports import Sink
from xrpfast.venues.stream import MarketConnection, MarketStream

if TYPE_CHECKING:
    from xrpfast._core import Market
    from xrpfast.net.fuse import Fuse
    from xrpfast.venues.binance.public import BinancePublicRest

_LOG = logging.getLogger("xrpfast.venues")


class BinanceMarket(MarketStream):
    """One socket: ``@depth@100ms`` and ``@bookTicker`` of every symbol."""

    venue = "binance"

    def __init__(
        self,
        market: Market,
        books: Mapping[int, str],
        sink: Sink,
        fuse: Fuse,
        rest: BinancePublicRest,
        url: str,
    ) -> None:
        super().__init__(market, books, sink, fuse)
        self._rest = rest
        names = "/".join(
            f"{symbol.lower()}@{kind}"
            for symbol in self.books.values()
            for kind in ("depth@100ms", "bookTicker")
        )
        self._url = f"{url.rstrip('/')}/stream?streams={names}"

    async def dial(self) -> Connection:
        connection = await connect(lambda: MarketConnection("binance market", self), self._url)
        require_life(connection, SILENT_S)
        return connection

    async def snapshot(self, symbol: str) -> bytes:
        return await self._rest.snapshot(symbol)

    def on_control(self, text: str) -> None:
        if "serverShutdown" in text:
            _LOG.warning("binance market: the server is about to shut down, reconnecting")
            if self.connection is not None:
                self.connection.abort()
        elif '"error"' in text:
            _LOG.error("binance market: %s", text)
