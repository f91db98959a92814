"""What goes wrong, and how often: every fault has its own probability, drawn from the seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Final

MOST: Final[dict[str, float]] = {
    # Per request.
    "request_lost": 0.05,
    "reply_lost": 0.10,
    "accepted_late": 0.05,
    "matched_late": 0.25,
    "refused": 0.08,
    "outrun": 0.30,
    "venue_expires": 0.05,
    "stuck_write": 0.03,
    "cancel_lost": 0.30,
    "cancel_raced": 0.90,
    "wrong_echo": 0.002,
    # Per private event.
    "fee_higher": 0.30,
    "order_deleted": 0.50,
    "event_twice": 0.08,
    "event_swapped": 0.15,
    # Per question.
    "query_lost": 0.15,
    "query_lag": 0.30,
    # Per step of the market.
    "account_gap": 0.004,
    "orders_down": 0.004,
    "market_down": 0.003,
    "venue_down": 0.002,
    "both_down": 0.0007,
    "balance_moved": 0.0006,
    "foreign_order": 0.002,
    "foreign_trade": 0.0004,
    "second_engine": 0.0001,
    "frame_lost": 0.01,
    "book_frozen": 0.004,
    "book_crossed": 0.003,
    "both_burst": 0.001,
    # Persons: per step of the market, or at the moment that it is named after.
    "halt": 0.0002,
    "halt_in_pair": 0.03,
    "halt_in_hedge": 0.20,
    "halt_in_comparison": 0.01,
    "halt_in_query": 0.02,
    "halt_in_recovery": 0.05,
    "stop_in_pair": 0.02,
    "stop_in_hedge": 0.10,
    "scope_in_pair": 0.03,
    "reconcile": 0.002,
    "resume": 0.002,
    "transfer": 0.0003,
    # Per point of the driver where a process can die.
    "kill": 0.0015,
}
"""The highest probability of each fault; a seed has a part of it, or none."""


class Faults:
    """The dice of one seed. ``seen`` counts what happened."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(f"faults {seed}")
        self.seen: Counter[str] = Counter()
        self.active = True
        self.chances = {
            name: most * self.draw.choice((0.0, 0.3, 1.0)) for name, most in MOST.items()
        }

    def hit(self, name: str) -> bool:
        """Whether this fault happens now."""
        chance = self.chances[name]
        if not self.active or not chance or self.draw.random() >= chance:
            return False
        self.seen[name] += 1
        return True

    def pick(self, choices: Sequence[str]) -> str:
        return self.draw.choice(choices)

    def between(self, low: int, high: int) -> int:
        return self.draw.randint(low, high)
