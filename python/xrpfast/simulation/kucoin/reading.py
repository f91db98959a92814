"""Reading what a query asks for: numbers in their range, symbols, times, page cursors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xrpfast.model import Side

from . import errors

HUGE: Final = 1 << 62
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}


def number(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number; refuses what is none or out of range."""
    text = query.get(name)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and low <= int(text) <= high):
        raise errors.PARAMETER.refuse(f"{name} not in the given range!")
    return int(text)


def one_of(query: Mapping[str, str], name: str, allowed: frozenset[str]) -> str:
    """One of the words, or nothing."""
    text = query.get(name) or ""
    if text and text not in allowed:
        raise errors.PARAMETER.refuse(f"{name} is invalid.")
    return text


def need_symbol(symbol: object, known: str) -> None:
    """Refuses anything but the symbol that trades here."""
    if symbol is None or symbol == "":
        raise errors.PARAMETER.refuse("symbol is required.")
    if symbol != known:
        raise errors.SYMBOL_UNKNOWN.refuse()


def empty_page(query: Mapping[str, str]) -> dict[str, object]:
    """The old kind of page (up to 500 rows) of what this venue has none of."""
    size = number(query, "pageSize", 50, 10, 500)
    page = number(query, "currentPage", 1, 1, 10**9)
    return {"currentPage": page, "pageSize": size, "totalNum": 0, "totalPage": 0, "items": []}


class HistoryFilter:
    """The filters that history queries share."""

    def __init__(self, query: Mapping[str, str], *, default_limit: int, most: int) -> None:
        self.side = _SIDES.get(one_of(query, "side", frozenset(_SIDES)))
        self.type = one_of(query, "type", frozenset({"limit", "market"}))
        self.limit = number(query, "limit", default_limit, 1, most)
        self.last = number(query, "lastId", 0, 0, HUGE)
        self.start_ms = number(query, "startAt", 0, 0, HUGE)
        self.end_ms = number(query, "endAt", HUGE, 0, HUGE)

    def in_time(self, time_ns: int) -> bool:
        return self.start_ms <= time_ns // 1_000_000 <= self.end_ms

    def takes(self, side: Side, kind: str, time_ns: int) -> bool:
        return (
            (self.side is None or side is self.side)
            and (not self.type or kind == self.type)
            and self.in_time(time_ns)
        )
