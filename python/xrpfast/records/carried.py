"""What earlier runs won, lost and traded since a person last resumed, as the ledger has it.

Counted as `trading.risk.losses` counts it: a hedge is its strategy's that traded the instrument
last. What a resume forgave was worth something by the books of that moment, which no ledger keeps:
base that was open then is taken at the price of the latest fill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Final

from xrpfast.model import MONEY_ONE, RATE_ONE, parse_money
from xrpfast.records.schema import latest_rules, read_database
from xrpfast.trading.config import Carried
from xrpfast.trading.risk.state import HEDGE
from xrpfast.trading.states import ENGINE, STRATEGY

_ALL: Final = "all"
"""What the ledger calls the scope of a resume without one."""
_TOLD: Final = """
    select fills.sequence as sequence, fills.venue, fills.instrument, strategy, side,
        fills.price, fills.qty, fee, fee_asset from fills join orders using (client_id)
    union all select sequence, '', instrument, '', 'BUY', '', amount, '0', '' from by_hand
    union all select sequence, '', '', scope, '', '', '', '', '' from words
        where action = 'resume' and who <> 'engine'
    order by sequence
"""
_PAIRS: Final = f"""
    select strategy, (count(*) + 1) / 2 from orders where strategy <> '{HEDGE}' and created_ns >
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

    def add(self, instrument: str, cash: int, base: int) -> None:
        self.cash[instrument] += cash
        self.base[instrument] += base

    def forgive(self, prices: dict[str, int]) -> None:
        """What is open is worth what it costs now: it counts from here."""
        for name, base in self.base.items():
            self.cash[name] = -(base * prices.get(name, 0) // MONEY_ONE)


def carried(path: Path, strategies: Collection[str]) -> tuple[Carried, ...]:
    """Of the session (named ""), of hedges that no strategy of ``strategies`` owns, and of each
    strategy; none that has done nothing."""
    sums: dict[str, _Sums] = {name: _Sums() for name in ("", HEDGE, *strategies)}
    owners: dict[str, str] = {}
    prices: dict[str, int] = {}
    with closing(read_database(path)) as db:
        rates = {(rule.venue, rule.instrument): rule.taker_rate for rule in latest_rules(db)}
        for _, venue, instrument, name, side, price, qty, fee, fee_asset in db.execute(_TOLD):
            if not side:  # a person's resume, of the scope that stands where a strategy does
                for account, each in sums.items():
                    scope = STRATEGY + account if account in strategies else ENGINE
                    if name in (_ALL, scope):
                        each.forgive(prices)
                continue
            amount = parse_money(qty)
            if venue:
                if name != HEDGE:
                    owners[instrument] = name if name in strategies else HEDGE
                prices[instrument] = parse_money(price)
            value = amount * prices.get(instrument, 0) // MONEY_ONE
            cash, gained = (-value, amount) if side == "BUY" else (value, -amount)
            base, _, quote = instrument.partition("/")
            if fee_asset == base:
                gained -= parse_money(fee)
            elif fee_asset == quote:
                cash -= parse_money(fee)
            elif venue:
                cash -= -(-value * rates.get((venue, instrument), 0) // RATE_ONE)
            for account in ("", owners.get(instrument, HEDGE)):
                sums[account].add(instrument, cash, gained)
        pairs = {str(name): int(count) for name, count in db.execute(_PAIRS)}
    found = (
        Carried(
            name,
            sum(each.cash.values()),
            sum(each.base.values()),
            pairs.get(name, 0),
            tuple(sorted(at for at, owner in owners.items() if owner == name != HEDGE)),
        )
        for name, each in sums.items()
    )
    return tuple(each for each in found if each != Carried(each.strategy))
