"""What happened in one seed, or in many."""

from __future__ import annotations

import msgspec


class Report(msgspec.Struct):
    """What happened in one seed, or summed over many."""

    seeds: int = 0
    events: int = 0
    orders: int = 0
    fills: int = 0
    hedges: int = 0
    unknown: int = 0
    duplicates_told: int = 0
    """Fills heard more than once, and booked once."""
    kills: int = 0
    halts: int = 0
    """Runs that ended halted."""
    halts_at_both: int = 0
    """Halts that a person said with orders under way at both venues."""
    halts_unheard: int = 0
    """Halts because no venue was heard any more."""
    stops: int = 0
    """Runs that a person stopped."""
    by_hand: int = 0
    """Orders that a person settled."""
    by_hand_refused: int = 0
    """Words of such a person that named a trade that was booked: none is taken."""
    given_up: int = 0
    duplicates: int = 0
    """Orders that a venue has more than once."""
    lost: int = 0
    """Orders and fills of a venue that the ledger has not."""
    disagreements: int = 0
    """Differences between ledger and venue, those that are lost included."""
    recovered: int = 0
    """Orders that a later run settled."""
    faults: dict[str, int] = {}
    refused: dict[str, int] = {}

    def add(self, other: Report) -> None:
        for name in self.__struct_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, dict):
                for key, count in theirs.items():
                    mine[key] = mine.get(key, 0) + count
            else:
                setattr(self, name, mine + theirs)
