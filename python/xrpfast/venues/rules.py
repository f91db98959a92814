"""Small helpers for reading a venue's symbol rules."""

from __future__ import annotations

from decimal import Decimal

from xrpfast._core import parse_units

RATE_DECIMALS = 8
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
