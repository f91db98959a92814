"""KuCoin for who may only cancel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from xrpfast.net.clock import measure
from xrpfast.venues.canceller import API_TIMEOUT_S, MARGIN_S, CancelOnly, Working
from xrpfast.venues.kucoin.rest import KucoinRest

if TYPE_CHECKING:
    from xrpfast.config.venues import KucoinSection
    from xrpfast.net.fuse import Fuse
    from xrpfast.venues.keys import Keys

SIGNED_TIME_S: Final = 5.0
"""How long the venue takes a signed timestamp for valid."""


class KucoinCancelOnly(CancelOnly):
    """A lost request can become an order as long as its signed time is valid."""

    name = "kucoin"
    no_such_order = frozenset({"400100", "100004", "order_not_exist"})

    def __init__(
        self, section: KucoinSection, keys: Keys, fuse: Fuse, instruments: Sequence[str]
    ) -> None:
        symbols = [instrument.replace("/", "-") for instrument in instruments]
        late_s = SIGNED_TIME_S + API_TIMEOUT_S + MARGIN_S
        super().__init__(symbols, fuse, late_s)
        self._rest = KucoinRest(section.rest_url, keys, fuse)

    async def sync_clock(self) -> None:
        self._rest.wall_offset_ns = (await measure(self._rest.server_time_ms, 1)).wall_ns

    async def working(self, symbols: Sequence[str] | None) -> list[Working]:
        if symbols is None:
            # The list of symbols may lag behind the orders: ours are asked about in any case.
            symbols = list(dict.fromkeys([*self.symbols, *await self._rest.symbols_with_orders()]))
        found = []
        for symbol in symbols:
            rows = await self._rest.open_orders(symbol)
            found += [Working(str(row["symbol"]), str(row.get("clientOid") or "")) for row in rows]
        return found

    async def cancel(self, symbol: str, client_id: str) -> None:
        await self._rest.cancel(symbol, client_id)

    async def close(self) -> None:
        await self._rest.close()
