"""Binance REST: snapshots, rules, account, queries. Never the way of an order."""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from xrpfast.errors import FailedError, UsageError
from xrpfast.model import SymbolRules, parse_money
from xrpfast.net.fuse import Fuse, Reach
from xrpfast.net.http import HttpClient, HttpError, Reply
from xrpfast.venues.binance.errors import classify
from xrpfast.venues.outcome import VenueError
from xrpfast.venues.rules import ceil_units, floor_units, places, rate

if TYPE_CHECKING:
    from xrpfast.venues.keys import Keys

VENUE: Final = "binance"
SNAPSHOT_LIMIT: Final = 1000
TRADES_LIMIT: Final = 1000
SILENT_S: Final = 60.0
"""Every socket of the venue gets a ping each 20 s: three missed, and it is dead."""
NOT_FOUND: Final = frozenset({"-2013", "-2011"})


class BinanceRest:
    """One account's REST calls."""

    def __init__(self, base_url: str, keys: Keys, recv_window_ms: int, fuse: Fuse) -> None:
        self._http = HttpClient(base_url, fuse)
        self._headers = {"X-MBX-APIKEY": keys.api_key}
        self._signer = keys.signer
        self.recv_window_ms = recv_window_ms
        self.wall_offset_ns = 0

    async def close(self) -> None:
        await self._http.close()

    # --- public ---------------------------------------------------------------------------------

    async def server_time_ms(self) -> int:
        return int((await self._json("GET", "/api/v3/time", ""))["serverTime"])

    async def snapshot(self, symbol: str) -> bytes:
        query = f"symbol={quote(symbol)}&limit={SNAPSHOT_LIMIT}"
        what = "GET /api/v3/depth"
        return _checked(await self._http.request("GET", f"/api/v3/depth?{query}"), what).body

    async def symbol_info(self, symbol: str) -> dict[str, Any]:
        query = f"symbol={quote(symbol)}"
        answer = await self._json("GET", "/api/v3/exchangeInfo", query)
        for info in answer["symbols"]:
            if info["symbol"] == symbol:
                return dict(info)
        raise UsageError(f"binance has no symbol {symbol}: choose another instrument")

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
        return _checked(reply, what, write=method != "GET").json(what)


def _checked(reply: Reply, what: str, *, write: bool = False) -> Reply:
    if reply.status == 200:
        return reply
    try:
        body = reply.json(what)
        code, text = int(body["code"]), str(body["msg"])
    except (HttpError, KeyError, TypeError, ValueError):
        outcome = classify(None, "", reply.status, write=write)
        page = reply.body[:80].decode("utf-8", "replace")
        raise VenueError(VENUE, what, f"HTTP {reply.status}", page, outcome) from None
    outcome = classify(code, text, reply.status, write=write)
    raise VenueError(VENUE, what, str(code), text, outcome)


def symbol_rules(info: dict[str, Any], account: dict[str, Any], instrument: str) -> SymbolRules:
    """Rules of one symbol of ``exchangeInfo`` with the account's rates.

    Raises `FailedError` when the symbol does not trade.
    """
    symbol = info["symbol"]
    if info["status"] != "TRADING":
        raise FailedError(f"binance {symbol} is {info['status']}: wait until it trades")
    filters = {entry["filterType"]: entry for entry in info["filters"]}
    price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {"minNotional": "0"}
    price_decimals, qty_decimals = places(price["tickSize"]), places(lot["stepSize"])
    rates = account["commissionRates"]
    extra = max(rate(rates.get("buyer", "0")), rate(rates.get("seller", "0")))
    return SymbolRules(
        venue=VENUE,
        instrument=instrument,
        venue_symbol=symbol,
        base=info["baseAsset"],
        quote=info["quoteAsset"],
        price_decimals=price_decimals,
        qty_decimals=qty_decimals,
        tick=floor_units(price["tickSize"], price_decimals),
        lot=floor_units(lot["stepSize"], qty_decimals),
        min_qty=ceil_units(lot["minQty"], qty_decimals),
        max_qty=floor_units(lot["maxQty"], qty_decimals),
        min_notional=parse_money(notional["minNotional"]),
        taker_rate=rate(rates["taker"]) + extra,
        maker_rate=rate(rates["maker"]) + extra,
        fee_in_received=True,
    )
