"""The mock venues as they come: rules, customers, starting balances."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping

from xrpfast.model import MONEY_ONE, SymbolRules
from xrpfast.simulation.account import Account
from xrpfast.simulation.exchange import Exchange

VENUES = ("binance", "kucoin")
START = {"XRP": 20_000, "USDT": 50_000}

BINANCE = SymbolRules(
    venue="binance",
    instrument="XRP/USDT",
    venue_symbol="XRPUSDT",
    base="XRP",
    quote="USDT",
    price_decimals=4,
    qty_decimals=1,
    tick=1,
    lot=1,
    min_qty=1,
    max_qty=92_224_490,
    min_notional=5 * MONEY_ONE,
    taker_rate=100_000,
    maker_rate=100_000,
    fee_in_received=True,
)
KUCOIN = SymbolRules(
    venue="kucoin",
    instrument="XRP/USDT",
    venue_symbol="XRP-USDT",
    base="XRP",
    quote="USDT",
    price_decimals=5,
    qty_decimals=4,
    tick=1,
    lot=1,
    min_qty=1_000,
    max_qty=10**14,
    min_notional=MONEY_ONE // 10,
    taker_rate=100_000,
    maker_rate=100_000,
    fee_in_received=False,
)


RULES = {rules.venue: rules for rules in (BINANCE, KUCOIN)}


def exchange_of(
    venue: str, wall_ns: Callable[[], int] = time.time_ns, rules: SymbolRules | None = None
) -> Exchange:
    """A fresh exchange of one venue, without customers; ``rules`` instead of the usual ones."""
    rules = rules or RULES[venue]
    if venue == "binance":
        return Exchange(rules, wall_ns, client_ids_for_ever=False)
    return Exchange(
        rules,
        wall_ns,
        client_ids_for_ever=True,
        rest_state="CANCELLED",
        refuse_post_only=False,
        first_id=110_679_967_119_605,  # trade ids above 2^53, as the real ones are
    )


def customer(
    venue: str,
    seed: int,
    rules: SymbolRules | None = None,
    balances: Mapping[str, int] | None = None,
) -> Account:
    """The API customer of a venue; its keys follow from the seed and open nothing real.

    With ``rules`` of another symbol it owns as much of that base and quote as of XRP and USDT;
    with ``balances`` (money by asset) it owns these alone.
    """

    def key(part: str) -> str:
        return hashlib.sha256(f"{venue} {part} {seed}".encode()).hexdigest()

    if venue == "binance":
        account = Account(1, key("key"), key("secret"))
    else:
        secret = key("secret")
        uuid = f"{secret[:8]}-{secret[8:12]}-{secret[12:16]}-{secret[16:20]}-{secret[20:32]}"
        account = Account(165_111_215, key("key")[:24], uuid, "mock-passphrase")
    if balances is not None:
        for asset, money in balances.items():
            account.balance(asset).free = money
        return account
    for asset, amount in START.items():
        account.balance(asset).free = amount * MONEY_ONE
    if rules is not None:
        for asset, amount in zip((rules.base, rules.quote), START.values(), strict=True):
            account.balance(asset).free = amount * MONEY_ONE
    return account
