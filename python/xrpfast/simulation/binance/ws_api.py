"""The WebSocket API: orders, queries, user-data subscriptions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.binance import wire
from xrpfast.simulation.binance.connection_life import (
    ConnectionLife,
    Connections,
    ConnectionSettings,
)
from xrpfast.simulation.binance.limits import ORDER_CALLS, Counts, method_weight
from xrpfast.simulation.binance.market_data import CALLS, METHODS, Market
from xrpfast.simulation.binance.requests import (
    BinanceError,
    authenticate,
    cancel,
    check_symbol,
    find,
    place,
    query,
)
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Fill, Order, OrderHook, Trade

Json = dict[str, Any]
REQUEST_ID = re.compile(r"^[a-zA-Z0-9-_]{1,36}$")
BAD_FRAMES = 5
ORDER_METHODS = {"order.place"}


class WsApi:
    """Every connection of the WebSocket API; a `Listener` of the exchange."""

    def __init__(
        self,
        exchange: Exchange,
        counts: Counts,
        exchange_info: Callable[[], Json],
        market: Market,
    ) -> None:
        self.exchange = exchange
        self.market = market
        self.counts = counts
        self.exchange_info = exchange_info
        self.connections: set[WsApiConnection] = set()
        self.sockets = Connections(
            ConnectionSettings(messages_per_s=None), lambda: exchange.wall_ns() // wire.MS
        )
        self.on_order_frame: OrderHook | None = None
        """Measurements: told of each frame first thing (`OrderHook`)."""
        self._execution = 1_800_000_000
        self._orders = 0

    def fresh_id(self) -> str:
        """A client id for an order or cancel that brings none."""
        self._orders += 1
        return f"mock{self._orders:018d}"

    # --- the exchange's listener ----------------------------------------------------------------

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None:
        if kind in ("open", "filled"):
            return
        self._execution += 1
        cancel_id = order.extra.get("cancel_id", "") if kind == "cancelled" else ""
        self._event(
            order.account,
            wire.execution_report(
                kind, order, fill, self._execution, cancel_id, self.exchange.rules
            ),
        )

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None:
        now = self.exchange.wall_ns() // wire.MS
        for change in changes:
            moved = wire.moved_by_others(change, now)
            if moved is not None:
                self._event(account, moved)
        rows = [wire.balance(asset, account) for asset in sorted({c.asset for c in changes})]
        self._event(
            account,
            {
                "e": "outboundAccountPosition",
                "E": now,
                "u": now,
                "B": [{"a": row["asset"], "f": row["free"], "l": row["locked"]} for row in rows],
            },
        )

    def on_trade(self, trade: Trade) -> None: ...

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None: ...

    def _event(self, account: Account, event: Json) -> None:
        for connection in list(self.connections):
            for number, owner in connection.subscriptions.items():
                if owner is account:
                    connection.send({"subscriptionId": number, "event": event})


class WsApiConnection(WSListener):
    """One socket of `/ws-api/v3`."""

    def __init__(self, api: WsApi) -> None:
        self._api = api
        self._transport: WSTransport | None = None
        self.subscriptions: dict[int, Account] = {}
        self._next_subscription = 0
        self._bad_frames = 0
        self._methods: dict[str, Callable[[Json], Any]] = {
            "ping": lambda _: {},
            "time": lambda _: {"serverTime": api.exchange.wall_ns() // wire.MS},
            "exchangeInfo": lambda _: api.exchange_info(),
            **{call.method: partial(call.answer, api.market) for call in CALLS},
            "order.place": self._place,
            "order.test": self._test,
            "order.cancel": self._cancel,
            "order.status": self._status,
            "openOrders.status": self._open_orders,
            "openOrders.cancelAll": self._cancel_all,
            "account.status": self._account,
            "myTrades": self._my_trades,
            "session.status": lambda _: self._session(),
            "userDataStream.subscribe": self._subscribe_session,
            "userDataStream.subscribe.signature": self._subscribe,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._life = ConnectionLife(self._api.sockets, transport, self._announce)
        self._connected_ms = self._api.exchange.wall_ns() // wire.MS
        self._api.connections.add(self)
        self._api.counts.add("WEIGHT", 2)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._api.connections.discard(self)
        self._life.closed()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._life.take(frame):
            received = time.monotonic_ns()
            payload = frame.get_payload_as_bytes()
            hook = self._api.on_order_frame
            if hook is None or not hook(received, lambda: self._handle(payload)):
                self._handle(payload)

    def _announce(self, now_ms: int) -> None:
        self.send({"event": {"e": "serverShutdown", "E": now_ms}})

    def send(self, message: Json) -> None:
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, orjson.dumps(message))

    def _handle(self, payload: bytes) -> None:
        try:
            request = orjson.loads(payload)
            number = request["id"] if isinstance(request, dict) else ()
        except (orjson.JSONDecodeError, KeyError):
            number = ()
        if not _usable(number):
            self._bad_frame()
            return
        params = request.get("params") or {}
        method = str(request.get("method", "")).removeprefix("v3/")
        reply: Json = {"id": number}
        try:
            handler = self._methods.get(method)
            if handler is None:
                raise BinanceError(404, -1000, f"Unknown method '{method}'.")
            if not isinstance(params, dict):
                raise BinanceError(400, -1100, "Illegal characters found in a parameter.")
            market_query = METHODS.get(method)
            weight = method_weight(method) if market_query is None else market_query.weight(params)
            self._api.counts.add("WEIGHT", weight)
            reply |= {"status": 200, "result": handler(params)}
        except BinanceError as error:
            self._api.counts.add("WEIGHT", 1 if method in ORDER_CALLS else 0)
            reply |= {"status": error.status, "error": error.body}
        if not method.startswith(("session.", "userDataStream.")) and (
            not isinstance(params, dict) or params.get("returnRateLimits") is not False
        ):
            reply["rateLimits"] = self._api.counts.rows(orders=method in ORDER_METHODS)
        self.send(reply)

    def _bad_frame(self) -> None:
        text = "Illegal characters found in parameter 'id'; legal range is '^[a-zA-Z0-9-_]{1,36}$'."
        self.send({"id": None, "status": 400, "error": {"code": -1135, "msg": text}})
        self._bad_frames += 1
        if self._bad_frames >= BAD_FRAMES and self._transport is not None:
            self._transport.send_close(WSCloseCode.POLICY_VIOLATION, b"disconnected")
            self._transport.disconnect()

    def _signed(self, params: Json) -> Account:
        parts = (f"{key}={_scalar(params[key])}" for key in sorted(params) if key != "signature")
        payload = "&".join(parts).encode()
        return authenticate(self._api.exchange, params.get("apiKey"), payload, params)

    def _place(self, params: Json) -> Json:
        api, rules = self._api, self._api.exchange.rules
        account = self._signed(params)
        order = place(api.exchange, account, params, api.fresh_id(), test=False)
        assert order is not None
        api.counts.order()
        default = "ACK" if order.post_only else "FULL"
        kind = params.get("newOrderRespType", default)
        if kind == "ACK":
            return wire.ack(order, rules)
        if kind == "RESULT":
            return wire.result(order, rules)
        return wire.full(order, order.fills, rules)

    def _test(self, params: Json) -> Json:
        place(self._api.exchange, self._signed(params), params, "test", test=True)
        return {}

    def _cancel(self, params: Json) -> Json:
        exchange, account = self._api.exchange, self._signed(params)
        order = find(exchange, account, params)
        cancel_id = str(params.get("newClientOrderId") or self._api.fresh_id())
        return wire.cancelled(
            cancel(exchange, account, order, cancel_id), cancel_id, exchange.rules
        )

    def _cancel_all(self, params: Json) -> list[Json]:
        exchange, account = self._api.exchange, self._signed(params)
        check_symbol(exchange, params)
        orders = exchange.open_orders(account)
        if not orders:
            raise BinanceError(400, -2011, "Unknown order sent.")
        replies = []
        for order in orders:
            cancel_id = self._api.fresh_id()
            ended = cancel(exchange, account, order, cancel_id)
            replies.append(wire.cancelled(ended, cancel_id, exchange.rules))
        return replies

    def _status(self, params: Json) -> Json:
        exchange = self._api.exchange
        return wire.status(query(exchange, self._signed(params), params), exchange.rules)

    def _open_orders(self, params: Json) -> list[Json]:
        exchange, account = self._api.exchange, self._signed(params)
        if "symbol" in params:
            check_symbol(exchange, params)
        return [wire.status(order, exchange.rules) for order in exchange.open_orders(account)]

    def _account(self, params: Json) -> Json:
        exchange = self._api.exchange
        return wire.account(self._signed(params), exchange.rules, exchange.wall_ns() // wire.MS)

    def _my_trades(self, params: Json) -> list[Json]:
        exchange, account = self._api.exchange, self._signed(params)
        check_symbol(exchange, params)
        own = [fill for fill in exchange.fills if fill.order.account is account]
        return [wire.my_trade(fill, exchange.rules) for fill in own[-500:]]

    def _session(self) -> Json:
        return {
            "apiKey": None,
            "authorizedSince": None,
            "connectedSince": self._connected_ms,
            "returnRateLimits": True,
            "serverTime": self._api.exchange.wall_ns() // wire.MS,
            "userDataStream": bool(self.subscriptions),
        }

    def _subscribe_session(self, params: Json) -> Json:
        raise BinanceError(400, -1002, "You are not authorized to execute this request.")

    def _subscribe(self, params: Json) -> Json:
        account = self._signed(params)
        if account in self.subscriptions.values():
            raise BinanceError(400, -2035, "User Data Stream subscription already active.")
        number = self._next_subscription
        self._next_subscription += 1
        self.subscriptions[number] = account
        return {"subscriptionId": number}

    def _unsubscribe(self, params: Json) -> Json:
        number = params.get("subscriptionId")
        if number is not None and (type(number) is not int or number not in self.subscriptions):
            raise BinanceError(400, -2036, "User Data Stream subscription not found.")
        for ended in [number] if number is not None else list(self.subscriptions):
            self._terminate(ended)
        return {}

    def terminate_streams(self) -> None:
        """Ends every user-data subscription of this socket, as the venue does by its own will."""
        for number in list(self.subscriptions):
            self._terminate(number)

    def _terminate(self, number: int) -> None:
        del self.subscriptions[number]
        event = {"e": "eventStreamTerminated", "E": self._api.exchange.wall_ns() // wire.MS}
        self.send({"subscriptionId": number, "event": event})


def _usable(number: object) -> bool:
    if isinstance(number, str):
        return bool(REQUEST_ID.match(number))
    return number is None or (isinstance(number, int) and not isinstance(number, bool))


def _scalar(value: object) -> str:
    """A JSON scalar as its own text, which is what the signature covers."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
