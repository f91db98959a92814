"""Ways into the mock KuCoin's sockets, signed as the venue documents it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
from picows import WSFrame, WSMsgType, WSTransport, ws_connect

from support.binance import now_ms
from support.sockets import Client, connected


def sign(secret: str, text: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha256)).decode()


@asynccontextmanager
async def public_push(line: Mapping[str, Any], topic: str) -> AsyncIterator[Client]:
    """A public push socket that is subscribed to one topic."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{line['rest_url']}/api/v1/bullet-public") as reply,
    ):
        data = (await reply.json())["data"]
    endpoint = data["instanceServers"][0]["endpoint"]
    async with connected(f"{endpoint}?token={data['token']}&connectId=test") as client:
        await client.until(lambda m: m["type"] == "welcome")
        client.send({"id": "1", "type": "subscribe", "topic": topic, "response": True})
        await client.until(lambda m: m["type"] == "ack")
        yield client


class OrderEntryClient(Client):
    """Answers the session's challenge with the very bytes signed."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self._secret, self._challenged = secret, False

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT and not self._challenged:
            self._challenged = True
            text = frame.get_payload_as_bytes().decode()
            transport.send(WSMsgType.TEXT, sign(self._secret, text).encode())
        super().on_ws_frame(transport, frame)


@asynccontextmanager
async def order_entry(line: Mapping[str, Any]) -> AsyncIterator[Client]:
    """An order-entry socket that may send requests."""
    key, secret, stamp = line["api_key"], line["api_secret"], now_ms()
    query = {
        "apikey": key,
        "sign": sign(secret, f"{key}{stamp}"),
        "passphrase": sign(secret, line["passphrase"]),
        "timestamp": stamp,
    }
    client = OrderEntryClient(secret)
    await ws_connect(lambda: client, f"{line['order_url']}?{urlencode(query)}")
    try:
        await client.until(lambda m: m.get("data") == "welcome")
        yield client
    finally:
        client.transport.disconnect(graceful=False)
        await client.closed.wait()
