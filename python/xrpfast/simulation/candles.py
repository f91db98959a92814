"""Candles of one instrument's public trades, for every venue's klines, in exact integers.

Use: a face owns one `Candles` and calls `add(trade)` from its `Listener.on_trade`;
`candle` gives the one that holds a moment (a push), `candles` a range of them (a query), `span`
what was traded between two moments (rolling statistics: see `statistics.py`).

Only bars of 1 s, 1 min and 15 min are kept, each a bounded number of them; every longer candle is
merged out of the coarsest bars that fit when it is asked for. Times are nanoseconds of the wall
clock, prices and quantities the venue's units, quote money 10^-18.
"""

from __future__ import annotations

import calendar
import time
from dataclasses import dataclass, replace
from typing import Final

from xrpfast.model import Side, SymbolRules
from xrpfast.simulation.orders import Trade

SECOND: Final = 10**9
KEPT: Final = ((1, 7_200), (60, 10_080), (900, 3_000))
"""Seconds of a bar and how many are kept: 2 hours, a week, a month."""


@dataclass(slots=True)
class Candle:
    """Trades with ``start_ns`` <= time < ``end_ns``; flat where there were none."""

    start_ns: int
    end_ns: int
    open: int
    high: int
    low: int
    close: int
    qty: int = 0
    quote: int = 0
    trades: int = 0
    taker_buy_qty: int = 0
    taker_buy_quote: int = 0
    first_id: int = -1
    last_id: int = -1
    last_qty: int = 0

    def merge(self, later: Candle) -> None:
        """Adds what was traded after this; the bounds stay."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close, self.last_id, self.last_qty = later.close, later.last_id, later.last_qty
        self.qty += later.qty
        self.quote += later.quote
        self.trades += later.trades
        self.taker_buy_qty += later.taker_buy_qty
        self.taker_buy_quote += later.taker_buy_quote


@dataclass(frozen=True, slots=True)
class Interval:
    """A grid of candles: each ``seconds`` from ``origin`` (seconds of 1970); 0: calendar months."""

    seconds: int
    origin: int = 0

    def start(self, at_ns: int, offset: int = 0) -> int:
        """Start of the candle that holds a moment; ``offset``: seconds east of UTC of the days."""
        local = at_ns // SECOND + offset
        if self.seconds:
            begin = (local - self.origin) // self.seconds * self.seconds + self.origin
        else:
            day = time.gmtime(local)
            begin = calendar.timegm((day.tm_year, day.tm_mon, 1, 0, 0, 0))
        return (begin - offset) * SECOND

    def end(self, start_ns: int, offset: int = 0) -> int:
        """Start of the candle after the one that starts at ``start_ns``."""
        if self.seconds:
            return start_ns + self.seconds * SECOND
        return self.start(start_ns + 32 * 86_400 * SECOND, offset)


MINUTE: Final = Interval(60)
DAY: Final = Interval(86_400)
WEEK: Final = Interval(7 * 86_400, 4 * 86_400)
"""From Monday; 1970 began on a Thursday."""
MONTH: Final = Interval(0)


class _Bars:
    """Bars of one length, the newest ``keep`` of those that had trades."""

    def __init__(self, seconds: int, keep: int) -> None:
        self.step = seconds * SECOND
        self._keep = keep
        self._bars: dict[int, Candle] = {}
        self.since_ns = 0
        """Complete from here on: what is older was forgotten."""

    def add(self, trade: Trade, quote: int, taker_buy: bool) -> None:
        number = trade.wall_ns // self.step
        bar = self._bars.get(number)
        if bar is None:
            start, price = number * self.step, trade.price
            bar = Candle(start, start + self.step, price, price, price, price)
            bar.first_id = trade.trade_id
            self._bars[number] = bar
            if len(self._bars) > self._keep:
                oldest = next(iter(self._bars))
                del self._bars[oldest]
                self.since_ns = max(self.since_ns, (oldest + 1) * self.step)
        if trade.price > bar.high:
            bar.high = trade.price
        elif trade.price < bar.low:
            bar.low = trade.price
        bar.close, bar.last_id, bar.last_qty = trade.price, trade.trade_id, trade.qty
        bar.qty += trade.qty
        bar.quote += quote
        bar.trades += 1
        if taker_buy:
            bar.taker_buy_qty += trade.qty
            bar.taker_buy_quote += quote

    def get(self, start_ns: int) -> Candle | None:
        return self._bars.get(start_ns // self.step)


class Candles:
    """What was traded, by time, as far back as `KEPT` goes."""

    def __init__(self, rules: SymbolRules) -> None:
        self.rules = rules
        self.first: Trade | None = None
        self.last: Trade | None = None
        self._bars = [_Bars(seconds, keep) for seconds, keep in KEPT]
        self._coarse_first = tuple(reversed(self._bars))

    def add(self, trade: Trade) -> None:
        """The next public trade."""
        quote, buy = self.rules.notional(trade.price, trade.qty), trade.taker_side is Side.BUY
        for bars in self._bars:
            bars.add(trade, quote, buy)
        if self.first is None:
            self.first = trade
        self.last = trade

    def span(self, start_ns: int, end_ns: int) -> Candle | None:
        """Everything traded in ``start_ns`` <= time < ``end_ns``; None when nothing was.

        Moments inside a bar are rounded up to the next one: whole seconds, whole minutes where
        the seconds are forgotten already.
        """
        if self.first is None or self.last is None:
            return None
        coarsest = self._coarse_first[0].step
        merged: Candle | None = None
        at = max(start_ns, self.first.wall_ns // coarsest * coarsest)
        end = -(-end_ns // SECOND) * SECOND
        if end > self.last.wall_ns:  # the bars that are still being filled are whole, too
            end = (self.last.wall_ns // coarsest + 1) * coarsest
        while at < end:
            found = None
            for bars in self._coarse_first:
                if at % bars.step == 0 and at + bars.step <= end and at >= bars.since_ns:
                    found = bars
                    break
            if found is None:
                kept = next((bars for bars in self._bars if at >= bars.since_ns), None)
                step = kept.step if kept is not None else coarsest
                at = (at // step + 1) * step
                continue
            bar = found.get(at)
            if bar is not None:
                if merged is None:
                    merged = replace(bar, start_ns=start_ns, end_ns=end_ns)
                else:
                    merged.merge(bar)
            at += found.step
        return merged

    def close_before(self, at_ns: int) -> int | None:
        """Price of the last trade before a moment, None when none is known."""
        if self.first is None or self.last is None or self.first.wall_ns >= at_ns:
            return None
        if self.last.wall_ns < at_ns:
            return self.last.price
        known = self.span(0, at_ns)
        return known.close if known is not None else None

    def candle(self, interval: Interval, at_ns: int, offset: int = 0) -> Candle | None:
        """The candle that holds a moment: flat at the last price when nothing was traded in it,
        None when nothing ever was before its end."""
        start = interval.start(at_ns, offset)
        end = interval.end(start, offset)
        traded = self.span(start, end)
        if traded is not None:
            return traded
        price = self.close_before(start)
        return None if price is None else Candle(start, end, price, price, price, price)

    def candles(
        self,
        interval: Interval,
        limit: int,
        now_ns: int,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        fill: bool = True,
        offset: int = 0,
    ) -> list[Candle]:
        """At most ``limit`` candles in ascending order whose start is in [``start_ns``,
        ``end_ns``]: from the oldest when ``start_ns`` is given, else the newest. ``fill``: flat
        ones where nothing was traded, from the first trade on."""
        if self.first is None:
            return []
        oldest = interval.start(max(self.first.wall_ns, self._since(interval, offset)), offset)
        newest = interval.start(now_ns if end_ns is None else min(now_ns, end_ns), offset)
        if start_ns is not None and start_ns > oldest:
            oldest = interval.start(start_ns, offset)
            if oldest < start_ns:
                oldest = interval.end(oldest, offset)
        found: list[Candle] = []
        at = oldest if start_ns is not None else newest
        before = None
        while oldest <= at <= newest and len(found) < limit:
            end = interval.end(at, offset)
            candle = self.span(at, end)
            if candle is None and fill:
                before = found[-1].close if start_ns is not None and found else before
                price = before if before is not None else self.close_before(at)
                if price is not None:
                    candle = Candle(at, end, price, price, price, price)
                before = None
            if candle is not None:
                found.append(candle)
            at = end if start_ns is not None else interval.start(at - 1, offset)
        return found if start_ns is not None else found[::-1]

    def _since(self, interval: Interval, offset: int) -> int:
        """From when on candles of this interval can be told completely."""
        grain = interval.seconds or 86_400
        for bars in self._coarse_first:
            if grain * SECOND % bars.step == 0 and offset * SECOND % bars.step == 0:
                return bars.since_ns
        return self._bars[0].since_ns
