"""REST over one warm aiohttp session: exact bytes out, status and body in."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import aiohttp
import orjson
from yarl import URL

from xrpfast.addresses import require_encryption
from xrpfast.errors import XrpfastError
from xrpfast.net.fuse import Fuse, Reach

TIMEOUT_S = 10.0
HTTP_ERRORS = (aiohttp.ClientError, asyncio.TimeoutError, OSError)


class HttpError(XrpfastError):
    """A call that brought no usable answer. ``status`` is 0 when nothing came back at all."""

    def __init__(self, what: str, status: int, detail: str) -> None:
        super().__init__(f"{what}: {f'HTTP {status}: ' if status else ''}{detail}")
        self.status = status


class Reply(NamedTuple):
    """One answer of a server."""

    status: int
    body: bytes
    headers: Any

    def json(self, what: str) -> Any:
        """The decoded body. Raises `HttpError` for anything that is not JSON (block pages)."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            text = self.body[:80].decode("utf-8", "replace")
            raise HttpError(what, self.status, f"not JSON: {text!r}") from error


class HttpClient:
    """One venue's REST base address, behind its fuse. Raises `UsageError` for one that is not
    encrypted."""

    def __init__(self, base_url: str, fuse: Fuse) -> None:
        require_encryption(base_url)
        self._base = base_url.rstrip("/")
        self._fuse = fuse
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        kind: Reach = Reach.ALL_BUT_CANCELS,
    ) -> Reply:
        """Sends ``target`` (path and query) as it stands: signatures cover these very bytes.

        Raises `HttpError` when no answer came, `PausedError` when nothing may be sent now.
        """
        what = f"{method} {target.partition('?')[0]}"
        self._fuse.check(what, kind)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                headers={"User-Agent": "xrpfast"},
            )
        url = URL(self._base + target, encoded=True)
        try:
            async with self._session.request(
                method, url, headers=headers, data=body, allow_redirects=False
            ) as response:
                reply = Reply(response.status, await response.read(), response.headers)
        except HTTP_ERRORS as error:
            raise HttpError(what, 0, str(error) or type(error).__name__) from error
        self._fuse.heard(reply.status, reply.headers, reply.body)
        return reply

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
