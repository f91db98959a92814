"""REST: market data, account and order queries, orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from xrpfast.simulation.account import Account
from xrpfast.simulation.binance import wire
from xrpfast.simulation.binance.limits import Counts, exchange_limits
from xrpfast.simulation.binance.market_data import CALLS, Call, Market
from xrpfast.simulation.binance.parameters import time_unit
from xrpfast.simulation.binance.requests import (
    MAX_NOTIONAL,
    MAX_OPEN_ORDERS,
    MAX_PRICE,
    BinanceError,
    authenticate,
    cancel,
    check_symbol,
    find,
    missing,
    place,
    query,
)
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.texts import fixed_money

Json = dict[str, Any]
Handler = Callable[[web.Request, Json], Any]
SignedHandler = Callable[[Account, Json], Any]


class Rest:
    """The routes below `/api/v3`."""

    def __init__(
        self, exchange: Exchange, counts: Counts, fresh_id: Callable[[], str], market: Market
    ) -> None:
        self._exchange = exchange
        self._market = market
        self._counts = counts
        self._fresh_id = fresh_id

    def app(self) -> web.Application:
        app = web.Application()
        get, post, delete = app.router.add_get, app.router.add_post, app.router.add_delete
        base = "/api/v3"
        get(f"{base}/ping", self._open(1, lambda _, __: {}))
        get(f"{base}/time", self._open(1, lambda _, __: {"serverTime": self._now()}))
        get(f"{base}/exchangeInfo", self._open(20, self._exchange_info))
        for call in CALLS:
            get(f"{base}{call.path}", self._open(0, self._market_query(call)))
        get(f"{base}/account", self._signed(20, self._account))
        get(f"{base}/order", self._signed(4, self._order))
        get(f"{base}/openOrders", self._signed(6, self._open_orders))
        get(f"{base}/myTrades", self._signed(20, self._my_trades))
        post(f"{base}/order", self._signed(0, self._place))
        post(f"{base}/order/test", self._signed(1, self._test))
        delete(f"{base}/order", self._signed(0, self._cancel))
        return app

    def _now(self) -> int:
        return self._exchange.wall_ns() // wire.MS

    def _reply(self, body: Any, status: int = 200) -> web.Response:
        used = str(self._counts.count("WEIGHT"))
        headers = {
            "X-MBX-USED-WEIGHT": used,
            "X-MBX-USED-WEIGHT-1M": used,
            "X-MBX-ORDER-COUNT-10S": str(self._counts.count("ORDERS_10S")),
            "X-MBX-ORDER-COUNT-1D": str(self._counts.count("ORDERS_1D")),
        }
        return web.Response(
            body=orjson.dumps(body),
            status=status,
            headers=headers,
            content_type="application/json",
            charset="utf-8",
        )

    def _open(
        self, weight: int, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            self._counts.add("WEIGHT", weight)
            try:
                return self._reply(handler(request, dict(request.query)))
            except BinanceError as error:
                return self._reply(error.body, error.status)

        return handle

    def _signed(
        self, weight: int, handler: SignedHandler
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            self._counts.add("WEIGHT", weight)
            raw_query = request.raw_path.partition("?")[2]
            raw_body = (await request.read()).decode("utf-8", "replace")
            params: Json = dict(parse_qsl(raw_body, keep_blank_values=True))
            params |= dict(parse_qsl(raw_query, keep_blank_values=True))
            text = _unsigned(raw_query) + _unsigned(raw_body)
            payload = text.encode("utf-8", "surrogateescape")
            try:
                key = request.headers.get("X-MBX-APIKEY")
                account = authenticate(self._exchange, key, payload, params)
                return self._reply(handler(account, params))
            except BinanceError as error:
                self._counts.add("WEIGHT", 0 if weight else 1)
                return self._reply(error.body, error.status)

        return handle

    def exchange_info(self) -> Json:
        """`exchangeInfo` of this symbol."""
        return {
            "timezone": "UTC",
            "serverTime": self._now(),
            "rateLimits": exchange_limits(),
            "exchangeFilters": [],
            "symbols": [symbol(self._exchange)],
        }

    def _exchange_info(self, request: web.Request, params: Json) -> Json:
        if "symbol" in params:
            check_symbol(self._exchange, params)
        if "symbols" in params:
            try:
                names = orjson.loads(params["symbols"])
            except orjson.JSONDecodeError:
                raise missing("symbols") from None
            for name in names if isinstance(names, list) else [None]:
                check_symbol(self._exchange, {"symbol": name})
        return self.exchange_info()

    def _market_query(self, call: Call) -> Handler:
        def handle(request: web.Request, params: Json) -> Any:
            self._counts.add("WEIGHT", call.weight(params))
            unit = time_unit(request.headers.get("X-MBX-TIME-UNIT"))
            return call.answer(self._market, params, unit)

        return handle

    def _account(self, account: Account, params: Json) -> Json:
        return wire.account(account, self._exchange.rules, self._now())

    def _order(self, account: Account, params: Json) -> Json:
        return wire.status(query(self._exchange, account, params), self._exchange.rules)

    def _open_orders(self, account: Account, params: Json) -> list[Json]:
        if "symbol" in params:
            check_symbol(self._exchange, params)
        orders = self._exchange.open_orders(account)
        return [wire.status(order, self._exchange.rules) for order in orders]

    def _my_trades(self, account: Account, params: Json) -> list[Json]:
        check_symbol(self._exchange, params)
        own = [fill for fill in self._exchange.fills if fill.order.account is account]
        if params.get("orderId"):
            own = [fill for fill in own if str(fill.order.order_id) == params["orderId"]]
        return [wire.my_trade(fill, self._exchange.rules) for fill in own[-500:]]

    def _place(self, account: Account, params: Json) -> Json:
        exchange, rules = self._exchange, self._exchange.rules
        order = place(exchange, account, params, self._fresh_id(), test=False)
        assert order is not None
        self._counts.order()
        kind = params.get("newOrderRespType", "ACK" if order.post_only else "FULL")
        if kind == "ACK":
            return wire.ack(order, rules)
        if kind == "RESULT":
            return wire.result(order, rules)
        return wire.full(order, order.fills, rules)

    def _test(self, account: Account, params: Json) -> Json:
        place(self._exchange, account, params, "test", test=True)
        return {}

    def _cancel(self, account: Account, params: Json) -> Json:
        exchange = self._exchange
        order = find(exchange, account, params)
        cancel_id = str(params.get("newClientOrderId") or self._fresh_id())
        ended = cancel(exchange, account, order, cancel_id)
        return wire.cancelled(ended, cancel_id, exchange.rules)


def symbol(exchange: Exchange) -> Json:
    """The symbol object of exchangeInfo."""
    rules = exchange.rules

    def price(units: int) -> str:
        return wire.fixed(units, rules.price_decimals)

    def qty(units: int) -> str:
        return wire.fixed(units, rules.qty_decimals)

    return {
        "symbol": rules.venue_symbol,
        "status": "TRADING",
        "baseAsset": rules.base,
        "baseAssetPrecision": 8,
        "quoteAsset": rules.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": price(rules.tick),
                "maxPrice": wire.fixed(MAX_PRICE, 0),
                "tickSize": price(rules.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": qty(rules.min_qty),
                "maxQty": qty(rules.max_qty),
                "stepSize": qty(rules.lot),
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": fixed_money(rules.min_notional, 8),
                "applyMinToMarket": True,
                "maxNotional": fixed_money(MAX_NOTIONAL, 8),
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_OPEN_ORDERS},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": wire.STP,
        "allowedSelfTradePreventionModes": [wire.STP],
    }


def _unsigned(text: str) -> str:
    """The text as it was sent, without its signature."""
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))
