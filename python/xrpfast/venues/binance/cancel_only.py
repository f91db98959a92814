"""Binance for who may only cancel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xrpfast.net.clock import measure
from xrpfast.venues.binance.rest import BinanceRest
from xrpfast.venues.canceller import API_TIMEOUT_S, MARGIN_S, CancelOnly, Working

if TYPE_CHECKING:
    from xrpfast.config.venues import BinanceSection
    from xrpfast.net.fuse import Fuse
    from xrpfast.venues.keys import Keys


class BinanceCancelOnly(CancelOnly):
    """A lost request can become an order until recvWindow is over."""

    name = "binance"
    no_such_order = frozenset({"-2011"})

    def __init__(
        self, section: BinanceSection, keys: Keys, fuse: Fuse, instruments: Sequence[str]
    ) -> None:
        symbols = [instrument.replace("/", "") for instrument in instruments]
        late_s = section.recv_window_ms / 1000 + API_TIMEOUT_S + MARGIN_S
        super().__init__(symbols, fuse, late_s)
        self._rest = BinanceRest(section.rest_url, keys, section.recv_window_ms, fuse)

    async def sync_clock(self) -> None:
        self._rest.wall_offset_ns = (await measure(self._rest.server_time_ms, 1)).wall_ns

    async def working(self, symbols: Sequence[str] | None) -> list[Working]:
        found = []
        for symbol in (None,) if symbols is None else symbols:
            rows = await self._rest.open_orders(symbol)
            found += [Working(str(row["symbol"]), str(row["clientOrderId"])) for row in rows]
        return found

    async def cancel(self, symbol: str, client_id: str) -> None:
        await self._rest.cancel(symbol, client_id)

    async def close(self) -> None:
        await self._rest.close()
