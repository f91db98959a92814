"""JSON market streams: what happens at the exchange, as frames for those who watch.

Nothing is made for a stream that nobody watches, and each frame is encoded once for all.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import orjson

from xrpfast.model import Side
from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.binance import stream_events as events
from xrpfast.simulation.binance.book_changes import BookChanges
from xrpfast.simulation.binance.connection_life import Connections, ConnectionSettings
from xrpfast.simulation.binance.feeds import BeforeSend, Feed, Feeds, StreamConnection, send
from xrpfast.simulation.binance.market import AVERAGE_MINUTES, Market
from xrpfast.simulation.binance.market_bodies import INTERVALS, WINDOWS, minute_before
from xrpfast.simulation.binance.pace import Pace
from xrpfast.simulation.binance.stream_names import topic
from xrpfast.simulation.binance.wire import MS
from xrpfast.simulation.orders import Fill, Order, Trade
from xrpfast.simulation.statistics import average_price, rolling, window

PERIODS_MS: Final = (100, 1_000, 2_000, 3_000)
MISSED_CANDLES: Final = 5
"""How many closed candles are told at most after a pause of the server."""


class Streams:
    """Every JSON stream socket; a `Listener` of the exchange, after its `Tape`."""

    def __init__(self, market: Market, settings: ConnectionSettings | None = None) -> None:
        self.market = market
        self.exchange = exchange = market.exchange
        self.before_send: BeforeSend | None = None
        self.tickers_first = True
        """False: a depth frame that is flushed overtakes the bookTicker of the same change."""
        self.sockets = Connections(
            settings or ConnectionSettings(), lambda: exchange.wall_ns() // MS
        )
        self._symbol = exchange.rules.venue_symbol.lower()
        self._feeds = Feeds(lambda name: topic(name, self._symbol))
        self._diffs: dict[str, BookChanges] = {}
        self._top: tuple[object, object] = (None, None)
        self._pace = Pace(PERIODS_MS, self.flush)
        self._periodic = {
            "diff": lambda feed: self.flush_depth(feed.topic.word),
            "partial": self._partial,
            "kline": self._kline,
            "miniTicker": self._mini_ticker,
            "ticker": self._ticker,
            "window": self._window,
            "avgPrice": self._average_price,
            "referencePrice": self._reference_price,
        }

    def stream(self, kind: str) -> str:
        return f"{self._symbol}@{kind}"

    def watch(self, connection: StreamConnection, name: str) -> None:
        """One more socket watches a stream."""
        born = self._feeds.join(connection, name)
        if born is None:
            return
        if born.topic.kind == "diff":
            self._diffs[born.topic.word] = BookChanges(self.exchange.sequence + 1)
        elif born.topic.kind == "bookTicker":
            self._top = self._touch()
        self._pace.want(born.topic.period_ms, wanted=True)

    def unwatch(self, connection: StreamConnection, name: str) -> None:
        """One less."""
        gone = self._feeds.leave(connection, name)
        if gone is None:
            return
        if gone.topic.kind == "diff":
            del self._diffs[gone.topic.word]
        period = gone.topic.period_ms
        self._pace.want(period, wanted=bool(self._feeds.of_period(period)))

    # --- the exchange's listener ----------------------------------------------------------------

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None: ...

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None: ...

    def on_trade(self, trade: Trade) -> None:
        feed = self._feeds.named.get(self.stream("trade"))
        if feed is not None and not self.market.silent:
            send(feed, partial(events.trade, trade, self.exchange.rules, self.exchange.wall_ns()))

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
        aggregates = self.market.tape.step[1]
        if aggregates and not self.market.silent:
            feed = self._feeds.named.get(self.stream("aggTrade"))
            for row in aggregates if feed is not None else ():
                assert feed is not None
                now = self.exchange.wall_ns()
                send(feed, partial(events.aggregate, row, self.exchange.rules, now))
        for diff in self._diffs.values():
            diff.add(changes)
        if self.tickers_first:
            self.flush_ticker()

    # --- frames ---------------------------------------------------------------------------------

    def flush_ticker(self) -> None:
        """A bookTicker frame if the touch changed since the last."""
        feed = self._feeds.named.get(self.stream("bookTicker"))
        if feed is None or self.market.silent:
            return
        top = self._touch()
        if top == self._top or None in top:
            return
        self._top = top
        frame = events.book_ticker(self.exchange)
        send(feed, lambda _: frame)

    def flush_depth(self, speed: str) -> None:
        """The depth frame of everything since the last one of this speed."""
        diff, feed = self._diffs.get(speed), self._feeds.named.get(self.stream(speed))
        exchange = self.exchange
        last = exchange.sequence
        if diff is None or feed is None or self.market.silent:
            return
        taken = diff.take(last)
        if taken is None:
            return
        first, bids, asks = taken
        now, rules = exchange.book_ns(), exchange.rules
        send(feed, lambda unit: events.depth_update((bids, asks), first, last, rules, now, unit))

    def flush(self, period_ms: int) -> None:
        """What the streams of one period have to tell."""
        if self.market.silent:
            return
        for feed in self._feeds.of_period(period_ms):
            self._periodic[feed.topic.kind](feed)

    async def run(self) -> None:
        """Flushes the timed streams at their periods until cancelled."""
        await self._pace.run()

    def _touch(self) -> tuple[object, object]:
        matching = self.exchange.matching
        return matching.best(Side.BUY), matching.best(Side.SELL)

    def _partial(self, feed: Feed) -> None:
        if feed.changed(self.exchange.sequence):
            frame = events.partial_book(self.exchange, feed.topic.levels)
            send(feed, lambda _: frame)

    def _kline(self, feed: Feed) -> None:
        """The candles that closed since the last frame, then the one that is open."""
        exchange, candles, name = self.exchange, self.market.tape.candles, feed.topic.word
        interval, zone, now = INTERVALS[name], feed.topic.zone, exchange.wall_ns()
        current = candles.candle(interval, now, zone)
        if current is None or self.market.status == "CANCEL_ONLY":
            return
        rows = [current]
        told = feed.told
        if isinstance(told, tuple) and told[0] < current.start_ns:
            before = candles.candles(
                interval, MISSED_CANDLES, now, start_ns=told[0], end_ns=current.start_ns - 1,
                offset=zone,
            )  # fmt: skip
            rows = [*before, current]
        if not feed.changed((current.start_ns, current.trades)):
            return
        for row in rows:
            closed = row is not current
            send(feed, partial(events.kline, row, name, exchange.rules, closed, now))

    def _mini_ticker(self, feed: Feed) -> None:
        exchange, now = self.exchange, self.exchange.wall_ns()
        stats = rolling(self.market.tape.candles, now)
        if feed.changed((stats.first_id, stats.last_id, stats.last)):
            self._send(feed, partial(events.mini_ticker, stats, exchange.rules, now))

    def _ticker(self, feed: Feed) -> None:
        exchange, now = self.exchange, self.exchange.wall_ns()
        stats = rolling(self.market.tape.candles, now)
        if feed.changed((stats.first_id, stats.last_id, self._touch())):
            self._send(feed, partial(events.ticker, stats, exchange, now))

    def _window(self, feed: Feed) -> None:
        now, size = self.exchange.wall_ns(), feed.topic.word
        opened = minute_before(now, WINDOWS[size])
        stats = window(self.market.tape.candles, opened, now + 1)
        if feed.changed((stats.first_id, stats.last_id, stats.last)):
            self._send(feed, partial(events.window_ticker, stats, size, self.exchange.rules, now))

    def _average_price(self, feed: Feed) -> None:
        candles, now, rules = self.market.tape.candles, self.exchange.wall_ns(), self.exchange.rules
        price = average_price(candles, now, AVERAGE_MINUTES, 8)
        last = candles.last
        if last is not None and feed.changed((price, last.wall_ns)):
            body = partial(events.average_price, price, AVERAGE_MINUTES, last.wall_ns, rules, now)
            send(feed, body)

    def _reference_price(self, feed: Feed) -> None:
        reference = self.market.reference
        if reference is not None:
            send(feed, partial(events.reference_price, *reference, self.exchange.rules))

    def _send(self, feed: Feed, body: partial[dict[str, Any]]) -> None:
        """An event that an `@arr` stream tells in an array."""

        def encoded(unit: int) -> bytes:
            event = body(unit)
            return orjson.dumps([event] if feed.topic.array else event)

        send(feed, encoded)
