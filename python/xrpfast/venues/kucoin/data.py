"""KuCoin as anybody may see it: rules, clock and the live book, without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from xrpfast.model import SymbolRules
from xrpfast.net.clock import ClockOffset, measure
from xrpfast.net.fuse import Fuse
from xrpfast.venues.kucoin.errors import http_pause
from xrpfast.venues.kucoin.market import KucoinMarket
from xrpfast.venues.kucoin.public import SNAPSHOT_LIMIT, KucoinPublicRest, symbol_rules
from xrpfast.venues.kucoin.push import place
from xrpfast.venues.reach import Way, of_rest, of_socket

if TYPE_CHECKING:
    from xrpfast._core import Market
    from xrpfast.config.venues import KucoinSection
    from xrpfast.venues.data import Edges
    from xrpfast.venues.ports import Sink


class KucoinData:
    """KuCoin spot, `venues.data.MarketData`."""

    name = "kucoin"

    def __init__(self, config: KucoinSection) -> None:
        self.fuse = Fuse(self.name, http_pause)
        self._rest = KucoinPublicRest(config.rest_url, self.fuse)

    async def sync_clock(self) -> ClockOffset:
        return await measure(self._rest.server_time_ms)

    async def rules(self, instrument: str, fee: str) -> SymbolRules:
        info = await self._rest.symbol_info(instrument.replace("/", "-"))
        return symbol_rules(info, {"makerFeeRate": fee, "takerFeeRate": fee}, instrument)

    def stream(self, market: Market, book: int, symbol: str, sink: Sink) -> KucoinMarket:
        return KucoinMarket(market, {book: symbol}, sink, self.fuse, self._rest)

    def edges(self, snapshot: bytes) -> Edges:
        body = orjson.loads(snapshot)["data"]
        bids, asks = (
            side[-1][0] if len(side) >= SNAPSHOT_LIMIT else None
            for side in (body["bids"], body["asks"])
        )
        return bids, asks

    async def reach(self) -> list[Way]:
        async def public() -> str:
            return place(await self._rest.public_token()).url

        return [
            await of_rest(self._rest.server_time_ms),
            await of_socket("market socket", self.fuse, public, "welcome"),
        ]

    async def close(self) -> None:
        self.fuse.close()
        await self._rest.close()
