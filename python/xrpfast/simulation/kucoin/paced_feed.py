"""Public topics that come at their own pace, when what they say has changed.

Tickers, best prices and depths follow the book; snapshots and candles what was traded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from xrpfast.model import Side
from xrpfast.simulation.exchange import Exchange

from . import topics
from .books import Sequencer
from .candle_types import TYPES
from .push import PushHub, PushSession
from .tickers import Tickers
from .wire import Json, Wire, message, ms

PACE_S: Final = {
    topics.LEVEL1: 0.010,
    topics.TICKER: 0.100,
    topics.DEPTH5: 0.100,
    topics.DEPTH50: 0.100,
    topics.SNAPSHOT: 2.0,
    topics.CANDLES: 0.010,
}


class Paced(msgspec.Struct, eq=False):
    """One topic: how often, and what it says now."""

    topic: str
    seconds: float
    subject: str
    content: Callable[[], Json]
    dress: Callable[[Json, int], Json]
    """The content as ``data``, with the time in ns."""
    last: Json | None = None


class PacedFeed:
    """The paced topics of one symbol; nothing is made for a topic without watchers."""

    def __init__(
        self,
        exchange: Exchange,
        hub: PushHub,
        wire: Wire,
        tickers: Tickers,
        sequencer: Sequencer,
    ) -> None:
        self._exchange, self._hub, self._wire = exchange, hub, wire
        self._tickers, self._sequencer = tickers, sequencer
        self._paced = {paced.topic: paced for paced in (*self._of_book(), *self._of_trades())}
        self._candle_topics = frozenset(
            topic for topic in self._paced if topic.startswith(topics.CANDLES)
        )
        self._idle: dict[str, Paced] = {}
        """Watched topics of the book that wait for a change."""
        self._idle_candles: dict[str, Paced] = {}
        self._due: dict[str, asyncio.TimerHandle] = {}

    # --- what happens -------------------------------------------------------------------------

    def on_book(self) -> None:
        if self._idle:
            self._schedule(self._idle)

    def on_trade(self) -> None:
        if self._idle_candles:
            self._schedule(self._idle_candles)

    def on_subscribed(self, topic: str, session: PushSession) -> None:
        """A new watcher sees the present state at the next beat."""
        paced = self._paced.get(topic)
        if paced is not None:
            if not topic.startswith(topics.CANDLES):
                paced.last = None
            self._idle.pop(topic, None)
            self._idle_candles.pop(topic, None)
            if topic not in self._due:
                self._schedule({topic: paced})

    def close(self) -> None:
        for timer in self._due.values():
            timer.cancel()
        self._due.clear()

    def _schedule(self, waiting: dict[str, Paced]) -> None:
        loop = asyncio.get_running_loop()
        for topic, paced in waiting.items():
            self._due[topic] = loop.call_later(paced.seconds, self._emit, paced)
        waiting.clear()

    def _emit(self, paced: Paced) -> None:
        del self._due[paced.topic]
        if not self._hub.watched(paced.topic):
            return
        candle = paced.topic in self._candle_topics
        (self._idle_candles if candle else self._idle)[paced.topic] = paced
        content = paced.content()
        # The ticker speaks of the best prices: a change deeper in the book is none to it.
        seen = {k: v for k, v in content.items() if k != "sequence"}
        if not seen or paced.last == seen:
            return
        subject = paced.subject
        if candle and paced.last and paced.last["candles"][0] != seen["candles"][0]:
            subject = "trade.candles.add"
        paced.last = seen
        data = paced.dress(content, self._exchange.wall_ns())
        self._hub.publish(paced.topic, message(paced.topic, subject, data))

    # --- what they say ------------------------------------------------------------------------

    def _of_book(self) -> Iterable[Paced]:
        symbol = self._wire.symbol

        def paced(name: str, what: str, subject: str, content: Callable[[], Json]) -> Paced:
            return Paced(f"{name}:{what}", PACE_S[name], subject, content, _DRESS[name])

        yield paced(topics.LEVEL1, symbol, "level1", self._level1)
        yield paced(topics.TICKER, symbol, "trade.ticker", self.ticker)
        yield paced(topics.TICKER, topics.ALL, symbol, self.ticker)
        yield paced(topics.DEPTH5, symbol, "level2", lambda: self._depth(5))
        yield paced(topics.DEPTH50, symbol, "level2", lambda: self._depth(50))
        for what in (symbol, self._wire.market):
            yield paced(topics.SNAPSHOT, what, "trade.snapshot", self._snapshot)

    def _of_trades(self) -> Iterable[Paced]:
        for name in TYPES:
            topic = f"{topics.CANDLES}:{self._wire.symbol}_{name}"

            def content(name: str = name) -> Json:
                now = self._exchange.wall_ns()
                found = self._tickers.candles.candle(TYPES[name], now)
                if found is None:
                    return {}
                return {"symbol": self._wire.symbol, "candles": self._wire.candle(found)}

            pace = PACE_S[topics.CANDLES]
            yield Paced(topic, pace, "trade.candles.update", content, _in_ns)

    def ticker(self) -> Json:
        """Last trade and best prices; "0" where a side of the book is empty."""
        bid, ask = self._best(Side.BUY), self._best(Side.SELL)
        last = self._exchange.last_trade
        return {
            "sequence": str(self._sequencer.last),
            "price": bid[0] if last is None else self._wire.price(last.price),
            "size": "0" if last is None else self._wire.qty(last.qty),
            "bestBid": bid[0],
            "bestBidSize": bid[1],
            "bestAsk": ask[0],
            "bestAskSize": ask[1],
        }

    def _best(self, side: Side) -> tuple[str, str]:
        best = self._exchange.matching.best(side)
        if best is None:
            return "0", "0"
        return self._wire.price(best[0]), self._wire.qty(best[1])

    def _level1(self) -> Json:
        bid, ask = self._best(Side.BUY), self._best(Side.SELL)
        return {
            "asks": [] if ask[0] == "0" else list(ask),
            "bids": [] if bid[0] == "0" else list(bid),
        }

    def _depth(self, depth: int) -> Json:
        matching = self._exchange.matching
        return {
            "asks": self._wire.levels(matching.levels(Side.SELL, depth)),
            "bids": self._wire.levels(matching.levels(Side.BUY, depth)),
        }

    def _snapshot(self) -> Json:
        return {"sequence": str(self._sequencer.last), "data": self._tickers.snapshot()}


def _at_time(content: Json, now_ns: int) -> Json:
    return {**content, "time": ms(now_ns)}


def _at_timestamp(content: Json, now_ns: int) -> Json:
    return {**content, "timestamp": ms(now_ns)}


def _in_ns(content: Json, now_ns: int) -> Json:
    return {**content, "time": now_ns}


def _inside(content: Json, now_ns: int) -> Json:
    return {**content, "data": {**content["data"], "datetime": ms(now_ns)}}


_DRESS: Final = {
    topics.LEVEL1: _at_timestamp,
    topics.TICKER: _at_time,
    topics.DEPTH5: _at_timestamp,
    topics.DEPTH50: _at_timestamp,
    topics.SNAPSHOT: _inside,
}
