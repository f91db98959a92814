"""A client WebSocket: connect, send with the outcome known, and nothing else.

Orders leave through `Connection.send`, whose answer says whether the bytes left: a transport that
is closing or still holds earlier bytes takes nothing, one that keeps part of the frame is STUCK.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Final

from picows import (
    WSError,
    WSFrame,
    WSInvalidStatusError,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)

from xrpfast.addresses import require_encryption

# `WSFrame.msg_type` is a plain int at run time; the stub calls it an enum member.
TEXT: Final[Any] = int(WSMsgType.TEXT.value)
BINARY: Final[Any] = int(WSMsgType.BINARY.value)
CONTINUATION: Final[Any] = int(WSMsgType.CONTINUATION.value)
PING: Final[Any] = int(WSMsgType.PING.value)
PONG: Final[Any] = int(WSMsgType.PONG.value)
CLOSE: Final[Any] = int(WSMsgType.CLOSE.value)

DATA: Final = frozenset({TEXT, BINARY, CONTINUATION})

CONNECT_TIMEOUT_S: Final = 10.0
CONNECT_ERRORS: Final = (OSError, WSError, asyncio.TimeoutError)

_LOG = logging.getLogger("xrpfast.net")


class RefusedError(ConnectionError):
    """The server answered the handshake, and not with a WebSocket."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"refused with HTTP {status}")
        self.status = status
        self.headers = headers
        self.body = body


class SendResult(IntEnum):
    """What became of one frame handed to a transport."""

    SENT = 0
    """Every byte is with the operating system."""
    NOT_SENT = 1
    """No byte left: the transport was closed, closing, or busy with earlier bytes."""
    STUCK = 2
    """Part of the frame stayed in the transport's buffer; the transport was dropped."""


class Connection(WSListener):
    """One WebSocket. Subclasses override `on_text`, or `on_ws_frame` where every step counts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.transport: WSTransport | None = None
        self.heard = False
        """Set by every frame; `liveness` takes it back now and then."""
        self.answers = False
        """The other side has answered a ping of ours."""
        self.wanted = True
        """Somebody waits for it to open."""
        self._buffered: Callable[[], int] = _nothing
        self._closing: Callable[[], bool] = _always
        self._fragments: bytearray | None = None
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --- for subclasses -----------------------------------------------------------------------

    def on_open(self) -> None:
        """The handshake is done; nothing was received yet."""

    def on_text(self, payload: bytes) -> None:
        """One whole text message."""

    def on_close(self) -> None:
        """The connection is gone. Called once."""

    # --- sending ------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        transport = self.transport
        return (
            transport is not None
            and not transport.is_disconnected
            and not transport.is_close_frame_sent
            and not self._closing()
        )

    @property
    def writable(self) -> bool:
        """Open and nothing waits in the write buffer: the next frame leaves at once."""
        return self.is_open and self._buffered() == 0

    def send(self, data: bytes) -> SendResult:
        """Writes one text frame, or nothing at all.

        A frame that did not leave whole is worthless late, so the transport is aborted: the rest
        of it never follows.
        """
        transport = self.transport
        if (
            transport is None
            or transport.is_disconnected
            or transport.is_close_frame_sent
            or self._closing()
            or self._buffered() != 0
        ):
            return SendResult.NOT_SENT
        transport.send(WSMsgType.TEXT, data)
        if self._buffered() != 0:
            _LOG.warning("%s: frame stuck in the write buffer, dropping the connection", self.name)
            transport.underlying_transport.abort()
            return SendResult.STUCK
        # A failed write closes the transport without raising; how much left is not known.
        if transport.is_disconnected or self._closing():
            return SendResult.STUCK
        return SendResult.SENT

    def post(self, data: bytes) -> None:
        """Sends a control message for which a full buffer is no problem."""
        if self.is_open and self.transport is not None:
            self.transport.send(WSMsgType.TEXT, data)

    def ping(self) -> None:
        """Asks for a sign of life."""
        if self.is_open and self.transport is not None:
            self.transport.send_ping()

    async def close(self) -> None:
        """Says goodbye, waits briefly for the other side, then hangs up."""
        transport = self.transport
        if transport is None or transport.is_disconnected:
            return
        transport.send_close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self.wait_closed()
        if not transport.is_disconnected:
            transport.disconnect(graceful=False)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.wait_closed()

    def abort(self) -> None:
        """Hangs up now."""
        if self.transport is not None:
            self.transport.disconnect(graceful=False)

    async def wait_closed(self) -> None:
        await asyncio.shield(self._closed)

    def fileno(self) -> int:
        """The socket's descriptor, -1 when there is none."""
        if self.transport is None or self.transport.is_disconnected:
            return -1
        sock = self.transport.underlying_transport.get_extra_info("socket")
        return -1 if sock is None else int(sock.fileno())

    # --- picows -------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        if not self.wanted:
            transport.disconnect(graceful=False)
            return
        underlying = transport.underlying_transport
        require_nodelay(underlying.get_extra_info("socket"))
        self._buffered = underlying.get_write_buffer_size
        self._closing = underlying.is_closing
        self.transport = transport
        self.on_open()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.heard = True
        if frame.msg_type in DATA:
            message = self.join(frame)
            if message is not None:
                self.on_text(message)
        else:
            self.on_control_frame(transport, frame)

    def on_control_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame that carries no message.

        Whoever says goodbye reads no more: what is sent then is lost, so the connection is over
        with the other side's close frame, however long its end of the socket stays open.
        """
        if frame.msg_type == PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == PONG:
            self.answers = True
        elif frame.msg_type == CLOSE:
            if not transport.is_close_frame_sent:
                transport.send_close()
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self._closed.done():
            self._closed.set_result(None)
            if self.wanted:
                self.on_close()

    def join(self, frame: WSFrame) -> bytes | None:
        """The whole message that ``frame`` completes; None while parts are missing."""
        if frame.fin and self._fragments is None:
            return frame.get_payload_as_bytes()
        if self._fragments is None:
            self._fragments = bytearray()
        self._fragments += frame.get_payload_as_bytes()
        if not frame.fin:
            return None
        message, self._fragments = bytes(self._fragments), None
        return message


async def connect(factory: Callable[[], Connection], url: str) -> Connection:
    """Opens ``url``; pings are answered by the connection itself.

    Raises one of `CONNECT_ERRORS`; `RefusedError` among them has the server's answer. `UsageError`
    for an address that is not encrypted.
    """
    require_encryption(url)
    made: list[Connection] = []
    wanted = True

    def make() -> Connection:
        connection = factory()
        connection.wanted = wanted
        made.append(connection)
        return connection

    try:
        # Not `wait_for`: on Python 3.11 it loses a cancellation that comes with the result.
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await ws_connect(
                make,
                url,
                enable_auto_pong=False,
                websocket_handshake_timeout=CONNECT_TIMEOUT_S,
                logger_name=_LOG,
                max_redirects=0,
            )
    except WSInvalidStatusError as error:
        answer = error.response
        if answer is None:
            raise
        raise RefusedError(int(answer.status), answer.headers, error.raw_body or b"") from None
    except BaseException:
        # What the handshake brings all the same, now or later, is nobody's.
        wanted = False
        for connection in made:
            connection.abort()
        raise
    return made[-1]


def hung_up(session: asyncio.Future[Any] | None) -> None:
    """Tells whoever waits for a session to come up that its connection is closed; nobody does
    once the dial was cancelled."""
    if session is not None and not session.done():
        session.set_exception(ConnectionError("closed during set-up"))
        session.exception()  # seen: else the loop complains of one that nobody waits for


def require_nodelay(sock: Any) -> None:
    """Sets TCP_NODELAY and proves it: without it an order can wait 40 ms for an ACK."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0:
        raise OSError("TCP_NODELAY could not be set")


def _nothing() -> int:
    return 0


def _always() -> bool:
    return True
