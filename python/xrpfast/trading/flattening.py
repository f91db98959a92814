"""A person's order to close what our own orders left, also while nothing else may be sent.

It is bound to one instrument, to what closing may cost in all and to a time. Whatever halts that
instrument, or the engine, ends it; so does a person's ``resume``.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Ordered(msgspec.Struct, frozen=True):
    """What was ordered, while it is in force."""

    max_loss: int
    """What closing the imbalance may cost, what was spent on it before included; money of quote."""
    until_ns: int
    """No order for it leaves later."""


class Ending(StrEnum):
    """How it ended."""

    CLOSED = "CLOSED"
    """Nothing is left that any venue takes."""
    GIVEN_UP = "GIVEN_UP"
    """Time or loss budget is spent."""
    STOPPED = "STOPPED"
    """By a halt, a stop or a person."""


class Flattened(msgspec.Struct, frozen=True):
    """What came of it."""

    ending: Ending
    left: int
    """Base too much (or too little), money."""
    lost: int
    """What closing has cost so far, money of quote; 0 once it is over."""
    hedges: int
