"""Facts as a venue tells them, before they are events of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xrpfast.model import Side, SymbolRules
from xrpfast.trading import events as ev
from xrpfast.trading.events import AnyEvent

if TYPE_CHECKING:
    from xrpfast.simulation.orders import Fill

Fact = tuple[type[Any], dict[str, Any]]
"""An event without its times: they are those of its processing."""


def result_fact(
    client_id: str, number: str | None, state: str | None, filled: int, sure: bool
) -> Fact:
    return ev.QueryResult, {
        "client_id": client_id,
        "venue_order_id": number,
        "state": state,
        "filled_qty": filled,
        "authoritative": sure,
    }


def reconciled_fact(
    venue: str, number: int, asked_ns: int, working: tuple[ev.OpenOrder, ...], reason: str
) -> Fact:
    return ev.Reconciled, {
        "venue": venue,
        "number": number,
        "asked_ns": asked_ns,
        "open_orders": working,
        "complete": not reason,
        "reason": reason,
    }


def fill_fact(fill: Fill) -> Fact:
    """A fill as the account stream and the lists tell it."""
    return ev.Fill, {
        "client_id": fill.order.client_id,
        "venue_order_id": str(fill.order.order_id),
        "trade_id": str(fill.trade_id),
        "price": fill.price,
        "qty": fill.qty,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "maker": fill.maker,
        "venue_ns": fill.wall_ns,
    }


def changes_of(fill: Fill, rules: SymbolRules) -> dict[str, int]:
    """What a fill did to the account, money per asset."""
    sign = 1 if fill.order.side is Side.BUY else -1
    changes = {
        rules.base: sign * rules.qty_money(fill.qty),
        rules.quote: -sign * rules.notional(fill.price, fill.qty),
    }
    changes[fill.fee_asset] -= fill.fee
    return changes


def move_facts(fill: Fill, rules: SymbolRules) -> list[Fact]:
    """A trade of somebody else's order on this account, as the list of trades tells it."""
    order = fill.order
    return [
        (
            ev.BalanceMoved,
            {
                "venue": rules.venue,
                "asset": asset,
                "delta": delta,
                "reason": f"trade {fill.trade_id} of order {order.client_id}",
                "move_id": f"trade:{order.order_id}:{fill.trade_id}:{asset}",
            },
        )
        for asset, delta in changes_of(fill, rules).items()
    ]


def fact_of(event: AnyEvent) -> Fact:
    """An event without its times."""
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    del fields["now_ns"], fields["wall_ns"]
    return type(event), fields


def stamped(fact: Fact, now_ns: int, wall_ns: int) -> AnyEvent:
    """The event of a fact at the time of its processing."""
    kind, fields = fact
    event: AnyEvent = kind(now_ns=now_ns, wall_ns=wall_ns, **fields)
    return event
