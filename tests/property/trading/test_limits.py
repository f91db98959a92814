"""Whatever is interleaved, exposure stays within limits, and pairs leave whole or not at all."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.trading import MS, World, check_books, config
from xrpfast.model import MONEY_ONE
from xrpfast.trading.commands import PlaceLegs
from xrpfast.trading.events import BookState

MAX_POSITION = 250 * MONEY_ONE
MAX_NOTIONAL = 300 * MONEY_ONE

WEIGHTS = {
    "signal": 24,
    "reverse": 20,
    "fill": 40,
    "part": 12,
    "end": 4,
    "reject": 2,
    "unknown": 2,
    "wait": 8,
    "link": 10,
    "book": 10,
}
STEPS = 400


def act(world: World, action: str, number: int) -> list[Any]:
    live = list(world.engine.orders.unsettled.values())
    if action in ("signal", "reverse"):
        lots = 30 + number % 2_000
        fine, coarse = lots * 1_000, lots
        if action == "signal":
            return world.signal(
                buy_qty=coarse, sell_qty=fine, buy_limit=20_950 + number % 100, profit=MONEY_ONE
            )
        return world.reverse_signal(
            buy_qty=fine, sell_qty=coarse, buy_limit=209_500 + number % 100 * 10, profit=MONEY_ONE
        )
    if action == "wait":
        world.now_ns += number // 4 * MS
        return world.timer()
    if action == "link":
        out = world.link("kucoin", "orders", number % 8 > 0)
        world.reconciled("kucoin")
        return out
    if action == "book":
        return world.tell(BookState, book=number % 2, state="LIVE" if number % 8 else "GAP")
    if not live:
        return []
    order: Any = live[number % len(live)]
    trade = f"{order.client_id}-{len(world.told)}"
    if action == "fill":
        return world.fill(order, trade, order.qty - order.filled)
    if action == "part":
        return world.fill(order, trade, 1 + number % (order.qty - order.filled))
    if action == "end":
        return world.end(order, "EXPIRED", order.filled)
    if action == "reject":
        return world.reject(order) if not order.accepted else []
    return world.unknown(order)


@pytest.mark.parametrize("seed", range(30))
def test_exposure_never_exceeds_a_limit(seed: int) -> None:
    """Long runs from a seed: a limit is reached only after many steps that go well."""
    dice = random.Random(seed)
    parallel = seed % 2 == 1
    world = World(
        config(
            xrp=400,
            usdt=900,
            limits={
                "max_position": MAX_POSITION,
                "max_order_notional": MAX_NOTIONAL,
                "max_orders_per_second": 3,
            },
        )
    )
    engine, portfolio = world.engine, world.engine.portfolio
    sent: dict[str, list[int]] = {"binance": [], "kucoin": []}
    pairs = 0
    for action in dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=STEPS):
        number = dice.randrange(10_000)
        world.now_ns += MS
        kept = engine.orders.busy[0]
        if parallel and action in ("signal", "reverse"):
            # As if every pair came from another strategy: risk alone holds them together.
            engine.orders.busy[0] = 0
        out = act(world, action, number)
        if parallel and action in ("signal", "reverse"):
            engine.orders.busy[0] += kept
        check_books(engine)
        assert engine.context.trading.value == "ACTIVE", world.asked[-3:]
        for command in out:
            if isinstance(command, PlaceLegs):
                pairs += 1
                buy, sell = command.legs
                assert len(command.approved) == 2
                assert (buy.side, sell.side) == (0, 1)
                assert {buy.venue, sell.venue} == {"binance", "kucoin"}
                for leg, approved in zip(command.legs, command.approved, strict=True):
                    order = world.order(leg)
                    rules = engine.config.books[order.book]
                    assert rules.min_notional <= rules.notional(leg.price, leg.qty) <= MAX_NOTIONAL
                    assert leg.qty % rules.lot == 0
                    assert (approved.client_id, approved.price, approved.qty) == (
                        leg.client_id,
                        leg.price,
                        leg.qty,
                    )
                    times = sent[leg.venue]
                    times.append(world.now_ns)
                    assert len([t for t in times if world.now_ns - t < 1_000 * MS]) <= 3
        assert portfolio.position[0] + portfolio.buying[0] <= MAX_POSITION
        assert portfolio.position[0] - portfolio.selling[0] >= -MAX_POSITION
        for account in range(len(portfolio.booked)):
            assert 0 <= portfolio.reserved[account] <= portfolio.booked[account]
    # Both legs or none: ids come in pairs.
    stems = [client_id[:-1] for client_id in engine.orders.orders]
    assert all(stems.count(stem) == 2 for stem in stems)
    assert pairs >= 2


@settings(max_examples=60, deadline=None)
@given(
    leg=st.integers(0, 1),
    change=st.sampled_from(
        [
            {"price": 0},
            {"price": 1},
            {"qty": 0},
            {"qty": -1},
            {"qty": 10**15},
            {"tif": 0},
            {"side": 1},
            {"side": 0},
            {"order_type": 7},
        ]
    ),
)
def test_a_leg_that_fails_keeps_the_other_back(leg: int, change: dict[str, int]) -> None:
    world = World()
    strategy = world.engine._strategies[0][0]
    pair = world.engine.context.pairs[0, 1]
    world.control("stop")
    world.signal()
    signal: Any = world.told[-1]
    world.control("start")
    legs: Any = strategy.on_signal(signal, pair)
    changed = {name: value for name, value in change.items() if getattr(legs[leg], name) != value}
    for name, value in changed.items():
        setattr(legs[leg], name, value)
    answer = world.engine.risk.check("arb", legs, signal, ("a", "b"))
    assert isinstance(answer, tuple) is not bool(changed)
    assert world.engine.risk.state.signals == ({} if changed else {0: 1})
