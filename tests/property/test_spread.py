"""`SpreadDetector.evaluate` against exact fractions, unit by unit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from xrpfast import OrderBook, SpreadDetector

LEVELS = st.dictionaries(st.integers(980, 1020), st.integers(1, 12), max_size=5)
RATES = st.integers(0, 500_000)


@given(LEVELS, LEVELS, RATES, RATES, st.integers(-500_000, 1_000_000))
def test_agrees_with_a_walk_unit_by_unit(
    asks: dict[int, int], bids: dict[int, int], buy_rate: int, sell_rate: int, min_edge: int
) -> None:
    buy, sell = OrderBook(3, 0), OrderBook(3, 0)
    for price, qty in asks.items():
        buy.apply("ask", Decimal(price).scaleb(-3), str(qty))
    for price, qty in bids.items():
        sell.apply("bid", Decimal(price).scaleb(-3), str(qty))
    buy_fee, sell_fee, edge = (Fraction(rate, 10**8) for rate in (buy_rate, sell_rate, min_edge))

    pairs = zip(
        (Fraction(price, 1000) for price in sorted(asks) for _ in range(asks[price])),
        (Fraction(price, 1000) for price in sorted(bids, reverse=True) for _ in range(bids[price])),
        strict=False,
    )
    taken: list[tuple[Fraction, Fraction]] = []
    for ask, bid in pairs:
        if bid * (1 - sell_fee) - ask * (1 + buy_fee) < edge * ask:
            break
        taken.append((ask, bid))

    spread = SpreadDetector(min_edge).evaluate(
        buy, sell, Decimal(buy_rate).scaleb(-8), Decimal(sell_rate).scaleb(-8)
    )
    if not taken:
        assert spread is None
        return
    assert spread is not None
    assert spread.quantity == len(taken)
    assert (Fraction(spread.buy_limit), Fraction(spread.sell_limit)) == taken[-1]
    cost = sum(ask for ask, _ in taken)
    profit = sum(bid * (1 - sell_fee) - ask * (1 + buy_fee) for ask, bid in taken)
    # These scales are coarse enough that no fee needs rounding.
    assert Fraction(spread.profit) == profit
    assert 0 <= profit / cost - Fraction(spread.edge) < Fraction(1, 10**8)
