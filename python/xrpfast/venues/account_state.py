"""What a venue is asked when its account is compared with our books, and how it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from xrpfast.model import SymbolRules
from xrpfast.trading.events import AnyEvent, BalanceMoved, OpenOrder


class Named(NamedTuple):
    """One order of ours whose fate is asked for."""

    client_id: str
    symbol: str
    created_ns: int
    """Monotonic."""


class Question(NamedTuple):
    """All that is asked at once."""

    named: Sequence[Named]
    fills_since_ns: int
    """Wall time here."""
    owner: Callable[[str], str | None]
    """The venue's order id -> the client id of an order of this run, None for any other."""
    own: Callable[[str], bool]
    """Whether a client id is of this run: of any order of it, also one that is long over."""


class AccountState(NamedTuple):
    """The answer: facts in the order in which they are to be taken."""

    events: list[AnyEvent]
    open_orders: tuple[OpenOrder, ...]
    closed: str
    """Why the venue takes no orders now; empty while it does."""


class Trade(NamedTuple):
    """What one trade did, whoever's order it was of; amounts are money (10^-18)."""

    order_id: str
    trade_id: str
    buy: bool
    base: int
    quote: int
    fee: int
    fee_asset: str


def moves_of(
    trade: Trade, rules: SymbolRules, whose: str, now_ns: int, wall_ns: int
) -> list[BalanceMoved]:
    """A trade of an order that is not ours as moves of this account's balances."""
    sign = 1 if trade.buy else -1
    deltas: dict[str, int] = {}
    for asset, delta in (
        (rules.base, sign * trade.base),
        (rules.quote, -sign * trade.quote),
        (trade.fee_asset, -trade.fee),
    ):
        deltas[asset] = deltas.get(asset, 0) + delta
    return [
        BalanceMoved(
            now_ns=now_ns,
            wall_ns=wall_ns,
            venue=rules.venue,
            asset=asset,
            delta=delta,
            reason=f"trade {trade.trade_id} of order {whose or trade.order_id}",
            move_id=f"trade:{trade.order_id}:{trade.trade_id}:{asset}",
        )
        for asset, delta in deltas.items()
        if delta
    ]


class Owners:
    """Who sent the orders of this account's trades: asked once each, remembered a while."""

    KEPT = 4096

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def get(self, order_id: str) -> str | None:
        return self._known.get(order_id)

    def put(self, order_id: str, client_id: str) -> str:
        self._known[order_id] = client_id
        if len(self._known) > self.KEPT:
            del self._known[next(iter(self._known))]
        return client_id
