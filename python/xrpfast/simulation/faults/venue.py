"""What a whole venue can do wrong: power, clock, sockets, orders and balances moved by others."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from xrpfast._core import CoreError, parse_units
from xrpfast.errors import UsageError
from xrpfast.model import Side, parse_money
from xrpfast.simulation.account import Account, is_asset
from xrpfast.simulation.clock import VenueClock
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.faults import orders
from xrpfast.simulation.faults.engine import VenueAction
from xrpfast.simulation.faults.rules import Rule
from xrpfast.simulation.flood import touch
from xrpfast.simulation.orders import NewOrder, VenueRefusal

if TYPE_CHECKING:
    from xrpfast.simulation.front import Front

Undo = Callable[[], None]


def venue_actions(front: Front, clock: VenueClock) -> dict[str, VenueAction]:
    """Every action of channel venue that this venue has."""
    exchange = front.face.exchange
    made: dict[str, VenueAction] = {
        "down": lambda _: _down(front),
        "block_page": lambda rule: _block_page(front, rule),
        "clock": lambda rule: _clock(clock, rule),
        "drop_sockets": lambda rule: front.drop_sockets(rule.params.get("kind")),
        "balance": lambda rule: _balance(exchange, rule),
        "expire_orders": lambda rule: _expire_orders(exchange, rule),
        "cancel_orders": lambda _: _cancel_orders(exchange),
        "fill_orders": lambda rule: _fill_orders(exchange, rule),
        "foreign_order": lambda rule: _foreign_order(exchange, rule),
        "cross_book": lambda rule: _cross_book(exchange, rule),
        "empty_side": lambda rule: _empty_side(exchange, rule),
        "burst": lambda rule: _burst(exchange, rule),
    }
    own: dict[str, VenueAction] = front.face.fault_actions()
    return made | own


def _down(front: Front) -> Undo:
    front.set_down(True)
    return lambda: front.set_down(False)


def _block_page(front: Front, rule: Rule) -> Undo:
    front.http.page = rule.params.get("status", 403)

    def back() -> None:
        front.http.page = None

    return back


def _clock(clock: VenueClock, rule: Rule) -> Undo:
    shift = round(rule.params["offset_ms"] * 1_000_000)
    clock.offset_ns += shift

    def back() -> None:
        clock.offset_ns -= shift

    return back


def _customer(exchange: Exchange) -> Account:
    return next(iter(exchange.accounts.values()))


def _balance(exchange: Exchange, rule: Rule) -> None:
    account, params = _customer(exchange), rule.params
    asset, kind = params["asset"], params.get("kind", "transfer")
    try:
        delta = parse_money(params["delta"])
    except ValueError as error:
        raise UsageError(f"rule: balance delta: {error}") from None
    if kind not in ("transfer", "lock", "silent"):
        raise UsageError(f"rule: balance kind {kind!r}: one of transfer, lock, silent")
    if not is_asset(asset):
        raise UsageError(f"rule: balance asset {asset!r}: capital letters and digits, at most 20")
    balance = account.balance(asset)
    free = -delta if kind == "lock" else delta
    if balance.free + free < 0 or (kind == "lock" and balance.locked + delta < 0):
        raise UsageError(f"rule: balance: there is less than that of {asset}")
    if kind == "silent":
        exchange.adjust(account, asset, delta)
    else:
        exchange.transfer(account, asset, free, delta if kind == "lock" else 0, kind)


def _working(exchange: Exchange) -> list[Any]:
    return exchange.open_orders(_customer(exchange))


def _expire_orders(exchange: Exchange, rule: Rule) -> None:
    for order in _working(exchange):
        exchange.expire(order, rule.params.get("reason", "venue"))


def _cancel_orders(exchange: Exchange) -> None:
    for order in _working(exchange):
        exchange.cancel(order.account, order)


def _fill_orders(exchange: Exchange, rule: Rule) -> None:
    for order in _working(exchange):
        with suppress(VenueRefusal):
            orders.fill(exchange, order, rule.params["percent"])


def _foreign_order(exchange: Exchange, rule: Rule) -> None:
    params, rules = rule.params, exchange.rules
    try:
        new = NewOrder(
            client_id=params.get("client_id", "by-hand-1"),
            side=Side[params["side"].upper()],
            price=parse_units(params["price"], rules.price_decimals),
            qty=parse_units(params["qty"], rules.qty_decimals),
        )
        exchange.place(_customer(exchange), new)
    except (KeyError, CoreError, VenueRefusal) as error:
        raise UsageError(f"rule: foreign_order: {error}") from None


def _cross_book(exchange: Exchange, rule: Rule) -> Undo:
    """Levels that nobody can trade with: bids at and above the best ask, told as changes."""
    best = exchange.matching.best(Side.SELL)
    if best is None:
        raise UsageError("rule: cross_book: there is no ask to cross")
    tick, lot = exchange.rules.tick, exchange.rules.min_qty
    prices = [best[0] + n * tick for n in range(rule.params.get("levels", 2))]
    exchange.pretend([(int(Side.BUY), price, lot) for price in prices])

    def back() -> None:
        held = dict(exchange.matching.levels(Side.BUY, 5_000))
        exchange.pretend([(int(Side.BUY), price, held.get(price, 0)) for price in prices])

    return back


def _empty_side(exchange: Exchange, rule: Rule) -> Undo:
    try:
        side = Side[rule.params["side"].upper()]
    except KeyError:
        raise UsageError("rule: empty_side side: buy or sell") from None
    exchange.bar(side)
    return lambda: exchange.unbar(side)


def _burst(exchange: Exchange, rule: Rule) -> None:
    draw = random.Random(0)
    try:
        for _ in range(-(-rule.params["changes"] // 2)):
            touch(exchange, draw)
    except ValueError as error:
        raise UsageError(f"rule: burst: {error}") from None
