"""A webhook as a chat has it: a real server that takes messages, or does what it is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

SECRET = "hush-1234567890-token"
"""A part of every URL here: it may stand nowhere else."""


class Webhook:
    """One server."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        """Bodies of what it answered with 204."""
        self.asked = 0
        self.answers: list[web.Response] = []
        """Given instead, one after the other."""
        self.down = False
        """Answers 503 until it is not."""
        self.hangs = asyncio.Event()
        """Not set: no answer comes."""
        self.hangs.set()
        self.url = ""
        self.news = asyncio.Event()

    @property
    def text(self) -> str:
        return "\n".join(body["content"] for body in self.taken)

    async def until(self, *pieces: str, within_s: float = 20.0) -> float:
        """Waits until all of these were said; how long that took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.timeout(within_s):
            while not all(piece in self.text for piece in pieces):
                self.news.clear()
                await self.news.wait()
        return loop.time() - began

    async def post(self, request: web.Request) -> web.Response:
        self.asked += 1
        body = await request.json()
        await self.hangs.wait()
        if self.down:
            return web.Response(status=503)
        if self.answers:
            return self.answers.pop(0)
        self.taken.append(body)
        self.news.set()
        return web.Response(status=204)


@asynccontextmanager
async def webhook(certificate: Path | None = None) -> AsyncIterator[Webhook]:
    """Serves on loopback; with a certificate by TLS."""
    hook = Webhook()
    app = web.Application()
    app.router.add_post(f"/api/webhooks/1/{SECRET}", hook.post)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    scheme = "http" if certificate is None else "https"
    hook.url = f"{scheme}://127.0.0.1:{port}/api/webhooks/1/{SECRET}"
    try:
        yield hook
    finally:
        hook.hangs.set()
        await runner.cleanup()


def leaks(folder: Path) -> list[Path]:
    """Files that show a URL, beside the one that holds it."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "webhook"]
    return [path for path in files if SECRET.encode() in path.read_bytes()]


def url_file(folder: Path, url: str) -> Path:
    """A private file that holds it."""
    path = folder / "webhook"
    path.touch(mode=0o600)
    path.write_text(url + "\n")
    return path
