"""The zero-work floor: the same sockets as the engine's, and a constant answer to every frame.

Run as a process of its own: ``python -m benches.floor_client`` with the mock's JSON line on
standard input; prints ``ready`` and answers until it is killed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
import urllib.parse
from typing import Any

import aiohttp
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

BINANCE_ANSWER = b'{"id":1,"method":"order.place","params":{"filler":"' + b"x" * 400 + b'"}}'
KUCOIN_ANSWER = b'{"id":"1","op":"spot.order","args":{"filler":"' + b"x" * 150 + b'"}}'
Json = dict[str, Any]


class Market(WSListener):
    """Answers every text frame on both order sockets."""

    def __init__(self, orders: list[tuple[WSTransport, bytes]]) -> None:
        self._orders = orders
        self.first = asyncio.Event()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.first.set()
            for order, answer in self._orders:
                order.send(WSMsgType.TEXT, answer)


class Orders(WSListener):
    """An order socket: hands its texts to whoever waits."""

    def __init__(self) -> None:
        self.texts: asyncio.Queue[bytes] = asyncio.Queue()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.texts.put_nowait(frame.get_payload_as_bytes())


def _mac(secret: str, text: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


async def kucoin_orders(venue: Json) -> WSTransport:
    """A welcomed session of KuCoin's order entry."""
    stamp = str(time.time_ns() // 1_000_000)
    query = urllib.parse.urlencode(
        {
            "apikey": venue["api_key"],
            "sign": _mac(venue["api_secret"], (venue["api_key"] + stamp).encode()),
            "passphrase": _mac(venue["api_secret"], venue["passphrase"].encode()),
            "timestamp": stamp,
        }
    )
    transport, listener = await ws_connect(Orders, f"{venue['order_url']}?{query}")
    assert isinstance(listener, Orders)
    challenge = await asyncio.wait_for(listener.texts.get(), 10)
    transport.send(WSMsgType.TEXT, _mac(venue["api_secret"], challenge).encode())
    welcome = json.loads(await asyncio.wait_for(listener.texts.get(), 10))
    assert welcome["data"] == "welcome", welcome
    return transport


async def main() -> None:
    venues = json.loads(sys.stdin.readline())["venues"]
    binance, kucoin = venues["binance"], venues["kucoin"]
    binance_orders, _ = await ws_connect(Orders, binance["ws_api_url"])
    orders = [
        (binance_orders, BINANCE_ANSWER),
        (await kucoin_orders(kucoin), KUCOIN_ANSWER),
    ]
    streams = "xrpusdt@depth@100ms/xrpusdt@bookTicker"
    await ws_connect(lambda: Market(orders), f"{binance['stream_url']}/stream?streams={streams}")
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{kucoin['rest_url']}/api/v1/bullet-public") as reply,
    ):
        token = (await reply.json())["data"]
    endpoint = token["instanceServers"][0]["endpoint"]
    push, _ = await ws_connect(
        lambda: Market(orders), f"{endpoint}?token={token['token']}&connectId=floor"
    )
    subscribe = {
        "id": "1",
        "type": "subscribe",
        "topic": "/market/level2:XRP-USDT",
        "privateChannel": False,
        "response": True,
    }
    push.send(WSMsgType.TEXT, json.dumps(subscribe).encode())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()

    def spin() -> None:
        loop.call_soon(spin)

    spin()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
