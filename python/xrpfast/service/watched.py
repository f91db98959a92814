"""Only beside a watchdog: real money, or as the file says. Asked at the start and while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Final

from xrpfast.errors import UsageError
from xrpfast.service.alerting.state import configured, undelivered
from xrpfast.service.watchdog_keys import refused, told_keys, unfit, untried
from xrpfast.service.watchdog_lock import unwatched, watcher
from xrpfast.trading.states import ENGINE, TradingState

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.trading.states import States

LOOK_S: Final = 2.0
KEYS_S: Final = 15.0

Say = Callable[[str, str, str], None]
"""(action, reason, who), for the engine."""


class Watched:
    """One engine's watchdog, as that engine sees it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._folder = config.state_dir
        self.required = config.watchdog.require or config.mode == "live"
        if config.mode == "paper":  # its venues, and every order there, end with the run
            self.required = False
        self.undelivered = ""
        """Why alerts reach nobody."""

    async def refuse(self, stop: asyncio.Event) -> None:
        """Raises `UsageError` for a run that would be unwatched."""
        if self.required and (why := self._missing() or await self._unfit(stop)):
            raise UsageError(
                f"{why}, and watchdog.require is set or the mode is live: "
                "start `xrpfast watchdog` with this configuration first"
            )

    async def keep(self, states: States, say: Say) -> None:
        """Unwatched no entry is made: not before there is a watchdog and a person has resumed."""
        while True:
            if states[ENGINE] is TradingState.ACTIVE and (why := self._unguarded()):
                say("reduce", why, "engine")
            self._look_at_delivery(say)
            await asyncio.sleep(LOOK_S)

    async def _unfit(self, stop: asyncio.Event) -> str:
        """A watchdog that was started just now tries its keys first."""
        folder, venues = self._folder, self._config.venue_names
        deadline = monotonic_ns() + int(KEYS_S * 1e9)
        while untried(told := told_keys(folder, watcher(folder)), venues):
            if stop.is_set() or monotonic_ns() > deadline:
                break
            await asyncio.sleep(0.05)
        return unfit(told, venues, time_ns())

    def _missing(self) -> str:
        config = self._config
        return unwatched(self._folder, config.prefix, config.venue_names)

    def _unguarded(self) -> str:
        """A watchdog whose key a venue refuses is none. One that could not ask may be well."""
        told = told_keys(self._folder, watcher(self._folder))
        return self._missing() or refused(told, self._config.venue_names)

    def _look_at_delivery(self, say: Say) -> None:
        """That nobody hears of alerts is on record; it stops nothing."""
        why = undelivered(self._folder, configured(self._config), time_ns())
        if why and why != self.undelivered:
            say("undelivered", why, "")
        self.undelivered = why
