"""Binance user data: execution reports and balances into events, and the account at the start."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

import orjson

from xrpfast._core import parse_units
from xrpfast.model import Side, SymbolRules, parse_money
from xrpfast.net.liveness import require_life
from xrpfast.net.websocket import Connection, connect
from xrpfast.trading.events import (
    AnyEvent,
    Balance,
    BalanceMoved,
    Fill,
    OpenOrder,
    OrderAck,
    OrderEnd,
    Terms,
)
from xrpfast.venues.account_state import Trade
from xrpfast.venues.binance.errors import classify, reply_pause
from xrpfast.venues.binance.public import SILENT_S
from xrpfast.venues.outcome import VenueError
from xrpfast.venues.ports import Sink
from xrpfast.venues.private import AccountStream, Ours, PrivateConnection, of_no_market
from xrpfast.venues.rules import told_units

if TYPE_CHECKING:
    from xrpfast._core import Signer
    from xrpfast.net.fuse import Fuse

VENUE: Final = "binance"
_MILLISECOND: Final = 1_000_000
_SUBSCRIBE_ID: Final = 1
END_STATES: Final = {
    "FILLED": "FILLED",
    "CANCELED": "CANCELLED",
    "EXPIRED": "EXPIRED",
    "EXPIRED_IN_MATCH": "EXPIRED",
    "REJECTED": "REJECTED",
}
"""The venue's terminal states in our words."""


class BinanceAccount(AccountStream):
    """``userDataStream.subscribe.signature`` on a socket of its own."""

    venue = VENUE

    def __init__(
        self,
        ours: Ours,
        sink: Sink,
        fuse: Fuse,
        url: str,
        api_key: str,
        signer: Signer,
        recv_window_ms: int,
    ) -> None:
        super().__init__(ours, sink, fuse)
        self._url = f"{url}{'&' if '?' in url else '?'}returnRateLimits=false"
        self._api_key = api_key
        self._signer = signer
        self._recv_window_ms = recv_window_ms
        self.wall_offset_ns = 0

    async def dial(self) -> Connection:
        self._setup = asyncio.get_running_loop().create_future()
        connection = await connect(lambda: PrivateConnection("binance account", self), self._url)
        assert isinstance(connection, PrivateConnection)
        require_life(connection, SILENT_S)
        connection.post(self._subscribe())
        await self.confirmed(connection, self._setup)
        return connection

    def _subscribe(self) -> bytes:
        timestamp = (time_ns() + self.wall_offset_ns) // _MILLISECOND
        signed = f"apiKey={self._api_key}&recvWindow={self._recv_window_ms}&timestamp={timestamp}"
        params = {
            "apiKey": self._api_key,
            "recvWindow": self._recv_window_ms,
            "timestamp": timestamp,
            "signature": self._signer.hex(signed),
        }
        method = "userDataStream.subscribe.signature"
        return orjson.dumps({"id": _SUBSCRIBE_ID, "method": method, "params": params})

    def parse(self, payload: bytes, now_ns: int, wall_ns: int) -> list[AnyEvent]:
        message = orjson.loads(payload)
        event = message.get("event")
        if event is None:
            self._reply(message)
            return []
        if event["e"] in ("eventStreamTerminated", "serverShutdown"):
            if self.connection is not None:
                self.connection.abort()
            return []
        return parse_event(event, self.ours, now_ns, wall_ns)

    def _reply(self, message: dict[str, Any]) -> None:
        setup = self._setup
        if setup is None or setup.done():
            raise ValueError(f"a reply that was not asked for: {message}")
        if message["status"] == 200:
            setup.set_result(None)
            return
        error = message.get("error") or {}
        code, text = error.get("code"), str(error.get("msg", ""))
        pause = reply_pause(message["status"], code, text, error.get("data"))
        if pause is not None:
            self.fuse.blow(pause)
        outcome = classify(code, text, message["status"], write=False)
        setup.set_exception(VenueError(VENUE, "user data", str(code), text, outcome))


def parse_event(event: dict[str, Any], ours: Ours, now_ns: int, wall_ns: int) -> list[AnyEvent]:
    """The events of one user data event; none for kinds that say nothing about us."""
    kind = event["e"]
    if kind == "executionReport":
        return _execution(event, ours, now_ns, wall_ns)
    if kind == "outboundAccountPosition":
        venue_ns = event["E"] * _MILLISECOND
        return [
            balance_event(entry["a"], entry["f"], entry["l"], venue_ns, now_ns, wall_ns)
            for entry in event["B"]
        ]
    if kind in ("balanceUpdate", "externalLockUpdate"):
        # A lock moves between free and locked: the sum stays, the reserve does not.
        delta = parse_money(event["d"]) if kind == "balanceUpdate" else 0
        return [
            BalanceMoved(
                now_ns=now_ns,
                wall_ns=wall_ns,
                venue=VENUE,
                asset=event["a"],
                delta=delta,
                reason=f"{kind} {event['d']}",
                move_id=f"{kind}:{event['a']}:{event['d']}:{event['E']}:{event['T']}",
            )
        ]
    return []


def balance_event(
    asset: str, free: str, locked: str, venue_ns: int, now_ns: int, wall_ns: int
) -> Balance:
    return Balance(
        now_ns=now_ns,
        wall_ns=wall_ns,
        venue=VENUE,
        asset=asset,
        free=parse_money(free),
        locked=parse_money(locked),
        venue_ns=venue_ns,
    )


def _execution(event: dict[str, Any], ours: Ours, now_ns: int, wall_ns: int) -> list[AnyEvent]:
    # A cancel renames the order: then its own id stands in C.
    client_id = event["C"] or event["c"]
    if not ours.sent(client_id):
        return []
    order_id = str(event["i"])
    rules = ours.rules.get(event["s"])
    if rules is None:
        return [of_no_market(client_id, order_id, event["s"], now_ns, wall_ns)]
    terms = _terms(rules, event["S"], event["p"], event["q"])
    kind, state = event["x"], event["X"]
    events: list[AnyEvent] = []
    if kind == "NEW":
        events.append(
            OrderAck(
                now_ns=now_ns,
                wall_ns=wall_ns,
                client_id=client_id,
                venue_order_id=order_id,
                terms=terms,
            )
        )
    elif kind == "TRADE":
        events.append(
            Fill(
                now_ns=now_ns,
                wall_ns=wall_ns,
                client_id=client_id,
                venue_order_id=order_id,
                trade_id=str(event["t"]),
                price=parse_units(event["L"], rules.price_decimals),
                qty=parse_units(event["l"], rules.qty_decimals),
                fee=parse_money(event["n"]),
                fee_asset=event["N"] or rules.quote,
                maker=event["m"],
                venue_ns=event["T"] * _MILLISECOND,
                terms=terms,
            )
        )
    end = END_STATES.get(state)
    if end is not None:
        reason = event.get("eR") or event["r"]
        events.append(
            OrderEnd(
                now_ns=now_ns,
                wall_ns=wall_ns,
                client_id=client_id,
                venue_order_id=order_id,
                state=end,
                filled_qty=parse_units(event["z"], rules.qty_decimals),
                reason="" if reason == "NONE" else reason,
                terms=terms,
            )
        )
    return events


def _terms(rules: SymbolRules, side: str, price: str, qty: str) -> Terms:
    return Terms(
        instrument=rules.instrument,
        side=int(Side[side]),
        price=told_units(price, rules.price_decimals),
        qty=told_units(qty, rules.qty_decimals),
    )


def order_terms(row: dict[str, Any], rules: Mapping[str, SymbolRules]) -> Terms | None:
    """What an order is, by a reply to it or an answer about it: as far as that says."""
    symbol = row.get("symbol")
    if symbol is None:
        return None
    rule = rules.get(symbol)
    if rule is None:
        return Terms(instrument=str(symbol))
    if "origQty" not in row:
        return Terms(instrument=rule.instrument)
    return _terms(rule, row["side"], row["price"], row["origQty"])


def query_fill(
    trade: dict[str, Any], ours: Ours, client_id: str, now_ns: int, wall_ns: int
) -> Fill:
    """A fill as ``myTrades`` shows it."""
    rules = ours.rules[trade["symbol"]]
    return Fill(
        now_ns=now_ns,
        wall_ns=wall_ns,
        client_id=client_id,
        venue_order_id=str(trade["orderId"]),
        trade_id=str(trade["id"]),
        price=parse_units(trade["price"], rules.price_decimals),
        qty=parse_units(trade["qty"], rules.qty_decimals),
        fee=parse_money(trade["commission"]),
        fee_asset=trade["commissionAsset"],
        maker=trade["isMaker"],
        venue_ns=trade["time"] * _MILLISECOND,
        terms=Terms(rules.instrument, int(Side.BUY if trade["isBuyer"] else Side.SELL)),
    )


def open_order(row: dict[str, Any], rules: SymbolRules) -> OpenOrder:
    """A working order as ``openOrders`` lists it."""
    return OpenOrder(
        client_id=str(row["clientOrderId"]),
        venue_order_id=str(row["orderId"]),
        instrument=rules.instrument,
        side=int(Side[row["side"]]),
        price=parse_units(row["price"], rules.price_decimals),
        qty=parse_units(row["origQty"], rules.qty_decimals),
        filled_qty=parse_units(row["executedQty"], rules.qty_decimals),
    )


def trade(row: dict[str, Any]) -> Trade:
    """What a row of ``myTrades`` did to the account."""
    return Trade(
        order_id=str(row["orderId"]),
        trade_id=str(row["id"]),
        buy=row["isBuyer"],
        base=parse_money(row["qty"]),
        quote=parse_money(row["quoteQty"]),
        fee=parse_money(row["commission"]),
        fee_asset=row["commissionAsset"],
    )


def query_state(order: dict[str, Any]) -> str:
    """State of an order that was asked for, in our words."""
    state = order["status"]
    if state in END_STATES:
        return END_STATES[state]
    return "PARTLY_FILLED" if state == "PARTIALLY_FILLED" else "OPEN"
