"""Binance REST with a key: account, queries. Never the way of an order."""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from xrpfast.net.fuse import Fuse, Reach
from xrpfast.venues.binance.public import BinancePublicRest, checked
from xrpfast.venues.outcome import VenueError

if TYPE_CHECKING:
    from xrpfast.venues.keys import Keys

TRADES_LIMIT: Final = 1000
NOT_FOUND: Final = frozenset({"-2013", "-2011"})


class BinanceRest(BinancePublicRest):
    """One account's REST calls."""

    def __init__(self, base_url: str, keys: Keys, recv_window_ms: int, fuse: Fuse) -> None:
        super().__init__(base_url, fuse)
        self._headers = {"X-MBX-APIKEY": keys.api_key}
        self._signer = keys.signer
        self.recv_window_ms = recv_window_ms
        self.wall_offset_ns = 0

    # --- signed ---------------------------------------------------------------------------------

    async def api_restrictions(self) -> dict[str, Any]:
        """What the key may do."""
        return dict(await self._signed("GET", "/sapi/v1/account/apiRestrictions", {}))

    async def account(self) -> dict[str, Any]:
        return dict(await self._signed("GET", "/api/v3/account", {}))

    async def open_orders(self, symbol: str | None) -> list[dict[str, Any]]:
        """Of one symbol (weight 6) or of all (80)."""
        query = {} if symbol is None else {"symbol": symbol}
        rows = await self._signed("GET", "/api/v3/openOrders", query)
        if not isinstance(rows, list):
            raise ValueError("openOrders: not a list")
        return rows

    async def order(self, symbol: str, client_id: str) -> dict[str, Any] | None:
        """The order as the venue sees it, None when it says that there is none."""
        query = {"symbol": symbol, "origClientOrderId": client_id}
        try:
            return dict(await self._signed("GET", "/api/v3/order", query))
        except VenueError as error:
            if error.code in NOT_FOUND:
                return None
            raise

    async def order_by_id(self, symbol: str, order_id: str) -> dict[str, Any]:
        query = {"symbol": symbol, "orderId": order_id}
        return dict(await self._signed("GET", "/api/v3/order", query))

    async def order_fills(self, symbol: str, order_id: str) -> list[dict[str, Any]]:
        """All fills of an order, oldest first."""
        return await self._trades({"symbol": symbol, "orderId": order_id})

    async def trades_since(self, symbol: str, since_ms: int) -> list[dict[str, Any]]:
        """All fills of the account from a time of the venue on, oldest first."""
        return await self._trades({"symbol": symbol, "startTime": str(since_ms)})

    async def _trades(self, first: dict[str, str]) -> list[dict[str, Any]]:
        """Page after page: the next begins behind the last id, whatever the first was by."""
        limit = {"limit": str(TRADES_LIMIT)}
        page = list(await self._signed("GET", "/api/v3/myTrades", first | limit))
        rows = page
        kept = {name: first[name] for name in ("symbol", "orderId") if name in first}
        while len(page) == TRADES_LIMIT:
            behind = {"fromId": str(page[-1]["id"] + 1)}
            page = list(await self._signed("GET", "/api/v3/myTrades", kept | behind | limit))
            rows = rows + page
        return rows

    async def cancel(self, symbol: str, client_id: str) -> None:
        query = {"symbol": symbol, "origClientOrderId": client_id}
        await self._signed("DELETE", "/api/v3/order", query)

    # --- inside ---------------------------------------------------------------------------------

    async def _signed(self, method: str, path: str, params: dict[str, str]) -> Any:
        stamped = {
            **params,
            "recvWindow": str(self.recv_window_ms),
            "timestamp": str((time_ns() + self.wall_offset_ns) // 1_000_000),
        }
        query = urlencode(stamped, quote_via=quote)
        signature = self._signer.hex(query)
        return await self._json(method, path, f"{query}&signature={signature}")

    async def _json(self, method: str, path: str, query: str) -> Any:
        target = f"{path}?{query}" if query else path
        what = f"{method} {path}"
        kind = Reach.EVERYTHING if method == "DELETE" else Reach.ALL_BUT_CANCELS
        reply = await self._http.request(method, target, headers=self._headers, kind=kind)
        return checked(reply, what, write=method != "GET").json(what)
