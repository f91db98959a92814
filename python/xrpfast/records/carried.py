"""What earlier runs won, lost and traded since a person last resumed, as the ledger has it.

Counted as `trading.risk.losses` counts it: a hedge is its strategy's that traded the instrument
last, also when it came after a restart. No ledger keeps books: base is taken at the price of the
latest fill, so the highest profit is read only when a trade has nothing open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from xrpfast.model import MONEY_ONE, RATE_ONE, parse_money
from xrpfast.records.schema import latest_rules, read_database
from xrpfast.trading.config import Carried
from xrpfast.trading.risk.state import HEDGE, NO_STRATEGY
from xrpfast.trading.states import ENGINE, STRATEGY

_ALL: Final = "all"
"""What the ledger calls the scope of a resume without one."""
_TOLD: Final = """
    select fills.sequence as sequence, fills.venue, fills.instrument, strategy, side,
        fills.price, fills.qty, fee, fee_asset, epoch || '-' || signal_id
        from fills join orders using (client_id)
    union all select sequence, '', instrument, '', 'BUY', '', amount, '0', '', '' from by_hand
    union all select sequence, '', '', scope, '', '', '', '', '', '' from words
        where action = 'resume' and who <> 'engine'
    order by sequence
"""
_NONE: Final = f"({', '.join(repr(name) for name in sorted(NO_STRATEGY))})"
_PAIRS: Final = f"""
    select strategy, (count(*) + 1) / 2 from orders where strategy not in {_NONE} and created_ns >
        coalesce((select max(wall_ns) from words where action = 'resume' and who <> 'engine'
            and scope in ('{_ALL}', '{STRATEGY}' || strategy)), -1)
    group by strategy
"""
"""A pair is two orders, always."""


class _Sums:
    """Cash and base of one account, per instrument."""

    def __init__(self) -> None:
        self.cash: dict[str, int] = defaultdict(int)
        self.base: dict[str, int] = defaultdict(int)
        self.peak = 0
        self.losing = 0

    def add(self, instrument: str, cash: int, base: int) -> None:
        self.cash[instrument] += cash
        self.base[instrument] += base

    def forgive(self, prices: dict[str, int]) -> None:
        """What is open is worth what it costs now: it counts from here."""
        for name, base in self.base.items():
            self.cash[name] = -_value(base, prices.get(name, 0))
        self.peak = self.losing = 0

    def worth(self, prices: dict[str, int]) -> int:
        bases = self.base.items()
        return sum(self.cash.values()) + sum(_value(base, prices.get(at, 0)) for at, base in bases)


class _Trade(msgspec.Struct):
    """The fills of one pair, and the hedges of what it left."""

    owner: str
    pair: str
    cash: int = 0
    base: int = 0


class _Carrying:
    """Goes through all that was told, oldest first."""

    def __init__(
        self, strategies: Collection[str], hedge_min: int, rates: dict[tuple[str, str], int]
    ) -> None:
        self.sums: dict[str, _Sums] = {name: _Sums() for name in ("", HEDGE, *strategies)}
        self.owners: dict[str, str] = {}
        self._strategies = strategies
        self._hedge_min = hedge_min
        self._rates = rates
        self._prices: dict[str, int] = {}
        self._trades: dict[str, _Trade] = {}

    def resumed(self, said: str) -> None:
        """By a person, ``said`` being the scope; of trades that are over the streak is, too."""
        self.closed()
        for account, each in self.sums.items():
            scope = STRATEGY + account if account in self._strategies else ENGINE
            if said in (_ALL, scope):
                each.forgive(self._prices)

    def by_hand(self, instrument: str, amount: int) -> None:
        self._add(instrument, -_value(amount, self._prices.get(instrument, 0)), amount)

    def filled(
        self, venue: str, instrument: str, strategy: str, amount: int, fee: tuple[int, str],
        pair: str,
    ) -> None:  # fmt: skip
        """``amount`` of base, above zero when bought, at the price of now."""
        trade = self._trades.get(instrument)
        if strategy not in NO_STRATEGY:
            self.owners[instrument] = strategy if strategy in self._strategies else HEDGE
            if trade is not None and trade.pair != pair:
                self._over(instrument)
                trade = None
        if trade is None:
            trade = _Trade(self.owners.get(instrument, HEDGE), pair)
            self._trades[instrument] = trade
        value = _value(abs(amount), self._prices[instrument])
        cash, base = (-value if amount > 0 else value), amount
        taken, asset = fee
        of_base, _, of_quote = instrument.partition("/")
        if asset == of_base:
            base -= taken
        elif asset == of_quote:
            cash -= taken
        else:
            cash -= -(-value * self._rates.get((venue, instrument), 0) // RATE_ONE)
        self._add(instrument, cash, base)
        trade.cash += cash
        trade.base += base
        if abs(trade.base) < self._hedge_min:
            session = self.sums[""]
            session.peak = max(session.peak, session.worth(self._prices))

    def priced(self, instrument: str, price: int) -> None:
        self._prices[instrument] = price

    def closed(self) -> None:
        """Judges the trades that have nothing open."""
        for instrument, trade in tuple(self._trades.items()):
            if abs(trade.base) < self._hedge_min:
                self._over(instrument)

    def _over(self, instrument: str) -> None:
        trade = self._trades.pop(instrument)
        sums = self.sums[trade.owner]
        won = trade.cash + _value(trade.base, self._prices[instrument]) >= 0
        sums.losing = 0 if won else sums.losing + 1

    def _add(self, instrument: str, cash: int, base: int) -> None:
        for account in ("", self.owners.get(instrument, HEDGE)):
            self.sums[account].add(instrument, cash, base)


def carried(path: Path, strategies: Collection[str], hedge_min: int) -> tuple[Carried, ...]:
    """Of the session (named ""), of hedges that no strategy of ``strategies`` owns, and of each
    strategy; none that has done nothing.

    ``hedge_min``: from how much base, money, a trade has something open. What was open at the end
    of the latest run is judged by the next one.
    """
    with closing(read_database(path)) as db:
        rates = {(rule.venue, rule.instrument): rule.taker_rate for rule in latest_rules(db)}
        it = _Carrying(strategies, hedge_min, rates)
        for _, venue, instrument, name, side, price, qty, fee, fee_asset, pair in db.execute(_TOLD):
            if not side:  # a person's resume, of the scope that stands where a strategy does
                it.resumed(name)
            elif not venue:
                it.by_hand(instrument, parse_money(qty))
            else:
                it.priced(instrument, parse_money(price))
                amount = parse_money(qty) if side == "BUY" else -parse_money(qty)
                it.filled(venue, instrument, name, amount, (parse_money(fee), fee_asset), pair)
        pairs = {str(name): int(count) for name, count in db.execute(_PAIRS)}
    it.closed()
    found = (
        Carried(
            name,
            sum(each.cash.values()),
            sum(each.base.values()),
            pairs.get(name, 0),
            tuple(sorted(at for at, owner in it.owners.items() if owner == name != HEDGE)),
            each.losing,
            each.peak,
        )
        for name, each in it.sums.items()
    )
    return tuple(each for each in found if each != Carried(each.strategy))


def _value(base: int, price: int) -> int:
    return base * price // MONEY_ONE
