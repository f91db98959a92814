"""Who says it."""

from __future__ import annotations

import getpass
import os

from xrpfast.service.peer import Peer, actor


def person() -> str:
    """As the engine's control socket names this process: the name is the user's own word, the
    numbers are not. Without a name the number: a stop must not wait for one."""
    uid = os.geteuid()
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = f"user {uid}"
    return actor(name, Peer(os.getpid(), uid))
