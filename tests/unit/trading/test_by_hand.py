"""A person's word on an order, and on an imbalance: what is taken, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from support.trading import BINANCE, World, check_books, config
from xrpfast.model import MONEY_ONE, OrderState
from xrpfast.trading import events as ev
from xrpfast.trading.by_hand import HandFill, Said, settling
from xrpfast.trading.commands import Alert, Halt, Leg
from xrpfast.trading.config import Residual

XRP = MONEY_ONE
FEE = XRP // 10
SAID = Said("ann", "seen in the venue's order history", 5, 6)


def forgotten(part: int = 0) -> tuple[World, Leg]:
    """A buy of 100 at Binance that was shown, filled in part, and is not found any more."""
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.ack(buy)
    if part:
        world.fill(buy, "t1", part)
    world.query(buy, None)
    assert world.order(buy).state is OrderState.UNKNOWN
    return world, buy


def said(world: World, leg: Leg, *fills: HandFill) -> list[ev.AnyEvent]:
    order, desk = world.order(leg), world.engine.orders
    return settling(order, BINANCE, fills, SAID, lambda trade: desk.owner(order, trade))


def told(world: World, leg: Leg, *fills: HandFill) -> None:
    for event in said(world, leg, *fills):
        world.process(event)
    check_books(world.engine)


def hand(qty: int, price: int = 21_000, trade_id: str = "") -> HandFill:
    return HandFill(qty, price, FEE, "XRP", trade_id)


def test_without_a_fill_nothing_more_of_it_was_filled() -> None:
    world, buy = forgotten(part=400)
    told(world, buy)
    order = world.order(buy)
    assert (order.state, order.filled, order.settled) == (OrderState.CANCELLED, 400, True)
    assert order.reason == "person:ann: seen in the venue's order history"
    assert not world.engine.orders.unsettled
    assert not world.engine.context.books[0].unknown
    assert any(isinstance(c, Alert) and "ann settles" in c.text for c in world.asked)


def test_fills_that_a_person_names_are_booked_as_any_other() -> None:
    world, buy = forgotten(part=400)
    before = world.engine.portfolio.balance("binance", "XRP")
    told(world, buy, hand(200), hand(400, 20_990))
    order = world.order(buy)
    assert (order.state, order.filled, order.settled) == (OrderState.FILLED, 1_000, True)
    assert world.engine.portfolio.balance("binance", "XRP") - before == 60 * XRP - 2 * FEE
    assert world.engine.legs.imbalance(0) == -2 * FEE


def test_an_order_that_ended_with_fills_missing_is_settled_by_naming_them() -> None:
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.end(buy, "EXPIRED", 300)
    assert not world.order(buy).settled
    with pytest.raises(ValueError, match="30 are filled, with these words it would be 10"):
        said(world, buy, hand(100))
    told(world, buy, hand(300))
    assert (world.order(buy).state, world.order(buy).settled) == (OrderState.EXPIRED, True)


@pytest.mark.parametrize(
    ("fill", "part"),
    [
        (hand(1_001), "100.1 filled of 100 cannot be"),
        (hand(0), "a fill of 0 at"),
        (hand(-5), "a fill of -0.5"),
        (hand(10, 21_001), "its limit is 2.1"),
        (hand(10, 0), "its limit is"),
        (hand(10)._replace(fee=-1), "cannot be"),
    ],
)
def test_words_that_do_not_fit_are_refused(fill: HandFill, part: str) -> None:
    world, buy = forgotten()
    with pytest.raises(ValueError, match=part):
        said(world, buy, fill)


def test_what_is_settled_is_not_settled_again() -> None:
    world, buy = forgotten()
    told(world, buy)
    with pytest.raises(ValueError, match="is settled already: CANCELLED"):
        said(world, buy)


@pytest.mark.parametrize("named", ["", "t7"])
def test_a_fill_that_comes_after_a_person_settled_is_not_booked_twice(named: str) -> None:
    """The same trade by its id is a repetition; by another it may be the one that was named, so it
    is not booked, and trading stops until a person has looked."""
    world, buy = forgotten()
    told(world, buy, hand(1_000, trade_id=named))
    balances = dict(world.engine.portfolio.balances())
    world.fill(buy, "t7", 1_000)
    assert world.engine.portfolio.balances() == balances
    halts = [c for c in world.asked if isinstance(c, Halt)]
    if named:
        assert halts == []
        assert world.engine.orders.counts["duplicates"] == 1
    else:
        (halt,) = halts
        assert "a person had settled this order" in halt.reason
    check_books(world.engine)


def by_hand(world: World, amount: int, instrument: str = "XRP/USDT") -> None:
    world.tell(
        ev.TradedByHand, instrument=instrument, amount=amount, reason="on the web page", who="ann"
    )


def exposed(**more: Any) -> World:
    """40 too much, in a world in which hedges may be made and no book can be read."""
    settings = config(limits={"hedge_min": 5 * XRP})
    return World(replace(settings, residuals=(Residual("XRP/USDT", 40 * XRP),), **more))


def test_what_a_person_closed_is_not_hedged_again() -> None:
    world = exposed()
    legs = world.engine.legs
    assert legs.owing() == {"XRP/USDT": 40 * XRP}
    by_hand(world, -37 * XRP)
    assert legs.imbalance(0) == 3 * XRP
    assert legs.owing() == {}
    assert world.engine.portfolio.position[0] == 3 * XRP, "the limit of exposure knows of it too"
    assert not legs.closing()


def test_an_instrument_that_is_not_here_moves_nothing() -> None:
    world = exposed()
    by_hand(world, -40 * XRP, "BTC/USDT")
    assert world.engine.legs.imbalance(0) == 40 * XRP
    assert any(isinstance(c, Alert) and "no such instrument" in c.text for c in world.asked)


def test_a_trade_that_is_booked_already_is_not_named_again() -> None:
    world, buy = forgotten(part=400)
    with pytest.raises(ValueError, match="trade t1 is booked already: leave it out"):
        said(world, buy, hand(400, trade_id="t1"))
    with pytest.raises(ValueError, match="trade t9 is named twice"):
        said(world, buy, hand(100, trade_id="t9"), hand(100, trade_id="t9"))
    told(world, buy, hand(100, trade_id="t9"))
    assert (world.order(buy).filled, world.order(buy).settled) == (500, True)


def test_a_person_may_add_a_fill_to_an_order_that_a_person_settled() -> None:
    """It was said to be unfilled, and the venue's records show a trade later."""
    world, buy = forgotten()
    told(world, buy)
    assert world.order(buy).filled == 0
    told(world, buy, hand(250, trade_id="t7"))
    order = world.order(buy)
    assert (order.filled, order.settled) == (250, True)
    assert world.engine.legs.imbalance(0) == -75 * XRP - FEE
    with pytest.raises(ValueError, match=r"100\.1 filled of 100 cannot be"):
        said(world, buy, hand(751))


@pytest.mark.parametrize("word", ["end", "query"])
def test_a_claim_that_cannot_be_is_not_waited_for_for_ever(word: str) -> None:
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.ack(buy)
    if word == "end":
        world.end(buy, "CANCELLED", 1_001)
    else:
        world.query(buy, "FILLED", 1_001)
    assert [c for c in world.asked if isinstance(c, Halt)]
    order = world.order(buy)
    assert (order.claimed, order.settled) == (1_000, False)
    told(world, buy, hand(1_000))
    assert world.order(buy).settled
