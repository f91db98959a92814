"""The orders of a live drill: at each venue one, tiny, that rests far below every market.

A person rehearses the stop with them, by a run that never trades. Pure, as all that decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.model import OrderType, TimeInForce
from xrpfast.trading.commands import Leg
from xrpfast.trading.context import BUY
from xrpfast.trading.intents import LegIntent
from xrpfast.trading.risk.state import BPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xrpfast.trading.context import Book, Context
    from xrpfast.trading.events import BookTop
    from xrpfast.trading.risk.limits import RiskLimits

MARGIN_BPS: Final = 500
"""Above the venue's least notional: its own reckoning may go by another price than the limit."""
_LIMIT: Final = int(OrderType.LIMIT)
_GTC: Final = int(TimeInForce.GTC)


class Drills:
    """Instruments whose books are being read for it, and what became of each venue's order."""

    def __init__(self, context: Context) -> None:
        self._books = context.books
        self._tops: dict[int, dict[int, BookTop]] = {}
        self._wanted: set[int] = set()
        self.outcomes: dict[str, str] = {}
        """Venue -> client id of its order, or the code of the refusal."""
        self.tops: Mapping[int, BookTop] = {}
        """What the latest orders were decided on, by book."""

    def first(self, instrument: int) -> bool:
        """Whether it was never asked for before: the person is told once."""
        new = instrument not in self._wanted
        self._wanted.add(instrument)
        return new

    def want(self, instrument: int) -> list[Book]:
        """Begins; the books to read."""
        self._tops[instrument] = {}
        return self._of(instrument)

    def on_top(self, top: BookTop) -> Sequence[Book]:
        """Takes a book; all of the instrument's once they are there."""
        if not self._tops or not 0 <= top.book < len(self._books):
            return ()
        instrument = self._books[top.book].instrument_index
        tops = self._tops.get(instrument)
        if tops is None:
            return ()
        tops[top.book] = top
        books = self._of(instrument)
        if len(tops) < len(books):
            return ()
        self.tops = self._tops.pop(instrument)
        return books

    def _of(self, instrument: int) -> list[Book]:
        return [book for book in self._books if book.instrument_index == instrument]


def intent(
    book: Book, books: Sequence[Book], tops: Mapping[int, BookTop], limits: RiskLimits
) -> LegIntent:
    """The least order that the venue takes, at the drill's distance below the lowest best bid of
    all ``books``. Risk judges it like any other."""
    lowest = min(tops[other.index].bid * other.price_scale for other in books)
    price = lowest * (BPS - limits.drill_distance_bps) // (BPS * book.price_scale)
    price -= price % book.tick
    qty = book.min_qty
    if price > 0:
        least = book.min_notional * (BPS + MARGIN_BPS)
        qty = max(qty, -(-least // (BPS * price * book.money_per_value)))
    qty += -qty % book.lot
    return LegIntent(book, BUY, _LIMIT, _GTC, price, qty)


def leg(wanted: LegIntent, client_id: str) -> Leg:
    """What is to be approved and placed for it."""
    book = wanted.book
    return Leg(
        client_id,
        book.venue_name,
        book.instrument,
        wanted.side,
        wanted.order_type,
        wanted.tif,
        wanted.price,
        wanted.qty,
    )
