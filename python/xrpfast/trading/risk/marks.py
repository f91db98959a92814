"""Best prices of every book, read by a timer: the mids of the drift window, the marks of losses.

A book that is not LIVE, crossed, wider than entries may be, or too old gives none; what it gave
before ages until it is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.model import MONEY_ONE
from xrpfast.trading.legs.hedge import usable
from xrpfast.trading.risk.state import BPS

if TYPE_CHECKING:
    from xrpfast.trading.events import BookTop
    from xrpfast.trading.risk.state import RiskState

_2BPS: Final = 2 * BPS
"""For a doubled mid."""


class MarkMissingError(ArithmeticError):
    """No book tells the value of base now."""


class Marks:
    """Keeps `RiskState.references`, and the worst prices of this moment."""

    def __init__(self, state: RiskState) -> None:
        self._state = state
        self._tops: dict[int, tuple[int, int, int]] = {}
        """Per book: money of quote per whole base for a sale and a purchase, and when."""

    def on_top(self, top: BookTop) -> None:
        """Takes a book that was read, for whatever purpose."""
        state = self._state
        books = state.context.books
        if not 0 <= top.book < len(books):
            return
        if not usable(top, top.now_ns, state.limits.max_book_age_ns):
            return
        # A side that was taken out shows a far order as its best: no price at which one trades.
        if (top.ask - top.bid) * _2BPS > state.limits.max_spread_bps * (top.ask + top.bid):
            return
        reference = state.references[top.book]
        reference.take(top.bid + top.ask, top.now_ns, top.data_ns, state.limits)
        scale = books[top.book].price_money
        self._tops[top.book] = top.bid * scale, top.ask * scale, top.data_ns

    @property
    def known(self) -> bool:
        """Some book has told a mark in this run."""
        return bool(self._tops)

    def value(self, base: int, now_ns: int) -> int:
        """What ``base`` (money) would bring, or cost when it is below zero, on the worst book.

        Raises `MarkMissingError` when no book's mark is within ``max_mark_age_ns``.
        """
        if not base:
            return 0
        limit = self._state.limits.max_mark_age_ns
        # One that is newer than this event is as good: events are not stamped in one order.
        fresh = [top for top in self._tops.values() if now_ns - top[2] <= limit]
        if not fresh:
            raise MarkMissingError(f"no book's prices are younger than {limit // 1_000_000} ms")
        price = min(top[0] for top in fresh) if base > 0 else max(top[1] for top in fresh)
        return base * price // MONEY_ONE
