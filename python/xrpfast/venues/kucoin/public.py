"""KuCoin REST that needs no key: time, tokens of public sockets, rules, the top of a book."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

from xrpfast.errors import FailedError, UsageError
from xrpfast.model import SymbolRules, parse_money
from xrpfast.net.backoff import Backoff
from xrpfast.net.fuse import Fuse
from xrpfast.net.http import HttpClient, HttpError, Reply
from xrpfast.venues.kucoin.errors import SUCCESS, classify, overloaded
from xrpfast.venues.outcome import VenueError
from xrpfast.venues.rules import ceil_units, floor_units, places, rate

VENUE: Final = "kucoin"
SNAPSHOT_LIMIT: Final = 100
"""Levels a side of the book that is shown without a key."""
OVERLOAD_TRIES: Final = 4
OVERLOAD_WAIT_S: Final = (0.25, 1.0)
"""First and longest wait before a venue that others overload is asked again."""
HEADERS: Final = {"Content-Type": "application/json"}


class KucoinPublicRest:
    """What anybody may ask. No key is known here."""

    def __init__(self, base_url: str, fuse: Fuse) -> None:
        self._http = HttpClient(base_url, fuse)

    async def close(self) -> None:
        await self._http.close()

    async def server_time_ms(self) -> int:
        return int(await self._ask("GET", "/api/v1/timestamp"))

    async def public_token(self) -> dict[str, Any]:
        return dict(await self._ask("POST", "/api/v1/bullet-public"))

    async def symbol_info(self, symbol: str) -> dict[str, Any]:
        info = await self._ask("GET", f"/api/v2/symbols/{quote(symbol)}")
        if not info:
            raise UsageError(f"kucoin has no symbol {symbol}: choose another instrument")
        return dict(info)

    async def snapshot(self, symbol: str) -> bytes:
        """The best `SNAPSHOT_LIMIT` levels a side: the whole book is for who has a key."""
        path = f"/api/v1/market/orderbook/level2_100?symbol={quote(symbol)}"
        reply = await self._reply("GET", path)
        checked(reply, "GET /api/v1/market/orderbook/level2_100")
        return reply.body

    async def _ask(self, method: str, target: str) -> Any:
        what = f"{method} {target.partition('?')[0]}"
        return checked(await self._reply(method, target), what)["data"]

    async def _reply(self, method: str, target: str) -> Reply:
        return await patiently(lambda: self._http.request(method, target, headers=HEADERS))


async def patiently(once: Callable[[], Awaitable[Reply]]) -> Reply:
    """Again after a moment when others overload the venue: no order goes this way."""
    backoff = Backoff(*OVERLOAD_WAIT_S)
    for _ in range(OVERLOAD_TRIES - 1):
        reply = await once()
        if not overloaded(reply.status, reply.headers, reply.body):
            return reply
        await asyncio.sleep(backoff.next_delay())
    return await once()


def checked(reply: Reply, what: str, *, write: bool = False) -> dict[str, Any]:
    """The body of an answer that is none of an error. Raises `VenueError` for any other."""
    try:
        body = reply.json(what)
        code, text = str(body["code"]), str(body.get("msg", ""))
    except (HttpError, KeyError, TypeError, AttributeError):
        page = reply.body[:80].decode("utf-8", "replace")
        outcome = classify(None, page, reply.status, write=write)
        raise VenueError(VENUE, what, f"HTTP {reply.status}", page, outcome) from None
    if code != SUCCESS or "data" not in body:
        outcome = classify(code, text, reply.status, write=write)
        raise VenueError(VENUE, what, code, text, outcome)
    return dict(body)


def symbol_rules(info: dict[str, Any], fees: dict[str, Any], instrument: str) -> SymbolRules:
    """Rules of one symbol with the account's own rates.

    Raises `FailedError` when the symbol does not trade or takes fees in another asset.
    """
    symbol = info["symbol"]
    if not info["enableTrading"]:
        raise FailedError(f"kucoin {symbol} does not trade now: wait until it does")
    if info["feeCurrency"] != info["quoteCurrency"]:
        raise FailedError(f"kucoin {symbol} takes fees in {info['feeCurrency']}: not supported")
    price_decimals = places(info["priceIncrement"])
    qty_decimals = places(info["baseIncrement"])
    return SymbolRules(
        venue=VENUE,
        instrument=instrument,
        venue_symbol=symbol,
        base=info["baseCurrency"],
        quote=info["quoteCurrency"],
        price_decimals=price_decimals,
        qty_decimals=qty_decimals,
        tick=floor_units(info["priceIncrement"], price_decimals),
        lot=floor_units(info["baseIncrement"], qty_decimals),
        min_qty=ceil_units(info["baseMinSize"], qty_decimals),
        max_qty=floor_units(info["baseMaxSize"], qty_decimals),
        min_notional=parse_money(info.get("minFunds") or info["quoteMinSize"]),
        taker_rate=rate(fees["takerFeeRate"]),
        maker_rate=rate(fees["makerFeeRate"]),
        fee_in_received=False,
    )
