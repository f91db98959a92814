"""What decides: the typed values that an `Engine` is built from, all of them in the journal.

Durations are ``int`` nanoseconds, money ``int`` of 10^-18, so that a replay needs nothing else.
"""

from __future__ import annotations

from typing import Final

import msgspec

from xrpfast.model import MONEY_DECIMALS, SymbolRules
from xrpfast.trading.risk.limits import SECOND, RiskLimits
from xrpfast.trading.risk.state import DRILL, HEDGE
from xrpfast.trading.states import Latched

LIVE: Final = "l"
"""The environment whose orders cost money."""


class ArbitrageParams(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="arbitrage"):
    """One arbitrage strategy: both directions of every detector that it is given."""

    name: str
    instrument: str
    detectors: tuple[int, ...]
    """Native ids, as `Market.add_detector` returned them."""
    min_profit: int = 0
    """Expected profit of a pair after fees, money of the quote asset."""
    max_qty: int
    """Largest size of a pair, money of the base asset."""
    cooldown_ns: int = 0
    """Least time between two entries in one direction."""


class StartBalance(msgspec.Struct, frozen=True):
    """What one venue held of one asset when the engine started, money (10^-18)."""

    venue: str
    asset: str
    amount: int
    held: int = 0
    """Part of it that orders of others held: never ours to use in this run."""


class Residual(msgspec.Struct, frozen=True):
    """What earlier runs bought (above zero) or sold of an instrument without its counterpart, money
    of the base asset."""

    instrument: str
    amount: int
    lost: int = 0
    """What was spent so far of the loss budget of closing it, money of the quote asset."""
    attempts: int = 0
    """Hedges that were sent for it."""


class Carried(msgspec.Struct, frozen=True):
    """What earlier runs did since a person last resumed: a restart begins no budget anew."""

    strategy: str
    """`HEDGE` for what no strategy of this run has traded; empty for the whole session."""
    cash: int = 0
    """Cash flow of its fills, money of the quote asset."""
    base: int = 0
    """Change of base, money."""
    round_trips: int = 0
    instruments: tuple[str, ...] = ()
    """Those that it traded last: hedges of them are its."""
    losing: int = 0
    """Losing trades in a row."""
    peak: int = 0
    """The session's highest profit, money of the quote asset."""


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decisions depend on beside the events.

    Raises ``ValueError`` when the parts do not fit together.
    """

    environment: str
    """One character of the client order ids: which environment the orders belong to."""
    deployment: str
    """Four characters of the client order ids."""
    epoch: int
    """Count of starts of this deployment: never the same twice."""
    armed: bool = False
    """Live orders may leave: without it every order of environment ``l`` is refused."""
    books: tuple[SymbolRules, ...]
    """Position = native book id."""
    risk: RiskLimits
    strategies: tuple[ArbitrageParams, ...]
    balances: tuple[StartBalance, ...] = ()
    residuals: tuple[Residual, ...] = ()
    carried: tuple[Carried, ...] = ()
    latched: tuple[Latched, ...] = ()
    """Scopes that are not ACTIVE from the start on."""
    keep_orders: int = 4096
    """How many ended orders stay in memory (and with them, their trade ids)."""
    reconcile_ns: int = 60 * SECOND
    """Time between two comparisons with a venue while all is well."""

    def __post_init__(self) -> None:
        if self.keep_orders < 0:
            raise ValueError("keep_orders is negative")
        if self.reconcile_ns < SECOND:
            raise ValueError("reconcile_ns is below a second")
        for rules in self.books:
            _check_rules(rules)
        places = [(rules.venue, rules.instrument) for rules in self.books]
        if len(set(places)) != len(places):
            raise ValueError("two books of one venue and instrument")
        names = [strategy.name for strategy in self.strategies]
        if len(set(names)) != len(names):
            raise ValueError("two strategies of one name")
        if HEDGE in names:
            raise ValueError(f"a strategy is named {HEDGE}, as hedges are")
        if DRILL in names:
            raise ValueError(f"a strategy is named {DRILL}, as the orders of a live drill are")
        for strategy in self.strategies:
            if all(rules.instrument != strategy.instrument for rules in self.books):
                raise ValueError(f"strategy {strategy.name}: no book of {strategy.instrument}")
            if strategy.max_qty <= 0 or strategy.cooldown_ns < 0:
                raise ValueError(f"strategy {strategy.name}: max_qty or cooldown out of range")
        left = [residual.instrument for residual in self.residuals]
        if len(set(left)) != len(left):
            raise ValueError("two residuals of one instrument")
        bases = {rules.instrument.partition("/")[0] for rules in self.books}
        if unknown := [name for name in left if name.partition("/")[0] not in bases]:
            raise ValueError(f"a residual of {unknown[0]}, but no book of that base")
        accounts = [(balance.venue, balance.asset) for balance in self.balances]
        if len(set(accounts)) != len(accounts):
            raise ValueError("two starting balances of one venue and asset")
        if any(balance.amount < 0 for balance in self.balances):
            raise ValueError("a starting balance is negative")
        if any(not 0 <= balance.held <= balance.amount for balance in self.balances):
            raise ValueError("more of a starting balance is held than there is")


def _check_rules(rules: SymbolRules) -> None:
    place = f"{rules.venue} {rules.instrument}"
    if min(rules.price_decimals, rules.qty_decimals) < 0:
        raise ValueError(f"{place}: negative decimals")
    if rules.price_decimals + rules.qty_decimals > MONEY_DECIMALS:
        raise ValueError(f"{place}: price times quantity is finer than 10^-{MONEY_DECIMALS}")
    if min(rules.tick, rules.lot) < 1:
        raise ValueError(f"{place}: tick or lot below one unit")
    if min(rules.min_qty, rules.min_notional, rules.taker_rate) < 0:
        raise ValueError(f"{place}: negative minimum or fee rate")
    if rules.max_qty < rules.min_qty:
        raise ValueError(f"{place}: max_qty below min_qty")
