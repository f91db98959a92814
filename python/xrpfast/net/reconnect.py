"""Keeps one connection up: dial, wait until it closes, dial again with jittered back-off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from xrpfast.errors import XrpfastError
from xrpfast.net.backoff import Backoff
from xrpfast.net.fuse import Fuse
from xrpfast.net.websocket import CONNECT_ERRORS, Connection, RefusedError

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0
SETTLED_S = 5.0
"""A connection that lived so long was good: the next dial waits little again."""

_LOG = logging.getLogger("xrpfast.net")


class GivenUpError(XrpfastError):
    """Dialling again would be refused again: a person has to mend something first."""


async def keep_open(name: str, dial: Callable[[], Awaitable[Connection]], fuse: Fuse) -> NoReturn:
    """Runs until cancelled. ``dial`` connects and sets the session up; not while the venue wants
    to be left alone, and never again once it raised `GivenUpError`."""
    backoff = Backoff(FIRST_DELAY_S, LONGEST_DELAY_S)
    loop = asyncio.get_running_loop()
    while True:
        await fuse.passed()
        try:
            connection = await dial()
        except RefusedError as refused:
            _LOG.warning("%s: cannot connect: %s", name, refused)
            fuse.heard(refused.status, refused.headers, refused.body)
        except GivenUpError as error:
            _LOG.error("%s: not tried again until a restart: %s", name, error)
            await loop.create_future()
        except (*CONNECT_ERRORS, XrpfastError) as error:
            _LOG.warning("%s: cannot connect: %s", name, error or type(error).__name__)
        else:
            opened = loop.time()
            await connection.wait_closed()
            _LOG.warning("%s: connection closed", name)
            if loop.time() - opened >= SETTLED_S:
                backoff.reset()
        await asyncio.sleep(backoff.next_delay())
