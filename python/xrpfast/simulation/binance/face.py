"""Everything of the mock Binance in one place, for the server."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web
from picows import WSListener, WSUpgradeRequest

from xrpfast.simulation.binance.limits import Counts
from xrpfast.simulation.binance.rest import Rest
from xrpfast.simulation.binance.streams import StreamConnection, Streams
from xrpfast.simulation.binance.venue_faults import venue_actions
from xrpfast.simulation.binance.ws_api import WsApi, WsApiConnection
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.faults.engine import VenueAction
from xrpfast.simulation.orders import OrderHook


class BinanceFace:
    """REST application and WebSocket listeners over one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._counts = counts = Counts(exchange.wall_ns)
        self.streams = Streams(exchange)
        self.market = market = self.streams.market
        self._rest = Rest(exchange, counts, lambda: self.ws_api.fresh_id(), market)
        self.ws_api = WsApi(exchange, counts, self._rest.exchange_info, market)
        exchange.listeners += [self.ws_api, self.streams]

    @property
    def before_send(self) -> Callable[[int], None] | None:
        """Measurements: told the monotonic time right before a market frame leaves."""
        return self.streams.before_send

    @before_send.setter
    def before_send(self, hook: Callable[[int], None] | None) -> None:
        self.streams.before_send = hook

    @property
    def on_order_frame(self) -> OrderHook | None:
        """Measurements: told of each order frame first thing (`OrderHook`)."""
        return self.ws_api.on_order_frame

    @on_order_frame.setter
    def on_order_frame(self, hook: OrderHook | None) -> None:
        self.ws_api.on_order_frame = hook

    def enforce_quotas(self, enforced: bool) -> None:
        """Whether calls above the venue's limits are refused; they are counted either way."""
        self._counts.enforced = enforced

    def fault_actions(self) -> dict[str, VenueAction]:
        """What a fault rule of channel venue can do here."""
        return venue_actions(self)

    def rest_app(self) -> web.Application:
        return self._rest.app()

    def ws_listener(self, request: WSUpgradeRequest) -> WSListener | None:
        """The listener of a new socket by its path; None refuses it (404)."""
        target = request.path.decode("ascii", "replace")
        path = urlsplit(target).path
        if path == "/ws-api/v3":
            return WsApiConnection(self.ws_api)
        if path == "/stream" or path == "/ws" or path.startswith("/ws/"):
            return StreamConnection(self.streams, target)
        return None

    async def run(self) -> None:
        """The timed streams, until cancelled."""
        await self.streams.run()
