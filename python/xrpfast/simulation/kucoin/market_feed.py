"""Public topics: level2 and matches at once, the others at their own pace when they changed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from xrpfast.model import Side
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Trade

from . import topics
from .books import Sequencer
from .push import PushHub, PushSession
from .wire import Json, Wire, message, ms

PACE_S: Final = {
    topics.LEVEL1: 0.010,
    topics.TICKER: 0.100,
    topics.DEPTH5: 0.100,
    topics.DEPTH50: 0.100,
}
SUBJECTS: Final = {
    topics.LEVEL1: "level1",
    topics.TICKER: "trade.ticker",
    topics.DEPTH5: "level2",
    topics.DEPTH50: "level2",
}


class MarketFeed:
    """Book and trades of one exchange as frames; also the books that REST shows."""

    def __init__(self, exchange: Exchange, hub: PushHub, seed: int) -> None:
        self.exchange = exchange
        self.wire = Wire(exchange.rules)
        self.sequencer = Sequencer(exchange.sequence, seed)
        self.before_send: Callable[[int], None] | None = None
        self._hub = hub
        self._level2 = f"{topics.LEVEL2}:{self.wire.symbol}"
        self._match = f"{topics.MATCH}:{self.wire.symbol}"
        self._paced = {f"{name}:{self.wire.symbol}": name for name in PACE_S}
        self._due: dict[str, asyncio.TimerHandle] = {}
        self._last: dict[str, Json] = {}
        self._steps: Counter[tuple[int, int]] = Counter()
        self._make: dict[str, Callable[[], Json]] = {
            topics.LEVEL1: self._level1_content,
            topics.TICKER: self._ticker_content,
            topics.DEPTH5: lambda: self._depth_content(5),
            topics.DEPTH50: lambda: self._depth_content(50),
        }

    # --- what the exchange tells --------------------------------------------------------------

    def on_trade(self, trade: Trade) -> None:
        self._steps[(int(trade.taker_side.opposite), trade.price)] += 1
        if self._hub.watched(self._match):
            self._hub.publish(self._match, self.wire.match(self._match, trade))

    def on_book(self, changes: list[tuple[int, int, int]]) -> None:
        frame = self.sequencer.frame(changes, self._steps)
        self._steps.clear()
        if self._hub.watched(self._level2):
            now_ms = ms(self.exchange.wall_ns())
            data = self.wire.level2(self._level2, frame, now_ms)
            if self.before_send is not None:
                self.before_send(time.monotonic_ns())
            self._hub.publish(self._level2, data)
        for topic, name in self._paced.items():
            if topic not in self._due and self._hub.watched(topic):
                self._schedule(topic, name)

    def on_subscribed(self, topic: str, session: PushSession) -> None:
        """A new watcher sees the present state at the next beat."""
        name = self._paced.get(topic)
        if name is not None:
            self._last.pop(topic, None)
            if topic not in self._due:
                self._schedule(topic, name)

    def close(self) -> None:
        for timer in self._due.values():
            timer.cancel()
        self._due.clear()

    # --- books --------------------------------------------------------------------------------

    def book(self, depth: int) -> Json:
        """A REST book: its sequence is that of the last level2 frame."""
        matching = self.exchange.matching
        return {
            "time": ms(self.exchange.wall_ns()),
            "sequence": str(self.sequencer.last),
            "bids": self.wire.levels(matching.levels(Side.BUY, depth)),
            "asks": self.wire.levels(matching.levels(Side.SELL, depth)),
        }

    def level1(self) -> Json:
        """The REST ticker."""
        content = self._ticker_content()
        return {"time": ms(self.exchange.wall_ns()), **content}

    # --- paced frames -------------------------------------------------------------------------

    def _schedule(self, topic: str, name: str) -> None:
        loop = asyncio.get_running_loop()
        self._due[topic] = loop.call_later(PACE_S[name], self._emit, topic, name)

    def _emit(self, topic: str, name: str) -> None:
        del self._due[topic]
        if not self._hub.watched(topic):
            return
        content = self._make[name]()
        # The ticker speaks of the best prices: a change deeper in the book is none to it.
        seen = {k: v for k, v in content.items() if k != "sequence"}
        if self._last.get(topic) == seen:
            return
        self._last[topic] = seen
        now_ms = ms(self.exchange.wall_ns())
        clock = "time" if name == topics.TICKER else "timestamp"
        self._hub.publish(topic, message(topic, SUBJECTS[name], {**content, clock: now_ms}))

    def _best(self, side: Side) -> tuple[str, str]:
        best = self.exchange.matching.best(side)
        if best is None:
            return "0", "0"
        return self.wire.price(best[0]), self.wire.qty(best[1])

    def _level1_content(self) -> Json:
        bid, ask = self._best(Side.BUY), self._best(Side.SELL)
        return {
            "asks": [] if ask[0] == "0" else list(ask),
            "bids": [] if bid[0] == "0" else list(bid),
        }

    def _depth_content(self, depth: int) -> Json:
        matching = self.exchange.matching
        return {
            "asks": self.wire.levels(matching.levels(Side.SELL, depth)),
            "bids": self.wire.levels(matching.levels(Side.BUY, depth)),
        }

    def _ticker_content(self) -> Json:
        bid, ask = self._best(Side.BUY), self._best(Side.SELL)
        last = self.exchange.last_trade
        return {
            "sequence": str(self.sequencer.last),
            "price": bid[0] if last is None else self.wire.price(last.price),
            "size": "0" if last is None else self.wire.qty(last.qty),
            "bestBid": bid[0],
            "bestBidSize": bid[1],
            "bestAsk": ask[0],
            "bestAskSize": ask[1],
        }
