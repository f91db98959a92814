"""What a client's callbacks were told, from whatever thread, and how to wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

PATIENCE = 20.0


class Inbox:
    """Events in the order of their arrival."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self._changed = threading.Condition()

    def put(self, event: Any) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def until(self, wanted: Callable[[Any], bool], what: str) -> Any:
        """The first event that is wanted, waiting for it if need be."""

        def found() -> Any:
            return next((event for event in self.events if wanted(event)), None)

        with self._changed:
            event = self._changed.wait_for(found, PATIENCE)
            assert event is not None, f"no {what} within {PATIENCE} s; {len(self.events)} events"
        return event

    def until_count(self, event: Any, count: int) -> None:
        """Waits until an event has come so often."""
        with self._changed:
            came = self._changed.wait_for(lambda: self.events.count(event) >= count, PATIENCE)
            assert came, f"{event} came {self.events.count(event)} times, not {count}"

    def seen(self) -> list[Any]:
        with self._changed:
            return list(self.events)
