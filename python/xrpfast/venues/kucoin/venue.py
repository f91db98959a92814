"""KuCoin spot behind the shape of a venue: the parts of this folder tied together."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final

from xrpfast._core import KucoinEncoder, parse_units
from xrpfast.model import SymbolRules, parse_money
from xrpfast.net.clock import ClockOffset, measure
from xrpfast.net.fuse import Fuse
from xrpfast.trading.events import AnyEvent, Balance, Fill, OpenOrder
from xrpfast.venues.account_state import Trade
from xrpfast.venues.keys import Keys
from xrpfast.venues.kucoin.account import (
    KucoinAccount,
    balance_event,
    open_order,
    order_terms,
    query_fill,
    query_state,
    trade,
)
from xrpfast.venues.kucoin.cancel_only import KucoinCancelOnly
from xrpfast.venues.kucoin.errors import http_pause
from xrpfast.venues.kucoin.market import KucoinMarket
from xrpfast.venues.kucoin.orders import KucoinOrders, address
from xrpfast.venues.kucoin.permissions import judge
from xrpfast.venues.kucoin.protection import DeadConnection
from xrpfast.venues.kucoin.public import symbol_rules
from xrpfast.venues.kucoin.push import place
from xrpfast.venues.kucoin.rest import KucoinRest
from xrpfast.venues.reach import Way, of_rest, of_socket
from xrpfast.venues.venue import API_TIMEOUT_NS, MARGIN_NS, SECOND_NS, Venue, Wiring

if TYPE_CHECKING:
    from xrpfast.config.venues import KucoinSection
    from xrpfast.venues.permissions import Permissions

SELF_TRADE: Final = "CN"
"""An order that would meet one of ours is cancelled itself, the older one stays."""
SIGNED_TIME_NS: Final = 5 * SECOND_NS
"""How long the venue takes a signed timestamp for valid."""


class Kucoin(Venue):
    """KuCoin spot."""

    name = "kucoin"
    trades_reach_ns = 7 * 86_400 * SECOND_NS

    def __init__(self, config: KucoinSection) -> None:
        """Reads the key. Raises `UsageError` without a usable one."""
        super().__init__(Fuse(self.name, http_pause))
        self._config = config
        self._keys = Keys.of(config, "venues.kucoin")
        self._rest = KucoinRest(config.rest_url, self._keys, self.fuse)
        self._accounts: set[str] = set()

    def cancel_only(self, instruments: Sequence[str]) -> KucoinCancelOnly:
        return KucoinCancelOnly(self._config, self._keys, self.fuse, instruments)

    async def sync_clock(self) -> ClockOffset:
        offset = await measure(self._rest.server_time_ms)
        self.wall_offset_ns = self._rest.wall_offset_ns = offset.wall_ns
        if hasattr(self, "orders"):
            self.orders.wall_offset_ns = offset.wall_ns
        return offset

    async def permissions(self) -> Permissions:
        return judge(await self._rest.api_key())

    async def reach(self) -> list[Way]:
        async def public() -> str:
            return place(await self._rest.public_token()).url

        async def private() -> str:
            return place(await self._rest.private_token()).url

        async def orders() -> str:
            return address(self._config.order_url, self._keys, self._rest.now_ms())

        return [
            await of_rest(self._rest.server_time_ms),
            await of_socket("market socket", self.fuse, public, "welcome"),
            await of_socket("account socket", self.fuse, private, "welcome"),
            await of_socket("order socket", self.fuse, orders, "sessionId"),
        ]

    async def rules(self, instrument: str) -> SymbolRules:
        symbol = instrument.replace("/", "-")
        info = await self._rest.symbol_info(symbol)
        return symbol_rules(info, await self._rest.trade_fees(symbol), instrument)

    async def balances(self) -> list[Balance]:
        rows = await self._rest.accounts()
        self._accounts = {str(row["id"]) for row in rows}
        now_ns, wall_ns = monotonic_ns(), time_ns()
        return [
            balance_event(row["currency"], row["available"], row["holds"], wall_ns, now_ns, wall_ns)
            for row in rows
        ]

    async def open_orders(self, symbol: str) -> list[OpenOrder]:
        rules = self._ours.rules[symbol]
        rows = await self._rest.open_orders(symbol)
        return [open_order(row, rules) for row in rows]

    async def closed(self, symbol: str) -> str:
        status = await self._rest.status()
        if status != "open":
            return f"the venue is {status}"
        trades = (await self._rest.symbol_info(symbol))["enableTrading"]
        return "" if trades else f"{symbol} does not trade"

    async def _trades_since(self, symbol: str, since_ms: int) -> list[dict[str, Any]]:
        return await self._rest.trades_since(symbol, since_ms)

    async def _client_id(self, symbol: str, order_id: str) -> str:
        return str((await self._rest.order_by_id(symbol, order_id))["clientOid"])

    def _fill(self, row: dict[str, Any], client_id: str, now_ns: int, wall_ns: int) -> Fill:
        return query_fill(row, self._ours, client_id, now_ns, wall_ns)

    def _trade(self, row: dict[str, Any]) -> Trade:
        return trade(row)

    def wire(self, wiring: Wiring) -> None:
        symbols = {book: rules.venue_symbol for book, rules in wiring.books.items()}
        self.know(wiring.prefix, wiring.books.values())
        self.stream = KucoinMarket(wiring.market, symbols, wiring.sink, self.fuse, self._rest)
        self.orders = KucoinOrders(
            KucoinEncoder(wiring.gate, self_trade_prevention=SELF_TRADE),
            wiring.sink,
            self.fuse,
            wiring.acks,
            self._rest,
            self._config.order_url,
            self._keys,
        )
        self.orders.wall_offset_ns = self._rest.wall_offset_ns
        self.account = account = KucoinAccount(self._ours, wiring.sink, self.fuse, self._rest)
        account.accounts = self._accounts
        account.on_key_refused = self.orders.key_refused
        if self._config.dead_connection_s:
            ours, orders = self._ours, self.orders
            self.protection = DeadConnection(
                self._rest,
                list(symbols.values()),
                wiring.prefix,
                self._config.dead_connection_s,
                lambda: orders.ready,
                lambda: ours.foreign,
            )

    async def query(self, symbol: str, client_id: str, created_ns: int) -> list[AnyEvent]:
        asked_ns, asked_wall_ns = monotonic_ns(), time_ns()
        order = await self._rest.order(symbol, client_id)
        if order is None:
            late = asked_ns - created_ns > SIGNED_TIME_NS + API_TIMEOUT_NS + MARGIN_NS
            return [await self._absent(symbol, client_id, created_ns, late, asked_wall_ns)]
        order_id = str(order["id"])
        self._owners.put(order_id, client_id)
        filled = parse_units(order["dealSize"], self._ours.rules[symbol].qty_decimals)
        events: list[AnyEvent] = []
        if parse_money(order["dealSize"]):
            trades = await self._rest.order_fills(symbol, order_id)
            now_ns, wall_ns = monotonic_ns(), time_ns()
            events += [query_fill(row, self._ours, client_id, now_ns, wall_ns) for row in trades]
        terms = order_terms(order, self._ours.rules)
        answer = self._result(client_id, order_id, query_state(order), filled, True, terms)
        return [*events, answer]

    async def cancel(self, symbol: str, client_id: str) -> None:
        await self._rest.cancel(symbol, client_id)

    async def close(self) -> None:
        await super().close()
        await self._rest.close()
