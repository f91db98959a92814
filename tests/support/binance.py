"""Binance requests signed as the venue documents it, with nothing of the engine."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

Json = dict[str, Any]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Keys:
    """A key pair and the two ways to sign with it."""

    def __init__(self, line: Mapping[str, Any]) -> None:
        self.key, self._secret = str(line["api_key"]), str(line["api_secret"]).encode()

    def sign(self, payload: str) -> str:
        return hmac.new(self._secret, payload.encode(), hashlib.sha256).hexdigest()

    def params(self, **params: Any) -> Json:
        """Parameters of a signed WebSocket API request."""
        full = {"apiKey": self.key, "timestamp": now_ms()} | params
        payload = "&".join(f"{name}={full[name]}" for name in sorted(full))
        return full | {"signature": self.sign(payload)}

    def query(self, **params: Any) -> str:
        """Query of a signed REST request."""
        text = urlencode({"timestamp": now_ms()} | params, quote_via=quote)
        return f"{text}&signature={self.sign(text)}"

    def headers(self) -> dict[str, str]:
        return {"X-MBX-APIKEY": self.key}


class Rest:
    """The REST side of one mock: status, body."""

    def __init__(self, http: aiohttp.ClientSession, url: str, keys: Keys) -> None:
        self._http, self._url, self._keys = http, f"{url}/api/v3", keys

    async def get(self, path: str, query: str = "") -> tuple[int, Any]:
        return await self.call("GET", path, query)

    async def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        url = URL(f"{self._url}{path}" + (f"?{query}" if query else ""), encoded=True)
        async with self._http.request(method, url, headers=headers) as reply:
            return reply.status, await reply.json()

    async def signed(self, method: str, path: str, **params: Any) -> tuple[int, Any]:
        query = self._keys.query(**params)
        return await self.call(method, path, query, headers=self._keys.headers())
