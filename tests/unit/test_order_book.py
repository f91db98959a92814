"""`OrderBook`: the library's book, exact outside and in."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from xrpfast import DecimalError, OrderBook, OutOfRange


@pytest.fixture
def book() -> OrderBook:
    book = OrderBook(4, 1)
    for side, price, qty in [
        ("bid", "2.4137", "150"),
        ("bid", "2.4136", "20.5"),
        ("bid", "2.4139", "7"),
        ("ask", "2.4145", "1"),
        ("ask", "2.4141", "30"),
    ]:
        book.apply(side, price, qty)  # type: ignore[arg-type]
    return book


def test_best_levels_are_exact_decimals(book: OrderBook) -> None:
    assert book.best_bid == (Decimal("2.4139"), Decimal("7"))
    assert book.best_ask == (Decimal("2.4141"), Decimal("30"))
    assert all(type(value) is Decimal for value in (*book.best_bid, *book.best_ask))


def test_an_empty_book_has_no_best() -> None:
    book = OrderBook(0, 0)
    assert book.best_bid is None
    assert book.best_ask is None
    assert len(book) == 0
    assert book.bids(5).shape == (0, 2)
    assert book.bid_levels() == []


def test_levels_come_best_first_as_text(book: OrderBook) -> None:
    assert book.bid_levels() == [("2.4139", "7"), ("2.4137", "150"), ("2.4136", "20.5")]
    assert book.ask_levels(1) == [("2.4141", "30")]
    assert len(book) == 5


def test_arrays_are_float64_for_plots(book: OrderBook) -> None:
    bids = book.bids(2)
    assert bids.dtype == np.float64
    assert bids.tolist() == [[2.4139, 7.0], [2.4137, 150.0]]
    assert book.asks(100).tolist() == [[2.4141, 30.0], [2.4145, 1.0]]
    assert book.asks(0).shape == (0, 2)
    bids[0, 0] = 0.0
    assert book.best_bid == (Decimal("2.4139"), Decimal("7"))


def test_zero_removes_a_level(book: OrderBook) -> None:
    book.apply("bid", Decimal("2.41390"), Decimal("0.000"))
    assert book.best_bid == (Decimal("2.4137"), Decimal("150"))
    book.apply("bid", "1", "0")
    assert len(book) == 4


def test_finer_values_rescale_exactly(book: OrderBook) -> None:
    assert (book.price_decimals, book.qty_decimals) == (4, 1)
    book.apply("ask", Decimal("2.414099"), Decimal("1E-8"))
    assert (book.price_decimals, book.qty_decimals) == (6, 8)
    assert book.best_ask == (Decimal("2.414099"), Decimal("0.00000001"))
    assert book.best_bid == (Decimal("2.4139"), Decimal("7"))


@pytest.mark.parametrize(
    ("price", "qty", "error"),
    [
        ("0", "1", OutOfRange),
        (Decimal("0"), "1", OutOfRange),
        ("-1", "1", DecimalError),
        ("1", Decimal("-1"), DecimalError),
        (Decimal("NaN"), "1", DecimalError),
        (Decimal("Infinity"), "1", DecimalError),
        ("1e5", "1", DecimalError),
        ("", "1", DecimalError),
        ("1", "99999999999999999999", DecimalError),
        (Decimal("1E-19"), "1", DecimalError),
        ("1", "0.0000000000000000001", DecimalError),
        ("1", "0.000000000000000001", OutOfRange),
        (2.5, "1", TypeError),
        ("1", 3, TypeError),
        ("\ud800", "1", UnicodeEncodeError),
    ],
)
def test_bad_values_change_nothing(
    book: OrderBook, price: str | Decimal, qty: str | Decimal, error: type[Exception]
) -> None:
    before = (book.bid_levels(), book.ask_levels(), book.price_decimals, book.qty_decimals)
    with pytest.raises(error):
        book.apply("bid", price, qty)
    assert (
        book.bid_levels(),
        book.ask_levels(),
        book.price_decimals,
        book.qty_decimals,
    ) == before


def test_a_side_is_bid_or_ask(book: OrderBook) -> None:
    with pytest.raises(ValueError, match="bid or ask"):
        book.apply("buy", "1", "1")  # type: ignore[arg-type]


@pytest.mark.parametrize("decimals", [(-1, 0), (0, 19), (300, 0)])
def test_scales_are_bounded(decimals: tuple[int, int]) -> None:
    with pytest.raises(OutOfRange):
        OrderBook(*decimals)


def test_repr_shows_the_top(book: OrderBook) -> None:
    assert repr(book) == "<OrderBook bid 7 @ 2.4139, ask 30 @ 2.4141, 5 levels>"
