"""`SpreadDetector.evaluate`: the live detector on two books in a notebook."""

from __future__ import annotations

from decimal import Decimal

import pytest

from xrpfast import DecimalError, OrderBook, OutOfRange, SpreadDetector


def book(side: str, *levels: tuple[str, str], decimals: tuple[int, int] = (4, 1)) -> OrderBook:
    book = OrderBook(*decimals)
    for price, qty in levels:
        book.apply(side, price, qty)  # type: ignore[arg-type]
    return book


BUY = book("ask", ("2.4", "10"), ("2.401", "5"), ("2.42", "100"))
SELL = book("bid", ("2.42", "12"), ("2.415", "10"), ("2.402", "90"), decimals=(5, 4))


def test_walks_to_the_last_unit_that_pays() -> None:
    spread = SpreadDetector(100_000).evaluate(BUY, SELL, "0.001", Decimal("0.001"))
    assert spread is not None
    assert spread.quantity == 15
    assert spread.buy_limit == Decimal("2.401")
    assert spread.sell_limit == Decimal("2.415")
    assert spread.buy_vwap * 15 == pytest.approx(Decimal("36.005"), abs=Decimal("1e-20"))
    assert spread.sell_vwap == Decimal("2.419")
    assert spread.profit == Decimal("36.285") - Decimal("36.005") - Decimal("0.07229")
    assert spread.edge == Decimal("0.00576892")
    assert repr(spread) == (
        "<Spread 15: buy to 2.401, sell to 2.415, profit 0.20771, edge 0.00576892>"
    )


def test_fees_and_edge_take_an_opportunity_away() -> None:
    detector = SpreadDetector(100_000)
    assert detector.evaluate(BUY, SELL, "0.005", "0.005") is None
    assert detector.evaluate(SELL, BUY, "0", "0") is None
    assert SpreadDetector(900_000).evaluate(BUY, SELL, "0", "0") is None
    empty = OrderBook(4, 1)
    assert detector.evaluate(empty, empty, "0", "0") is None


def test_the_largest_quantity_holds() -> None:
    spread = SpreadDetector(0, "2.25").evaluate(BUY, SELL, "0", "0")
    assert spread is not None
    assert spread.quantity == Decimal("2.2")
    assert spread.profit == Decimal("0.044")


def test_a_book_is_its_own_pair() -> None:
    both = book("bid", ("2", "1"))
    both.apply("ask", "2.5", "1")
    assert SpreadDetector(0).evaluate(both, both, "0", "0") is None


def test_parameters_are_readable() -> None:
    detector = SpreadDetector(min_edge=5, max_qty=Decimal("1E+2"))
    assert (detector.min_edge, detector.max_qty) == (5, Decimal(100))
    assert repr(detector) == "SpreadDetector(min_edge=5, max_qty='100')"
    assert SpreadDetector(-5).max_qty is None


@pytest.mark.parametrize("edge", [-(10**8), 10**8 + 1])
def test_absurd_edges_are_refused(edge: int) -> None:
    with pytest.raises(OutOfRange):
        SpreadDetector(edge)


def test_absurd_quantities_and_fees_are_refused() -> None:
    with pytest.raises(OutOfRange):
        SpreadDetector(0, "0")
    with pytest.raises(OutOfRange, match="smallest"):
        SpreadDetector(0, "0.01").evaluate(BUY, SELL, "0", "0")
    with pytest.raises(DecimalError):
        SpreadDetector(0, "-1")
    with pytest.raises(TypeError):
        SpreadDetector(0, 1.5)  # type: ignore[arg-type]
    with pytest.raises(OutOfRange):
        SpreadDetector(0).evaluate(BUY, SELL, "1", "0")
    with pytest.raises(DecimalError):
        SpreadDetector(0).evaluate(BUY, SELL, "0.0000000001", "0")
    with pytest.raises(TypeError):
        SpreadDetector(0).evaluate(BUY, SELL, 0.001, "0")  # type: ignore[arg-type]
