"""What the REST functions work on: one venue's exchange with its feeds, orders and switches."""

from __future__ import annotations

from xrpfast.simulation.exchange import Exchange

from .dead_man import DeadMan
from .market_feed import MarketFeed
from .orders import Orders, Status
from .private_feed import PrivateFeed
from .push import PushHub
from .uta_push import UtaHub
from .wire import Json, Wire, ms


class Venue:
    """The parts of the mock KuCoin that hold state, joined."""

    def __init__(self, exchange: Exchange, push_url: str, seed: int) -> None:
        self.exchange = exchange
        self.push_url = push_url
        self.more_push_urls: list[str] = []
        """Further servers that a token names, as the real one does now and then."""
        self.wire = Wire(exchange.rules)
        self.vip = 0
        self.status_text = ""
        self.hub = PushHub(lambda: exchange.wall_ns())
        self.market = MarketFeed(exchange, self.hub, seed)
        self.private = PrivateFeed(exchange, self.hub)
        self.orders = Orders(exchange, self.private)
        self.dead_man = DeadMan(exchange, self.private)
        self.uta = UtaHub(exchange, self.wire, self.market.sequencer)
        self.market.on_frame = self.uta.books.on_book
        self.hub.on_first = self.market.paced.on_subscribed

    @property
    def status(self) -> Status:
        """open; cancelonly: no new orders; close: no cancels either."""
        return self.orders.status

    @status.setter
    def status(self, status: Status) -> None:
        self.orders.status = status

    def symbol_object(self) -> Json:
        """Of the rules as they now are: ticks and lots may change under open orders."""
        wire = Wire(self.exchange.rules)
        return wire.symbol_object() | {"enableTrading": self.status == "open"}

    def now_ms(self) -> int:
        return ms(self.exchange.wall_ns())

    def close(self) -> None:
        """Ends what waits for its time."""
        self.market.close()
        self.uta.books.close()
        self.orders.close()
        self.dead_man.close()
