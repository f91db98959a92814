"""Exact numbers as texts, the way the venues write them."""

from __future__ import annotations

from xrpfast._core import format_units
from xrpfast.model import MONEY_ONE


def units_text(value: int, decimals: int) -> str:
    """Units of 10^-decimals as plain text without trailing zeros."""
    return format_units(value, decimals)


def fixed_money(value: int, places: int) -> str:
    """Money with a fixed number of places; what is finer is cut."""
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), MONEY_ONE)
    return f"{sign}{whole}.{part // 10 ** (18 - places):0{places}d}"
