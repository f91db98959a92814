"""A word of the venue about our order that describes another one: nothing is built on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.trading import World, check_books
from xrpfast.model import OrderState
from xrpfast.trading import events as ev
from xrpfast.trading.commands import Halt, Leg
from xrpfast.trading.events import Terms

WORDS: dict[str, Callable[[World, Leg, Terms], list[Any]]] = {
    "ack": lambda w, leg, terms: w.tell(
        ev.OrderAck, client_id=leg.client_id, venue_order_id="v", terms=terms
    ),
    "end": lambda w, leg, terms: w.tell(
        ev.OrderEnd, client_id=leg.client_id, venue_order_id="v", state="EXPIRED",
        filled_qty=0, reason="", terms=terms,
    ),
    "query": lambda w, leg, terms: w.query(leg, "EXPIRED", venue_order_id="v", terms=terms),
    "fill": lambda w, leg, terms: w.fill(leg, "1", venue_order_id="v", terms=terms),
}  # fmt: skip
OTHER: dict[str, dict[str, Any]] = {
    "instrument": {"instrument": "BTCUSDT"},
    "side": {"side": 1},
    "price": {"price": 20_999},
    "a price that our units do not hold": {"price": -1},
    "quantity": {"qty": 999},
}


def terms(leg: Leg, **changes: Any) -> Terms:
    same = {"instrument": leg.instrument, "side": leg.side, "price": leg.price, "qty": leg.qty}
    return Terms(**(same | changes))


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("other", OTHER)
def test_other_terms_halt_and_change_nothing_but_what_was_traded(word: str, other: str) -> None:
    world = World()
    buy, _ = world.place()
    order = world.order(buy)
    out = WORDS[word](world, buy, terms(buy, **OTHER[other]))
    (halt,) = [command for command in out if isinstance(command, Halt)]
    assert buy.client_id in halt.reason
    assert str(next(iter(OTHER[other].values()))) in halt.reason
    traded = word == "fill" and other not in ("instrument", "side")
    assert order.filled == (buy.qty if traded else 0), "money that moved is booked where it is"
    assert order.settled is traded
    if not traded:
        assert order.venue_order_id == ""
        assert order.state is OrderState.CANCEL_SENT, "the halt cancels it; it counts as before"
        assert order.pending == buy.qty
    check_books(world.engine)


@pytest.mark.parametrize("word", WORDS)
def test_the_terms_that_were_sent_are_the_order(word: str) -> None:
    for said in (lambda leg: terms(leg), lambda _: Terms(), lambda leg: Terms(leg.instrument)):
        world = World()
        buy, _ = world.place()
        out = WORDS[word](world, buy, said(buy))
        assert [command for command in out if isinstance(command, Halt)] == []
        assert world.order(buy).venue_order_id == "v"
        assert world.engine.orders.counts["anomalies"] == 0
