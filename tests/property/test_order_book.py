"""`OrderBook` against two dictionaries of `Decimal`, through texts of any scale."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from xrpfast import OrderBook
from xrpfast._core import format_units, parse_units

PRICES = st.decimals(min_value="0.0001", max_value="20", places=4).map(
    lambda price: price.quantize(Decimal("0.01")) if price > 10 else price
)
QUANTITIES = st.one_of(
    st.just(Decimal("0.000")), st.decimals(min_value=0, max_value=1000, places=3)
)
CHANGES = st.lists(st.tuples(st.sampled_from(["bid", "ask"]), PRICES, QUANTITIES), max_size=60)


@given(CHANGES, st.integers(0, 4), st.integers(0, 3), st.booleans())
def test_agrees_with_dictionaries(
    changes: list[tuple[str, Decimal, Decimal]], price: int, qty: int, as_text: bool
) -> None:
    book = OrderBook(price, qty)
    model: dict[str, dict[Decimal, Decimal]] = {"bid": {}, "ask": {}}
    for side, level, amount in changes:
        if as_text:
            book.apply(side, format(level, "f"), format(amount, "f"))  # type: ignore[arg-type]
        else:
            book.apply(side, level, amount)  # type: ignore[arg-type]
        if amount:
            model[side][level] = amount
        else:
            model[side].pop(level, None)
    bids = sorted(model["bid"].items(), reverse=True)
    asks = sorted(model["ask"].items())
    assert [(Decimal(p), Decimal(q)) for p, q in book.bid_levels()] == bids
    assert [(Decimal(p), Decimal(q)) for p, q in book.ask_levels()] == asks
    assert book.best_bid == (bids[0] if bids else None)
    assert book.best_ask == (asks[0] if asks else None)
    assert len(book) == len(bids) + len(asks)
    assert book.bids(10).tolist() == [[float(p), float(q)] for p, q in bids[:10]]


@given(st.integers(0, 2**63 - 1), st.integers(0, 18), st.booleans())
def test_units_round_trip_and_are_the_decimal(value: int, decimals: int, trim: bool) -> None:
    text = format_units(value, decimals, trim=trim)
    assert parse_units(text, decimals) == value
    assert Decimal(text) == Decimal(f"{value}E-{decimals}")
