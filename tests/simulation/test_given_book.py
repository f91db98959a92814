"""A book given from outside, of which what customers took stays taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.flow import GivenBook
from xrpfast.simulation.orders import NewOrder
from xrpfast.simulation.worlds import customer, exchange_of

BIDS = {23_000: 1_000}
PRICES = (24_000, 24_001, 24_002)


def made() -> tuple[Exchange, GivenBook]:
    exchange = exchange_of("binance", lambda: 10**18)
    exchange.add_account(customer("binance", 1))
    return exchange, GivenBook(exchange, keeps_taken=True)


def buy(exchange: Exchange, price: int, qty: int) -> int:
    """What of it was filled, at once."""
    (account,) = exchange.accounts.values()
    client_id = f"c{exchange.placed}"
    new = NewOrder(client_id=client_id, side=Side.BUY, price=price, qty=qty, tif=TimeInForce.IOC)
    return exchange.place(account, new).filled


def asks(exchange: Exchange) -> dict[int, int]:
    return dict(exchange.matching.levels(Side.SELL, 100))


def test_what_was_taken_is_not_there_until_the_level_has_gone() -> None:
    exchange, book = made()
    book.show(BIDS, {24_000: 1_000})
    assert buy(exchange, 24_000, 400) == 400
    for shown, left in ((1_000, 600), (1_200, 800), (900, 500), (300, 0), (500, 200), (0, 0)):
        book.show(BIDS, {24_000: shown, 24_050: 10} if shown else {24_050: 10})
        assert asks(exchange).get(24_000, 0) == left, shown
    book.show(BIDS, {24_000: 700})
    assert asks(exchange) == {24_000: 700}


def test_a_book_that_was_away_brings_nothing_back_that_was_taken() -> None:
    exchange, book = made()
    book.show(BIDS, {24_000: 1_000, 24_001: 500})
    assert buy(exchange, 24_001, 1_200) == 1_200
    book.withhold()
    book.withhold()
    assert not asks(exchange)
    assert buy(exchange, 24_001, 100) == 0
    book.show(BIDS, {24_000: 1_000, 24_001: 600})
    assert asks(exchange) == {24_001: 400}
    book.withhold()
    book.show(BIDS, {24_001: 600})
    book.show(BIDS, {24_000: 50, 24_001: 600})
    assert asks(exchange) == {24_000: 50, 24_001: 400}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("show"), st.lists(st.integers(0, 500), min_size=3, max_size=3)),
        st.tuples(st.just("buy"), st.tuples(st.sampled_from(PRICES), st.integers(50, 800))),
        st.tuples(st.just("away"), st.none()),
    ),
    max_size=30,
)


@given(STEPS)
def test_nothing_is_ever_filled_twice(steps: list[tuple[str, object]]) -> None:
    """A model by level: what is given, and how much of that we have."""
    exchange, book = made()
    shown = dict.fromkeys(PRICES, 0)
    taken = dict.fromkeys(PRICES, 0)
    away = True
    for kind, what in steps:
        if kind == "show":
            assert isinstance(what, list)
            shown = dict(zip(PRICES, what, strict=True))
            taken = {price: min(taken[price], qty) for price, qty in shown.items()}
            book.show(BIDS, {price: qty for price, qty in shown.items() if qty})
            away = False
        elif kind == "away":
            book.withhold()
            away = True
        else:
            assert isinstance(what, tuple)
            limit, qty = what
            filled = buy(exchange, limit, qty)
            there = 0 if away else sum(shown[p] - taken[p] for p in PRICES if p <= limit)
            assert filled == min(qty, there)
            for price in PRICES:
                here = min(filled, shown[price] - taken[price]) if price <= limit else 0
                taken[price] += here
                filled -= here
        left = {p: shown[p] - taken[p] for p in PRICES if shown[p] > taken[p]}
        assert asks(exchange) == ({} if away else left)
