"""One mock venue's ports: the face on real sockets, behind the faults."""

from __future__ import annotations

import logging
import socket
from contextlib import AsyncExitStack

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from picows import (
    WSListener,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from xrpfast.errors import UsageError
from xrpfast.simulation.binance.face import BinanceFace
from xrpfast.simulation.faults.engine import Faults
from xrpfast.simulation.faults.http import HttpFaults
from xrpfast.simulation.faults.occasion import Occasion, Standing
from xrpfast.simulation.faults.relay import Relay
from xrpfast.simulation.faults.sockets import FaultySocket
from xrpfast.simulation.faults.words import socket_kind
from xrpfast.simulation.kucoin.face import KucoinFace

_HTTP_LOG = logging.getLogger("xrpfast.simulation.http")
HOST = "127.0.0.1"
Face = BinanceFace | KucoinFace


class Front:
    """The REST and WebSocket ports of one venue."""

    def __init__(self, venue: str, face: Face, faults: Faults) -> None:
        self.venue = venue
        self.face = face
        self.faults = faults
        self.http = HttpFaults(faults, venue, face.exchange)
        self.sockets: set[FaultySocket] = set()
        self._relays: list[Relay] = []
        self._accepted = 0
        faults.on_socket_rule.append(self._strike)

    @property
    def down(self) -> bool:
        return self.http.down

    def set_down(self, down: bool) -> None:
        """A venue without power: what stands is cut, what comes is reset."""
        self.http.down = down
        for relay in self._relays:
            relay.down = down
            if down:
                relay.cut_all()
        if down:
            self.drop_sockets()

    def drop_sockets(self, kind: str | None = None) -> None:
        """Breaks all sockets of a kind, or all."""
        for each in list(self.sockets):
            if kind is None or each.kind == kind:
                each.end()

    async def serve(self, stack: AsyncExitStack, rest: socket.socket, ws: socket.socket) -> None:
        """Serves until ``stack`` unwinds; behind relays where bytes can be disturbed."""
        if self.faults.network:
            rest = await self._relay(stack, "rest", rest)
            ws = await self._relay(stack, "ws", ws)
        app = self.face.rest_app()
        app.middlewares.insert(0, self.http.middleware)
        await serve_http(stack, app, rest)
        await self._serve_ws(stack, ws)

    async def _relay(
        self, stack: AsyncExitStack, kind: str, public: socket.socket
    ) -> socket.socket:
        inner = listen(0)
        relay = Relay(self.faults, self.venue, kind, inner.getsockname()[1])
        await relay.serve(public)
        stack.push_async_callback(relay.close)
        self._relays.append(relay)
        return inner

    async def _serve_ws(self, stack: AsyncExitStack, listener: socket.socket) -> None:
        server = await ws_create_server(
            self._accept,
            sock=listener,
            enable_auto_pong=False,  # `FaultySocket` answers, unless it is to be silent
            enable_auto_ping=False,  # Binance's own rule is in its face; KuCoin's clients ping
        )

        async def close() -> None:
            server.close()
            for each in list(self.sockets):
                each.drop()
            await server.wait_closed()

        stack.push_async_callback(close)

    def _accept(
        self, request: WSUpgradeRequest
    ) -> WSListener | WSUpgradeResponseWithListener | None:
        self._accepted += 1
        path = request.path.decode("ascii", "replace").partition("?")[0]
        kind = socket_kind(self.venue, path)
        occasion = Occasion(self.venue, "socket", connection=self._accepted, kind=kind)
        refusal = self._refusal(occasion)
        if refusal is not None:
            return WSUpgradeResponseWithListener(refusal, None)
        inner = self.face.ws_listener(request)
        if not isinstance(inner, WSListener):
            return inner
        made = FaultySocket(
            inner, self.faults, self.face.exchange, self.venue, kind, self._accepted,
            self.sockets.discard,
        )  # fmt: skip
        self.sockets.add(made)
        return made

    def _refusal(self, occasion: Occasion) -> WSUpgradeResponse | None:
        if self.down:
            return _refused(503, "")
        for standing in self.faults.standing("socket"):
            rule = standing.rule
            if rule.action == "refuse" and standing.strikes(occasion):
                self.faults.note(standing, occasion.kind)
                status, body = rule.params.get("status", 503), rule.params.get("body", "")
                return _refused(status, body)
        return None

    def _strike(self, standing: Standing) -> None:
        for each in list(self.sockets):
            each.strike(standing)


def _refused(status: int, body: str) -> WSUpgradeResponse:
    made: WSUpgradeResponse = WSUpgradeResponse.create_error_response(status, body.encode())
    return made


def listen(port: int) -> socket.socket:
    """A listening socket of this machine; raises `UsageError` for a taken port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"port {port} of {HOST} cannot be used ({error.strerror}): choose another with --port"
        ) from None
    listener.setblocking(False)
    return listener


async def serve_http(stack: AsyncExitStack, app: web.Application, listener: socket.socket) -> None:
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=1,
        logger=_HTTP_LOG,
        # A body is read as it came: what claims to be packed and is not must be the venue's error.
        auto_decompress=False,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()


def _is_ours(record: logging.LogRecord) -> bool:
    """False for what a client did: bytes that are no HTTP (answered with 400), or going away."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError)


_HTTP_LOG.addFilter(_is_ours)
