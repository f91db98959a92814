"""The WebSocket API: requests and replies, user data events, bad frames."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from xrpfast.simulation.account import Account
from xrpfast.simulation.binance import errors
from xrpfast.simulation.binance.call import Call, Endpoint, answer
from xrpfast.simulation.binance.connection_life import (
    ConnectionLife,
    Connections,
    ConnectionSettings,
)
from xrpfast.simulation.binance.errors import BinanceError
from xrpfast.simulation.binance.params import CLIENT_ID, Number, Params
from xrpfast.simulation.binance.session import Session
from xrpfast.simulation.binance.user_stream import UserStream
from xrpfast.simulation.binance.venue import Venue
from xrpfast.simulation.binance.wire import MS, Json, Wire
from xrpfast.simulation.orders import OrderHook

REQUEST_ID: Final = re.compile(CLIENT_ID)
BAD_FRAMES: Final = 5
REMOVED: Final = frozenset(f"userDataStream.{what}" for what in ("start", "ping", "stop"))
"""What was there for listen keys."""


class WsApi:
    """Every connection of the WebSocket API."""

    def __init__(self, venue: Venue, endpoints: Sequence[Endpoint]) -> None:
        self.venue = venue
        self.endpoints = {endpoint.ws: endpoint for endpoint in endpoints if endpoint.ws}
        self.user_stream = UserStream(venue, self.tell)
        self.connections: set[WsApiConnection] = set()
        self.sockets = Connections(
            ConnectionSettings(messages_per_s=None), lambda: venue.exchange.wall_ns() // MS
        )
        self.on_order_frame: OrderHook | None = None
        """Measurements: told of each frame first thing (`OrderHook`)."""
        venue.limits.on_ban.append(self._banned)

    def connection(self, target: str) -> WsApiConnection:
        """The listener of a new socket by its URL; raises `BinanceError` to refuse it."""
        query = dict(parse_qsl(target.partition("?")[2], keep_blank_values=True))
        wire = self.venue.wire(query.get("timeUnit"))
        if query.get("responseFormat", "json") != "json":
            raise errors.sbe_off(400)
        tells_limits = Params(query).flag("returnRateLimits", default=True)
        self.venue.limits.connection()
        return WsApiConnection(self, wire, tells_limits=tells_limits)

    def tell(self, account: Account, event: Callable[[Wire], Json]) -> None:
        """Sends a user data event to all who subscribed to this customer's."""
        for connection in list(self.connections):
            connection.session.tell(account, event)

    def _banned(self) -> None:
        # The request that brought the ban is answered first.
        asyncio.get_running_loop().call_soon(self._drop)

    def _drop(self) -> None:
        for connection in list(self.connections):
            connection.drop()


class WsApiConnection(WSListener):
    """One socket of `/ws-api/v3`."""

    def __init__(self, api: WsApi, wire: Wire, *, tells_limits: bool) -> None:
        self._api = api
        self._transport: WSTransport | None = None
        now = api.venue.exchange.wall_ns()
        self.session = Session(self.send, now, wire, tells_limits=tells_limits)
        self._bad_frames = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._life = ConnectionLife(self._api.sockets, transport, self._announce)
        self._api.connections.add(self)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._api.connections.discard(self)
        self._life.closed()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._life.take(frame):
            received = time.monotonic_ns()
            payload = frame.get_payload_as_bytes()
            hook = self._api.on_order_frame
            if hook is None or not hook(received, lambda: self._handle(payload)):
                self._handle(payload)

    def _announce(self, now_ms: int) -> None:
        now = self.session.wire.time(now_ms * MS)
        self.send({"event": {"e": "serverShutdown", "E": now}})

    def send(self, message: Json) -> None:
        """Every frame that leaves."""
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, orjson.dumps(message))

    def terminate_streams(self) -> None:
        """Ends every user-data subscription of this socket, as the venue does by its own will."""
        for number in list(self.session.subscriptions):
            self.session.end(number, self._api.venue.exchange.wall_ns())

    def drop(self) -> None:
        """Ends the connection without a word."""
        self._life.drop()

    def _handle(self, payload: bytes) -> None:
        """One request, one reply."""
        try:
            request = orjson.loads(payload)
        except orjson.JSONDecodeError:
            request = None
        if not isinstance(request, dict):
            self._bad_frame("Invalid JSON Request")
            return
        number = request.get("id", ())
        if not _usable(number):
            self._bad_frame(errors.illegal("id", CLIENT_ID).text)
            return
        self.send(self._answered(number, request, payload))
        self._tell_revoked()

    def _answered(self, number: int | str | None, request: Json, payload: bytes) -> Json:
        method = str(request.get("method", "")).removeprefix("v3/")
        endpoint = self._api.endpoints.get(method)
        values = request.get("params")
        call: Call | None = None
        reply: Json = {"id": number}
        try:
            if method in REMOVED:
                raise BinanceError(410, -1020, "This operation is not supported.")
            if endpoint is None:
                raise BinanceError(404, -1000, f"Unknown method '{method}'.")
            if values is not None and not isinstance(values, dict):
                raise errors.illegal_parameter()
            call = self._call(values or {}, payload)
            result = answer(endpoint, call)
            reply |= {"status": 200, "result": result}
        except BinanceError as error:
            reply |= {"status": error.status, "error": self._error(error)}
        return reply | self._limits(endpoint, call, values)

    def _call(self, values: Json, payload: bytes) -> Call:
        if any(type(value) is float for value in values.values()):
            values = json.loads(payload, parse_float=Number)["params"]
        params, venue = Params(values), self._api.venue
        return Call(
            venue,
            params,
            self.session.wire,
            lambda: self.session.who(venue.keys, params),
            self.session,
        )

    def _error(self, error: BinanceError) -> Json:
        body = error.body
        if error.retry_ns is not None:
            wire = self.session.wire
            now = wire.time(self._api.venue.exchange.wall_ns())
            body["data"] = {"serverTime": now, "retryAfter": wire.time(error.retry_ns)}
        return body

    def _limits(self, endpoint: Endpoint | None, call: Call | None, values: Any) -> Json:
        """`rateLimits`, unless the URL or the request says that they are not wanted."""
        asked = values.get("returnRateLimits") if isinstance(values, dict) else None
        told = self.session.tells_limits if asked is None else asked not in (False, "false")
        if not told:
            return {}
        limits = self._api.venue.limits
        rows = [limits.weight_row()]
        if endpoint is not None and endpoint.orders:
            uid = None if call is None or call.key is None else call.account.uid
            rows = [*limits.order_rows(uid), *rows]
        return {"rateLimits": rows}

    def _bad_frame(self, text: str) -> None:
        self.send({"id": None, "status": 400, "error": {"code": -1135, "msg": text}})
        self._bad_frames += 1
        if self._bad_frames >= BAD_FRAMES:
            self._life.close(WSCloseCode.POLICY_VIOLATION, b"disconnected")

    def _tell_revoked(self) -> None:
        """A key that is revoked ends the session that it opened, and the venue says so."""
        key = self.session.key
        if key is None:
            return
        try:
            self._api.venue.keys.find(key.text)
        except BinanceError as error:
            self.session.key = None
            self.send({"id": None, "status": error.status, "error": error.body})


def _usable(number: object) -> bool:
    if isinstance(number, str):
        return bool(REQUEST_ID.fullmatch(number))
    return number is None or (isinstance(number, int) and not isinstance(number, bool))
