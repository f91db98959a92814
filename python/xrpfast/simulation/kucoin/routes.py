"""The REST routes: which pool and weight a call takes, what a key must be allowed, who answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from . import account_queries as account
from . import beyond_spot as beyond
from . import market_queries as market
from . import order_queries as orders
from .limits import MANAGEMENT, PUBLIC, SPOT

if TYPE_CHECKING:
    from .rest import Call

GENERAL: Final = "General"
TRADE: Final = "Spot"
TRANSFER: Final = "InnerTransfer"
ANY_TRANSFER: Final = "Transfer"

Function = Callable[["Call"], object]


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table; ``permission`` None = public, unsigned."""

    method: str
    path: str
    pool: str
    weight: int
    permission: str | None
    function: Function


def _public(path: str, weight: int, function: Function, method: str = "GET") -> Route:
    return Route(method, path, PUBLIC, weight, None, function)


def _read(pool: str, path: str, weight: int, function: Function) -> Route:
    return Route("GET", path, pool, weight, GENERAL, function)


def _trade(method: str, path: str, weight: int, function: Function) -> Route:
    return Route(method, path, SPOT, weight, TRADE, function)


_BOOK: Final = "/api/v1/market/orderbook"
_HF: Final = "/api/v1/hf/orders"

MARKET_ROUTES: Final = (
    _public("/api/v1/timestamp", 3, market.timestamp),
    _public("/api/v1/status", 3, market.status),
    _public("/api/v1/my-ip", 0, market.my_ip),
    _public("/api/v2/symbols", 4, market.symbols),
    _public("/api/v2/symbols/{symbol}", 4, market.symbol),
    _public("/api/v1/markets", 3, market.markets),
    _public("/api/v1/prices", 3, market.prices),
    _public(f"{_BOOK}/level1", 2, market.level1),
    _public(f"{_BOOK}/level2_20", 2, market.level2_20),
    _public(f"{_BOOK}/level2_100", 2, market.level2_100),
    _read(SPOT, "/api/v3/market/orderbook/level2", 3, market.level2_full),
    _public("/api/v1/market/histories", 3, market.histories),
    _public("/api/v1/market/candles", 3, market.candles),
    _public("/api/v1/market/allTickers", 15, market.all_tickers),
    _public("/api/v1/market/stats", 15, market.stats),
    _public("/api/v3/announcements", 20, market.announcements),
)
BEYOND_ROUTES: Final = (
    _public("/api/v3/currencies", 3, beyond.currencies),
    _public("/api/v3/currencies/{currency}", 3, beyond.currency),
    _read(SPOT, "/api/v3/margin/symbols", 3, beyond.margin_symbols),
    _read(SPOT, "/api/v1/isolated/symbols", 3, beyond.isolated_symbols),
    _public("/api/v1/contracts/active", 3, beyond.contracts),
    _read(MANAGEMENT, "/api/ua/v1/account/mode", 5, beyond.account_mode),
)
ACCOUNT_ROUTES: Final = (
    _public("/api/v1/bullet-public", 10, account.bullet_public, "POST"),
    Route("POST", "/api/v1/bullet-private", SPOT, 10, GENERAL, account.bullet_private),
    _read(MANAGEMENT, "/api/v1/accounts", 5, account.accounts),
    _read(MANAGEMENT, "/api/v1/accounts/ledgers", 2, account.main_ledgers),
    _read(MANAGEMENT, "/api/v1/accounts/{id}", 5, account.account),
    _read(SPOT, "/api/v1/hf/accounts/opened", 30, account.hf_opened),
    _read(SPOT, "/api/v1/hf/accounts/ledgers", 2, account.ledgers),
    _read(SPOT, "/api/v1/trade-fees", 3, account.trade_fees),
    _read(SPOT, "/api/v1/base-fee", 3, account.base_fee),
    _read(MANAGEMENT, "/api/v2/user-info", 20, account.user_info),
    _read(MANAGEMENT, "/api/v1/user/api-key", 20, account.api_key),
    Route("POST", "/api/v2/accounts/inner-transfer", MANAGEMENT, 10, TRANSFER, account.transfer),
    Route("POST", "/api/v2/accounts/sub-transfer", MANAGEMENT, 30, ANY_TRANSFER, account.transfer),
    Route(
        "POST", "/api/v3/accounts/universal-transfer", MANAGEMENT, 4, ANY_TRANSFER, account.transfer
    ),
)
ORDER_ROUTES: Final = (
    _trade("POST", _HF, 1, orders.place),
    _trade("POST", f"{_HF}/sync", 1, orders.place_sync),
    _trade("POST", f"{_HF}/test", 1, orders.place_test),
    _trade("POST", f"{_HF}/multi", 1, orders.place_many),
    _trade("POST", f"{_HF}/multi/sync", 1, orders.place_many_sync),
    _trade("POST", f"{_HF}/alter", 1, orders.alter),
    _trade("POST", f"{_HF}/dead-cancel-all", 2, orders.dead_man_set),
    _trade("GET", f"{_HF}/dead-cancel-all/query", 2, orders.dead_man_query),
    _trade("DELETE", _HF, 2, orders.cancel_symbol),
    _trade("DELETE", f"{_HF}/cancelAll", 30, orders.cancel_all),
    _trade("DELETE", f"{_HF}/cancel/{{orderId}}", 2, orders.cancel_part),
    _trade("DELETE", f"{_HF}/client-order/{{clientOid}}", 1, orders.cancel),
    _trade("DELETE", f"{_HF}/sync/{{orderId}}", 1, orders.cancel_sync),
    _trade("DELETE", f"{_HF}/sync/client-order/{{clientOid}}", 1, orders.cancel_sync),
    _trade("DELETE", f"{_HF}/{{orderId}}", 1, orders.cancel),
    _read(SPOT, f"{_HF}/active", 2, orders.active),
    _read(SPOT, f"{_HF}/active/page", 2, orders.active_page),
    _read(SPOT, f"{_HF}/active/symbols", 2, orders.active_symbols),
    _read(SPOT, f"{_HF}/done", 2, orders.done),
    _read(SPOT, f"{_HF}/client-order/{{clientOid}}", 2, orders.order),
    _read(SPOT, f"{_HF}/{{orderId}}", 2, orders.order),
    _read(SPOT, "/api/v1/hf/fills", 2, orders.fills),
    _trade("POST", "/api/v1/stop-order", 1, orders.stop_order),
    _read(SPOT, "/api/v1/stop-order", 8, orders.stop_orders),
    _trade("DELETE", "/api/v1/stop-order/cancel", 3, orders.cancel_stop_orders),
    _trade("POST", "/api/v3/oco/order", 2, orders.stop_order),
)
ROUTES: Final = MARKET_ROUTES + BEYOND_ROUTES + ACCOUNT_ROUTES + ORDER_ROUTES
