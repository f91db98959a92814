"""Binance requests signed as the venue documents it, with nothing of the engine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
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
        return f"{text}&signature={quote(self.sign(text), safe='')}"

    def headers(self) -> dict[str, str]:
        return {"X-MBX-APIKEY": self.key}


class Ed25519Keys(Keys):
    """The other kind of key, from its line of the mock."""

    def __init__(self, line: Mapping[str, Any]) -> None:
        self.key = str(line["ed25519_api_key"])
        private = load_pem_private_key(str(line["ed25519_private_key"]).encode(), None)
        assert isinstance(private, Ed25519PrivateKey)
        self._private = private

    def sign(self, payload: str) -> str:
        return base64.b64encode(self._private.sign(payload.encode())).decode()


class Answer(NamedTuple):
    """An HTTP answer with its headers."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Rest:
    """The REST side of one mock: status, body."""

    def __init__(self, http: aiohttp.ClientSession, url: str, keys: Keys) -> None:
        self._http, self._url, self._keys = http, f"{url}/api/v3", keys

    async def get(self, path: str, query: str = "") -> tuple[int, Any]:
        return await self.call("GET", path, query)

    async def whole(
        self,
        method: str,
        path: str,
        query: str = "",
        body: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """An answer with its headers, the text of what is no JSON."""
        url = URL(f"{self._url}{path}" + (f"?{query}" if query else ""), encoded=True)
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        given = form | dict(headers or {})
        async with self._http.request(method, url, headers=given, data=body or None) as reply:
            is_json = reply.content_type == "application/json"
            found = await reply.json() if is_json else await reply.text()
            return Answer(reply.status, reply.headers, found)

    async def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        url = URL(f"{self._url}{path}" + (f"?{query}" if query else ""), encoded=True)
        async with self._http.request(method, url, headers=headers) as reply:
            return reply.status, await reply.json()

    async def signed(self, method: str, path: str, **params: Any) -> tuple[int, Any]:
        query = self._keys.query(**params)
        return await self.call(method, path, query, headers=self._keys.headers())
