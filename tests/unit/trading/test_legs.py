"""Pairs of orders after they left: all 36 pairs of outcomes, and what closes an imbalance."""

from __future__ import annotations

from itertools import product

import pytest
from msgspec.structs import replace

from support.legs import LIMITS, TOPS, XRP, Legs
from support.trading import BINANCE, KUCOIN, MS, World, config
from xrpfast.model import MONEY_ONE
from xrpfast.trading import events as ev
from xrpfast.trading.commands import (
    Alert,
    Cancel,
    Halt,
    PlaceLegs,
    ReadBook,
    SetTimer,
    Spent,
)
from xrpfast.trading.config import Residual
from xrpfast.trading.legs.outcomes import NEXT, Outcome, Step, outcome
from xrpfast.trading.states import Latched, TradingState


def test_the_table_is_whole_symmetric_and_never_sends_while_a_leg_is_open() -> None:
    assert set(NEXT) == set(product(Outcome, Outcome))
    unsettled = {Outcome.UNKNOWN, Outcome.GONE}
    traded = {Outcome.FILLED, Outcome.PARTIAL}
    for (one, other), step in NEXT.items():
        assert NEXT[other, one] is step
        if {one, other} & unsettled:
            exposed = bool({one, other} & traded)
            assert step is (Step.WAIT_EXPOSED if exposed else Step.WAIT)
        elif (one is Outcome.FILLED and other is Outcome.FILLED) or not {one, other} & traded:
            assert step is Step.DONE
        else:
            assert step is Step.HEDGE


@pytest.mark.parametrize(("first", "second"), list(product(Outcome, Outcome)))
def test_each_pair_of_outcomes_has_its_next_step(first: Outcome, second: Outcome) -> None:
    world = Legs()
    buy, sell = world.place()
    for leg, wanted in ((buy, first), (sell, second)):
        world.reach(leg, wanted)
    for leg, wanted in ((buy, first), (sell, second)):
        if wanted is Outcome.GONE:
            world.lose(leg)
    venues = world.engine.context.venues
    for leg, wanted in ((buy, first), (sell, second)):
        assert outcome(world.order(leg), venues[leg.venue]) is wanted
    parts = {Outcome.FILLED: 100, Outcome.PARTIAL: 40}
    net = (parts.get(first, 0) - parts.get(second, 0)) * XRP
    assert world.imbalance == net
    step = NEXT[first, second]
    closed = world.engine.context.closed[0]
    if step is Step.HEDGE and net:
        (hedge,) = world.hedges
        assert hedge.side == (1 if net > 0 else 0)
        book = world.engine.context.books[0 if hedge.venue == "binance" else 1]
        assert hedge.qty * book.qty_money == abs(net)
        assert closed
    else:
        assert world.hedges == []
        assert world.read == 0
        assert closed == (step in (Step.WAIT, Step.WAIT_EXPOSED))
    world.pass_time(60_000)
    told = any("traded alone" in text for text in world.alerts("critical"))
    assert told == (step is Step.WAIT_EXPOSED)
    if step in (Step.WAIT, Step.WAIT_EXPOSED):
        assert world.hedges == []


def test_an_order_at_a_venue_without_market_data_is_not_out_of_reach() -> None:
    world = Legs()
    buy, sell = world.place()
    venues = world.engine.context.venues
    for venue in venues:
        world.link(venue, "market", False)
    assert outcome(world.order(buy), venues["binance"]) is None
    assert not world.engine.context.closed[0]
    world.settle(buy)
    world.unknown(sell)
    assert outcome(world.order(sell), venues["kucoin"]) is Outcome.UNKNOWN
    for link in ("orders", "account"):
        world.link("kucoin", link, False)
        assert outcome(world.order(sell), venues["kucoin"]) is Outcome.GONE
        world.link("kucoin", link, True)


def test_a_hedge_that_fills_closes_the_imbalance_and_opens_the_instrument() -> None:
    world = Legs()
    buy, sell = world.place()
    world.settle(buy)
    world.end(sell, "EXPIRED", 0)
    (hedge,) = world.hedges
    # Selling at kucoin gives more than unwinding at binance: 2.1050 against 2.0990.
    assert (hedge.venue, hedge.side, hedge.qty) == ("kucoin", 1, 1_000_000)
    assert hedge.price < 210_550
    assert hedge.client_id.endswith("h")
    world.fill(hedge, "h1", price=210_500)
    assert world.imbalance == 0
    assert not world.engine.context.closed[0]
    assert "closed by 1 hedges" in world.alerts("info")[0]
    world.now_ns += 10_000 * MS
    assert isinstance(world.signal()[0], PlaceLegs)


def test_exactly_what_one_leg_traded_beyond_the_other_is_hedged() -> None:
    world = Legs()
    buy, sell = world.place()
    world.fill(buy, "b1", 700)
    world.end(buy, "EXPIRED", 700)
    world.fill(sell, "s1", 250_000)
    world.end(sell, "EXPIRED", 250_000)
    (hedge,) = world.hedges
    assert (hedge.side, hedge.venue, hedge.qty) == (1, "kucoin", 450_000)


def test_fills_that_are_still_on_their_way_are_waited_for() -> None:
    world = Legs()
    buy, sell = world.place()
    world.settle(buy)
    world.end(sell, "EXPIRED", 400_000)
    assert outcome(world.order(sell), world.engine.context.venues["kucoin"]) is None
    assert world.hedges == []
    world.fill(sell, "s1", 400_000)
    (hedge,) = world.hedges
    assert hedge.qty == 600_000


def test_a_hedge_goes_to_a_venue_whose_regular_round_met_our_own_orders() -> None:
    world = Legs()
    buy, sell = world.place()
    world.live[0] = False  # kucoin alone can take the hedge
    state = world.engine.reconciler.rounds["kucoin"]
    world.now_ns = state.due_ns
    world.tell(ev.Timer, timer_id="reconcile:kucoin")
    world.reconcile("kucoin")
    assert (state.step.value, state.venue.open) == ("NEEDED", False)
    world.settle(buy)
    world.end(sell, "EXPIRED", 0)
    (hedge,) = world.hedges
    assert hedge.venue == "kucoin"


def test_a_hedge_that_fails_is_tried_again_and_elsewhere_until_the_time_is_over() -> None:
    world = Legs()
    buy, sell = world.place()
    world.settle(buy)
    world.reject(sell)
    world.reject(world.hedges[0])
    assert len(world.hedges) == 1
    world.pass_time(200)
    assert len(world.hedges) == 2
    world.live[1] = False  # kucoin's book is no more to be had: unwind at binance
    world.end(world.hedges[1], "EXPIRED", 0)
    world.pass_time(200)
    assert [leg.venue for leg in world.hedges] == ["kucoin", "kucoin", "binance"]
    world.end(world.hedges[2], "EXPIRED", 0)
    world.live[0] = False
    world.pass_time(10_000)
    assert len(world.hedges) == 3
    assert world.given_up
    (halt,) = [c for c in world.asked if isinstance(c, Halt)]
    assert halt.scope == "symbol:XRP/USDT"
    assert "100 of base not closed" in halt.reason
    assert any("100 of base not closed" in text for text in world.alerts("critical"))
    world.live = {0: True, 1: True}
    world.now_ns += 60_000 * MS
    read = world.read
    world.link("binance", "market", True)
    assert world.read == read, "what was given up is not taken up again by itself"
    assert world.signal() == []
    assert world.engine.refused["SYMBOL_CLOSED"] == 1
    world.control("resume")
    assert not world.given_up
    assert len(world.hedges) == 4
    world.fill(world.hedges[3], "h", price=world.hedges[3].price)
    assert world.imbalance == 0
    assert world.engine.context.closed == [False]


def test_a_hedge_of_unknown_outcome_is_not_sent_twice() -> None:
    world = Legs()
    buy, sell = world.place()
    world.settle(buy)
    world.reject(sell)
    (hedge,) = world.hedges
    world.unknown(hedge)
    world.pass_time(60_000)
    assert world.hedges == [hedge]
    world.query(hedge, "FILLED", hedge.qty)
    world.fill(hedge, "h1", price=210_500)
    world.pass_time(60_000)
    assert world.hedges == [hedge]
    assert world.imbalance == 0


def test_no_hedge_may_lose_more_than_the_budget() -> None:
    world = Legs(limits={"hedge_loss": MONEY_ONE // 10})
    world.tops = {0: (20_500, 21_500), 1: (205_000, 215_000)}  # 2.4 % from bid to mid
    buy, sell = world.place()
    world.settle(buy)
    world.reject(sell)
    assert world.hedges == []
    world.pass_time(1_000)
    assert world.hedges == []
    world.tops = {0: (20_990, 21_000), 1: (210_000, 210_100)}
    world.pass_time(1_000)
    assert world.hedges == []  # the fee alone is 0.21
    world.pass_time(10_000)
    assert world.given_up


def test_a_hedge_that_was_not_filled_spends_no_budget() -> None:
    world = Legs(limits={"hedge_loss": MONEY_ONE})
    world.tops = {0: (20_900, 20_910), 1: (209_000, 209_100)}  # about 0.6 a try, fee included
    buy, sell = world.place()
    world.settle(buy)
    world.reject(sell)
    for number in range(4):
        assert len(world.hedges) == number + 1
        world.end(world.hedges[-1], "EXPIRED", 0)
        world.pass_time(200)
    half = world.hedges[-1]
    world.fill(half, "h", half.qty * 9 // 10, price=20_900)
    world.end(half, "EXPIRED", half.qty * 9 // 10)
    world.pass_time(200)
    assert world.engine.legs._exposed[0].lost > 0
    assert world.hedges[-1].qty == half.qty // 10


def test_a_hedge_spends_what_its_fills_lost_not_what_the_book_promised() -> None:
    world = Legs(limits={"hedge_loss": MONEY_ONE})
    buy, sell = world.place()
    world.settle(buy)
    world.reject(sell)
    (hedge,) = world.hedges
    # At its limit, not at the touch: all of the budget would go with all of it filled there.
    half = hedge.qty // 2
    world.fill(hedge, "h", half, price=hedge.price)
    world.end(hedge, "EXPIRED", half)
    (worst, real) = world.spent
    assert MONEY_ONE * 99 // 100 <= worst.lost <= MONEY_ONE, "counted at its worst while it is out"
    assert worst.lost // 2 - 10**12 <= real.lost <= worst.lost // 2 + 10**12
    world.pass_time(200)
    again = world.hedges[1]
    world.fill(again, "h2", again.qty, price=again.price)
    assert world.engine.context.closed == [False]
    assert world.spent[-1] == Spent("XRP/USDT", 0, 0)
    assert world.spent[-2].lost <= MONEY_ONE


@pytest.mark.parametrize("sell_fills", [False, True])
def test_no_hedge_has_a_limit_beyond_the_budget(sell_fills: bool) -> None:
    world = Legs(limits={"hedge_loss": MONEY_ONE * 3 // 10})
    buy, sell = world.place()
    world.settle(sell if sell_fills else buy)
    world.reject(buy if sell_fills else sell)
    (hedge,) = world.hedges
    book = world.engine.context.books[0 if hedge.venue == "binance" else 1]
    value = hedge.price * hedge.qty * book.money_per_value
    fair = 210_250 * 10**13 * 100  # the mean of both mids
    loss = (value - fair if sell_fills else fair - value) + value // 1_000
    assert loss <= MONEY_ONE * 3 // 10
    assert loss + book.tick * book.money_per_value * hedge.qty > MONEY_ONE * 29 // 100


def test_time_spent_waiting_for_a_leg_is_not_taken_from_the_hedge() -> None:
    world = Legs()
    buy, sell = world.place()
    world.settle(buy)
    world.unknown(sell)
    world.pass_time(4_900)
    world.query(sell, "EXPIRED")
    assert len(world.hedges) == 1
    world.end(world.hedges[0], "EXPIRED", 0)
    world.pass_time(4_000)
    assert not world.given_up
    assert len(world.hedges) == 2


def test_time_spent_waiting_for_a_hedge_of_unknown_outcome_is_not_taken_either() -> None:
    world = Legs()
    buy, sell = world.place()
    world.settle(buy)
    world.reject(sell)
    world.unknown(world.hedges[0])
    world.pass_time(20_000)
    world.query(world.hedges[0], None)
    world.now_ns += 1_000 * MS
    world.query(world.hedges[0], None)
    assert len(world.hedges) == 2
    world.fill(world.hedges[1], "h", price=210_500)
    assert world.engine.context.closed == [False]


def test_books_that_were_not_told_are_asked_for_again() -> None:
    world = World(config(limits=LIMITS))  # nobody answers here
    buy, sell = world.place()
    world.settle(buy)
    world.reject(sell)
    assert sum(isinstance(c, ReadBook) for c in world.asked) == 2
    world.now_ns += 200 * MS
    world.tell(ev.Timer, timer_id="legs")
    assert sum(isinstance(c, ReadBook) for c in world.asked) == 4


def test_small_imbalances_stay_and_are_closed_when_they_have_grown() -> None:
    world = Legs()
    for number in range(3):
        world.now_ns += 2_000 * MS
        buy, sell = world.place()
        world.fill(buy, f"b{number}", fee=2 * XRP, fee_asset="XRP")
        world.settle(sell)
        assert world.imbalance == -2 * XRP * (number + 1)
        assert len(world.hedges) == (number == 2)
    (hedge,) = world.hedges
    assert (hedge.side, hedge.venue, hedge.qty) == (0, "binance", 60)
    world.fill(hedge, "h", price=21_000, fee=6 * XRP // 1_000, fee_asset="XRP")
    assert world.imbalance == -6 * XRP // 1_000
    assert not world.engine.context.closed[0]


def test_a_fee_that_turns_out_to_be_base_is_part_of_the_imbalance() -> None:
    world = Legs()
    buy, sell = world.place()
    world.fill(buy, "b", fee=MONEY_ONE, fee_asset="USDT", fee_estimated=True)
    world.settle(sell)
    for _ in range(2):
        world.fill(buy, "b", fee=2 * XRP, fee_asset="XRP")
        assert world.imbalance == world.engine.portfolio.position[0] == -2 * XRP


def test_what_no_venue_takes_for_being_too_small_stays_until_it_has_grown() -> None:
    least = 50 * MONEY_ONE
    books = tuple(replace(rules, min_notional=least) for rules in (BINANCE, KUCOIN))
    world = Legs(books=books)
    buy, sell = world.place()
    world.fill(buy, "b1", fee=15 * XRP, fee_asset="XRP")
    world.live[1] = False
    world.settle(sell)
    assert world.engine.context.closed[0], "a venue that is not seen may take it"
    world.live[1] = True
    world.pass_time(200)
    assert world.hedges == []
    assert not world.engine.context.closed[0]
    world.pass_time(60_000)
    assert not world.given_up
    buy, sell = world.place()
    world.fill(buy, "b2", fee=15 * XRP, fee_asset="XRP")
    world.settle(sell)
    (hedge,) = world.hedges
    assert (hedge.side, world.imbalance) == (0, -30 * XRP)


def test_what_no_balance_covers_where_it_is_large_enough_stays_until_there_is_one() -> None:
    """10 XRP too much: kucoin would take them and has none, binance takes no less than 30 XRP."""
    books = (replace(BINANCE, min_notional=60 * MONEY_ONE), KUCOIN)
    world = Legs(books=books)
    buy, sell = world.place()
    portfolio, context = world.engine.portfolio, world.engine.context
    world.settle(buy)
    portfolio.booked[context.accounts["kucoin", "XRP"]] = 90 * XRP
    world.fill(sell, "s1", 900_000)
    world.end(sell, "EXPIRED", 900_000)
    assert world.imbalance == 10 * XRP
    assert world.hedges == []
    (text,) = world.alerts("warning")
    assert "10 of base stays open until it has grown" in text
    assert "below the minimum of binance, not covered at kucoin" in text
    assert not context.closed[0]
    world.pass_time(60_000)
    assert (world.imbalance, world.hedges) == (10 * XRP, [])
    assert world.engine.context.symbols[0] is TradingState.ACTIVE
    assert world.alerts("warning") == [text], "told once"
    # A pair the other way round fills the account up.
    (pair,) = (c for c in world.reverse_signal() if isinstance(c, PlaceLegs))
    world.settle(*pair.legs)
    (hedge,) = world.hedges
    assert (hedge.venue, hedge.qty) == ("kucoin", 100_000)


def test_what_no_balance_covers_anywhere_is_given_up() -> None:
    world = Legs()
    buy, sell = world.place()
    world.settle(buy)
    for account in world.engine.context.accounts.values():
        world.engine.portfolio.booked[account] = 0
    world.reject(sell)
    world.pass_time(10_000)
    assert world.hedges == []
    assert world.engine.legs.counts["given_up"] == 1
    assert world.alerts("warning") == []


def test_what_an_earlier_run_left_is_closed_at_the_start() -> None:
    world = Legs(residuals=(Residual("XRP/USDT", 30 * XRP),))
    position = world.engine.portfolio.position
    assert position[0] == 30 * XRP, "exposure, and its limit, go on from run to run"
    (hedge,) = world.hedges
    assert (hedge.side, hedge.qty) == (1, 300_000)
    world.fill(hedge, "h", price=210_500)
    assert world.imbalance == 0
    assert position[0] == 0


@pytest.mark.parametrize("word", ["unknown", "stopped", "halt"])
def test_a_hedge_that_cannot_go_on_does_not_wake_the_engine_again_and_again(word: str) -> None:
    world = Legs()
    world.live = {0: word == "unknown", 1: word == "unknown"}
    buy, sell = world.place()
    world.settle(buy)
    world.reject(sell)
    if word == "unknown":
        world.unknown(world.hedges[0])
    else:
        world.control(word)
    world.now_ns += 300 * MS
    asked = world.tell(ev.Timer, timer_id="legs")
    assert [c for c in asked if isinstance(c, SetTimer) and c.timer_id == "legs"] == []


@pytest.mark.parametrize("state", [TradingState.STOPPED, TradingState.HALTED])
def test_nothing_is_hedged_while_trading_is_stopped_or_halted(state: TradingState) -> None:
    world = Legs()
    buy, sell = world.place()
    world.control("halt" if state is TradingState.HALTED else "stopped")
    world.settle(buy)
    world.end(sell, "CANCELLED", 0)
    world.pass_time(60_000)
    assert world.engine.context.trading is state
    assert world.hedges == []
    assert world.imbalance == 100 * XRP
    assert world.engine.legs.owing() == {"XRP/USDT": 100 * XRP}


def test_a_stop_closes_what_one_leg_traded_alone_and_enters_nothing() -> None:
    world = Legs()
    buy, sell = world.place()
    world.control("stop")
    assert world.signal() == []
    assert world.engine.refused == {} or set(world.engine.refused) == {"TRADING_STOPPED"}
    world.settle(buy)
    world.end(sell, "CANCELLED", 0)
    assert world.engine.legs.closing()
    (hedge,) = world.hedges
    world.fill(hedge, "h", price=hedge.price)
    assert not world.engine.legs.closing()
    assert world.imbalance == 0
    world.now_ns += 10_000 * MS
    assert world.signal() == []
    assert world.engine.refused == {"TRADING_STOPPED": 1}


def test_entries_are_refused_while_reducing_and_hedges_are_not() -> None:
    world = Legs()
    buy, sell = world.place()
    world.control("reduce")
    assert world.engine.context.trading is TradingState.REDUCING
    world.settle(buy)
    world.end(sell, "EXPIRED", 0)
    (hedge,) = world.hedges
    world.fill(hedge, "h", price=210_500)
    world.now_ns += 10_000 * MS
    assert world.signal() == []
    assert world.engine.refused == {"TRADING_REDUCING": 1}


def test_a_hedge_is_cut_to_what_venue_balance_and_limits_take() -> None:
    world = Legs(limits={"max_order_notional": 300 * MONEY_ONE}, xrp=150)
    buy, sell = world.place()
    world.settle(buy)
    world.reject(sell)
    assert world.hedges[0].qty == 1_000_000
    small = Legs(limits={"max_order_notional": 211 * MONEY_ONE})
    buy, sell = small.place()
    small.settle(buy)
    small.reject(sell)
    assert small.hedges[0].price * small.hedges[0].qty <= 211 * 10**9


def test_stale_crossed_and_dead_books_are_no_place_for_a_hedge() -> None:
    for tops, live in (
        ({0: (0, 0), 1: (0, 0)}, {0: True, 1: True}),
        ({0: (21_000, 20_990), 1: (210_600, 210_500)}, {0: True, 1: True}),
        (dict(TOPS), {0: False, 1: False}),
    ):
        world = Legs()
        world.tops, world.live = tops, live
        buy, sell = world.place()
        world.settle(buy)
        world.reject(sell)
        assert world.read == 2
        assert world.hedges == []


def test_the_same_events_give_the_same_hedges() -> None:
    world = Legs()
    buy, sell = world.place()
    world.settle(buy)
    world.reject(sell)
    world.reject(world.hedges[0])
    world.pass_time(400)
    again = World(config(limits=LIMITS), ready=False)
    for event in world.told:
        again.process(event)
    assert [c.record() if isinstance(c, PlaceLegs) else c for c in again.asked] == [
        c.record() if isinstance(c, PlaceLegs) else c for c in world.asked
    ]


def test_the_loss_budget_goes_on_where_the_run_before_left_it() -> None:
    """A restart loop must not spend the budget anew each time."""
    left = (Residual("XRP/USDT", 100 * XRP, lost=2 * MONEY_ONE - 1, attempts=7),)
    dear = {0: (20_990, 21_010), 1: (209_900, 210_100)}
    world = Legs(residuals=left, tops=dear)
    world.pass_time(1_000)
    assert world.read > 0
    assert world.hedges == []
    world.pass_time(10_000)
    assert world.given_up
    (alert,) = world.alerts("critical")
    assert "after 7 hedges" in alert
    world.control("resume")
    assert world.spent[0] == Spent("XRP/USDT", 0, 0), "a person gives a new budget"
    assert len(world.hedges) == 1


def test_what_was_given_up_stays_so_over_a_restart() -> None:
    halted = (Latched("symbol:XRP/USDT", TradingState.HALTED),)
    left = (Residual("XRP/USDT", 100 * XRP, lost=MONEY_ONE, attempts=2),)
    world = Legs(residuals=left, latched=halted)
    world.pass_time(60_000)
    assert (world.read, world.hedges) == (0, [])
    assert world.signal() == []
    assert world.engine.refused == {"SYMBOL_CLOSED": 1}
    world.control("resume")
    assert len(world.hedges) == 1
    assert world.hedges[0].qty * 10**14 == 100 * XRP


def test_a_budget_that_was_spent_on_what_is_closed_now_is_over() -> None:
    world = Legs(residuals=(Residual("XRP/USDT", XRP, lost=MONEY_ONE, attempts=2),))
    world.link("binance", "market", True)
    assert world.spent == [Spent("XRP/USDT", 0, 0)]


@pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
@pytest.mark.parametrize("scope", ["engine", "venue:binance", "strategy:arb", "symbol:XRP/USDT"])
def test_a_scope_that_is_latched_enters_nothing_from_the_start_on(
    scope: str, state: TradingState
) -> None:
    world = Legs(latched=(Latched(scope, state),))
    assert world.signal() == []
    (code,) = world.engine.refused
    reducing = state is TradingState.REDUCING
    assert (
        code
        == {
            "engine": "TRADING_REDUCING" if reducing else "TRADING_HALTED",
            "venue:binance": "VENUE_REDUCING" if reducing else "VENUE_HALTED",
            "strategy:arb": "STRATEGY_CLOSED",
            "symbol:XRP/USDT": "SYMBOL_CLOSED",
        }[scope]
    )
    if scope == "engine" and not reducing:
        return  # such a run is not begun: the start is refused
    world.control("resume")
    world.now_ns += 1_000 * MS
    assert world.signal() != []


@pytest.mark.parametrize("scope", ["venue:kucoin", "strategy:arb", "symbol:XRP/USDT"])
def test_a_halt_of_a_scope_cancels_what_works_there_and_says_so_first(scope: str) -> None:
    world = Legs()
    buy, sell = world.place()
    out = world.tell(ev.Control, action="halt", reason="why", scope=scope, who="ann")
    assert out[0] == Halt(scope, "why", "ann")
    cancelled = [c.client_id for c in out if isinstance(c, Cancel)]
    both = [buy.client_id, sell.client_id]
    assert cancelled == (both[1:] if scope.startswith("venue") else both)
    again = world.tell(ev.Control, action="halt", reason="why", scope=scope)
    assert not [c for c in again if isinstance(c, Halt)]
    assert world.engine.context.trading is TradingState.ACTIVE


def test_a_halted_venue_takes_no_hedge_and_the_other_does() -> None:
    world = Legs()
    buy, sell = world.place()
    world.tell(ev.Control, action="halt", reason="why", scope="venue:kucoin")
    world.settle(buy)
    world.end(sell, "CANCELLED", 0)
    assert [leg.venue for leg in world.hedges] == ["binance"]


def test_words_about_scopes_that_are_not_here_close_nothing() -> None:
    world = Legs()
    for action in ("halt", "reduce", "resume"):
        (alert, *rest) = world.tell(ev.Control, action=action, reason="why", scope="venue:kraken")
        assert isinstance(alert, Alert)
        assert not [c for c in rest if isinstance(c, Halt)]
    assert world.signal() != []
