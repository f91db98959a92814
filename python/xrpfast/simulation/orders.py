"""What happens at a mock venue, as values: orders, fills, trades, and who is told of them.

A venue remembers tens of thousands of them, so the garbage collector does not look through them
(``gc=False``): they hold no cycle but an order and its fills, which `Exchange` cuts.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol

import msgspec

from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.account import Account, BalanceChange

OrderHook = Callable[[int, Callable[[], None]], bool]
"""A measurement's word on an order frame, first thing: its monotonic time, and how to handle it.
True: the hook has taken it, and handles it later or never."""


class VenueRefusal(Exception):  # noqa: N818  (the venue's word, not a fault of ours)
    """The venue refuses a request. Keys: TICK, PRICE_RANGE, LOT, MIN_QTY, MAX_QTY, MIN_NOTIONAL,
    BALANCE, DUPLICATE_CLIENT_ID, WOULD_TAKE, UNKNOWN_ORDER."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Stp(IntEnum):
    """What happens when an order meets one of the same customer; the values of the native core."""

    NONE = 0
    EXPIRE_TAKER = 1
    EXPIRE_MAKER = 2
    EXPIRE_BOTH = 3
    DECREMENT = 4


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A customer's wish. A price makes it a limit order; without one it is a market order, whose
    size is either ``qty`` or ``funds``."""

    client_id: str
    side: Side
    qty: int | None = None
    """Units of the base quantity."""
    price: int | None = None
    """Units of the price."""
    funds: int | None = None
    """Money of the quote asset to spend, or to receive by a sell."""
    tif: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    stp: Stp = Stp.NONE
    expires_ns: int | None = None
    """Wall time at which the venue cancels it."""
    worst: int | None = None
    """Price beyond which nothing trades at once: a limit order beyond it is cancelled, a market
    order gets what there is up to it."""
    replaces: int | None = None
    """Number of the order whose client id this one takes over."""
    taker_limit: int | None = None
    """The worst price at which it may take, in units of the price; a rest that would take beyond
    expires (price_range)."""
    judged: bool = False
    """Price and size passed filters of the face's own; those of the rules do not count."""
    extra: dict[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.price is None:
            assert (self.qty is None) != (self.funds is None), "a market order has one size"
        else:
            assert self.qty is not None, "a limit order has a quantity"
            assert self.funds is None, "a limit order has no funds"


class Prevented(msgspec.Struct, frozen=True, gc=False):
    """A trade between two orders of one customer that did not happen."""

    number: int
    taker_order_id: int
    maker_order_id: int
    price: int
    taker_qty: int
    """What the incoming order lost by it."""
    maker_qty: int
    """What the resting order lost by it."""
    wall_ns: int


class Order(msgspec.Struct, gc=False):
    """One order of a customer.

    ``state``: NEW, PARTLY_FILLED, and at the end FILLED, CANCELLED, EXPIRED, PREVENTED (ended by
    self-trade prevention). ``kind``: limit or market, which has price 0.
    """

    order_id: int
    client_id: str
    account: Account
    side: Side
    tif: TimeInForce
    post_only: bool
    price: int
    qty: int
    """Of a market order by funds: known once it was matched."""
    created_ns: int
    updated_ns: int
    kind: str = "limit"
    funds: int | None = None
    stp: Stp = Stp.NONE
    expires_ns: int | None = None
    worst: int | None = None
    taker_limit: int | None = None
    state: str = "NEW"
    reason: str = ""
    """Why it ended: "" by its fills or its owner, ioc, fok, liquidity, price_range, stp, post_only,
    protection, gtt, or what `Exchange.expire` was told (venue, dcp)."""
    filled: int = 0
    quote_filled: int = 0
    """Money of the quote asset."""
    prevented: int = 0
    """Quantity lost to self-trade prevention."""
    reduced: int = 0
    """Quantity that its owner took off."""
    fee: int = 0
    fee_asset: str = ""
    held: int = 0
    """Money still locked for this order."""
    fills: tuple[Fill, ...] = ()
    prevented_matches: tuple[Prevented, ...] = ()
    """Those that cost it quantity, and all that it came upon as a taker."""
    extra: dict[str, Any] = msgspec.field(default_factory=dict)
    """What a face wants to keep with the order (its own ids, flags)."""

    @property
    def remaining(self) -> int:
        return self.qty - self.filled - self.prevented - self.reduced

    @property
    def beyond_worst(self) -> bool:
        if self.worst is None:
            return False
        return self.price > self.worst if self.side is Side.BUY else self.price < self.worst

    @property
    def working(self) -> bool:
        return self.state in {"NEW", "PARTLY_FILLED"}


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One side of a trade, of a customer's order; ``filled`` and ``quote_filled`` after it."""

    trade_id: int
    order: Order
    price: int
    qty: int
    fee: int
    fee_asset: str
    maker: bool
    wall_ns: int
    filled: int
    quote_filled: int
    counter_order_id: int


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One trade of the market, for the public."""

    trade_id: int
    price: int
    qty: int
    taker_side: Side
    taker_order_id: int
    maker_order_id: int
    wall_ns: int


class Listener(Protocol):
    """A face. Per call of the exchange: orders and fills first, then balances, trades, book."""

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None:
        """``kind``: received, open, fill, prevented (see the last of its `prevented_matches`),
        reduced, filled, cancelled, expired; an order that prevention ends says ``prevented`` with
        the state PREVENTED and nothing after it."""

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None: ...

    def on_trade(self, trade: Trade) -> None: ...

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
        """(side, price, new quantity) in the order of the sequences ``first`` to ``last``."""
