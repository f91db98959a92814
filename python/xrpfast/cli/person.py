"""Who says it."""

from __future__ import annotations

import os

from xrpfast.service.peer import Peer, actor, name_of


def person() -> str:
    """As the engine's control socket names this process."""
    uid = os.geteuid()
    return actor(name_of(uid), Peer(os.getpid(), uid))
