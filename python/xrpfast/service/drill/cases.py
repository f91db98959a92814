"""The cases: what is spoiled before the stop, and who stops."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import time_ns
from typing import Any, Final

from xrpfast.service.cancelling import CANCELLED
from xrpfast.service.demo import child
from xrpfast.service.drill import blocking
from xrpfast.service.drill.case import HALT_S, Case, Process
from xrpfast.service.drill.report import FIRST_CANCEL_MS
from xrpfast.service.halts import AUTHOR
from xrpfast.service.latch import Latch
from xrpfast.service.receipts import last_receipt
from xrpfast.service.watchdog import WHO
from xrpfast.service.watchdog_lock import watcher

FLATTEN_LOSS: Final = "5"
"""What closing one leg that stands alone may cost, in the quote asset."""


class Normal(Case):
    resumes = True


class Storm(Case):
    name = "server-errors"
    says = "cancels are answered with 503"
    holds = True

    async def spoil(self, engine: Process) -> None:
        await self._venues.refuse_cancels({"status": 503, "body": "<html>"})


class Limited(Case):
    name = "rate-limit"
    says = "cancels are answered with 429"
    holds = True

    async def spoil(self, engine: Process) -> None:
        await self._venues.refuse_cancels({"status": 429}, limited=True)


class DeadFeeds(Case):
    name = "dead-feeds"
    says = "every socket is silent, new ones are refused"
    holds = True

    async def spoil(self, engine: Process) -> None:
        for action in ("silence", "refuse"):
            await self._venues.rule({"channel": "socket", "action": action})


class Asleep(Case):
    """The whole process: harder than a loop that hangs, no thread and no signal handler helps."""

    name = "engine-stopped"
    says = "engine is stopped (SIGSTOP) while it trades, and wakes up afterwards"

    async def spoil(self, engine: Process) -> None:
        engine.send_signal(signal.SIGSTOP)

    async def restore(self, engine: Process) -> None:
        engine.send_signal(signal.SIGCONT)


class Blocked(Case):
    """The process lives, takes signals and connections, and its loop does nothing."""

    name = "loop-blocked"
    says = "engine's event loop is blocked while it trades, and goes on afterwards"

    def engine(self) -> AbstractAsyncContextManager[Process]:
        return child(str(self._config), log=self._log, module=blocking.__name__)

    async def spoil(self, engine: Process) -> None:
        blocking.file_of(self._config).touch()

        async def hangs() -> bool:
            return blocking.hangs(self._config)

        await self.wait(hangs, "a blocked loop")

    async def restore(self, engine: Process) -> None:
        blocking.file_of(self._config).unlink()


class Killed(Case):
    name = "engine-killed"
    says = "engine is killed (SIGKILL)"
    holds = True
    kills = True

    async def spoil(self, engine: Process) -> None:
        engine.kill()
        await engine.wait()


class Watched(Case):
    """Nobody says anything: a watchdog beside the engine misses its heartbeat."""

    name = "watchdog"
    says = "engine is killed (SIGKILL) and nobody says halt: its watchdog does"
    holds = True
    kills = True
    resumes = True

    def change(self, values: dict[str, Any]) -> None:
        self._after_ms = self._given.watchdog.after_ms
        values["watchdog"] = {"after_ms": self._after_ms, "require": True}

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        log = self._folder / "watchdog.log"
        async with child("watchdog", "--config", str(self._config), log=log) as dog:

            async def watches() -> bool:
                self.expect(dog.returncode is None, f"the watchdog ended with {dog.returncode}")
                return dog.returncode is not None or watcher(self._state_dir) is not None

            await self.wait(watches, "a watchdog")
            yield

    @property
    def allowed_ms(self) -> float:
        """From the engine's death."""
        return FIRST_CANCEL_MS + self._after_ms

    async def spoil(self, engine: Process) -> None:
        self._killed_ns = time_ns()
        engine.kill()
        await engine.wait()

    async def stop(self) -> int:
        async def verified() -> bool:
            return bool((last_receipt(self._state_dir, WHO) or {}).get("verified"))

        await self.wait(verified, "all verified by the watchdog", HALT_S)
        loss = last_receipt(self._state_dir, WHO) or {}
        halted = Latch(self._state_dir).halted()
        latched = halted is not None and halted.who == WHO
        self.expect(latched and not loss["latch"], "the watchdog did not latch")
        venues = loss["cancelling"]["venues"]
        since_ms = (loss["wall_ns"] - self._killed_ns) / 1e6
        step = self._step
        step.by = WHO
        step.cancelled = sum(o["fate"] == CANCELLED for venue in venues for o in venue["orders"])
        first = [v["first_cancel_ms"] for v in venues if v["first_cancel_ms"] is not None]
        step.first_cancel_ms = min(first) + since_ms if first else None
        step.verified_ms = max(venue["verified_ms"] for venue in venues) + since_ms
        return self._killed_ns


class LeftOpen(Case):
    """One leg of a pair is filled alone, and all is halted before it is closed."""

    name = "flatten"
    says = "one leg was filled alone, then halt, and flatten closes it"
    resumes = True

    def change(self, values: dict[str, Any]) -> None:
        """It gives up hedging at once, so that something is left."""
        values["risk"] |= {"hedge_loss": "0.000001", "hedge_time_ms": 300}

    async def put_to_work(self, engine: Process) -> None:
        """Later: the instrument's own halt would cancel it."""

    async def spoil(self, engine: Process) -> None:
        await self._venues.refuse_orders("kucoin")
        async with self._link(engine) as link:
            await self._until(
                link,
                lambda state: any(scope.startswith("symbol:") for scope in state["scopes"]),
                "a leg that stands alone",
            )

        async def verified() -> bool:  # that halt, too, cancels what works
            return last_receipt(self._state_dir, AUTHOR) is not None

        await self.wait(verified, "a receipt of the instrument's own halt")
        await self._venues.heal()
        await self._venues.strays()

    async def afterwards(self) -> None:
        code, said = await self.command(
            "flatten", "--reason", f"drill: {self.says}", "--max-loss", FLATTEN_LOSS
        )
        done = said["instruments"]
        self._step.flattened = "; ".join(
            f"{name} {each['ending']}, {each['left']} of base left, lost {each['lost']}"
            for name, each in done.items()
        )
        self.expect(bool(done), "nothing was left to be closed")
        self.expect(code == 0, f"flatten ended with {code}: {said['problem'] or done}")
        halted = Latch(self._state_dir).halted()
        self.expect(halted is not None, "flatten opened what was halted")


CASES: Final[tuple[type[Case], ...]] = (
    Watched, Killed, Asleep, Blocked, LeftOpen, Normal, Storm, Limited, DeadFeeds
)  # fmt: skip
"""The longest first."""
