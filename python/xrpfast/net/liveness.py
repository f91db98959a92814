"""A connection on which nothing is heard any more is not one, whatever TCP believes."""

from __future__ import annotations

import asyncio
import logging
from math import ceil
from typing import Final

from xrpfast.net.websocket import Connection

PING_S: Final = 5.0
"""A connection that is silent for so long is pinged."""
UNANSWERED: Final = 3
"""Pings without any frame, on a connection that has answered one before."""

_LOG = logging.getLogger("xrpfast.net")


def require_life(connection: Connection, silent_s: float) -> None:
    """Hangs up once no frame, pings included, has come for ``silent_s``. For connections on which
    the other side is known to speak more often. Where it has answered a ping of ours, three that
    it does not answer are enough: 15 to 20 s."""
    connection.heard = False
    connection.ping()
    step_s = min(PING_S, silent_s / 2)
    _wait(connection, step_s, ceil(silent_s / step_s), 0)


def _wait(connection: Connection, step_s: float, most: int, silent: int) -> None:
    asyncio.get_running_loop().call_later(step_s, _look, connection, step_s, most, silent)


def _look(connection: Connection, step_s: float, most: int, silent: int) -> None:
    if not connection.is_open:
        return
    silent = 0 if connection.heard else silent + 1
    if silent >= (min(most, UNANSWERED) if connection.answers else most):
        _LOG.warning("%s: nothing heard for %g s, hanging up", connection.name, silent * step_s)
        connection.abort()
        return
    if silent:
        connection.ping()
    connection.heard = False
    _wait(connection, step_s, most, silent)
