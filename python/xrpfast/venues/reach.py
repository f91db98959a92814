"""Whether a venue can be reached and how far away it is: sockets that are opened and closed again.

Nothing is subscribed, nothing is ordered.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable
from time import monotonic_ns
from typing import Final, NamedTuple

from xrpfast.errors import XrpfastError
from xrpfast.net.fuse import Fuse, Reach
from xrpfast.net.websocket import CONNECT_ERRORS, Connection, RefusedError, connect

GREETING_S: Final = 10.0
CALLS: Final = 5
UNREADABLE: Final = (ValueError, KeyError, TypeError, IndexError, AttributeError)


class Way(NamedTuple):
    """One way to a venue."""

    name: str
    ns: int
    """Of a round trip, or until a socket was open, greeting included."""
    error: str = ""
    """Why it cannot be gone; empty when it can."""


class _First(Connection):
    """Waits for the first message."""

    def __init__(self) -> None:
        super().__init__("reach")
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def on_text(self, payload: bytes) -> None:
        if not self.first.done():
            self.first.set_result(payload)

    def on_close(self) -> None:
        if not self.first.done():
            self.first.set_exception(ConnectionError("closed before its greeting"))


async def of_rest(call: Callable[[], Awaitable[object]]) -> Way:
    """The median of a few calls, one after the other."""
    times = []
    for _ in range(CALLS):
        begun = monotonic_ns()
        try:
            await call()
        except (XrpfastError, *UNREADABLE) as error:
            return Way("REST", 0, str(error))
        times.append(monotonic_ns() - begun)
    return Way("REST", int(statistics.median(times)))


async def of_socket(
    name: str, fuse: Fuse, address: Callable[[], Awaitable[str]], greeting: str = ""
) -> Way:
    """Opens what ``address`` names; ``greeting`` is in the first message of a venue that greets.

    A venue that wants to be left alone is.
    """
    try:
        url = await address()
        fuse.check(name, Reach.ALL_BUT_CANCELS)
        begun = monotonic_ns()
        connection = await connect(_First, url)
        assert isinstance(connection, _First)
        try:
            if greeting:
                async with asyncio.timeout(GREETING_S):
                    first = await connection.first
                if greeting.encode() not in first:
                    return Way(name, 0, first[:200].decode("utf-8", "replace"))
            return Way(name, monotonic_ns() - begun)
        finally:
            connection.first.cancel()
            await connection.close()
    except RefusedError as refused:
        fuse.heard(refused.status, refused.headers, refused.body)
        return Way(name, 0, str(refused))
    except (XrpfastError, *CONNECT_ERRORS, *UNREADABLE) as error:
        return Way(name, 0, str(error) or type(error).__name__)
