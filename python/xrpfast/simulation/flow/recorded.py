"""A recorded market behind one mock venue: its book is the recording's, level by level.

Orders of customers rest between and behind the recorded ones and match by the usual rules. What
they take from a level is gone until the recording changes that level the next time: then the level
is as recorded again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.flow.recording import Capture, Frame, Levels, Recording

STANDING_SECONDS = 0.02
"""How often a market that stands still looks whether it may go on."""
AGAIN_SECONDS = 1.0
"""From the last frame of a recording to its first, when it starts over."""


class RecordedBook:
    """The market's own orders of one exchange, made equal to a given book."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._shown: dict[Side, Levels] = {Side.BUY: {}, Side.SELL: {}}
        self._orders: dict[tuple[Side, int], list[int]] = {}
        """By level, oldest first."""

    def show(self, bids: Levels, asks: Levels) -> None:
        """Changes what differs from the book shown last; subscribers are told once."""
        changes = [
            (side, price, wanted.get(price, 0))
            for side, wanted in ((Side.BUY, bids), (Side.SELL, asks))
            for price in _changed(self._shown[side], wanted)
        ]
        # Best prices first, so that a customer's order meets them in that order; and nothing new
        # before all that must go has gone: the recorded sides do not trade with each other.
        changes.sort(key=lambda change: -change[1] if change[0] is Side.BUY else change[1])
        with self._exchange.together():
            for side, price, qty in changes:
                self._lower(side, price, qty)
            for side, price, qty in changes:
                self._raise(side, price, qty)
        self._shown = {Side.BUY: bids, Side.SELL: asks}

    def clear(self) -> None:
        """Takes all orders off."""
        self.show({}, {})

    def _resting(self, side: Side, price: int) -> list[tuple[int, int]]:
        """(order, what is left of it) at the level, oldest first."""
        remaining = self._exchange.matching.remaining
        rows = ((order_id, remaining(order_id)) for order_id in self._orders.get((side, price), ()))
        return [(order_id, left) for order_id, left in rows if left]

    def _lower(self, side: Side, price: int, qty: int) -> None:
        rows = self._resting(side, price)
        excess = sum(left for _, left in rows) - qty
        for order_id, left in reversed(rows):  # those that came last go first
            if excess <= 0:
                break
            if left <= excess:
                self._exchange.cancel_background(order_id)
            else:
                self._exchange.reduce_background(order_id, excess)
            excess -= left
        if not qty:
            self._orders.pop((side, price), None)

    def _raise(self, side: Side, price: int, qty: int) -> None:
        if not qty:
            return
        rows = self._resting(side, price)
        orders = [order_id for order_id, _ in rows]
        lacking = qty - sum(left for _, left in rows)
        if lacking > 0:
            gtc = TimeInForce.GTC
            orders.append(self._exchange.place_background(side, price, lacking, gtc))
        self._orders[side, price] = orders


def _changed(before: Levels, after: Levels) -> set[int]:
    """Prices of the levels that differ."""
    return {price for price, _ in before.items() ^ after.items()}


class RecordedMarket:
    """Plays a recording on an exchange that has its rules. The first book stands at once."""

    def __init__(self, exchange: Exchange, recording: Recording, capture: Capture) -> None:
        assert exchange.rules == recording.rules
        self.recording = recording
        self.shown = 0
        """Frames of the recording shown in this round."""
        self.sequence = 0
        """The recorded sequence number of the book that stands."""
        self._book = RecordedBook(exchange)
        self._speed, self._loop = capture.speed, capture.loop
        self._frames: Iterator[Frame] = recording.frames()
        self._last_ns = 0
        self._next: Frame | None = None
        self.step()

    @property
    def ended(self) -> bool:
        return self.shown > 0 and self._peek() is None

    def step(self) -> bool:
        """Shows the next book; False when there is none."""
        frame = self._peek()
        if frame is None:
            return False
        self._book.show(frame.bids, frame.asks)
        self._last_ns, self.sequence, self._next = frame.recv_ns, frame.sequence, None
        self.shown += 1
        return True

    def rewind(self) -> None:
        """The next step shows the first book again."""
        self._frames, self._next, self.shown = self.recording.frames(), None, 0

    def clear(self) -> None:
        """Takes the recorded orders off the book."""
        self._book.clear()

    async def run(self, running: Callable[[], bool]) -> None:
        """Plays until cancelled, while ``running`` says so; never ends by itself."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            frame = self._peek()
            if frame is not None and running():
                wait = max(0, frame.recv_ns - self._last_ns) / 1e9 if self.shown else AGAIN_SECONDS
                # The pace holds on average; what stood still is not made up for.
                due = max(due + wait / self._speed, loop.time())
                await asyncio.sleep(due - loop.time())
                if running():
                    self.step()
            elif frame is None and self._loop:
                self.rewind()
            else:
                await asyncio.sleep(STANDING_SECONDS)

    def state(self) -> dict[str, Any]:
        """Where it is, as plain values."""
        rules = self.recording.rules
        return {
            "symbol": rules.venue_symbol,
            "sequence": self.sequence,
            "frame": self.shown,
            "frames": self.recording.frame_count,
            "ended": self.ended,
        }

    def _peek(self) -> Frame | None:
        if self._next is None:
            self._next = next(self._frames, None)
        return self._next
