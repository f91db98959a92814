"""KuCoin REST with a key: tokens, snapshots, account, queries. Never the way of an order."""

from __future__ import annotations

from collections.abc import Sequence
from time import time_ns
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from xrpfast.net.fuse import Fuse, Reach
from xrpfast.net.http import Reply
from xrpfast.venues.kucoin.public import HEADERS, KucoinPublicRest, checked, patiently
from xrpfast.venues.outcome import VenueError

if TYPE_CHECKING:
    from xrpfast.venues.keys import Keys

KEY_VERSION: Final = "3"
FILLS_LIMIT: Final = 100
NOT_FOUND: Final = frozenset({"order_not_exist", "100001", "100004", "102436"})
_NOT_FOUND_TEXTS: Final = ("order_not_exist", "order not exist", "order does not exist")


class KucoinRest(KucoinPublicRest):
    """One account's REST calls."""

    def __init__(self, base_url: str, keys: Keys, fuse: Fuse) -> None:
        super().__init__(base_url, fuse)
        self._api_key = keys.api_key
        self._signer = keys.signer
        self._passphrase = keys.passphrase
        self.wall_offset_ns = 0

    def now_ms(self) -> int:
        """The venue's time as we know it."""
        return (time_ns() + self.wall_offset_ns) // 1_000_000

    # --- signed ---------------------------------------------------------------------------------

    async def api_key(self) -> dict[str, Any]:
        """What the key may do, and from where."""
        return dict(await self._data("GET", "/api/v1/user/api-key"))

    async def private_token(self) -> dict[str, Any]:
        return dict(await self._data("POST", "/api/v1/bullet-private"))

    async def snapshot(self, symbol: str) -> bytes:
        path = f"/api/v3/market/orderbook/level2?symbol={quote(symbol)}"
        reply = await self._request("GET", path, signed=True)
        checked(reply, "GET /api/v3/market/orderbook/level2")
        return reply.body

    async def trade_fees(self, symbol: str) -> dict[str, Any]:
        rows = await self._data("GET", f"/api/v1/trade-fees?symbols={quote(symbol)}")
        return dict(rows[0])

    async def accounts(self) -> list[dict[str, Any]]:
        """The trading accounts: funds elsewhere cannot be traded with."""
        rows = await self._data("GET", "/api/v1/accounts")
        return [row for row in rows if row["type"] == "trade"]

    async def open_orders(self, symbol: str) -> list[dict[str, Any]]:
        rows = await self._data("GET", f"/api/v1/hf/orders/active?symbol={quote(symbol)}")
        return list(rows or [])

    async def symbols_with_orders(self) -> list[str]:
        """Every symbol of the account in which an order works."""
        answer = await self._data("GET", "/api/v1/hf/orders/active/symbols")
        return [str(symbol) for symbol in (answer or {}).get("symbols") or ()]

    async def order(self, symbol: str, client_id: str) -> dict[str, Any] | None:
        """The order as the venue sees it, None when it says that there is none."""
        path = f"/api/v1/hf/orders/client-order/{quote(client_id)}?symbol={quote(symbol)}"
        try:
            found = await self._data("GET", path)
        except VenueError as error:
            lower = error.text.lower()
            if error.code in NOT_FOUND or any(text in lower for text in _NOT_FOUND_TEXTS):
                return None
            raise
        return dict(found) if found else None

    async def order_by_id(self, symbol: str, order_id: str) -> dict[str, Any]:
        path = f"/api/v1/hf/orders/{quote(order_id)}?symbol={quote(symbol)}"
        return dict(await self._data("GET", path))

    async def order_fills(self, symbol: str, order_id: str) -> list[dict[str, Any]]:
        """All fills of an order, newest first."""
        return await self._fills(f"symbol={quote(symbol)}&orderId={quote(order_id)}")

    async def trades_since(self, symbol: str, since_ms: int) -> list[dict[str, Any]]:
        """All fills of the account from a time of the venue on (a week at most), newest first."""
        return await self._fills(f"symbol={quote(symbol)}&startAt={since_ms}")

    async def _fills(self, query: str) -> list[dict[str, Any]]:
        """Page after page, by the cursor that each page ends with."""
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            path = f"/api/v1/hf/fills?{query}&limit={FILLS_LIMIT}{cursor}"
            page = await self._data("GET", path)
            rows += page["items"]
            if len(page["items"]) < FILLS_LIMIT:
                return rows
            cursor = f"&lastId={page['lastId']}"

    async def status(self) -> str:
        """``open``, ``cancelonly`` or ``close``."""
        return str((await self._data("GET", "/api/v1/status", signed=False))["status"])

    async def cancel(self, symbol: str, client_id: str) -> None:
        path = f"/api/v1/hf/orders/client-order/{quote(client_id)}?symbol={quote(symbol)}"
        await self._data("DELETE", path)

    async def dead_connection(self, timeout_s: int, symbols: Sequence[str]) -> None:
        """Every order of the account in these symbols is cancelled after so many seconds (5 to
        86400) without another such call; -1: never."""
        body = orjson.dumps({"timeout": timeout_s, "symbols": ",".join(symbols)})
        said = await self._data("POST", "/api/v1/hf/orders/dead-cancel-all", body=body)
        if timeout_s > 0 and int(said["triggerTime"]) <= int(said["currentTime"]):
            raise ValueError(f"the venue did not arm it: {said}")

    # --- inside ---------------------------------------------------------------------------------

    async def _data(
        self, method: str, target: str, *, signed: bool = True, body: bytes = b""
    ) -> Any:
        what = f"{method} {target.partition('?')[0]}"
        reply = await self._request(method, target, signed=signed, body=body)
        return checked(reply, what, write=method == "DELETE")["data"]

    async def _request(self, method: str, target: str, *, signed: bool, body: bytes = b"") -> Reply:
        return await patiently(lambda: self._once(method, target, body, signed=signed))

    async def _once(self, method: str, target: str, body: bytes, *, signed: bool) -> Reply:
        headers = dict(HEADERS)
        if signed:
            timestamp = str(self.now_ms())
            headers |= {
                "KC-API-KEY": self._api_key,
                "KC-API-SIGN": self._signer.base64(f"{timestamp}{method}{target}{body.decode()}"),
                "KC-API-TIMESTAMP": timestamp,
                "KC-API-PASSPHRASE": self._passphrase,
                "KC-API-KEY-VERSION": KEY_VERSION,
            }
        kind = Reach.EVERYTHING if method == "DELETE" else Reach.ALL_BUT_CANCELS
        return await self._http.request(
            method, target, headers=headers, body=body or None, kind=kind
        )
