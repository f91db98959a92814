"""Everything of the mock Binance in one place, for the server."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web
from picows import WSListener, WSUpgradeRequest

from xrpfast.simulation.binance.limits import Counts
from xrpfast.simulation.binance.rest import Rest
from xrpfast.simulation.binance.streams import StreamConnection, Streams
from xrpfast.simulation.binance.ws_api import WsApi, WsApiConnection
from xrpfast.simulation.exchange import Exchange


class BinanceFace:
    """REST application and WebSocket listeners over one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        counts = Counts(exchange.wall_ns)
        self.streams = Streams(exchange)
        self._rest = Rest(exchange, counts, lambda: self.ws_api.fresh_id())
        self.ws_api = WsApi(exchange, counts, self._rest.exchange_info)
        exchange.listeners += [self.ws_api, self.streams]

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
