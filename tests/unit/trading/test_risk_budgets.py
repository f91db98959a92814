"""What a venue may be sent: orders, cancels, weight, and the lanes that entries leave alone."""

from __future__ import annotations

import random

import pytest

from support.risk import SECOND, Guarded
from support.trading import MS, config
from xrpfast.trading.commands import Alert, AnyCommand, Cancel, Query, Reconcile
from xrpfast.trading.risk.budgets import ORDER_WEIGHT, WEIGHTS, Budget, Window
from xrpfast.trading.risk.limits import MINUTE, RiskLimits
from xrpfast.trading.risk.reasons import Refusal

CANCEL = Cancel("a", "binance", "XRP/USDT")
QUERY = Query("a", "binance", "XRP/USDT")
RECONCILE = Reconcile("binance", 1, (), 0)


def limits(**fields: int) -> RiskLimits:
    return config(limits=dict(fields)).risk


def refusal(budget: Budget, now_ns: int) -> Refusal | None:
    return budget.closed_by(now_ns) if now_ns < budget.entry_ns else None


@pytest.mark.parametrize("seed", range(20))
def test_a_window_is_a_list_of_times(seed: int) -> None:
    dice = random.Random(seed)
    limit = dice.randint(1, 6)
    window, times, now = Window(limit, 100), [], 0
    for _ in range(200):
        now += dice.randint(0, 40)
        spare = dice.randint(0, limit - 1)
        within = [time for time in times if now - time < 100]
        assert (now < window.free_ns(spare)) is (len(within) >= limit - spare)
        if len(within) < limit:
            window.note(now)
            times.append(now)
    window.clear()
    assert window.free_ns() < 0


def test_entries_leave_a_lane_of_each_second_to_hedges() -> None:
    budget = Budget(limits(max_orders_per_second=5, hedge_lane=2))
    for _ in range(3):
        assert refusal(budget, 0) is None
        budget.note_order(0)
    assert refusal(budget, 0) is Refusal.RATE_LIMITED
    for _ in range(2):
        assert budget.room_for_hedge(0)
        budget.note_order(0)
    assert not budget.room_for_hedge(SECOND - 1)
    assert refusal(budget, SECOND - 1) is Refusal.RATE_LIMITED
    assert budget.room_for_hedge(SECOND)
    assert refusal(budget, SECOND) is None


def test_cancels_always_pass_and_close_the_venue_to_entries() -> None:
    budget = Budget(limits(max_cancels_per_second=3))
    for number in range(10):
        assert (refusal(budget, 0) is None) is (number < 3)
        budget.note(CANCEL, 0)
    assert refusal(budget, SECOND - 1) is Refusal.RATE_LIMITED
    assert refusal(budget, SECOND) is None
    assert budget.room_for_hedge(0)


def test_entries_may_not_eat_the_weight_that_is_kept_for_cancels() -> None:
    budget = Budget(limits(max_weight_per_minute=100, cancel_reserve=20, max_orders_per_second=99))
    sent = 0
    while refusal(budget, 0) is None:
        budget.note_order(0)
        sent += 1
    assert sent == 30  # half of the weight at once, less the reserve
    assert refusal(budget, 0) is Refusal.WEIGHT_EXHAUSTED
    before = budget.entry_ns
    for _ in range(20):
        budget.note(CANCEL, 0)
    assert budget.entry_ns == before + 20 * MINUTE // 50
    # What was used flows back at half of the weight a minute.
    assert refusal(budget, budget.entry_ns - 1) is Refusal.WEIGHT_EXHAUSTED
    assert refusal(budget, budget.entry_ns) is None


@pytest.mark.parametrize("seed", range(20))
def test_within_any_minute_the_weight_is_never_exceeded(seed: int) -> None:
    dice = random.Random(seed)
    most = dice.randint(40, 400)
    budget = Budget(limits(max_weight_per_minute=most, max_orders_per_second=10_000))
    now, used = 0, []
    for _ in range(4_000):
        now += dice.choice((0, 0, MS, 50 * MS, SECOND))
        if refusal(budget, now) is None:
            budget.note_order(now)
            used.append(now)
        recent = sum(ORDER_WEIGHT for time in used if now - time < MINUTE)
        assert recent <= most
    assert len(used) > most


def test_queries_and_reconciliation_cost_what_they_cost() -> None:
    commands: list[AnyCommand] = [CANCEL, QUERY, RECONCILE]
    for command in commands:
        budget = Budget(limits(max_weight_per_minute=1_000))
        budget.note_order(0)
        before = budget.entry_ns
        budget.note(command, 0)
        assert budget.entry_ns - before == WEIGHTS[type(command)] * 2 * MINUTE // 1_000
    budget.note(Alert("info", "x"), 0)
    assert budget.entry_ns - before == WEIGHTS[Reconcile] * 2 * MINUTE // 1_000


def test_the_engine_counts_what_it_asks_for() -> None:
    world = Guarded(limits={"max_cancels_per_second": 2})
    world.place()
    world.control("stop")
    assert len(world.cancels) == 2
    budgets = world.engine.risk.state.venues
    assert [refusal(budgets[venue], world.now_ns) for venue in ("binance", "kucoin")] == [None] * 2
    world.control("stop")  # each of the two once more
    assert [budgets[venue].closed_by(world.now_ns) for venue in budgets] == [
        Refusal.RATE_LIMITED
    ] * 2
    assert all(world.now_ns < budgets[venue].entry_ns for venue in budgets)


def test_a_full_venue_refuses_the_pair_and_a_hedge_still_passes() -> None:
    world = Guarded()
    for _ in range(8):
        world.engine.risk.state.venues["kucoin"].note_order(world.now_ns)
    assert world.verdict() is Refusal.RATE_LIMITED
    assert world.engine.risk.state.venues["kucoin"].room_for_hedge(world.now_ns)
