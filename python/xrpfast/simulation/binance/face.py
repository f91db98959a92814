"""Everything of the mock Binance in one place, for the server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import orjson
from aiohttp import web
from picows import WSListener, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener

from xrpfast.simulation.binance import (
    amends,
    beyond_spot,
    cancels,
    errors,
    keys,
    market_data,
    order_lists,
    orders,
    queries,
    session,
    symbol,
)
from xrpfast.simulation.binance.connection_life import Connections
from xrpfast.simulation.binance.errors import BinanceError
from xrpfast.simulation.binance.feeds import connect
from xrpfast.simulation.binance.limits import Limits
from xrpfast.simulation.binance.market import Market
from xrpfast.simulation.binance.pace import together
from xrpfast.simulation.binance.rest import Rest
from xrpfast.simulation.binance.sbe_streams import SbeStreams
from xrpfast.simulation.binance.streams import Streams
from xrpfast.simulation.binance.tape import Tape
from xrpfast.simulation.binance.venue import Venue
from xrpfast.simulation.binance.venue_faults import venue_actions
from xrpfast.simulation.binance.ws_api import WsApi
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.faults.engine import VenueAction
from xrpfast.simulation.orders import OrderHook

FASTEST: Final = "depth@100ms"
SBE_PATH: Final = "/sbe"
"""Where a base URL of SBE streams points; the real venue has another host for them."""
ENDPOINTS = (
    *symbol.ENDPOINTS,
    *market_data.ENDPOINTS,
    *orders.ENDPOINTS,
    *cancels.ENDPOINTS,
    *amends.ENDPOINTS,
    *queries.ENDPOINTS,
    *order_lists.ENDPOINTS,
    *session.ENDPOINTS,
    *beyond_spot.ENDPOINTS,
)
"""Everything that REST and the WebSocket API can be asked."""


class BinanceFace:
    """REST application and WebSocket listeners over one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.market = market_state = Market(exchange, Tape(exchange))
        self.venue = Venue(exchange, market_state)
        """The switches of the venue: status, filters, keys, clocks."""
        self.streams = Streams(market_state)
        self.sbe_streams = SbeStreams(market_state)
        self.market_open = True
        self._rest = Rest(self.venue, ENDPOINTS)
        self.ws_api = WsApi(self.venue, ENDPOINTS)
        exchange.listeners += [
            self.venue, self.ws_api.user_stream, market_state.tape, self.streams, self.sbe_streams,
        ]  # fmt: skip

    @property
    def limits(self) -> Limits:
        """What may be asked in a window of time."""
        return self.venue.limits

    @property
    def before_send(self) -> Callable[[int], None] | None:
        """Measurements: told the monotonic time right before a market frame leaves."""
        return self.streams.before_send

    @before_send.setter
    def before_send(self, hook: Callable[[int], None] | None) -> None:
        self.streams.before_send = self.sbe_streams.before_send = hook

    @property
    def on_order_frame(self) -> OrderHook | None:
        """Measurements: told of each order frame first thing (`OrderHook`)."""
        return self.ws_api.on_order_frame

    @on_order_frame.setter
    def on_order_frame(self, hook: OrderHook | None) -> None:
        self.ws_api.on_order_frame = hook

    def enforce_quotas(self, enforced: bool) -> None:
        """Whether calls above the venue's limits are refused; they are counted either way."""
        self.limits.enforced = enforced

    def credentials(self) -> dict[str, str]:
        """What the line of `mock` says of the customer beyond the HMAC key."""
        (account,) = self.exchange.accounts.values()
        return keys.credentials(account)

    def fault_actions(self) -> dict[str, VenueAction]:
        """What a fault rule of channel venue can do here."""
        return venue_actions(self)

    def rest_app(self) -> web.Application:
        return self._rest.app()

    def shutdown(self, notice_s: float | None = None) -> None:
        """Announces ``serverShutdown`` on every socket and closes them after a notice; None: the
        one of each kind's settings."""
        for sockets in self._sockets:
            sockets.shutdown(notice_s)

    def shorten_day(self, day_s: float) -> None:
        """Sockets live so long from now on, those that stand counted from now."""
        for sockets in self._sockets:
            sockets.settings.lifetime_s = day_s
            sockets.grow_old()

    def open_market(self, is_open: bool) -> None:
        """Whether there is market data: without it its sockets are cut and no new one is let in."""
        self.market_open = is_open
        if not is_open:
            self.streams.sockets.drop_all()
            self.sbe_streams.sockets.drop_all()

    def flush_market(self) -> None:
        """Tells at once what is told ten times a second: for a market that has that pace itself."""
        self.streams.flush_depth(FASTEST)

    def drop_all(self) -> None:
        """Cuts every socket without a word."""
        for sockets in self._sockets:
            sockets.drop_all()

    @property
    def _sockets(self) -> tuple[Connections, ...]:
        return self.streams.sockets, self.sbe_streams.sockets, self.ws_api.sockets

    def ws_listener(
        self, request: WSUpgradeRequest
    ) -> WSListener | WSUpgradeResponseWithListener | None:
        """The listener of a new socket by its path, or the refusal of it; None: 404."""
        target = request.path.decode("ascii", "replace")
        path = target.partition("?")[0]
        if path == "/ws-api/v3":
            try:
                return self.ws_api.connection(target)
            except BinanceError as error:
                return WSUpgradeResponseWithListener(_refusal(error), None)
        if not self.market_open:
            return None
        hub: Streams | SbeStreams = self.streams
        admit = partial(self.limits.stream_connection, "json")
        if path.startswith(f"{SBE_PATH}/"):
            hub, path, target = self.sbe_streams, path[len(SBE_PATH) :], target[len(SBE_PATH) :]
            admit = partial(self._admit_sbe, request.headers.get("X-MBX-APIKEY"))
        if path == "/stream" or path == "/ws" or path.startswith("/ws/"):
            return connect(hub, target, admit)
        return None

    def _admit_sbe(self, key: str | None) -> None:
        """SBE streams want an Ed25519 key, though no signature; raises `BinanceError`."""
        self.limits.stream_connection("sbe")
        if self.venue.keys.find(key).kind != "ED25519":
            raise errors.key_rejected()

    async def run(self) -> None:
        """The timed streams, until cancelled."""
        await together(self.streams.run(), self.sbe_streams.run())


def _refusal(error: BinanceError) -> WSUpgradeResponse:
    headers = {"Content-Type": "application/json;charset=UTF-8"}
    body = orjson.dumps(error.body)
    response: WSUpgradeResponse = WSUpgradeResponse.create_error_response(
        error.status, body, headers
    )
    return response
