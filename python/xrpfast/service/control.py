"""`control.sock`: one JSON object a line in, one JSON object a line out. ``state`` answers once,
``subscribe`` keeps answering, ``stop`` ends the engine cleanly; a person's words for the engine are
those of `words.Words`. What cannot be done is answered with ``error``.

Who says it is whom the kernel names: ``who`` of a request is kept beside it when it is another. A
word that waited while this process hung is not obeyed any more (`said.fresh`), nor is one whose
sender has gone; a halt and a stop always are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any, Final

import orjson

from xrpfast.errors import UsageError
from xrpfast.service.peer import Owners, actor, peer_of
from xrpfast.service.said import fresh

SHORTEST_MS: Final = 50
LONGEST_MS: Final = 60_000
MAX_LINE: Final = 64 * 1024
ALWAYS: Final = frozenset({"halt"})
"""Words that are obeyed however old they are."""
MAX_CLAIM: Final = 100
"""Characters of what a peer calls itself."""

_LOG = logging.getLogger("xrpfast.service")

State = Callable[[], dict[str, Any]]
Said = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Takes the object with the word in it; answers, or raises `UsageError`."""


class ControlServer:
    """The socket and whoever is connected to it."""

    def __init__(
        self,
        path: Path,
        state: State,
        stop: Callable[[str], None],
        words: Mapping[str, Said],
    ) -> None:
        """``words``: what a person may say to the engine, by name."""
        self._path = path
        self._state = state
        self._stop = stop
        self._words = words
        self._owners = Owners()
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listens. A socket file left behind by a dead engine is ours to replace: the lease says
        so."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._accept, str(self._path), limit=MAX_LINE
        )
        self._path.chmod(0o600)

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
            self._clients.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        feed: asyncio.Task[None] | None = None
        peer = peer_of(writer.get_extra_info("socket"))
        name = self._owners.name(peer)
        try:
            while True:
                try:
                    line = await reader.readline()
                except ValueError:
                    await _say(writer, {"error": "line too long"})
                    return
                if not line:
                    return
                if name is None:
                    error = f"uid {peer.uid} may not speak to this engine, only {self._owners} may"
                    await _say(writer, {"error": error})
                    return
                answer = self._answer(line, actor(name, peer), writer)
                if isinstance(answer, float):
                    if feed is not None:
                        feed.cancel()
                    feed = asyncio.create_task(self._feed(writer, answer))
                else:
                    await _say(writer, answer)
        finally:
            if feed is not None:
                feed.cancel()

    def _answer(
        self, line: bytes, who: str, writer: asyncio.StreamWriter
    ) -> dict[str, Any] | float:
        """The answer to one line of ``who``, or the interval of a subscription in seconds."""
        try:
            request = orjson.loads(line)
        except orjson.JSONDecodeError:
            return {"error": "not JSON"}
        if not isinstance(request, dict):
            return {"error": "not a JSON object"}
        command = request.get("cmd")
        if command == "state":
            return self._state()
        if command == "stop":
            self._stop(f"control socket: {_named(who, request)}")
            return {"ok": True}
        word = self._words.get(command) if isinstance(command, str) else None
        if word is not None:
            try:
                if command not in ALWAYS:
                    _refuse_old(request, writer)
                return word({**request, "who": _named(who, request)})
            except UsageError as error:
                _LOG.warning("refused %s of %s: %s", command, _named(who, request), error)
                return {"error": str(error)}
        if command == "subscribe":
            interval = request.get("ms", 200)
            if type(interval) is not int or not SHORTEST_MS <= interval <= LONGEST_MS:
                return {"error": f"ms: a whole number from {SHORTEST_MS} to {LONGEST_MS}"}
            return interval / 1000
        known = ", ".join(("state", "subscribe", "stop", *self._words))
        return {"error": f"unknown cmd {command!r}: known: {known}"}

    async def _feed(self, writer: asyncio.StreamWriter, interval_s: float) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await _say(writer, self._state())
                await asyncio.sleep(interval_s)


def _refuse_old(request: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
    """Raises `UsageError` when nobody waits for the answer any more, or for too long already."""
    fresh(request, monotonic_ns(), time_ns())
    gone = writer.is_closing()
    if not gone:
        poll = select.poll()
        poll.register(writer.get_extra_info("socket").fileno(), 0)  # both ways closed: always told
        gone = any(happened & (select.POLLHUP | select.POLLERR) for _, happened in poll.poll(0))
    if gone:
        raise UsageError("its sender has gone")


def _named(who: str, request: Mapping[str, Any]) -> str:
    """The peer, and what it calls itself when that is something else."""
    said = request.get("who")
    claim = " ".join(said.split())[:MAX_CLAIM] if isinstance(said, str) else ""
    return who if claim in ("", who) else f"{who}, calls itself {claim}"


async def _say(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
    writer.write(orjson.dumps(answer) + b"\n")
    await writer.drain()
