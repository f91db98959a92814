"""The venues' clocks, measured again and again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Final

from xrpfast.errors import XrpfastError
from xrpfast.service.reconciling import UNREADABLE
from xrpfast.trading.events import Clock

if TYPE_CHECKING:
    from xrpfast._core import Market
    from xrpfast.net.clock import ClockOffset
    from xrpfast.service.driver import Driver
    from xrpfast.venues.venue import Venue

CLOCK_S: Final = 30.0

_LOG = logging.getLogger("xrpfast.service")


async def keep_clock(venue: Venue, market: Market, driver: Driver) -> None:
    """Every half minute, and at once when the venue refuses a time of ours."""
    refused = asyncio.Event()
    venue.orders.on_clock_refused = refused.set
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOCK_S):
                await refused.wait()
        refused.clear()
        try:
            offset = await venue.sync_clock()
        except (XrpfastError, *UNREADABLE) as error:
            _LOG.warning("%s: clock not measured: %s", venue.name, error)
            continue
        market.set_clock(venue.name, offset.mono_ns)
        driver.on_events((measured(venue.name, offset),))


def measured(venue: str, offset: ClockOffset) -> Clock:
    """For the engine, as of now."""
    return Clock(
        now_ns=monotonic_ns(),
        wall_ns=time_ns(),
        venue=venue,
        offset_ns=offset.wall_ns,
        uncertainty_ns=offset.uncertainty_ns,
    )
