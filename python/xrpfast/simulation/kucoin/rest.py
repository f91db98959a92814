"""The REST application: authentication, quotas, permissions; every way out is KuCoin's envelope."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web

from xrpfast.simulation.account import Account

from . import errors
from .auth import ApiKey, KeyRing
from .limits import EdgeLimit, Pools
from .routes import ROUTES, Route
from .venue import Venue
from .wire import success

RATE_LIMITED: Final = (
    "<!DOCTYPE html>\n<html><head><title>Access denied</title></head>"
    "<body><h1>Error 1015</h1><p>You are being rate limited.</p></body></html>\n"
)
"""What an address gets that the edge has blocked; faults have pages of their own."""

_LOG = logging.getLogger("xrpfast.simulation.kucoin")


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request, read: what a route's function gets."""

    venue: Venue
    key: ApiKey[Account] | None
    path: Any
    query: Any
    body: bytes
    stamp_ms: int | None
    remote: str

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


class Rest:
    """Serves `ROUTES` over one venue; its switches are for faults and tests."""

    def __init__(self, venue: Venue, keys: KeyRing[Account], pools: Pools) -> None:
        self.venue = venue
        self.keys = keys
        self.pools = pools
        self.overloaded = False
        """True: every call answers 429000 without quota headers, and is not charged."""
        self.edge: EdgeLimit | None = None
        """Counts requests by address, all routes together, when set."""

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._wrap], client_max_size=1 << 20)
        for route in ROUTES:
            app.router.add_route(route.method, route.path, self._handler(route))
        return app

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            return self._answer(route, request, body)

        return handle

    def _answer(self, route: Route, request: web.Request, body: bytes) -> web.Response:
        """One request, one reply. Raises `errors.Refused` before the quota is known."""
        now_ms = self.venue.now_ms()
        if self.overloaded:
            raise errors.OVERLOAD.refuse()
        if body and request.method == "POST" and request.content_type != "application/json":
            raise errors.MEDIA_TYPE.refuse()
        key: ApiKey[Account] | None = None
        stamp: int | None = None
        remote = caller = request.remote or ""
        if route.permission is not None:
            path, _, query = request.raw_path.partition("?")
            key = self.keys.check_rest(
                request.headers, request.method, path, query, body, now_ms, remote
            )
            key.require(route.permission)
            caller = str(key.account.uid)
            stamp = int(request.headers["KC-API-TIMESTAMP"])
        quota = self.pools.charge(route.pool, caller, route.weight, now_ms)
        headers = quota.headers()
        try:
            if not quota.allowed:
                raise errors.TOO_MANY.refuse()
            call = Call(self.venue, key, request.match_info, request.query, body, stamp, remote)
            return reply(success(route.function(call)), headers=headers)
        except errors.Refused as refused:
            return reply(refused.body(), refused.http, headers)

    @web.middleware
    async def _wrap(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """The edge speaks first; then every way out is the venue's envelope."""
        if self.edge is not None:
            now_s = self.venue.exchange.wall_ns() / 1e9
            if not self.edge.allow(request.remote or "", now_s):
                return web.Response(status=429, text=RATE_LIMITED, content_type="text/html")
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
        except ConnectionError:
            raise  # the client went away while it was sending: nobody is left to answer
        except web.RequestPayloadError:
            answer = errors.BAD_REQUEST.refuse()
        except Exception:
            _LOG.exception("%s %s", request.method, request.path)
            answer = errors.INTERNAL.refuse()
        return reply(answer.body(), answer.http)


def reply(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(body), status=status, headers=headers, content_type="application/json"
    )
