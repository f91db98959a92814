"""Losses: computed on the bad side, in full, or a breach; REDUCING first, then HALTED."""

from __future__ import annotations

from typing import Any

import pytest

from support.risk import ALL_ON, SECOND, USD, XRP, Guarded
from support.trading import MS, World
from support.trading import config as engine_config
from xrpfast.trading import events as ev
from xrpfast.trading.commands import Halt, Leg, PlaceLegs, Reduce
from xrpfast.trading.config import Carried
from xrpfast.trading.risk.losses import Breach
from xrpfast.trading.risk.state import HEDGE

QUICK: dict[str, Any] = {
    "max_orders_per_second": 1_000,
    "duplicate_window_ns": 1,
    "max_losing_trades": 100,
    "max_losses_in_window": 100,
}


def losing(world: Guarded, loss: int, detector: int = 0) -> None:
    """One pair that loses ``loss`` (money of quote), by a fee, or wins it, by a better price."""
    world.now_ns += MS
    before = world.pairs
    world.signal(detector=detector)
    assert world.pairs == before + 1, (world.refused, world.engine.ignored)
    buy, sell = world.of(PlaceLegs)[-1].legs
    # 100 XRP bought for 210.00 and sold for that and what is won, at the limit of 210.50 at least.
    world.fill(buy, f"t{buy.client_id}")
    won = max(-loss, USD // 2)
    price = (210 * USD + won) // 10**15
    world.fill(sell, f"t{sell.client_id}", price=price, fee=won + loss, fee_asset="USDT")


def shares(world: Guarded) -> dict[str, str]:
    """The scopes that are closed."""
    return {scope: state.value for scope, state in world.engine.context.states.closed().items()}


def test_a_session_that_lost_too_much_is_reduced_then_halted() -> None:
    world = Guarded(limits=QUICK | {"max_strategy_loss": 10**30, "max_drawdown": 10**30})
    for _ in range(5):
        losing(world, 5 * USD)
    world.wait(2 * SECOND)
    assert shares(world) == {}
    buy, sell = world.place()
    world.fill(buy, "buy")  # 0.10 less on the bad side of the book
    assert world.of(Reduce) == [Reduce("engine", "the session lost 25.1")]
    assert shares(world) == {"engine": "REDUCING"}
    assert "no entries until a person resumes" in world.alerts()[-1]
    assert world.halts == []
    world.fill(sell, "sell", fee=USD, fee_asset="USDT")  # nothing is left to close
    assert world.halts == [Halt("engine", "the session lost 25.5")]
    assert shares(world) == {"engine": "HALTED"}
    world.wait(10 * SECOND)
    assert len(world.halts) == 1


def test_what_is_open_is_closed_before_the_halt_and_no_longer_than_its_time() -> None:
    world = Guarded(limits=QUICK | {"max_session_loss": USD, "hedge_time_ns": 5 * SECOND})
    losing(world, 2 * USD)
    assert shares(world) == {"engine": "REDUCING"}
    world = Guarded(limits=QUICK | {"max_session_loss": USD, "hedge_time_ns": 5 * SECOND})
    losing(world, 2 * USD - USD // 10)
    world.engine.context.closed[0] = True  # an imbalance is being closed
    world.engine.orders.busy[0] = 1
    world.engine.legs.step = lambda *_: None  # type: ignore[method-assign]
    world.wait(5 * SECOND)
    assert world.halts == []
    world.wait(2 * SECOND)
    assert [halt.scope for halt in world.halts] == ["engine"]


def test_a_strategy_that_lost_too_much_is_stopped_alone() -> None:
    world = Guarded(limits=QUICK)
    losing(world, 2 * USD, detector=2)
    for _ in range(3):
        losing(world, 5 * USD)
    assert shares(world) == {}
    losing(world, 10**15)
    assert world.of(Reduce) == [Reduce("strategy:arb", "lost 15.1")]
    world.wait(SECOND)
    assert shares(world) == {"strategy:arb": "HALTED"}
    world.signal()
    assert world.refused == {"STRATEGY_CLOSED": 1}
    losing(world, 10**15, detector=2)


def test_a_fall_from_the_highest_profit() -> None:
    world = Guarded(limits=QUICK | {"max_strategy_loss": 10**30})
    losing(world, -12 * USD)
    world.wait(SECOND)
    for _ in range(4):
        losing(world, 5 * USD)
    assert shares(world) == {}
    losing(world, 10**15)
    assert world.of(Reduce) == [
        Reduce("engine", "the session is 20.1 below its highest profit"),
    ]


def test_losing_trades_in_a_row() -> None:
    world = Guarded(limits=QUICK | {"max_losing_trades": 3})
    losing(world, 1 * USD)
    losing(world, 1 * USD)
    losing(world, -1 * USD)
    losing(world, 1 * USD)
    losing(world, 1 * USD)
    losing(world, 0)  # even is not lost
    losing(world, 1 * USD)
    losing(world, 1 * USD)
    assert shares(world) == {}
    losing(world, 1 * USD)
    assert world.of(Reduce) == [Reduce("strategy:arb", "lost 3 trades in a row")]


def test_losing_trades_within_a_window() -> None:
    limits = {"max_losses_in_window": 3, "loss_window_ns": 60 * SECOND}
    world = Guarded(limits=QUICK | limits)
    losing(world, 1 * USD)
    losing(world, -1 * USD)
    losing(world, 1 * USD)
    world.wait(60 * SECOND)
    losing(world, 1 * USD)
    losing(world, -1 * USD)
    losing(world, 1 * USD)
    assert shares(world) == {}
    losing(world, -1 * USD)
    losing(world, 1 * USD)
    assert world.of(Reduce) == [Reduce("strategy:arb", "lost 3 trades in a short time")]


def half(world: Guarded) -> tuple[Leg, Leg]:
    """A pair of which only the buy has filled: 100 XRP too much, at 2.10."""
    buy, sell = world.place()
    world.fill(buy, "t1")
    world.unknown(sell)
    return buy, sell


def breaches(world: Guarded) -> list[Breach]:
    return world.engine.risk.watch.losses.breaches(world.now_ns)


def test_base_counts_on_the_bad_side_of_the_worst_book() -> None:
    world = Guarded(limits={"max_session_loss": 11 * USD})
    half(world)
    # 100 XRP for 210; the bids are 1.99 and 1.9950.
    world.tops.update({0: (19_900, 20_000), 1: (199_500, 200_000)})
    world.wait(2 * SECOND)
    assert breaches(world) == []
    world.tops[0] = (19_899, 20_000)
    world.wait(SECOND)
    assert breaches(world)[-1] == Breach("engine", "the session lost 11.01")
    short = Guarded(limits={"max_session_loss": 11 * USD})
    buy, sell = short.place()
    short.fill(sell, "t1")  # 100 XRP sold for 210.50; the asks are 2.2150 and 2.21
    short.unknown(buy)
    short.tops.update({0: (22_000, 22_150), 1: (220_000, 221_000)})
    short.wait(2 * SECOND)
    assert breaches(short) == []
    short.tops[0] = (22_000, 22_151)
    short.wait(SECOND)
    assert breaches(short)[-1] == Breach("engine", "the session lost 11.01")


def test_a_mark_that_is_newer_than_an_event_is_no_missing_one() -> None:
    """A fill may be stamped before the book that was taken in between."""
    world = Guarded(limits={"max_session_loss": 11 * USD})
    half(world)
    world.wait(2 * SECOND)
    losses = world.engine.risk.watch.losses
    assert losses.breaches(world.now_ns - 10 * SECOND) == []


def test_a_mark_that_is_missing_is_a_breach() -> None:
    world = Guarded()
    half(world)
    world.live[0] = world.live[1] = False
    world.wait(10 * SECOND)
    assert shares(world) == {}
    world.wait(SECOND)
    assert shares(world) == {"engine": "REDUCING"}
    assert "cannot be computed" in world.of(Reduce)[0].reason
    world.live[1] = True
    world.wait(3 * SECOND)  # it is there again: what a person has to look at stays
    assert shares(world) == {"engine": "REDUCING"}
    world.live[1] = False
    world.wait(20 * SECOND)
    assert shares(world) == {"engine": "HALTED"}


def test_one_books_mark_is_enough_and_no_base_needs_none() -> None:
    world = Guarded()
    half(world)
    world.live[0] = False
    world.wait(30 * SECOND)
    assert shares(world) == {}
    flat = Guarded()
    flat.live[0] = flat.live[1] = False
    flat.wait(60 * SECOND)
    assert shares(flat) == {}


def test_a_calculation_that_raises_is_a_breach() -> None:
    world = Guarded()
    world.engine.risk.watch.losses.accounts["arb"].money.cash = None  # type: ignore[assignment]
    world.wait(SECOND)
    assert shares(world) == {"engine": "REDUCING"}
    assert "cannot be computed: unsupported operand" in world.of(Reduce)[0].reason
    world.wait(SECOND)
    assert shares(world) == {"engine": "HALTED"}


def test_fees_count_in_whatever_asset_they_are_taken() -> None:
    for asset, fee, worth in (("USDT", USD, 1), ("XRP", XRP, 2), ("BNB", 1, 0)):
        world = Guarded(limits=QUICK)
        buy, sell = world.place()
        world.fill(buy, "t1", fee=fee, fee_asset=asset)
        world.fill(sell, "t2", fee=USD // 2, fee_asset="USDT")
        account = world.engine.risk.watch.losses.accounts["arb"].money
        if asset == "BNB":  # as if the venue had taken its rate of 210 in quote
            assert (account.cash, account.base) == (-21 * USD // 100, 0)
        else:
            assert (account.cash, account.base) == ((-fee, 0) if worth == 1 else (0, -fee))


def test_a_fee_that_was_estimated_is_corrected() -> None:
    world = Guarded(limits=QUICK)
    buy, sell = world.place()
    world.fill(buy, "t1", fee=USD, fee_asset="USDT", fee_estimated=True)
    world.fill(sell, "t2", fee=USD // 2, fee_asset="USDT")
    account = world.engine.risk.watch.losses.accounts["arb"].money
    assert account.cash == -USD
    world.fill(buy, "t1", fee=2 * USD, fee_asset="USDT")
    assert account.cash == -2 * USD
    world.fill(buy, "t1", fee=3 * USD, fee_asset="USDT")  # once
    assert account.cash == -2 * USD


def test_a_hedge_is_its_strategys_loss() -> None:
    world = Guarded(limits={"hedge_min": 5 * XRP, "hedge_loss": 100 * USD})
    buy, sell = world.place()
    world.fill(buy, "t1")
    world.end(sell, "EXPIRED", 0)
    (hedge,) = [leg for c in world.of(PlaceLegs) if c.strategy == "hedge" for leg in c.legs]
    assert (hedge.venue, hedge.price) == ("kucoin", 206_340)
    world.fill(hedge, "t3")
    world.wait(SECOND)
    accounts = world.engine.risk.watch.losses.accounts
    assert accounts["arb"].money.cash == -366 * USD // 100
    assert accounts["hedge"].money.cash == 0
    assert accounts["arb"].losing == 1


def test_a_trade_that_cannot_be_valued_is_lost() -> None:
    world = Guarded(limits=QUICK)
    world.live[0] = world.live[1] = False
    world.now_ns += 9 * SECOND
    buy, sell = world.place()
    world.now_ns += 2 * SECOND
    world.fill(buy, "t1", fee=XRP // 100, fee_asset="XRP")
    world.fill(sell, "t2")
    assert world.engine.risk.watch.losses.accounts["arb"].losing == 1


@pytest.mark.parametrize("scope", ["", "strategy:arb"])
def test_after_a_resume_losses_count_from_there(scope: str) -> None:
    world = Guarded(limits=QUICK)
    for _ in range(3):
        losing(world, 5 * USD)
    losing(world, 10**15)
    world.wait(SECOND)
    assert shares(world) == {"strategy:arb": "HALTED"}
    world.tell(ev.Control, action="resume", reason="seen", scope=scope)
    world.wait(10 * SECOND)
    assert shares(world) == {}
    losing(world, 4 * USD)
    world.wait(SECOND)
    assert shares(world) == {}
    losing(world, 6 * USD)
    # The session counts on when only the strategy was resumed.
    assert shares(world) == ({} if scope == "" else {"engine": "HALTED"})


def test_a_resume_of_another_scope_forgives_nothing() -> None:
    world = Guarded(limits=QUICK)
    for _ in range(3):
        losing(world, 5 * USD)
    losing(world, 10**15)
    world.wait(SECOND)
    world.tell(ev.Control, action="resume", reason="seen", scope="venue:kucoin")
    assert shares(world) == {"strategy:arb": "HALTED"}
    assert world.engine.risk.watch.losses.accounts["arb"].forgiven == 0


def test_a_resume_that_was_refused_forgives_nothing() -> None:
    """A halted engine ends: what may be resumed is the next run."""
    world = Guarded(limits=QUICK | {"max_session_loss": USD})
    losing(world, 2 * USD)
    world.wait(SECOND)
    assert shares(world) == {"engine": "HALTED"}
    world.control("resume")
    assert world.engine.risk.watch.losses._forgiven == 0
    assert shares(world) == {"engine": "HALTED"}


def test_what_a_person_traded_by_hand_is_no_loss() -> None:
    world = Guarded()
    buy, sell = half(world)
    world.query(sell, "EXPIRED")
    world.end(sell, "EXPIRED", 0)
    account = world.engine.risk.watch.losses.accounts["arb"].money
    assert (account.cash, account.base) == (-210 * USD, 100 * XRP)
    by_hand(world, -100 * XRP)
    # At the bid of the cheaper book, 2.0990.
    assert (account.cash, account.base) == (-USD // 10, 0)
    assert breaches(world) == []
    assert buy.qty == 1_000


def by_hand(world: Guarded, amount: int) -> None:
    now = world.now_ns
    world.process(
        ev.TradedByHand(
            now_ns=now, wall_ns=now, instrument="XRP/USDT", amount=amount, reason="x", who="y"
        )
    )


def test_without_a_mark_what_was_sold_by_hand_looks_lost() -> None:
    world = Guarded(ready=False)
    by_hand(world, -100 * XRP)
    account = world.engine.risk.watch.losses.accounts["hedge"]
    assert (account.money.cash, account.money.base) == (0, -100 * XRP)
    assert account.scope == "engine"
    world.read(0)
    assert [breach.scope for breach in breaches(world)] == ["engine"] * 3


def test_no_strategy_is_named_as_hedges_are() -> None:
    """Its account would be theirs, and nobody's losses would be held against it."""
    with pytest.raises(ValueError, match="named hedge"):
        engine_config(arbitrage={"name": HEDGE})


def carrying(*carried: Carried, **limits: int) -> Guarded:
    return Guarded(limits=QUICK | limits, carried=carried)


def test_a_restart_begins_no_loss_budget_anew() -> None:
    world = carrying(Carried("", -24 * USD), Carried("arb", -14 * USD), Carried("other", -10 * USD),
                     max_drawdown=10**30)  # fmt: skip
    world.wait(2 * SECOND)
    assert shares(world) == {}
    losing(world, 2 * USD)
    world.wait(2 * SECOND)
    assert shares(world) == {"engine": "HALTED", "strategy:arb": "HALTED"}
    assert Halt("engine", "the session lost 26") in world.halts
    assert Halt("strategy:arb", "lost 16") in world.halts


def test_the_session_and_a_strategy_count_from_their_own_resumes() -> None:
    world = carrying(Carried("", -24 * USD), max_drawdown=10**30)
    losing(world, 2 * USD)
    world.wait(2 * SECOND)
    assert shares(world) == {"engine": "HALTED"}
    world = carrying(Carried("arb", -14 * USD))
    losing(world, 2 * USD)
    world.wait(2 * SECOND)
    assert shares(world) == {"strategy:arb": "HALTED"}


def test_a_restart_begins_neither_the_highest_profit_nor_the_streak_anew() -> None:
    world = carrying(Carried("", USD, peak=20 * USD))
    world.wait(2 * SECOND)
    assert shares(world) == {}
    losing(world, 2 * USD)
    world.wait(2 * SECOND)
    assert Halt("engine", "the session is 21 below its highest profit") in world.halts
    world = carrying(Carried("arb", losing=2), max_losing_trades=3)
    losing(world, USD)
    assert world.of(Reduce) == [Reduce("strategy:arb", "lost 3 trades in a row")]
    world = carrying(Carried("", USD, peak=20 * USD), Carried("arb", losing=2), max_losing_trades=3)
    world.tell(ev.Control, action="resume", scope="", reason="seen", who="ann")
    losing(world, 2 * USD)
    losing(world, 2 * USD)
    world.wait(2 * SECOND)
    assert shares(world) == {}


def test_a_resume_forgives_what_earlier_runs_lost() -> None:
    world = carrying(Carried("", -24 * USD), Carried("arb", -14 * USD, round_trips=99))
    world.tell(ev.Control, action="resume", scope="engine", reason="seen", who="ann")
    world.tell(ev.Control, action="resume", scope="strategy:arb", reason="seen", who="ann")
    losing(world, 2 * USD)
    losing(world, 2 * USD)
    world.wait(2 * SECOND)
    assert shares(world) == {}


def test_a_restart_begins_no_number_of_round_trips_anew() -> None:
    world = carrying(Carried("arb", round_trips=99))
    losing(world, 0)
    world.now_ns += MS
    world.signal(detector=0)
    assert shares(world) == {"strategy:arb": "HALTED"}
    assert "100 round trips" in world.halts[-1].reason


def test_a_hedge_of_what_an_earlier_run_left_is_its_strategys() -> None:
    world = carrying(Carried("arb", -1, 1, 0, ("XRP/USDT",)))
    assert world.engine.risk.watch.losses._owner(0) == "arb"


def test_base_of_earlier_runs_is_not_valued_before_the_books_were_read() -> None:
    """Else every restart with base would be reduced, until a person came."""
    carried = (Carried("", -20 * USD, 10 * XRP), Carried("arb", -20 * USD, 10 * XRP))
    world = World(
        engine_config(limits=ALL_ON | QUICK, carried=carried, arbitrage={"name": "arb"}),
        ready=False,
    )
    world.tell(
        ev.QueryResult, client_id="x", venue_order_id=None, state=None, filled_qty=0,
        authoritative=False,
    )  # fmt: skip
    assert [c for c in world.asked if isinstance(c, Reduce)] == []
