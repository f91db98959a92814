"""Binance's objects out of the exchange's: orders, reports, account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from xrpfast.model import Side, SymbolRules, TimeInForce
from xrpfast.simulation.account import Account
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Fill, Order, Prevented, Stp
from xrpfast.simulation.texts import fixed_money, units_text

Json = dict[str, Any]
STATUS: Final = {
    "NEW": "NEW",
    "PARTLY_FILLED": "PARTIALLY_FILLED",
    "FILLED": "FILLED",
    "CANCELLED": "CANCELED",
    "EXPIRED": "EXPIRED",
    "PREVENTED": "EXPIRED_IN_MATCH",
}
EXPIRY_REASONS: Final = {
    "ioc": "UNFILLED_IOC_QUANTITY_EXPIRED",
    "fok": "UNFILLED_FOK_ORDER_EXPIRED",
    "liquidity": "INSUFFICIENT_LIQUIDITY",
    "price_range": "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
    "venue": "EXCHANGE_CANCELED",
}
EXECUTIONS: Final = {
    "received": "NEW",
    "fill": "TRADE",
    "cancelled": "CANCELED",
    "reduced": "REPLACED",
    "expired": "EXPIRED",
    "prevented": "TRADE_PREVENTION",
}
ZERO: Final = "0.00000000"
MS: Final = 1_000_000
US: Final = 1_000


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
    if order.kind == "market":
        return "MARKET"
    return "LIMIT_MAKER" if order.post_only else "LIMIT"


def tif_of(order: Order) -> str:
    shown: str = order.extra.get("tif", TimeInForce(order.tif).name)
    return shown


def stp_of(order: Order) -> str:
    shown: str = order.extra.get("stp", Stp(order.stp).name)
    return shown


def client_id_of(order: Order) -> str:
    """A cancel renames the order."""
    shown: str = order.extra.get("cancel_id", order.client_id)
    return shown


def expiry_reason(order: Order) -> str:
    reason: str = EXPIRY_REASONS.get(order.extra.get("reason", order.reason), "EXCHANGE_CANCELED")
    return reason


class Amendment(NamedTuple):
    """One amend of an order; quantities in 10^-8."""

    execution_id: int
    old_id: str
    new_id: str
    old_qty: int
    new_qty: int
    wall_ns: int


@dataclass(frozen=True, slots=True)
class Wire:
    """Writes for one symbol; ``unit_ns`` is the unit of times, `MS` or `US`."""

    rules: SymbolRules
    unit_ns: int = MS

    def time(self, ns: int) -> int:
        return ns // self.unit_ns

    def price(self, units: int) -> str:
        return fixed(units, self.rules.price_decimals)

    def qty(self, units: int) -> str:
        return fixed(units, self.rules.qty_decimals)

    # --- orders -----------------------------------------------------------------------------------

    def ack(self, order: Order) -> Json:
        """Reply of newOrderRespType ACK."""
        return {
            "symbol": self.rules.venue_symbol,
            "orderId": order.order_id,
            "orderListId": -1,
            "clientOrderId": order.client_id,
            "transactTime": self.time(order.created_ns),
        }

    def result(self, order: Order) -> Json:
        """Reply of newOrderRespType RESULT."""
        times = {"workingTime": self.time(order.created_ns)}
        return self.ack(order) | self._amounts(order) | times | self._conditional(order)

    def full(self, order: Order) -> Json:
        """Reply of newOrderRespType FULL."""
        fills = [
            {
                "price": self.price(fill.price),
                "qty": self.qty(fill.qty),
                "commission": fixed_money(fill.fee, 8),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in order.fills
        ]
        body = self.result(order) | {"fills": fills}
        if order.prevented_matches:
            body["preventedMatches"] = [self._prevented_leg(row) for row in order.prevented_matches]
        return body

    def cancelled(self, order: Order) -> Json:
        """Reply to a cancel: the order's id moves to ``origClientOrderId``."""
        return {
            "symbol": self.rules.venue_symbol,
            "origClientOrderId": order.client_id,
            "orderId": order.order_id,
            "orderListId": -1,
            "clientOrderId": client_id_of(order),
            "transactTime": self.time(order.updated_ns),
            **self._amounts(order),
            **self._conditional(order),
        }

    def status(self, order: Order) -> Json:
        """Reply to a query."""
        return {
            "symbol": self.rules.venue_symbol,
            "orderId": order.order_id,
            "orderListId": -1,
            "clientOrderId": client_id_of(order),
            **self._amounts(order),
            "stopPrice": ZERO,
            "icebergQty": ZERO,
            "time": self.time(order.created_ns),
            "updateTime": self.time(order.updated_ns),
            "isWorking": order.working,
            "workingTime": self.time(order.created_ns),
            **self._conditional(order),
        }

    def amended(self, order: Order, made: Amendment) -> Json:
        """Reply to an amend; it names some amounts in words of its own."""
        return {
            "transactTime": self.time(made.wall_ns),
            "executionId": made.execution_id,
            "amendedOrder": {
                "symbol": self.rules.venue_symbol,
                "orderId": order.order_id,
                "orderListId": -1,
                "origClientOrderId": made.old_id,
                "clientOrderId": made.new_id,
                "price": self.price(order.price),
                "qty": self.qty(order.qty - order.reduced),
                "executedQty": self.qty(order.filled),
                "preventedQty": self.qty(order.prevented),
                "quoteOrderQty": ZERO,
                "cumulativeQuoteQty": fixed_money(order.quote_filled, 8),
                "status": STATUS[order.state],
                "timeInForce": tif_of(order),
                "type": type_of(order),
                "side": order.side.name,
                "workingTime": self.time(order.created_ns),
                "selfTradePreventionMode": stp_of(order),
            },
        }

    def amendment(self, order: Order, made: Amendment) -> Json:
        """A row of `order.amendments`."""
        return {
            "symbol": self.rules.venue_symbol,
            "orderId": order.order_id,
            "executionId": made.execution_id,
            "origClientOrderId": made.old_id,
            "newClientOrderId": made.new_id,
            "origQty": fixed(made.old_qty, 8),
            "newQty": fixed(made.new_qty, 8),
            "time": self.time(made.wall_ns),
        }

    def my_trade(self, fill: Fill) -> Json:
        """A row of `myTrades`."""
        order = fill.order
        return {
            "symbol": self.rules.venue_symbol,
            "id": fill.trade_id,
            "orderId": order.order_id,
            "orderListId": -1,
            "price": self.price(fill.price),
            "qty": self.qty(fill.qty),
            "quoteQty": fixed_money(self.rules.notional(fill.price, fill.qty), 8),
            "commission": fixed_money(fill.fee, 8),
            "commissionAsset": fill.fee_asset,
            "time": self.time(fill.wall_ns),
            "isBuyer": order.side is Side.BUY,
            "isMaker": fill.maker,
            "isBestMatch": True,
        }

    def prevented_match(self, row: Prevented, stp: str) -> Json:
        """A row of `myPreventedMatches`."""
        return {
            "symbol": self.rules.venue_symbol,
            "preventedMatchId": row.number,
            "takerOrderId": row.taker_order_id,
            "makerSymbol": self.rules.venue_symbol,
            "makerOrderId": row.maker_order_id,
            "tradeGroupId": -1,
            "selfTradePreventionMode": stp,
            "price": self.price(row.price),
            **self._prevented_qtys(row),
            "transactTime": self.time(row.wall_ns),
        }

    def _amounts(self, order: Order) -> Json:
        """What every description of an order has."""
        return {
            "price": self.price(order.price),
            "origQty": self.qty(order.qty - order.reduced),
            "executedQty": self.qty(order.filled),
            "origQuoteOrderQty": ZERO if order.funds is None else fixed_money(order.funds, 8),
            "cummulativeQuoteQty": fixed_money(order.quote_filled, 8),
            "status": STATUS[order.state],
            "timeInForce": tif_of(order),
            "type": type_of(order),
            "side": order.side.name,
        }

    def _conditional(self, order: Order) -> Json:
        """What follows the amounts, some of it only where it applies."""
        body: Json = {"selfTradePreventionMode": stp_of(order)}
        for name in ("strategyId", "strategyType"):
            if name in order.extra:
                body[name] = order.extra[name]
        if order.prevented:
            body["preventedMatchId"] = order.prevented_matches[-1].number
            body["preventedQuantity"] = self.qty(order.prevented)
        if order.state == "EXPIRED":
            body["expiryReason"] = expiry_reason(order)
        return body

    def _prevented_leg(self, row: Prevented) -> Json:
        return {
            "preventedMatchId": row.number,
            "makerOrderId": row.maker_order_id,
            "price": self.price(row.price),
            **self._prevented_qtys(row),
        }

    def _prevented_qtys(self, row: Prevented) -> Json:
        body: Json = {}
        if row.taker_qty:
            body["takerPreventedQuantity"] = self.qty(row.taker_qty)
        if row.maker_qty:
            body["makerPreventedQuantity"] = self.qty(row.maker_qty)
        return body

    # --- account ----------------------------------------------------------------------------------

    def account(self, owner: Account, *, omit_zero: bool) -> Json:
        """`account` and `account.status`."""
        maker, taker = self.rates()
        rows = [self.balance(asset, owner) for asset in sorted(owner.balances)]
        if omit_zero:
            rows = [row for row in rows if (row["free"], row["locked"]) != (ZERO, ZERO)]
        return {
            "makerCommission": self.rules.maker_rate // 10_000,
            "takerCommission": self.rules.taker_rate // 10_000,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {"maker": maker, "taker": taker, "buyer": ZERO, "seller": ZERO},
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": self.time(owner.updated_ns),
            "accountType": "SPOT",
            "balances": rows,
            "permissions": ["SPOT"],
            "uid": owner.uid,
        }

    def balance(self, asset: str, owner: Account) -> Json:
        held = owner.balance(asset)
        return {
            "asset": asset,
            "free": fixed_money(held.free, 8),
            "locked": fixed_money(held.locked, 8),
        }

    def rates(self) -> tuple[str, str]:
        """Commission rates of a maker and of a taker."""
        return fixed(self.rules.maker_rate, 8), fixed(self.rules.taker_rate, 8)
