"""What every part of the decision layer shares: books and venues with their present state.

All that can be computed from the rules alone is computed here once, so that a decision is
additions, multiplications and comparisons of ``int``.
"""

from __future__ import annotations

from itertools import permutations
from math import lcm
from typing import Final

from xrpfast.model import MONEY_DECIMALS, RATE_ONE, Side, SymbolRules, SyncState
from xrpfast.trading.config import LIVE, EngineConfig
from xrpfast.trading.flattening import Ordered
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.states import ENGINE, STRATEGY, SYMBOL, VENUE, States, TradingState, Word

BUY: Final = int(Side.BUY)
SELL: Final = int(Side.SELL)
LINKS_NEEDED: Final = ("orders", "account")


class Venue:
    """One venue: its links, and what else closes it to entries."""

    __slots__ = (
        "clock_known",
        "clock_skewed",
        "clock_stale",
        "links",
        "name",
        "open",
        "open_to_hedges",
        "reconciled",
        "state",
        "unjudged",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.links = dict.fromkeys(LINKS_NEEDED, False)
        self.reconciled = False
        """What the venue knows of us was compared since the links came up."""
        self.unjudged = False
        """Orders of ours were under way when its balances were read: entries wait for the next
        round, which finds it quiet then; nothing contradicts the books, so hedges go on."""
        self.state = TradingState.ACTIVE
        """REDUCING: somebody else moved a balance here, say. A person resumes."""
        self.clock_known = False
        """It was measured well in this run."""
        self.clock_stale = False
        self.clock_skewed = False
        """The latest good measurement shows it too far from ours."""
        self.open = False
        """Nothing closes it: links up, reconciled, clock known. Closed until it is proven so."""
        self.open_to_hedges = False
        """Open but for entries: what makes a position smaller may go on while REDUCING."""

    @property
    def linked(self) -> bool:
        """Order entry and account stream are both up: its word on an order can come."""
        return all(self.links[needed] for needed in LINKS_NEEDED)

    def set_link(self, link: str, up: bool) -> None:
        self.links[link] = up
        if link in LINKS_NEEDED and not up:
            self.reconciled = False
        self.weigh()

    def weigh(self) -> None:
        """Brings ``open`` and ``open_to_hedges`` up to date: to be called after any change of what
        closes the venue. What makes a position smaller may go on while REDUCING, and while the
        balances wait to be judged."""
        halted = self.state is TradingState.HALTED
        in_time = not (self.clock_stale or self.clock_skewed)
        self.open_to_hedges = self.linked and self.reconciled and in_time and not halted
        settled = self.open_to_hedges and not self.unjudged
        self.open = settled and self.state is TradingState.ACTIVE

    def closed_by(self) -> Refusal:
        """Why the venue is not ``open``: the gravest reason."""
        if self.state is TradingState.HALTED:
            return Refusal.VENUE_HALTED
        if not self.linked:
            return Refusal.VENUE_DOWN
        if not self.reconciled or self.unjudged:
            return Refusal.VENUE_NOT_RECONCILED
        if self.state is TradingState.REDUCING:
            return Refusal.VENUE_REDUCING
        return Refusal.CLOCK_SKEW if self.clock_skewed else Refusal.CLOCK_STALE


class Book:
    """One book: its rules as factors, its accounts and its present state."""

    __slots__ = (
        "base_account",
        "buy_fee_rate",
        "index",
        "instrument",
        "instrument_index",
        "live",
        "lot",
        "max_qty",
        "min_notional",
        "min_qty",
        "money_per_value",
        "position_index",
        "price_decimals",
        "price_money",
        "price_scale",
        "qty_decimals",
        "qty_money",
        "quote_account",
        "rules",
        "symbol",
        "tick",
        "unknown",
        "venue",
        "venue_name",
    )

    def __init__(self, index: int, rules: SymbolRules, venue: Venue) -> None:
        self.index = index
        self.rules = rules
        self.venue = venue
        self.venue_name = rules.venue
        self.symbol = rules.venue_symbol
        self.instrument = rules.instrument
        self.price_decimals = rules.price_decimals
        self.qty_decimals = rules.qty_decimals
        self.tick = rules.tick
        self.lot = rules.lot
        self.min_qty = rules.min_qty
        self.max_qty = rules.max_qty
        self.min_notional = rules.min_notional
        self.price_scale = 1
        """Factor to the finest scale of prices among all books."""
        self.price_money: int = 10 ** (MONEY_DECIMALS - rules.price_decimals)
        self.qty_money: int = 10 ** (MONEY_DECIMALS - rules.qty_decimals)
        self.money_per_value: int = 10 ** (
            MONEY_DECIMALS - rules.price_decimals - rules.qty_decimals
        )
        # Where fees come out of what a buy receives, a buy needs no quote beyond its price.
        self.buy_fee_rate = 0 if rules.fee_in_received else rules.taker_rate
        self.instrument_index = 0
        self.position_index = 0
        self.base_account = 0
        self.quote_account = 0
        self.live = False
        self.unknown = 0
        """Orders here whose outcome is not known; above zero the book is closed to entries."""

    def quote_need(self, price: int, qty: int) -> int:
        """Quote that a buy can cost at worst, fee included, rounded up."""
        cost = price * qty * self.money_per_value
        rate = self.buy_fee_rate
        if rate:
            cost -= -cost * rate // RATE_ONE
        return cost


class Pair:
    """An ordered pair of books of one instrument: buy on one, sell on the other."""

    __slots__ = ("buy", "index", "instrument_index", "position_index", "sell", "step")

    def __init__(self, index: int, buy: Book, sell: Book) -> None:
        self.index = index
        self.buy = buy
        self.sell = sell
        self.instrument_index = buy.instrument_index
        self.position_index = buy.position_index
        self.step = lcm(buy.lot * buy.qty_money, sell.lot * sell.qty_money)
        """Smallest amount of base (money) that is whole lots on both venues."""


class Context:
    """Books, venues and trading states of one engine."""

    __slots__ = (
        "accounts",
        "books",
        "closed",
        "flattening",
        "instruments",
        "pairs",
        "phase",
        "positions",
        "started",
        "states",
        "strategies",
        "symbols",
        "trading",
        "unarmed",
        "venues",
    )

    def __init__(self, config: EngineConfig) -> None:
        self.unarmed = config.environment == LIVE and not config.armed
        self.venues: dict[str, Venue] = {}
        self.books: list[Book] = []
        self.accounts: dict[tuple[str, str], int] = {}
        """Position in the portfolio's lists of each (venue, asset)."""
        self.instruments: list[str] = []
        self.positions: list[str] = []
        """Base assets: exposure is counted per base over all its instruments and venues."""
        finest = max((rules.price_decimals for rules in config.books), default=0)
        for index, rules in enumerate(config.books):
            venue = self.venues.get(rules.venue)
            if venue is None:
                venue = self.venues[rules.venue] = Venue(rules.venue)
            book = Book(index, rules, venue)
            book.price_scale = 10 ** (finest - rules.price_decimals)
            book.instrument_index = _position_of(self.instruments, rules.instrument)
            book.position_index = _position_of(self.positions, rules.base)
            book.base_account = self.account(rules.venue, rules.base)
            book.quote_account = self.account(rules.venue, rules.quote)
            self.books.append(book)
        self.closed = [False] * len(self.instruments)
        """Instruments whose imbalance is being closed: no entries."""
        self.flattening: dict[int, Ordered] = {}
        """Instruments that a person has ordered to be closed."""
        self.pairs: dict[tuple[int, int], Pair] = {}
        """Per (buy book, sell book): every ordered pair of venues of one instrument."""
        for buy, sell in permutations(self.books, 2):
            if buy.instrument == sell.instrument:
                self.pairs[buy.index, sell.index] = Pair(len(self.pairs), buy, sell)
        self.phase = TradingState.STOPPED
        """STOPPED, STOPPING, or ACTIVE once it was started."""
        self.started = False
        """It was once, whatever came since."""
        names = [strategy.name for strategy in config.strategies]
        self.states = States(
            [
                ENGINE,
                *(VENUE + name for name in self.venues),
                *(STRATEGY + name for name in names),
                *(SYMBOL + name for name in self.instruments),
            ],
            config.latched,
        )
        self.strategies = dict.fromkeys(names, TradingState.ACTIVE)
        self.symbols = [TradingState.ACTIVE] * len(self.instruments)
        self.trading = TradingState.STOPPED
        """Of the engine: what its phase and its scope's state come to."""
        self.show()

    def say(self, scope: str, word: Word) -> bool:
        """Whether the word changed the state of a scope; what decides sees it at once."""
        changed = self.states.say(scope, word)
        if changed:
            self.show()
        return changed

    def show(self) -> None:
        """Brings what the hot path looks at in line with the states and the phase."""
        states = self.states
        state = states[ENGINE]
        started = self.phase is TradingState.ACTIVE
        self.trading = state if started or state is TradingState.HALTED else self.phase
        for name, venue in self.venues.items():
            venue.state = states[VENUE + name]
            venue.weigh()
        for name in self.strategies:
            self.strategies[name] = states[STRATEGY + name]
        for at, name in enumerate(self.instruments):
            self.symbols[at] = states[SYMBOL + name]

    def account(self, venue: str, asset: str) -> int:
        """The account's position, a new one for an account not seen before."""
        return self.accounts.setdefault((venue, asset), len(self.accounts))

    def set_book_state(self, index: int, state: str) -> bool:
        """Records a book's synchronisation state; False for a book that does not exist."""
        if not 0 <= index < len(self.books):
            return False
        self.books[index].live = state == SyncState.LIVE.value
        return True

    def set_link(self, name: str, link: str, up: bool) -> bool:
        """Records a link; False for a venue without books. No market link, no LIVE book."""
        venue = self.venues.get(name)
        if venue is None:
            return False
        venue.set_link(link, up)
        if link == "market" and not up:
            for book in self.books:
                if book.venue is venue:
                    book.live = False
        return True


def _position_of(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)
