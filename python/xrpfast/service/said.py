"""Reading what a person says: who, why, and amounts as decimal texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from xrpfast._core import DecimalError, parse_units
from xrpfast.errors import UsageError
from xrpfast.model import SymbolRules, format_money, parse_money
from xrpfast.trading.by_hand import HandFill

OBEYED_NS: Final = 10_000_000_000
"""So long after it was asked for a word is obeyed: as long as a command waits for its answer."""
AHEAD_NS: Final = 1_000_000_000
"""Of our clock: the wall clock may be set meanwhile."""
SETTLE_AFTER_NS = 30_000_000_000
"""From an order's creation on: until then it may still arrive, and its venue is being asked."""


def text_of(request: Mapping[str, Any], key: str, default: str | None = None) -> str:
    """A text that must be there, unless there is a default. Raises `UsageError`."""
    value = request.get(key, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise UsageError(f"{key}: a text is needed")
    return value


def person_of(request: Mapping[str, Any]) -> tuple[str, str]:
    """Who says it, and why. Raises `UsageError` without a reason."""
    reason = request.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise UsageError("reason: say why, it is kept on record")
    return text_of(request, "who", "a person"), " ".join(reason.split())


def fresh(request: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
    """``asked_ns`` and ``asked_wall_ns``: when it was asked for, monotonic and wall time; a machine
    that slept is seen by the second alone.

    Raises `UsageError` for a word that waited: whoever said it has seen no answer, and has done
    something else since.
    """
    for key, now_ns in (("asked_ns", mono_ns), ("asked_wall_ns", wall_ns)):
        asked = request.get(key)
        if type(asked) is not int:
            raise UsageError(f"{key}: nanoseconds are needed, when it was asked for")
        age_ns = now_ns - asked
        if not -AHEAD_NS <= age_ns <= OBEYED_NS:
            raise UsageError(
                f"this was asked for {age_ns / 1e9:.0f} s ago and is obeyed for "
                f"{OBEYED_NS // 1_000_000_000} s: see `status`, then say it again"
            )


def old_enough(client_id: str, venue: str, age_ns: int) -> None:
    """Raises `UsageError` for an order that is too young for a person to settle."""
    if age_ns < SETTLE_AFTER_NS:
        raise UsageError(
            f"order {client_id} is {age_ns // 1_000_000_000} s old and {venue} is still being "
            f"asked: wait until it is {SETTLE_AFTER_NS // 1_000_000_000} s old"
        )


def by_hand_amounts(request: Mapping[str, Any], owed: Mapping[str, int]) -> dict[str, int]:
    """Per instrument the base that a person traded against its imbalance, money.

    ``owed``: every instrument's imbalance. Raises `UsageError` for a trade that would not make it
    smaller: a wrong sign is the likeliest mistake.
    """
    given = request.get("by_hand", {})
    if not isinstance(given, Mapping):
        raise UsageError("by_hand: an object of instrument and amount")
    amounts: dict[str, int] = {}
    for name, text in given.items():
        if name not in owed:
            raise UsageError(f"{name}: not traded here; traded: {', '.join(owed)}")
        try:
            amount = parse_money(str(text))
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
        open_ = owed[name]
        if amount * open_ > 0 or abs(amount) > abs(open_):
            left = "nothing" if not open_ else f"{format_money(open_)} of base"
            raise UsageError(
                f"{name}: {left} is open, {format_money(amount)} by hand would not close it: "
                "bought is above zero, sold below"
            )
        amounts[name] = amount
    return amounts


def fills_of(request: Mapping[str, Any], rules: SymbolRules) -> list[HandFill]:
    """``fills``: objects of ``qty``, ``price``, ``fee``, ``fee_asset`` and perhaps ``trade_id``.

    Raises `UsageError`.
    """
    given = request.get("fills", [])
    if not isinstance(given, list):
        raise UsageError("fills: a list of objects")
    fills = []
    for row in given:
        if not isinstance(row, Mapping):
            raise UsageError("fills: a list of objects")
        try:
            fills.append(
                HandFill(
                    parse_units(text_of(row, "qty"), rules.qty_decimals),
                    parse_units(text_of(row, "price"), rules.price_decimals),
                    parse_money(text_of(row, "fee")),
                    text_of(row, "fee_asset"),
                    text_of(row, "trade_id", ""),
                )
            )
        except (DecimalError, ValueError) as error:
            raise UsageError(f"fills: {error}") from None
    return fills
