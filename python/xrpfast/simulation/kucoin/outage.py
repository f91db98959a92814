"""What stands in for the venue's answers when it is not the venue that answers."""

from __future__ import annotations

from typing import Final

import msgspec

_PAGE: Final = (
    b"<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1>"
    b"<p>{1}</p></body></html>\n"
)


class Outage(msgspec.Struct, frozen=True):
    """One answer for every request."""

    status: int
    body: bytes
    content_type: str = "text/html"


def _page(status: int, title: str, words: str) -> Outage:
    body = _PAGE.replace(b"{0}", title.encode()).replace(b"{1}", words.encode())
    return Outage(status, body)


BLOCKED: Final = _page(403, "Access denied", "Sorry, you have been blocked.")
RATE_LIMITED: Final = _page(429, "Access denied", "Error 1015: you are being rate limited.")
BAD_GATEWAY: Final = Outage(502, b"502 Bad Gateway", "text/plain")
GATEWAY_TIMEOUT: Final = Outage(504, b"504 Gateway Time-out", "text/plain")
