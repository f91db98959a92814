"""A WebSocket API connection as its customer knows it: logon, user data subscriptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from xrpfast.simulation.account import Account
from xrpfast.simulation.binance import errors
from xrpfast.simulation.binance.call import Call, Endpoint
from xrpfast.simulation.binance.errors import BinanceError
from xrpfast.simulation.binance.keys import ApiKey, KeyRing, authenticate
from xrpfast.simulation.binance.params import Params
from xrpfast.simulation.binance.wire import Json, Wire

MAX_ACTIVE: Final = 1_000
MAX_SUBSCRIPTIONS: Final = 65_535


class Session:
    """The state of one connection; ``send`` puts a message on its socket."""

    def __init__(
        self, send: Callable[[Any], None], connected_ns: int, wire: Wire, *, tells_limits: bool
    ) -> None:
        self.send = send
        self.connected_ns = connected_ns
        self.wire = wire
        self.tells_limits = tells_limits
        """Whether replies carry `rateLimits` unless a request says otherwise."""
        self.key: ApiKey | None = None
        self.authorized_ns = 0
        self.subscriptions: dict[int, Account] = {}
        self.of_logon: int | None = None
        """The subscription that ends with the logon."""
        self._next = 0

    def who(self, keys: KeyRing, params: Params) -> ApiKey:
        """Who sends a signed request: the key that it names, else the one that logged on.

        Raises -1102, -2014, -2015, -1022.
        """
        if self.key is None or params.has("apiKey") or params.has("signature"):
            return authenticate(keys, params.need("apiKey"), params.signed_text(), params)
        return keys.find(self.key.text)

    def subscribe(self, account: Account) -> int:
        """A subscription to a customer's user data; raises -2035, -2042."""
        if account in self.subscriptions.values():
            raise BinanceError(400, -2035, "User Data Stream subscription already active.")
        if self._next >= MAX_SUBSCRIPTIONS or len(self.subscriptions) >= MAX_ACTIVE:
            text = "Maximum subscription ID reached for this connection."
            raise BinanceError(400, -2042, text)
        number = self._next
        self._next += 1
        self.subscriptions[number] = account
        return number

    def end(self, number: int, now_ns: int) -> None:
        """Ends a subscription and says so."""
        del self.subscriptions[number]
        if number == self.of_logon:
            self.of_logon = None
        event = {"e": "eventStreamTerminated", "E": self.wire.time(now_ns)}
        self.send({"subscriptionId": number, "event": event})

    def tell(self, account: Account, event: Callable[[Wire], Json]) -> None:
        """Sends an event to the subscriptions of a customer."""
        for number, owner in self.subscriptions.items():
            if owner is account:
                self.send({"subscriptionId": number, "event": event(self.wire)})


def _described(call: Call) -> Json:
    session = _session(call)
    wire, key = call.wire, session.key
    return {
        "apiKey": None if key is None else key.text,
        "authorizedSince": None if key is None else wire.time(session.authorized_ns),
        "connectedSince": wire.time(session.connected_ns),
        "returnRateLimits": session.tells_limits,
        "serverTime": wire.time(call.venue.exchange.wall_ns()),
        "userDataStream": bool(session.subscriptions),
    }


def _logon(call: Call) -> Json:
    session = _session(call)
    assert call.key is not None
    if call.key.kind != "ED25519":
        raise errors.hmac_logon()
    session.key, session.authorized_ns = call.key, call.venue.exchange.wall_ns()
    return _described(call)


def _logout(call: Call) -> Json:
    session = _session(call)
    session.key = None
    if session.of_logon is not None:
        session.end(session.of_logon, call.venue.exchange.wall_ns())
    return _described(call)


def _subscriptions(call: Call) -> list[Json]:
    return [{"subscriptionId": number} for number in _session(call).subscriptions]


def _subscribe(call: Call) -> Json:
    session = _session(call)
    if session.key is None:
        raise errors.unauthorized()
    number = session.subscribe(call.venue.keys.find(session.key.text).account)
    session.of_logon = number
    return {"subscriptionId": number}


def _subscribe_signature(call: Call) -> Json:
    call.params.need("apiKey")
    return {"subscriptionId": _session(call).subscribe(call.account)}


def _unsubscribe(call: Call) -> Json:
    session = _session(call)
    number = call.params.integer("subscriptionId")
    if number is not None and number not in session.subscriptions:
        raise BinanceError(400, -2036, "User Data Stream subscription not active.")
    for ended in list(session.subscriptions) if number is None else [number]:
        session.end(ended, call.venue.exchange.wall_ns())
    return {}


def _session(call: Call) -> Session:
    assert call.session is not None, "of the WebSocket API alone"
    return call.session


ENDPOINTS: Final = (
    Endpoint(ws="session.logon", handle=_logon, weight=2, signed=True),
    Endpoint(ws="session.status", handle=_described, weight=2),
    Endpoint(ws="session.logout", handle=_logout, weight=2),
    Endpoint(ws="session.subscriptions", handle=_subscriptions, weight=2),
    Endpoint(ws="userDataStream.subscribe", handle=_subscribe, weight=2),
    Endpoint(
        ws="userDataStream.subscribe.signature", handle=_subscribe_signature, weight=2,
        signed=True,
    ),
    Endpoint(ws="userDataStream.unsubscribe", handle=_unsubscribe, weight=2),
)  # fmt: skip
