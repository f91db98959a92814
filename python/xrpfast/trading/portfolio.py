"""What we own, owe and have set aside: exact, from starting balances, fills and fees alone.

Three views of the money that are never mixed:

- *booked*: starting balance + the effect of every fill. A buy adds its quantity of base and takes
  price x quantity of quote; a sell the reverse; the fee comes out of the asset the venue named;
- *reserved*: what orders not settled yet can still take at worst, and what orders that are not
  ours held at the start;
- *reported*: the venue's own absolute word, kept beside for `drift`; what is taken over from it
  (`adopt`: moves that no fill of ours made) is booked and counted apart, so that it never looks
  like profit.

Profit and loss in a quote asset is the cash flow of all fills (change of quote over all venues)
plus the change of base over all venues, valued at the mark: the mean of both venues' mids in the
latest signal. Fees in a third asset are not valued; `change` shows them. Integers only; the one
rounding is the valuation of the base change, down (against us) to 10^-18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrpfast.model import MONEY_ONE
from xrpfast.trading.context import BUY, Book, Context

if TYPE_CHECKING:
    from xrpfast.trading.config import StartBalance
    from xrpfast.trading.events import Balance, Fill, Signal
    from xrpfast.trading.orders import Order


class Portfolio:
    """Balances per venue and asset, exposure per base asset, profit and loss per quote asset."""

    __slots__ = (
        "_context",
        "adopted",
        "booked",
        "buying",
        "committed",
        "for_sale",
        "marks",
        "position",
        "reported",
        "reserved",
        "selling",
        "start",
    )

    def __init__(self, context: Context, balances: tuple[StartBalance, ...]) -> None:
        self._context = context
        for balance in balances:
            context.account(balance.venue, balance.asset)
        size = len(context.accounts)
        self.start = [0] * size
        for balance in balances:
            self.start[context.account(balance.venue, balance.asset)] = balance.amount
        self.booked = list(self.start)
        self.adopted = [0] * size
        """Part of ``booked`` that was taken over from the venue's word."""
        self.reserved = [0] * size
        for balance in balances:
            self.reserved[context.account(balance.venue, balance.asset)] = balance.held
        self.reported: dict[tuple[str, str], tuple[int, int]] = {}
        """(free, locked) as the venue said last, per (venue, asset)."""
        bases = len(context.positions)
        self.position = [0] * bases
        """Change of base over all venues by our own orders, money; it begins with what earlier runs
        left (`EngineConfig.residuals`)."""
        self.buying = [0] * bases
        """Base that orders not settled yet can still add at worst."""
        self.selling = [0] * bases
        self.committed = 0
        """Value at their limits of all orders not settled yet, money of quote."""
        self.for_sale = [0] * size
        """Per quote account: that of the sells at its venue."""
        self.marks: list[Signal | None] = [None] * len(context.instruments)
        """Latest signal per instrument: where its mark comes from."""

    def hold(self, order: Order, book: Book) -> None:
        """Makes the reservation of ``order`` that of its worst case now (`Order.pending`)."""
        pending = order.pending
        amount = pending * book.qty_money
        change = amount - order.reserved_base
        worth = order.price * pending * book.money_per_value
        self.committed += worth - order.worth
        if order.side == BUY:
            need = book.quote_need(order.price, pending)
            self.buying[book.position_index] += change
            self.reserved[book.quote_account] += need - order.reserved
            order.reserved = need
        else:
            self.selling[book.position_index] += change
            self.reserved[book.base_account] += change
            self.for_sale[book.quote_account] += worth - order.worth
            order.reserved = amount
        order.worth = worth
        order.reserved_base = amount

    def book_fill(self, book: Book, side: int, fill: Fill) -> None:
        """Books one fill. The caller sees to it that each comes here once."""
        amount = fill.qty * book.qty_money
        value = fill.price * fill.qty * book.money_per_value
        if side != BUY:
            amount, value = -amount, -value
        self.booked[book.base_account] += amount
        self.booked[book.quote_account] -= value
        self.position[book.position_index] += amount
        if fill.fee:
            self._book_fee(book.venue_name, fill.fee_asset, fill.fee)

    def _book_fee(self, venue: str, asset: str, fee: int) -> None:
        account = self._account(venue, asset)
        self.booked[account] -= fee
        positions = self._context.positions
        if asset in positions:
            self.position[positions.index(asset)] -= fee

    def _account(self, venue: str, asset: str) -> int:
        account = self._context.account(venue, asset)
        while account >= len(self.booked):
            self.start.append(0)
            self.booked.append(0)
            self.adopted.append(0)
            self.for_sale.append(0)
            self.reserved.append(0)
        return account

    def report(self, event: Balance) -> None:
        """Keeps the venue's own word on a balance."""
        self.reported[event.venue, event.asset] = (event.free, event.locked)

    def balance(self, venue: str, asset: str) -> int:
        """Booked balance; 0 for an account that was never touched."""
        account = self._context.accounts.get((venue, asset))
        return 0 if account is None else self.booked[account]

    def available(self, account: int) -> int:
        """Booked minus reserved of an account of `Context.accounts`."""
        return self.booked[account] - self.reserved[account]

    def balances(self) -> dict[tuple[str, str], int]:
        """Booked balance of every account."""
        return {place: self.booked[account] for place, account in self._context.accounts.items()}

    def drift(self) -> dict[tuple[str, str], int]:
        """Reported minus booked where they differ, for accounts that a venue reported.

        While fills or balance messages are on their way a difference means nothing.
        """
        drift = {}
        for place, (free, locked) in self.reported.items():
            difference = free + locked - self.balance(*place)
            if difference:
                drift[place] = difference
        return drift

    def adopt(self, venue: str, asset: str, delta: int) -> None:
        """Takes over a difference that no fill of ours made."""
        account = self._account(venue, asset)
        self.booked[account] += delta
        self.adopted[account] += delta

    def uses(self, venue: str, asset: str) -> bool:
        """Whether the asset is traded there, or a fee of ours was taken from it."""
        for book in self._context.books:
            if book.venue_name == venue and asset in (book.rules.base, book.rules.quote):
                return True
        account = self._context.accounts.get((venue, asset))
        return account is not None and (
            self.booked[account] != self.start[account] + self.adopted[account]
        )

    def hold_foreign(self, venue: str) -> list[tuple[str, int]]:
        """Reserves exactly what the venue reports as locked; (asset, locked) where it changed.

        For when no order of ours is under way at the venue: all that is locked is others' then.
        """
        changed = []
        for (name, asset), (_, locked) in self.reported.items():
            if name == venue and (locked or (name, asset) in self._context.accounts):
                account = self._account(name, asset)
                if self.reserved[account] != locked:
                    self.reserved[account] = locked
                    changed.append((asset, locked))
        return changed

    def correct_fee(self, venue: str, before: tuple[str, int], after: tuple[str, int]) -> None:
        """Books the true fee (asset, money) of a fill in place of the one that was booked."""
        self._book_fee(venue, before[0], -before[1])
        self._book_fee(venue, after[0], after[1])

    def change(self, asset: str) -> int:
        """Change of an asset over all venues since the start, by our own fills alone."""
        return sum(
            self.booked[account] - self.start[account] - self.adopted[account]
            for (_, name), account in self._context.accounts.items()
            if name == asset
        )

    def pnl(self, quote: str) -> int:
        """Profit and loss in ``quote`` as the top of this file defines it.

        Base without a mark yet (no signal was seen) counts as nothing.
        """
        total = self.change(quote)
        seen: set[str] = set()
        for book in self._context.books:
            rules = book.rules
            if rules.quote == quote and rules.base not in seen:
                signal = self.marks[book.instrument_index]
                if signal is not None:
                    seen.add(rules.base)
                    total += self.change(rules.base) * self._mark4(signal) // (4 * MONEY_ONE)
        return total

    def _mark4(self, signal: Signal) -> int:
        """Four times the mark, exactly: money of quote per whole base."""
        buy = self._context.books[signal.buy_book]
        sell = self._context.books[signal.sell_book]
        return (signal.buy_best_bid + signal.buy_best_ask) * buy.price_money + (
            signal.sell_best_bid + signal.sell_best_ask
        ) * sell.price_money
