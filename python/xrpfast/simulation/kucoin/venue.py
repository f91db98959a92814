"""What the REST functions work on: one venue's exchange with its feeds, orders and switches."""

from __future__ import annotations

from typing import Literal

from xrpfast.simulation.exchange import Exchange

from .market_feed import MarketFeed
from .orders import Orders
from .private_feed import PrivateFeed
from .push import PushHub
from .wire import Wire, ms


class Venue:
    """The parts of the mock KuCoin that hold state, joined."""

    def __init__(self, exchange: Exchange, push_url: str, seed: int) -> None:
        self.exchange = exchange
        self.push_url = push_url
        self.wire = Wire(exchange.rules)
        self.status: Literal["open", "close", "cancelonly"] = "open"
        self.hub = PushHub(exchange.wall_ns)
        self.market = MarketFeed(exchange, self.hub, seed)
        self.private = PrivateFeed(exchange, self.hub)
        self.orders = Orders(exchange, self.private)
        self.hub.on_first = self.market.on_subscribed

    def now_ms(self) -> int:
        return ms(self.exchange.wall_ns())
