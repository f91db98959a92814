"""The price-range execution rule: how far from the reference price a taker may trade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xrpfast.model import Side
from xrpfast.simulation.texts import units_text

PLACES = 8
ONE = 10**PLACES


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRange:
    """Multipliers of the reference price in 10^-8; None leaves that side and direction open."""

    bid_up: int | None = None
    bid_down: int | None = None
    ask_up: int | None = None
    ask_down: int | None = None


def described(rule: PriceRange) -> dict[str, Any]:
    """The rule as `executionRules` tells it."""
    rows = {
        "bidLimitMultUp": rule.bid_up,
        "bidLimitMultDown": rule.bid_down,
        "askLimitMultUp": rule.ask_up,
        "askLimitMultDown": rule.ask_down,
    }
    shown = {name: units_text(value, PLACES) for name, value in rows.items() if value is not None}
    return {"ruleType": "PRICE_RANGE"} | shown


def taker_limit(rule: PriceRange, reference: int, side: Side, best: int | None) -> int | None:
    """The worst price that a taker may pay or get, in price units as ``reference`` and ``best``,
    the other side's best; None when the rule leaves it open."""
    if side is Side.BUY:
        low, high = rule.bid_down, rule.bid_up
        if best is not None and low is not None and best * ONE < reference * low:
            return best - 1  # even the best is out of bounds
        return None if high is None else reference * high // ONE
    low, high = rule.ask_down, rule.ask_up
    if best is not None and high is not None and best * ONE > reference * high:
        return best + 1
    return None if low is None else -(-reference * low // ONE)
