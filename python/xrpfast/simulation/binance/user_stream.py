"""User data: what happens to a customer's orders and balances, told to who subscribed."""

from __future__ import annotations

from collections.abc import Callable

from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.binance.venue import Venue
from xrpfast.simulation.binance.wire import (
    EXECUTIONS,
    STATUS,
    ZERO,
    Json,
    Wire,
    client_id_of,
    expiry_reason,
    stp_of,
    tif_of,
    type_of,
)
from xrpfast.simulation.orders import Fill, Order, Trade
from xrpfast.simulation.texts import fixed_money

Teller = Callable[[Account, Callable[[Wire], Json]], None]
"""Sends an event to a customer's subscriptions, each written in the hand of its connection."""


class UserStream:
    """A `Listener` of the exchange that turns steps of orders into events."""

    def __init__(self, venue: Venue, tell: Teller) -> None:
        self._venue = venue
        self._tell = tell

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None:
        if kind not in EXECUTIONS:
            return
        number = self._venue.next_execution()
        self._tell(order.account, lambda wire: execution_report(wire, kind, order, fill, number))

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None:
        now = self._venue.exchange.wall_ns()
        for change in changes:
            if change.reason in ("transfer", "lock"):
                self._tell(account, _moved(change, now))
        assets = sorted({change.asset for change in changes})
        self._tell(account, lambda wire: _position(wire, account, assets, now))

    def on_trade(self, trade: Trade) -> None: ...

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None: ...


def _position(wire: Wire, account: Account, assets: list[str], now_ns: int) -> Json:
    rows = [wire.balance(asset, account) for asset in assets]
    return {
        "e": "outboundAccountPosition",
        "E": wire.time(now_ns),
        "u": wire.time(account.updated_ns),
        "B": [{"a": row["asset"], "f": row["free"], "l": row["locked"]} for row in rows],
    }


def _moved(change: BalanceChange, now_ns: int) -> Callable[[Wire], Json]:
    """A deposit or withdrawal, or a lock by another system."""
    locked = change.reason == "lock"
    delta = change.locked_change if locked else change.free_change
    return lambda wire: {
        "e": "externalLockUpdate" if locked else "balanceUpdate",
        "E": wire.time(now_ns),
        "a": change.asset,
        "d": fixed_money(delta, 8),
        "T": wire.time(now_ns),
    }


def execution_report(wire: Wire, kind: str, order: Order, fill: Fill | None, number: int) -> Json:
    """The event of one step of an order (kinds as `Listener.on_order`)."""
    rules = wire.rules
    now, created = wire.time(order.updated_ns), wire.time(order.created_ns)
    filled = fill.filled if fill else order.filled
    quote = fill.quote_filled if fill else order.quote_filled
    size = order.qty - order.reduced
    state = STATUS[order.state]
    if fill is not None:
        done = size and filled + order.prevented >= size
        state = "FILLED" if done else "PARTIALLY_FILLED"
    working = kind == "received" or (
        order.working
        and order.kind == "limit"
        and state != "FILLED"
        and (fill.maker if fill else kind in ("reduced", "prevented"))
    )
    renamed = order.extra.get("renamed_from", "") if kind == "reduced" else ""
    if kind == "cancelled":
        renamed = order.client_id
    report: Json = {
        "e": "executionReport",
        "E": now,
        "s": rules.venue_symbol,
        "c": client_id_of(order) if kind == "cancelled" else order.client_id,
        "S": order.side.name,
        "o": type_of(order),
        "f": tif_of(order),
        "q": wire.qty(size),
        "p": wire.price(order.price),
        "P": ZERO,
        "F": ZERO,
        "g": -1,
        "C": renamed,
        "x": EXECUTIONS[kind],
        "X": state,
        "r": "NONE",
        "i": order.order_id,
        "l": wire.qty(fill.qty) if fill else ZERO,
        "z": wire.qty(filled),
        "L": wire.price(fill.price) if fill else ZERO,
        "n": fixed_money(fill.fee, 8) if fill else "0",
        "N": fill.fee_asset if fill else None,
        "T": now,
        "t": fill.trade_id if fill else -1,
        "I": number,
        "w": working,
        "m": fill.maker if fill else False,
        "M": fill is not None,
        "O": created,
        "Z": fixed_money(quote, 8),
        "Y": fixed_money(rules.notional(fill.price, fill.qty), 8) if fill else ZERO,
        "Q": ZERO if order.funds is None else fixed_money(order.funds, 8),
        "W": created,
        "V": stp_of(order),
    }
    for key, name in (("j", "strategyId"), ("J", "strategyType")):
        if name in order.extra:
            report[key] = order.extra[name]
    if kind == "expired":
        report["eR"] = expiry_reason(order)
    if kind == "prevented":
        report |= _prevention(wire, order)
    return report


def _prevention(wire: Wire, order: Order) -> Json:
    row = order.prevented_matches[-1]
    taker = row.taker_order_id == order.order_id
    overlap = min(qty for qty in (row.taker_qty, row.maker_qty) if qty)
    return {
        "v": row.number,
        "A": wire.qty(order.prevented),
        "B": wire.qty(row.taker_qty if taker else row.maker_qty),
        "u": -1,
        "U": row.maker_order_id if taker else row.taker_order_id,
        "Cs": wire.rules.venue_symbol,
        "pl": wire.qty(overlap),
        "pL": wire.price(row.price),
        "pY": fixed_money(wire.rules.notional(row.price, overlap), 8),
    }
