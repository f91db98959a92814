"""What a strategy wants: orders not checked yet, which nothing can send."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from xrpfast.trading.context import Book


class LegIntent(msgspec.Struct, gc=False):
    """One order that a strategy wants, in its book's units."""

    book: Book
    side: int
    order_type: int
    tif: int
    price: int
    qty: int


Legs: TypeAlias = tuple[LegIntent, ...]
