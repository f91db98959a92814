"""Small helpers for reading a venue's symbol rules, and amounts by them."""

from __future__ import annotations

from decimal import Decimal

from xrpfast._core import parse_units
from xrpfast.model import MONEY_DECIMALS, parse_money

RATE_DECIMALS = 8
NO_UNITS = -1
"""Stands for an amount that the scale does not hold: no order of ours has it."""
_LARGEST = 2**63 - 1


def places(increment: str) -> int:
    """Decimals that an increment needs: ``0.00010000`` needs 4."""
    exponent = Decimal(increment).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def floor_units(text: str, decimals: int) -> int:
    """Units of an upper bound, cut down to the scale and to what 64 bits hold."""
    return min(int(Decimal(text).scaleb(decimals)), _LARGEST)


def ceil_units(text: str, decimals: int) -> int:
    """Units of a lower bound, raised to the scale."""
    return -int(-Decimal(text).scaleb(decimals) // 1)


def rate(text: str) -> int:
    """A fee rate in 10^-8."""
    return parse_units(text, RATE_DECIMALS)


def told_units(text: str, decimals: int) -> int:
    """Units of an amount that the venue says an order of ours has, `NO_UNITS` when it cannot be.

    Raises ``ValueError`` for what is no amount.
    """
    units, finer = divmod(parse_money(text), 10 ** (MONEY_DECIMALS - decimals))
    return NO_UNITS if finer or not 0 <= units <= _LARGEST else units
