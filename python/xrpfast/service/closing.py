"""What closes the engine, from whatever side: a signal, the halt word, its own controls."""

from __future__ import annotations

import signal
from collections.abc import Callable
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING

from xrpfast.service.halts import asked_now
from xrpfast.service.latch import Entry
from xrpfast.trading.commands import Halt, Reduce
from xrpfast.trading.events import Control
from xrpfast.trading.states import ENGINE, TradingState

if TYPE_CHECKING:
    from xrpfast.service.statedir import StateDir
    from xrpfast.service.stopping import Stopping


class Closing:
    """Of one run; ``stopping`` is there once it has an engine."""

    def __init__(self, state: StateDir, stop: Callable[[str], None]) -> None:
        """``stop`` asks for the run's end."""
        self._latch = state.latch
        self._stop = stop
        self.stopping: Stopping | None = None
        self.allowed: Entry | None = None
        """The halt of the engine that is no reason to end, if there is one."""
        self._unkept: Entry | None = None
        """What the engine closed, and no disk took."""

    @property
    def halted(self) -> str:
        """Why the engine is halted as a whole; empty while it is not."""
        return "" if self.stopping is None else self.stopping.halted

    def wanted(self) -> None:
        """Somebody set the halt word; an order that would have left may have told already."""
        if self.stopping is None:
            self._stop("halt")
        elif not self.halted:
            # Also one that began halted: the latch came while it started.
            halted = self.event()
            self.stopping.halt(asked_now(halted.reason, halted.who))

    def by_signal(self) -> None:
        """A person's or a service manager's SIGUSR1."""
        name = signal.SIGUSR1.name
        if self.stopping is not None:
            self.stopping.halt(asked_now(f"signal {name}", name))
        else:
            self.latch(f"signal {name}", name)
            self._stop("halt")

    def event(self) -> Control:
        """What the latch says, for the engine."""
        halted = self._latch.halted()
        return Control(
            now_ns=monotonic_ns(),
            wall_ns=time_ns(),
            action="halt",
            reason="no reason on disk" if halted is None else halted.reason,
            who="" if halted is None else halted.who,
        )

    def on_close(self, command: Halt | Reduce) -> None:
        """The latch, on disk first. A run that is halted as a whole goes on until its receipt is
        written and its orders are settled, and no longer."""
        halt = isinstance(command, Halt)
        state = TradingState.HALTED if halt else TradingState.REDUCING
        who = command.who or "engine"
        entry = Entry(command.scope, state, command.reason, who, time_ns())
        try:
            self._latch.set(entry)
        except OSError:
            self._unkept = entry
            raise
        if halt and self.stopping is not None:
            self.stopping.begin(asked_now(command.reason, who, command.scope))

    def stopped(self) -> str:
        """Why nothing may start again before a person resumes; empty if it may. Also a halt that
        the engine did not hear any more, or that no disk took when it was said."""
        if self._unkept is not None:
            return f"{self._unkept.reason}; {self._keep(self._unkept)}"
        halted = self._latch.halted()
        if halted is not None and halted != self.allowed:
            return self.halted or halted.reason
        return self.halted

    def latch(self, why: str, who: str = "engine") -> str:
        """Halts the engine on disk; where that stands, or that it does not."""
        return self._keep(Entry(ENGINE, TradingState.HALTED, why, who, time_ns()))

    def _keep(self, entry: Entry) -> str:
        try:
            self._latch.set(entry)
        except OSError as error:
            return f"the halt could not be kept on disk ({error.strerror})"
        return f"kept in {self._latch.path}"
