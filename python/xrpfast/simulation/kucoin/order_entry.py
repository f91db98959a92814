"""WebSocket order entry: the session challenge, then requests by id and their replies."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson
from picows import WSFrame, WSTransport

from xrpfast.simulation.account import Account
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import OrderHook

from . import errors, order_objects
from .auth import ApiKey, KeyRing, same, sign
from .limits import SPOT, Pools, Quota
from .orders import Orders
from .push import PING_INTERVAL_MS, PING_TIMEOUT_MS
from .session import Session
from .wire import Json

CHALLENGE_S: Final = 30.0
SILENCE_S: Final = 60.0

_LOG = logging.getLogger("xrpfast.simulation.kucoin")


class OrderEntry:
    """All order-entry sockets of the venue."""

    def __init__(
        self, exchange: Exchange, keys: KeyRing[Account], pools: Pools, orders: Orders
    ) -> None:
        self.exchange = exchange
        self.keys = keys
        self.pools = pools
        self.orders = orders
        self.challenge_s = CHALLENGE_S
        self.silence_s = SILENCE_S
        self.max_age_s: float | None = None
        """The server ends a session that is as old, when set."""
        self.on_order_frame: OrderHook | None = None
        """Measurements: told of each request first thing (`OrderHook`)."""
        self.sessions: dict[OrderEntrySession, None] = {}

    def open(self, raw_query: str) -> OrderEntrySession:
        """A session for a connecting client; a bad URL is answered in the socket."""
        try:
            return OrderEntrySession(self, self.keys.check_order_entry(raw_query, self.now_ms()))
        except errors.Refused as refused:
            return OrderEntrySession(self, None, refused)

    def now_ms(self) -> int:
        return self.exchange.wall_ns() // 1_000_000


class OrderEntrySession(Session):
    """One client of order entry."""

    def __init__(
        self,
        entry: OrderEntry,
        key: ApiKey[Account] | None,
        refused: errors.Refused | None = None,
    ) -> None:
        super().__init__()
        self.entry = entry
        self._key = key
        self._refused = refused
        self._session_id = str(uuid.uuid4())
        self._challenge = ""
        self._ready = False
        self._heard = 0.0
        self._received_ns = 0

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self._received_ns = time.monotonic_ns()
        super().on_ws_frame(transport, frame)

    def on_open(self) -> None:
        if self._refused is not None:
            self._fail(self._refused)
            return
        self.entry.sessions[self] = None
        # The blanks are the page's; a client must sign the text as it came.
        stamp = self.entry.now_ms()
        self._challenge = f'{{"sessionId":"{self._session_id}", "timestamp": {stamp}}}'
        self.send(self._challenge.encode())
        self.later(self.entry.challenge_s, self._check_challenge)
        self.grow_old()

    def grow_old(self) -> None:
        """The session ends once it is as old as sessions get, if that still holds then."""
        if self.entry.max_age_s is not None:
            self.later(self.entry.max_age_s, self._check_age)

    def _check_age(self) -> None:
        if self.entry.max_age_s is not None:
            self.end(errors.STOPPING)

    def on_gone(self) -> None:
        self.entry.sessions.pop(self, None)

    def on_text(self, payload: bytes) -> None:
        if self._key is None or not self.is_open:
            return
        self._heard = self._received_ns / 1e9
        if self._ready:
            hook = self.entry.on_order_frame
            key = self._key
            if hook is None or not hook(self._received_ns, lambda: self._answer(key, payload)):
                self._answer(key, payload)
        elif same(payload.decode("utf-8", "replace"), sign(self._key.secret, self._challenge)):
            self._ready = True
            self.later(self.entry.silence_s, self._check_silence)
            welcome = {
                "sessionId": self._session_id,
                "data": "welcome",
                "pingInterval": PING_INTERVAL_MS,
                "pingTimeout": PING_TIMEOUT_MS,
            }
            self.send(orjson.dumps(welcome))
        else:
            self._fail(errors.SESSION_SIGN.refuse())

    def end(self, reason: errors.Reason, lead_s: float = 0.0) -> None:
        """An error without id, and after ``lead_s`` the close."""
        self._fail(reason.refuse(), lead_s)

    # --- requests -----------------------------------------------------------------------------

    def _answer(self, key: ApiKey[Account], payload: bytes) -> None:
        in_ms = self.entry.now_ms()
        reply: Json = {}
        quota: Quota | None = None
        try:
            request = _request(payload)
            name, op = request["id"], request["op"]
            reply = {"id": name, "op": op}
            if op == "ping":
                reply["timestamp"] = in_ms
                self.send(orjson.dumps({"id": name, "op": "pong", "timestamp": in_ms}))
                return
            known = OPS.get(op)
            if known is None:
                raise errors.REQUEST_PARAMETER.refuse(f"op '{op}' is not supported.")
            key.require(known.permission)
            quota = self.entry.pools.charge(SPOT, str(key.account.uid), known.weight, in_ms)
            if not quota.allowed:
                raise errors.TOO_MANY.refuse()
            data = known.call(self.entry.orders, key.account, request.get("args"))
            reply |= {"code": "200000", "data": data}
        except errors.Refused as refused:
            reply |= refused.body()
        except Exception:
            # The venue's own word for a fault of ours; the log has what happened.
            _LOG.exception("order entry")
            reply |= errors.INTERNAL.refuse().body()
        reply["inTime"] = in_ms
        reply["outTime"] = self.entry.now_ms()
        if quota is not None:
            reply["userRateLimit"] = quota.block()
        self.send(orjson.dumps(reply))

    def _fail(self, refused: errors.Refused, lead_s: float = 0.0) -> None:
        """Errors of the session itself carry neither id nor op; then the socket ends."""
        now = self.entry.now_ms()
        self.send(orjson.dumps({**refused.body(), "inTime": now, "outTime": now}))
        if lead_s:
            self.later(lead_s, self.close)
        else:
            self.close()

    def _check_challenge(self) -> None:
        if not self._ready:
            self._fail(errors.SESSION_LATE.refuse())

    def _check_silence(self) -> None:
        left = self._heard + self.entry.silence_s - time.monotonic()
        if left > 0:
            self.later(left, self._check_silence)
        else:
            self.close()


def _request(payload: bytes) -> Json:
    try:
        request = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise errors.REQUEST_DATA.refuse() from None
    if not isinstance(request, dict):
        raise errors.REQUEST_DATA.refuse()
    for field in ("id", "op"):
        value = request.get(field)
        if not isinstance(value, str) or not value:
            raise errors.REQUEST_PARAMETER.refuse(f"Field '{field}' must be a non-empty string.")
    return request


@dataclass(frozen=True, slots=True)
class Op:
    """One op: what the key must be allowed, its weight, who does it."""

    call: Callable[[Orders, Account, object], Json]
    permission: str = "Spot"
    weight: int = 1


def _place(orders: Orders, account: Account, args: object) -> Json:
    return order_objects.placed(orders.place(account, args))


def _place_sync(orders: Orders, account: Account, args: object) -> Json:
    return order_objects.placed_sync(orders.wire, orders.place(account, args))


def _cancel(orders: Orders, account: Account, args: object) -> Json:
    return orders.cancel(account, args)[1]


def _cancel_sync(orders: Orders, account: Account, args: object) -> Json:
    order, named = orders.cancel(account, args)
    return {**named, **order_objects.outcome(orders.wire, order)}


def _modify(orders: Orders, account: Account, args: object) -> Json:
    return orders.alter(account, args)


def _not_here(orders: Orders, account: Account, args: object) -> Json:
    """Margin and futures are traded elsewhere, whatever the key may do."""
    raise errors.UID_PERMISSION.refuse()


def _not_unified(orders: Orders, account: Account, args: object) -> Json:
    raise errors.NOT_UNIFIED.refuse()


OPS: Final = {
    "spot.order": Op(_place),
    "spot.sync_order": Op(_place_sync),
    "spot.cancel": Op(_cancel),
    "spot.sync_cancel": Op(_cancel_sync),
    "spot.modify": Op(_modify),
    "uta.order": Op(_not_unified),
    "uta.cancel": Op(_not_unified),
    "uta.amend": Op(_not_unified),
    "margin.order": Op(_not_here, "Margin"),
    "margin.cancel": Op(_not_here, "Margin"),
    "futures.order": Op(_not_here, "Futures"),
    "futures.cancel": Op(_not_here, "Futures"),
    "futures.multi_order": Op(_not_here, "Futures"),
    "futures.multi_cancel": Op(_not_here, "Futures"),
}
