"""Candles and rolling statistics against a plain list of the same trades."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from xrpfast.model import Side
from xrpfast.simulation import candles as module
from xrpfast.simulation.candles import DAY, MINUTE, MONTH, SECOND, WEEK, Candle, Candles, Interval
from xrpfast.simulation.orders import Trade
from xrpfast.simulation.statistics import average_price, rolling, window
from xrpfast.simulation.worlds import BINANCE

T0 = 1_789_999_980 * SECOND  # a whole minute


def trades_of(seed: int, count: int, most_seconds: float) -> list[Trade]:
    draw, now, trades = random.Random(seed), T0 + 17, []
    for number in range(count):
        now += round(draw.expovariate(2 / most_seconds) * SECOND)
        side = draw.choice((Side.BUY, Side.SELL))
        price, qty = 24_000 + draw.randint(-50, 50), draw.randint(1, 900)
        trades.append(Trade(700 + number, price, qty, side, 1, 2, now))
    return trades


def candles_of(trades: list[Trade]) -> Candles:
    candles = Candles(BINANCE)
    for trade in trades:
        candles.add(trade)
    return candles


def expected(trades: list[Trade], start: int, end: int) -> Candle | None:
    inside = [trade for trade in trades if start <= trade.wall_ns < end]
    if not inside:
        return None
    prices = [trade.price for trade in inside]
    buys = [trade for trade in inside if trade.taker_side is Side.BUY]

    def quote(some: list[Trade]) -> int:
        return sum(trade.price * trade.qty for trade in some) * 10**13

    return Candle(
        start, end, prices[0], max(prices), min(prices), prices[-1],
        sum(trade.qty for trade in inside), quote(inside), len(inside),
        sum(trade.qty for trade in buys), quote(buys),
        inside[0].trade_id, inside[-1].trade_id, inside[-1].qty,
    )  # fmt: skip


@pytest.mark.parametrize("seconds", [1, 60, 180, 900, 3_600, 7_200, 86_400, 3 * 86_400])
def test_every_candle_is_its_trades(seconds: int) -> None:
    trades = trades_of(seconds, 600, max(2.0, seconds / 8))
    candles, interval = candles_of(trades), Interval(seconds)
    now = trades[-1].wall_ns
    rows = candles.candles(interval, 100_000, now, fill=False)
    starts = sorted({trade.wall_ns // (seconds * SECOND) for trade in trades})
    assert [row.start_ns // (seconds * SECOND) for row in rows] == starts
    for row in rows:
        assert row == expected(trades, row.start_ns, row.start_ns + seconds * SECOND)


def test_holes_are_filled_with_the_price_before() -> None:
    trades = trades_of(1, 300, 240.0)
    candles, now = candles_of(trades), trades[-1].wall_ns + 600 * SECOND
    rows = candles.candles(MINUTE, 100_000, now)
    assert [row.start_ns for row in rows] == list(
        range(rows[0].start_ns, rows[-1].start_ns + 1, 60 * SECOND)
    )
    flat = [row for row in rows if not row.trades]
    assert len(flat) > 50
    for row in flat:
        last = [trade.price for trade in trades if trade.wall_ns < row.start_ns][-1]
        assert (row.open, row.high, row.low, row.close, row.qty) == (last, last, last, last, 0)
        assert candles.candle(MINUTE, row.start_ns + 1) == row


def test_ranges_take_the_oldest_from_a_start_and_the_newest_otherwise() -> None:
    trades = trades_of(2, 400, 60.0)
    candles, now = candles_of(trades), trades[-1].wall_ns
    every = candles.candles(MINUTE, 100_000, now)
    middle = every[40].start_ns
    assert candles.candles(MINUTE, 5, now) == every[-5:]
    assert candles.candles(MINUTE, 5, now, start_ns=middle) == every[40:45]
    assert candles.candles(MINUTE, 5, now, start_ns=middle + 1) == every[41:46]
    assert candles.candles(MINUTE, 5, now, end_ns=middle) == every[36:41]
    assert candles.candles(MINUTE, 50, now, start_ns=middle, end_ns=middle) == [every[40]]
    assert candles.candles(MINUTE, 5, now, start_ns=now + 60 * SECOND) == []
    assert candles.candles(MINUTE, 5, now, end_ns=T0 - 1) == []
    assert Candles(BINANCE).candles(MINUTE, 5, now) == []


def test_days_weeks_and_months_begin_where_the_calendar_says() -> None:
    at = 1_790_000_000 * SECOND  # 2026-09-21, a Monday, 14:13:20 UTC
    assert DAY.start(at) == 1_789_948_800 * SECOND
    assert DAY.start(at, 10 * 3_600) == (1_789_948_800 + 14 * 3_600) * SECOND
    assert WEEK.start(at) == 1_789_948_800 * SECOND
    assert WEEK.start(at - 86_400 * SECOND) == (1_789_948_800 - 7 * 86_400) * SECOND
    assert MONTH.start(at) == 1_788_220_800 * SECOND
    assert MONTH.end(MONTH.start(at)) == 1_790_812_800 * SECOND
    trades = trades_of(3, 300, 40_000.0)
    candles = candles_of(trades)
    for interval, offset in ((DAY, 0), (DAY, 20_700), (WEEK, 0), (MONTH, 0), (MONTH, -7_200)):
        rows = candles.candles(interval, 1_000, trades[-1].wall_ns, fill=False, offset=offset)
        assert sum(row.trades for row in rows) == 300
        for row in rows:
            end = interval.end(row.start_ns, offset)
            assert row == expected(trades, row.start_ns, end)


def test_the_rolling_window_forgets_what_left_it() -> None:
    trades = trades_of(4, 2_000, 200.0)
    candles, now = candles_of(trades), trades[-1].wall_ns
    for seconds in (60, 3_600, 86_400):
        found = rolling(candles, now, seconds)
        first = -(-(now - seconds * SECOND) // SECOND) * SECOND  # whole seconds
        inside = [trade for trade in trades if trade.wall_ns >= first]
        assert found.trades == len(inside)
        assert (found.open, found.last) == (inside[0].price, inside[-1].price)
        assert found.qty == sum(trade.qty for trade in inside)
        assert found.previous_close == trades[-len(inside) - 1].price
        average = Fraction(sum(t.price * t.qty for t in inside), 10**4 * found.qty)
        assert found.average(8) == int(average * 10**8)
        ratio = Fraction(found.change, found.open)
        assert abs(Fraction(found.change_ratio(5), 10**5) - ratio) <= Fraction(1, 2 * 10**5)


def test_an_empty_window_tells_the_last_price() -> None:
    empty = Candles(BINANCE)
    assert rolling(empty, T0).last == 0
    assert average_price(empty, T0, 5, 8) == 0
    candles = candles_of([Trade(9, 24_000, 10, Side.BUY, 1, 2, T0)])
    assert average_price(candles, T0 + SECOND, 5, 8) == 240_000_000
    later = T0 + 90_000 * SECOND
    found = rolling(candles, later)
    assert (found.trades, found.last, found.open, found.change_ratio(5)) == (0, 24_000, 0, 0)
    assert (found.first_id, found.last_id, found.average(8)) == (-1, -1, 0)
    assert average_price(candles, later, 5, 8) == 240_000_000
    assert window(candles, T0, T0 + SECOND).trades == 1


def test_memory_is_bounded_and_the_newest_stays_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", ((1, 50), (60, 40), (900, 30)))
    trades = trades_of(6, 6_000, 20.0)
    candles, now = candles_of(trades), trades[-1].wall_ns
    assert [len(bars._bars) for bars in candles._bars] == [50, 40, 30]
    for interval in (Interval(1), MINUTE, Interval(300), Interval(3_600)):
        rows = candles.candles(interval, 100_000, now, fill=False)
        assert rows
        for row in rows[1:]:
            assert row == expected(trades, row.start_ns, interval.end(row.start_ns))
    day = rolling(candles, now, 6 * 3_600)  # its edge is beyond the seconds and minutes kept
    first = -(-(now - 6 * 3_600 * SECOND) // (900 * SECOND)) * 900 * SECOND
    assert day.qty == sum(trade.qty for trade in trades if trade.wall_ns >= first)
