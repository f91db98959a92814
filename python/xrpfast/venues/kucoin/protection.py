"""KuCoin's dead-connection protection: the venue cancels the orders when we are gone.

The second line behind the watchdog, for the day on which this whole machine is gone. It knows no
owner: when it fires, every order of the account in these symbols is cancelled. So it is armed only
while none but ours works there, and disarmed once another one shows up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from xrpfast.errors import XrpfastError

if TYPE_CHECKING:
    from xrpfast.venues.kucoin.rest import KucoinRest

OFF: Final = -1
LOOK_S: Final = 0.2
"""Until the order session is up, and after a call that failed."""
CALL_S: Final = 3.0
_UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError)

_LOG = logging.getLogger("xrpfast.venues")


class DeadConnection:
    """Armed, renewed each third of its time, disarmed at a clean end."""

    def __init__(
        self,
        rest: KucoinRest,
        symbols: Sequence[str],
        prefix: str,
        timeout_s: int,
        session_up: Callable[[], bool],
        foreign_events: Callable[[], int],
    ) -> None:
        """``session_up``: the order session is; it is not renewed while that is down.
        ``foreign_events``: how many events of others' orders the private stream has told."""
        self.armed = False
        """Or may be: an answer was lost."""
        self._rest = rest
        self._symbols = list(symbols)
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._session_up = session_up
        self._foreign_events = foreign_events
        self._looked_at = -1
        """Events of others when it was last looked who has orders."""
        self._alone = False
        self._over = False
        self._one = asyncio.Lock()

    async def run(self) -> NoReturn:
        """Keeps it up until cancelled."""
        while True:
            pause_s = LOOK_S
            if self._session_up() and not self._over:
                try:
                    async with self._one:
                        async with asyncio.timeout(CALL_S):
                            await self._renew()
                    pause_s = self._timeout_s / 3
                except (XrpfastError, TimeoutError, *_UNREADABLE) as error:
                    said = str(error) or "no answer"
                    _LOG.warning("kucoin: dead-connection protection not renewed: %s", said)
                    pause_s = min(1.0, self._timeout_s / 6)
            await asyncio.sleep(pause_s)

    async def end(self) -> None:
        """No order of ours works any more: those of others shall outlive us. Never raises for the
        venue: what it does not hear, it does not do."""
        self._over = True
        try:
            # Behind a renewal that is on its way: it would arm again what is ended here.
            async with self._one:
                async with asyncio.timeout(CALL_S):
                    if self.armed:
                        await self._set(OFF)
        except (XrpfastError, TimeoutError, *_UNREADABLE) as error:
            said = str(error) or "no answer"
            _LOG.warning("kucoin: dead-connection protection not ended, it fires: %s", said)

    async def _renew(self) -> None:
        if self._over:
            return
        events = self._foreign_events()
        if events != self._looked_at:
            self._alone = await self._is_alone()
            self._looked_at = events
        if self._alone:
            await self._set(self._timeout_s)
        elif self.armed:
            await self._set(OFF)

    async def _is_alone(self) -> bool:
        working = [row for symbol in self._symbols for row in await self._rest.open_orders(symbol)]
        foreign = [
            str(row["id"])
            for row in working
            if not str(row.get("clientOid") or "").startswith(self._prefix)
        ]
        if foreign:
            _LOG.warning(
                "kucoin: no dead-connection protection while orders of others work (%s): "
                "it would cancel them, too", ", ".join(foreign[:3]),
            )  # fmt: skip
        return not foreign

    async def _set(self, timeout_s: int) -> None:
        self.armed = self.armed or timeout_s != OFF
        await self._rest.dead_connection(timeout_s, self._symbols)
        self.armed = timeout_s != OFF
