"""What a market order takes from a book, before it takes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from xrpfast.model import Side, SymbolRules

MAX_LEVELS = 5_000
BUY_LIMIT = (1 << 62) - 1


class Walk(NamedTuple):
    """How much a market order gets, and for what."""

    qty: int
    cost: int
    """Money of the quote asset, fees aside."""


def limit(side: Side) -> int:
    """The price that a market order would pay at worst: any."""
    return BUY_LIMIT if side is Side.BUY else 1


def walk(
    rules: SymbolRules, levels: Iterable[tuple[int, int]], qty: int | None, funds: int | None
) -> Walk:
    """Whole lots from the best level on, until ``qty`` or ``funds`` (money) is used up."""
    got = cost = 0
    for price, there in levels:
        take = there if qty is None else min(there, qty - got)
        if funds is not None:
            take = min(take, (funds - cost) // rules.notional(price, 1))
        take -= take % rules.lot
        if take <= 0:
            break
        got += take
        cost += rules.notional(price, take)
    return Walk(got, cost)
