"""What strategies win and lose (25): every fill at its price and fee, base at the worst mark.

A strategy's account is the cash flow of its fills in quote, and the base that they left it with. A
hedge belongs to the strategy that traded the instrument last. A trade is all fills from a pair to
the moment at which nothing of the instrument is unsettled or being closed, or to the next pair.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from xrpfast.model import RATE_ONE, format_money
from xrpfast.trading.context import BUY
from xrpfast.trading.risk.marks import MarkMissingError
from xrpfast.trading.risk.state import HEDGE, NO_STRATEGY
from xrpfast.trading.states import ENGINE, STRATEGY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xrpfast.trading.config import Carried
    from xrpfast.trading.context import Book
    from xrpfast.trading.events import Fill
    from xrpfast.trading.orders import Order
    from xrpfast.trading.risk.marks import Marks
    from xrpfast.trading.risk.state import RiskState


_MANY: Final = 10_000
"""Losing trades that are remembered, at most."""


class Breach(NamedTuple):
    """A limit that does not hold."""

    scope: str
    reason: str


class Money(msgspec.Struct):
    """Cash flow in quote and change of base, money."""

    cash: int = 0
    base: int = 0

    def add(self, cash: int, base: int) -> None:
        self.cash += cash
        self.base += base


class Account(msgspec.Struct):
    """One strategy's."""

    scope: str
    money: Money
    lost_ns: deque[int]
    """When trades were lost, the latest of them."""
    forgiven: int = 0
    """What it was worth when a person last looked: losses count from there."""
    losing: int = 0
    """Losing trades in a row."""


class Trade(msgspec.Struct):
    """The fills of one instrument that are not over."""

    strategy: str
    signal_id: int
    money: Money


class Losses:
    """Accounts of all strategies, and the limits on them. Nothing here is in doubt: what cannot be
    computed is a breach."""

    def __init__(self, state: RiskState, marks: Marks, busy: Sequence[int]) -> None:
        self._state = state
        self._marks = marks
        self._busy = busy
        limit = min(state.limits.max_losses_in_window, _MANY)
        self.accounts = {
            name: Account(STRATEGY + name, Money(), deque(maxlen=limit))
            for name in state.strategies
        }
        # What nobody of this run has traded: what earlier runs left is closed by hedges.
        self.accounts[HEDGE] = Account(ENGINE, Money(), deque(maxlen=limit))
        self._owners: dict[int, str] = {}
        """Who traded an instrument last."""
        self._trades: dict[int, Trade] = {}
        self._before = Money()
        """What earlier runs did to the session beyond what the accounts have of them."""
        self.peak = 0
        """The session's highest profit since a person looked."""
        self._forgiven = 0
        """What the session was worth when a person last looked."""

    def carry(self, carried: Iterable[Carried]) -> None:
        """What earlier runs won and lost since a person last resumed."""
        for each in carried:
            if not each.strategy:
                self._before.add(each.cash, each.base)
                self.peak = each.peak
                continue
            account = self.accounts[each.strategy]
            account.money.add(each.cash, each.base)
            account.losing = each.losing
            self._before.add(-each.cash, -each.base)
            for name in each.instruments:
                if name in self._state.context.instruments:
                    at = self._state.context.instruments.index(name)
                    self._owners[at] = each.strategy

    def limits_changed(self) -> None:
        """Works out anew what hangs on limits; what was lost stays counted."""
        limit = min(self._state.limits.max_losses_in_window, _MANY)
        for account in self.accounts.values():
            account.lost_ns = deque(account.lost_ns, maxlen=limit)

    # --- what happens -----------------------------------------------------------------------------

    def filled(self, order: Order, book: Book, fill: Fill) -> None:
        """A fill was booked."""
        instrument = book.instrument_index
        if order.strategy not in NO_STRATEGY:
            self._owners[instrument] = order.strategy
        name = self._owner(instrument)
        trade = self._trades.get(instrument)
        if (
            trade is not None
            and order.strategy not in NO_STRATEGY
            and trade.signal_id != order.signal_id
        ):
            self._over(instrument, fill.now_ns)
            trade = None
        if trade is None:
            trade = self._trades[instrument] = Trade(name, order.signal_id, Money())
        value = fill.price * fill.qty * book.money_per_value
        amount = fill.qty * book.qty_money
        cash, base = (-value, amount) if order.side == BUY else (value, -amount)
        if fill.fee_asset == book.rules.base:
            base -= fill.fee
        elif fill.fee_asset == book.rules.quote:
            cash -= fill.fee
        else:  # worth what the venue takes from others
            cash -= -(-value * book.rules.taker_rate // RATE_ONE)
        self.accounts[name].money.add(cash, base)
        trade.money.add(cash, base)

    def charged(self, strategy: str, book: Book, changes: Iterable[tuple[str, int]]) -> None:
        """The fee of a fill turned out to be another one: (asset, change) of what was taken. An
        order that has left memory is `HEDGE`'s: whose trade it was is whose was last.

        One in a third asset leaves the estimate as it is."""
        taken = dict.fromkeys((book.rules.base, book.rules.quote), 0)
        for asset, change in changes:
            if asset not in taken:
                return
            taken[asset] += change
        name = strategy
        if name in NO_STRATEGY:
            name = self._owner(book.instrument_index)
        self.accounts[name].money.add(-taken[book.rules.quote], -taken[book.rules.base])

    def traded_by_hand(self, instrument: int, amount: int, now_ns: int) -> None:
        """A person bought (above zero) or sold base: taken for done at the mark of now, and for a
        gift if there is none: better a loss that is none than one that nobody sees."""
        try:
            cash = self._marks.value(-amount, now_ns)
        except MarkMissingError:
            cash = 0
        self.accounts[self._owner(instrument)].money.add(cash, amount)

    def resumed(self, scope: str, now_ns: int) -> None:
        """A person has looked at a strategy, or at the engine: losses count from here.

        Without marks they count from before, and that there are none is a breach again.
        """
        try:
            worth = {
                name: self._worth(account.money, now_ns) for name, account in self.accounts.items()
            }
        except MarkMissingError:
            worth = {}
        for name, account in self.accounts.items():
            if account.scope == scope:
                account.losing = 0
                account.lost_ns.clear()
                account.forgiven = worth.get(name, account.forgiven)
        if scope == ENGINE and worth:
            self._forgiven = sum(worth.values()) + self._worth(self._before, now_ns)
            self.peak = 0

    # --- verdicts ---------------------------------------------------------------------------------

    def breaches(self, now_ns: int) -> list[Breach]:
        """Every limit that does not hold now."""
        try:
            return self._breaches(now_ns)
        except Exception as error:
            return [Breach(ENGINE, f"profit and loss cannot be computed: {error}")]

    def _breaches(self, now_ns: int) -> list[Breach]:
        limits = self._state.limits
        for instrument, trade in tuple(self._trades.items()):
            open_still = self._busy[instrument] or self._state.context.closed[instrument]
            if not open_still and abs(trade.money.base) < limits.hedge_min:
                self._over(instrument, now_ns)
        found = []
        session = self._worth(self._before, now_ns) - self._forgiven
        for account in self.accounts.values():
            worth = self._worth(account.money, now_ns)
            profit = worth - account.forgiven
            session += worth
            if -profit > limits.max_strategy_loss:
                found.append(Breach(account.scope, f"lost {format_money(-profit)}"))
            if account.losing >= limits.max_losing_trades:
                found.append(Breach(account.scope, f"lost {account.losing} trades in a row"))
            lost = account.lost_ns
            many = len(lost) >= limits.max_losses_in_window
            if many and now_ns - lost[0] < limits.loss_window_ns:
                text = f"lost {len(lost)} trades in a short time"
                found.append(Breach(account.scope, text))
        self.peak = max(self.peak, session)
        if -session > limits.max_session_loss:
            found.append(Breach(ENGINE, f"the session lost {format_money(-session)}"))
        if self.peak - session > limits.max_drawdown:
            fell = format_money(self.peak - session)
            found.append(Breach(ENGINE, f"the session is {fell} below its highest profit"))
        return found

    # --- inside -----------------------------------------------------------------------------------

    def _owner(self, instrument: int) -> str:
        return self._owners.get(instrument, HEDGE)

    def _over(self, instrument: int, now_ns: int) -> None:
        """A trade is over. One that cannot be valued is lost."""
        trade = self._trades.pop(instrument)
        account = self.accounts[trade.strategy]
        try:
            won = self._worth(trade.money, now_ns) >= 0
        except MarkMissingError:
            won = False
        if won:
            account.losing = 0
            return
        account.losing += 1
        account.lost_ns.append(now_ns)

    def _worth(self, money: Money, now_ns: int) -> int:
        return money.cash + self._marks.value(money.base, now_ns)
