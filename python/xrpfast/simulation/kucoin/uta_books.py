"""Books of the newer public push (UTA, channel ``obu``): full ones, and what changed since.

Every depth is told in the sequence numbers of the level2 stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import orjson

from xrpfast.model import Side
from xrpfast.simulation.exchange import Exchange

from .books import Frame, Sequencer
from .wire import Json, Wire

BEST: Final = "1"
REAL_TIME: Final = "increment"
PACED: Final = "increment@10ms"
FULL: Final = {"5": 5, "50": 50}
DEPTHS: Final = (BEST, *FULL, REAL_TIME, PACED)
KEPT_LEVELS: Final = 500
"""Levels of a side that increments speak of; what falls out of them is deleted."""
PACE_S: Final = {PACED: 0.010, "5": 0.100, "50": 0.100}

Rows = dict[str, str]
"""Price -> size of one side."""


class UtaBooks:
    """Makes the frames of each depth while somebody watches it."""

    def __init__(
        self,
        exchange: Exchange,
        wire: Wire,
        sequencer: Sequencer,
        watched: Callable[[str], bool],
        publish: Callable[[str, bytes], None],
    ) -> None:
        self._exchange, self._wire, self._sequencer = exchange, wire, sequencer
        self._watched, self._publish = watched, publish
        self._due: dict[str, asyncio.TimerHandle] = {}
        self._told: dict[str, Json] = {}
        """The last full book of a depth, to leave out repetitions."""
        self._sides: tuple[Rows, Rows] = ({}, {})
        """Bids and asks as the watchers of the paced increments have them."""
        self._last = 0

    def on_book(self, frame: Frame) -> None:
        if self._watched(REAL_TIME):
            rows: Json = {"a": [], "b": []}
            for entry in frame.entries:
                if entry.price:  # 0: only the sequence advances
                    row = [self._wire.price(entry.price), self._wire.qty(entry.qty)]
                    rows["a" if entry.side else "b"].append(row)
            self._tell(REAL_TIME, "delta", frame.start, frame.end, rows)
        if self._watched(BEST):
            self._tell_full(BEST)
        for depth, pace in PACE_S.items():
            if depth not in self._due and self._watched(depth):
                loop = asyncio.get_running_loop()
                self._due[depth] = loop.call_later(pace, self._beat, depth)

    def first(self, depth: str) -> bytes | None:
        """What a new watcher gets at once; of real-time increments nothing."""
        if depth == REAL_TIME:
            return None
        if depth == PACED:
            self._flush()  # those who watch already stay in step
            if not self._watched(PACED):
                self._sides, self._last = self._now(), self._sequencer.last
            bids, asks = (list(map(list, side.items())) for side in self._sides)
            return self._frame(depth, "snapshot", self._last, self._last, {"a": asks, "b": bids})
        last = self._sequencer.last
        return self._frame(depth, "snapshot", last, last, self._full(depth))

    def close(self) -> None:
        for timer in self._due.values():
            timer.cancel()
        self._due.clear()

    # --- inside -------------------------------------------------------------------------------

    def _beat(self, depth: str) -> None:
        del self._due[depth]
        if not self._watched(depth):
            return
        if depth == PACED:
            self._flush()
        else:
            self._tell_full(depth)

    def _flush(self) -> None:
        """The difference to what the watchers of the paced increments have."""
        last = self._sequencer.last
        if not self._watched(PACED) or last == self._last:
            return
        now = self._now()
        changed = []
        for old, new in zip(self._sides, now, strict=True):
            rows = [[price, size] for price, size in new.items() if old.get(price) != size]
            rows += [[price, "0"] for price in old if price not in new]
            changed.append(rows)
        start, self._sides, self._last = self._last + 1, now, last
        self._tell(PACED, "delta", start, last, {"a": changed[1], "b": changed[0]})

    def _now(self) -> tuple[Rows, Rows]:
        matching, wire = self._exchange.matching, self._wire

        def side(which: Side) -> Rows:
            levels = matching.levels(which, KEPT_LEVELS)
            return {wire.price(price): wire.qty(qty) for price, qty in levels}

        return side(Side.BUY), side(Side.SELL)

    def _full(self, depth: str) -> Json:
        matching, count = self._exchange.matching, int(depth)
        return {
            "a": self._wire.levels(matching.levels(Side.SELL, count)),
            "b": self._wire.levels(matching.levels(Side.BUY, count)),
        }

    def _tell_full(self, depth: str) -> None:
        rows = self._full(depth)
        if rows != self._told.get(depth):
            self._told[depth] = rows
            last = self._sequencer.last
            self._tell(depth, "snapshot", last, last, rows)

    def _tell(self, depth: str, kind: str, start: int, end: int, rows: Json) -> None:
        self._publish(depth, self._frame(depth, kind, start, end, rows))

    def _frame(self, depth: str, kind: str, start: int, end: int, rows: Json) -> bytes:
        now = self._exchange.wall_ns()
        data = {"s": self._wire.symbol, "O": start, "C": end, "M": now, **rows}
        return orjson.dumps({"T": "obu.SPOT", "dp": depth, "t": kind, "P": now, "d": data})
