"""KuCoin's words for what the exchange knows: REST objects, public frames, private events.

Only shapes and texts; nothing here decides. Decimals are texts without trailing zeros, as real
frames have them; spelling differs on purpose (``cancelledSize`` in REST, ``canceledSize`` pushed).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from xrpfast.model import MONEY_DECIMALS, RATE_ONE, Side, SymbolRules, TimeInForce, format_money
from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.orders import Fill, Order, Trade
from xrpfast.simulation.texts import units_text

from .books import Frame

Json = dict[str, Any]

_ID_PREFIX: Final = "6920aa01c3f1"
_RATE_DECIMALS: Final = 8
_FEE_CATEGORY: Final = 1
ACCOUNT_BASE: Final = 548_674_590_000


def order_id_text(number: int) -> str:
    """The 24-digit hex id that an order of the exchange has on the wire."""
    return f"{_ID_PREFIX}{number:012x}"


def order_id_number(text: str) -> int | None:
    """The exchange's number of a wire id; None when it is none of ours."""
    if len(text) != 24 or not text.startswith(_ID_PREFIX):
        return None
    try:
        return int(text[len(_ID_PREFIX) :], 16)
    except ValueError:
        return None


def side_text(side: Side) -> str:
    return "buy" if side is Side.BUY else "sell"


def user_id(account: Account) -> str:
    return f"633559791e1cbc00{account.uid:08x}"


def account_id(account: Account, currency: str) -> str:
    """One id per (account, currency), stable over restarts."""
    order = sorted({*account.balances, currency})
    return str(ACCOUNT_BASE + account.uid * 100 + order.index(currency))


def ms(ns: int) -> int:
    return ns // 1_000_000


class Wire:
    """The shapes of one symbol."""

    def __init__(self, rules: SymbolRules) -> None:
        self.rules = rules
        self.symbol = rules.venue_symbol

    # --- numbers ------------------------------------------------------------------------------

    def price(self, price: int) -> str:
        return units_text(price, self.rules.price_decimals)

    def qty(self, qty: int) -> str:
        return units_text(qty, self.rules.qty_decimals)

    def rate(self, maker: bool) -> str:
        return units_text(self.rules.maker_rate if maker else self.rules.taker_rate, 8)

    def levels(self, rows: Iterable[tuple[int, int]]) -> list[list[str]]:
        return [[self.price(price), self.qty(qty)] for price, qty in rows]

    # --- REST ---------------------------------------------------------------------------------

    def symbol_object(self) -> Json:
        rules = self.rules
        quote_step = self.price(rules.tick)
        return {
            "symbol": self.symbol,
            "name": self.symbol,
            "baseCurrency": rules.base,
            "quoteCurrency": rules.quote,
            "feeCurrency": rules.quote,
            "market": "USDS",
            "baseMinSize": self.qty(rules.min_qty),
            "quoteMinSize": format_money(rules.min_notional),
            "baseMaxSize": self.qty(rules.max_qty),
            "quoteMaxSize": "99999999",
            "baseIncrement": self.qty(rules.lot),
            "quoteIncrement": quote_step,
            "priceIncrement": quote_step,
            "priceLimitRate": "0.1",
            "minFunds": format_money(rules.min_notional),
            "isMarginEnabled": False,
            "enableTrading": True,
            "feeCategory": _FEE_CATEGORY,
            "makerFeeCoefficient": "1.00",
            "takerFeeCoefficient": "1.00",
            "st": False,
            "callauctionIsEnabled": False,
            "callauctionPriceFloor": None,
            "callauctionPriceCeiling": None,
            "callauctionFirstStageStartTime": None,
            "callauctionSecondStageStartTime": None,
            "callauctionThirdStageStartTime": None,
            "tradingStartTime": None,
        }

    def order_object(self, order: Order) -> Json:
        """An order as queries show it."""
        rules = self.rules
        funds = rules.notional(order.price, order.qty)
        ended = 0 if order.working else order.remaining
        extra = order.extra
        return {
            "id": order_id_text(order.order_id),
            "clientOid": order.client_id,
            "symbol": self.symbol,
            "opType": "DEAL",
            "type": "limit",
            "side": side_text(order.side),
            "price": self.price(order.price),
            "size": self.qty(order.qty),
            "funds": format_money(funds),
            "dealSize": self.qty(order.filled),
            "dealFunds": format_money(order.quote_filled),
            "remainSize": self.qty(order.remaining if order.working else 0),
            "remainFunds": format_money(0 if ended else funds - order.quote_filled),
            "cancelledSize": self.qty(ended),
            "cancelledFunds": format_money(rules.notional(order.price, ended)),
            "fee": format_money(order.fee),
            "feeCurrency": rules.quote,
            "stp": extra.get("stp"),
            "timeInForce": order.tif.name,
            "postOnly": order.post_only,
            "hidden": False,
            "iceberg": False,
            "visibleSize": "0",
            "cancelAfter": 0,
            "channel": extra.get("channel", "API"),
            "remark": extra.get("remark"),
            "tags": extra.get("tags"),
            "cancelExist": bool(ended),
            "tradeType": "TRADE",
            "inOrderBook": order.working,
            "active": order.working,
            "tax": "0",
            "createdAt": ms(order.created_ns),
            "lastUpdatedAt": ms(order.updated_ns),
        }

    def fill_object(self, number: int, fill: Fill) -> Json:
        order = fill.order
        return {
            "id": number,
            "symbol": self.symbol,
            "tradeId": fill.trade_id,
            "orderId": order_id_text(order.order_id),
            "counterOrderId": order_id_text(fill.counter_order_id),
            "side": side_text(order.side),
            "liquidity": "maker" if fill.maker else "taker",
            "forceTaker": False,
            "price": self.price(fill.price),
            "size": self.qty(fill.qty),
            "funds": format_money(self.rules.notional(fill.price, fill.qty)),
            "fee": format_money(fill.fee),
            "feeRate": self.rate(fill.maker),
            "feeCurrency": fill.fee_asset,
            "stop": "",
            "tradeType": "TRADE",
            "taxRate": "0",
            "tax": "0",
            "type": "limit",
            "createdAt": ms(fill.wall_ns),
        }

    def placed(self, order: Order) -> Json:
        return {"orderId": order_id_text(order.order_id), "clientOid": order.client_id}

    def outcome(self, order: Order) -> Json:
        """What the sync replies say of the amounts."""
        return {
            "originSize": self.qty(order.qty),
            "dealSize": self.qty(order.filled),
            "remainSize": self.qty(order.remaining if order.working else 0),
            "canceledSize": self.qty(0 if order.working else order.remaining),
            "status": "open" if order.working else "done",
        }

    def placed_sync(self, order: Order) -> Json:
        outcome = self.outcome(order)
        return {
            **self.placed(order),
            "orderTime": ms(order.created_ns),
            **outcome,
            "matchTime": ms(order.updated_ns),
        }

    # --- public frames ------------------------------------------------------------------------

    def level2(self, topic: str, frame: Frame, now_ms: int) -> bytes:
        asks: list[list[str]] = []
        bids: list[list[str]] = []
        for entry in frame.entries:
            row = [self.price(entry.price), self.qty(entry.qty), str(entry.sequence)]
            (asks if entry.side else bids).append(row)
        data = {
            "changes": {"asks": asks, "bids": bids},
            "sequenceStart": frame.start,
            "sequenceEnd": frame.end,
            "symbol": self.symbol,
            "time": now_ms,
        }
        return message(topic, "trade.l2update", data)

    def match(self, topic: str, trade: Trade) -> bytes:
        number = str(trade.trade_id)
        data = {
            "type": "match",
            "symbol": self.symbol,
            "side": side_text(trade.taker_side),
            "price": self.price(trade.price),
            "size": self.qty(trade.qty),
            "sequence": number,
            "tradeId": number,
            "takerOrderId": order_id_text(trade.taker_order_id),
            "makerOrderId": order_id_text(trade.maker_order_id),
            "time": str(trade.wall_ns),
        }
        return message(topic, "trade.l3match", data)

    # --- private events -----------------------------------------------------------------------

    def order_change(self, kind: str, order: Order, fill: Fill | None) -> Json:
        """``data`` of an orderChange frame; ``kind`` is the exchange's word."""
        event, status = EVENTS[kind]
        data: Json = {
            "type": event,
            "status": status,
            "symbol": self.symbol,
            "orderType": "limit",
            "side": side_text(order.side),
            "orderId": order_id_text(order.order_id),
            "clientOid": order.client_id,
            "price": self.price(order.price),
        }
        if kind != "received":
            done = status == "done"
            data["size"] = data["originSize"] = self.qty(order.qty)
            data["filledSize"] = self.qty(order.filled)
            data["remainSize"] = self.qty(0 if done else order.remaining)
            if done:
                data["remainFunds"] = "0"
            data["canceledSize"] = self.qty(order.remaining if done else 0)
        else:
            data["originSize"] = self.qty(order.qty)
        if fill is not None:
            if not fill.maker:
                data["status"] = "match"
            data["matchPrice"] = self.price(fill.price)
            data["matchSize"] = self.qty(fill.qty)
            data["tradeId"] = str(fill.trade_id)
            data["liquidity"] = "maker" if fill.maker else "taker"
            data["feeType"] = "makerFee" if fill.maker else "takerFee"
        data["orderTime"] = ms(order.created_ns)
        data["ts"] = order.updated_ns if fill is None else fill.wall_ns
        return data

    def balance_change(self, account: Account, change: BalanceChange, event: str, now: int) -> Json:
        """``data`` of an account.balance frame; ``event`` is its own id."""
        context = {"symbol": self.symbol, "orderId": order_id_text(change.order_id)}
        if change.trade_id is not None:
            context["tradeId"] = str(change.trade_id)
        return {
            "accountId": account_id(account, change.asset),
            "currency": change.asset,
            "total": format_money(change.free + change.locked),
            "available": format_money(change.free),
            "hold": format_money(change.locked),
            "availableChange": format_money(change.free_change),
            "holdChange": format_money(change.locked_change),
            "relationContext": context,
            "relationEvent": RELATIONS[change.reason],
            "relationEventId": event,
            "time": str(ms(now)),
        }


EVENTS: Final = {
    "received": ("received", "new"),
    "open": ("open", "open"),
    "fill": ("match", "open"),
    "filled": ("filled", "done"),
    "cancelled": ("canceled", "done"),
    "expired": ("canceled", "done"),
}
"""The exchange's word for a step of an order -> type and status of the push."""

RELATIONS: Final = {"hold": "trade.hold", "release": "trade.hold", "settle": "trade_hf.setted"}
"""Both prefixes occur on the real socket, so both are used."""


def message(topic: str, subject: str, data: Json) -> bytes:
    """A public data frame."""
    return orjson.dumps({"type": "message", "topic": topic, "subject": subject, "data": data})


def private_message(
    topic: str, subject: str, account: Account, data: Json, number: str | None = None
) -> bytes:
    frame: Json = {"topic": topic, "type": "message", "subject": subject}
    if number is not None:
        frame["id"] = number
    frame["userId"] = user_id(account)
    frame["channelType"] = "private"
    frame["data"] = data
    return orjson.dumps(frame)


def success(data: object) -> Json:
    return {"code": "200000", "data": data}


def units(text: str, decimals: int) -> int | None:
    """Exact units of 10^-decimals in a plain decimal text; None when it is finer than that."""
    whole, _, part = text.partition(".")
    part = part.rstrip("0")
    if len(part) > decimals:
        return None
    return int((whole or "0") + part.ljust(decimals, "0"))


assert RATE_ONE == 10**_RATE_DECIMALS
assert MONEY_DECIMALS == 18
assert {tif.name for tif in TimeInForce} == {"GTC", "IOC", "FOK"}
