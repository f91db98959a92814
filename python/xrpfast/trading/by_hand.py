"""A person's word on an order that its venue tells nothing of any more, as events.

The venue's own word settles orders; where it has none left (an order that it showed and has deleted
since), a person reads the venue's records and says what they show. The words are checked against
what the venue did say, and marked, so that a fill that comes all the same is not booked twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from xrpfast.model import MONEY_DECIMALS, Side, SymbolRules, format_money
from xrpfast.trading.events import AnyEvent, Control, Fill, OrderEnd
from xrpfast.trading.lifecycle import PERSON, TERMINAL, missing

if TYPE_CHECKING:
    from xrpfast.trading.lifecycle import Life


class HandFill(NamedTuple):
    """One trade as the venue's records show it; price and quantity in units of the book."""

    qty: int
    price: int
    fee: int
    """Money (10^-18) of ``fee_asset``."""
    fee_asset: str
    trade_id: str
    """The venue's, empty where its records do not show one."""


class Said(NamedTuple):
    """Who says it, why, and when."""

    who: str
    reason: str
    now_ns: int
    wall_ns: int


Owner = Callable[[str], str | None]
"""A trade id of the order's book and side -> the client id of the order that it is booked on."""


def settling(
    order: Life, rules: SymbolRules, fills: Sequence[HandFill], said: Said, owner: Owner
) -> list[AnyEvent]:
    """What is to be told of an order that a person settles: fills not booked yet, then its end.

    An order that a person settled before takes more fills, and nothing else. Raises ``ValueError``,
    one line, for words that do not fit what the venue said before, or what is booked.
    """
    place = f"order {order.client_id} at {order.venue}"
    more = order.reason.startswith(PERSON) and bool(fills)
    if order.state in TERMINAL and not missing(order) and not more:
        raise ValueError(f"{place} is settled already: {order.state.value}")
    named = [fill.trade_id for fill in fills if fill.trade_id]
    for trade_id in named:
        booked = owner(trade_id)
        if booked is not None:
            whose = "" if booked == order.client_id else f" on order {booked}"
            raise ValueError(f"{place}: trade {trade_id} is booked already{whose}: leave it out")
        if named.count(trade_id) > 1:
            raise ValueError(f"{place}: trade {trade_id} is named twice")
    for fill in fills:
        worse = fill.price > order.price if order.side == Side.BUY else fill.price < order.price
        if fill.qty <= 0 or fill.price <= 0 or fill.fee < 0 or worse:
            raise ValueError(
                f"{place}: a fill of {_qty(rules, fill.qty)} at {_price(rules, fill.price)} "
                f"cannot be: its limit is {_price(rules, order.price)}"
            )
    total = order.filled + sum(fill.qty for fill in fills)
    if total > order.qty:
        much = f"{_qty(rules, total)} filled of {_qty(rules, order.qty)}"
        raise ValueError(f"{place}: {much} cannot be")
    if total < order.claimed:
        raise ValueError(
            f"{place}: the venue said that {_qty(rules, order.claimed)} are filled, with these "
            f"words it would be {_qty(rules, total)}: name the missing fills"
        )
    now_ns, wall_ns = said.now_ns, said.wall_ns
    text = f"{order.client_id}: {said.reason}"
    events: list[AnyEvent] = [
        Control(action="settle", reason=text, who=said.who, now_ns=now_ns, wall_ns=wall_ns)
    ]
    events += [
        Fill(
            client_id=order.client_id,
            venue_order_id=order.venue_order_id,
            trade_id=fill.trade_id or f"{PERSON}{order.client_id}:{order.filled}:{number}",
            price=fill.price,
            qty=fill.qty,
            fee=fill.fee,
            fee_asset=fill.fee_asset,
            maker=False,
            venue_ns=said.wall_ns,
            by_hand=True,
            now_ns=now_ns,
            wall_ns=wall_ns,
        )
        for number, fill in enumerate(fills, 1)
    ]
    events.append(
        OrderEnd(
            client_id=order.client_id,
            venue_order_id=order.venue_order_id,
            state="FILLED" if total == order.qty else "CANCELLED",
            filled_qty=total,
            reason=f"{PERSON}{said.who}: {said.reason}",
            now_ns=now_ns,
            wall_ns=wall_ns,
        )
    )
    return events


def _qty(rules: SymbolRules, qty: int) -> str:
    return format_money(rules.qty_money(qty))


def _price(rules: SymbolRules, price: int) -> str:
    return format_money(price * 10 ** (MONEY_DECIMALS - rules.price_decimals))
