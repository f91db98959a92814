"""A venue's clock (21): known well, and near ours; else nothing is entered there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrpfast.trading.commands import Alert, AnyCommand

if TYPE_CHECKING:
    from xrpfast.trading.context import Venue
    from xrpfast.trading.events import Clock
    from xrpfast.trading.risk.limits import RiskLimits


def measured(venue: Venue, event: Clock, limits: RiskLimits, out: list[AnyCommand]) -> bool:
    """Takes a measurement; whether it was a good one, which is good for ``max_clock_age_ns``."""
    if event.uncertainty_ns > min(limits.max_clock_uncertainty_ns, limits.max_book_age_ns):
        if not venue.clock_known:  # else the timer of the latest good one runs
            venue.clock_stale = True
            venue.weigh()
        return False
    skewed = abs(event.offset_ns) > limits.max_clock_offset_ns
    if skewed and not venue.clock_skewed:
        text = f"{venue.name}: its clock is {event.offset_ns // 1_000_000} ms from ours"
        out.append(Alert("critical", f"{text}: nothing is entered there; set this machine's clock"))
    venue.clock_known = True
    venue.clock_stale = False
    venue.clock_skewed = skewed
    venue.weigh()
    return True
