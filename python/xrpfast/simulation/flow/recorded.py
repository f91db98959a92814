"""A recorded market behind one mock venue: its book is the recording's, level by level.

Orders of customers rest between and behind the recorded ones and match by the usual rules. What
they take from a level is gone until the recording changes that level the next time: then the level
is as recorded again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.flow.given import GivenBook
from xrpfast.simulation.flow.recording import Capture, Frame, Recording

STANDING_SECONDS = 0.02
"""How often a market that stands still looks whether it may go on."""
AGAIN_SECONDS = 1.0
"""From the last frame of a recording to its first, when it starts over."""


class RecordedMarket:
    """Plays a recording on an exchange that has its rules. The first book stands at once."""

    def __init__(self, exchange: Exchange, recording: Recording, capture: Capture) -> None:
        assert exchange.rules == recording.rules
        self.recording = recording
        self.shown = 0
        """Frames of the recording shown in this round."""
        self.sequence = 0
        """The recorded sequence number of the book that stands."""
        self._book = GivenBook(exchange)
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
