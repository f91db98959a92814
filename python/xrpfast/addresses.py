"""Addresses that nothing may be sent to: what is not encrypted stays on this machine."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from xrpfast.errors import UsageError

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_ENCRYPTED: Final = {"http": "https", "ws": "wss"}


def unencrypted(url: str) -> str:
    """Why nothing may be sent to ``url``; empty when it is encrypted or stays on this machine."""
    parts = urlsplit(url)
    if parts.hostname in LOOPBACK or parts.scheme in _ENCRYPTED.values():
        return ""
    instead = _ENCRYPTED.get(parts.scheme, "https or wss")
    return f"{parts.scheme}://{parts.hostname} is not encrypted: use {instead}://"


def require_encryption(url: str) -> None:
    """Raises `UsageError` for an address that a key or an order would travel to in the open."""
    if why := unencrypted(url):
        raise UsageError(why)
