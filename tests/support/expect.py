"""Conditions on what a foreign client read, for `Proof.check`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any


def levels(wanted: Sequence[tuple[Decimal, Decimal]]) -> Callable[[Any], bool]:
    """The same rows of price and quantity, in this order, in whatever form the numbers are."""
    return lambda rows: [tuple(Decimal(str(n)) for n in row[:2]) for row in rows] == list(wanted)


def positive(value: Any) -> bool:
    return Decimal(str(value)) > 0


def some(value: Any) -> bool:
    """Any text that is not empty."""
    return isinstance(value, str) and value != ""


def candle(row: Sequence[Any], names: str) -> dict[str, Any]:
    """One candle with its positions named, such as ``start open close``."""
    return dict(zip(names.split(), row, strict=True))
