"""A client that does a bit of everything at both mock venues, again and again, whatever happens.

It decides nothing and believes nothing: it is there so that every fault finds its occasion.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlencode

import aiohttp
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from yarl import URL

from support import binance, kucoin_client

Json = dict[str, Any]
PATIENCE = 0.25
"""A request without a reply for so long is given up; the next is made."""
TROUBLE = (aiohttp.ClientError, TimeoutError, OSError, WSError, json.JSONDecodeError, KeyError)


class Ear(WSListener):
    """Takes whatever comes."""

    def __init__(self, on_frame: Callable[[], None]) -> None:
        self._on_frame = on_frame
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self._on_frame()
        if frame.msg_type == WSMsgType.TEXT and not self.first.done():
            self.first.set_result(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()

    def say(self, message: Json) -> None:
        self.transport.send(WSMsgType.TEXT, json.dumps(message).encode())


class Busy:
    """Loops of one venue each kind; ``trouble`` counts what went wrong for the client."""

    def __init__(self, line: Mapping[str, Any], http: aiohttp.ClientSession) -> None:
        self._line = line["venues"]
        self._http = http
        self._number = itertools.count(1)
        self.trouble = 0
        self.frames = 0

    def jobs(self) -> list[Callable[[], Awaitable[None]]]:
        made: list[Callable[[], Awaitable[None]]] = []
        if "binance" in self._line:
            self._binance_keys = binance.Keys(self._line["binance"])
            made += [self._binance_streams, self._binance_orders, self._binance_rest]
        if "kucoin" in self._line:
            line = self._line["kucoin"]
            self._kucoin_keys = kucoin_client.Keys(
                line["api_key"], line["api_secret"], line["passphrase"]
            )
            made += [self._kucoin_push, self._kucoin_orders, self._kucoin_rest]
        return made

    async def for_ever(self, job: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await job()
            except TROUBLE:
                self.trouble += 1
            await asyncio.sleep(0.01)

    # --- Binance ------------------------------------------------------------------------------

    async def _binance_streams(self) -> None:
        url = self._line["binance"]["stream_url"]
        names = ["xrpusdt@depth@100ms", "xrpusdt@bookTicker", "xrpusdt@trade"]
        async with self._socket(f"{url}/stream?streams={'/'.join(names)}") as ear:
            await ear.transport.wait_disconnected()

    async def _binance_orders(self) -> None:
        keys = self._binance_keys
        async with self._socket(self._line["binance"]["ws_api_url"]) as ear:
            self._ask(ear, "userDataStream.subscribe.signature", keys.params())
            while not ear.transport.is_disconnected:
                name = f"busy-{next(self._number)}"
                self._ask(ear, "order.place", keys.params(newClientOrderId=name, **BINANCE_ORDER))
                await asyncio.sleep(0.03)
                named = {"symbol": "XRPUSDT", "origClientOrderId": name}
                self._ask(ear, "order.status", keys.params(**named))
                self._ask(ear, "order.cancel", keys.params(**named))
                taking = BINANCE_ORDER | {"price": "2.5000", "timeInForce": "IOC"}
                self._ask(ear, "order.place", keys.params(**taking))
                await asyncio.sleep(0.03)

    async def _binance_rest(self) -> None:
        keys, name = self._binance_keys, f"busy-{next(self._number)}"
        named = {"symbol": "XRPUSDT", "origClientOrderId": name}
        replaced = BINANCE_ORDER | {
            "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrigClientOrderId": "none"
        }  # fmt: skip
        for method, path, query in (
            ("GET", "depth", "symbol=XRPUSDT&limit=100"),
            ("POST", "order", keys.query(newClientOrderId=name, **BINANCE_ORDER)),
            ("GET", "order", keys.query(**named)),
            ("DELETE", "order", keys.query(**named)),
            ("POST", "order/cancelReplace", keys.query(**replaced)),
        ):
            url = f"{self._line['binance']['rest_url']}/api/v3/{path}?{query}"
            await self._http_call(method, url, headers=keys.headers())

    def _ask(self, ear: Ear, method: str, params: Json) -> None:
        ear.say({"id": next(self._number), "method": method, "params": params})

    # --- KuCoin -------------------------------------------------------------------------------

    async def _kucoin_push(self) -> None:
        token = await self._kucoin("POST", "/api/v1/bullet-private")
        (server,) = token["data"]["instanceServers"]
        query = urlencode({"token": token["data"]["token"], "connectId": "busy"})
        async with self._socket(f"{server['endpoint']}?{query}") as ear:
            for topic, private in (
                ("/market/level2:XRP-USDT", False), ("/market/match:XRP-USDT", False),
                ("/spotMarket/tradeOrdersV2", True), ("/account/balance", True),
            ):  # fmt: skip
                ear.say(
                    {
                        "id": next(self._number), "type": "subscribe", "topic": topic,
                        "privateChannel": private, "response": True,
                    }
                )  # fmt: skip
            while not ear.transport.is_disconnected:
                ear.say({"id": str(next(self._number)), "type": "ping"})
                await asyncio.sleep(0.2)

    async def _kucoin_orders(self) -> None:
        keys = self._kucoin_keys
        url = f"{self._line['kucoin']['order_url']}?{keys.order_entry_query()}"
        async with self._socket(url) as ear:
            challenge = await asyncio.wait_for(ear.first, PATIENCE)
            ear.transport.send(WSMsgType.TEXT, keys.sign(challenge).encode())
            while not ear.transport.is_disconnected:
                name = f"busy-{next(self._number)}"
                self._op(ear, "spot.sync_order", KUCOIN_ORDER | {"clientOid": name})
                await asyncio.sleep(0.03)
                self._op(ear, "spot.sync_cancel", {"symbol": "XRP-USDT", "clientOid": name})
                self._op(ear, "spot.order", KUCOIN_ORDER | {"price": "2.5", "timeInForce": "IOC"})
                await asyncio.sleep(0.03)

    async def _kucoin_rest(self) -> None:
        name = f"busy-{next(self._number)}"
        path = f"/api/v1/hf/orders/client-order/{name}?symbol=XRP-USDT"
        for method, target, body in (
            ("GET", "/api/v1/market/orderbook/level2_100?symbol=XRP-USDT", None),
            ("POST", "/api/v1/hf/orders", KUCOIN_ORDER | {"clientOid": name}),
            ("GET", path, None),
            ("DELETE", path, None),
        ):
            await self._kucoin(method, target, body)

    async def _kucoin(self, method: str, target: str, body: Json | None = None) -> Json:
        raw = json.dumps(body).encode() if body else b""
        headers = self._kucoin_keys.headers(method, target, raw)
        headers["Content-Type"] = "application/json"
        url = self._line["kucoin"]["rest_url"] + target
        found: Json = json.loads(await self._http_call(method, url, data=raw, headers=headers))
        return found

    def _op(self, ear: Ear, op: str, args: Json) -> None:
        args = {"clientOid": f"busy-{next(self._number)}"} | args
        ear.say({"id": str(next(self._number)), "op": op, "args": args})

    # --- both ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def _socket(self, url: str) -> AsyncIterator[Ear]:
        ear = Ear(self._heard)
        async with asyncio.timeout(1.0):
            await ws_connect(lambda: ear, url)
        try:
            yield ear
        finally:
            ear.transport.disconnect(graceful=False)
            with suppress(WSError):  # why it ended: said already, and it must not hide a cancel
                await ear.transport.wait_disconnected()

    def _heard(self) -> None:
        self.frames += 1

    async def _http_call(self, method: str, url: str, **given: Any) -> bytes:
        """What the venue answers; nothing in time is trouble, and the next call goes on."""
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(PATIENCE),
                self._http.request(method, URL(url, encoded=True), **given) as reply,
            ):
                return await reply.read()
        self.trouble += 1
        return b"{}"


BINANCE_ORDER: Json = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "5.0", "price": "2.2000",
}  # fmt: skip
KUCOIN_ORDER: Json = {
    "symbol": "XRP-USDT", "side": "buy", "type": "limit", "price": "2.2", "size": "5",
}  # fmt: skip


@asynccontextmanager
async def busy(line: Mapping[str, Any]) -> AsyncIterator[Busy]:
    """Runs while the block does."""
    async with aiohttp.ClientSession() as http:
        client = Busy(line, http)
        jobs = [asyncio.create_task(client.for_ever(job)) for job in client.jobs()]
        try:
            yield client
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
