"""A person's flatten: the one thing that may trade while halted, and what it may not do."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from support.legs import XRP, Legs
from support.trading import MS
from xrpfast.model import MONEY_ONE, OrderType, TimeInForce
from xrpfast.trading import events as ev
from xrpfast.trading.commands import Halt, Leg, PlaceLegs, Spent
from xrpfast.trading.config import Residual
from xrpfast.trading.context import BUY, SELL
from xrpfast.trading.flattening import Ending, Ordered
from xrpfast.trading.intents import LegIntent
from xrpfast.trading.legs.hedge import choose
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.states import Latched, TradingState

HALTED, REDUCING = TradingState.HALTED, TradingState.REDUCING
SHORT = Residual("XRP/USDT", -100 * XRP)
TOPS = {0: (20_990, 21_000), 1: (209_900, 210_000)}
"""The same market at both venues: 100 XRP cost fees of 0.21 and half a spread of 0.05."""


class Halted(Legs):
    """Earlier runs sold 100 XRP too much, and somebody has halted the engine since."""

    def __init__(self, *latched: Latched, **more: Any) -> None:
        closed = latched or (Latched("engine", HALTED),)
        more.setdefault("tops", TOPS)
        super().__init__(residuals=(more.pop("left", SHORT),), latched=closed, **more)

    def flatten(self, *, max_loss: int = 2 * MONEY_ONE, within_ms: int = 60_000) -> list[Leg]:
        """Orders a flatten; the orders that leave at once."""
        before = len(self.hedges)
        self.tell(
            ev.Flatten,
            instrument="XRP/USDT",
            max_loss=max_loss,
            within_ns=within_ms * MS,
            reason="enough",
            who="ann",
        )
        return self.hedges[before:]

    @property
    def ending(self) -> Ending | None:
        done = self.engine.legs.flattened.get(0)
        return None if done is None else done.ending

    def sent(self) -> int:
        return sum(isinstance(command, PlaceLegs) for command in self.asked)


def test_halted_nothing_is_closed_until_a_person_orders_it() -> None:
    world = Halted()
    world.pass_time(60_000)
    world.signal()
    assert world.sent() == 0
    (leg,) = world.flatten()
    assert (leg.side, leg.order_type, leg.tif) == (BUY, OrderType.LIMIT, TimeInForce.IOC)
    world.settle(leg)
    assert world.imbalance == 0
    assert world.ending is Ending.CLOSED
    assert world.sent() == 1
    # The order was for this once: what comes later is halted as before.
    world.engine.legs.traded(0, -50 * XRP)
    world.pass_time(60_000)
    world.signal()
    assert world.sent() == 1
    assert world.engine.context.states["engine"] is HALTED


@pytest.mark.parametrize(
    "latched",
    [Latched("engine", HALTED), Latched("symbol:XRP/USDT", HALTED), Latched("engine", REDUCING),
     Latched("strategy:arb", HALTED), Latched("symbol:XRP/USDT", REDUCING)],
)  # fmt: skip
def test_it_is_allowed_whatever_is_closed(latched: Latched) -> None:
    world = Halted(latched, limits={"hedge_min": 10**6 * XRP})
    assert world.sent() == 0
    (leg,) = world.flatten()
    world.settle(leg)
    assert world.ending is Ending.CLOSED


def test_it_is_allowed_in_a_run_that_was_never_started() -> None:
    world = Halted(Latched("venue:none", HALTED), limits={"hedge_min": 10**6 * XRP})
    world.control("stopped")
    before = world.sent()
    assert len(world.flatten()) == 1
    assert world.sent() == before + 1


def test_a_venue_that_is_halted_stays_so() -> None:
    one = Halted(Latched("engine", HALTED), Latched("venue:binance", HALTED))
    (leg,) = one.flatten()
    assert leg.venue == "kucoin"
    both = Halted(
        Latched("engine", HALTED), Latched("venue:binance", HALTED), Latched("venue:kucoin", HALTED)
    )
    assert both.flatten() == []
    both.pass_time(60_000)
    assert both.sent() == 0
    assert both.ending is Ending.GIVEN_UP


@pytest.mark.parametrize("amount", [-100 * XRP, 100 * XRP])
def test_it_trades_no_more_than_what_our_own_orders_left(amount: int) -> None:
    world = Halted(left=Residual("XRP/USDT", amount))
    (leg,) = world.flatten()
    book = world.engine.context.books[0 if leg.venue == "binance" else 1]
    assert leg.qty * book.qty_money == abs(amount)
    assert leg.side == (BUY if amount < 0 else SELL)


def test_more_than_one_order_may_take_goes_in_parts_one_after_the_other() -> None:
    world = Halted(limits={"max_order_notional": 105 * MONEY_ONE})
    (first,) = world.flatten(max_loss=100 * MONEY_ONE)
    assert len(world.hedges) == 1
    world.settle(first)
    world.pass_time(1_000)
    assert len(world.hedges) == 2
    second = world.hedges[1]
    world.settle(second)
    world.pass_time(1_000)
    for leg in world.hedges[2:]:
        world.settle(leg)
        world.pass_time(1_000)
    assert len(world.hedges) == 3
    assert (world.ending, world.imbalance) == (Ending.CLOSED, 0)


def test_less_than_hedges_care_about_is_closed_too() -> None:
    world = Halted(left=Residual("XRP/USDT", -3 * XRP))
    (leg,) = world.flatten()
    world.settle(leg)
    assert (world.ending, world.imbalance) == (Ending.CLOSED, 0)


def test_what_no_venue_takes_is_left_and_said() -> None:
    world = Halted(left=Residual("XRP/USDT", XRP // 100))
    assert world.flatten() == []
    assert world.ending is Ending.CLOSED
    assert world.engine.legs.flattened[0].left == XRP // 100


def test_nothing_to_close_is_over_at_once() -> None:
    world = Halted(left=Residual("XRP/USDT", 0))
    assert world.flatten() == []
    assert world.ending is Ending.CLOSED


# --- budgets --------------------------------------------------------------------------------------


def test_no_order_that_could_cost_more_than_allowed_is_sent() -> None:
    world = Halted()
    assert world.flatten(max_loss=MONEY_ONE // 4) == []
    world.pass_time(59_000)
    assert world.sent() == 0
    assert world.ending is None
    world.pass_time(2_000)
    assert world.ending is Ending.GIVEN_UP
    assert not [c for c in world.asked if isinstance(c, Halt)], "no more is halted than was"
    assert world.flatten(max_loss=MONEY_ONE) != []


def test_the_limit_keeps_the_worst_fill_within_the_budget() -> None:
    budget = MONEY_ONE // 2
    world = Halted()
    (leg,) = world.flatten(max_loss=budget)
    exposure = world.engine.legs._exposed[0]
    assert exposure.chosen is not None
    assert 0 < exposure.chosen.lost(leg.qty, leg.qty * leg.price) <= budget
    assert world.spent[-1].lost <= budget


def test_what_was_spent_before_counts() -> None:
    """By a run that crashed in the middle of it, say: the same command costs no more in all."""
    left = Residual("XRP/USDT", -100 * XRP, lost=2 * MONEY_ONE, attempts=3)
    assert Halted(left=left).flatten(max_loss=2 * MONEY_ONE) == []
    world = Halted(left=left)
    (leg,) = world.flatten(max_loss=3 * MONEY_ONE)
    assert world.spent[-1] == Spent("XRP/USDT", world.spent[-1].lost, 4)
    assert 2 * MONEY_ONE < world.spent[-1].lost <= 3 * MONEY_ONE
    world.settle(leg)
    assert world.spent[-1] == Spent("XRP/USDT", 0, 0), "it is over"


def test_a_loss_of_one_part_is_taken_off_the_next() -> None:
    world = Halted()
    (first,) = world.flatten(max_loss=MONEY_ONE // 2)
    part = first.qty // 2
    world.fill(first, "t1", part)
    world.end(first, "EXPIRED", part)
    world.pass_time(300)
    lost = world.engine.legs.lost(0)
    assert len(world.hedges) == 2
    assert 0 < lost <= MONEY_ONE // 2


def test_after_its_time_nothing_leaves() -> None:
    world = Halted()
    (leg,) = world.flatten(within_ms=1_000)
    world.pass_time(999)
    world.end(leg, "EXPIRED", 0)
    assert world.sent() == 2, "it is tried again"
    world.pass_time(2)
    world.end(world.hedges[1], "EXPIRED", 0)
    assert (world.ending, world.sent()) == (Ending.GIVEN_UP, 2)
    world.pass_time(60_000)
    assert world.sent() == 2


# --- unknown orders, halts ------------------------------------------------------------------------


def test_an_order_of_unknown_outcome_is_waited_for() -> None:
    world = Halted()
    (leg,) = world.flatten()
    world.unknown(leg)
    world.pass_time(10_000)
    assert world.sent() == 1
    assert world.ending is None
    world.query(leg, "FILLED", leg.qty)
    assert world.sent() == 1
    world.fill(leg, "t1")
    assert (world.ending, world.imbalance, world.sent()) == (Ending.CLOSED, 0, 1)


def test_an_order_that_is_still_unknown_at_the_end_leads_to_no_other() -> None:
    world = Halted()
    (leg,) = world.flatten(within_ms=2_000)
    world.unknown(leg)
    world.pass_time(10_000)
    world.end(leg, "EXPIRED", 0)
    world.pass_time(10_000)
    assert (world.ending, world.sent()) == (Ending.GIVEN_UP, 1)


@pytest.mark.parametrize("action", ["halt", "stop", "stopped", "resume"])
def test_a_word_of_a_person_ends_it(action: str) -> None:
    world = Halted(Latched("symbol:XRP/USDT", HALTED))
    world.flatten(max_loss=MONEY_ONE // 10)
    assert world.ending is None
    world.tell(ev.Control, action=action, reason="no", who="bob", scope="")
    assert world.ending is Ending.STOPPED
    assert 0 not in world.engine.context.flattening


def test_a_halt_that_comes_while_an_order_is_out_cancels_it_and_sends_no_other() -> None:
    world = Halted()
    (leg,) = world.flatten()
    world.tell(ev.Control, action="halt", reason="no", who="bob")
    assert world.order(leg).cancel_wanted
    world.end(leg, "CANCELLED", 0)
    world.pass_time(60_000)
    assert (world.ending, world.sent()) == (Ending.STOPPED, 1)


def test_something_that_halts_what_is_halted_already_ends_it() -> None:
    """An order that this engine did not send: a second one trades on this account."""
    world = Halted()
    world.flatten(max_loss=MONEY_ONE // 10)
    world.tell(ev.OrderAck, client_id="xttest7-zza", venue_order_id="1")
    assert world.ending is Ending.STOPPED


def test_a_second_one_waits_for_the_first() -> None:
    world = Halted()
    (leg,) = world.flatten()
    assert world.flatten(max_loss=100 * MONEY_ONE) == []
    assert world.engine.context.flattening[0].max_loss == 2 * MONEY_ONE
    world.settle(leg)
    assert world.sent() == 1


def test_an_instrument_that_there_is_none_of_is_told() -> None:
    world = Halted()
    fields = {"max_loss": 1, "within_ns": 1, "reason": "r", "who": "w"}
    world.tell(ev.Flatten, instrument="ETH/USDT", **fields)
    assert "no such instrument" in world.alerts("warning")[-1]
    assert world.engine.context.flattening == {}


def test_no_entry_is_made_meanwhile_in_an_engine_that_trades() -> None:
    world = Halted(Latched("venue:none", HALTED), limits={"hedge_min": 10**6 * XRP})
    assert world.flatten(max_loss=MONEY_ONE // 10) == []
    world.signal()
    assert world.sent() == 0
    assert world.engine.ignored == {"EXPOSED": 1}


# --- the check itself -----------------------------------------------------------------------------


def verdict(world: Halted, *, lost: int = 0, excess: int | None = None, **leg: int) -> Any:
    """Of the order that would be sent, changed."""
    engine = world.engine
    books = engine.context.books
    tops = [
        ev.BookTop(
            now_ns=world.now_ns, wall_ns=0, book=at, live=True, bid=bid, bid_qty=10**9, ask=ask,
            ask_qty=10**9, data_ns=world.now_ns - MS,
        )
        for at, (bid, ask) in TOPS.items()
    ]  # fmt: skip
    amount = world.imbalance if excess is None else excess
    limits = engine.config.risk
    chosen = choose(
        world.imbalance, zip(books, tops, strict=True), engine.portfolio, limits, world.now_ns
    )
    assert chosen is not None
    intent = LegIntent(chosen.book, chosen.side, 0, int(TimeInForce.IOC), chosen.price, chosen.qty)
    for name, value in leg.items():
        setattr(intent, name, value)
    return engine.risk.check_flatten(
        intent, chosen, amount, lost, engine.client_ids.next_hedge(), world.now_ns
    )


def test_only_what_was_ordered_is_approved() -> None:
    world = Halted()
    assert verdict(world) is Refusal.NOT_ORDERED
    ordered = Ordered(10 * MONEY_ONE, world.now_ns)
    world.engine.context.flattening[0] = ordered
    assert not isinstance(verdict(world), Refusal)
    # At its worst, at the end of the collar, 100 XRP lose about 4.4.
    assert not isinstance(verdict(world, lost=5 * MONEY_ONE), Refusal)
    assert verdict(world, lost=6 * MONEY_ONE) is Refusal.LOSS_EXCEEDS_MAX
    assert verdict(world, excess=-99 * XRP) is Refusal.NOT_REDUCING
    assert verdict(world, side=SELL) is Refusal.NOT_REDUCING
    assert verdict(world, tif=int(TimeInForce.GTC)) is Refusal.TIF_NOT_ALLOWED
    assert verdict(world, price=10**6) is not None
    world.engine.context.flattening[0] = replace(ordered, until_ns=world.now_ns - 1)
    assert verdict(world) is Refusal.NOT_ORDERED


def test_what_cannot_be_computed_is_refused() -> None:
    world = Halted()
    world.engine.context.flattening[0] = None  # type: ignore[assignment]
    assert verdict(world) is Refusal.NOT_ORDERED
    del world.engine.risk.state.context
    assert verdict(world) is Refusal.CHECK_FAILED
