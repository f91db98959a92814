"""Own orders off the venues when the engine can decide nothing any more.

No journal is needed for it: a cancel cannot open a position. The venues are asked until they
show none of our orders, so that what is said at the end is known and not hoped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from xrpfast.service.cancelling import Known, Receipt, cancel_own

if TYPE_CHECKING:
    from xrpfast.service.driver import Driver
    from xrpfast.venues.venue import Venue

WITHIN_S: Final = 30.0
"""Above the time in which an order that was just sent can still arrive."""


async def withdraw(driver: Driver, venues: Sequence[Venue]) -> Receipt:
    """Cancels every order of ours at every venue; what came of it."""
    config = driver.engine.config
    unsettled = tuple(driver.engine.orders.unsettled.values())
    for order in unsettled:
        driver.send_cancel(order.venue, order.instrument, order.client_id)
    symbols = {(rules.venue, rules.instrument): rules.venue_symbol for rules in config.books}
    known = [
        Known(order.venue, symbols[order.venue, order.instrument], order.client_id)
        for order in unsettled
    ]
    # An order whose end is known is on no way any more.
    last_sent_ns = max((order.created_ns for order in unsettled), default=0)
    prefix = f"x{config.environment}{config.deployment}"
    instruments = list(dict.fromkeys(rules.instrument for rules in config.books))
    cancelling = [venue.cancel_only(instruments) for venue in venues]
    try:
        return await cancel_own(
            cancelling, prefix, known=known, last_sent_ns=last_sent_ns, within_s=WITHIN_S
        )
    finally:
        await asyncio.gather(*(venue.close() for venue in cancelling))
