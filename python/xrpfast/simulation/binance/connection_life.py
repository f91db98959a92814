"""The life of one socket of the venue: pings with a deadline, a flood limit, a last day.

Stream sockets and WebSocket API sockets live alike; what a text frame says is theirs. Times come
from an event loop, or from whatever a test gives in its place.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec
from picows import WSCloseCode, WSFrame, WSMsgType, WSTransport


class ConnectionSettings(msgspec.Struct):
    """What the venue lets a socket do; faults and tests change it: a new value counts from the next
    ping, frame or connection on."""

    lifetime_s: float = 86_400.0
    ping_s: float = 20.0
    pong_deadline_s: float = 60.0
    """From the oldest ping that no pong has answered with its payload."""
    messages_per_s: int | None = 5
    """Frames of the client: text, pings, pongs. None: no limit."""
    max_streams: int = 1_024
    max_backlog: int = 32 * 2**20
    """Bytes of market frames that wait for a client who does not read; beyond it is cut off."""
    shutdown_notice_s: float = 10.0
    """From ``serverShutdown`` to the close."""


class Timers(Protocol):
    """The part of an event loop that is needed here."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], object]) -> asyncio.TimerHandle: ...


class Connections:
    """All sockets of one kind, their settings, and what befalls them together."""

    def __init__(
        self, settings: ConnectionSettings, wall_ms: Callable[[], int], timers: Timers | None = None
    ) -> None:
        self.settings = settings
        self.wall_ms = wall_ms
        self.timers = timers
        """None: the running event loop."""
        self.open: dict[ConnectionLife, None] = {}

    def shutdown(self, notice_s: float | None = None) -> None:
        """Announces ``serverShutdown`` on every socket and closes them after the notice."""
        for life in list(self.open):
            life.shutdown(self.settings.shutdown_notice_s if notice_s is None else notice_s)

    def grow_old(self) -> None:
        """Counts the lifetime of the sockets that stand anew, from now."""
        for life in list(self.open):
            life.grow_old()

    def drop_all(self) -> None:
        """Cuts every socket without a word."""
        for life in list(self.open):
            life.drop()


class ConnectionLife:
    """One socket from its opening to its end.

    ``announce`` is told the time (ms) of a coming shutdown and tells the client in its own form.
    """

    def __init__(
        self, group: Connections, transport: WSTransport, announce: Callable[[int], None]
    ) -> None:
        self._group = group
        self._transport = transport
        self._announce = announce
        self._timers: Timers = group.timers or asyncio.get_running_loop()
        self._received: deque[float] = deque()
        self._unanswered: deque[tuple[bytes, float]] = deque()
        self._handles: dict[str, asyncio.TimerHandle] = {}
        group.open[self] = None
        self.grow_old()
        self._later("ping", group.settings.ping_s, self._ping)

    def closed(self) -> None:
        """The socket is gone."""
        self._group.open.pop(self, None)
        self._stop()

    def take(self, frame: WSFrame) -> bool:
        """Handles what is not the listener's; True for a text frame, which is.

        Pings of the client were answered where the socket was accepted."""
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            self._transport.send_close(frame.get_close_code(), frame.get_close_message())
            self._transport.disconnect()
            return False
        if self._flooded():
            self.close(WSCloseCode.POLICY_VIOLATION, b"Too many requests")
            return False
        if kind == WSMsgType.PONG:
            self._pong(frame.get_payload_as_bytes())
        return kind == WSMsgType.TEXT

    def close(self, code: WSCloseCode, reason: bytes) -> None:
        """Closes with a code and a reason."""
        self._stop()
        self._transport.send_close(code, reason)
        self._transport.disconnect()

    def drop(self) -> None:
        """Cuts the socket without a word."""
        self._stop()
        self._transport.disconnect(graceful=False)

    def shutdown(self, notice_s: float) -> None:
        """Announces the server's end and closes after the notice."""
        self._announce(self._group.wall_ms())
        self._later("shutdown", notice_s, self._end_of_life)

    def grow_old(self) -> None:
        """Lives as long as the settings now say, counted from now."""
        self._later("end", self._group.settings.lifetime_s, self._end_of_life)

    def _stop(self) -> None:
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    def _later(self, name: str, delay: float, callback: Callable[[], object]) -> None:
        earlier = self._handles.pop(name, None)
        if earlier is not None:
            earlier.cancel()
        self._handles[name] = self._timers.call_later(delay, callback)

    def _end_of_life(self) -> None:
        self.close(WSCloseCode.GOING_AWAY, b"")

    def _flooded(self) -> bool:
        limit = self._group.settings.messages_per_s
        if limit is None:
            return False
        now, received = self._timers.time(), self._received
        while received and received[0] <= now - 1.0:
            received.popleft()
        received.append(now)
        return len(received) > limit

    def _ping(self) -> None:
        payload = str(self._group.wall_ms()).encode()
        now = self._timers.time()
        self._unanswered.append((payload, now))
        self._transport.send_ping(payload)
        if len(self._unanswered) == 1:
            self._watch_pong()
        self._later("ping", self._group.settings.ping_s, self._ping)

    def _pong(self, payload: bytes) -> None:
        """Only a pong with the payload of a ping counts, for that one and those before."""
        if any(payload == sent for sent, _ in self._unanswered):
            while self._unanswered.popleft()[0] != payload:
                pass
            self._watch_pong()

    def _watch_pong(self) -> None:
        if not self._unanswered:
            self._handles.pop("pong").cancel()
            return
        due = self._unanswered[0][1] + self._group.settings.pong_deadline_s
        self._later("pong", due - self._timers.time(), self._mute)

    def _mute(self) -> None:
        self.close(WSCloseCode.POLICY_VIOLATION, b"Pong timeout")
