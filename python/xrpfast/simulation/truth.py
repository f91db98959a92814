"""What a mock venue holds to be true of one customer, as the control port tells it."""

from __future__ import annotations

from typing import Any

from xrpfast.model import format_money
from xrpfast.simulation.account import Account
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Order
from xrpfast.simulation.texts import units_text


def ledger(exchange: Exchange, account: Account) -> dict[str, Any]:
    """Orders, fills and balances of one customer as decimal texts.

    ``accepted_ns``: when the venue took it, by its clock.
    ``forgotten``: how many ended orders and fills of the venue are no longer remembered.
    """
    rules = exchange.rules
    price, qty = rules.price_decimals, rules.qty_decimals
    return {
        "orders": [
            {
                "client_id": order.client_id,
                "order_id": public_id(order),
                "side": order.side.name,
                "price": units_text(order.price, price),
                "qty": units_text(order.qty, qty),
                "filled": units_text(order.filled, qty),
                "state": exchange.rest_state if order.state == "EXPIRED" else order.state,
                "accepted_ns": order.created_ns,
            }
            for order in exchange.orders.values()
            if order.account is account
        ],
        "fills": [
            {
                "trade_id": str(fill.trade_id),
                "order_id": public_id(fill.order),
                "client_id": fill.order.client_id,
                "side": fill.order.side.name,
                "price": units_text(fill.price, price),
                "qty": units_text(fill.qty, qty),
                "fee": format_money(fill.fee),
                "fee_asset": fill.fee_asset,
                "maker": fill.maker,
            }
            for fill in exchange.fills
            if fill.order.account is account
        ],
        "balances": {
            asset: {"free": format_money(b.free), "locked": format_money(b.locked)}
            for asset, b in account.balances.items()
        },
        "forgotten": {"orders": exchange.store.forgotten, "fills": exchange.fills.first},
    }


def public_id(order: Order) -> str:
    """The order's id as the venue writes it; a face may keep another in ``extra``."""
    return str(order.extra.get("public_id", order.order_id))
