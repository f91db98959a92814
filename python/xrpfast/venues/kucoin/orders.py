"""KuCoin WebSocket order entry: a session opened by signing the server's challenge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from xrpfast.net.websocket import Connection, connect, hung_up
from xrpfast.venues.gateway import Encoder, GatewayConnection, OrderGateway, Reply
from xrpfast.venues.kucoin.errors import MARKET_CLOSED, SUCCESS, TOO_MANY, classify, reply_pause
from xrpfast.venues.kucoin.push import Pinger
from xrpfast.venues.outcome import Outcome, VenueError
from xrpfast.venues.ports import Sink

if TYPE_CHECKING:
    from xrpfast._core import LatencyHistogram
    from xrpfast.net.fuse import Fuse
    from xrpfast.venues.keys import Keys
    from xrpfast.venues.kucoin.rest import KucoinRest

SETUP_TIMEOUT_S = 10.0
_DISCONNECTING = frozenset({"420001", "420002", "501000"})
"""The server is about to hang up."""


class _SessionPinger(Pinger):
    """Pings in the dialect of this socket."""

    def __init__(
        self, connection: Connection, rest: KucoinRest, interval_s: float, timeout_s: float
    ) -> None:
        self._rest = rest
        super().__init__(connection, interval_s, timeout_s)

    def frame(self, number: int) -> bytes:
        timestamp = str(self._rest.now_ms())
        return orjson.dumps({"id": f"ping-{number}", "op": "ping", "timestamp": timestamp})


class KucoinOrders(OrderGateway):
    """``spot.order`` and ``spot.cancel`` on the order entry socket."""

    venue = "kucoin"

    def __init__(
        self,
        encoder: Encoder,
        sink: Sink,
        fuse: Fuse,
        acks: LatencyHistogram,
        rest: KucoinRest,
        url: str,
        keys: Keys,
    ) -> None:
        super().__init__(encoder, sink, fuse, acks)
        self._rest = rest
        self._url = url
        self._keys = keys
        self._pinger: Pinger | None = None
        self._prologue: asyncio.Future[dict[str, Any]] | None = None
        self._dialling: GatewayConnection | None = None
        self._challenged = False

    async def dial(self) -> Connection:
        self._challenged = False
        self._prologue = asyncio.get_running_loop().create_future()
        url = address(self._url, self._keys, self._rest.now_ms())
        connection = await connect(self._connection, url)
        assert isinstance(connection, GatewayConnection)
        try:
            async with asyncio.timeout(SETUP_TIMEOUT_S):
                welcome = await self._prologue
        except BaseException:
            connection.abort()
            raise
        finally:
            self._prologue = None
        interval, timeout = welcome["pingInterval"] / 1000, welcome["pingTimeout"] / 1000
        self._pinger = _SessionPinger(connection, self._rest, interval, timeout)
        self.session_up(connection)
        return connection

    def _connection(self) -> GatewayConnection:
        self._dialling = GatewayConnection("kucoin orders", self)
        return self._dialling

    def on_text(self, payload: bytes) -> None:
        if self._prologue is None:
            self.on_reply(payload)
        elif not self._prologue.done():
            self._open_session(payload)

    def _open_session(self, payload: bytes) -> None:
        """Challenge, then welcome. The challenge is signed as received, byte for byte."""
        assert self._prologue is not None
        try:
            message = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            self._prologue.set_exception(ConnectionError(f"unreadable challenge: {error}"))
            return
        if "code" in message:
            code, text = str(message["code"]), str(message.get("msg", ""))
            outcome = classify(code, text, 0, write=False)
            self._prologue.set_exception(
                VenueError(self.venue, "order session", code, text, outcome)
            )
        elif message.get("data") == "welcome":
            self._prologue.set_result(message)
        elif not self._challenged and self._dialling is not None:
            self._challenged = True
            self._dialling.post(self._keys.signer.base64(payload).encode())

    def parse(self, payload: bytes) -> Reply | None:
        message = orjson.loads(payload)
        if message.get("op") == "pong":
            if self._pinger is not None:
                self._pinger.on_pong()
            return None
        return parse_reply(message)

    def closed(self, connection: GatewayConnection) -> None:
        hung_up(self._prologue)
        if connection is self.connection and self._pinger is not None:
            self._pinger.stop()
            self._pinger = None
        super().closed(connection)


def address(url: str, keys: Keys, now_ms: int) -> str:
    """Where a session is opened: the key and its proof stand in the query."""
    timestamp = str(now_ms)
    query = {
        "apikey": keys.api_key,
        "sign": keys.signer.base64(keys.api_key + timestamp),
        "passphrase": keys.passphrase,
        "timestamp": timestamp,
    }
    return f"{url}?" + "&".join(f"{name}={quote(text, safe='')}" for name, text in query.items())


def parse_reply(message: dict[str, Any]) -> Reply | None:
    """One reply of order entry; None for what is none."""
    code = message.get("code")
    if code is None:
        return None
    code, text = str(code), str(message.get("msg", ""))
    raw_id = message.get("id")
    request_id = int(raw_id) if isinstance(raw_id, str) and raw_id.isdigit() else None
    if code == SUCCESS:
        data = message.get("data") or {}
        order_id, client_id = str(data.get("orderId", "")), str(data.get("clientOid") or "")
        return Reply(request_id, Outcome.OK, order_id, "", "", client_id)
    if code in _DISCONNECTING and request_id is None:
        return Reply(None, Outcome.RETRY_BACKOFF, "", code, text)
    outcome = classify(code, text, 0, write=True)
    pause = reply_pause(code, text, message.get("userRateLimit") or message.get("rateLimit"))
    if code == TOO_MANY and pause is None:
        # Not our own limit: others overload the venue, and what came of the order nobody says.
        outcome = Outcome.UNKNOWN_RECONCILE
    closed = code in MARKET_CLOSED
    return Reply(request_id, outcome, "", code, text, market_closed=closed, pause=pause)
