"""What the two kinds of KuCoin socket share: whole messages in, text frames out, a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Any, Final

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

# `WSFrame.msg_type` is a plain int at run time; the stub calls it an enum member.
_TEXT: Final[Any] = int(WSMsgType.TEXT.value)
_BINARY: Final[Any] = int(WSMsgType.BINARY.value)
_CLOSE: Final[Any] = int(WSMsgType.CLOSE.value)

WRITE_BUFFER_BYTES: Final = 1 << 20

_LOG = logging.getLogger("xrpfast.simulation.kucoin")


class Session(WSListener):
    """One client socket. Subclasses override `on_open`, `on_text` and `on_gone`."""

    frame_kind: WSMsgType = WSMsgType.TEXT
    """How frames go out; one kind of socket sends its JSON as binary."""

    def __init__(self) -> None:
        self.transport: WSTransport | None = None
        self.congested = False
        self.address = ""
        """Where the client is."""
        self._timers: set[asyncio.TimerHandle] = set()

    # --- for subclasses -----------------------------------------------------------------------

    def on_open(self) -> None:
        """The handshake is done."""

    def on_text(self, payload: bytes) -> None:
        """One whole message of the client."""

    def on_gone(self) -> None:
        """The socket is closed. Called once."""

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """A timer that ends with the socket."""

        def run() -> None:
            self._timers.discard(handle)
            call()

        handle = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(handle)
        return handle

    def cancel_timer(self, handle: asyncio.TimerHandle) -> None:
        handle.cancel()
        self._timers.discard(handle)

    # --- sending ------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        transport = self.transport
        return (
            transport is not None
            and not transport.is_disconnected
            and not transport.is_close_frame_sent
        )

    def send(self, data: bytes) -> None:
        """One frame, if the socket still takes one."""
        if self.transport is not None and self.is_open:
            self.transport.send(self.frame_kind, data)

    def close(self, reason: bytes = b"Bye") -> None:
        """Close frame with 1000, then the end."""
        if self.transport is not None and self.is_open:
            self.transport.send_close(WSCloseCode.OK, reason)
            self.later(1.0, self.drop)

    def drop(self) -> None:
        """The end without a word, as when a connection breaks."""
        if self.transport is not None and not self.transport.is_disconnected:
            self.transport.disconnect(graceful=False)

    # --- picows -------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        underlying = transport.underlying_transport
        peer = underlying.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        sock = underlying.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(NotImplementedError, AttributeError):
            underlying.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        self.on_open()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind in (_TEXT, _BINARY):
            self.on_text(frame.get_payload_as_bytes())
        elif kind == _CLOSE:
            if not transport.is_close_frame_sent:
                transport.send_close(WSCloseCode.OK)
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self.on_gone()

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
