"""What a rule is held against: one request, frame or connection, and whether it is the one."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from xrpfast.simulation.faults.rules import REQUESTS, Rule


@dataclass(frozen=True, slots=True)
class Occasion:
    """One request, frame or connection of a venue, in words that rules can match."""

    venue: str
    channel: str
    """rest, ws, market, private, control, socket, network."""
    route: str = ""
    stream: str = ""
    client_ids: tuple[str, ...] = ()
    symbol: str = ""
    connection: int = 0
    kind: str = ""


@dataclass(slots=True)
class Standing:
    """A rule in force: how often it matched and struck."""

    number: int
    rule: Rule
    active: bool = False
    matched: int = 0
    hits: int = 0
    draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.rule.match.seed)

    def strikes(self, occasion: Occasion) -> bool:
        """Whether the rule strikes now; counts."""
        if not self.active or not self._means(occasion):
            return False
        match = self.rule.match
        self.matched += 1
        if match.nth is not None and self.matched != match.nth:
            return False
        if match.every is not None and self.matched % match.every:
            return False
        if match.p is not None and self.draw.random() >= match.p:
            return False
        if match.times is not None and self.hits >= match.times:
            return False
        self.hits += 1
        return True

    def _means(self, occasion: Occasion) -> bool:
        rule, match = self.rule, self.rule.match
        if rule.venue not in ("*", occasion.venue):
            return False
        if rule.channel != occasion.channel and not (
            rule.channel == "request" and occasion.channel in REQUESTS
        ):
            return False
        for pattern, value in (
            (match.route, occasion.route),
            (match.stream, occasion.stream),
            (match.symbol, occasion.symbol),
            (match.kind, occasion.kind),
        ):
            if pattern is not None and not fnmatchcase(value, pattern):
                return False
        if match.client_id is not None and not any(
            fnmatchcase(each, match.client_id) for each in occasion.client_ids
        ):
            return False
        return match.connection is None or match.connection == occasion.connection
