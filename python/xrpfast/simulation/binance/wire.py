"""Binance's objects out of the exchange's: orders, reports, account, symbol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xrpfast.model import Side, SymbolRules, TimeInForce
from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Fill, Order
from xrpfast.simulation.texts import fixed_money, units_text

Json = dict[str, Any]
STATUS = {
    "NEW": "NEW",
    "PARTLY_FILLED": "PARTIALLY_FILLED",
    "FILLED": "FILLED",
    "CANCELLED": "CANCELED",
    "EXPIRED": "EXPIRED",
}
STP = "EXPIRE_MAKER"
MS = 1_000_000


def fixed(value: int, decimals: int) -> str:
    """Units as the venue prints them: eight places."""
    text = units_text(value, decimals)
    whole, _, part = text.partition(".")
    return f"{whole}.{part:<08}"


def levels(rows: list[tuple[int, int]], rules: SymbolRules) -> list[list[str]]:
    price, qty = rules.price_decimals, rules.qty_decimals
    return [[fixed(p, price), fixed(q, qty)] for p, q in rows]


def depth(exchange: Exchange, limit: int) -> Json:
    """The snapshot of `depth`."""
    return {
        "lastUpdateId": exchange.sequence,
        "bids": levels(exchange.matching.levels(Side.BUY, limit), exchange.rules),
        "asks": levels(exchange.matching.levels(Side.SELL, limit), exchange.rules),
    }


def type_of(order: Order) -> str:
    return "LIMIT_MAKER" if order.post_only else "LIMIT"


def tif_of(order: Order) -> str:
    return TimeInForce(order.tif).name


def ack(order: Order, rules: SymbolRules) -> Json:
    """Reply of newOrderRespType ACK."""
    return {
        "symbol": rules.venue_symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "transactTime": order.created_ns // MS,
    }


def amounts(order: Order, rules: SymbolRules) -> Json:
    """What every description of an order has."""
    return {
        "price": fixed(order.price, rules.price_decimals),
        "origQty": fixed(order.qty, rules.qty_decimals),
        "executedQty": fixed(order.filled, rules.qty_decimals),
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": fixed_money(order.quote_filled, 8),
        "status": STATUS[order.state],
        "timeInForce": tif_of(order),
        "type": type_of(order),
        "side": order.side.name,
    }


def result(order: Order, rules: SymbolRules) -> Json:
    """Reply of newOrderRespType RESULT."""
    extra = {"workingTime": order.created_ns // MS, "selfTradePreventionMode": STP}
    if order.state == "EXPIRED":
        extra["expiryReason"] = expiry_reason(order)
    return ack(order, rules) | amounts(order, rules) | extra


def full(order: Order, fills: Sequence[Fill], rules: SymbolRules) -> Json:
    """Reply of newOrderRespType FULL."""
    return result(order, rules) | {
        "fills": [
            {
                "price": fixed(fill.price, rules.price_decimals),
                "qty": fixed(fill.qty, rules.qty_decimals),
                "commission": fixed_money(fill.fee, 8),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in fills
        ]
    }


def cancelled(order: Order, cancel_id: str, rules: SymbolRules) -> Json:
    """Reply to a cancel: the order's id moves to ``origClientOrderId``."""
    return {
        "symbol": rules.venue_symbol,
        "origClientOrderId": order.client_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_ns // MS,
        **amounts(order, rules),
        "selfTradePreventionMode": STP,
    }


def status(order: Order, rules: SymbolRules) -> Json:
    """Reply to a query."""
    return {
        "symbol": rules.venue_symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        **amounts(order, rules),
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        "time": order.created_ns // MS,
        "updateTime": order.updated_ns // MS,
        "isWorking": order.working,
        "workingTime": order.created_ns // MS,
        "selfTradePreventionMode": STP,
    }


def my_trade(fill: Fill, rules: SymbolRules) -> Json:
    """A row of `myTrades`."""
    order = fill.order
    return {
        "symbol": rules.venue_symbol,
        "id": fill.trade_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "price": fixed(fill.price, rules.price_decimals),
        "qty": fixed(fill.qty, rules.qty_decimals),
        "quoteQty": fixed_money(rules.notional(fill.price, fill.qty), 8),
        "commission": fixed_money(fill.fee, 8),
        "commissionAsset": fill.fee_asset,
        "time": fill.wall_ns // MS,
        "isBuyer": order.side is Side.BUY,
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def expiry_reason(order: Order) -> str:
    if order.tif is TimeInForce.FOK:
        return "UNFILLED_FOK_ORDER_EXPIRED"
    return "UNFILLED_IOC_QUANTITY_EXPIRED"


def execution_report(
    kind: str,
    order: Order,
    fill: Fill | None,
    execution_id: int,
    cancel_id: str,
    rules: SymbolRules,
) -> Json:
    """The private event of one step of an order (kinds as `Listener.on_order`)."""
    now = order.updated_ns // MS
    what = {"received": "NEW", "fill": "TRADE", "cancelled": "CANCELED", "expired": "EXPIRED"}[kind]
    price, qty = rules.price_decimals, rules.qty_decimals
    filled = fill.filled if fill else order.filled
    quote = fill.quote_filled if fill else order.quote_filled
    state = STATUS[order.state]
    if fill is not None:
        state = "FILLED" if filled == order.qty else "PARTIALLY_FILLED"
    working = kind == "received" or (fill is not None and fill.maker and filled < order.qty)
    report: Json = {
        "e": "executionReport",
        "E": now,
        "s": rules.venue_symbol,
        "c": cancel_id or order.client_id,
        "S": order.side.name,
        "o": type_of(order),
        "f": tif_of(order),
        "q": fixed(order.qty, qty),
        "p": fixed(order.price, price),
        "P": "0.00000000",
        "F": "0.00000000",
        "g": -1,
        "C": order.client_id if cancel_id else "",
        "x": what,
        "X": state,
        "r": "NONE",
        "i": order.order_id,
        "l": fixed(fill.qty, qty) if fill else "0.00000000",
        "z": fixed(filled, qty),
        "L": fixed(fill.price, price) if fill else "0.00000000",
        "n": fixed_money(fill.fee, 8) if fill else "0",
        "N": fill.fee_asset if fill else None,
        "T": now,
        "t": fill.trade_id if fill else -1,
        "I": execution_id,
        "w": working,
        "m": fill.maker if fill else False,
        "M": fill is not None,
        "O": order.created_ns // MS,
        "Z": fixed_money(quote, 8),
        "Y": fixed_money(rules.notional(fill.price, fill.qty), 8) if fill else "0.00000000",
        "Q": "0.00000000",
        "W": order.created_ns // MS,
        "V": STP,
    }
    if kind == "expired":
        report["eR"] = expiry_reason(order)
    return report


def account(owner: Account, rules: SymbolRules, now_ms: int) -> Json:
    """`account` and `account.status`."""
    maker, taker = fixed(rules.maker_rate, 8), fixed(rules.taker_rate, 8)
    return {
        "makerCommission": rules.maker_rate // 10_000,
        "takerCommission": rules.taker_rate // 10_000,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": maker, "taker": taker, "buyer": "0.00000000", "seller": "0.00000000",
        },
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": now_ms,
        "accountType": "SPOT",
        "balances": [balance(asset, owner) for asset in sorted(owner.balances)],
        "permissions": ["SPOT"],
        "uid": owner.uid,
    }  # fmt: skip


def balance(asset: str, owner: Account) -> Json:
    held = owner.balance(asset)
    return {
        "asset": asset,
        "free": fixed_money(held.free, 8),
        "locked": fixed_money(held.locked, 8),
    }


def moved_by_others(change: BalanceChange, now_ms: int) -> Json | None:
    """The event of a balance that no order moved; None for one that an order did."""
    if change.reason == "transfer":
        kind, delta = "balanceUpdate", change.free_change
    elif change.reason == "lock":
        kind, delta = "externalLockUpdate", change.locked_change
    else:
        return None
    return {"e": kind, "E": now_ms, "a": change.asset, "d": fixed_money(delta, 8), "T": now_ms}
