"""Random intents against every list and cap: what passes breaks none of them."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from support.risk import XRP, Guarded
from xrpfast.trading.risk.reasons import Refusal

VENUES, SYMBOLS = ("binance", "kucoin"), ("XRP/USDT", "BTC/USDT")
NAMES = ("arb", "other", "stranger")


@settings(max_examples=150, deadline=None)
@given(
    venues=st.sets(st.sampled_from(VENUES)),
    symbols=st.sets(st.sampled_from(SYMBOLS)),
    sides=st.sets(st.sampled_from((0, 1))),
    kinds=st.sets(st.sampled_from((0, 1))),
    tifs=st.sets(st.sampled_from((0, 1, 2))),
    names=st.sets(st.sampled_from(NAMES)),
    name=st.sampled_from(NAMES),
    shape=st.tuples(st.sampled_from((0, 1)), st.sampled_from((0, 1, 2, 3))),
    leg=st.sampled_from((0, 1)),
)
def test_nothing_passes_that_is_not_on_every_list(
    venues: set[str],
    symbols: set[str],
    sides: set[int],
    kinds: set[int],
    tifs: set[int],
    names: set[str],
    name: str,
    shape: tuple[int, int],
    leg: int,
) -> None:
    limits: dict[str, Any] = {
        "allowed_venues": tuple(venues), "allowed_symbols": tuple(symbols),
        "allowed_sides": tuple(sides), "allowed_order_types": tuple(kinds),
        "allowed_tifs": tuple(tifs), "allowed_strategies": tuple(names),
    }  # fmt: skip
    world = Guarded(limits=limits)
    kind, tif = shape
    refusal = world.verdict((leg, {"order_type": kind, "tif": tif}), name)
    fine = (
        venues == set(VENUES)
        and "XRP/USDT" in symbols
        and sides == {0, 1}
        and {0, kind} <= kinds
        and kind == 0  # the gate knows no other
        and {1, tif} <= tifs
        and tif in (1, 2)
        and name in names
        and name != "stranger"
    )
    assert (refusal is None) is fine, refusal


@settings(max_examples=200, deadline=None)
@given(
    lots=st.integers(-5, 6_000),
    price=st.integers(20_000, 22_500),
    sold=st.integers(200_000, 225_000),
    most=st.integers(1, 500),
    notional=st.integers(1, 1_200),
    position=st.integers(-600, 600),
    quote=st.integers(0, 3_000),
)
def test_what_passes_is_within_every_cap(
    lots: int, price: int, sold: int, most: int, notional: int, position: int, quote: int
) -> None:
    """Held against the rules in whole numbers of base and quote, computed another way."""
    limits = {"max_order_qty": most * XRP, "max_order_notional": notional * XRP}
    world = Guarded(limits=limits, xrp=3_000)
    portfolio, context = world.engine.portfolio, world.engine.context
    portfolio.position[0] = position * XRP
    account = context.accounts["binance", "USDT"]
    portfolio.booked[account] = quote * XRP
    refusal = world.verdict(
        buy_qty=lots, sell_qty=lots * 1_000, buy_limit=price, sell_limit=sold * 10 // 10
    )
    amount, cost, sale = lots / 10, lots / 10 * price / 10**4, lots / 10 * sold / 10**5
    if refusal is None:
        assert 1 <= amount <= most
        assert 5 <= cost <= notional
        assert sale <= notional
        assert sold % 10 == 0
        assert position - amount >= -500
        assert position + amount <= 500
        assert cost + 15 <= quote
        for limit in (price / 10**4, sold / 10**5):
            for mid in (2.0995, 2.1055):
                assert abs(limit / mid - 1) <= 0.02 + 1e-9
        assert cost + sale + abs(position) * sold / 10**5 <= 5_000 + 1e-6
    else:
        assert isinstance(refusal, Refusal)
        assert world.engine.risk.state.venues["binance"].orders == 0
