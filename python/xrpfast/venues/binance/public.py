"""Binance REST that needs no key: time, rules, snapshots."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from xrpfast.errors import FailedError, UsageError
from xrpfast.model import SymbolRules, parse_money
from xrpfast.net.fuse import Fuse
from xrpfast.net.http import HttpClient, HttpError, Reply
from xrpfast.venues.binance.errors import classify
from xrpfast.venues.outcome import VenueError
from xrpfast.venues.rules import ceil_units, floor_units, places, rate

VENUE: Final = "binance"
SNAPSHOT_LIMIT: Final = 1000
SILENT_S: Final = 60.0
"""Every socket of the venue gets a ping each 20 s: three missed, and it is dead. Sooner where it
answers ours."""


class BinancePublicRest:
    """What anybody may ask. No key is known here."""

    def __init__(self, base_url: str, fuse: Fuse) -> None:
        self._http = HttpClient(base_url, fuse)
        self._headers: dict[str, str] = {}

    async def close(self) -> None:
        await self._http.close()

    async def server_time_ms(self) -> int:
        return int((await self._get("/api/v3/time"))["serverTime"])

    async def snapshot(self, symbol: str) -> bytes:
        path = f"/api/v3/depth?symbol={quote(symbol)}&limit={SNAPSHOT_LIMIT}"
        return checked(await self._http.request("GET", path), "GET /api/v3/depth").body

    async def symbol_info(self, symbol: str) -> dict[str, Any]:
        answer = await self._get(f"/api/v3/exchangeInfo?symbol={quote(symbol)}")
        for info in answer["symbols"]:
            if info["symbol"] == symbol:
                return dict(info)
        raise UsageError(f"binance has no symbol {symbol}: choose another instrument")

    async def _get(self, target: str) -> Any:
        what = f"GET {target.partition('?')[0]}"
        reply = await self._http.request("GET", target, headers=self._headers)
        return checked(reply, what).json(what)


def checked(reply: Reply, what: str, *, write: bool = False) -> Reply:
    """An answer that is none of an error. Raises `VenueError` for any other."""
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
