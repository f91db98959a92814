"""Binance's documented book procedure, level by level, with nothing of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xrpfast._core import parse_units

Level = tuple[int, int]


class NaiveBook:
    """Price and quantity units of XRPUSDT: four and one decimals."""

    def __init__(self) -> None:
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.last = -1

    def load(self, snapshot: dict[str, Any]) -> None:
        """A snapshot of REST or the WebSocket API."""
        self.last = snapshot["lastUpdateId"]
        for side, name in zip(self.sides, ("bids", "asks"), strict=True):
            side.update(_units(snapshot[name]))

    def apply(self, event: dict[str, Any]) -> None:
        """A `depthUpdate` of the JSON stream."""
        self.change(event["U"], event["u"], _units(event["b"]), _units(event["a"]))

    def change(self, first: int, last: int, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Absolute quantities for the updates ``first`` to ``last``."""
        if last <= self.last:
            return
        assert first <= self.last + 1, "a gap"
        self.last = last
        for side, rows in zip(self.sides, (bids, asks), strict=True):
            for price, qty in rows:
                if qty:
                    side[price] = qty
                else:
                    side.pop(price, None)

    def levels(self, side: int) -> list[Level]:
        return sorted(self.sides[side].items(), reverse=side == 0)


def _units(rows: Iterable[tuple[str, str]]) -> list[Level]:
    return [(parse_units(price, 4), parse_units(qty, 1)) for price, qty in rows]
