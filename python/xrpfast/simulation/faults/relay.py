"""Rules about bytes: a relay before a venue's port that can be slow, thin, deaf or cut.

One relay a port, there only when the mock is started for faults: its hop costs some 0.1 ms.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from xrpfast.simulation.faults.engine import Faults
from xrpfast.simulation.faults.http import reset
from xrpfast.simulation.faults.occasion import Occasion, Standing
from xrpfast.simulation.faults.rules import Rule

CHUNK: Final = 64 * 1024
HIGH_WATER: Final = 256 * 1024
"""Bytes that wait in one direction before the sender is made to wait, as a socket buffer does."""
TURN_SECONDS: Final = 0.05
"""How long a thinned line sends one piece; rules are looked at anew between pieces."""
DOWN, UP = "down", "up"
"""To the client, to the venue."""


class Relay:
    """Accepts on the venue's public port and carries bytes to the real one."""

    def __init__(self, faults: Faults, venue: str, kind: str, inner_port: int) -> None:
        self._faults = faults
        self._venue = venue
        self._kind = kind
        self._inner_port = inner_port
        self._links: set[Link] = set()
        self._number = 0
        self._server: asyncio.Server | None = None
        self.down = False
        faults.on_network_rule.append(self._strike)

    async def serve(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=CHUNK)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for link in list(self._links):
            link.cut()
        await asyncio.gather(*(link.done.wait() for link in list(self._links)))

    def cut_all(self) -> None:
        for link in list(self._links):
            link.cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._number += 1
        occasion = Occasion(self._venue, "network", connection=self._number, kind=self._kind)
        if self.down or self._refused(occasion):
            reset(writer.transport)
            return
        try:
            inner = await asyncio.open_connection("127.0.0.1", self._inner_port, limit=CHUNK)
        except OSError:
            reset(writer.transport)
            return
        link = Link(self._faults, occasion, (reader, writer), inner)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)
            link.done.set()

    def _refused(self, occasion: Occasion) -> bool:
        return any(
            standing.rule.action == "refuse" and standing.strikes(occasion)
            for standing in self._faults.standing("network")
        )

    def _strike(self, standing: Standing) -> None:
        """A rule begins: it may end connections that stand."""
        if standing.rule.action == "reset":
            for link in list(self._links):
                if link.meant(standing):
                    link.cut()


class Link:
    """One connection through the relay."""

    def __init__(
        self,
        faults: Faults,
        occasion: Occasion,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        venue: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.done = asyncio.Event()
        self._faults = faults
        self._occasion = occasion
        self._client = client
        self._venue = venue
        self._deaf: set[str] = set()
        self._decided: dict[int, bool] = {}
        self._pumps: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Carries bytes until both ends are closed."""
        if any(rule.action == "reset" for rule in self._rules(None)):
            self.cut()
            return
        self._pumps = [
            asyncio.create_task(self._pump(UP, self._client[0], self._venue[1])),
            asyncio.create_task(self._pump(DOWN, self._venue[0], self._client[1])),
        ]
        try:
            await asyncio.wait(self._pumps)
        finally:
            for pump in self._pumps:
                pump.cancel()
            for writer in (self._client[1], self._venue[1]):
                writer.close()

    def cut(self) -> None:
        """RST to both ends, whatever is still on its way."""
        for writer in (self._client[1], self._venue[1]):
            reset(writer.transport)
        for pump in self._pumps:
            pump.cancel()

    def meant(self, standing: Standing) -> bool:
        """Decided once a connection and rule, so that nth, every and p count connections."""
        known = self._decided.get(standing.number)
        if known is None:
            known = self._decided[standing.number] = standing.strikes(self._occasion)
            if known:
                self._faults.note(standing, f"{self._occasion.kind} {self._occasion.connection}")
        return known

    def _rules(self, direction: str | None) -> Iterator[Rule]:
        for standing in self._faults.standing("network"):
            wanted = standing.rule.params.get("direction", "both")
            if direction is not None and wanted not in ("both", direction):
                continue
            if self.meant(standing):
                yield standing.rule

    async def _pump(
        self, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Reads ahead of its writer, so that latency delays bytes without thinning them."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HIGH_WATER // 1024)
        feeder = asyncio.create_task(self._deliver(direction, queue, writer))
        feeder.add_done_callback(self._broken)
        loop = asyncio.get_running_loop()
        due = 0.0
        try:
            while data := await reader.read(CHUNK):
                wait = 0.0
                for rule in self._rules(direction):
                    if rule.action == "latency":
                        jitter = rule.params.get("jitter_ms", 0)
                        wait += (rule.params["ms"] + random.uniform(-jitter, jitter)) / 1_000
                    elif rule.action == "black_hole":
                        self._deaf.add(direction)
                due = max(due, loop.time() + max(0.0, wait))  # bytes keep their order
                if direction not in self._deaf:
                    await queue.put((due, data))
            await queue.put((due, b""))
            await feeder
        except OSError:
            self.cut()
        finally:
            feeder.cancel()

    def _broken(self, feeder: asyncio.Task[None]) -> None:
        """A write to an end that is gone ends the connection; the reader may wait for room."""
        if not feeder.cancelled() and feeder.exception() is not None:
            self.cut()

    async def _deliver(
        self,
        direction: str,
        queue: asyncio.Queue[tuple[float, bytes]],
        writer: asyncio.StreamWriter,
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await queue.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            if not data:
                break
            if direction not in self._deaf:
                await self._write(direction, data, writer)
        for rule in self._rules(direction):
            if rule.action == "slow_close":
                await asyncio.sleep(rule.params["ms"] / 1_000)
        if direction not in self._deaf:
            with suppress(OSError, RuntimeError):
                writer.write_eof()

    async def _write(self, direction: str, data: bytes, writer: asyncio.StreamWriter) -> None:
        """In one piece, or as the rules of this moment will have it, piece after piece."""
        view = memoryview(data)
        while view and not writer.transport.is_closing() and direction not in self._deaf:
            piece, pause = len(view), 0.0
            for rule in self._rules(direction):
                if rule.action == "slice":
                    piece = max(1, min(piece, rule.params["bytes"]))
                    pause += rule.params.get("ms", 0) / 1_000
                elif rule.action == "bandwidth":
                    rate = max(1.0, rule.params["bytes_per_s"])
                    piece = max(1, min(piece, int(rate * TURN_SECONDS)))
                    pause += piece / rate
            writer.write(view[:piece])
            view = view[piece:]
            await writer.drain()
            if view or pause:
                await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        """Sleeps, but not on when the rules end meanwhile."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        await asyncio.sleep(min(seconds, TURN_SECONDS))
        while loop.time() < until and self._faults.standing("network"):  # noqa: ASYNC110
            await asyncio.sleep(min(TURN_SECONDS, max(0.0, until - loop.time())))
