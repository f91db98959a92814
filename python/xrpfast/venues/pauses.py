"""Small helpers for reading how long a venue wants to be left alone."""

from __future__ import annotations

CUT_S = 1.0
"""Whole seconds may be cut ones: one more is waited, so that nobody is early."""
_SHOWN = 120


def whole_seconds(text: str | None) -> float | None:
    """A ``Retry-After`` in seconds; None for none, or for what cannot be read."""
    if text is None or not text.isascii() or not text.isdigit():
        return None
    return int(text) + CUT_S


def short(text: str) -> str:
    """The beginning of an answer, on one line."""
    return " ".join(text.split())[:_SHOWN]
