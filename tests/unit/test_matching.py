"""The native matching engine as Python sees it."""

from __future__ import annotations

import pytest

from xrpfast._core import Matching, OutOfRange, StateError

BUY, SELL = 0, 1
GTC, IOC, FOK = 0, 1, 2


def test_better_price_first_then_older_order() -> None:
    book = Matching()
    book.place(1, 7, SELL, 101, 5, GTC)
    book.place(2, 7, SELL, 100, 5, GTC)
    book.place(3, 8, SELL, 100, 5, GTC)
    resting, cancelled, trades, _ = book.place(4, 9, BUY, 101, 12, GTC)
    assert (resting, cancelled) == (0, 0)
    assert trades == [(1, 2, 7, 100, 5), (2, 3, 8, 100, 5), (3, 1, 7, 101, 2)]
    assert book.remaining(1) == 3
    assert book.remaining(2) is None


def test_what_does_not_trade_rests_or_goes_by_time_in_force() -> None:
    book = Matching()
    book.place(1, 0, BUY, 100, 5, GTC)
    assert book.place(2, 0, SELL, 100, 6, FOK) == (0, 6, [], [])
    assert book.place(3, 0, SELL, 100, 6, IOC) == (0, 1, [(1, 1, 0, 100, 5)], [])
    assert book.place(4, 0, SELL, 100, 6, GTC) == (6, 0, [], [])
    assert book.best(SELL) == (100, 6)
    assert book.best(BUY) is None


def test_changes_are_told_once_each_with_the_last_quantity() -> None:
    book = Matching()
    book.place(1, 0, BUY, 100, 5, GTC)
    book.place(2, 0, BUY, 100, 7, GTC)
    book.place(3, 0, SELL, 105, 1, GTC)
    assert book.cancel(1) == 5
    assert sorted(book.take_changes()) == [(BUY, 100, 7), (SELL, 105, 1)]
    assert book.take_changes() == []
    assert book.cancel(1) is None
    assert book.cancel(2) == 7
    assert book.take_changes() == [(BUY, 100, 0)]


def test_crosses_says_whether_an_order_would_trade() -> None:
    book = Matching()
    book.place(1, 0, SELL, 100, 5, GTC)
    assert book.crosses(BUY, 100)
    assert not book.crosses(BUY, 99)
    assert not book.crosses(SELL, 1)


def test_nonsense_is_refused_and_changes_nothing() -> None:
    book = Matching()
    book.place(1, 0, BUY, 100, 5, GTC)
    book.take_changes()
    with pytest.raises(OutOfRange):
        book.place(2, 0, BUY, 0, 5, GTC)
    with pytest.raises(OutOfRange):
        book.place(2, 0, BUY, 100, -5, GTC)
    with pytest.raises(OutOfRange):
        book.place(2, 0, 2, 100, 5, GTC)
    with pytest.raises(OutOfRange):
        book.place(2, 0, BUY, 100, 5, 3)
    with pytest.raises(StateError):
        book.place(1, 0, BUY, 100, 5, GTC)
    assert book.levels(BUY, 10) == [(100, 5)]
    assert book.take_changes() == []


def test_self_trades_are_prevented_and_parts_cancelled() -> None:
    book = Matching()
    book.place(1, 7, SELL, 100, 5, GTC)
    book.place(2, 8, SELL, 100, 5, GTC)
    expire_maker = 2
    assert book.place(3, 7, BUY, 100, 6, GTC, expire_maker) == (
        1, 0, [(1, 2, 8, 100, 5)], [(0, 1, 100, 0, 5)],
    )  # fmt: skip
    assert book.cancel_part(3, 1) is None
    book.place(4, 7, BUY, 99, 6, GTC)
    assert book.cancel_part(4, 2) == 4
    with pytest.raises(OutOfRange):
        book.place(5, 7, BUY, 100, 6, GTC, 5)
