"""SBE market streams: binary events on sockets of their own; control frames stay JSON text."""

from __future__ import annotations

from typing import Final

from picows import WSMsgType

from xrpfast.model import Side
from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.binance.book_changes import BookChanges
from xrpfast.simulation.binance.connection_life import Connections, ConnectionSettings
from xrpfast.simulation.binance.feeds import BeforeSend, Feed, Feeds, StreamConnection
from xrpfast.simulation.binance.market import Market
from xrpfast.simulation.binance.pace import Pace
from xrpfast.simulation.binance.sbe import SbeEncoder, SbeSettings
from xrpfast.simulation.binance.stream_names import SILENT, Topic
from xrpfast.simulation.binance.wire import MS
from xrpfast.simulation.orders import Fill, Order, Trade

MICRO: Final = 1_000
DEPTH_LEVELS: Final = 20
TOPICS: Final = {
    "trade": Topic("trade"),
    "bestBidAsk": Topic("bestBidAsk"),
    "depth20": Topic("partial", 50, levels=DEPTH_LEVELS),
    "depth": Topic("diff", 20),
}
PERIODS_MS: Final = (20, 50)


class SbeStreams:
    """Every SBE stream socket; a `Listener` of the exchange, after its `Tape`."""

    def __init__(
        self,
        market: Market,
        settings: ConnectionSettings | None = None,
        sbe: SbeSettings | None = None,
    ) -> None:
        self.exchange = exchange = market.exchange
        self.before_send: BeforeSend | None = None
        self.sbe = sbe or SbeSettings()
        self.sockets = Connections(
            settings or ConnectionSettings(), lambda: exchange.wall_ns() // MS
        )
        self._market = market
        self._prefix = f"{exchange.rules.venue_symbol.lower()}@"
        self._feeds = Feeds(self._topic)
        self._encoder = SbeEncoder(exchange.rules, self.sbe)
        self._changes: BookChanges | None = None
        self._top: tuple[object, object] = (None, None)
        self._pace = Pace(PERIODS_MS, self.flush)

    def watch(self, connection: StreamConnection, name: str) -> None:
        """One more socket watches a stream."""
        born = self._feeds.join(connection, name)
        if born is None:
            return
        if born.topic.kind == "diff":
            self._changes = BookChanges(self.exchange.sequence + 1)
        elif born.topic.kind == "bestBidAsk":
            self._top = self._touch()
        self._pace.want(born.topic.period_ms, wanted=True)

    def unwatch(self, connection: StreamConnection, name: str) -> None:
        """One less."""
        gone = self._feeds.leave(connection, name)
        if gone is not None:
            if gone.topic.kind == "diff":
                self._changes = None
            self._pace.want(gone.topic.period_ms, wanted=False)  # one stream a period

    # --- the exchange's listener ----------------------------------------------------------------

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None: ...

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None: ...

    def on_trade(self, trade: Trade) -> None: ...

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
        if self._changes is not None:
            self._changes.add(changes)
        if self._market.silent:
            return
        trades = self._market.tape.step[0]
        if trades:
            self._tell_trades(trades)
        self._tell_best()

    # --- frames ---------------------------------------------------------------------------------

    def flush(self, period_ms: int) -> None:
        """What the streams of one period have to tell."""
        if self._market.silent:
            return
        for feed in self._feeds.of_period(period_ms):
            (self._tell_changes if feed.topic.kind == "diff" else self._tell_depth)(feed)

    async def run(self) -> None:
        """Flushes the timed streams at their periods until cancelled."""
        await self._pace.run()

    def _tell_trades(self, trades: list[Trade]) -> None:
        """One frame for all fills of one transaction."""
        feed = self._feed("trade")
        if feed is not None:
            rows = [(t.trade_id, t.price, t.qty, t.taker_side is Side.SELL) for t in trades]
            self._send(feed, self._encoder.trades(self._now(), trades[0].wall_ns // MICRO, rows))

    def _tell_best(self) -> None:
        feed = self._feed("bestBidAsk")
        if feed is None:
            return
        matching = self.exchange.matching
        bid, ask = top = matching.best(Side.BUY), matching.best(Side.SELL)
        if top == self._top or bid is None or ask is None:
            return
        self._top = top
        frame = self._encoder.best(self._now(), self.exchange.sequence, bid, ask)
        for connection in feed.connections:
            connection.deliver_latest(feed.name, frame)

    def _tell_depth(self, feed: Feed) -> None:
        matching, last = self.exchange.matching, self.exchange.sequence
        if feed.changed(last):
            bids, asks = (
                matching.levels(side, feed.topic.levels) for side in (Side.BUY, Side.SELL)
            )
            self._send(feed, self._encoder.depth(self._now(), last, bids, asks))

    def _tell_changes(self, feed: Feed) -> None:
        last = self.exchange.sequence
        taken = self._changes.take(last) if self._changes is not None else None
        if taken is not None:
            first, bids, asks = taken
            self._send(feed, self._encoder.diff(self._now(), first, last, bids, asks))

    def _send(self, feed: Feed, frame: bytes) -> None:
        for connection in feed.connections:
            connection.deliver(frame, WSMsgType.BINARY)

    def _feed(self, kind: str) -> Feed | None:
        return self._feeds.named.get(self._prefix + kind)

    def _topic(self, name: str) -> Topic:
        ours = name.startswith(self._prefix)
        return TOPICS.get(name[len(self._prefix) :], SILENT) if ours else SILENT

    def _touch(self) -> tuple[object, object]:
        matching = self.exchange.matching
        return matching.best(Side.BUY), matching.best(Side.SELL)

    def _now(self) -> int:
        return self.exchange.wall_ns() // MICRO
