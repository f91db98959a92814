"""Which hosts a mode may trade at: a file that mixes real and simulated is refused as a whole."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from xrpfast.addresses import LOOPBACK, unencrypted

PRODUCTION: Final = {
    "binance": frozenset(
        {
            "api.binance.com", "api-gcp.binance.com", "api1.binance.com", "api2.binance.com",
            "api3.binance.com", "api4.binance.com", "stream.binance.com", "ws-api.binance.com",
        }
    ),
    "kucoin": frozenset({"api.kucoin.com", "wsapi.kucoin.com"}),
}  # fmt: skip
"""Where orders cost money."""


def misplaced(mode: str, venue: str, url: str, *, key: bool) -> str:
    """Why ``mode`` may not use ``url`` of ``venue``; empty when it may. ``key``: the file has an
    API key for the venue."""
    parts = urlsplit(url)
    host, production = parts.hostname, parts.hostname in PRODUCTION[venue]
    if parts.scheme not in {"http", "https", "ws", "wss"} or not host:
        return f"{url!r} is no address of http(s) or ws(s)"
    if why := unencrypted(url):
        return why
    if mode == "demo" and host not in LOOPBACK:
        return f'mode = "demo" trades on this machine only, not on {url}'
    if mode == "live" and not production:
        return f'mode = "live" trades at production hosts only, not on {url}'
    if mode == "paper" and key:  # whatever the host: a name may lead to a real venue
        return f'mode = "paper" with a key for {host}: remove the key, or set mode = "live"'
    return ""
