"""Fees that a venue tells late: estimated with the fill, corrected when the true one is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from xrpfast.trading.events import Fill
    from xrpfast.trading.orders import Order
    from xrpfast.trading.portfolio import Portfolio

KEPT: Final = 65_536
"""Estimates that are remembered; the oldest go first."""


class FeeBook:
    """The fills whose booked fee is an estimate."""

    __slots__ = ("_estimates", "_portfolio", "corrected")

    def __init__(self, portfolio: Portfolio) -> None:
        self._portfolio = portfolio
        self._estimates: dict[tuple[str, str], tuple[str, int]] = {}
        self.corrected = 0
        """Fees that turned out to be others."""

    def awaits(self, client_id: str, trade_id: str) -> bool:
        """Whether the fee of this fill is an estimate."""
        return (client_id, trade_id) in self._estimates

    def booked(self, fill: Fill) -> None:
        """Takes note of a fill that was just booked."""
        if fill.fee_estimated:
            self._estimates[fill.client_id, fill.trade_id] = fill.fee_asset, fill.fee
            if len(self._estimates) > KEPT:
                del self._estimates[next(iter(self._estimates))]

    def correct(self, order: Order | None, fill: Fill) -> tuple[tuple[str, int], ...]:
        """Books the true fee of a fill that came again, once; (asset, change) of what was taken."""
        if order is None or fill.fee_estimated:
            return ()
        before = self._estimates.pop((fill.client_id, fill.trade_id), None)
        after = fill.fee_asset, fill.fee
        if before is not None and before != after:
            self._portfolio.correct_fee(order.venue, before, after)
            self.corrected += 1
            return (before[0], -before[1]), after
        return ()
