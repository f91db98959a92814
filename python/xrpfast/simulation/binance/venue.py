"""What every function of the mock Binance works on: the exchange with its limits and switches."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from xrpfast.model import SymbolRules
from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.binance import errors
from xrpfast.simulation.binance.filters import FilterValues
from xrpfast.simulation.binance.keys import KeyRing
from xrpfast.simulation.binance.limits import Limits
from xrpfast.simulation.binance.market import Market
from xrpfast.simulation.binance.params import SYMBOL, SYMBOL_RANGE, time_unit_ns
from xrpfast.simulation.binance.price_range import PriceRange
from xrpfast.simulation.binance.wire import MS, US, Wire
from xrpfast.simulation.exchange import KEEP, Exchange
from xrpfast.simulation.orders import Fill, Order, Trade
from xrpfast.simulation.statistics import average_price

FIRST_EXECUTION: Final = 1_800_000_000
STATUSES: Final = ("TRADING", "HALT", "BREAK", "CANCEL_ONLY", "END_OF_DAY")
STP_MODES: Final = ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")


class Venue:
    """The parts of the mock Binance that hold state, joined; a `Listener` of the exchange."""

    def __init__(self, exchange: Exchange, market: Market) -> None:
        self.exchange = exchange
        self.market = market
        self.keys = KeyRing(exchange)
        self.limits = Limits(exchange.wall_ns)
        self.filters = FilterValues.of(exchange.rules)
        """What the filters allow; replaced as a whole, as on the day the venue changes them."""
        self.broker_ns = 0
        """How long a request takes from its receipt to the engine, for the third time check."""
        self.stp_modes: tuple[str, ...] = STP_MODES
        """Self-trade prevention that the symbol allows; NONE goes without saying."""
        self.default_stp = "EXPIRE_MAKER"
        self.price_range: PriceRange | None = None
        """Around the market's reference price it bounds what a taker may pay."""
        self.execution_id = FIRST_EXECUTION
        """Of the last execution report."""
        self._fresh = 0
        self._cancelled: dict[str, int] = {}
        self._millis, self._micros = Wire(exchange.rules, MS), Wire(exchange.rules, US)
        exchange.on_rules.append(self._on_rules)

    @property
    def status(self) -> str:
        """Of the symbol: one of `STATUSES`; orders and exchangeInfo obey."""
        return self.market.status

    @status.setter
    def status(self, status: str) -> None:
        if status not in STATUSES:
            raise ValueError(f"status: one of {', '.join(STATUSES)}")
        self.market.status = status

    def wire(self, time_unit: str | None) -> Wire:
        """The hand for a time unit that a client asks for; raises -1194."""
        return self._millis if time_unit_ns(time_unit) == MS else self._micros

    def check_symbol(self, name: str) -> None:
        """Raises -1100 for a text that can be none, -1121 for none of ours."""
        if name == self.exchange.rules.venue_symbol:
            return
        if not SYMBOL.match(name):
            raise errors.illegal("symbol", SYMBOL_RANGE)
        raise errors.symbol()

    def fresh_id(self) -> str:
        """A client id for an order or cancel that brings none."""
        self._fresh += 1
        return f"mock{self._fresh:018d}"

    def name_cancelled(self, client_id: str, order_id: int) -> None:
        """A cancelled order goes by the client id of its cancel."""
        self._cancelled[client_id] = order_id
        if len(self._cancelled) > KEEP:
            del self._cancelled[next(iter(self._cancelled))]

    def cancelled(self, client_id: str) -> int | None:
        """The order whose cancel had that client id."""
        return self._cancelled.get(client_id)

    def next_execution(self) -> int:
        """Number of the next execution report."""
        self.execution_id += 1
        return self.execution_id

    @property
    def reference_price(self) -> int | None:
        """In price units, None while there is none."""
        return None if self.market.reference is None else self.market.reference[0]

    def average(self, minutes: int) -> int:
        """The price that filters compare with, in 10^-8 of the quote asset; 0: there is none."""
        rules = self.exchange.rules
        if self.reference_price is not None:
            scale: int = 10 ** (8 - rules.price_decimals)
            return self.reference_price * scale
        return average_price(self.market.tape.candles, self.exchange.wall_ns(), minutes, 8)

    def _on_rules(self, rules: SymbolRules) -> None:
        """Ticks and lots follow; what else the filters were told to allow stays."""
        new = FilterValues.of(rules)
        self.filters = replace(
            self.filters, min_price=new.min_price, tick=new.tick, min_qty=new.min_qty, lot=new.lot
        )

    # --- the exchange's listener ------------------------------------------------------------------

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None:
        if fill is not None:
            self.limits.filled(fill)

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None: ...

    def on_trade(self, trade: Trade) -> None: ...

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None: ...
