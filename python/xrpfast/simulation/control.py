"""The control port: the truth, silent changes, the market's switch, measurements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import orjson
from aiohttp import web

from xrpfast.errors import UsageError
from xrpfast.model import parse_money
from xrpfast.simulation.account import is_asset
from xrpfast.simulation.bench_feed import BenchFeed
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.faults.engine import Faults
from xrpfast.simulation.flood import MOST, flood
from xrpfast.simulation.flow import FlowSettings, MarketFlow
from xrpfast.simulation.truth import ledger


class HasExchange(Protocol):
    """A venue's face, as far as the truth needs it."""

    exchange: Exchange

    def enforce_quotas(self, enforced: bool) -> None:
        """Whether calls above the venue's limits are refused."""


class Control:
    """`GET /ledger`, `POST /adjust`, `GET` and `POST /market`, `GET`, `POST` and `DELETE /rules`
    for faults; for measurements `POST /bench`,
    `POST /flood`, `POST /quotas`."""

    def __init__(
        self,
        faces: Mapping[str, HasExchange],
        flow: MarketFlow,
        faults: Faults,
        bench: BenchFeed | None,
    ) -> None:
        self._faces = faces
        self._flow = flow
        self._faults = faults
        self._bench = bench

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/ledger", self._ledger)
        app.router.add_post("/adjust", self._adjust)
        app.router.add_get("/market", self._market_now)
        app.router.add_post("/market", self._market)
        app.router.add_get("/rules", self._rules)
        app.router.add_post("/rules", self._add_rules)
        app.router.add_delete("/rules", self._clear_rules)
        app.router.add_delete("/rules/{id}", self._remove_rule)
        app.router.add_post("/bench", self._run_bench)
        app.router.add_post("/flood", self._flood)
        app.router.add_post("/quotas", self._quotas)
        return app

    async def _ledger(self, request: web.Request) -> web.Response:
        venues = {}
        for name, face in self._faces.items():
            (account,) = face.exchange.accounts.values()
            venues[name] = ledger(face.exchange, account)
        return _json({"venues": venues})

    async def _adjust(self, request: web.Request) -> web.Response:
        body = await _body(request)
        face = self._faces.get(str(body.get("venue")))
        if face is None:
            raise web.HTTPBadRequest(text=f"venue: one of {', '.join(self._faces)}")
        try:
            asset, delta = str(body["asset"]), parse_money(str(body["delta"]))
        except (KeyError, ValueError) as error:
            raise web.HTTPBadRequest(text=f"asset and delta are needed: {error}") from None
        if not is_asset(asset):
            raise web.HTTPBadRequest(text="asset: capital letters and digits, at most 20")
        (account,) = face.exchange.accounts.values()
        if account.balance(asset).free + delta < 0:
            raise web.HTTPBadRequest(text=f"delta: there is less than that of {asset}")
        face.exchange.adjust(account, asset, delta)
        return _json({})

    async def _market_now(self, request: web.Request) -> web.Response:
        return _json(self._flow.state())

    async def _market(self, request: web.Request) -> web.Response:
        values = await _body(request)
        running = values.pop("running", None)
        if not (isinstance(running, bool) or (running is None and values)):
            raise web.HTTPBadRequest(text="running: true or false, or settings of the market")
        if values:
            try:
                self._flow.set(FlowSettings.of(values, self._flow.settings))
            except UsageError as error:
                raise web.HTTPBadRequest(text=str(error)) from None
        if running is not None:
            self._flow.switch(running)
        return _json(self._flow.state())

    async def _rules(self, request: web.Request) -> web.Response:
        return _json({"rules": self._faults.rows(), "fired": list(self._faults.fired)})

    async def _add_rules(self, request: web.Request) -> web.Response:
        """One rule, or `{"rules": [...]}`; all of them or none."""
        body = await _body(request)
        given = body["rules"] if set(body) == {"rules"} else [body]
        if not isinstance(given, list):
            raise web.HTTPBadRequest(text="rules: a list")
        numbers: list[int] = []
        try:
            numbers.extend(self._faults.add(rule) for rule in given)
        except UsageError as error:
            for number in numbers:
                self._faults.remove(number)
            raise web.HTTPBadRequest(text=str(error)) from None
        return _json({"ids": numbers} if "rules" in body else {"id": numbers[0]})

    async def _clear_rules(self, request: web.Request) -> web.Response:
        self._faults.clear()
        return _json({})

    async def _remove_rule(self, request: web.Request) -> web.Response:
        text = request.match_info["id"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
        if not self._faults.remove(number):
            raise web.HTTPNotFound(text=f"there is no rule {text}")
        return _json({})

    async def _run_bench(self, request: web.Request) -> web.Response:
        body = await _body(request)
        ticks, mode = body.get("ticks"), body.get("mode")
        if type(ticks) is not int or ticks < 1 or mode not in ("engine", "floor"):
            raise web.HTTPBadRequest(text='ticks: a number; mode: "engine" or "floor"')
        if self._bench is None:
            raise web.HTTPBadRequest(text="the bench needs both venues and no capture")
        return _json(await self._bench.run(ticks, floor=mode == "floor"))

    async def _flood(self, request: web.Request) -> web.Response:
        """`{"venue", "frames"}`: so many changes of the book, as fast as they can be told."""
        body = await _body(request)
        face, frames = self._faces.get(str(body.get("venue"))), body.get("frames")
        if face is None:
            raise web.HTTPBadRequest(text=f"venue: one of {', '.join(self._faces)}")
        if type(frames) is not int or not 1 <= frames <= MOST:
            raise web.HTTPBadRequest(text=f"frames: a number up to {MOST}")
        try:
            return _json(await flood(face.exchange, frames))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None

    async def _quotas(self, request: web.Request) -> web.Response:
        """`{"enforced"}`: false lets measurements go above the venues' limits."""
        enforced = (await _body(request)).get("enforced")
        if not isinstance(enforced, bool):
            raise web.HTTPBadRequest(text="enforced: true or false")
        for face in self._faces.values():
            face.enforce_quotas(enforced)
        return _json({})


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise web.HTTPBadRequest(text=f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="not a JSON object")
    return body


def _json(body: Any) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")
