"""Own orders off the venues when the engine can decide nothing any more.

No journal is needed for it: a cancel cannot open a position. The venues are asked until they
show none of our orders, so that what is said at the end is known and not hoped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from xrpfast.errors import XrpfastError

if TYPE_CHECKING:
    from xrpfast.service.driver import Driver
    from xrpfast.venues.venue import Venue

WITHIN_S: Final = 8.0
PAUSE_S: Final = 0.2

_LOG = logging.getLogger("xrpfast.service")


async def withdraw(driver: Driver, venues: Sequence[Venue]) -> str:
    """Cancels every order of ours at every venue; returns what came of it, for a person."""
    for order in tuple(driver.engine.orders.unsettled.values()):
        driver.send_cancel(order.venue, order.instrument, order.client_id)
    said = await asyncio.gather(*(_empty(driver, venue) for venue in venues))
    problems = [problem for problem in said if problem]
    if problems:
        return f"NOT all own orders are cancelled: {'; '.join(problems)}"
    return "own orders are cancelled"


async def _empty(driver: Driver, venue: Venue) -> str:
    """Empty once the venue shows no order of ours; else what is left, or why it cannot be said."""
    config = driver.engine.config
    prefix = f"x{config.environment}{config.deployment}"
    symbols = [rules.venue_symbol for rules in config.books if rules.venue == venue.name]
    problem = "it was not asked"
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WITHIN_S
    while loop.time() < deadline:
        try:
            async with asyncio.timeout_at(deadline):
                left = [
                    (symbol, order.client_id)
                    for symbol in symbols
                    for order in await venue.open_orders(symbol)
                    if order.client_id.startswith(prefix)
                ]
                if not left:
                    return ""
                problem = f"{', '.join(client_id for _, client_id in left[:3])} may work"
                for symbol, client_id in left:
                    await venue.cancel(symbol, client_id)
        except (XrpfastError, TimeoutError) as error:
            problem = str(error) or "no answer"
            _LOG.warning("%s: withdrawing: %s", venue.name, problem)
        await asyncio.sleep(PAUSE_S)
    return f"{venue.name}: {problem}"
