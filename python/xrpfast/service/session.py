"""A session of its own: no terminal, no Ctrl-C and no hang-up meant for others ends the process."""

from __future__ import annotations

import os
import signal
from types import FrameType


def own_session() -> None:
    """Makes this process the leader of a new session; does nothing when it is one.

    The leader of a process group cannot become one: then a child goes on, and this process only
    passes signals to it and its end back. Call it before there are threads or an event loop.
    """
    if os.getsid(0) == os.getpid():
        return
    if os.getpgid(0) != os.getpid():
        os.setsid()
        return
    child = os.fork()
    if child:
        _stand_for(child)
    os.setsid()


def _stand_for(child: int) -> None:
    def pass_on(number: int, _: FrameType | None) -> None:
        os.kill(child, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, pass_on)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
