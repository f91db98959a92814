"""Who says it."""

from __future__ import annotations

import getpass
import os


def person() -> str:
    """The user's name; the number, where no name is known: a stop must not wait for that."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"
