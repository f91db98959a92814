"""Rules about WebSockets: around each listener of a face, and around the transport it sends by."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.faults import damage, orders, replies, words
from xrpfast.simulation.faults.engine import Faults
from xrpfast.simulation.faults.http import reset
from xrpfast.simulation.faults.occasion import Occasion, Standing
from xrpfast.simulation.faults.rules import Rule
from xrpfast.simulation.fragments import Broken, Fragments, Message

_TEXT: Final[Any] = int(WSMsgType.TEXT.value)
_PING: Final[Any] = int(WSMsgType.PING.value)
ABNORMAL: Final = 1006
MAX_WAITING: Final = 1_000
"""Requests whose reply a rule still waits for, per socket."""


class FaultyTransport:
    """A transport whose frames pass the rules; all else is the real one's."""

    def __init__(self, real: WSTransport, owner: FaultySocket) -> None:
        self._real = real
        self._owner = owner
        self._closing = real.underlying_transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def send(self, kind: WSMsgType, message: Any, *more: Any) -> None:
        if self._closing():
            return  # lost within this turn of the loop: its listener has not heard yet
        owner = self._owner
        if owner.quiet:
            self._real.send(kind, message, *more)
        else:
            owner.outgoing(kind, message)

    def send_ping(self, message: Any = b"") -> None:
        if not self._owner.silent:
            self._real.send_ping(message)

    def send_close(self, *given: Any) -> None:
        if not self._owner.silent:
            self._real.send_close(*given)


class FaultySocket(WSListener):
    """Stands between picows and a face's listener."""

    def __init__(
        self,
        inner: WSListener,
        faults: Faults,
        exchange: Exchange,
        venue: str,
        kind: str,
        number: int,
        on_gone: Callable[[FaultySocket], None],
    ) -> None:
        self.inner = inner
        self.kind = kind
        self.number = number
        self.silent = False
        self._faults = faults
        self._exchange = exchange
        self._venue = venue
        self._on_gone = on_gone
        self._real: WSTransport | None = None
        self._wrapped: Any = None
        self._waiting: dict[Any, tuple[Mapping[str, Any], list[Rule]]] = {}
        self._held: tuple[Any, bytes] | None = None
        self._fragments = Fragments()

    @property
    def quiet(self) -> bool:
        """No rule can touch this socket now."""
        return not (
            self._faults.frames or self._waiting or self._held or self.silent
            or self._faults.requests
        )  # fmt: skip

    @property
    def occasion(self) -> Occasion:
        return Occasion(self._venue, "socket", connection=self.number, kind=self.kind)

    # --- picows -------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        raw = transport.underlying_transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._real = transport
        self._wrapped = FaultyTransport(transport, self)
        self.inner.on_ws_connected(self._wrapped)
        for standing in self._faults.standing("socket"):
            self.strike(standing)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._on_gone(self)
        self.inner.on_ws_disconnected(self._wrapped)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self.silent:
            return
        if frame.msg_type == _PING:
            transport.send_pong(frame.get_payload_as_bytes())
        try:
            message = self._fragments.whole(frame)
        except Broken as broken:
            transport.send_close(broken.code)
            transport.disconnect()
            return
        if message is not None:
            self._message(message)

    def _message(self, frame: Any) -> None:
        if not self._faults.requests or frame.msg_type != _TEXT:
            self.inner.on_ws_frame(self._wrapped, frame)
            return
        body = words.load(frame.get_payload_as_bytes())
        asked = body and words.ws_request(self._venue, self.kind, self.number, body)
        rules = self._faults.strike(asked) if asked else []
        if not rules:
            self.inner.on_ws_frame(self._wrapped, frame)
            return
        assert body is not None
        self._request(Message(frame.msg_type, frame.get_payload_as_bytes()), body, rules)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    # --- requests -----------------------------------------------------------------------------

    def _request(self, frame: Any, body: Mapping[str, Any], rules: list[Rule]) -> None:
        wait = 0.0
        for rule in rules:
            if rule.point != "before_accept":
                continue
            if rule.action == "delay":
                wait += orders.delay_seconds(rule)
            elif rule.action == "reply":
                self._send(_TEXT, replies.ws(self._venue, body, rule.params))
                return
            elif rule.action == "drop":
                return
            elif rule.action in ("close", "reset"):
                self.end(rule)
                return
            else:
                orders.strike(self._exchange, rule, _params(body))
        later = [rule for rule in rules if rule.point != "before_accept"]
        if later and len(self._waiting) < MAX_WAITING and _hashable(body.get("id")):
            self._waiting[body.get("id")] = (body, later)
        if wait:
            asyncio.get_running_loop().call_later(wait, self._handle, frame, later)
        else:
            self._handle(frame, later)

    def _handle(self, frame: Any, rules: list[Rule]) -> None:
        if self._real is None or self._real.is_disconnected:
            # The request was on its way when the socket broke: the venue still has it.
            self._wrapped = _Deaf(self._wrapped)
        defer = any(rule.point == "after_accept_before_reply" for rule in rules)
        if not defer:
            self.inner.on_ws_frame(self._wrapped, frame)
            return
        self._exchange.deferring = True
        try:
            self.inner.on_ws_frame(self._wrapped, frame)
        finally:
            self._exchange.deferring = False
        wait = orders.match_seconds(rules)
        if wait:
            asyncio.get_running_loop().call_later(wait, self._exchange.match_deferred)
        else:
            self._exchange.match_deferred()

    def _reply(self, payload: bytes, body: Mapping[str, Any], rules: list[Rule]) -> None:
        """A reply on its way out through its rules."""
        wait, copies = 0.0, 1
        for rule in rules:
            if rule.point == "after_reply":
                continue
            if rule.action == "delay":
                wait += orders.delay_seconds(rule)
            elif rule.action == "drop":
                return
            elif rule.action in ("close", "reset"):
                self.end(rule)
                return
            elif rule.action == "reply":
                payload = replies.ws(self._venue, body, rule.params)
            elif rule.action == "mutate":
                payload = damage.set_fields(payload, rule.params["set"])
            elif rule.action == "duplicate":
                copies += 1
            else:
                orders.strike(self._exchange, rule, _params(body))
        for _ in range(copies):
            self._send_later(wait, _TEXT, payload)
        for rule in rules:
            if rule.point == "after_reply":
                loop = asyncio.get_running_loop()
                loop.call_later(wait + orders.delay_seconds(rule), self._after, rule, body)

    def _after(self, rule: Rule, body: Mapping[str, Any]) -> None:
        if rule.action in ("close", "reset"):
            self.end(rule)
        else:
            orders.strike(self._exchange, rule, _params(body))

    # --- frames -------------------------------------------------------------------------------

    def outgoing(self, kind: Any, message: Any) -> None:
        """A frame of the face on its way out."""
        if self.silent:
            return
        payload = bytes(message)
        body = words.load(payload) if int(kind) == _TEXT else None
        if body is not None and "id" in body:
            waiting = self._waiting.get(body["id"]) if _hashable(body["id"]) else None
            if waiting is not None and words.is_reply(body, body["id"]):
                del self._waiting[body["id"]]
                self._reply(payload, *waiting)
                return
        rules = []
        if self._faults.frames:
            seen = words.frame(self._venue, self.kind, self.number, body)
            rules = self._faults.strike(seen)
        self._frame(kind, payload, rules)

    def _frame(self, kind: Any, payload: bytes, rules: list[Rule]) -> None:
        wait, copies, swap, ends = 0.0, 1, False, None
        for rule in rules:
            if rule.action == "drop":
                return
            if rule.action == "delay":
                wait += orders.delay_seconds(rule)
            elif rule.action == "duplicate":
                copies += rule.params.get("times", 1)
            elif rule.action == "swap":
                swap = True
            elif rule.action == "mutate":
                payload = damage.set_fields(payload, rule.params["set"])
            elif rule.action == "corrupt":
                payload = damage.corrupt(payload, rule.params)
            elif rule.action == "replace":
                payload = rule.params["text"].encode()
            else:
                ends = rule
        if swap and self._held is None:
            self._held = (kind, payload)
            return
        for _ in range(copies):
            self._send_later(wait, kind, payload)
        if self._held is not None:
            held, self._held = self._held, None
            self._send(*held)
        if ends is not None:
            self.end(ends)

    def _send_later(self, wait: float, kind: Any, payload: bytes) -> None:
        if wait:
            asyncio.get_running_loop().call_later(wait, self._send, kind, payload)
        else:
            self._send(kind, payload)

    def _send(self, kind: Any, payload: bytes) -> None:
        real = self._real
        if real is not None and not real.is_disconnected and not real.is_close_frame_sent:
            real.send(kind, payload)

    # --- sockets ------------------------------------------------------------------------------

    def strike(self, standing: Standing) -> None:
        """A rule about sockets, when it begins or when this one connects."""
        if standing.rule.action == "refuse" or not standing.strikes(self.occasion):
            return
        self._faults.note(standing, f"{self.kind} {self.number}")
        if standing.rule.action == "silence":
            self.silent = True
        else:
            self.end(standing.rule)

    def drop(self) -> None:
        """The end without a word."""
        if self._real is not None:
            self._real.disconnect(graceful=False)

    def end(self, rule: Rule | None = None) -> None:
        """Ends the socket: by a close frame when the rule says close, else by RST."""
        real = self._real
        if real is None or real.is_disconnected:
            return
        if rule is not None and rule.action == "close":
            code = rule.params.get("code", 1000)
            if code == ABNORMAL:  # no frame may carry it: just the end
                real.disconnect(graceful=False)
                return
            real.send_close(WSCloseCode(code), rule.params.get("reason", "").encode())
            real.disconnect()
        else:
            reset(real.underlying_transport)


class _Deaf:
    """A transport of a socket that is gone: a face may still answer into it."""

    is_disconnected = True
    is_close_frame_sent = True

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def send(self, *_: Any) -> None: ...

    def send_close(self, *_: Any) -> None: ...

    def disconnect(self, *_: Any, **__: Any) -> None: ...


def _params(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found = body.get("params") or body.get("args")
    return found if isinstance(found, Mapping) else {}


def _hashable(value: object) -> bool:
    return isinstance(value, str | int | None)
