"""The venues' words for fuzzing: parameter names, a good order, and every error code they have."""

from __future__ import annotations

import json

from support.fuzzing import DATA

# Not in the table: a recvWindow that is too long, a logon with HMAC.
BINANCE_CODES = {-1131, -4056} | {
    row["code"] for row in json.loads((DATA / "binance_errors.json").read_text())
}
KUCOIN_CODES = {
    row["code"] for row in json.loads((DATA / "kucoin_errors.json").read_text())["entries"]
} | {"900003"}  # a currency that does not exist: not about orders, so not in the table
BINANCE_ORDER = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "25.0",
    "price": "2.1",
}  # fmt: skip
BINANCE_NAMES = (
    "newClientOrderId", "orderId", "origClientOrderId", "newOrderRespType", "recvWindow", "limit",
    "timestamp", "symbols", "quoteOrderQty", "stopPrice", "icebergQty", "selfTradePreventionMode",
    "startTime", "endTime", "fromId", "interval", "timeZone", "type", "symbolStatus", "strategyId",
    "cancelRestrictions", "computeCommissionRates", "omitZeroBalances", "showPermissionSets",
    "permissions", "cancelReplaceMode", "cancelOrderId", "cancelOrigClientOrderId", "newQty",
    "trailingDelta", "pegPriceType", "pegOffsetValue", "preventedMatchId", "orderListId",
    "signature",
)  # fmt: skip
KUCOIN_ORDER = {
    "clientOid": "fuzz-1", "symbol": "XRP-USDT", "side": "buy", "type": "limit", "price": "2.1",
    "size": "25",
}  # fmt: skip
KUCOIN_NAMES = (
    "funds", "timeInForce", "postOnly", "hidden", "iceberg", "visibleSize", "stp", "cancelAfter",
    "tags", "remark", "allowMaxTimeWindow", "clientTimestamp", "orderId", "newPrice", "newSize",
    "orderList", "timeout", "symbols", "cancelSize", "startAt", "endAt", "lastId", "limit",
    "pageNum", "pageSize", "currency", "direction", "bizType", "market", "base", "currencies",
    "currencyType", "from", "to", "amount",
)  # fmt: skip
BINANCE_METHODS = (
    "ping", "time", "exchangeInfo", "depth", "ticker.book", "ticker.price", "ticker.24hr",
    "ticker", "ticker.tradingDay", "avgPrice", "klines", "uiKlines", "trades.recent",
    "trades.historical", "trades.aggregate", "referencePrice", "executionRules", "session.logon",
    "session.status", "session.logout", "session.subscriptions", "order.place", "order.test",
    "order.cancel", "order.cancelReplace", "order.amend.keepPriority", "openOrders.cancelAll",
    "order.status", "openOrders.status", "allOrders", "myTrades", "account.status",
    "account.commission", "account.rateLimits.orders", "myFilters", "order.amendments",
    "myPreventedMatches", "userDataStream.subscribe", "userDataStream.subscribe.signature",
    "userDataStream.unsubscribe", "userDataStream.start", "v3/order.place", "v3/time", "order.",
)  # fmt: skip
BINANCE_STREAMS = (
    "xrpusdt@depth@100ms", "xrpusdt@depth", "xrpusdt@bookTicker", "xrpusdt@trade",
    "xrpusdt@aggTrade", "xrpusdt@depth5", "xrpusdt@kline_1m", "xrpusdt@miniTicker",
    "!miniTicker@arr", "xrpusdt@avgPrice", "xrpusdt@ticker", "ethusdt@trade", "XRPUSDT@trade",
)  # fmt: skip
KUCOIN_OPS = (
    "ping", "spot.order", "spot.sync_order", "spot.cancel", "spot.sync_cancel", "spot.modify",
    "uta.order", "margin.order", "spot.", "SPOT.ORDER",
)  # fmt: skip
KUCOIN_TOPICS = (
    "/market/level2:XRP-USDT", "/market/level2:XRP-USDT,BTC-USDT", "/market/ticker:all",
    "/market/ticker:XRP-USDT", "/market/match:XRP-USDT", "/spotMarket/level1:XRP-USDT",
    "/spotMarket/level2Depth5:XRP-USDT", "/spotMarket/level2Depth50:XRP-USDT",
    "/market/candles:XRP-USDT_1min", "/market/snapshot:XRP-USDT", "/spotMarket/tradeOrdersV2",
    "/spotMarket/tradeOrders", "/account/balance", "/market/level2", "/market/level2:", "/", ":",
)  # fmt: skip
