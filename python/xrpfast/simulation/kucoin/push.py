"""The push socket: welcome, subscriptions, ping and pong; who gets which frame.

What a frame says is made elsewhere (`market_feed`, `private_feed`); here it is carried.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

import msgspec
import orjson

from xrpfast.simulation.account import Account

from . import errors, topics
from .auth import TokenStore
from .limits import MessageMeter
from .session import Session

PING_INTERVAL_MS: Final = 18_000
PING_TIMEOUT_MS: Final = 10_000


class PushSettings(msgspec.Struct):
    """What the venue lets a push socket do; faults and tests change it."""

    ping_interval_ms: int = PING_INTERVAL_MS
    """How often the token tells a client to ping."""
    ping_timeout_ms: int = PING_TIMEOUT_MS
    silence_s: float = 60.0
    """Without client traffic for so long the server says ``ping timeout`` and closes."""
    welcome_delay_s: float = 0.0
    max_topics: int = topics.MAX_PER_SESSION
    max_sessions: int = 800
    """Sockets of one customer; public ones of one address."""
    messages_per_10_s: int = 100
    max_age_s: float | None = None
    """The server ends a socket that is as old; real ones live for days."""


class PushHub:
    """All push sockets of the venue and their subscriptions."""

    def __init__(self, clock: Callable[[], int], settings: PushSettings | None = None) -> None:
        self.settings = settings or PushSettings()
        self.clock = clock
        self.tokens: TokenStore[Account] = TokenStore()
        self.sessions: dict[PushSession, None] = {}
        self.dropped = 0
        self.public_open = True
        """Whether sockets without an account are let in."""
        self.on_first: Callable[[str, PushSession], None] | None = None
        self._public: dict[str, dict[PushSession, None]] = {}

    def open(self, raw_query: str) -> PushSession | None:
        """A session for a connecting client; a bad token is answered in the socket. None: the
        public part is closed."""
        fields = parse_qs(raw_query)
        token_text = fields.get("token", [""])[0]
        token = self.tokens.check(token_text, self.now_ms())
        connect_id = fields.get("connectId", [""])[0] or secrets.token_hex(5)
        account = token.account if token is not None else None
        if token is not None and account is None and not self.public_open:
            return None
        return PushSession(self, connect_id, account, refused=token is None)

    def now_ms(self) -> int:
        return self.clock() // 1_000_000

    def watched(self, topic: str) -> bool:
        """Is there anybody to make a frame for?"""
        return topic in self._public

    def publish(self, topic: str, data: bytes) -> None:
        """A frame to every subscriber, at once; those who read too slowly miss it silently."""
        watchers = self._public.get(topic)
        if watchers is None:
            return
        for session in tuple(watchers):
            if session.congested:
                self.dropped += 1
            else:
                session.send(data)

    def publish_private(self, account: Account, topic: str, data: bytes) -> None:
        """A frame to the sockets of one account that subscribed to it."""
        for session in tuple(self.sessions):
            if session.account is account and topic in session.topics:
                session.send(data)

    def add(self, session: PushSession, topic: str) -> None:
        session.topics[topic] = None
        if topic not in topics.PRIVATE:
            self._public.setdefault(topic, {})[session] = None
        if self.on_first is not None:
            self.on_first(topic, session)

    def remove(self, session: PushSession, topic: str) -> None:
        session.topics.pop(topic, None)
        watchers = self._public.get(topic)
        if watchers is not None:
            watchers.pop(session, None)
            if not watchers:
                del self._public[topic]

    def count(self, session: PushSession) -> int:
        """Open sockets of the same customer, or public ones of the same address."""
        account, address = session.account, session.address
        return sum(
            other.account is account and (account is not None or other.address == address)
            for other in self.sessions
        )

    def drop_public(self) -> None:
        """Cuts the sockets without an account."""
        for session in tuple(self.sessions):
            if session.account is None:
                session.drop()

    def drop_all(self) -> None:
        """Closes every socket, as on a server restart."""
        for session in tuple(self.sessions):
            session.close()


class PushSession(Session):
    """One client of the push socket."""

    def __init__(
        self, hub: PushHub, connect_id: str, account: Account | None, *, refused: bool
    ) -> None:
        super().__init__()
        self.hub = hub
        self.account = account
        self.topics: dict[str, None] = {}
        self._connect_id = connect_id
        self._refused = refused
        self._meter = MessageMeter(hub.settings.messages_per_10_s)
        self._heard = 0.0

    def on_open(self) -> None:
        settings = self.hub.settings
        if self._refused:
            self._refuse(errors.TOKEN_INVALID)
            return
        if self.hub.count(self) >= settings.max_sessions:
            self._refused = True
            self._refuse(errors.TOO_MANY_SESSIONS)
            return
        self.hub.sessions[self] = None
        self._heard = time.monotonic()
        self.later(settings.silence_s, self._check_silence)
        self.grow_old()
        if settings.welcome_delay_s:
            self.later(settings.welcome_delay_s, self._welcome)
        else:
            self._welcome()

    def grow_old(self) -> None:
        """The socket ends once it is as old as sockets get, if that still holds then."""
        if self.hub.settings.max_age_s is not None:
            self.later(self.hub.settings.max_age_s, self._check_age)

    def _check_age(self) -> None:
        if self.hub.settings.max_age_s is not None:
            self.close()

    def on_gone(self) -> None:
        for topic in tuple(self.topics):
            self.hub.remove(self, topic)
        self.hub.sessions.pop(self, None)

    def on_text(self, payload: bytes) -> None:
        if not self.is_open or self._refused:
            return
        self._heard = time.monotonic()
        try:
            message = orjson.loads(payload)
        except orjson.JSONDecodeError:
            message = None
        given = message.get("id") if isinstance(message, dict) else secrets.token_hex(5)
        name = given if isinstance(given, str) else str(given) if isinstance(given, int) else ""
        if not self._meter.allow(time.monotonic_ns()):
            self._error(name, errors.TOO_MANY_MESSAGES)
            return
        if not isinstance(message, dict):
            self._error(name, errors.TOPIC_INVALID)
            return
        kind = message.get("type")
        if kind == "ping":
            stamp = self.hub.clock() // 1_000
            self.send(orjson.dumps({"id": name, "type": "pong", "timestamp": stamp}))
        elif kind == "subscribe" or kind == "unsubscribe":
            self._change(name, kind == "subscribe", message)
        else:
            self._error(name, errors.COMMAND_INVALID)

    def _change(self, name: str, add: bool, message: dict[str, object]) -> None:
        wish = topics.parse(message.get("topic"))
        if isinstance(wish, errors.PushReason):
            self._error(name, wish)
            return
        if wish.private and self.account is None:
            self._error(name, errors.LOGIN_REQUIRED)
            return
        fresh = [topic for topic in wish.topics if topic not in self.topics]
        if add and len(self.topics) + len(fresh) > self.hub.settings.max_topics:
            self._error(name, errors.TOO_MANY_SUBSCRIBED)
            return
        # The ack leaves before the first frame; a topic asked for twice is one stream.
        if message.get("response") in (True, "true"):
            self.send(orjson.dumps({"id": name, "type": "ack"}))
        for topic in fresh if add else wish.topics:
            if add:
                self.hub.add(self, topic)
            else:
                self.hub.remove(self, topic)

    def _welcome(self) -> None:
        self.send(orjson.dumps({"id": self._connect_id, "type": "welcome"}))

    def _check_silence(self) -> None:
        left = self._heard + self.hub.settings.silence_s - time.monotonic()
        if left > 0:
            self.later(left, self._check_silence)
            return
        self._error(self._connect_id, errors.PING_TIMEOUT)
        self.close()

    def _refuse(self, reason: errors.PushReason) -> None:
        self._error(self._connect_id, reason)
        self.close()

    def _error(self, name: str, reason: errors.PushReason) -> None:
        body = {"id": name, "type": "error", "code": reason.code, "data": reason.data}
        self.send(orjson.dumps(body))
