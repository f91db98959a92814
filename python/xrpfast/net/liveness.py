"""A connection on which nothing is heard any more is not one, whatever TCP believes."""

from __future__ import annotations

import asyncio
import logging

from xrpfast.net.websocket import Connection

_LOG = logging.getLogger("xrpfast.net")


def require_life(connection: Connection, silent_s: float) -> None:
    """Hangs up once no frame, pings included, has come for ``silent_s`` (at most half as long
    again). For connections on which the other side is known to speak more often."""
    connection.heard = False
    half_s = silent_s / 2
    asyncio.get_running_loop().call_later(half_s, _look, connection, half_s, 0)


def _look(connection: Connection, half_s: float, silent: int) -> None:
    if not connection.is_open:
        return
    silent = 0 if connection.heard else silent + 1
    if silent == 2:
        _LOG.warning("%s: nothing heard for %g s, hanging up", connection.name, 2 * half_s)
        connection.abort()
        return
    connection.heard = False
    asyncio.get_running_loop().call_later(half_s, _look, connection, half_s, silent)
