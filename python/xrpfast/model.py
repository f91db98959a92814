"""Plain typed values shared by every layer: sides, order states, instruments, money.

Units: a price is an ``int`` count of 10^-price_decimals of the quote asset, a quantity of
10^-qty_decimals of the base asset (both per venue, see `SymbolRules`); money is an ``int`` of
10^-18 of its asset; time is ``int`` nanoseconds; a fee rate is an ``int`` of 10^-8.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, IntEnum
from typing import Final, NewType

import msgspec

Price = NewType("Price", int)
Quantity = NewType("Quantity", int)
Money = NewType("Money", int)
Nanos = NewType("Nanos", int)
VenueId = NewType("VenueId", str)
ClientOrderId = NewType("ClientOrderId", str)

MONEY_DECIMALS: Final = 18
MONEY_ONE: Final = 10**MONEY_DECIMALS
RATE_ONE: Final = 10**8


class Side(IntEnum):
    """Side of an order; the values are those of the native core."""

    BUY = 0
    SELL = 1

    @property
    def opposite(self) -> Side:
        return Side(1 - self)


class OrderType(IntEnum):
    """Order types the engine sends; the values are those of the native core."""

    LIMIT = 0


class TimeInForce(IntEnum):
    """How long an order lives; the values are those of the native core."""

    GTC = 0
    IOC = 1
    FOK = 2


class OrderState(str, Enum):
    """States of an order (DESIGN: orders). UNKNOWN is left only on the venue's own word."""

    NEW = "NEW"
    SENT = "SENT"
    OPEN = "OPEN"
    PARTLY_FILLED = "PARTLY_FILLED"
    CANCEL_SENT = "CANCEL_SENT"
    UNKNOWN = "UNKNOWN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"

    @property
    def terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL: Final = frozenset(
    {OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED}
)


class SyncState(str, Enum):
    """States of a book's synchronisation; only a LIVE book may be traded on."""

    EMPTY = "EMPTY"
    SYNCING = "SYNCING"
    LIVE = "LIVE"
    GAP = "GAP"
    STALE = "STALE"
    CROSSED = "CROSSED"


class SymbolRules(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol of one venue as the venue's own rules state it.

    ``tick`` is in price units, ``lot``, ``min_qty`` and ``max_qty`` in quantity units,
    ``min_notional`` in money of the quote asset, rates in 10^-8.
    """

    venue: str
    instrument: str
    venue_symbol: str
    base: str
    quote: str
    price_decimals: int
    qty_decimals: int
    tick: int
    lot: int
    min_qty: int
    max_qty: int
    min_notional: int
    taker_rate: int
    maker_rate: int
    fee_in_received: bool
    """True: fees are taken from the asset received (Binance). False: in quote (KuCoin)."""

    def notional(self, price: int, qty: int) -> int:
        """Exact value of ``qty`` at ``price``, in money of the quote asset."""
        scale: int = 10 ** (MONEY_DECIMALS - self.price_decimals - self.qty_decimals)
        return price * qty * scale

    def qty_money(self, qty: int) -> int:
        """A quantity as money of the base asset."""
        scale: int = 10 ** (MONEY_DECIMALS - self.qty_decimals)
        return qty * scale


def parse_money(text: str) -> int:
    """Money of a plain decimal text, exactly.

    Raises ``ValueError`` for anything that is not a finite decimal of at most 18 places.
    """
    try:
        value = Decimal(text)
    except ArithmeticError as error:
        raise ValueError(f"not a decimal: {text!r}") from error
    if not value.is_finite():
        raise ValueError(f"not a finite decimal: {text!r}")
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    shift = exponent + MONEY_DECIMALS
    if shift < 0 and any(digits[shift:]):
        raise ValueError(f"finer than 10^-{MONEY_DECIMALS}: {text!r}")
    if shift > 40:
        raise ValueError(f"too large: {text!r}")
    number: int = int("".join(map(str, digits)) or "0")
    number = number * 10**shift if shift >= 0 else number // 10**-shift
    return -number if sign else number


def format_money(value: int) -> str:
    """Plain decimal text of money, without trailing zeros."""
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), MONEY_ONE)
    text = f"{fraction:018d}".rstrip("0")
    return f"{sign}{whole}.{text}" if text else f"{sign}{whole}"
