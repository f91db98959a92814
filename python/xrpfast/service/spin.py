"""Polls instead of sleeping: a callback that asks for itself again on every turn of the loop."""

from __future__ import annotations

import asyncio
import os
from time import monotonic_ns

from xrpfast.errors import UsageError
from xrpfast.service.loopguard import LoopGuard


class Spinner:
    """Keeps the loop turning; tells the guard of every turn."""

    def __init__(self, guard: LoopGuard) -> None:
        self._guard = guard
        self._running = False
        self.turns = 0

    def start(self) -> None:
        self._running = True
        self._call_soon = asyncio.get_running_loop().call_soon
        self._guard.alive(monotonic_ns())
        self._guard.spinning = True
        self._turn()

    def stop(self) -> None:
        self._running = False
        self._guard.spinning = False

    def _turn(self) -> None:
        if self._running:
            self.turns += 1
            self._guard.alive(monotonic_ns())
            self._call_soon(self._turn)


def pin(cpu: int | None) -> None:
    """Keeps the process on one core. Raises `UsageError` for one that it may not use."""
    if cpu is None:
        return
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError as error:
        raise UsageError(f"[engine] cpu = {cpu}: this machine has no such core to use") from error
