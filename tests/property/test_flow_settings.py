"""Whatever settings are allowed, the market stands: no error, no crossed book, on its grid."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from xrpfast.errors import UsageError
from xrpfast.model import Side
from xrpfast.simulation.flow import FlowSettings, MarketFlow
from xrpfast.simulation.worlds import VENUES, exchange_of

chance = st.floats(0, 1)
steps = st.sampled_from(["0.0001", "0.001", "0.01", "0.5", "1", "30", "0"])
lots = st.sampled_from(["0.1", "0.5", "1", "1000", "0.01"])
by_venue = st.sampled_from(VENUES)


def pairs(low: float, high: float) -> st.SearchStrategy[tuple[float, float]]:
    each = st.floats(low, high)
    return st.tuples(each, each).map(lambda pair: (min(pair), max(pair)))


def counts(high: int) -> st.SearchStrategy[tuple[int, int]]:
    each = st.integers(1, high)
    return st.tuples(each, each).map(lambda pair: (min(pair), max(pair)))


values = st.fixed_dictionaries(
    {},
    optional={
        "fair": st.floats(0.000001, 1_000_000),
        "noise": st.one_of(st.floats(0, 0.01), st.floats(0, 1_000)),
        "pull": chance,
        "levels": st.integers(1, 40),
        "gap": st.floats(0.000001, 1_000),
        "half_spread": st.floats(0, 1_000),
        "size": pairs(0.001, 1_000_000),
        "refresh": st.integers(0, 60),
        "take": chance,
        "take_part": counts(50),
        "dislocate": chance,
        "offset": pairs(0, 1),
        "dislocated_steps": counts(10),
        "burst": chance,
        "burst_changes": counts(60),
        "thin": chance,
        "thin_steps": counts(10),
        "thin_levels": st.integers(1, 40),
        "thin_part": st.floats(0.001, 1),
        "tick": st.dictionaries(by_venue, steps, max_size=2),
        "lot": st.dictionaries(by_venue, lots, max_size=2),
    },
)


@settings(max_examples=150, deadline=None)
@given(first=values, then=values, seed=st.integers(0, 100))
def test_whatever_is_allowed_stands(first: dict[str, Any], then: dict[str, Any], seed: int) -> None:
    exchanges = [exchange_of(venue, lambda: 10**18) for venue in VENUES]
    flow = MarketFlow(exchanges, seed)
    for given_values in (first, then):
        try:
            flow.set(FlowSettings.of(given_values))
        except UsageError:
            continue
        for _ in range(12):
            flow.step()
            for exchange in exchanges:
                rules, matching = exchange.rules, exchange.matching
                bid, ask = matching.best(Side.BUY), matching.best(Side.SELL)
                assert bid is None or ask is None or bid[0] < ask[0]
                for side in (Side.BUY, Side.SELL):
                    rows = matching.levels(side, 10_000)
                    assert all(price > 0 and price % rules.tick == 0 for price, _ in rows)
                    assert all(qty > 0 and qty % rules.lot == 0 for _, qty in rows)
                    assert len(rows) <= flow.settings.levels or flow.settings.thin
