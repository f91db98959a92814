"""Rules about requests over HTTP, as a middleware around a venue's REST application."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.faults import damage, orders, replies, words
from xrpfast.simulation.faults.engine import Faults
from xrpfast.simulation.faults.occasion import Occasion
from xrpfast.simulation.faults.rules import Rule

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 seconds: closing sends RST."""
REMEMBERED: Final = 32
HANG_SECONDS: Final = 300.0
BLOCK_PAGE: Final = (
    "<!DOCTYPE html><html><head><title>Access denied</title></head>"
    "<body><h1>Access denied</h1><p>The owner of this site has banned you.</p></body></html>\n"
)


class Answered(Exception):  # noqa: N818 - the way out of a request, not an error
    """A rule has answered, or ended, the request."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__()
        self.response = response


class HttpFaults:
    """The rules of one venue's REST port."""

    def __init__(self, faults: Faults, venue: str, exchange: Exchange) -> None:
        self._faults = faults
        self._venue = venue
        self._exchange = exchange
        self._connections: OrderedDict[object, int] = OrderedDict()
        self._numbered = 0
        self._last: OrderedDict[str, web.Response] = OrderedDict()
        self.down = False
        """The venue is without power: every connection is reset."""
        self.page: int | None = None
        """The status of the HTML page that stands before the venue, if any does."""

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.down:
            reset(request.transport)
            return web.Response(status=503)
        if self.page is not None:
            return web.Response(status=self.page, text=BLOCK_PAGE, content_type="text/html")
        if not self._faults.requests:
            response = await handler(request)
            self._remember(request, response)
            return response
        params = await _params(request)
        rules = self._faults.strike(self._occasion(request, params))
        try:
            return await self._handle(request, handler, rules, params)
        except Answered as answered:
            return answered.response

    async def _handle(
        self, request: web.Request, handler: Handler, rules: list[Rule], params: Mapping[str, Any]
    ) -> web.StreamResponse:
        by_point: dict[str, list[Rule]] = {}
        for rule in rules:
            by_point.setdefault(rule.point, []).append(rule)
        for rule in by_point.get("before_accept", ()):
            await self._apply(request, rule, params, None)
        late = by_point.get("after_accept_before_reply", [])
        response: web.StreamResponse
        if late:
            self._exchange.deferring = True
            try:
                response = await handler(request)
            finally:
                self._exchange.deferring = False
            loop = asyncio.get_running_loop()
            loop.call_later(orders.match_seconds(late), self._exchange.match_deferred)
            for rule in late:
                response = await self._apply(request, rule, params, response)
        else:
            response = await handler(request)
        for rule in by_point.get("after_match_before_reply", ()):
            response = await self._apply(request, rule, params, response)
        self._remember(request, response)
        for rule in by_point.get("after_reply", ()):
            self._after(request, rule, params)
        return response

    async def _apply(
        self,
        request: web.Request,
        rule: Rule,
        params: Mapping[str, Any],
        response: web.StreamResponse | None,
    ) -> web.StreamResponse:
        """The reply as the rule leaves it; raises `Answered` when that is the end of it."""
        given = rule.params
        empty = response or web.Response()
        if rule.action == "delay":
            await asyncio.sleep(orders.delay_seconds(rule))
        elif rule.action == "drop":
            await _hang(request)
            raise Answered(empty)
        elif rule.action in ("reset", "close"):
            (reset if rule.action == "reset" else close)(request.transport)
            raise Answered(empty)
        elif rule.action == "reply":
            status, body, kind, headers = replies.rest(self._venue, given)
            raise Answered(
                web.Response(status=status, body=body, headers=headers | {"Content-Type": kind})
            )
        elif rule.action == "stale":
            old = self._last.get(_route(request))
            if old is not None:
                raise Answered(_copy(old))
        elif rule.action == "mutate" and isinstance(response, web.Response):
            changed = damage.set_fields(_body(response), given["set"])
            headers = {k: v for k, v in response.headers.items() if not k.startswith("Content-")}
            return web.Response(
                status=response.status, body=changed, headers=headers,
                content_type=response.content_type,
            )  # fmt: skip
        else:
            orders.strike(self._exchange, rule, params)
        return empty

    def _after(self, request: web.Request, rule: Rule, params: Mapping[str, Any]) -> None:
        """What follows once the reply has left: it is written when the handler has returned."""
        loop = asyncio.get_running_loop()
        if rule.action in ("reset", "close"):
            end = reset if rule.action == "reset" else close
            loop.call_later(0.01, end, request.transport)
        else:
            loop.call_later(orders.delay_seconds(rule), orders.strike, self._exchange, rule, params)

    def _occasion(self, request: web.Request, params: Mapping[str, Any]) -> Occasion:
        ids = words.client_ids(params)
        named = request.match_info.get("clientOid")
        return Occasion(
            self._venue, "rest", route=_route(request),
            client_ids=(*ids, named) if named else ids, symbol=str(params.get("symbol", "")),
            connection=self._connection(request.transport), kind="rest",
        )  # fmt: skip

    def _connection(self, transport: object) -> int:
        number = self._connections.get(transport)
        if number is None:
            self._numbered += 1
            number = self._connections[transport] = self._numbered
            if len(self._connections) > 1_000:
                self._connections.popitem(last=False)
        return number

    def _remember(self, request: web.Request, response: web.StreamResponse) -> None:
        """The newest good reply of each read, for `stale`."""
        if request.method != "GET" or response.status != 200:
            return
        if isinstance(response, web.Response):
            self._last[_route(request)] = response
            self._last.move_to_end(_route(request))
            if len(self._last) > REMEMBERED:
                self._last.popitem(last=False)


def _route(request: web.Request) -> str:
    return f"{request.method} {request.path}"


async def _params(request: web.Request) -> dict[str, Any]:
    """Query, path and body of a request in one; bad ones have none."""
    found: dict[str, Any] = dict(request.query) | dict(request.match_info)
    body = await request.read()
    try:
        loaded = orjson.loads(body) if body[:1] == b"{" else dict(parse_qsl(body.decode()))
    except (orjson.JSONDecodeError, UnicodeDecodeError):
        loaded = {}
    return loaded | found if isinstance(loaded, dict) else found


async def _hang(request: web.Request) -> None:
    """Until the client gives up, at most for `HANG_SECONDS`."""
    gone = asyncio.get_running_loop().time() + HANG_SECONDS
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.02)
        if asyncio.get_running_loop().time() > gone:
            close(request.transport)
            return


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Ends a connection with RST."""
    if transport is None or transport.is_closing():
        return
    found = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
    else:
        transport.close()


def close(transport: asyncio.BaseTransport | None) -> None:
    if transport is not None:
        transport.close()


def _body(response: web.Response) -> bytes:
    body = response.body
    return body if isinstance(body, bytes) else b""


def _copy(response: web.Response) -> web.Response:
    """A response can be sent once only."""
    headers = {k: v for k, v in response.headers.items() if not k.startswith("Content-")}
    return web.Response(
        status=response.status, body=_body(response), headers=headers,
        content_type=response.content_type,
    )  # fmt: skip
