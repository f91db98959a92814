"""KuCoin private push: order changes and balances into events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from xrpfast._core import parse_units
from xrpfast.model import RATE_ONE, Side, SymbolRules, parse_money
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
from xrpfast.venues.kucoin.errors import classify
from xrpfast.venues.kucoin.push import Pinger, place, subscription
from xrpfast.venues.outcome import VenueError
from xrpfast.venues.ports import Sink
from xrpfast.venues.private import AccountStream, Ours, PrivateConnection, of_no_market
from xrpfast.venues.rules import told_units

if TYPE_CHECKING:
    from xrpfast.net.fuse import Fuse
    from xrpfast.venues.kucoin.rest import KucoinRest

VENUE: Final = "kucoin"
_MILLISECOND: Final = 1_000_000
OF_ORDERS: Final = (".hold", ".setted")
"""How the relations of balance changes end that orders made."""
TOPICS: Final = ("/spotMarket/tradeOrdersV2", "/account/balance")


class KucoinAccount(AccountStream):
    """Order changes and balances on one private push socket."""

    venue = VENUE

    def __init__(self, ours: Ours, sink: Sink, fuse: Fuse, rest: KucoinRest) -> None:
        super().__init__(ours, sink, fuse)
        self._rest = rest
        self._pinger: Pinger | None = None
        self._dialling: PrivateConnection | None = None
        self._acks: set[str] = set()
        self.accounts: set[str] = set()
        """Ids of the trading accounts; pushes about others are not ours to count."""

    async def dial(self) -> Connection:
        where = place(await self._rest.private_token())
        self._setup = asyncio.get_running_loop().create_future()
        self._acks = {str(number) for number in range(1, len(TOPICS) + 1)}
        connection = await connect(self._connection, where.url)
        assert isinstance(connection, PrivateConnection)
        await self.confirmed(connection, self._setup)
        self._pinger = Pinger(connection, where.ping_interval_s, where.ping_timeout_s)
        return connection

    def _connection(self) -> PrivateConnection:
        self._dialling = PrivateConnection("kucoin account", self)
        return self._dialling

    def parse(self, payload: bytes, now_ns: int, wall_ns: int) -> list[AnyEvent]:
        message = orjson.loads(payload)
        kind = message["type"]
        if kind == "message":
            return parse_message(message, self.ours, self.accounts, now_ns, wall_ns)
        if kind == "welcome":
            assert self._dialling is not None
            for number, topic in enumerate(TOPICS, 1):
                self._dialling.post(subscription(number, topic, private=True))
        elif kind == "ack":
            self._acks.discard(str(message["id"]))
            if not self._acks and self._setup is not None and not self._setup.done():
                self._setup.set_result(None)
        elif kind == "pong":
            if self._pinger is not None:
                self._pinger.on_pong()
        elif kind == "error":
            self._error(message)
        return []

    def _error(self, message: dict[str, Any]) -> None:
        code, text = str(message.get("code")), str(message.get("data", ""))
        if self._setup is not None and not self._setup.done():
            outcome = classify(code, text, 0, write=False)
            self._setup.set_exception(VenueError(VENUE, "private push", code, text, outcome))
        elif self.connection is not None:
            self.connection.abort()

    def closed(self, connection: PrivateConnection) -> None:
        if connection is self.connection and self._pinger is not None:
            self._pinger.stop()
            self._pinger = None
        super().closed(connection)


def parse_message(
    message: dict[str, Any], ours: Ours, accounts: set[str], now_ns: int, wall_ns: int
) -> list[AnyEvent]:
    """The events of one data frame. ``accounts`` empty: trading events are told by their name."""
    data = message["data"]
    subject = message["subject"]
    if subject == "orderChange":
        return _order_change(data, ours, now_ns, wall_ns)
    if subject == "account.balance":
        return _balance(data, accounts, now_ns, wall_ns)
    return []


def _balance(data: dict[str, Any], accounts: set[str], now_ns: int, wall_ns: int) -> list[AnyEvent]:
    relation = str(data.get("relationEvent", ""))
    trading = relation.startswith(("trade.", "trade_hf."))
    if str(data.get("accountId")) not in accounts and (accounts or not trading):
        return []
    asset = data["currency"]
    venue_ns = int(data["time"]) * _MILLISECOND
    told = balance_event(asset, data["available"], data["hold"], venue_ns, now_ns, wall_ns)
    if relation.endswith(OF_ORDERS):
        return [told]
    delta = parse_money(data["availableChange"]) + parse_money(data["holdChange"])
    moved = BalanceMoved(
        now_ns=now_ns,
        wall_ns=wall_ns,
        venue=VENUE,
        asset=asset,
        delta=delta,
        reason=f"{relation} {data['availableChange']}",
        move_id=f"{relation}:{data.get('relationEventId')}",
    )
    return [moved, told]


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


def fee_of(rules: SymbolRules, price: int, qty: int, fee_type: str) -> int:
    """The fee of a fill in quote: no amount is pushed, so price x size x rate, exactly.

    What is finer than 10^-18 is rounded up, against us.
    """
    rate = rules.maker_rate if fee_type == "makerFee" else rules.taker_rate
    return -(-rules.notional(price, qty) * rate // RATE_ONE)


def _order_change(data: dict[str, Any], ours: Ours, now_ns: int, wall_ns: int) -> list[AnyEvent]:
    client_id, symbol = data.get("clientOid"), data["symbol"]
    if not ours.sent(client_id):
        return []
    assert isinstance(client_id, str)
    order_id = data["orderId"]
    rules = ours.rules.get(symbol)
    if rules is None:
        return [of_no_market(client_id, order_id, symbol, now_ns, wall_ns)]
    terms = _terms(rules, data["side"], data.get("price", "0"), data["originSize"])
    kind = data["type"]
    events: list[AnyEvent] = []
    if kind in ("received", "open"):
        events.append(
            OrderAck(
                now_ns=now_ns,
                wall_ns=wall_ns,
                client_id=client_id,
                venue_order_id=order_id,
                terms=terms,
            )
        )
    elif kind == "match":
        price = parse_units(data["matchPrice"], rules.price_decimals)
        qty = parse_units(data["matchSize"], rules.qty_decimals)
        events.append(
            Fill(
                now_ns=now_ns,
                wall_ns=wall_ns,
                client_id=client_id,
                venue_order_id=order_id,
                trade_id=str(data["tradeId"]),
                price=price,
                qty=qty,
                fee=fee_of(rules, price, qty, data["feeType"]),
                fee_asset=rules.quote,
                maker=data["liquidity"] == "maker",
                venue_ns=data["ts"],
                fee_estimated=True,
                terms=terms,
            )
        )
    if data["status"] == "done":
        filled = parse_units(data["filledSize"], rules.qty_decimals)
        size = parse_units(data["originSize"], rules.qty_decimals)
        events.append(
            OrderEnd(
                now_ns=now_ns,
                wall_ns=wall_ns,
                client_id=client_id,
                venue_order_id=order_id,
                state="FILLED" if filled == size else "CANCELLED",
                filled_qty=filled,
                reason=kind,
                terms=terms,
            )
        )
    return events


def _terms(rules: SymbolRules, side: str, price: str, qty: str) -> Terms:
    """A market order has no price, and is none of ours."""
    return Terms(
        instrument=rules.instrument,
        side=int(Side[side.upper()]),
        price=told_units(price, rules.price_decimals),
        qty=told_units(qty, rules.qty_decimals),
    )


def order_terms(row: dict[str, Any], rules: Mapping[str, SymbolRules]) -> Terms:
    """What an order is, by an answer about it."""
    rule = rules.get(row["symbol"])
    if rule is None:
        return Terms(instrument=str(row["symbol"]))
    return _terms(rule, row["side"], row["price"], row["size"])


def query_fill(
    trade: dict[str, Any], ours: Ours, client_id: str, now_ns: int, wall_ns: int
) -> Fill:
    """A fill as the fills list shows it, with the fee that was really taken."""
    rules = ours.rules[trade["symbol"]]
    return Fill(
        now_ns=now_ns,
        wall_ns=wall_ns,
        client_id=client_id,
        venue_order_id=trade["orderId"],
        trade_id=str(trade["tradeId"]),
        price=parse_units(trade["price"], rules.price_decimals),
        qty=parse_units(trade["size"], rules.qty_decimals),
        fee=parse_money(trade["fee"]),
        fee_asset=trade["feeCurrency"],
        maker=trade["liquidity"] == "maker",
        venue_ns=trade["createdAt"] * _MILLISECOND,
        terms=Terms(rules.instrument, int(Side[trade["side"].upper()])),
    )


def open_order(row: dict[str, Any], rules: SymbolRules) -> OpenOrder:
    """A working order as the list of active ones shows it."""
    return OpenOrder(
        client_id=str(row.get("clientOid") or ""),
        venue_order_id=str(row["id"]),
        instrument=rules.instrument,
        side=int(Side[row["side"].upper()]),
        price=parse_units(row["price"], rules.price_decimals),
        qty=parse_units(row["size"], rules.qty_decimals),
        filled_qty=parse_units(row["dealSize"], rules.qty_decimals),
    )


def trade(row: dict[str, Any]) -> Trade:
    """What a row of the fills list did to the account."""
    return Trade(
        order_id=row["orderId"],
        trade_id=str(row["tradeId"]),
        buy=row["side"] == "buy",
        base=parse_money(row["size"]),
        quote=parse_money(row["funds"]),
        fee=parse_money(row["fee"]),
        fee_asset=row["feeCurrency"],
    )


def query_state(order: dict[str, Any]) -> str:
    """State of an order that was asked for, in our words: by amounts, not by flags."""
    filled, size = parse_money(order["dealSize"]), parse_money(order["size"])
    if order["active"]:
        return "PARTLY_FILLED" if filled else "OPEN"
    return "FILLED" if filled == size else "CANCELLED"
