"""Clients of the mock venues for measurements: every channel an order can take, and a counter.

A channel sends without waiting and stamps each request right before it is written; the reply's
stamp is taken first thing in the callback. Nothing of the engine is in between.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
import urllib.parse
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic_ns
from typing import Any, Protocol

import aiohttp
import orjson
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from yarl import URL

PATIENCE = 10.0
Json = dict[str, Any]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Requests(WSListener):
    """A socket of requests: nanoseconds from each request's write to its reply, by kind."""

    def __init__(self) -> None:
        self.took: dict[str, list[int]] = {}
        self.refused: Counter[str] = Counter()
        self.texts: asyncio.Queue[bytes] = asyncio.Queue()
        self.settled = asyncio.Event()
        self.sent = 0
        self._waiting: dict[str, tuple[str, int]] = {}
        self._started = False
        self._lost = ""

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def start(self) -> None:
        """From here on every text is the reply to a request."""
        self._started = True

    def request(self, kind: str, build: Callable[[str], bytes]) -> None:
        if self._lost:
            raise ConnectionError(self._lost)
        self.sent += 1
        name = str(self.sent)
        data = build(name)
        self.settled.clear()
        self._waiting[name] = (kind, monotonic_ns())
        self.transport.send(WSMsgType.TEXT, data)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        now = monotonic_ns()
        if frame.msg_type == WSMsgType.CLOSE:
            self._lost = f"closed by the mock: {frame.get_close_code()}"
        if frame.msg_type != WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        if not self._started:
            self.texts.put_nowait(payload)
            return
        reply = orjson.loads(payload)
        kind, sent = self._waiting.pop(str(reply["id"]))
        self.took.setdefault(kind, []).append(now - sent)
        error = reply.get("error") or (reply if reply.get("code", "200000") != "200000" else None)
        if error is not None:
            self.refused[f"{error['code']} {error['msg']}"] += 1
        if not self._waiting:
            self.settled.set()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._lost = self._lost or "the connection was lost"
        self.settled.set()

    async def settle(self) -> None:
        """Waits for every reply that is still due."""
        if self._waiting:
            await asyncio.wait_for(self.settled.wait(), PATIENCE)
        if self._waiting:
            raise ConnectionError(f"{self._lost}, {len(self._waiting)} replies are due")


class Orders(Protocol):
    """One way of ordering at one venue."""

    def place(self, client_id: str, side: str, price: str, qty: str, tif: str) -> None: ...

    def cancel(self, client_id: str) -> None: ...


class BinanceOrders:
    """The WebSocket API, each request signed with HMAC."""

    def __init__(self, venue: Json, socket: Requests) -> None:
        self.socket = socket
        self._key, self._secret = venue["api_key"], venue["api_secret"].encode()

    def place(self, client_id: str, side: str, price: str, qty: str, tif: str) -> None:
        params = {
            "newClientOrderId": client_id, "price": price, "quantity": qty, "side": side,
            "symbol": "XRPUSDT", "timeInForce": tif, "type": "LIMIT",
        }  # fmt: skip
        self._send("place", "order.place", params)

    def cancel(self, client_id: str) -> None:
        params = {"origClientOrderId": client_id, "symbol": "XRPUSDT"}
        self._send("cancel", "order.cancel", params)

    def _send(self, kind: str, method: str, params: Json) -> None:
        def build(name: str) -> bytes:
            return orjson.dumps({"id": name, "method": method, "params": self.signed(params)})

        self.socket.request(kind, build)

    def signed(self, params: Json) -> Json:
        full = params | {"apiKey": self._key, "timestamp": now_ms()}
        text = "&".join(f"{name}={full[name]}" for name in sorted(full))
        full["signature"] = hmac.digest(self._secret, text.encode(), hashlib.sha256).hex()
        return full


class KucoinOrders:
    """Order entry over WebSocket; ``sync`` waits for matching."""

    def __init__(self, socket: Requests, *, sync: bool) -> None:
        self.socket = socket
        self._ops = ("spot.sync_order", "spot.sync_cancel") if sync else _ASYNC

    def place(self, client_id: str, side: str, price: str, qty: str, tif: str) -> None:
        args = {
            "clientOid": client_id, "symbol": "XRP-USDT", "side": side.lower(), "type": "limit",
            "price": price, "size": qty, "timeInForce": tif,
        }  # fmt: skip
        self._send("place", self._ops[0], args)

    def cancel(self, client_id: str) -> None:
        self._send("cancel", self._ops[1], {"symbol": "XRP-USDT", "clientOid": client_id})

    def _send(self, kind: str, op: str, args: Json) -> None:
        self.socket.request(kind, lambda name: orjson.dumps({"id": name, "op": op, "args": args}))


_ASYNC = ("spot.order", "spot.cancel")


def mac(secret: str, text: bytes | str) -> str:
    """base64(HMAC-SHA256), KuCoin's signature."""
    raw = text.encode() if isinstance(text, str) else text
    return base64.b64encode(hmac.digest(secret.encode(), raw, hashlib.sha256)).decode()


@asynccontextmanager
async def socket(listener: WSListener, url: str) -> AsyncIterator[WSTransport]:
    """A socket for the block."""
    transport, _ = await ws_connect(lambda: listener, url)
    try:
        yield transport
    finally:
        transport.disconnect(graceful=False)
        await transport.wait_disconnected()


@asynccontextmanager
async def binance_orders(venue: Json) -> AsyncIterator[BinanceOrders]:
    requests = Requests()
    requests.start()
    async with socket(requests, venue["ws_api_url"]):
        yield BinanceOrders(venue, requests)


@asynccontextmanager
async def kucoin_orders(venue: Json, *, sync: bool) -> AsyncIterator[KucoinOrders]:
    """A welcomed session of order entry."""
    secret, stamp = venue["api_secret"], str(now_ms())
    query = {
        "apikey": venue["api_key"],
        "sign": mac(secret, venue["api_key"] + stamp),
        "passphrase": mac(secret, venue["passphrase"]),
        "timestamp": stamp,
    }
    requests = Requests()
    url = f"{venue['order_url']}?{urllib.parse.urlencode(query)}"
    async with socket(requests, url) as transport:
        challenge = await asyncio.wait_for(requests.texts.get(), PATIENCE)
        transport.send(WSMsgType.TEXT, mac(secret, challenge).encode())
        welcome = json.loads(await asyncio.wait_for(requests.texts.get(), PATIENCE))
        assert welcome["data"] == "welcome", welcome
        requests.start()
        yield KucoinOrders(requests, sync=sync)


class Counting(WSListener):
    """Counts frames that hold a text; knows when the first and the last came."""

    def __init__(self, text: bytes = b"") -> None:
        self.frames = 0
        self.first_ns = self.last_ns = 0
        self.ready = asyncio.Event()
        self._text = text

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            if self._text in frame.get_payload_as_bytes():
                self.last_ns = monotonic_ns()
                self.first_ns = self.first_ns or self.last_ns
                self.frames += 1
            self.ready.set()


@asynccontextmanager
async def market(name: str, venue: Json, http: aiohttp.ClientSession) -> AsyncIterator[Counting]:
    """One subscriber of the venue's quickest stream of the book."""
    if name == "binance":
        counting = Counting(b'"b":"')
        async with socket(counting, f"{venue['stream_url']}/ws/xrpusdt@bookTicker"):
            yield counting
        return
    counting = Counting(b"trade.l2update")
    async with push(venue, http, counting, private=False) as transport:
        _subscribe(transport, "/market/level2:XRP-USDT", private=False)
        yield counting


@asynccontextmanager
async def private(name: str, venue: Json, http: aiohttp.ClientSession) -> AsyncIterator[Counting]:
    """One subscriber of the customer's own events."""
    counting = Counting()
    if name == "binance":
        async with socket(counting, venue["ws_api_url"]) as transport:
            params = BinanceOrders(venue, Requests()).signed({})
            method = "userDataStream.subscribe.signature"
            transport.send(
                WSMsgType.TEXT, orjson.dumps({"id": 1, "method": method, "params": params})
            )
            await asyncio.wait_for(counting.ready.wait(), PATIENCE)
            yield counting
        return
    async with push(venue, http, counting, private=True) as transport:
        for topic in ("/spotMarket/tradeOrdersV2", "/account/balance"):
            _subscribe(transport, topic, private=True)
        yield counting


@asynccontextmanager
async def push(
    venue: Json, http: aiohttp.ClientSession, counting: Counting, *, private: bool
) -> AsyncIterator[WSTransport]:
    """A welcomed push socket of KuCoin that pings as it must."""
    kind = "private" if private else "public"
    target = f"/api/v1/bullet-{kind}"
    headers = kucoin_headers(venue, "POST", target) if private else {}
    async with http.post(venue["rest_url"] + target, headers=headers) as reply:
        token = (await reply.json())["data"]
    endpoint = token["instanceServers"][0]["endpoint"]
    async with socket(counting, f"{endpoint}?token={token['token']}&connectId=bench") as transport:
        await asyncio.wait_for(counting.ready.wait(), PATIENCE)
        pings = asyncio.create_task(_ping(transport))
        try:
            yield transport
        finally:
            pings.cancel()


async def _ping(transport: WSTransport) -> None:
    while True:
        await asyncio.sleep(18)
        transport.send(WSMsgType.TEXT, b'{"id":"1","type":"ping"}')


def _subscribe(transport: WSTransport, topic: str, *, private: bool) -> None:
    wish = {
        "id": topic, "type": "subscribe", "topic": topic, "privateChannel": private,
        "response": True,
    }  # fmt: skip
    transport.send(WSMsgType.TEXT, orjson.dumps(wish))


def kucoin_headers(venue: Json, method: str, target: str, body: bytes = b"") -> dict[str, str]:
    stamp = str(now_ms())
    return {
        "KC-API-KEY": venue["api_key"],
        "KC-API-SIGN": mac(venue["api_secret"], f"{stamp}{method}{target}".encode() + body),
        "KC-API-TIMESTAMP": stamp,
        "KC-API-PASSPHRASE": mac(venue["api_secret"], venue["passphrase"]),
        "KC-API-KEY-VERSION": "3",
        "Content-Type": "application/json",
    }


async def rest_order(
    name: str, venue: Json, http: aiohttp.ClientSession, client_id: str, price: str
) -> int:
    """Places one order by REST on a warm connection; nanoseconds to the whole reply."""
    if name == "binance":
        text = (
            f"symbol=XRPUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=5&price={price}"
            f"&newClientOrderId={client_id}&timestamp={now_ms()}"
        )
        signature = hmac.digest(venue["api_secret"].encode(), text.encode(), hashlib.sha256).hex()
        url = f"{venue['rest_url']}/api/v3/order?{text}&signature={signature}"
        body, headers = b"", {"X-MBX-APIKEY": venue["api_key"]}
    else:
        fields = {
            "clientOid": client_id, "symbol": "XRP-USDT", "side": "buy", "type": "limit",
            "price": price, "size": "5",
        }  # fmt: skip
        body, url = orjson.dumps(fields), f"{venue['rest_url']}/api/v1/hf/orders"
        headers = kucoin_headers(venue, "POST", "/api/v1/hf/orders", body)
    started = monotonic_ns()
    async with http.post(URL(url, encoded=True), data=body, headers=headers) as reply:
        answer = await reply.read()
        took = monotonic_ns() - started
        assert reply.status == 200, answer
        assert orjson.loads(answer).get("code", "200000") == "200000", answer
    return took
