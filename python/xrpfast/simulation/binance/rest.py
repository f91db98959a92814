"""REST: routes, what is signed, headers of replies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import orjson
from aiohttp import web

from xrpfast.simulation.binance import errors
from xrpfast.simulation.binance.call import Call, Endpoint, answer
from xrpfast.simulation.binance.keys import authenticate
from xrpfast.simulation.binance.params import Params, of_form, unsigned
from xrpfast.simulation.binance.venue import Venue

SBE: Final = "application/sbe"
GONE: Final = (
    b"<html>\r\n<head><title>410 Gone</title></head>\r\n<body>\r\n"
    b"<center><h1>410 Gone</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
"""What is left of the listen keys: no JSON any more."""
REMOVED: Final = "/api/v3/userDataStream"


class Rest:
    """Turns requests into calls of the endpoints, and results into replies."""

    def __init__(self, venue: Venue, endpoints: Sequence[Endpoint]) -> None:
        self._venue = venue
        self._endpoints = [endpoint for endpoint in endpoints if endpoint.rest]

    def app(self) -> web.Application:
        app = web.Application()
        for endpoint in self._endpoints:
            method, _, path = endpoint.rest.partition(" ")
            app.router.add_route(method, f"{endpoint.base}{path}", self._handler(endpoint))
        for method in ("POST", "PUT", "DELETE"):
            app.router.add_route(method, REMOVED, _gone)
        return app

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            return self._handle(endpoint, request, await request.read())

        return handle

    def _handle(self, endpoint: Endpoint, request: web.Request, body: bytes) -> web.Response:
        """One request, one reply."""
        call: Call | None = None
        try:
            call = self._call(request, body)
            return self._reply(200, answer(endpoint, call), endpoint, call)
        except errors.BinanceError as error:
            return self._reply(error.status, error.body, endpoint, call, error)

    def _call(self, request: web.Request, body: bytes) -> Call:
        accepted = request.headers.get("Accept", "")
        if SBE in accepted and not any(other in accepted for other in ("application/json", "*/*")):
            raise errors.sbe_off(406)
        query = request.raw_path.partition("?")[2]
        form = body.decode("utf-8", "surrogateescape")
        params = Params(of_form(form, query), strict=True)
        payload = (unsigned(query) + unsigned(form)).encode("utf-8", "surrogateescape")
        key = request.headers.get("X-MBX-APIKEY")
        return Call(
            self._venue,
            params,
            self._venue.wire(request.headers.get("X-MBX-TIME-UNIT")),
            lambda: authenticate(self._venue.keys, key, payload, params),
        )

    def _reply(
        self,
        status: int,
        body: Any,
        endpoint: Endpoint,
        call: Call | None,
        error: errors.BinanceError | None = None,
    ) -> web.Response:
        limits = self._venue.limits
        used = str(limits.used_weight)
        headers = {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}
        if endpoint.orders and call is not None and call.key is not None and status == 200:
            short, day = limits.order_counts(call.account.uid)
            headers["X-MBX-ORDER-COUNT-10S"] = str(short)
            headers["X-MBX-ORDER-COUNT-1D"] = str(day)
        if error is not None and error.retry_ns is not None:
            wait = error.retry_ns - self._venue.exchange.wall_ns()
            headers["Retry-After"] = str(max(1, -(-wait // 10**9)))
        return web.Response(
            body=body if isinstance(body, bytes) else orjson.dumps(body),
            status=status,
            headers=headers,
            content_type="application/json",
            charset="utf-8",
        )


async def _gone(request: web.Request) -> web.Response:
    return web.Response(status=410, body=GONE, content_type="text/html")
