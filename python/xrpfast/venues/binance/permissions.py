"""Binance's ``apiRestrictions``: trade spot from known addresses, and move nothing away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from xrpfast.venues.permissions import Objection, Permissions

_WANTED: Final = (
    ("ipRestrict", True, "restrict the key to this machine's address"),
    ("enableReading", True, "enable reading"),
    ("enableSpotAndMarginTrading", True, "enable spot and margin trading"),
    ("enableWithdrawals", False, "disable withdrawals"),
    ("enableInternalTransfer", False, "disable transfers between the accounts"),
    ("permitsUniversalTransfer", False, "disable universal transfers"),
)
_MOVES: Final = ("withdraw", "transfer")
"""What the name of a right to move money away has in it, those of later days too."""


def judge(answer: Mapping[str, Any]) -> Permissions:
    """The rights of ``GET /sapi/v1/account/apiRestrictions``. One that is not told is not granted,
    and not known to be withheld: an objection either way."""
    objections = [
        Objection(field, _text(answer.get(field)), fix)
        for field, wanted, fix in _WANTED
        if answer.get(field) is not wanted
    ]
    known = {field for field, _, _ in _WANTED}
    objections += [
        Objection(field, _text(value), "disable it")
        for field, value in answer.items()
        if field not in known
        and value is not False
        and any(word in field.lower() for word in _MOVES)
    ]
    told = {field: _text(value) for field, value in answer.items() if isinstance(value, bool)}
    return Permissions(told, tuple(objections))


def _text(value: object) -> str:
    if value is None:
        return "not told"
    return str(value).lower() if isinstance(value, bool) else repr(value)
