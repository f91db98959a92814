"""Storms of orders: what the changes tell adds up to the book, and quantity is conserved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xrpfast._core import Matching

ORDERS = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(95, 105), st.integers(1, 20), st.integers(0, 2),
        st.integers(0, 40), st.booleans(),
    ),
    max_size=60,
)  # fmt: skip


@given(ORDERS)
def test_changes_rebuild_the_book_and_no_quantity_is_lost(
    steps: list[tuple[int, int, int, int, int, bool]],
) -> None:
    book = Matching()
    mirror: dict[tuple[int, int], int] = {}
    placed = traded = cancelled = 0
    for number, (side, price, qty, tif, victim, cancel) in enumerate(steps, start=1):
        resting, dropped, trades, _ = book.place(number, 1, side, price, qty, tif)
        sold = sum(row[4] for row in trades)
        assert resting + dropped + sold == qty
        assert all(row[3] <= price if side == 0 else row[3] >= price for row in trades)
        placed, traded, cancelled = placed + qty, traded + 2 * sold, cancelled + dropped
        if cancel:
            cancelled += book.cancel(victim) or 0
        for where, level, now in book.take_changes():
            mirror[where, level] = now
        for where in (0, 1):
            levels = book.levels(where, 100)
            assert dict(levels) == {p: q for (s, p), q in mirror.items() if s == where and q}
            assert [p for p, _ in levels] == sorted(dict(levels), reverse=where == 0)
        bid, ask = book.best(0), book.best(1)
        assert bid is None or ask is None or bid[0] < ask[0]
    left = sum(q for where in (0, 1) for _, q in book.levels(where, 100))
    assert placed == traded + cancelled + left
