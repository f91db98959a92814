"""Comparing with a venue: when it is asked, what closes it meanwhile, and what an answer proves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from support.trading import MS, World, config
from xrpfast.model import MONEY_ONE
from xrpfast.trading import events as ev
from xrpfast.trading.commands import (
    Adopt,
    Alert,
    Cancel,
    Halt,
    Leg,
    PlaceLegs,
    Reconcile,
    Reduce,
    SetTimer,
)
from xrpfast.trading.events import OpenOrder
from xrpfast.trading.risk.limits import Dust
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.states import TradingState

SECOND = 1_000 * MS
DUST = {"drift_dust": (Dust("XRP", MONEY_ONE // 100),)}


def asked(world: World, venue: str = "binance") -> list[Reconcile]:
    return [c for c in world.asked if isinstance(c, Reconcile) and c.venue == venue]


def halts(out: list[Any]) -> list[Halt]:
    return [command for command in out if isinstance(command, Halt)]


def due(world: World, venue: str = "binance") -> list[Any]:
    """Lets the time until the venue's next step pass; what is asked for then."""
    world.now_ns = max(world.now_ns, world.engine.reconciler.rounds[venue].due_ns)
    return world.tell(ev.Timer, timer_id="reconcile:" + venue)


def step(world: World, venue: str = "binance") -> str:
    return world.engine.reconciler.rounds[venue].step.value


def refusal(world: World) -> str | None:
    world.signal()
    last = world.engine.last_refusal
    return None if last is None else last[1]


def report(world: World, asset: str, more: int, venue: str = "binance", locked: int = 0) -> None:
    """The venue's balance of an asset: what is booked and ``more``."""
    total = world.engine.portfolio.balance(venue, asset) + more
    world.tell(ev.Balance, venue=venue, asset=asset, free=total - locked, locked=locked, venue_ns=0)


def moved(world: World, asset: str, delta: int, move_id: str = "1") -> list[Any]:
    return world.tell(
        ev.BalanceMoved, venue="binance", asset=asset, delta=delta, reason="deposit",
        move_id=move_id,
    )  # fmt: skip


def working(client_id: str) -> OpenOrder:
    return OpenOrder(client_id, "v1", "XRP/USDT", 0, 21_000, 100, 0)


# --- when -----------------------------------------------------------------------------------------


def test_a_venue_is_asked_once_both_links_are_up_and_closed_until_it_has_answered() -> None:
    world = World(ready=False)
    world.control("start")
    assert not asked(world)
    world.link("binance", "orders", True)
    assert not asked(world), "before the account stream is up, fills would slip by"
    out = world.link("binance", "account", True)
    (question,) = [c for c in out if isinstance(c, Reconcile)]
    assert question == Reconcile("binance", 1, (), world.now_ns)
    assert step(world) == "RUNNING"
    venue = world.engine.context.venues["binance"]
    assert venue.closed_by() is Refusal.VENUE_NOT_RECONCILED
    world.reconcile("binance")
    assert step(world) == "DONE"
    assert venue.open


@pytest.mark.parametrize("link", ["orders", "account"])
def test_a_link_that_was_gone_takes_the_proof_with_it(link: str) -> None:
    world = World()
    world.link("binance", link, False)
    assert refusal(world) == "VENUE_DOWN"
    before = len(asked(world))
    world.link("binance", link, True)
    assert len(asked(world)) == before + 1
    assert refusal(world) == "VENUE_NOT_RECONCILED"
    world.reconcile("binance")
    assert refusal(world) is None


def test_an_answer_to_an_earlier_question_counts_for_nothing() -> None:
    world = World()
    world.link("binance", "account", False)
    world.link("binance", "account", True)
    world.link("binance", "account", False)
    world.link("binance", "account", True)
    number = asked(world)[-1].number
    assert world.reconcile("binance", number=number - 1) == []
    assert world.reconcile("binance", number=number - 1, complete=False) == []
    assert step(world) == "RUNNING"
    world.reconcile("binance")
    assert step(world) == "DONE"


def test_a_link_lost_while_the_venue_is_read_makes_its_answer_worthless() -> None:
    world = World()
    world.control("reconcile")
    number = asked(world)[-1].number
    world.link("binance", "account", False)
    assert world.reconcile("binance", number=number) == []
    assert step(world) == "NEEDED"
    assert not world.engine.context.venues["binance"].reconciled


def test_order_entry_that_stays_away_does_not_keep_fills_from_being_asked_for() -> None:
    world = World()
    world.link("binance", "orders", False)
    world.link("binance", "account", False)
    world.link("binance", "account", True)
    before = len(asked(world))
    due(world)
    assert len(asked(world)) == before + 1
    world.reconcile("binance")
    assert step(world) == "DONE"
    assert not world.engine.context.venues["binance"].open


def test_nothing_is_asked_while_the_account_stream_is_down() -> None:
    world = World()
    world.link("binance", "account", False)
    before = len(asked(world))
    world.control("reconcile")
    due(world)
    assert len(asked(world)) == before
    world.link("binance", "account", True)
    assert len(asked(world)) == before + 1


def test_the_market_link_is_none_of_its_business() -> None:
    world = World()
    before = len(asked(world))
    world.link("binance", "market", False)
    world.link("binance", "market", True)
    assert len(asked(world)) == before
    assert step(world) == "DONE"


def test_a_regular_round_leaves_the_venue_open_and_asks_for_what_came_since() -> None:
    world = World(config(reconcile_ns=30 * SECOND))
    first = asked(world)[-1]
    state = world.engine.reconciler.rounds["binance"]
    assert state.due_ns == world.now_ns + 30 * SECOND
    world.now_ns = state.due_ns - 1
    assert world.tell(ev.Timer, timer_id="reconcile:binance") == []
    out = due(world)
    assert [c.number for c in out if isinstance(c, Reconcile)] == [first.number + 1]
    assert refusal(world) is None
    assert asked(world)[-1].fills_since_ns == first.fills_since_ns, "overlap, not before the start"
    world.reconciled("binance")
    for _ in range(5):
        due(world)
        world.reconciled("binance")
    last = asked(world)[-1]
    assert last.fills_since_ns > first.fills_since_ns
    assert world.now_ns - last.fills_since_ns > 60 * SECOND


def noisy_round(world: World) -> World:
    """A regular round that was asked while a leg of ours was under way there."""
    buy, sell = world.place()
    due(world)
    world.settle(buy, sell)
    world.reconcile("binance")
    return world


def test_a_regular_round_that_met_our_own_orders_keeps_entries_waiting_and_no_hedge() -> None:
    world = noisy_round(traded())
    venue = world.engine.context.venues["binance"]
    assert step(world) == "NEEDED"
    assert venue.open_to_hedges
    assert refusal(world) == "VENUE_NOT_RECONCILED"
    due(world)
    assert venue.open_to_hedges
    world.reconcile("binance")
    assert step(world) == "DONE"
    assert refusal(world) is None


def test_after_a_link_was_gone_hedges_too_wait_until_the_venue_is_through() -> None:
    world = traded()
    buy, sell = world.place()
    world.link("binance", "account", False)
    world.link("binance", "account", True)
    world.settle(buy, sell)
    world.reconcile("binance")
    assert step(world) == "NEEDED"
    assert not world.engine.context.venues["binance"].open_to_hedges


@pytest.mark.parametrize("trouble", ["difference", "incomplete", "moved"])
def test_what_contradicts_the_books_after_a_noisy_round_closes_the_venue_to_hedges(
    trouble: str,
) -> None:
    world = noisy_round(traded())
    if trouble == "moved":
        moved(world, "XRP", MONEY_ONE)
    elif trouble == "difference":
        compare(world, ("XRP", MONEY_ONE))
    else:
        due(world)
        world.reconcile("binance", complete=False, reason="down")
    assert not world.engine.context.venues["binance"].open_to_hedges


def test_a_move_told_of_while_a_regular_round_runs_closes_the_venue() -> None:
    world = traded()
    due(world)
    world.now_ns += MS
    assert world.engine.context.venues["binance"].open
    out = moved(world, "XRP", MONEY_ONE)
    assert [c.venue for c in out if isinstance(c, Reconcile)] == ["binance"]
    assert not world.engine.context.venues["binance"].open_to_hedges


def test_a_persons_word_closes_every_venue_until_it_is_through() -> None:
    world = World()
    world.control("reconcile")
    assert {c.venue for c in world.asked[-4:] if isinstance(c, Reconcile)} == {"binance", "kucoin"}
    assert refusal(world) == "VENUE_NOT_RECONCILED"
    world.reconcile()
    assert refusal(world) is None


def test_orders_that_are_not_settled_are_named() -> None:
    world = World()
    buy, sell = world.place()
    world.control("reconcile")
    assert asked(world)[-1].client_ids == (buy.client_id,)
    assert asked(world, "kucoin")[-1].client_ids == (sell.client_id,)


# --- answers that prove nothing -------------------------------------------------------------------


def test_an_incomplete_answer_is_asked_for_again_later_and_later_and_told_once() -> None:
    world = World()
    world.control("reconcile")
    waits, alerts = [], []
    for _ in range(7):
        out = world.reconcile("binance", complete=False, reason="HTTP 503")
        alerts += [c.text for c in out if isinstance(c, Alert)]
        (timer,) = [c for c in out if isinstance(c, SetTimer)]
        waits.append((timer.due_ns - world.now_ns) // MS)
        assert refusal(world) == "VENUE_NOT_RECONCILED"
        due(world)
    assert waits == [500, 1_000, 2_000, 5_000, 10_000, 10_000, 10_000]
    assert len(alerts) == 1
    assert "HTTP 503" in alerts[0]
    world.reconcile("binance")
    world.reconcile("kucoin")
    assert refusal(world) is None


def test_a_regular_round_that_fails_closes_the_venue() -> None:
    world = World()
    due(world)
    world.reconcile("binance", complete=False, reason="down")
    assert refusal(world) == "VENUE_NOT_RECONCILED"


def test_no_answer_at_all_is_an_answer_that_proves_nothing() -> None:
    world = World()
    world.control("reconcile")
    number = asked(world)[-1].number
    due(world)
    assert step(world) == "NEEDED"
    due(world)
    assert asked(world)[-1].number == number + 1


def test_an_order_that_is_not_listed_stays_as_it_is() -> None:
    world = World()
    buy, sell = world.place()
    world.unknown(buy)
    world.settle(sell)
    world.control("reconcile")
    world.reconciled("binance")
    order = world.order(buy)
    assert order.state.value == "UNKNOWN"
    assert not order.settled
    assert world.free("binance", "USDT") < 2_000 * MONEY_ONE


# --- working orders -------------------------------------------------------------------------------


def test_orders_of_others_are_counted_and_left_alone() -> None:
    world = World()
    world.control("reconcile")
    out = world.reconcile("binance", open_orders=(working("by-hand-1"), working("xtother1-0a")))
    assert not [c for c in out if isinstance(c, (Cancel, Halt))]
    assert world.engine.reconciler.rounds["binance"].foreign == 2
    assert step(world) == "DONE"


def test_an_order_of_an_earlier_run_is_cancelled_and_the_venue_looked_at_again() -> None:
    world = World()
    world.control("reconcile")
    out = world.reconcile("binance", open_orders=(working("xttest6-0a"),))
    assert [c for c in out if isinstance(c, Cancel)] == [
        Cancel("xttest6-0a", "binance", "XRP/USDT")
    ]
    assert [c.level for c in out if isinstance(c, Alert)] == ["critical"]
    assert step(world) == "NEEDED"
    due(world)
    world.reconcile("binance")
    assert step(world) == "DONE"


@pytest.mark.parametrize("client_id", ["xttest7-zza", "xttest8-0a", "xttest!"])
def test_an_own_order_that_we_did_not_send_is_a_second_engine(client_id: str) -> None:
    world = World()
    world.control("reconcile")
    out = world.reconcile("binance", open_orders=(working(client_id),))
    assert len(halts(out)) == 1
    assert "second engine" in halts(out)[0].reason
    assert world.engine.context.trading is TradingState.HALTED
    assert not [c for c in out if isinstance(c, Cancel)]


def test_our_own_working_orders_may_be_there() -> None:
    world = World()
    buy, _ = world.place()
    world.ack(buy)
    world.control("reconcile")
    out = world.reconcile("binance", open_orders=(working(buy.client_id),))
    assert not [c for c in out if isinstance(c, (Cancel, Halt))]


def test_an_order_that_ended_and_is_listed_must_go_before_the_venue_opens() -> None:
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.end(buy, "EXPIRED", 0)
    world.control("reconcile")
    out = world.reconcile("binance", open_orders=(working(buy.client_id),))
    assert Cancel(buy.client_id, "binance", "XRP/USDT") in out
    assert step(world) == "NEEDED"


def test_an_order_that_left_memory_and_is_listed_is_ours_all_the_same() -> None:
    world = World(config(keep_orders=0))
    buy, sell = world.place()
    world.settle(sell)
    world.end(buy, "EXPIRED", 0)
    world.control("reconcile")
    out = world.reconcile("binance", open_orders=(working(buy.client_id),))
    assert not halts(out)
    assert Cancel(buy.client_id, "binance", "XRP/USDT") in out
    assert step(world) == "NEEDED"


# --- balances -------------------------------------------------------------------------------------


def traded(**limits: Any) -> World:
    """A world in which a pair was filled at both venues, and that was compared once."""
    world = World(config(limits=DUST | limits))
    world.settle(*world.place())
    world.now_ns += SECOND
    return world


def compare(world: World, *drift: tuple[str, int]) -> list[Any]:
    """One round; the balances come right before its end."""
    if step(world) != "RUNNING":
        due(world)
    for asset, more in drift:
        report(world, asset, more)
    return world.reconcile("binance")


def test_dust_is_adopted_into_the_books_and_never_looks_like_profit() -> None:
    world = traded()
    portfolio = world.engine.portfolio
    before = portfolio.pnl("USDT"), portfolio.change("XRP"), portfolio.balance("binance", "XRP")
    dust = MONEY_ONE // 100
    out = compare(world, ("XRP", dust))
    assert [c for c in out if isinstance(c, Adopt)] == [Adopt("binance", "XRP", dust, "dust")]
    assert step(world) == "DONE"
    assert portfolio.balance("binance", "XRP") == before[2] + dust
    assert (portfolio.pnl("USDT"), portfolio.change("XRP")) == before[:2]
    assert portfolio.drift() == {}
    assert world.engine.summary()["adopted"] == [
        {"venue": "binance", "asset": "XRP", "amount": "0.01"}
    ]


@pytest.mark.parametrize(("asset", "more"), [("XRP", MONEY_ONE // 100 + 1), ("USDT", 1)])
def test_what_nothing_explains_is_looked_at_again_and_then_halts(asset: str, more: int) -> None:
    world = traded()
    for _ in range(2):
        out = compare(world, (asset, more))
        assert not halts(out)
        assert step(world) == "NEEDED"
        assert not world.engine.context.venues["binance"].open
    out = compare(world, (asset, more))
    assert len(halts(out)) == 1
    assert "unexplained" in halts(out)[0].reason
    assert not [c for c in world.asked if isinstance(c, Adopt)]


def test_a_difference_that_goes_away_was_a_list_that_lagged() -> None:
    world = traded()
    compare(world, ("XRP", -MONEY_ONE))
    compare(world, ("XRP", 0))
    assert step(world) == "DONE"
    for _ in range(3):
        assert not halts(compare(world, ("XRP", 0)))
    for _ in range(2):
        assert not halts(compare(world, ("XRP", -MONEY_ONE))), "looks in a row, not in a life"
    assert not halts(compare(world, ("XRP", 0)))


def test_a_move_that_was_told_of_is_adopted_and_entries_wait_for_a_person() -> None:
    world = traded()
    out = moved(world, "XRP", 50 * MONEY_ONE)
    assert [c.level for c in out if isinstance(c, Alert)] == ["warning"]
    assert step(world) == "RUNNING", "asked at once"
    world.now_ns += MS
    out = compare(world, ("XRP", 50 * MONEY_ONE))
    assert Adopt("binance", "XRP", 50 * MONEY_ONE, "moved") in out
    assert not halts(world.asked)
    assert refusal(world) == "VENUE_REDUCING"
    assert world.engine.context.venues["binance"].open_to_hedges
    world.control("resume")
    assert refusal(world) is None
    assert not halts(compare(world, ("XRP", 0)))


def test_a_move_told_of_while_the_venue_is_read_may_or_may_not_be_in_the_balance() -> None:
    world = traded()
    due(world)
    asked_ns = world.now_ns
    world.now_ns += MS
    moved(world, "XRP", 50 * MONEY_ONE)
    report(world, "XRP", 0)
    world.reconcile("binance", asked_ns=asked_ns)
    assert step(world) == "NEEDED"
    world.now_ns += MS
    compare(world, ("XRP", 50 * MONEY_ONE))
    assert step(world) == "DONE"
    assert world.engine.context.venues["binance"].state is TradingState.REDUCING
    assert Reduce("venue:binance", "somebody else moved a balance there") in world.asked


def test_a_move_counts_once_however_often_it_is_heard() -> None:
    world = traded()
    moved(world, "XRP", 50 * MONEY_ONE, "m")
    assert moved(world, "XRP", 50 * MONEY_ONE, "m") == []
    compare(world, ("XRP", 50 * MONEY_ONE))
    compare(world, ("XRP", 50 * MONEY_ONE))
    assert world.engine.portfolio.adopted[0] == 50 * MONEY_ONE


def test_another_amount_than_was_told_of_is_not_explained() -> None:
    world = traded()
    moved(world, "XRP", 50 * MONEY_ONE)
    for _ in range(4):
        if step(world) == "DONE":
            break
        out = compare(world, ("XRP", 60 * MONEY_ONE))
        if halts(out):
            return
    raise AssertionError("not halted")


def test_an_asset_that_is_not_traded_is_nobodys_worry() -> None:
    world = traded()
    due(world)
    report(world, "AIRDROP", 5 * MONEY_ONE)
    out = world.reconcile("binance")
    assert Adopt("binance", "AIRDROP", 5 * MONEY_ONE, "not traded") in out
    assert not halts(out)
    moved(world, "AIRDROP", MONEY_ONE)
    world.now_ns += MS
    report(world, "AIRDROP", MONEY_ONE)
    world.reconcile("binance")
    assert refusal(world) is None


def test_an_asset_that_paid_a_fee_of_ours_has_to_agree() -> None:
    world = World(config(limits=DUST))
    buy, sell = world.place()
    world.fill(buy, "1", fee=3, fee_asset="BNB")
    world.settle(sell)
    world.now_ns += SECOND
    compare(world, ("BNB", 0))
    assert step(world) == "DONE"
    for _ in range(2):
        compare(world, ("BNB", 1))
    assert halts(compare(world, ("BNB", 1)))


def test_what_moved_while_the_engine_started_is_adopted() -> None:
    world = World(ready=False)
    for link in ("orders", "account"):
        world.link("binance", link, True)
    out = compare(world, ("XRP", 7 * MONEY_ONE))
    assert Adopt("binance", "XRP", 7 * MONEY_ONE, "start") in out
    assert step(world) == "DONE"


def test_balances_are_not_judged_while_something_is_under_way() -> None:
    world = traded()
    buy, sell = world.place()
    world.unknown(buy)
    world.settle(sell)
    for _ in range(2):
        compare(world, ("XRP", 99 * MONEY_ONE))
        assert step(world) == "NEEDED"
    compare(world, ("XRP", 99 * MONEY_ONE))
    assert step(world) == "DONE", "an order without word must not close the venue for hours"
    assert not halts(world.asked)
    assert world.engine.portfolio.adopted == [0] * 4


def test_balances_are_not_judged_when_a_fill_came_meanwhile() -> None:
    world = traded()
    legs = world.place()
    due(world)
    asked_ns = world.now_ns
    world.now_ns += MS
    world.settle(*legs)
    report(world, "XRP", -100 * MONEY_ONE)  # read before the fill
    world.reconcile("binance", asked_ns=asked_ns)
    assert step(world) == "NEEDED"
    report(world, "XRP", 0)
    due(world)
    world.reconcile("binance")
    assert step(world) == "DONE"
    assert not halts(world.asked)


def test_balances_are_not_judged_when_a_fill_came_meanwhile_on_an_order_from_before() -> None:
    """The desk had the order as ended; what it missed of it comes late."""
    world = traded()
    buy, sell = world.place()
    world.settle(sell)
    world.end(buy, "EXPIRED", 0)
    due(world)
    asked_ns = world.now_ns
    world.now_ns += MS
    world.fill(buy, "late", 10)
    report(world, "XRP", -MONEY_ONE)
    world.reconcile("binance", asked_ns=asked_ns)
    assert world.engine.reconciler.rounds["binance"].drift.doubts == 0
    assert step(world) == "NEEDED"


def test_what_others_lock_is_not_ours_to_use() -> None:
    world = traded()
    free = world.free("binance", "XRP")
    due(world)
    report(world, "XRP", 0, locked=30 * MONEY_ONE)
    world.reconcile("binance")
    assert world.free("binance", "XRP") == free - 30 * MONEY_ONE
    due(world)
    report(world, "XRP", 0)
    world.reconcile("binance")
    assert world.free("binance", "XRP") == free


def test_what_an_order_of_ours_locked_meanwhile_is_not_taken_for_others() -> None:
    world = traded()
    free = world.free("kucoin", "XRP")
    due(world, "kucoin")
    buy, sell = world.place()  # leaves while the venue is read, and locks what it sells
    report(world, "XRP", 0, venue="kucoin", locked=100 * MONEY_ONE)
    world.end(sell, "EXPIRED", 0)
    world.end(buy, "EXPIRED", 0)
    world.reconcile("kucoin")
    assert step(world, "kucoin") == "NEEDED"
    assert world.free("kucoin", "XRP") == free


def test_a_difference_that_stays_is_asked_about_for_as_long_as_the_halted_run_lasts() -> None:
    world = traded()
    out: list[Any] = []
    for _ in range(12):
        out += compare(world, ("XRP", MONEY_ONE))
    assert len(halts(out)) == 1
    state = world.engine.reconciler.rounds["binance"]
    assert state.due_ns - world.now_ns == 10 * SECOND


def estimated(fee: int, **limits: Any) -> tuple[World, Leg]:
    """A pair that was filled; the fee of its sale at kucoin is an estimate."""
    world = World(config(limits=DUST | limits, reconcile_ns=25 * SECOND))
    buy, sell = world.place()
    world.settle(buy)
    world.fill(sell, "t", fee=fee, fee_estimated=True)
    world.now_ns += MS
    return world, sell


def test_balances_are_not_judged_before_the_true_fees_are_told() -> None:
    """The venue has taken the true fee already: what the books say of it is a guess."""
    world, sell = estimated(MONEY_ONE, drift_dust=(Dust("USDT", MONEY_ONE),))
    usdt = world.engine.portfolio.balance("kucoin", "USDT")
    due(world, "kucoin")
    report(world, "USDT", MONEY_ONE // 5, "kucoin")
    world.reconcile("kucoin")
    venue = world.engine.context.venues["kucoin"]
    assert (step(world, "kucoin"), venue.open, venue.open_to_hedges) == ("NEEDED", False, True)
    assert world.engine.portfolio.balance("kucoin", "USDT") == usdt, "nor is it taken for dust"
    due(world, "kucoin")
    world.fill(sell, "t", fee=MONEY_ONE * 4 // 5)
    world.reconcile("kucoin")
    assert (step(world, "kucoin"), venue.open) == ("DONE", True)
    assert world.engine.reconciler.rounds["kucoin"].drift.judged == 1 + 1
    assert world.engine.portfolio.drift() == {}
    assert not [c for c in world.asked if isinstance(c, Adopt | Halt)]


def test_a_fee_that_is_never_told_keeps_balances_from_being_judged_for_two_minutes() -> None:
    world, _ = estimated(MONEY_ONE)
    started_ns = world.now_ns
    drift = world.engine.reconciler.rounds["kucoin"].drift
    while not drift.doubts:
        assert world.now_ns - started_ns < 240 * SECOND
        due(world, "kucoin")
        report(world, "USDT", MONEY_ONE // 5, "kucoin")
        world.reconcile("kucoin")
    assert world.now_ns - started_ns >= 120 * SECOND - MS
    assert not world.engine.context.venues["kucoin"].open_to_hedges


def test_fees_of_another_venue_keep_nothing_from_being_judged() -> None:
    world, _ = estimated(MONEY_ONE)
    due(world)
    world.reconcile("binance")
    assert step(world) == "DONE"


def test_fills_are_asked_for_from_the_oldest_on_whose_fee_is_not_told() -> None:
    world, sell = estimated(MONEY_ONE)
    filled_ns = world.now_ns - MS
    while True:
        due(world, "kucoin")
        world.reconcile("kucoin")
        if world.now_ns - filled_ns >= 119 * SECOND:
            break
        assert asked(world, "kucoin")[-1].fills_since_ns <= filled_ns
    world.fill(sell, "t", fee=MONEY_ONE)
    for _ in range(4):
        world.reconciled("kucoin")
        due(world, "kucoin")
    assert asked(world, "kucoin")[-1].fills_since_ns > filled_ns


# --- clocks and fees ------------------------------------------------------------------------------


def clock(world: World, uncertainty_ns: int = MS) -> list[Any]:
    return world.tell(ev.Clock, venue="binance", offset_ns=0, uncertainty_ns=uncertainty_ns)


def test_a_clock_that_is_not_measured_closes_its_venue_to_entries() -> None:
    world = World(config(limits={"max_clock_age_ns": 60 * SECOND}))
    assert clock(world) == [SetTimer("clock:binance", world.now_ns + 60 * SECOND)]
    world.now_ns += 59 * SECOND
    assert clock(world, uncertainty_ns=501 * MS) == [], "too vague to be a measurement"
    world.now_ns += SECOND
    out = world.tell(ev.Timer, timer_id="clock:binance")
    assert [c.level for c in out if isinstance(c, Alert)] == ["critical"]
    assert refusal(world) == "CLOCK_STALE"
    clock(world)
    assert refusal(world) is None


def test_a_fee_that_was_estimated_is_corrected_once() -> None:
    world = World()
    _, sell = world.place()
    portfolio = world.engine.portfolio
    world.fill(sell, "t", fee=MONEY_ONE, fee_asset="USDT", fee_estimated=True)
    usdt = portfolio.balance("kucoin", "USDT")
    world.fill(sell, "t", fee=MONEY_ONE, fee_asset="USDT", fee_estimated=True)
    assert portfolio.balance("kucoin", "USDT") == usdt
    for _ in range(2):
        world.fill(sell, "t", fee=MONEY_ONE // 2, fee_asset="KCS")
    assert portfolio.balance("kucoin", "USDT") == usdt + MONEY_ONE
    assert portfolio.balance("kucoin", "KCS") == -MONEY_ONE // 2
    assert world.engine.fees.corrected == 1
    world.fill(sell, "t", fee=MONEY_ONE, fee_asset="USDT", fee_estimated=True)
    assert portfolio.balance("kucoin", "USDT") == usdt + MONEY_ONE


def test_the_fee_of_an_order_that_left_memory_is_corrected_too() -> None:
    world = World(config(keep_orders=0))
    _, sell = world.place()
    world.fill(sell, "t", fee=MONEY_ONE, fee_estimated=True)
    assert world.engine.orders.forgot(sell.client_id)
    usdt = world.engine.portfolio.balance("kucoin", "USDT")
    for _ in range(2):
        assert world.fill(sell, "t", fee=MONEY_ONE // 2) == []
    assert world.engine.portfolio.balance("kucoin", "USDT") == usdt + MONEY_ONE // 2


def test_an_estimate_corrects_nothing() -> None:
    world = World()
    _, sell = world.place()
    world.fill(sell, "t", fee=5, fee_asset="USDT", fee_estimated=True)
    usdt = world.engine.portfolio.balance("kucoin", "USDT")
    world.fill(sell, "t", fee=9, fee_asset="USDT", fee_estimated=True)
    assert world.engine.portfolio.balance("kucoin", "USDT") == usdt
    world.fill(sell, "t", fee=7, fee_asset="USDT")
    assert world.engine.portfolio.balance("kucoin", "USDT") == usdt - 2


def test_a_true_fee_is_never_corrected_by_an_estimate() -> None:
    world = World()
    _, sell = world.place()
    world.fill(sell, "t", fee=5, fee_asset="USDT")
    usdt = world.engine.portfolio.balance("kucoin", "USDT")
    world.fill(sell, "t", fee=9, fee_asset="USDT", fee_estimated=True)
    world.fill(sell, "t", fee=9, fee_asset="USDT")
    assert world.engine.portfolio.balance("kucoin", "USDT") == usdt


def test_the_same_words_lead_to_the_same_commands() -> None:
    world = traded()
    moved(world, "XRP", 50 * MONEY_ONE)
    compare(world, ("XRP", 50 * MONEY_ONE))
    compare(world, ("XRP", 50 * MONEY_ONE))
    world.control("resume")
    world.link("kucoin", "account", False)
    world.link("kucoin", "account", True)
    again = World(world.engine.config, ready=False)
    decoder = msgspec.json.Decoder(ev.AnyEvent)
    for event in world.told:
        again.process(decoder.decode(msgspec.json.encode(event)))

    def lines(commands: list[Any]) -> list[bytes]:
        return [
            msgspec.json.encode(c.record() if isinstance(c, PlaceLegs) else c) for c in commands
        ]

    assert lines(again.asked) == lines(world.asked)
