"""What a rule does to the order that a request names: a trade, an end by the venue's will."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from xrpfast._core import CoreError, parse_units
from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.faults.rules import Rule
from xrpfast.simulation.orders import Order, VenueRefusal

_DRAW: Final = random.Random(0)


def delay_seconds(rule: Rule) -> float:
    """``ms``, give or take ``jitter_ms``."""
    jitter = rule.params.get("jitter_ms", 0)
    spread = _DRAW.uniform(-jitter, jitter) if jitter else 0.0
    return float(max(0.0, rule.params.get("ms", 0) + spread)) / 1_000


def match_seconds(rules: Iterable[Rule]) -> float:
    """How long an order that is accepted waits for its matching."""
    return max((rule.params.get("match_after_ms", 0) / 1_000 for rule in rules), default=0.0)


def strike(exchange: Exchange, rule: Rule, params: Mapping[str, Any]) -> None:
    """Does `fill`, `expire` or `outrun` to the order that ``params`` name; nothing when there is
    none."""
    if rule.action == "outrun":
        outrun(exchange, params, rule.params["percent"])
        return
    order = named(exchange, params)
    if order is None or not order.working:
        return
    if rule.action == "fill":
        fill(exchange, order, rule.params["percent"])
    elif rule.action == "expire":
        with suppress(VenueRefusal):
            exchange.expire(order, rule.params.get("reason", "venue"))


def fill(exchange: Exchange, order: Order, percent: float) -> None:
    """Somebody trades with part of a resting order, whole lots, at least one; nobody does with one
    that is accepted and not in the book yet."""
    lot = exchange.rules.lot
    qty = max(lot, round(order.remaining * percent / 100) // lot * lot)
    with suppress(VenueRefusal):
        exchange.trade_with(order, min(qty, order.remaining))


def outrun(exchange: Exchange, params: Mapping[str, Any], percent: float) -> None:
    """Takes from the book what an order on its way would take, but for ``percent`` of it."""
    rules = exchange.rules
    try:
        side = Side[str(params["side"]).upper()]
        qty = parse_units(str(params.get("quantity") or params["size"]), rules.qty_decimals)
        price = parse_units(str(params["price"]), rules.price_decimals)
    except (KeyError, CoreError):
        return  # no limit order: the venue will say so
    within = [
        there
        for at, there in exchange.matching.levels(side.opposite, 5_000)
        if (at <= price if side is Side.BUY else at >= price)
    ]
    leave = round(qty * percent / 100) // rules.lot * rules.lot
    take = sum(within) - leave
    if take > 0:
        exchange.place_background(side, price, take, TimeInForce.IOC)


def named(exchange: Exchange, params: Mapping[str, Any]) -> Order | None:
    """The order that a request names by either id."""
    for key in ("origClientOrderId", "clientOid", "newClientOrderId"):
        for order in exchange.orders.values():
            if params.get(key) and order.client_id == params[key]:
                return order
    number = str(params.get("orderId", ""))
    for order in exchange.orders.values():
        if number and number in (str(order.order_id), order.extra.get("public_id")):
            return order
    return None
