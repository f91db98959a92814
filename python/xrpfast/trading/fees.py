"""Fees that a venue tells late: estimated with the fill, corrected when the true one is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from xrpfast.trading.risk.limits import SECOND

if TYPE_CHECKING:
    from xrpfast.trading.context import Book
    from xrpfast.trading.events import Fill
    from xrpfast.trading.portfolio import Portfolio

KEPT: Final = 65_536
"""Estimates that are remembered; the oldest go first."""
TOLD_WITHIN: Final = 120 * SECOND
"""So long after a fill its fee is waited for and asked for with every comparison. A venue that does
not tell it by then may tell it to the next start."""


class Estimate(NamedTuple):
    """One fill whose booked fee is an estimate."""

    book: Book
    client_id: str
    venue_order_id: str
    trade_id: str
    asset: str
    fee: int
    """Money (10^-18) of ``asset``."""
    wall_ns: int
    """When it was booked."""


class FeeBook:
    """The fills whose booked fee is an estimate, also of orders that have left memory."""

    __slots__ = ("_estimates", "_portfolio", "corrected")

    def __init__(self, portfolio: Portfolio) -> None:
        self._portfolio = portfolio
        self._estimates: dict[tuple[str, str], Estimate] = {}
        self.corrected = 0
        """Fees that turned out to be others."""

    def awaits(self, client_id: str, trade_id: str) -> bool:
        """Whether the fee of this fill is an estimate."""
        return (client_id, trade_id) in self._estimates

    def open(self, venue: str) -> Iterator[Estimate]:
        """The estimates at a venue, oldest first."""
        return (each for each in self._estimates.values() if each.book.venue_name == venue)

    def awaited(self, venue: str, wall_ns: int) -> int:
        """Wall time of the oldest fill whose fee the venue is still expected to tell; 0: none."""
        times = (each.wall_ns for each in self.open(venue))
        return next((time for time in times if wall_ns - time < TOLD_WITHIN), 0)

    def booked(self, book: Book, fill: Fill) -> None:
        """Takes note of a fill that was just booked."""
        if fill.fee_estimated:
            self._estimates[fill.client_id, fill.trade_id] = Estimate(
                book,
                fill.client_id,
                fill.venue_order_id,
                fill.trade_id,
                fill.fee_asset,
                fill.fee,
                fill.wall_ns,
            )
            if len(self._estimates) > KEPT:
                del self._estimates[next(iter(self._estimates))]

    def correct(self, fill: Fill) -> tuple[Book, tuple[tuple[str, int], ...]] | None:
        """Books the true fee of a fill that came again, once: where, and (asset, change) of what
        was taken. None when there is nothing to correct."""
        if fill.fee_estimated:
            return None
        before = self._estimates.pop((fill.client_id, fill.trade_id), None)
        if before is None or (before.asset, before.fee) == (fill.fee_asset, fill.fee):
            return None
        wrong, right = (before.asset, before.fee), (fill.fee_asset, fill.fee)
        self._portfolio.correct_fee(before.book.venue_name, wrong, right)
        self.corrected += 1
        return before.book, ((before.asset, -before.fee), right)
