"""Client order ids: who sent an order, in which run, as which leg; never the same twice.

``x`` + environment letter + 4 characters of deployment + base36 epoch + ``-`` + base36 sequence +
leg letter, at most 24 characters of ``[0-9A-Za-z-]``. The first six are the prefix that marks an
order as ours. Epoch and deployment make ids unique over restarts without any memory of them.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_LENGTH: Final = 24
PREFIX_LENGTH: Final = 6
LEGS: Final = "abht"
"""The two legs of a pair, a hedge, and the tiny order of a live drill."""

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAGE: Final = 36 * 36
# The last two digits of every sequence, ready made: only one id in 1296 needs a division chain.
_LOW: Final = tuple(high + low for high in _DIGITS for low in _DIGITS)
_SHAPE: Final = re.compile(r"x[0-9A-Za-z]{5}([0-9a-z]+)-([0-9a-z]+)([abht])")


def base36(value: int) -> str:
    """``value`` in base 36, lower case."""
    if value < 0:
        raise ValueError("negative number")
    text = ""
    while True:
        value, digit = divmod(value, 36)
        text = _DIGITS[digit] + text
        if not value:
            return text


class IdParts(NamedTuple):
    """What a client order id says."""

    prefix: str
    epoch: int
    sequence: int
    leg: str


def is_ours(client_id: str, prefix: str) -> bool:
    """Whether an order with this id was sent by the deployment of ``prefix``."""
    return len(prefix) == PREFIX_LENGTH and client_id.startswith(prefix)


def parse(client_id: str) -> IdParts | None:
    """The parts of an id of this shape, None for any other text."""
    match = _SHAPE.fullmatch(client_id)
    if match is None or len(client_id) > MAX_LENGTH:
        return None
    epoch, sequence, leg = match.groups()
    return IdParts(client_id[:PREFIX_LENGTH], int(epoch, 36), int(sequence, 36), leg)


class ClientIds:
    """The ids of one run. ``sequence`` is that of the next pair."""

    __slots__ = ("_head", "_limit", "_page", "_stem", "epoch", "prefix", "sequence")

    def __init__(self, environment: str, deployment: str, epoch: int, sequence: int = 0) -> None:
        prefix = f"x{environment}{deployment}"
        if not re.fullmatch(r"x[0-9A-Za-z]{5}", prefix) or len(environment) != 1:
            raise ValueError(
                "client ids need one environment letter and four deployment characters of 0-9A-Za-z"
            )
        self.prefix = prefix
        self.epoch = epoch
        self.sequence = sequence
        self._head = f"{prefix}{base36(epoch)}-"
        room = MAX_LENGTH - len(self._head) - 1
        if room < 6:
            raise ValueError("epoch too large for a client id")
        self._limit = 36**room
        self._page = -1
        self._stem = ""

    def of_another(self, client_id: str) -> bool:
        """Whether only another engine can have made it: of a later run, or not given out yet."""
        parts = parse(client_id)
        if parts is None or parts.prefix != self.prefix:
            return False
        return (parts.epoch, parts.sequence) >= (self.epoch, self.sequence)

    def of_this_run(self, client_id: str) -> bool:
        """Whether it is of this run's epoch, given out or not."""
        parts = parse(client_id)
        return parts is not None and (parts.prefix, parts.epoch) == (self.prefix, self.epoch)

    def spent(self, client_id: str) -> bool:
        """Whether this run has given it out."""
        parts = parse(client_id)
        if parts is None or parts.prefix != self.prefix:
            return False
        return parts.epoch == self.epoch and parts.sequence < self.sequence

    def next_pair(self) -> tuple[str, str]:
        """The ids of the next two legs; their sequence is spent whatever becomes of them."""
        stem = self._next()
        return stem + "a", stem + "b"

    def next_hedge(self) -> str:
        """The id of a hedge."""
        return self._next() + "h"

    def next_drill(self) -> str:
        """The id of an order of a live drill."""
        return self._next() + "t"

    def _next(self) -> str:
        sequence = self.sequence
        page, low = divmod(sequence, _PAGE)
        if page != self._page:
            if sequence >= self._limit:
                raise OverflowError("client order ids are exhausted: restart for a new epoch")
            self._page = page
            self._stem = self._head + (base36(page) if page else "")
        self.sequence = sequence + 1
        return self._stem + _LOW[low]
