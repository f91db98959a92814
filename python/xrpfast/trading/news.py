"""Which of the fills that a venue lists the engine has to hear."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xrpfast.trading.engine import Engine


class News:
    """Of one answer: lists overlap, and every event is journalled, so that what is booked is left
    out, unless it brings a fee that is not told yet."""

    def __init__(self, engine: Engine) -> None:
        self._desk = engine.orders
        self._fees = engine.fees
        self._seen: set[tuple[str, str]] = set()

    def fill(self, client_id: str, trade_id: str) -> bool:
        """Whether a fill of an order of this run is news; the second time it is none."""
        key = client_id, trade_id
        if key in self._seen:
            return False
        self._seen.add(key)
        if self._fees.awaits(*key):
            return True
        return not self._desk.booked(*key) and self._desk.recalls(client_id)
