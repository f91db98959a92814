"""Sends every alert to every sink, each at its own pace: the watchdog's side work.

A sink that is down, slow or limits us holds up nothing but itself. At least once: after a restart a
burst that was on its way is sent again.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from contextlib import suppress
from copy import copy
from time import time_ns
from typing import TYPE_CHECKING, Final

from xrpfast.net.backoff import Backoff
from xrpfast.service.alerting import state as states
from xrpfast.service.alerting.record import (
    CRITICAL,
    LEVELS,
    MOST_WAITING,
    Line,
    Lines,
    append,
    encode,
)
from xrpfast.service.alerting.sinks import Sink, SinkError, sinks
from xrpfast.service.alerting.state import SAVE_S, Delivered, SinkState
from xrpfast.service.alerting.tail import Tail
from xrpfast.service.alerting.text import messages, plain
from xrpfast.service.disk import Disk

if TYPE_CHECKING:
    from xrpfast.config.root import Config

POLL_S: Final = 0.25
EVERY_S: Final = 1.0
"""At most one message to a sink in that time: what comes meanwhile is told at once. Slack takes one
a second."""
FIRST_S, LONGEST_S = 0.5, 30.0
"""Between two attempts."""
TOLD_AFTER: Final = 3
"""Attempts in a row that failed, and the other sinks are told."""
RECENT_NS: Final = 600 * 1_000_000_000
"""A sink that never had anything is not told of older ones."""

_LOG = logging.getLogger("xrpfast.alerts")


class Delivery:
    """All sinks, and what this process itself has to say: that is sent though no disk takes it."""

    def __init__(self, config: Config, source: str) -> None:
        self._folder = config.state_dir
        self._lines = Lines(source)
        self._states: dict[str, SinkState] = {}
        self._unwritten: deque[Line] = deque(maxlen=MOST_WAITING)
        self._disk = Disk()
        self._saving = asyncio.Lock()
        self._state_disk = Disk()
        level = LEVELS.index(config.alerts.min_level)
        self._workers = [_Worker(self, sink, config, level) for sink in sinks(config)]

    def tell(self, level: str, text: str) -> None:
        """One of our own; nothing is waited for."""
        line = self._lines.make(level, text)
        self._unwritten.append(line)
        for worker in self._workers:
            worker.take(line)

    async def run(self) -> None:
        """Until it is cancelled."""
        found: list[Delivered | None] = []
        await self._disk.do(lambda: found.append(states.load(self._folder)))
        before = found[0] if found else None
        if before is not None:
            self._states |= before.sinks
        for worker in self._workers:
            new = SinkState(since_wall_ns=time_ns() - RECENT_NS)
            worker.begin(self._states.setdefault(worker.sink.name, new))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._record())
            if self._workers:
                group.create_task(self._keep_saving())
            for worker in self._workers:
                group.create_task(worker.run())

    async def told(self, within_s: float) -> None:
        """Waits until all of ours is written and sent, no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._unwritten or any(worker.busy for worker in self._workers):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

    async def save(self) -> None:
        """What is known now."""
        async with self._saving:
            state = Delivered(os.getpid(), time_ns(), self._states)
            data = states.encode(state)
            if why := await self._state_disk.do(lambda: states.save(self._folder, data)):
                _LOG.error("how alerts are delivered is not written: %s", why)

    async def _keep_saving(self) -> None:
        while True:
            await self.save()
            await asyncio.sleep(SAVE_S)

    async def _record(self) -> None:
        while True:
            lines = tuple(self._unwritten)
            if lines:
                data = b"".join(map(encode, lines))
                if not await self._disk.do(lambda data=data: append(self._folder, data)):  # type: ignore[misc]
                    for line in lines:
                        with suppress(ValueError):
                            self._unwritten.remove(line)
            await asyncio.sleep(POLL_S)


class _Worker:
    """One sink."""

    def __init__(self, delivery: Delivery, sink: Sink, config: Config, level: int) -> None:
        self.sink = sink
        self.busy = False
        self._delivery = delivery
        self._folder = config.state_dir
        self._name = config.prefix
        self._level = level
        self._state = SinkState()
        self._disk = Disk()
        self._own: deque[Line] = deque(maxlen=MOST_WAITING)
        self._taken: deque[tuple[int, int, int]] = deque(maxlen=MOST_WAITING)
        """Of our own, those that need not be read from the file."""
        self._wake = asyncio.Event()
        self._backoff = Backoff(FIRST_S, LONGEST_S)
        self._tries = 0

    def take(self, line: Line) -> None:
        self._own.append(line)
        self.busy = True
        self._wake.set()

    def begin(self, state: SinkState) -> None:
        self._state = state
        self._tail = Tail(self._folder, state.place)

    async def run(self) -> None:
        while True:
            try:
                await self._deliver()
            except Exception:
                _LOG.exception("%s: alerts are not delivered, it goes on", self.sink.name)
                await asyncio.sleep(EVERY_S)

    async def _deliver(self) -> None:
        """What is there now, as one burst; or waits for a while."""
        lines = await self._new()
        if not lines:
            self._state.place = self._tail.place
            self.busy = bool(self._own)
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
            return
        self.busy = True
        texts = messages(self._name, lines)
        for number, text in enumerate(texts, 1):
            await self._send(text)
            if number == len(texts):  # not before: what was not sent would be lost by a restart
                self._state.place = self._tail.place
            await self._delivery.save()
            await asyncio.sleep(EVERY_S)

    async def _new(self) -> list[Line]:
        found: list[Line] = []
        tail = copy(self._tail)
        # A disk that does not answer: what we have to say ourselves is told all the same.
        if not await self._disk.do(lambda: found.extend(tail.read())):
            self._tail = tail
            if tail.lost:
                tail.lost = False
                self._delivery.tell(CRITICAL, "alerts came and went that nobody was told of")
        else:
            found = []
        own = tuple(self._own)  # after the file: none that stands there is missing here
        self._own.clear()
        self._taken.extend(line.key for line in own)
        taken, since_ns = frozenset(self._taken), self._state.since_wall_ns
        lines = [line for line in found if line.key not in taken and line.wall_ns >= since_ns]
        return [line for line in (*lines, *own) if self._wanted(line)]

    def _wanted(self, line: Line) -> bool:
        return line.level not in LEVELS or LEVELS.index(line.level) >= self._level

    async def _send(self, text: str) -> None:
        """Until it is taken, however long that takes."""
        state, name = self._state, self.sink.name
        while True:
            try:
                await self.sink.send(text)
            except SinkError as error:
                self._tries += 1
                state.failed += 1
                state.failing_since_wall_ns = state.failing_since_wall_ns or time_ns()
                state.problem = str(error)
                if self._tries & (self._tries - 1) == 0:
                    _LOG.error("%s: alert not delivered (%d): %s", name, self._tries, error)
                if self._tries == TOLD_AFTER:
                    self._delivery.tell(CRITICAL, f"alerts do not reach the {name}: {error}")
                if error.unfit:
                    text = plain(text)
                pause_s = self._backoff.next_delay()
                if error.after_s is not None:
                    pause_s = max(error.after_s, FIRST_S)
                await self._delivery.save()
                await asyncio.sleep(pause_s)
            else:
                break
        if self._tries:
            _LOG.warning("%s: alerts are delivered again", name)
        self._tries = 0
        self._backoff.reset()
        state.delivered += 1
        state.last_delivered_wall_ns = time_ns()
        state.failing_since_wall_ns, state.problem = 0, ""
