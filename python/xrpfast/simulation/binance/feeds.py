"""Who watches which stream: sockets, their subscriptions, and the one way a frame goes out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, unquote

import orjson
from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)

from xrpfast.simulation.binance import stream_control
from xrpfast.simulation.binance.connection_life import ConnectionLife, Connections
from xrpfast.simulation.binance.errors import BinanceError
from xrpfast.simulation.binance.params import time_unit_ns
from xrpfast.simulation.binance.stream_names import Topic
from xrpfast.simulation.binance.wire import MS

BeforeSend = Callable[[int], None]
"""Measurements: told the monotonic time right before a market frame leaves."""
SHUTDOWN: Final = "serverShutdown"


@dataclass(slots=True, eq=False)
class Feed:
    """One stream that somebody watches."""

    name: str
    topic: Topic
    connections: tuple[StreamConnection, ...] = ()
    fresh: bool = True
    """Somebody has come since its last frame."""
    told: object = None
    """What its last frame told, to leave out a second one of the same."""

    def changed(self, state: object) -> bool:
        """Whether there is something new to tell: remembers ``state``."""
        if not self.fresh and state == self.told:
            return False
        self.fresh, self.told = False, state
        return True


class Hub(Protocol):
    """Where a socket's streams come from."""

    sockets: Connections
    before_send: BeforeSend | None

    def watch(self, connection: StreamConnection, name: str) -> None: ...

    def unwatch(self, connection: StreamConnection, name: str) -> None: ...


class Feeds:
    """The watched streams of a hub by name; ``topic_of`` tells what a name asks for."""

    def __init__(self, topic_of: Callable[[str], Topic]) -> None:
        self.named: dict[str, Feed] = {}
        self._topic_of = topic_of

    def join(self, connection: StreamConnection, name: str) -> Feed | None:
        """The feed when it has just come to life."""
        feed = self.named.get(name)
        born = None
        if feed is None:
            feed = born = self.named[name] = Feed(name, self._topic_of(name))
        feed.connections += (connection,)
        feed.fresh = True
        return born

    def leave(self, connection: StreamConnection, name: str) -> Feed | None:
        """The feed when nobody watches it any longer."""
        feed = self.named[name]
        feed.connections = tuple(one for one in feed.connections if one is not connection)
        if feed.connections:
            return None
        del self.named[name]
        return feed

    def of_period(self, period_ms: int) -> list[Feed]:
        return [feed for feed in self.named.values() if feed.topic.period_ms == period_ms]


class StreamConnection(WSListener):
    """One socket of `/ws` or `/stream`: raises `BinanceError` for a bad URL option."""

    def __init__(self, hub: Hub, target: str) -> None:
        self._hub = hub
        path, _, query = target.partition("?")
        query = query.replace("+", "%2B")  # a plus is a plus: time zones of klines
        options = parse_qs(query, keep_blank_values=True)
        self.unit = time_unit_ns(options.get("timeUnit", [None])[0])
        """Nanoseconds of its time unit."""
        self.combined = path.startswith("/stream")
        names = (
            options.get("streams", [""])[0] if self.combined else unquote(path).removeprefix("/ws")
        )
        self._asked = [name for name in names.split("/") if name]
        self._streams: dict[str, None] = {}
        self._transport: WSTransport | None = None
        self._paused = False
        self._waiting: dict[str, bytes] = {}

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._life = ConnectionLife(self._hub.sockets, transport, self._announce)
        if not self.subscribe(self._asked):
            self._life.close(WSCloseCode.POLICY_VIOLATION, b"Too many streams")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._life.closed()
        self.unsubscribe(list(self._streams))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._life.take(frame):
            self.reply(stream_control.answer(frame.get_payload_as_bytes(), self))

    # --- what it sends ------------------------------------------------------------------------

    def deliver(self, payload: bytes, kind: WSMsgType = WSMsgType.TEXT) -> None:
        """A market frame."""
        if self._hub.before_send is not None:
            self._hub.before_send(time.monotonic_ns())
        assert self._transport is not None
        if self._paused:
            waiting = self._transport.underlying_transport.get_write_buffer_size()
            if waiting > self._hub.sockets.settings.max_backlog:
                self._life.drop()
                return
        self._transport.send(kind, payload)

    def deliver_latest(self, name: str, payload: bytes) -> None:
        """A binary market frame that replaces the one of its stream that still waits to leave."""
        if self._paused:
            self._waiting[name] = payload
        else:
            self.deliver(payload, WSMsgType.BINARY)

    def reply(self, message: Any) -> None:
        """A frame that is no market data."""
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, orjson.dumps(message))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        waiting, self._waiting = self._waiting, {}
        for payload in waiting.values():
            self.deliver(payload, WSMsgType.BINARY)

    def _announce(self, now_ms: int) -> None:
        event = {"e": SHUTDOWN, "E": now_ms * (MS // self.unit)}
        self.reply({"stream": f"!{SHUTDOWN}", "data": event} if self.combined else event)

    # --- `stream_control.Subscriptions` -------------------------------------------------------

    def subscribe(self, names: list[str]) -> bool:
        fresh = [name for name in dict.fromkeys(names) if name not in self._streams]
        if len(self._streams) + len(fresh) > self._hub.sockets.settings.max_streams:
            return False
        for name in fresh:
            self._streams[name] = None
            self._hub.watch(self, name)
        return True

    def unsubscribe(self, names: list[str]) -> None:
        for name in names:
            if name in self._streams:
                del self._streams[name]
                self._hub.unwatch(self, name)

    def subscribed(self) -> list[str]:
        return list(self._streams)


def send(feed: Feed, body: Callable[[int], bytes]) -> None:
    """An event to all who watch; ``body(unit)`` is encoded once for each time unit."""
    bare: dict[int, bytes] = {}
    for connection in feed.connections:
        unit = connection.unit
        payload = bare.get(unit)
        if payload is None:
            payload = bare[unit] = body(unit)
        if connection.combined:
            payload = b'{"stream":%b,"data":%b}' % (orjson.dumps(feed.name), payload)
        connection.deliver(payload)


def connect(
    hub: Hub, target: str, admit: Callable[[], object]
) -> WSListener | WSUpgradeResponseWithListener:
    """The listener of a new socket, or the refusal of its handshake. ``admit`` raises
    `BinanceError` for who may not come in."""
    try:
        admit()
        return StreamConnection(hub, target)
    except BinanceError as error:
        refusal = WSUpgradeResponse.create_error_response(
            HTTPStatus(error.status), orjson.dumps(error.body), {"Content-Type": "application/json"}
        )
        return WSUpgradeResponseWithListener(refusal, None)
