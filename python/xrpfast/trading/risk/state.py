"""What the controls look at: one state, brought up to date by the reducers beside it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from xrpfast.trading.risk.budgets import Budget, resized, window
from xrpfast.trading.risk.limits import NO_LIMIT
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.states import STRATEGY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xrpfast.trading.context import Book, Context
    from xrpfast.trading.intents import Legs
    from xrpfast.trading.orders import Order
    from xrpfast.trading.portfolio import Portfolio
    from xrpfast.trading.risk.limits import RiskLimits

HEDGE: Final = "hedge"
"""Stands where a strategy's name does."""
DRILL: Final = "drill"
"""The same, of the orders of a live drill."""
NO_STRATEGY: Final = frozenset((HEDGE, DRILL))
BPS: Final = 10_000
"""One, in basis points."""


class StrategyState:
    """One strategy as the controls see it."""

    __slots__ = ("approved_ns", "breaches", "name", "recent", "refused", "round_trips", "scope")

    def __init__(self, name: str, limits: RiskLimits) -> None:
        self.name = name
        self.scope = STRATEGY + name
        allowed = limits.allowed_strategies
        self.refused = None if allowed is None or name in allowed else Refusal.STRATEGY_NOT_ALLOWED
        """Why it may not trade at all."""
        self.round_trips = 0
        """Pairs approved since a person last resumed it."""
        self.recent: deque[tuple[int, Legs]] = deque()
        """Legs of the duplicate window, and when they were approved."""
        self.approved_ns = -NO_LIMIT
        """When the latest of them were."""
        self.breaches = window(limits.collar_breaches, limits.breach_window_ns)
        """Limits outside their collars."""

    def limits_changed(self, limits: RiskLimits) -> None:
        """Works out anew what hangs on limits; what was counted stays."""
        allowed = limits.allowed_strategies
        if allowed is not None and self.name not in allowed:
            self.refused = Refusal.STRATEGY_NOT_ALLOWED
        self.breaches = resized(self.breaches, limits.collar_breaches, limits.breach_window_ns)

    def resumed(self) -> None:
        """A person has looked: what was counted until now is over."""
        self.round_trips = 0
        if self.breaches is not None:
            self.breaches.clear()

    def remember(self, legs: Legs, now_ns: int, window_ns: int) -> None:
        """Notes approved legs; those of before the window are let go."""
        recent = self.recent
        while recent and now_ns - recent[0][0] >= window_ns:
            recent.popleft()
        recent.append((now_ns, legs))
        self.approved_ns = now_ns


class Reference:
    """The mids of one book within the drift window: between which limits lie, and until when."""

    __slots__ = ("_data_ns", "high", "least", "low", "most", "samples", "until_ns")

    def __init__(self) -> None:
        self.low = 0
        """Doubled (bid + ask); zero: there are none."""
        self.high = 0
        self.least = 0
        """Bounds of a limit, times twice 10,000."""
        self.most = 0
        self.until_ns = -NO_LIMIT
        """When the newest one is too old."""
        self._data_ns = -NO_LIMIT
        self.samples: list[tuple[int, int]] = []

    def take(self, mid: int, now_ns: int, data_ns: int, limits: RiskLimits) -> None:
        """A mid, doubled, as the book shows it now."""
        oldest_ns = now_ns - limits.drift_window_ns
        samples = [sample for sample in self.samples if sample[0] > oldest_ns]
        samples.append((now_ns, mid))
        mids = [mid for _, mid in samples]
        self.samples = samples
        self.low, self.high = min(mids), max(mids)
        self._data_ns = data_ns
        self.limits_changed(limits)

    def limits_changed(self, limits: RiskLimits) -> None:
        """Works out the bounds."""
        self.least = self.high * (BPS - limits.drift_bps)
        self.most = self.low * (BPS + limits.drift_bps)
        self.until_ns = self._data_ns + limits.max_mark_age_ns


class RiskState:
    """Limits, and all that is held against them."""

    __slots__ = (
        "budgets", "context", "drilled", "elsewhere", "limits", "places", "portfolio", "references",
        "signals", "strategies", "unsettled", "venues",
    )  # fmt: skip

    def __init__(
        self,
        limits: RiskLimits,
        context: Context,
        portfolio: Portfolio,
        unsettled: dict[str, Order],
        strategies: Iterable[str],
    ) -> None:
        quotes = {book.rules.quote for book in context.books}
        if limits.max_gross < NO_LIMIT and (len(context.positions) > 1 or len(quotes) > 1):
            raise ValueError("max_gross adds up values of one base in one quote asset only")
        self.limits = limits
        self.context = context
        self.portfolio = portfolio
        self.unsettled = unsettled
        """The order desk's own: every order that may still be filled."""
        self.drilled: set[str] = set()
        """Venues that have had their order of a live drill."""
        self.signals: dict[int, int] = {}
        """Latest signal that orders were approved for, per detector."""
        self.strategies = {name: StrategyState(name, limits) for name in strategies}
        self.venues = {name: Budget(limits) for name in context.venues}
        # Per book, by its index.
        self.budgets = [self.venues[book.venue_name] for book in context.books]
        """Of its venue."""
        self.places = [_place(book, limits) for book in context.books]
        """Why nothing may be sent there; None where it may."""
        self.references = [Reference() for _ in context.books]
        self.elsewhere = [
            tuple(b for b in context.books if b.instrument == book.instrument and b is not book)
            for book in context.books
        ]
        """The other venues' books of its instrument."""

    def limits_changed(self, now_ns: int) -> None:
        """Works out anew what hangs on limits."""
        for budget in self.venues.values():
            budget.limits_changed(self.limits, now_ns)
        for strategy in self.strategies.values():
            strategy.limits_changed(self.limits)
        self.places[:] = [_place(book, self.limits) for book in self.context.books]
        for reference in self.references:
            reference.limits_changed(self.limits)


def _place(book: Book, limits: RiskLimits) -> Refusal | None:
    venues, symbols = limits.allowed_venues, limits.allowed_symbols
    if venues is not None and book.venue_name not in venues:
        return Refusal.VENUE_NOT_ALLOWED
    if symbols is not None and book.instrument not in symbols:
        return Refusal.SYMBOL_NOT_ALLOWED
    return None
