"""Requests of an order socket that have no answer: those that may get one any moment, and overdue
ones, which nobody waits for any more and whose answer is still taken for what it is."""

from __future__ import annotations

from typing import Final, NamedTuple

SECOND_NS: Final = 1_000_000_000
OVERDUE_NS: Final = 60 * SECOND_NS
"""Long after the order desk has asked by a query of its own."""
OVERDUE_KEPT: Final = 4_096
"""So many are remembered, the oldest are dropped first."""


class InFlight(NamedTuple):
    """A request without an answer."""

    client_id: str
    sent_ns: int
    cancel: bool


class Requests:
    """By request id, in the order in which they left."""

    def __init__(self) -> None:
        self.open: Final[dict[int, InFlight]] = {}
        self._overdue: dict[int, InFlight] = {}

    def take(self, request_id: int) -> InFlight | None:
        """The request that was answered; an answer counts once."""
        return self.open.pop(request_id, None) or self._overdue.pop(request_id, None)

    def age(self, now_ns: int) -> None:
        """Sorts out what is overdue; to be called now and then."""
        while self.open:
            request_id, request = next(iter(self.open.items()))
            if now_ns - request.sent_ns < OVERDUE_NS:
                return
            del self.open[request_id]
            self._overdue[request_id] = request
            if len(self._overdue) > OVERDUE_KEPT:
                del self._overdue[next(iter(self._overdue))]

    def lost(self) -> list[InFlight]:
        """The connection is gone, and no answer comes: what was still waited for."""
        waited = list(self.open.values())
        self.open.clear()
        self._overdue.clear()
        return waited
