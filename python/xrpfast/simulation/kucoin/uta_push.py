"""The newer public push socket of KuCoin (UTA): no token, JSON in binary frames, books only."""

from __future__ import annotations

import time
import uuid
from typing import Any, Final

import msgspec
import orjson
from picows import WSMsgType

from xrpfast.simulation.exchange import Exchange

from .books import Sequencer
from .limits import MessageMeter
from .session import Session
from .uta_books import DEPTHS, UtaBooks
from .wire import Json, Wire

UTA_PATH: Final = "/uta"
"""The real venue has a host of its own for it; here it is a path of the same port."""
UTA_HOST: Final = "x-push-spot."
"""A client that asks for that host by name, as through a proxy, gets it without the path."""
CHANNEL: Final = "obu"


class UtaSettings(msgspec.Struct):
    """What the venue lets a socket do; faults and tests change it."""

    ping_interval_ms: int = 18_000
    silence_s: float = 60.0
    max_topics: int = 600
    messages_per_10_s: int = 300


class UtaHub:
    """All sockets of the newer push and who watches which depth."""

    def __init__(self, exchange: Exchange, wire: Wire, sequencer: Sequencer) -> None:
        self.exchange = exchange
        self.symbol = wire.symbol
        self.settings = UtaSettings()
        self.sessions: dict[UtaSession, None] = {}
        self.dropped = 0
        self._watchers: dict[str, dict[UtaSession, None]] = {depth: {} for depth in DEPTHS}
        self.books = UtaBooks(
            exchange, wire, sequencer, lambda depth: bool(self._watchers[depth]), self._publish
        )

    def open(self) -> UtaSession:
        return UtaSession(self)

    def add(self, session: UtaSession, depth: str) -> None:
        """Subscribes; the first frame is for the new watcher alone."""
        if session in self._watchers[depth]:
            return
        first = self.books.first(depth)
        self._watchers[depth][session] = None
        if first is not None:
            session.send(first)

    def remove(self, session: UtaSession, depth: str | None = None) -> None:
        for each in DEPTHS if depth is None else (depth,):
            self._watchers[each].pop(session, None)

    def count(self, session: UtaSession) -> int:
        return sum(session in watchers for watchers in self._watchers.values())

    def _publish(self, depth: str, data: bytes) -> None:
        for session in tuple(self._watchers[depth]):
            if session.congested:
                self.dropped += 1
            else:
                session.send(data)


class UtaSession(Session):
    """One client of the newer push."""

    frame_kind = WSMsgType.BINARY

    def __init__(self, hub: UtaHub) -> None:
        super().__init__()
        self.hub = hub
        self._meter = MessageMeter(hub.settings.messages_per_10_s)
        self._heard = 0.0

    def on_open(self) -> None:
        self.hub.sessions[self] = None
        self._heard = time.monotonic()
        self.later(self.hub.settings.silence_s, self._check_silence)
        welcome = {
            "sessionId": str(uuid.uuid4()),
            "message": "welcome",
            "pingInterval": self.hub.settings.ping_interval_ms,
        }
        self.send(orjson.dumps(welcome))

    def on_gone(self) -> None:
        self.hub.remove(self)
        self.hub.sessions.pop(self, None)

    def on_text(self, payload: bytes) -> None:
        if not self.is_open:
            return
        self._heard = time.monotonic()
        try:
            message = orjson.loads(payload)
        except orjson.JSONDecodeError:
            message = None
        given = message.get("id") if isinstance(message, dict) else None
        name = given if isinstance(given, str) else str(given) if isinstance(given, int) else ""
        if not self._meter.allow(time.monotonic_ns()):
            self._refuse(name, "too many messages")
            return
        if not isinstance(message, dict):
            self._refuse(name, "invalid request")
            return
        word = "op" if message.get("op") == "ping" else "type"
        if message.get(word) == "ping":
            stamp = self.hub.exchange.wall_ns()
            self.send(orjson.dumps({"id": name, word: "pong", "ts": stamp}))
            return
        self._change(name, message)

    def _change(self, name: str, message: dict[str, Any]) -> None:
        action = message.get("action")
        action = action.upper() if isinstance(action, str) else ""
        if action not in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            return self._refuse(name, "invalid action")
        if message.get("channel") != CHANNEL:
            return self._refuse(name, "unsupported channel")
        if message.get("tradeType") != "SPOT":
            return self._refuse(name, "invalid tradeType")
        named = message.get("symbols") or [message.get("symbol")]
        if not isinstance(named, list) or any(symbol != self.hub.symbol for symbol in named):
            return self._refuse(name, "symbol not exists")
        depth = str(message.get("depth"))
        if depth not in DEPTHS:
            return self._refuse(name, "invalid depth")
        add = action == "SUBSCRIBE"
        if add and self.hub.count(self) >= self.hub.settings.max_topics:
            return self._refuse(name, "too many topics")
        self._answer({"id": name, "result": True})
        if add:
            self.hub.add(self, depth)
        else:
            self.hub.remove(self, depth)
        return None

    def _refuse(self, name: str, why: str) -> None:
        self._answer({"id": name, "result": False, "message": why})

    def _answer(self, body: Json) -> None:
        self.send(orjson.dumps(body))

    def _check_silence(self) -> None:
        left = self._heard + self.hub.settings.silence_s - time.monotonic()
        if left > 0:
            self.later(left, self._check_silence)
        else:
            self.close()
