"""True fees of fills that were booked with an estimate, because the venue told none with the fill.

Comparing with a venue corrects them while a run goes on; here they are asked for before a run
begins and before it ends. A fee is no reason to refuse a start or to keep an end waiting for long:
what is not told in time stays an estimate, is reported as one, and is asked for at the next start
for as long as the venue lists its trade.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Final, Protocol

from xrpfast.errors import XrpfastError
from xrpfast.service.reconciling import UNREADABLE
from xrpfast.trading.events import Fill
from xrpfast.venues.account_state import Question

if TYPE_CHECKING:
    from xrpfast.records.unsettled import OpenFee
    from xrpfast.service.driver import Driver
    from xrpfast.venues.venue import Venue

SECOND_NS: Final = 1_000_000_000
AT_START_S: Final = 15.0
AT_END_S: Final = 3.0
PAUSE_S: Final = 0.2
LISTED_NS: Final = 3_600 * SECOND_NS
"""Older ones than this before the latest are asked for one by one: a list from them on is long."""
MARGIN_NS: Final = 60 * SECOND_NS
"""Clocks differ."""
_OTHER: Final = "other"
"""Stands for the client id of any order whose fees are not asked for."""

_LOG = logging.getLogger("xrpfast.service")


class Owed(Protocol):
    """A fill whose true fee is asked for."""

    @property
    def client_id(self) -> str: ...
    @property
    def venue_order_id(self) -> str: ...
    @property
    def trade_id(self) -> str: ...
    @property
    def wall_ns(self) -> int: ...


async def listed(venue: Venue, owed: Sequence[Owed]) -> list[Fill]:
    """Those of the fills that the venue's own list has, with the fees that it took.

    Raises `XrpfastError` when the venue cannot be read.
    """
    since_ns = min(fee.wall_ns for fee in owed) - MARGIN_NS
    owners = {fee.venue_order_id: fee.client_id for fee in owed}
    question = Question((), since_ns, lambda order_id: owners.get(order_id, _OTHER), bool)
    return _wanted((await venue.account_state(question)).events, owed)


def _wanted(events: Sequence[object], owed: Sequence[Owed]) -> list[Fill]:
    keys = {(fee.client_id, fee.trade_id) for fee in owed}
    return [
        event
        for event in events
        if isinstance(event, Fill)
        and not event.fee_estimated
        and (event.client_id, event.trade_id) in keys
    ]


async def of_earlier_runs(
    venue: Venue, owed: Sequence[OpenFee], symbols: Mapping[str, str]
) -> list[Fill]:
    """The latest by the venue's list, older ones by their orders, as many as a start has time for.

    ``symbols``: per instrument. Never raises for what a venue does.
    """
    told: list[Fill] = []
    if venue.trades_reach_ns is not None:
        oldest_ns = time_ns() - venue.trades_reach_ns + MARGIN_NS
        owed = [fee for fee in owed if fee.wall_ns >= oldest_ns]
    if not owed:
        return told
    latest = [fee for fee in owed if fee.wall_ns >= owed[-1].wall_ns - LISTED_NS]
    older = {fee.client_id: fee for fee in owed[: -len(latest)]}
    try:
        async with asyncio.timeout(AT_START_S):
            await venue.sync_clock()
            told += await listed(venue, latest)
            for fee in older.values():
                created_ns = monotonic_ns() - max(0, time_ns() - fee.created_ns)
                words = await venue.query(symbols[fee.instrument], fee.client_id, created_ns)
                told += _wanted(words, owed)
    except (XrpfastError, TimeoutError, *UNREADABLE) as error:
        _LOG.warning("%s: fees: %s", venue.name, str(error) or "no answer in time")
    return told


async def at_the_end(driver: Driver, venues: Sequence[Venue]) -> int:
    """Asks until every fee of the run is told, for a short time; how many were not.

    Never raises for what a venue does.
    """
    await asyncio.gather(*(_at_the_end(driver, venue) for venue in venues))
    return sum(1 for venue in venues for _ in driver.engine.fees.open(venue.name))


async def _at_the_end(driver: Driver, venue: Venue) -> None:
    fees = driver.engine.fees
    try:
        async with asyncio.timeout(AT_END_S):
            while not driver.failed:
                owed = [f for f in fees.open(venue.name) if time_ns() - f.wall_ns < LISTED_NS]
                if not owed:
                    return
                told = await listed(venue, owed)
                driver.on_events([f for f in told if fees.awaits(f.client_id, f.trade_id)])
                if not told:
                    await asyncio.sleep(PAUSE_S)
    except (XrpfastError, TimeoutError, *UNREADABLE) as error:
        _LOG.warning("%s: fees: %s", venue.name, str(error) or "no answer in time")
