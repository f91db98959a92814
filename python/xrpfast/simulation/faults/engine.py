"""The rules in force, from when to when, and which of them strikes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from xrpfast.errors import UsageError
from xrpfast.simulation.faults.occasion import Occasion, Standing
from xrpfast.simulation.faults.rules import REQUESTS, Rule, parse_rule

_LOG = logging.getLogger("xrpfast.simulation.faults")
MAX_RULES = 1_000
FIRED_KEPT = 1_000

VenueAction = Callable[[Rule], Callable[[], None] | None]
"""Does a venue rule; what it returns undoes it when the rule ends."""


class Faults:
    """Every rule of a mock. Nothing here knows a wire format."""

    def __init__(self, venues: tuple[str, ...], *, network: bool) -> None:
        self.venues = venues
        self.network = network
        """Whether bytes pass a relay that can disturb them."""
        self.venue_actions: Mapping[str, Mapping[str, VenueAction]] = {}
        """Venue -> action -> what does it."""
        self.on_network_rule: list[Callable[[Standing], None]] = []
        self.on_socket_rule: list[Callable[[Standing], None]] = []
        self.requests = False
        """Is there any rule about requests? Spares the quiet path the look."""
        self.frames = False
        self._standing: dict[int, Standing] = {}
        self._next = 1
        self._timers: dict[int, list[asyncio.TimerHandle]] = {}
        self._undo: dict[int, list[Callable[[], None]]] = {}
        self.fired: deque[dict[str, Any]] = deque(maxlen=FIRED_KEPT)

    # --- rules come and go --------------------------------------------------------------------

    def add(self, given: object) -> int:
        """A new rule, from JSON; its number. Raises `UsageError`."""
        rule = parse_rule(given, self.venues)
        if len(self._standing) >= MAX_RULES:
            raise UsageError(f"rule: there are {MAX_RULES} already: delete some")
        self._check(rule)
        standing = Standing(self._next, rule)
        self._next += 1
        self._standing[standing.number] = standing
        loop = asyncio.get_running_loop()
        if rule.at_s:
            self._later(standing.number, loop.call_later(rule.at_s, self._start_late, standing))
            return standing.number
        try:
            self._start(standing)
        except UsageError:
            self.remove(standing.number)
            raise
        return standing.number

    def remove(self, number: int) -> bool:
        """Ends a rule; False when there is none of that number."""
        standing = self._standing.pop(number, None)
        if standing is None:
            return False
        self._end(standing)
        return True

    def clear(self) -> None:
        for number in list(self._standing):
            self.remove(number)

    def rows(self) -> list[dict[str, Any]]:
        """The rules with their numbers and how often each struck."""
        return [
            {
                "id": standing.number,
                "rule": msgspec.to_builtins(standing.rule),
                "active": standing.active,
                "matched": standing.matched,
                "hits": standing.hits,
            }
            for standing in self._standing.values()
        ]

    # --- occasions ----------------------------------------------------------------------------

    def strike(self, occasion: Occasion) -> list[Rule]:
        """The rules that strike now, in the order in which they were given."""
        found = []
        for standing in list(self._standing.values()):
            if standing.strikes(occasion):
                found.append(standing.rule)
                self.note(standing, occasion.route or occasion.stream or occasion.kind)
        return found

    def standing(self, channel: str) -> list[Standing]:
        """The rules in force of one channel."""
        return [s for s in self._standing.values() if s.active and s.rule.channel == channel]

    def note(self, standing: Standing, where: str) -> None:
        """Remembers that a rule struck, for `GET /rules`, and gives the rules that follow it."""
        rule = standing.rule
        for after in rule.then:
            asyncio.get_running_loop().call_soon(self._follow, after)
        self.fired.append({"id": standing.number, "action": rule.action, "where": where})
        _LOG.debug("fault %d: %s %s at %s", standing.number, rule.venue, rule.action, where)

    # --- inside -------------------------------------------------------------------------------

    def _follow(self, after: dict[str, Any]) -> None:
        try:
            self.add(after)
        except UsageError as error:
            _LOG.warning("a rule that follows another was not taken: %s", error)

    def _later(self, number: int, handle: asyncio.TimerHandle) -> None:
        self._timers.setdefault(number, []).append(handle)

    def _start_late(self, standing: Standing) -> None:
        """Nobody waits for an answer any more: what cannot be done is said and the rule ends."""
        try:
            self._start(standing)
        except UsageError as error:
            self._end(standing)
            _LOG.warning("a rule whose time came could not begin: %s", error)

    def _start(self, standing: Standing) -> None:
        rule = standing.rule
        standing.active = True
        self._count()
        if rule.for_s is not None:
            loop = asyncio.get_running_loop()
            self._later(standing.number, loop.call_later(rule.for_s, self._expire, standing))
        if rule.channel == "venue":
            for venue in self._meant(rule):
                undo = self.venue_actions[venue][rule.action](rule)
                if undo is not None:
                    self._undo.setdefault(standing.number, []).append(undo)
            standing.matched += 1
            standing.hits += 1
            self.note(standing, rule.venue)
        elif rule.channel == "network":
            for tell in self.on_network_rule:
                tell(standing)
        elif rule.channel == "socket":
            for tell in self.on_socket_rule:
                tell(standing)

    def _expire(self, standing: Standing) -> None:
        """The rule stays to be seen with its counts, but strikes no more."""
        self._end(standing)

    def _end(self, standing: Standing) -> None:
        standing.active = False
        for timer in self._timers.pop(standing.number, ()):
            timer.cancel()
        for undo in self._undo.pop(standing.number, ()):
            undo()
        self._count()

    def _count(self) -> None:
        active = {s.rule.channel for s in self._standing.values() if s.active}
        self.requests = bool(active & REQUESTS)
        self.frames = bool(active & {"market", "private", "control"})

    def _meant(self, rule: Rule) -> tuple[str, ...]:
        return self.venues if rule.venue == "*" else (rule.venue,)

    def _check(self, rule: Rule) -> None:
        """Raises `UsageError` for what this mock cannot do, in the rule or in what follows it."""
        if rule.channel == "network" and not self.network:
            raise UsageError(
                "rule: channel network needs the relay: start the mock with --faults or --relay"
            )
        if rule.channel == "venue":
            for venue in self._meant(rule):
                if rule.action not in self.venue_actions.get(venue, {}):
                    raise UsageError(f"rule: {venue} has no action {rule.action!r}")
        for after in rule.then:
            self._check(parse_rule(after, self.venues))
