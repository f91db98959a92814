"""Level2 and matches as they happen, and the books that REST shows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from xrpfast.model import Side
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Trade

from . import topics
from .books import Frame, Sequencer
from .paced_feed import PacedFeed
from .push import PushHub
from .tickers import Tickers
from .wire import Json, Wire, ms


class MarketFeed:
    """Book and trades of one exchange as frames; also the books that REST shows."""

    def __init__(self, exchange: Exchange, hub: PushHub, seed: int) -> None:
        self.exchange = exchange
        self.wire = Wire(exchange.rules)
        self.sequencer = Sequencer(exchange.sequence, seed)
        self.tickers = Tickers(exchange, self.wire)
        self.paced = PacedFeed(exchange, hub, self.wire, self.tickers, self.sequencer)
        self.on_frame: Callable[[Frame], None] | None = None
        """Told of every frame's content, whoever watches."""
        self.before_send: Callable[[int], None] | None = None
        self._hub = hub
        self._level2 = f"{topics.LEVEL2}:{self.wire.symbol}"
        self._match = f"{topics.MATCH}:{self.wire.symbol}"
        self._steps: Counter[tuple[int, int]] = Counter()

    # --- what the exchange tells --------------------------------------------------------------

    def on_trade(self, trade: Trade) -> None:
        self._steps[(int(trade.taker_side.opposite), trade.price)] += 1
        self.tickers.candles.add(trade)
        if self._hub.watched(self._match):
            self._hub.publish(self._match, self.wire.match(self._match, trade))
        self.paced.on_trade()

    def on_book(self, changes: list[tuple[int, int, int]]) -> None:
        frame = self.sequencer.frame(changes, self._steps)
        self._steps.clear()
        if self._hub.watched(self._level2):
            now_ms = ms(self.exchange.book_ns())
            data = self.wire.level2(self._level2, frame, now_ms)
            if self.before_send is not None:
                self.before_send(time.monotonic_ns())
            self._hub.publish(self._level2, data)
        self.paced.on_book()
        if self.on_frame is not None:
            self.on_frame(frame)

    def close(self) -> None:
        self.paced.close()

    # --- books --------------------------------------------------------------------------------

    def book(self, depth: int) -> Json:
        """A REST book: its sequence is that of the last level2 frame."""
        matching = self.exchange.matching
        return {
            "time": ms(self.exchange.book_ns()),
            "sequence": str(self.sequencer.last),
            "bids": self.wire.levels(matching.levels(Side.BUY, depth)),
            "asks": self.wire.levels(matching.levels(Side.SELL, depth)),
        }

    def level1(self) -> Json:
        """The REST ticker."""
        return {"time": ms(self.exchange.wall_ns()), **self.paced.ticker()}
