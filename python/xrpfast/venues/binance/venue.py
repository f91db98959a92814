"""Binance spot behind the shape of a venue: the parts of this folder tied together."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final

from xrpfast._core import BinanceEncoder, parse_units
from xrpfast.model import SymbolRules
from xrpfast.net.clock import ClockOffset, measure
from xrpfast.net.fuse import Fuse
from xrpfast.trading.events import AnyEvent, Balance, Fill, OpenOrder
from xrpfast.venues.account_state import Trade
from xrpfast.venues.binance.account import (
    BinanceAccount,
    balance_event,
    open_order,
    order_terms,
    query_fill,
    query_state,
    trade,
)
from xrpfast.venues.binance.cancel_only import BinanceCancelOnly
from xrpfast.venues.binance.errors import http_pause
from xrpfast.venues.binance.market import BinanceMarket
from xrpfast.venues.binance.orders import BinanceOrders
from xrpfast.venues.binance.permissions import judge
from xrpfast.venues.binance.public import symbol_rules
from xrpfast.venues.binance.rest import BinanceRest
from xrpfast.venues.keys import Keys
from xrpfast.venues.reach import Way, of_rest, of_socket
from xrpfast.venues.venue import API_TIMEOUT_NS, MARGIN_NS, Venue, Wiring

if TYPE_CHECKING:
    from xrpfast.config.venues import BinanceSection
    from xrpfast.venues.permissions import Permissions

SELF_TRADE: Final = "EXPIRE_TAKER"
"""An order that would meet one of ours expires itself, the older one stays."""


class Binance(Venue):
    """Binance spot."""

    name = "binance"

    def __init__(self, config: BinanceSection) -> None:
        """Reads the key. Raises `UsageError` without a usable one."""
        super().__init__(Fuse(self.name, http_pause))
        self._config = config
        self._keys = Keys.of(config, "venues.binance")
        self._rest = BinanceRest(config.rest_url, self._keys, config.recv_window_ms, self.fuse)

    def cancel_only(self, instruments: Sequence[str]) -> BinanceCancelOnly:
        return BinanceCancelOnly(self._config, self._keys, self.fuse, instruments)

    async def sync_clock(self) -> ClockOffset:
        offset = await measure(self._rest.server_time_ms)
        self.wall_offset_ns = self._rest.wall_offset_ns = offset.wall_ns
        if hasattr(self, "orders"):
            self.orders.wall_offset_ns = offset.wall_ns
            assert isinstance(self.account, BinanceAccount)
            self.account.wall_offset_ns = offset.wall_ns
        return offset

    async def permissions(self) -> Permissions:
        return judge(await self._rest.api_restrictions())

    async def reach(self) -> list[Way]:
        async def stream() -> str:
            return f"{self._config.stream_url.rstrip('/')}/ws"

        async def ws_api() -> str:
            return self._config.ws_api_url

        return [
            await of_rest(self._rest.server_time_ms),
            await of_socket("market socket", self.fuse, stream),
            await of_socket("order and account socket", self.fuse, ws_api),
        ]

    async def rules(self, instrument: str) -> SymbolRules:
        info = await self._rest.symbol_info(instrument.replace("/", ""))
        return symbol_rules(info, await self._rest.account(), instrument)

    async def balances(self) -> list[Balance]:
        account = await self._rest.account()
        now_ns, wall_ns = monotonic_ns(), time_ns()
        return [
            balance_event(row["asset"], row["free"], row["locked"], wall_ns, now_ns, wall_ns)
            for row in account["balances"]
        ]

    async def open_orders(self, symbol: str) -> list[OpenOrder]:
        rules = self._ours.rules[symbol]
        rows = await self._rest.open_orders(symbol)
        return [open_order(row, rules) for row in rows]

    async def closed(self, symbol: str) -> str:
        status = (await self._rest.symbol_info(symbol))["status"]
        return "" if status == "TRADING" else f"{symbol} is {status}"

    async def _trades_since(self, symbol: str, since_ms: int) -> list[dict[str, Any]]:
        return await self._rest.trades_since(symbol, since_ms)

    async def _client_id(self, symbol: str, order_id: str) -> str:
        return str((await self._rest.order_by_id(symbol, order_id))["clientOrderId"])

    def _fill(self, row: dict[str, Any], client_id: str, now_ns: int, wall_ns: int) -> Fill:
        return query_fill(row, self._ours, client_id, now_ns, wall_ns)

    def _trade(self, row: dict[str, Any]) -> Trade:
        return trade(row)

    def wire(self, wiring: Wiring) -> None:
        config, keys = self._config, self._keys
        symbols = {book: rules.venue_symbol for book, rules in wiring.books.items()}
        self.know(wiring.prefix, wiring.books.values())
        self.stream = BinanceMarket(
            wiring.market, symbols, wiring.sink, self.fuse, self._rest, config.stream_url
        )
        encoder = BinanceEncoder(
            wiring.gate,
            keys.signer,
            keys.api_key,
            config.recv_window_ms,
            self_trade_prevention=SELF_TRADE,
        )
        self.orders = BinanceOrders(
            encoder, wiring.sink, self.fuse, wiring.acks, config.ws_api_url, self._ours.rules
        )
        self.orders.wall_offset_ns = self._rest.wall_offset_ns
        self.account = account = BinanceAccount(
            self._ours,
            wiring.sink,
            self.fuse,
            config.ws_api_url,
            keys.api_key,
            keys.signer,
            config.recv_window_ms,
        )
        account.wall_offset_ns = self._rest.wall_offset_ns
        account.on_key_refused = self.orders.key_refused

    async def query(self, symbol: str, client_id: str, created_ns: int) -> list[AnyEvent]:
        asked_ns, asked_wall_ns = monotonic_ns(), time_ns()
        order = await self._rest.order(symbol, client_id)
        if order is None:
            window_ns = self._config.recv_window_ms * 1_000_000
            late = asked_ns - created_ns > window_ns + API_TIMEOUT_NS + MARGIN_NS
            return [await self._absent(symbol, client_id, created_ns, late, asked_wall_ns)]
        order_id = str(order["orderId"])
        self._owners.put(order_id, client_id)
        filled = parse_units(order["executedQty"], self._ours.rules[symbol].qty_decimals)
        events: list[AnyEvent] = []
        if filled:
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
