"""Links of a venue, as the engine is told of them."""

from __future__ import annotations

from support.trading import World
from xrpfast.trading import events as ev
from xrpfast.trading.commands import Alert


def test_a_link_that_is_down_for_a_reason_reaches_a_person() -> None:
    world = World()
    down = {"venue": "binance", "link": "orders", "up": False}
    assert Alert("critical", "banned") in world.tell(ev.LinkState, **down, reason="banned")
    assert not world.engine.context.venues["binance"].open
    world = World()
    out = world.tell(ev.LinkState, **down)
    assert [command for command in out if isinstance(command, Alert)] == []
