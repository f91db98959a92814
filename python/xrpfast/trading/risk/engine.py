"""The one place where an intent becomes an order that can be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrpfast.trading.context import Context
from xrpfast.trading.intents import Legs
from xrpfast.trading.risk.checks import RiskState, first_refusal
from xrpfast.trading.risk.hedges import refusal_of_hedge
from xrpfast.trading.risk.reasons import Refusal

if TYPE_CHECKING:
    from xrpfast._core import Approved, RiskGate
    from xrpfast.trading.events import BookTop, Signal
    from xrpfast.trading.intents import LegIntent
    from xrpfast.trading.portfolio import Portfolio
    from xrpfast.trading.risk.limits import RiskLimits


class RiskEngine:
    """Holds the gate: all legs of a decision are approved together, or none is."""

    __slots__ = ("_gate", "error", "state")

    def __init__(
        self, limits: RiskLimits, gate: RiskGate, context: Context, portfolio: Portfolio
    ) -> None:
        self._gate = gate
        self.state = RiskState(limits, context, portfolio)
        self.error = ""
        """What failed when the last verdict was CHECK_FAILED."""

    def check(
        self, legs: Legs, signal: Signal, client_ids: tuple[str, ...]
    ) -> tuple[Approved, ...] | Refusal:
        """Approvals parallel to ``legs``, or the first reason against them.

        A check that raises is a refusal: what cannot be computed is not allowed.
        """
        state = self.state
        now_ns = signal.now_ns
        approve = self._gate.approve
        approved: list[Approved] = []
        try:
            refusal = first_refusal(state, legs, signal)
            if refusal is not None:
                return refusal
            for leg, client_id in zip(legs, client_ids, strict=True):
                book = leg.book
                approved.append(
                    approve(
                        book.venue_name,
                        book.symbol,
                        leg.side,
                        leg.order_type,
                        leg.tif,
                        leg.price,
                        book.price_decimals,
                        leg.qty,
                        book.qty_decimals,
                        client_id,
                        now_ns,
                    )
                )
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            return Refusal.CHECK_FAILED
        for leg in legs:
            leg.book.venue.note_order(now_ns)
        state.signals[signal.detector] = signal.signal_id
        return tuple(approved)

    def check_hedge(
        self, leg: LegIntent, top: BookTop, excess: int, client_id: str, now_ns: int
    ) -> Approved | Refusal:
        """The approval of an order that makes ``excess`` (money of base) smaller, or the first
        reason against it."""
        try:
            refusal = refusal_of_hedge(self.state, leg, top, excess, now_ns)
            if refusal is not None:
                return refusal
            book = leg.book
            approved = self._gate.approve(
                book.venue_name,
                book.symbol,
                leg.side,
                leg.order_type,
                leg.tif,
                leg.price,
                book.price_decimals,
                leg.qty,
                book.qty_decimals,
                client_id,
                now_ns,
            )
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            return Refusal.CHECK_FAILED
        leg.book.venue.note_order(now_ns)
        return approved
