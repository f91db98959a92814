"""One customer of a mock venue: key, balances, holds. Money is exact (10^-18)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import msgspec

_ASSET: Final = re.compile(r"[0-9A-Z]{1,20}")


def is_asset(name: object) -> bool:
    """Whether a text can be an asset's name."""
    return isinstance(name, str) and _ASSET.fullmatch(name) is not None


@dataclass(slots=True)
class Balance:
    """Money of one asset: usable, and held for working orders."""

    free: int = 0
    locked: int = 0

    @property
    def total(self) -> int:
        return self.free + self.locked


class BalanceChange(msgspec.Struct, frozen=True, gc=False):
    """What one step did to one asset, with the values after it."""

    asset: str
    free: int
    locked: int
    free_change: int
    locked_change: int
    reason: str
    """hold, release, settle"""
    order_id: int
    trade_id: int | None = None


@dataclass(slots=True)
class Account:
    """A customer: credentials and balances."""

    uid: int
    api_key: str
    secret: str
    passphrase: str = ""
    balances: dict[str, Balance] = field(default_factory=dict)
    updated_ns: int = 0
    """Wall time at which a balance changed last."""

    def balance(self, asset: str) -> Balance:
        return self.balances.setdefault(asset, Balance())

    def move(
        self,
        asset: str,
        free: int,
        locked: int,
        reason: str,
        order_id: int,
        trade_id: int | None = None,
    ) -> BalanceChange:
        """Changes one balance; it can never go below zero."""
        balance = self.balance(asset)
        balance.free += free
        balance.locked += locked
        assert balance.free >= 0, f"{asset} overdrawn: {balance}"
        assert balance.locked >= 0, f"{asset} hold overdrawn: {balance}"
        return BalanceChange(
            asset, balance.free, balance.locked, free, locked, reason, order_id, trade_id
        )
