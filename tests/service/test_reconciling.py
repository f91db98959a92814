"""What of a venue's answer the engine has to hear."""

from __future__ import annotations

from support.trading import World
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
