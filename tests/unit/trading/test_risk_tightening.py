"""Limits of a running engine: tighter at once and everywhere, looser never."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from support.risk import SECOND, USD, XRP, Guarded
from support.trading import MS
from xrpfast.config.ceilings import LOOSER_BELOW as FILE_LOOSER_BELOW
from xrpfast.config.risk import RiskSection
from xrpfast.service.limits import differences
from xrpfast.service.setup import limits as limits_of
from xrpfast.trading import events as ev
from xrpfast.trading.commands import Alert
from xrpfast.trading.risk.limits import RiskLimits
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.risk.tightening import LOOSER_BELOW


def set_limits(world: Guarded, **values: int) -> list[Any]:
    limits = tuple(ev.Limit(name, value) for name, value in values.items())
    return world.tell(ev.LimitsSet, limits=limits, reason="news", who="op")


def test_a_tighter_limit_holds_at_once_and_everywhere() -> None:
    world = Guarded()
    before = world.engine.config.risk.max_order_qty
    assert set_limits(world, max_order_qty=40 * XRP) == [
        Alert("warning", "limits are tighter now: max_order_qty (op: news)")
    ]
    assert world.verdict() is Refusal.QTY_EXCEEDS_MAX
    assert world.place()[0].qty == 400  # the strategy cuts to it
    assert world.engine.config.risk.max_order_qty == before  # what the run began with


def test_a_looser_limit_is_refused_with_all_that_came_with_it() -> None:
    world = Guarded()
    for values in (
        {"max_order_qty": 40 * XRP, "max_position": 501 * XRP},
        {"max_order_qty": 40 * XRP, "min_cash": 14 * USD},
        {"max_order_qty": 40 * XRP, "no_such_limit": 1},
        {"max_order_qty": 40 * XRP, "allowed_venues": 1},
        {"max_order_qty": 40 * XRP, "max_orders_per_second": 2},  # no room beside the lane
        {"max_order_qty": -1},
    ):
        (alert,) = set_limits(world, **values)
        assert alert.level == "critical"
        assert "limits not set" in alert.text
    assert world.engine.limits == world.engine.config.risk
    assert world.verdict() is None


def test_the_same_limit_again_is_none_looser() -> None:
    world = Guarded()
    set_limits(world, max_position=500 * XRP)
    assert world.alerts("critical") == []


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [
        ({"max_orders_per_second": 4}, Refusal.RATE_LIMITED),
        ({"hedge_lane": 9}, Refusal.RATE_LIMITED),
        ({"max_weight_per_minute": 204}, Refusal.WEIGHT_EXHAUSTED),
        ({"cancel_reserve": 4_998}, Refusal.WEIGHT_EXHAUSTED),
        ({"max_position": 99 * XRP}, Refusal.POSITION_EXCEEDS_MAX),
        ({"max_gross": 400 * USD}, Refusal.GROSS_EXCEEDS_MAX),
        ({"max_order_notional": 200 * USD}, Refusal.NOTIONAL_EXCEEDS_MAX),
        ({"max_book_age_ns": 0}, Refusal.BOOK_STALE),
        ({"max_pair_skew_ns": 0}, Refusal.PAIR_SKEW),
        ({"signal_ttl_ns": 0}, Refusal.SIGNAL_STALE),
        ({"max_spread_bps": 1}, Refusal.SPREAD_TOO_WIDE),
        ({"max_edge_bps": 20}, Refusal.EDGE_IMPLAUSIBLE),
        ({"collar_bps": 1}, Refusal.PRICE_COLLAR),
        ({"drift_bps": 1}, Refusal.PRICE_DRIFT),
        ({"max_mark_age_ns": 0}, Refusal.REFERENCE_MISSING),
        ({"hedge_cushion_bps": 10_000, "max_position": 500 * XRP}, None),
        ({"min_cash": 1_800 * USD}, Refusal.CASH_BELOW_MIN),
        ({"max_round_trips": 1}, Refusal.EXECUTIONS_EXHAUSTED),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_each_can_be_set_and_what_was_counted_stays(
    limits: dict[str, int], refusal: Refusal | None
) -> None:
    """A pair has left before: what it used counts under the new limit."""
    world = Guarded()
    for leg in world.place():
        world.end(leg, "EXPIRED", 0)
    world.now_ns += 200 * MS
    for _ in range(3):
        world.engine.risk.state.venues["kucoin"].note_order(world.now_ns)
    assert world.verdict() is None
    set_limits(world, **limits)
    assert world.alerts("critical") == []
    assert world.verdict() is refusal


def test_a_longer_duplicate_window_reaches_back() -> None:
    world = Guarded()
    for leg in world.place():
        world.end(leg, "EXPIRED", 0)
    world.now_ns += 5 * SECOND
    set_limits(world, duplicate_window_ns=10 * SECOND)
    assert world.verdict() is Refusal.DUPLICATE_INTENT


def test_what_was_lost_and_breached_stays_counted() -> None:
    world = Guarded()
    far = {"sell_best_bid": 206_000, "sell_best_ask": 206_100}
    for _ in range(2):
        world.signal(**far)
    set_limits(world, collar_breaches=3)
    assert world.halts == []
    world.signal(**far)
    assert [halt.scope for halt in world.halts] == ["strategy:arb"]
    losses = world.engine.risk.watch.losses
    losses.accounts["arb"].lost_ns.extend([1, 2, 3, 4])
    set_limits(world, max_losses_in_window=3)
    assert list(losses.accounts["arb"].lost_ns) == [2, 3, 4]


def test_cancels_that_left_count_under_a_tighter_limit() -> None:
    world = Guarded()
    world.place()
    world.control("stop")
    set_limits(world, max_cancels_per_second=1)
    budget = world.engine.risk.state.venues["binance"]
    assert budget.entry_ns == world.now_ns + SECOND


def test_the_loose_sides_are_those_of_the_file() -> None:
    """Of every key that can be set the loose side is the same in both tables."""
    names = {}
    section = RiskSection()
    for key in RiskSection.model_fields:
        value = getattr(section, key)
        if isinstance(value, (tuple, dict)) or value is None or key == "approval_ttl_ms":
            continue
        changed = section.model_copy(update={key: value + 1})
        (limit,) = differences(section, changed)
        names[key] = limit.name
        assert (limit.name in LOOSER_BELOW) is (key in FILE_LOOSER_BELOW), key
    ints = {
        name
        for name in RiskLimits.__struct_fields__
        if type(getattr(limits_of(section, 1, ()), name)) is int
    }
    assert set(names.values()) == ints - {"ack_timeout_ns"}


def test_the_event_survives_the_journal() -> None:
    event = ev.LimitsSet(
        now_ns=1, wall_ns=2, limits=(ev.Limit("max_position", 10**20),), reason="r", who="w"
    )
    assert msgspec.json.decode(msgspec.json.encode(event), type=ev.AnyEvent) == event
