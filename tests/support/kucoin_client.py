"""KuCoin requests signed as the venue documents it, with nothing of the engine or the mock."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
from picows import WSFrame, WSMsgType, WSTransport, ws_connect
from yarl import URL

from support.sockets import PATIENCE, Client, Json, connected
from xrpfast.model import Side
from xrpfast.simulation.account import Account
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.faults.engine import Faults
from xrpfast.simulation.flow import MarketFlow
from xrpfast.simulation.kucoin.face import KucoinFace

SYMBOL = "XRP-USDT"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Keys:
    """A version 3 key and the ways to sign with it."""

    def __init__(self, key: str, secret: str, passphrase: str) -> None:
        self.key, self._secret = key, secret.encode()
        self.passphrase = self.sign(passphrase)

    def sign(self, text: str | bytes) -> str:
        raw = text.encode() if isinstance(text, str) else text
        digest = hmac.new(self._secret, raw, hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    def headers(self, method: str, target: str, body: bytes = b"") -> dict[str, str]:
        stamp = str(now_ms())
        return {
            "KC-API-KEY": self.key,
            "KC-API-SIGN": self.sign(f"{stamp}{method}{target}".encode() + body),
            "KC-API-TIMESTAMP": stamp,
            "KC-API-PASSPHRASE": self.passphrase,
            "KC-API-KEY-VERSION": "3",
        }

    def order_entry_query(self, **changes: str) -> str:
        stamp = str(now_ms())
        fields = {
            "apikey": self.key,
            "sign": self.sign(self.key + stamp),
            "passphrase": self.passphrase,
            "timestamp": stamp,
        }
        return urlencode(fields | changes)


class Reply:
    """One REST answer."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
        self.status, self.body, self.headers = status, body, headers

    @property
    def code(self) -> str:
        code: str = self.body["code"]
        return code

    @property
    def data(self) -> Any:
        assert self.code == "200000", self.body
        assert self.status == 200
        return self.body["data"]


class World:
    """One mock KuCoin that stands still, and a customer of it."""

    def __init__(
        self,
        face: KucoinFace,
        flow: MarketFlow,
        line: Json,
        http: aiohttp.ClientSession,
        faults: Faults,
    ) -> None:
        self.face, self.flow, self.line, self.faults = face, flow, line, faults
        self.exchange: Exchange = face.exchange
        (self.account,) = face.exchange.accounts.values()
        self.keys = Keys(line["api_key"], line["api_secret"], line["passphrase"])
        self.http = http
        self._number = 0

    # --- REST ---------------------------------------------------------------------------------

    async def call(
        self,
        method: str,
        target: str,
        body: Json | bytes | None = None,
        *,
        signed: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        sent = self.keys.headers(method, target, raw) if signed else {}
        if raw:
            sent["Content-Type"] = "application/json"
        url = URL(self.line["rest_url"] + target, encoded=True)
        async with self.http.request(
            method, url, data=raw or None, headers=sent | dict(headers or {})
        ) as reply:
            return Reply(reply.status, await reply.json(), reply.headers)

    async def get(self, target: str) -> Any:
        return (await self.call("GET", target)).data

    # --- orders -------------------------------------------------------------------------------

    def client_oid(self) -> str:
        self._number += 1
        return f"xt-{self._number}"

    def order(self, side: str, price: str, size: str, **fields: Any) -> Json:
        return {
            "clientOid": self.client_oid(),
            "symbol": SYMBOL,
            "side": side,
            "type": "limit",
            "price": price,
            "size": size,
        } | fields

    def best(self, side: Side) -> tuple[int, int]:
        best = self.exchange.matching.best(side)
        assert best is not None
        return best

    def price(self, side: Side, away: int = 0) -> str:
        """The best price of a side, ``away`` units off."""
        return self.face.venue.wire.price(self.best(side)[0] + away)

    def balances(self, account: Account | None = None) -> dict[str, tuple[int, int]]:
        return {
            asset: (balance.free, balance.locked)
            for asset, balance in (account or self.account).balances.items()
        }

    # --- sockets ------------------------------------------------------------------------------

    @asynccontextmanager
    async def push(self, *topics: str, private: bool = False) -> AsyncIterator[Client]:
        """A welcomed push socket with these subscriptions acknowledged."""
        kind = "private" if private else "public"
        data = (await self.call("POST", f"/api/v1/bullet-{kind}", signed=private)).data
        (server,) = data["instanceServers"]
        url = f"{server['endpoint']}?token={data['token']}&connectId=me"
        async with connected(url) as client:
            assert await client.until(lambda m: True) == {"id": "me", "type": "welcome"}
            for number, topic in enumerate(topics):
                client.send(
                    {
                        "id": number,
                        "type": "subscribe",
                        "topic": topic,
                        "privateChannel": private,
                        "response": True,
                    }
                )
                await client.until(lambda m, n=number: m.get("id") == str(n))
            yield client

    @asynccontextmanager
    async def order_entry(self) -> AsyncIterator[EntryClient]:
        """An order-entry socket whose session stands."""
        url = f"{self.line['order_url']}?{self.keys.order_entry_query()}"
        async with entry_socket(url) as client:
            await client.until(lambda m: "sessionId" in m)
            client.send(self.keys.sign(client.raw[0]))
            welcome = await client.until(lambda m: m.get("data") == "welcome")
            assert welcome["pingInterval"] == 18000
            yield client


class EntryClient(Client):
    """Keeps the received bytes too: the session challenge is signed as it came."""

    def __init__(self) -> None:
        super().__init__()
        self.raw: list[bytes] = []

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.raw.append(frame.get_payload_as_bytes())
        super().on_ws_frame(transport, frame)

    async def ask(self, op: str, args: object, **fields: Any) -> Json:
        self._next_id += 1
        name = f"r-{self._next_id}"
        self.send({"id": name, "op": op, "args": args, **fields})
        reply: Json = await self.until(lambda m: m.get("id") == name)
        return reply


@asynccontextmanager
async def entry_socket(url: str) -> AsyncIterator[EntryClient]:
    client = EntryClient()
    await ws_connect(lambda: client, url, enable_auto_pong=False)
    try:
        yield client
    finally:
        client.transport.disconnect(graceful=False)
        await client.closed.wait()


def topic(name: str) -> Callable[[Json], bool]:
    """Is it a data frame of this topic?"""
    return lambda message: message.get("topic") == name and message["type"] == "message"


__all__ = ["PATIENCE", "SYMBOL", "EntryClient", "Keys", "Reply", "World", "entry_socket", "topic"]
