"""What became of each leg x what became of the other: the next step, for every pair of them.

A leg that still works within its time has no outcome yet. The steps act on the imbalance of the
whole instrument (`manager.LegManager`): what both legs traded cancels out, what one of them traded
alone is closed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from xrpfast.model import OrderState

if TYPE_CHECKING:
    from xrpfast.trading.context import Venue
    from xrpfast.trading.orders import Order


class Outcome(StrEnum):
    """What became of a leg."""

    FILLED = "FILLED"
    """All of it traded."""
    PARTIAL = "PARTIAL"
    """Ended by cancel or time in force with part of it traded."""
    REJECTED = "REJECTED"
    """The venue refused it, or it never left: nothing traded."""
    EXPIRED = "EXPIRED"
    """Ended by cancel or time in force with nothing traded."""
    UNKNOWN = "UNKNOWN"
    """Its outcome is not known; the venue can be asked."""
    GONE = "GONE"
    """Not settled, and its venue cannot be reached."""


class Step(StrEnum):
    """What follows for the pair."""

    DONE = "DONE"
    """Nothing is left to be done but what fees took."""
    HEDGE = "HEDGE"
    """Close what one leg traded beyond the other: hedge in the collar, or unwind; else give up."""
    WAIT = "WAIT"
    """Send nothing: a third order could double what the unsettled leg did. Ask, and wait."""
    WAIT_EXPOSED = "WAIT_EXPOSED"
    """As WAIT, and one leg has traded for sure: a person is told when it lasts too long."""


_O: Final = Outcome
_DONE, _HEDGE, _WAIT, _EXPOSED = Step.DONE, Step.HEDGE, Step.WAIT, Step.WAIT_EXPOSED
# One row a leg's outcome, one column the other's.
_ROWS: Final[dict[Outcome, tuple[Step, ...]]] = {
    #            FILLED    PARTIAL   REJECTED  EXPIRED   UNKNOWN   GONE
    _O.FILLED:   (_DONE,    _HEDGE,   _HEDGE,   _HEDGE,   _EXPOSED, _EXPOSED),
    _O.PARTIAL:  (_HEDGE,   _HEDGE,   _HEDGE,   _HEDGE,   _EXPOSED, _EXPOSED),
    _O.REJECTED: (_HEDGE,   _HEDGE,   _DONE,    _DONE,    _WAIT,    _WAIT),
    _O.EXPIRED:  (_HEDGE,   _HEDGE,   _DONE,    _DONE,    _WAIT,    _WAIT),
    _O.UNKNOWN:  (_EXPOSED, _EXPOSED, _WAIT,    _WAIT,    _WAIT,    _WAIT),
    _O.GONE:     (_EXPOSED, _EXPOSED, _WAIT,    _WAIT,    _WAIT,    _WAIT),
}  # fmt: skip

NEXT: Final[dict[tuple[Outcome, Outcome], Step]] = {
    (one, other): step
    for one, row in _ROWS.items()
    for other, step in zip(Outcome, row, strict=True)
}
"""All 36 pairs of outcomes and the step after them."""


def outcome(order: Order, venue: Venue) -> Outcome | None:
    """What became of a leg; None while it works, or its fills are still on their way."""
    if order.settled:
        if order.filled >= order.qty:
            return Outcome.FILLED
        if order.filled:
            return Outcome.PARTIAL
        rejected = order.state is OrderState.REJECTED
        return Outcome.REJECTED if rejected else Outcome.EXPIRED
    if not venue.linked:
        return Outcome.GONE
    if order.state is OrderState.UNKNOWN:
        return Outcome.UNKNOWN
    return None
