"""Errors within a window, executions that nobody looks at, venues that are not heard."""

from __future__ import annotations

from typing import Any

import pytest

from support.risk import SECOND, Guarded
from support.trading import MS
from xrpfast.trading import events as ev
from xrpfast.trading.commands import Cancel, PlaceLegs
from xrpfast.trading.events import NOT_SENT
from xrpfast.trading.risk.reasons import Refusal

QUICK: dict[str, Any] = {"max_orders_per_second": 1_000, "duplicate_window_ns": 1}


def closed(world: Guarded) -> dict[str, str]:
    return {scope: state.value for scope, state in world.engine.context.states.closed().items()}


def pair_of(world: Guarded, detector: int = 0) -> tuple[Any, Any]:
    world.now_ns += MS
    before = world.pairs
    world.signal(detector=detector)
    assert world.pairs == before + 1, (world.refused, world.engine.ignored)
    buy, sell = world.of(PlaceLegs)[-1].legs
    return buy, sell


def no_fills(world: Guarded, *legs: Any) -> None:
    for leg in legs:
        world.end(leg, "EXPIRED", 0)


def error(world: Guarded, venue: str, kind: str) -> None:
    now = world.now_ns
    world.process(
        ev.VenueError(now_ns=now, wall_ns=now, venue=venue, kind=kind, code="-1", text="no")
    )


# --- 26 -----------------------------------------------------------------------------------------


def test_a_strategy_that_always_trades_stops_at_its_number() -> None:
    world = Guarded(limits=QUICK | {"max_round_trips": 7})
    for _ in range(30):
        world.now_ns += MS
        world.signal()
        for order in list(world.engine.orders.unsettled.values()):
            world.end(order, "EXPIRED", 0)
    assert world.pairs == 7
    assert closed(world) == {"strategy:arb": "HALTED"}
    assert world.refused == {"EXECUTIONS_EXHAUSTED": 1, "STRATEGY_CLOSED": 22}
    assert [halt.scope for halt in world.halts] == ["strategy:arb"]
    no_fills(world, *pair_of(world, detector=2))  # the other strategy goes on
    world.tell(ev.Control, action="resume", reason="seen", scope="strategy:arb")
    no_fills(world, *pair_of(world))
    assert closed(world) == {}


# --- 27 -----------------------------------------------------------------------------------------


def test_too_many_rejects_of_a_strategy_halt_it() -> None:
    world = Guarded(limits=QUICK | {"max_strategy_rejects": 4, "max_venue_errors": 100})
    for number in range(2):
        buy, sell = pair_of(world)
        assert closed(world) == {}, number
        world.reject(buy)
        world.reject(sell)
    assert closed(world) == {"strategy:arb": "HALTED"}
    assert world.halts[0].reason == "4 rejected orders within 60 s"
    no_fills(world, *pair_of(world, detector=2))


def test_rejects_further_apart_than_the_window_do_not_add_up() -> None:
    world = Guarded(limits=QUICK | {"max_strategy_rejects": 4, "max_venue_errors": 100})
    for _ in range(10):
        buy, sell = pair_of(world)
        world.reject(buy)
        world.reject(sell)
        world.now_ns += 60 * SECOND
        world.read(0)
        world.read(1)
    assert closed(world) == {}


def test_too_many_errors_of_a_venue_halt_it() -> None:
    """Rejects, unknown outcomes and refused cancels count together."""
    world = Guarded(limits=QUICK | {"max_strategy_rejects": 100, "max_venue_errors": 6})
    for _ in range(2):
        buy, sell = pair_of(world)
        world.reject(sell)
        no_fills(world, buy)
    buy, sell = pair_of(world)
    world.unknown(sell)
    no_fills(world, buy)
    for number in range(3):
        assert closed(world) == {}, number
        error(world, "kucoin", "cancel")
    assert closed(world) == {"venue:kucoin": "HALTED"}
    assert world.halts[0].reason == "6 errors within 60 s"


def test_an_order_of_which_nothing_left_is_no_error_of_the_venue() -> None:
    world = Guarded(limits=QUICK | {"max_strategy_rejects": 1, "max_venue_errors": 1})
    for code in (NOT_SENT, Refusal.NOT_APPROVED.value):
        for leg in pair_of(world):
            world.reject(leg, code)
    assert closed(world) == {}


def test_a_reject_of_an_order_that_nobody_knows_counts_for_nothing() -> None:
    world = Guarded(limits=QUICK | {"max_strategy_rejects": 1, "max_venue_errors": 1})
    world.tell(ev.OrderReject, client_id="stranger", code="1", text="")
    world.tell(ev.OrderUnknown, client_id="stranger", reason="")
    assert closed(world) == {}


def test_refused_credentials_halt_the_venue() -> None:
    world = Guarded()
    error(world, "binance", "auth")
    assert closed(world) == {"venue:binance": "HALTED"}
    assert world.halts[0].reason == "1 refused credentials within 60 s: -1 no"
    assert world.verdict() is Refusal.VENUE_HALTED


def test_a_resume_begins_the_window_anew() -> None:
    world = Guarded(limits=QUICK | {"max_strategy_rejects": 3, "max_venue_errors": 100})
    buy, sell = pair_of(world)
    world.reject(buy)
    world.reject(sell)
    world.tell(ev.Control, action="resume", reason="seen", scope="strategy:arb")
    buy, sell = pair_of(world)
    world.reject(buy)
    world.reject(sell)
    assert closed(world) == {}


# --- 30 -----------------------------------------------------------------------------------------


def test_orders_of_a_venue_that_is_not_heard_are_cancelled() -> None:
    world = Guarded()
    buy, sell = pair_of(world)
    world.ack(sell)
    world.link("kucoin", "account", False)
    world.wait(2 * SECOND - 1)
    assert world.cancels == []
    world.wait(1)
    assert world.cancels == [Cancel(sell.client_id, "kucoin", "XRP/USDT")]
    assert "own orders there are cancelled" in world.alerts()[-1]
    world.wait(2 * SECOND)  # and again while it is down
    assert len(world.cancels) == 2
    world.link("kucoin", "account", True)
    world.wait(10 * SECOND)
    assert len(world.cancels) == 2
    assert world.order(buy).state.value != "CANCEL_SENT"


def test_a_stream_that_comes_back_in_time_cancels_nothing() -> None:
    world = Guarded()
    _, sell = pair_of(world)
    world.ack(sell)
    world.link("kucoin", "account", False)
    world.wait(2 * SECOND - 1)
    world.link("kucoin", "account", True)
    world.link("kucoin", "account", False)
    world.wait(2 * SECOND - 1)
    assert world.cancels == []
    world.wait(1)
    assert len(world.cancels) == 1


@pytest.mark.parametrize("link", ["market", "orders"])
def test_other_links_are_not_what_fills_are_heard_by(link: str) -> None:
    world = Guarded()
    _, sell = pair_of(world)
    world.ack(sell)
    world.link("kucoin", link, False)
    world.wait(1 * SECOND)
    assert world.cancels == []
    world.tell(ev.LinkState, venue="nowhere", link="account", up=False)
    world.wait(3 * SECOND)
    assert world.cancels == []
