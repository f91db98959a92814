"""KuCoin's facts of a key: General and Spot alone, from known addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from xrpfast.venues.permissions import Objection, Permissions

_WANTED: Final = ("General", "Spot")


def judge(answer: Mapping[str, Any]) -> Permissions:
    """The rights of ``GET /api/v1/user/api-key``: a word beyond the two is an objection, known or
    not."""
    permission, addresses = answer.get("permission"), answer.get("ipWhitelist")
    words = _words(permission)
    objections = [
        Objection("permission", _text(permission), f"grant {word}")
        for word in _WANTED
        if word not in words
    ]
    objections += [
        Objection("permission", _text(permission), f"take {word} away")
        for word in words
        if word not in _WANTED
    ]
    if not _words(addresses):
        fix = "restrict the key to this machine's address"
        objections.append(Objection("ipWhitelist", _text(addresses), fix))
    told = {"permission": _text(permission), "ipWhitelist": _text(addresses)}
    return Permissions(told, tuple(objections))


def _words(value: object) -> list[str]:
    if not isinstance(value, str):
        return []
    return [word.strip() for word in value.split(",") if word.strip()]


def _text(value: object) -> str:
    if value is None:
        return "not told"
    return (value or "empty") if isinstance(value, str) else repr(value)
