"""Polls instead of sleeping: a callback that asks for itself again on every turn of the loop."""

from __future__ import annotations

import asyncio
from time import monotonic_ns

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
