"""The paper venues: mock venues with the rules and the live books of the real ones."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from xrpfast.errors import FailedError, UsageError, XrpfastError
from xrpfast.model import MONEY_DECIMALS, SymbolRules
from xrpfast.paper.mirror import Mirror
from xrpfast.simulation.jobs import kept_alive
from xrpfast.simulation.server import Given, MockVenues, mock_venues
from xrpfast.venues.public import public_data

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.venues.data import MarketData

READY_S: Final = 20.0
"""For every book to be in step."""
MOST: Final = 10**17
"""Largest order quantity in units: sums of many stay within 64 bits."""
ORDERS: Final = {"binance": ("ws_api", "order.*"), "kucoin": ("order_entry", "spot.*")}
"""The socket, and the requests on it, that carry orders and cancels."""


@asynccontextmanager
async def paper_venues(config: Config) -> AsyncIterator[MockVenues]:
    """Serves them on free ports until the block ends; they stand once every book is in step.

    Raises `UsageError` for what cannot be traded on paper, `FailedError` when a real venue does not
    tell its public data.
    """
    sources = public_data(config.venues)
    try:
        given = dict(await asyncio.gather(*(_given(source, config) for source in sources)))
        names = [source.name for source in sources]
        async with mock_venues(names, seed=secrets.randbits(62), given=given) as mock:
            _slow_down(mock, config.paper.latency_ms)
            mirrors = {
                source.name: Mirror(source, given[source.name].rules, mock.faces[source.name])
                for source in sources
            }
            jobs = {f"mirror of {name}": mirror.run() for name, mirror in mirrors.items()}
            async with kept_alive(jobs):
                await _open(mirrors)
                yield mock
    finally:
        await asyncio.gather(*(source.close() for source in sources))


async def _given(source: MarketData, config: Config) -> tuple[str, Given]:
    section = getattr(config.paper, source.name)
    (instrument,) = config.instruments
    fee = f"{section.fee_bps / 10_000:f}"
    try:
        rules = await source.rules(instrument, fee)
    except (UsageError, FailedError):
        raise
    except (XrpfastError, ValueError, KeyError, TypeError) as error:
        raise FailedError(f"{source.name}: its public rules cannot be read: {error}") from error
    rules = msgspec.structs.replace(rules, max_qty=min(rules.max_qty, MOST))
    return source.name, Given(rules, _balances(rules, section.base, section.quote))


def _balances(rules: SymbolRules, base: Decimal, quote: Decimal) -> dict[str, int]:
    scale = 10**MONEY_DECIMALS
    return {rules.base: int(base * scale), rules.quote: int(quote * scale)}


def _slow_down(mock: MockVenues, latency_ms: int) -> None:
    """Orders and cancels on their way to the venue; the order among them stays."""
    if latency_ms:
        for venue, (kind, route) in ORDERS.items():
            mock.faults.add(
                {
                    "venue": venue,
                    "channel": "ws",
                    "match": {"kind": kind, "route": route},
                    "action": "delay",
                    "params": {"ms": latency_ms},
                }
            )


async def _open(mirrors: dict[str, Mirror]) -> None:
    try:
        async with asyncio.timeout(READY_S):
            for mirror in mirrors.values():
                await mirror.up.wait()
    except TimeoutError:
        missing = [
            f"{name} ({mirror.why_not})"
            for name, mirror in mirrors.items()
            if not mirror.up.is_set()
        ]
        raise FailedError(
            f"no live book after {READY_S:.0f} s: {', '.join(missing)}; see `check`"
        ) from None
