"""The REST application: route table with pools, weights and permissions; errors KuCoin's way."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web

from xrpfast.simulation.account import Account

from . import beyond_spot, errors, queries
from .auth import ApiKey, KeyRing
from .limits import MANAGEMENT, PUBLIC, SPOT, Pools
from .venue import Venue
from .wire import success

_LOG = logging.getLogger("xrpfast.simulation.kucoin")

GENERAL: Final = "General"
TRADE: Final = "Spot"


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request, read: what a route's function gets."""

    venue: Venue
    key: ApiKey[Account] | None
    path: Any
    query: Any
    body: bytes
    stamp_ms: int | None

    @property
    def account(self) -> Account:
        assert self.key is not None, "a public route has no account"
        return self.key.account

    def json(self) -> object:
        """The body; refuses what is no JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise errors.BAD_REQUEST.refuse() from None


Function = Callable[[Call], object]


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table; ``permission`` None = public, unsigned."""

    method: str
    path: str
    pool: str
    weight: int
    permission: str | None
    function: Function


class Rest:
    """Serves `ROUTES` over one venue."""

    def __init__(self, venue: Venue, keys: KeyRing[Account], pools: Pools) -> None:
        self.venue = venue
        self.keys = keys
        self.pools = pools
        self.overloaded = False
        """True: every call answers 429000 without quota headers, and is not charged."""

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_wrap], client_max_size=1 << 20)
        for route in ROUTES:
            app.router.add_route(route.method, route.path, self._handler(route))
        return app

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            now_ms = self.venue.now_ms()
            if self.overloaded:
                raise errors.OVERLOAD.refuse()
            if body and request.method == "POST" and request.content_type != "application/json":
                raise errors.MEDIA_TYPE.refuse()
            key: ApiKey[Account] | None = None
            stamp: int | None = None
            caller = request.remote or ""
            if route.permission is not None:
                path, _, query = request.raw_path.partition("?")
                key = self.keys.check_rest(
                    request.headers, request.method, path, query, body, now_ms, caller
                )
                key.require(route.permission)
                caller = str(key.account.uid)
                stamp = int(request.headers["KC-API-TIMESTAMP"])
            quota = self.pools.charge(route.pool, caller, route.weight, now_ms)
            headers = quota.headers()
            try:
                if not quota.allowed:
                    raise errors.TOO_MANY.refuse()
                call = Call(self.venue, key, request.match_info, request.query, body, stamp)
                return reply(success(route.function(call)), headers=headers)
            except errors.Refused as refused:
                return reply(refused.body(), refused.http, headers)

        return handle


def reply(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(body), status=status, headers=headers, content_type="application/json"
    )


@web.middleware
async def _wrap(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every way out is KuCoin's envelope."""
    try:
        return await handler(request)
    except errors.Refused as refused:
        answer = refused
    except web.HTTPNotFound:
        answer = errors.URL_UNKNOWN.refuse()
    except web.HTTPMethodNotAllowed:
        answer = errors.METHOD.refuse(request.method)
    except web.HTTPException as error:
        answer = errors.BAD_REQUEST.refuse()
        answer.http = error.status
    except Exception:
        _LOG.exception("%s %s", request.method, request.path)
        answer = errors.INTERNAL.refuse()
    return reply(answer.body(), answer.http)


ROUTES: Final = (
    Route("GET", "/api/v1/timestamp", PUBLIC, 3, None, queries.timestamp),
    Route("GET", "/api/v1/status", PUBLIC, 3, None, queries.status),
    Route("GET", "/api/v2/symbols", PUBLIC, 4, None, queries.symbols),
    Route("GET", "/api/v2/symbols/{symbol}", PUBLIC, 4, None, queries.symbol),
    Route("GET", "/api/v1/market/orderbook/level1", PUBLIC, 2, None, queries.level1),
    Route("GET", "/api/v1/market/orderbook/level2_20", PUBLIC, 2, None, queries.level2_20),
    Route("GET", "/api/v1/market/orderbook/level2_100", PUBLIC, 2, None, queries.level2_100),
    Route("GET", "/api/v3/market/orderbook/level2", SPOT, 3, GENERAL, queries.level2_full),
    Route("GET", "/api/v3/currencies", PUBLIC, 3, None, beyond_spot.currencies),
    Route("GET", "/api/v3/currencies/{currency}", PUBLIC, 3, None, beyond_spot.currency),
    Route("GET", "/api/v3/margin/symbols", SPOT, 3, GENERAL, beyond_spot.margin_symbols),
    Route("GET", "/api/v1/isolated/symbols", SPOT, 3, GENERAL, beyond_spot.isolated_symbols),
    Route("GET", "/api/v1/contracts/active", PUBLIC, 3, None, beyond_spot.contracts),
    Route("GET", "/api/ua/v1/account/mode", MANAGEMENT, 5, GENERAL, beyond_spot.account_mode),
    Route("POST", "/api/v1/bullet-public", PUBLIC, 10, None, queries.bullet_public),
    Route("POST", "/api/v1/bullet-private", SPOT, 10, GENERAL, queries.bullet_private),
    Route("GET", "/api/v1/accounts", MANAGEMENT, 5, GENERAL, queries.accounts),
    Route("GET", "/api/v1/accounts/{id}", MANAGEMENT, 5, GENERAL, queries.account),
    Route("GET", "/api/v1/trade-fees", SPOT, 3, GENERAL, queries.trade_fees),
    Route("GET", "/api/v1/base-fee", SPOT, 3, GENERAL, queries.base_fee),
    Route("GET", "/api/v1/hf/accounts/opened", SPOT, 30, GENERAL, queries.hf_opened),
    Route("GET", "/api/v1/user/api-key", MANAGEMENT, 20, GENERAL, queries.api_key),
    Route("POST", "/api/v1/hf/orders", SPOT, 1, TRADE, queries.place),
    Route("POST", "/api/v1/hf/orders/sync", SPOT, 1, TRADE, queries.place_sync),
    Route("POST", "/api/v1/hf/orders/test", SPOT, 1, TRADE, queries.place_test),
    Route("DELETE", "/api/v1/hf/orders", SPOT, 2, TRADE, queries.cancel_symbol),
    Route("DELETE", "/api/v1/hf/orders/cancelAll", SPOT, 30, TRADE, queries.cancel_all),
    Route("DELETE", "/api/v1/hf/orders/client-order/{clientOid}", SPOT, 1, TRADE, queries.cancel),
    Route("DELETE", "/api/v1/hf/orders/sync/{orderId}", SPOT, 1, TRADE, queries.cancel_sync),
    Route(
        "DELETE",
        "/api/v1/hf/orders/sync/client-order/{clientOid}",
        SPOT,
        1,
        TRADE,
        queries.cancel_sync,
    ),
    Route("DELETE", "/api/v1/hf/orders/{orderId}", SPOT, 1, TRADE, queries.cancel),
    Route("GET", "/api/v1/hf/orders/active", SPOT, 2, GENERAL, queries.active),
    Route("GET", "/api/v1/hf/orders/active/page", SPOT, 2, GENERAL, queries.active_page),
    Route("GET", "/api/v1/hf/orders/active/symbols", SPOT, 2, GENERAL, queries.active_symbols),
    Route("GET", "/api/v1/hf/orders/done", SPOT, 2, GENERAL, queries.done),
    Route("GET", "/api/v1/hf/orders/client-order/{clientOid}", SPOT, 2, GENERAL, queries.order),
    Route("GET", "/api/v1/hf/orders/{orderId}", SPOT, 2, GENERAL, queries.order),
    Route("GET", "/api/v1/hf/fills", SPOT, 2, GENERAL, queries.fills),
)
