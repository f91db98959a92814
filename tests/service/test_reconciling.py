"""What of a venue's answer the engine has to hear."""

from __future__ import annotations

import pytest

from support.trading import World, config
from xrpfast.service.reconciling import _news
from xrpfast.trading.commands import Leg
from xrpfast.trading.events import AnyEvent, Fill


def fill(leg: Leg, trade_id: str, fee: int, *, estimated: bool = False) -> Fill:
    return Fill(
        now_ns=1, wall_ns=1, client_id=leg.client_id, venue_order_id="v" + leg.client_id,
        trade_id=trade_id, price=leg.price, qty=10, fee=fee, fee_asset="USDT", maker=False,
        venue_ns=1, fee_estimated=estimated,
    )  # fmt: skip


def test_fills_that_are_booked_are_left_out_unless_they_bring_the_true_fee() -> None:
    world = World()
    buy, sell = world.place()
    world.process(fill(buy, "a", 1))
    world.process(fill(sell, "b", 5, estimated=True))
    listed: list[AnyEvent] = [
        fill(buy, "a", 1), fill(sell, "b", 7), fill(sell, "b", 7), fill(sell, "c", 7),
    ]  # fmt: skip
    assert _news(listed, world.engine) == [fill(sell, "b", 7), fill(sell, "c", 7)]
    world.process(fill(sell, "b", 7))
    assert _news(listed, world.engine) == [fill(sell, "c", 7)]


def test_fills_of_orders_that_left_memory_are_news_while_memory_can_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("xrpfast.trading.orders.PAST_TRADES", 2)
    world = World(config(keep_orders=0, limits={"max_position": 10**30}))
    legs: list[Leg] = []
    for _ in range(2):
        world.now_ns += 10**9
        legs += world.place()
        world.settle(*legs[-2:])
    assert not world.engine.orders.orders
    listed: list[AnyEvent] = [fill(leg, "t" + leg.client_id, 1) for leg in legs]
    late = [fill(leg, "late", 1) for leg in legs]
    assert _news([*listed, *late], world.engine) == late[2:]
