"""May it trade? ACTIVE, REDUCING or HALTED for the engine, a venue, a strategy, a symbol.

A scope only gets worse by itself; a person's ``resume`` alone makes it better. The table says what
each word makes of each state, for every scope alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import product
from typing import Final

import msgspec

ENGINE: Final = "engine"
VENUE: Final = "venue:"
STRATEGY: Final = "strategy:"
SYMBOL: Final = "symbol:"
"""Scopes: this, or one of these and a name (``venue:binance``, ``symbol:XRP/USDT``)."""


def covers(scope: str, venue: str, strategy: str | None, instrument: str) -> bool:
    """Whether an order belongs to a scope; one of which no strategy is known belongs to each."""
    if scope.startswith(STRATEGY):
        return strategy is None or scope == STRATEGY + strategy
    return scope in (ENGINE, VENUE + venue, SYMBOL + instrument)


class TradingState(StrEnum):
    """Whether entries, or orders at all, may be made."""

    STOPPED = "STOPPED"
    """Of the engine alone: not started, or stopped."""
    STOPPING = "STOPPING"
    """Of the engine alone: no entries; what one leg traded alone is closed before the end."""
    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    """No entries; what makes a position smaller goes on."""
    HALTED = "HALTED"
    """No order at all, only cancels, until a person resumes."""


class Word(StrEnum):
    """What is said about a scope."""

    REDUCE = "REDUCE"
    HALT = "HALT"
    RESUME = "RESUME"
    """A person's word alone."""


_ACTIVE, _REDUCING, _HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
KEPT: Final = (_ACTIVE, _REDUCING, _HALTED)
"""The states that a scope can have, the worst last; all but the first outlive the process."""
NEXT: Final[dict[tuple[TradingState, Word], TradingState]] = {
    (_ACTIVE, Word.REDUCE): _REDUCING,
    (_ACTIVE, Word.HALT): _HALTED,
    (_ACTIVE, Word.RESUME): _ACTIVE,
    (_REDUCING, Word.REDUCE): _REDUCING,
    (_REDUCING, Word.HALT): _HALTED,
    (_REDUCING, Word.RESUME): _ACTIVE,
    (_HALTED, Word.REDUCE): _HALTED,
    (_HALTED, Word.HALT): _HALTED,
    (_HALTED, Word.RESUME): _ACTIVE,
}
assert set(NEXT) == set(product(KEPT, Word))


class Latched(msgspec.Struct, frozen=True):
    """A scope that an earlier run, or a person, left in another state than ACTIVE."""

    scope: str
    state: TradingState


class States:
    """The state of every scope of one engine."""

    __slots__ = ("_states",)

    def __init__(self, scopes: Iterable[str], latched: Iterable[Latched]) -> None:
        """Scopes that this engine does not have are left out: they close nothing here."""
        self._states = dict.fromkeys(scopes, _ACTIVE)
        for left in latched:
            here = self._states.get(left.scope)
            if here is not None and KEPT.index(left.state) > KEPT.index(here):
                self._states[left.scope] = left.state

    def __getitem__(self, scope: str) -> TradingState:
        return self._states[scope]

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __contains__(self, scope: str) -> bool:
        return scope in self._states

    def say(self, scope: str, word: Word) -> bool:
        """Whether the word changed the state of a scope that there is."""
        before = self._states.get(scope)
        if before is None:
            return False
        after = self._states[scope] = NEXT[before, word]
        return after is not before

    def closed(self) -> dict[str, TradingState]:
        """The scopes that are not ACTIVE."""
        return {scope: state for scope, state in self._states.items() if state is not _ACTIVE}
