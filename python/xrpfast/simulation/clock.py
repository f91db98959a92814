"""The wall clock of a mock venue, which a fault can put wrong."""

from __future__ import annotations

import time


class VenueClock:
    """Nanoseconds since the epoch, shifted."""

    def __init__(self) -> None:
        self.offset_ns = 0

    def __call__(self) -> int:
        return time.time_ns() + self.offset_ns
