"""Who is at the other end of a Unix socket, by the kernel's word and not by its own."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from typing import Any, Final, NamedTuple

_CREDENTIALS: Final = struct.Struct("3i")
"""``struct ucred`` of Linux: process, user, group."""


class Peer(NamedTuple):
    """A process as it was when it connected."""

    pid: int
    uid: int


def peer_of(sock: Any) -> Peer:
    """Of a connected socket, or of what a loop has in its place. Raises ``OSError``."""
    size = _CREDENTIALS.size
    pid, uid, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return Peer(pid, uid)


def actor(name: str, peer: Peer) -> str:
    """As it stands on record."""
    return f"{name} (uid {peer.uid}, pid {peer.pid})"


class Owners:
    """Who may speak to this process: its own user, and root. Their names are looked up once: a
    directory of users may be far away, and a stop does not wait for it."""

    def __init__(self) -> None:
        uid = os.geteuid()
        self._names = {0: "root", uid: name_of(uid)}

    def name(self, peer: Peer) -> str | None:
        """None for one who may not."""
        return self._names.get(peer.uid)

    def __str__(self) -> str:
        return " and ".join(f"{name} (uid {uid})" for uid, name in sorted(self._names.items()))


def name_of(uid: int) -> str:
    """By the system's own list of users; without a name the number: a stop waits for none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (OSError, KeyError):
        return f"user {uid}"
