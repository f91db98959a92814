"""Binance as anybody may see it: rules, clock and the live book, without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from xrpfast.model import SymbolRules
from xrpfast.net.clock import ClockOffset, measure
from xrpfast.net.fuse import Fuse
from xrpfast.venues.binance.errors import http_pause
from xrpfast.venues.binance.market import BinanceMarket
from xrpfast.venues.binance.public import SNAPSHOT_LIMIT, BinancePublicRest, symbol_rules
from xrpfast.venues.reach import Way, of_rest, of_socket

if TYPE_CHECKING:
    from xrpfast._core import Market
    from xrpfast.config.venues import BinanceSection
    from xrpfast.venues.data import Edges
    from xrpfast.venues.ports import Sink


class BinanceData:
    """Binance spot, `venues.data.MarketData`."""

    name = "binance"

    def __init__(self, config: BinanceSection) -> None:
        self.fuse = Fuse(self.name, http_pause)
        self._config = config
        self._rest = BinancePublicRest(config.rest_url, self.fuse)

    async def sync_clock(self) -> ClockOffset:
        return await measure(self._rest.server_time_ms)

    async def rules(self, instrument: str, fee: str) -> SymbolRules:
        info = await self._rest.symbol_info(instrument.replace("/", ""))
        return symbol_rules(info, {"commissionRates": {"maker": fee, "taker": fee}}, instrument)

    def stream(self, market: Market, book: int, symbol: str, sink: Sink) -> BinanceMarket:
        url = self._config.stream_url
        return BinanceMarket(market, {book: symbol}, sink, self.fuse, self._rest, url)

    def edges(self, snapshot: bytes) -> Edges:
        body = orjson.loads(snapshot)
        bids, asks = (
            side[-1][0] if len(side) >= SNAPSHOT_LIMIT else None
            for side in (body["bids"], body["asks"])
        )
        return bids, asks

    async def reach(self) -> list[Way]:
        async def stream() -> str:
            return f"{self._config.stream_url.rstrip('/')}/ws"

        return [
            await of_rest(self._rest.server_time_ms),
            await of_socket("market socket", self.fuse, stream),
        ]

    async def close(self) -> None:
        self.fuse.close()
        await self._rest.close()
