"""Market streams: raw and combined, depth, bookTicker, trades."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from xrpfast.model import Side
from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.binance.market_data import Market
from xrpfast.simulation.binance.tape import Tape
from xrpfast.simulation.binance.wire import MS, fixed
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Fill, Order, Trade

SPEEDS: Final = {"depth": 1.0, "depth@1000ms": 1.0, "depth@100ms": 0.1}
KINDS: Final = (*SPEEDS, "bookTicker", "trade")


class Streams:
    """Turns what happens at the exchange into stream frames; a `Listener` of the exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.market = Market(exchange, Tape(exchange))
        self.connections: set[StreamConnection] = set()
        self.before_send: Callable[[int], None] | None = None
        """Measurements: told the monotonic time right before a market frame leaves."""
        self.tickers_first = True
        """False: a depth frame that is flushed overtakes the bookTicker of the same change."""
        self._symbol = exchange.rules.venue_symbol
        self._pending: dict[str, dict[tuple[int, int], int]] = {speed: {} for speed in SPEEDS}
        self._first = dict.fromkeys(SPEEDS, exchange.sequence + 1)
        self._top: tuple[object, object] = (None, None)

    def stream(self, kind: str) -> str:
        return f"{self._symbol.lower()}@{kind}"

    # --- the exchange's listener ----------------------------------------------------------------

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None: ...

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None: ...

    def on_trade(self, trade: Trade) -> None:
        self.market.tape.add(trade)
        rules, now = self.exchange.rules, self.exchange.wall_ns() // MS
        self._send(
            "trade",
            {
                "e": "trade",
                "E": now,
                "s": self._symbol,
                "t": trade.trade_id,
                "p": fixed(trade.price, rules.price_decimals),
                "q": fixed(trade.qty, rules.qty_decimals),
                "T": trade.wall_ns // MS,
                "m": trade.taker_side is Side.SELL,
                "M": True,
            },
        )

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
        self.market.tape.settle()
        for pending in self._pending.values():
            for side, price, qty in changes:
                pending[side, price] = qty
        if self.tickers_first:
            self.flush_ticker()

    # --- frames ---------------------------------------------------------------------------------

    def flush_ticker(self) -> None:
        """A bookTicker frame if the touch changed since the last."""
        rules, matching = self.exchange.rules, self.exchange.matching
        bid, ask = matching.best(Side.BUY), matching.best(Side.SELL)
        if (bid, ask) == self._top or bid is None or ask is None:
            return
        self._top = (bid, ask)
        price, qty = rules.price_decimals, rules.qty_decimals
        self._send(
            "bookTicker",
            {
                "u": self.exchange.sequence,
                "s": self._symbol,
                "b": fixed(bid[0], price),
                "B": fixed(bid[1], qty),
                "a": fixed(ask[0], price),
                "A": fixed(ask[1], qty),
            },
        )

    def flush_depth(self, speed: str) -> None:
        """The depth frame of everything since the last one of this speed."""
        pending = self._pending[speed]
        if not pending:
            return
        rules = self.exchange.rules
        sides: tuple[list[list[str]], list[list[str]]] = ([], [])
        for (side, price), qty in pending.items():
            sides[side].append([fixed(price, rules.price_decimals), fixed(qty, rules.qty_decimals)])
        sides[0].reverse()
        first, last = self._first[speed], self.exchange.sequence
        pending.clear()
        self._first[speed] = last + 1
        self._send(
            speed,
            {
                "e": "depthUpdate",
                "E": self.exchange.wall_ns() // MS,
                "s": self._symbol,
                "U": first,
                "u": last,
                "b": sides[0],
                "a": sides[1],
            },
        )

    async def run(self) -> None:
        """Flushes the depth streams at their speeds until cancelled."""
        tick = 0
        while True:
            await asyncio.sleep(0.1)
            tick += 1
            self.flush_depth("depth@100ms")
            if tick % 10 == 0:
                self.flush_depth("depth")
                self.flush_depth("depth@1000ms")

    def _send(self, kind: str, data: dict[str, Any]) -> None:
        name = self.stream(kind)
        bare = combined = None
        for connection in self.connections:
            if name not in connection.streams:
                continue
            if connection.combined:
                if combined is None:
                    combined = orjson.dumps({"stream": name, "data": data})
                frame = combined
            else:
                if bare is None:
                    bare = orjson.dumps(data)
                frame = bare
            if self.before_send is not None:
                self.before_send(time.monotonic_ns())
            connection.send(frame)


class StreamConnection(WSListener):
    """One socket of `/ws` or `/stream`."""

    def __init__(self, streams: Streams, path: str) -> None:
        self._hub = streams
        url = urlsplit(path)
        self.combined = url.path.startswith("/stream")
        names = (
            parse_qs(url.query).get("streams", [""])[0]
            if self.combined
            else url.path.removeprefix("/ws").strip("/")
        )
        self.streams = {name for name in names.split("/") if name}
        self._transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._hub.connections.add(self)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._hub.connections.discard(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.send(orjson.dumps(self._answer(frame.get_payload_as_bytes())))
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()

    def send(self, payload: bytes) -> None:
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, payload)

    def _answer(self, payload: bytes) -> dict[str, Any]:
        try:
            request = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            return _error(3, f"Invalid JSON: {error}", None)
        if not isinstance(request, dict) or "method" not in request:
            return _error(2, "Invalid request: missing field `method` at line 1 column 1", None)
        number, method, params = request.get("id"), request["method"], request.get("params", [])
        if not isinstance(params, list):
            return _error(2, "Invalid request: invalid type", number)
        if method == "SUBSCRIBE" or method == "UNSUBSCRIBE":
            if not all(isinstance(name, str) and "@" in name for name in params):
                return _error(2, "Invalid request: invalid stream", number)
            change = (
                self.streams.update if method == "SUBSCRIBE" else self.streams.difference_update
            )
            change(params)
            return {"result": None, "id": number}
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": sorted(self.streams), "id": number}
        if method in ("GET_PROPERTY", "SET_PROPERTY"):
            return self._property(method, params, number)
        known = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"
        return _error(
            2, f"Invalid request: unknown variant {method}, expected one of {known}", number
        )

    def _property(self, method: str, params: list[Any], number: object) -> dict[str, Any]:
        if not params or params[0] != "combined":
            return _error(0, "Unknown property", number)
        if method == "GET_PROPERTY":
            return {"result": self.combined, "id": number}
        if len(params) != 2 or not isinstance(params[1], bool):
            return _error(1, "Invalid value type: expected Boolean", number)
        self.combined = params[1]
        return {"result": None, "id": number}


def _error(code: int, text: str, number: object) -> dict[str, Any]:
    return {"error": {"code": code, "msg": text}, "id": number}
