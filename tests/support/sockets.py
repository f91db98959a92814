"""A plain WebSocket client: sends text, keeps what comes, waits for what is expected."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

PATIENCE = 10.0
Json = dict[str, Any]


class Client(WSListener):
    """What one socket received, in order."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.frames: list[bytes] = []
        """Binary ones."""
        self.pings: list[bytes] = []
        self.pinged = asyncio.Event()
        self.closed = asyncio.Event()
        self.answers_pings = True
        self.close_code: int | None = None
        self.on_message: Callable[[Any], None] | None = None
        self._arrived = asyncio.Event()
        self._next_id = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            message = json.loads(frame.get_payload_as_bytes())
            self.messages.append(message)
            if self.on_message is not None:
                self.on_message(message)
            self._arrived.set()
        elif frame.msg_type == WSMsgType.BINARY:
            self.frames.append(frame.get_payload_as_bytes())
            self._arrived.set()
        elif frame.msg_type == WSMsgType.PING:
            self.pings.append(frame.get_payload_as_bytes())
            self.pinged.set()
            if self.answers_pings:
                transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            self.close_code = int(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.closed.set()
        self._arrived.set()

    def send(self, message: Json | str | bytes) -> None:
        data = json.dumps(message) if isinstance(message, dict) else message
        self.transport.send(WSMsgType.TEXT, data.encode() if isinstance(data, str) else data)

    async def until(self, wanted: Callable[[Any], bool], start: int = 0) -> Any:
        """The first message from number ``start`` on that is wanted, waiting for it if need be."""
        seen = start
        async with asyncio.timeout(PATIENCE):
            while True:
                for message in self.messages[seen:]:
                    if wanted(message):
                        return message
                seen = len(self.messages)
                assert not self.closed.is_set(), f"closed after {self.messages[-3:]}"
                self._arrived.clear()
                await self._arrived.wait()

    async def until_frame(self, wanted: Callable[[bytes], bool], start: int = 0) -> bytes:
        """As `until`, of the binary frames."""
        seen = start
        async with asyncio.timeout(PATIENCE):
            while True:
                for frame in self.frames[seen:]:
                    if wanted(frame):
                        return frame
                seen = len(self.frames)
                assert not self.closed.is_set(), f"closed after {len(self.frames)} frames"
                self._arrived.clear()
                await self._arrived.wait()

    async def request(self, method: str, params: Json | list[Any] | None = None) -> Json:
        """Sends a request with a fresh id and returns its reply."""
        self._next_id += 1
        number = self._next_id
        body: Json = {"id": number, "method": method}
        if params is not None:
            body["params"] = params
        self.send(body)
        reply: Json = await self.until(lambda m: "id" in m and m["id"] == number)
        return reply


@asynccontextmanager
async def connected(url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Client]:
    """A socket that is closed at the end of the block."""
    client = Client()
    await ws_connect(lambda: client, url, enable_auto_pong=False, extra_headers=headers)
    try:
        yield client
    finally:
        client.transport.disconnect(graceful=False)
        async with asyncio.timeout(PATIENCE):
            await client.closed.wait()
