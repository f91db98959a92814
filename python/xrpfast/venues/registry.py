"""Every venue behind one shape: what the service prepares, wires and asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from xrpfast._core import BinanceEncoder, KucoinEncoder, Signer, parse_units
from xrpfast.errors import UsageError
from xrpfast.model import SymbolRules, parse_money
from xrpfast.net.clock import ClockOffset, measure
from xrpfast.trading.events import AnyEvent, Balance, Fill, OpenOrder, QueryResult
from xrpfast.venues.account_state import AccountState, Owners, Question, Trade, moves_of
from xrpfast.venues.binance import account as binance_account
from xrpfast.venues.binance import rest as binance_rest
from xrpfast.venues.binance.market import BinanceMarket
from xrpfast.venues.binance.orders import BinanceOrders
from xrpfast.venues.kucoin import account as kucoin_account
from xrpfast.venues.kucoin import rest as kucoin_rest
from xrpfast.venues.kucoin.market import KucoinMarket
from xrpfast.venues.kucoin.orders import KucoinOrders
from xrpfast.venues.private import Ours

if TYPE_CHECKING:
    from xrpfast._core import LatencyHistogram, Market, RiskGate
    from xrpfast.config.venues import BinanceSection, KucoinSection, VenuesSection
    from xrpfast.venues.gateway import OrderGateway
    from xrpfast.venues.ports import Sink
    from xrpfast.venues.private import AccountStream
    from xrpfast.venues.stream import MarketStream

SECOND_NS = 1_000_000_000
API_TIMEOUT_NS = 10 * SECOND_NS
MARGIN_NS = 2 * SECOND_NS
SIGNED_TIME_NS = 5 * SECOND_NS
"""How long KuCoin takes a signed timestamp for valid."""


class Wiring(NamedTuple):
    """What a venue's sockets are built with."""

    market: Market
    gate: RiskGate
    sink: Sink
    books: Mapping[int, SymbolRules]
    prefix: str
    acks: LatencyHistogram


class Venue:
    """One venue of this process."""

    name = ""
    orders: OrderGateway
    stream: MarketStream
    account: AccountStream

    def __init__(self) -> None:
        self._ours = Ours("", ())
        self._owners = Owners()
        self.wall_offset_ns = 0
        """The venue's clock minus ours."""

    def know(self, prefix: str, rules: Iterable[SymbolRules]) -> None:
        """What our orders are told by, and the rules of the symbols: before any order is asked
        about."""
        self._ours = Ours(prefix, rules)

    async def sync_clock(self) -> ClockOffset:
        """Measures the venue's clock and stamps later requests by it."""
        raise NotImplementedError

    async def rules(self, instrument: str) -> SymbolRules:
        raise NotImplementedError

    async def balances(self) -> list[Balance]:
        raise NotImplementedError

    async def open_orders(self, symbol: str) -> list[OpenOrder]:
        """All working orders, whoever sent them. `know` comes first."""
        raise NotImplementedError

    async def closed(self, symbol: str) -> str:
        """Why the venue takes no new orders now; empty while it does."""
        raise NotImplementedError

    async def account_state(self, question: Question) -> AccountState:
        """All that the venue knows of us, read one after the other: working orders, the orders
        named with their fills, fills since a time, balances.

        Raises `XrpfastError` when something could not be read; what was read until then is lost.
        """
        events: list[AnyEvent] = []
        working: list[OpenOrder] = []
        for symbol in self._ours.rules:
            working += await self.open_orders(symbol)
        for order in question.named:
            events += await self.query(order.symbol, order.client_id, order.created_ns)
        for symbol in self._ours.rules:
            events += await self._trades(symbol, question)
        events += await self.balances()
        reasons = [await self.closed(symbol) for symbol in self._ours.rules]
        return AccountState(events, tuple(working), "; ".join(filter(None, reasons)))

    async def _trades(self, symbol: str, question: Question) -> list[AnyEvent]:
        """The account's trades: of our orders as fills, of others' as moves of balances."""
        since_ms = (question.fills_since_ns + self.wall_offset_ns) // 1_000_000
        events: list[AnyEvent] = []
        named = {order.client_id for order in question.named}
        for row in await self._trades_since(symbol, since_ms):
            order_id = str(row["orderId"])
            ours = question.owner(order_id)
            client_id = ours or self._owners.get(order_id)
            if client_id is None:
                client_id = self._owners.put(order_id, await self._client_id(symbol, order_id))
            now_ns, wall_ns = monotonic_ns(), time_ns()
            if ours or client_id in named:
                events.append(self._fill(row, client_id, now_ns, wall_ns))
            elif not question.spent(client_id):
                rules = self._ours.rules[symbol]
                events += moves_of(self._trade(row), rules, client_id, now_ns, wall_ns)
        return events

    async def _trades_since(self, symbol: str, since_ms: int) -> list[dict[str, Any]]:
        """Every page of them."""
        raise NotImplementedError

    async def _client_id(self, symbol: str, order_id: str) -> str:
        raise NotImplementedError

    def _fill(self, row: dict[str, Any], client_id: str, now_ns: int, wall_ns: int) -> Fill:
        raise NotImplementedError

    def _trade(self, row: dict[str, Any]) -> Trade:
        raise NotImplementedError

    def wire(self, wiring: Wiring) -> None:
        """Builds ``orders``, ``stream`` and ``account``; nothing connects yet."""
        raise NotImplementedError

    async def query(self, symbol: str, client_id: str, created_ns: int) -> list[AnyEvent]:
        """The venue's word on one order, its fills first. Raises `XrpfastError` without one."""
        raise NotImplementedError

    async def cancel(self, symbol: str, client_id: str) -> None:
        """The slow way, for when the order socket is down."""
        raise NotImplementedError

    async def close(self) -> None:
        """Closes every socket."""
        parts = [getattr(self, part, None) for part in ("orders", "account", "stream")]
        await asyncio.gather(*(part.close() for part in parts if part is not None))

    async def _absent(
        self, symbol: str, client_id: str, created_ns: int, late: bool
    ) -> QueryResult:
        """The venue did not find an order; ``late``: nothing of it can be on its way any more.

        Another signed call shows that the venue answers us at all, and that the order is not among
        those that work."""
        working = [order.client_id for order in await self.open_orders(symbol)]
        # Before the sockets are built nothing is sent, and everything there is gets asked for.
        account = getattr(self, "account", None)
        heard = account is None or account.heard_all_since(created_ns)
        sure = late and client_id not in working and heard
        return self._result(client_id, None, None, 0, sure)

    def _result(
        self, client_id: str, order_id: str | None, state: str | None, filled: int, sure: bool
    ) -> QueryResult:
        return QueryResult(
            now_ns=monotonic_ns(),
            wall_ns=time_ns(),
            client_id=client_id,
            venue_order_id=order_id,
            state=state,
            filled_qty=filled,
            authoritative=sure,
        )


class Binance(Venue):
    """Binance spot."""

    name = "binance"

    def __init__(self, config: BinanceSection) -> None:
        super().__init__()
        self._config = config
        self._signer = Signer(config.api_secret.get_secret_value().encode())
        self._rest = binance_rest.BinanceRest(
            config.rest_url, config.api_key, self._signer, config.recv_window_ms
        )

    async def sync_clock(self) -> ClockOffset:
        offset = await measure(self._rest.server_time_ms)
        self.wall_offset_ns = self._rest.wall_offset_ns = offset.wall_ns
        if hasattr(self, "orders"):
            self.orders.wall_offset_ns = offset.wall_ns
            assert isinstance(self.account, binance_account.BinanceAccount)
            self.account.wall_offset_ns = offset.wall_ns
        return offset

    async def rules(self, instrument: str) -> SymbolRules:
        info = await self._rest.symbol_info(instrument.replace("/", ""))
        return binance_rest.symbol_rules(info, await self._rest.account(), instrument)

    async def balances(self) -> list[Balance]:
        account = await self._rest.account()
        now_ns, wall_ns = monotonic_ns(), time_ns()
        return [
            binance_account.balance_event(
                row["asset"], row["free"], row["locked"], wall_ns, now_ns, wall_ns
            )
            for row in account["balances"]
        ]

    async def open_orders(self, symbol: str) -> list[OpenOrder]:
        rules = self._ours.rules[symbol]
        rows = await self._rest.open_orders(symbol)
        return [binance_account.open_order(row, rules) for row in rows]

    async def closed(self, symbol: str) -> str:
        status = (await self._rest.symbol_info(symbol))["status"]
        return "" if status == "TRADING" else f"{symbol} is {status}"

    async def _trades_since(self, symbol: str, since_ms: int) -> list[dict[str, Any]]:
        return await self._rest.trades_since(symbol, since_ms)

    async def _client_id(self, symbol: str, order_id: str) -> str:
        return str((await self._rest.order_by_id(symbol, order_id))["clientOrderId"])

    def _fill(self, row: dict[str, Any], client_id: str, now_ns: int, wall_ns: int) -> Fill:
        return binance_account.query_fill(row, self._ours, client_id, now_ns, wall_ns)

    def _trade(self, row: dict[str, Any]) -> Trade:
        return binance_account.trade(row)

    def wire(self, wiring: Wiring) -> None:
        config = self._config
        symbols = {book: rules.venue_symbol for book, rules in wiring.books.items()}
        self.know(wiring.prefix, wiring.books.values())
        self.stream = BinanceMarket(
            wiring.market, symbols, wiring.sink, self._rest, config.stream_url
        )
        encoder = BinanceEncoder(wiring.gate, self._signer, config.api_key, config.recv_window_ms)
        self.orders = BinanceOrders(encoder, wiring.sink, wiring.acks, config.ws_api_url)
        self.orders.wall_offset_ns = self._rest.wall_offset_ns
        self.account = account = binance_account.BinanceAccount(
            self._ours,
            wiring.sink,
            config.ws_api_url,
            config.api_key,
            self._signer,
            config.recv_window_ms,
        )
        account.wall_offset_ns = self._rest.wall_offset_ns

    async def query(self, symbol: str, client_id: str, created_ns: int) -> list[AnyEvent]:
        asked_ns = monotonic_ns()
        order = await self._rest.order(symbol, client_id)
        if order is None:
            window_ns = self._config.recv_window_ms * 1_000_000
            late = asked_ns - created_ns > window_ns + API_TIMEOUT_NS + MARGIN_NS
            return [await self._absent(symbol, client_id, created_ns, late)]
        order_id = str(order["orderId"])
        filled = parse_units(order["executedQty"], self._ours.rules[symbol].qty_decimals)
        events: list[AnyEvent] = []
        if filled:
            trades = await self._rest.order_fills(symbol, order_id)
            now_ns, wall_ns = monotonic_ns(), time_ns()
            events += [
                binance_account.query_fill(trade, self._ours, client_id, now_ns, wall_ns)
                for trade in trades
            ]
        state = binance_account.query_state(order)
        return [*events, self._result(client_id, order_id, state, filled, True)]

    async def cancel(self, symbol: str, client_id: str) -> None:
        await self._rest.cancel(symbol, client_id)

    async def close(self) -> None:
        await super().close()
        await self._rest.close()


class Kucoin(Venue):
    """KuCoin spot."""

    name = "kucoin"

    def __init__(self, config: KucoinSection) -> None:
        super().__init__()
        self._config = config
        self._signer = Signer(config.api_secret.get_secret_value().encode())
        self._rest = kucoin_rest.KucoinRest(
            config.rest_url, config.api_key, self._signer, config.passphrase.get_secret_value()
        )
        self._accounts: set[str] = set()

    async def sync_clock(self) -> ClockOffset:
        offset = await measure(self._rest.server_time_ms)
        self.wall_offset_ns = self._rest.wall_offset_ns = offset.wall_ns
        if hasattr(self, "orders"):
            self.orders.wall_offset_ns = offset.wall_ns
        return offset

    async def rules(self, instrument: str) -> SymbolRules:
        symbol = instrument.replace("/", "-")
        info = await self._rest.symbol_info(symbol)
        return kucoin_rest.symbol_rules(info, await self._rest.trade_fees(symbol), instrument)

    async def balances(self) -> list[Balance]:
        rows = await self._rest.accounts()
        self._accounts = {str(row["id"]) for row in rows}
        now_ns, wall_ns = monotonic_ns(), time_ns()
        return [
            kucoin_account.balance_event(
                row["currency"], row["available"], row["holds"], wall_ns, now_ns, wall_ns
            )
            for row in rows
        ]

    async def open_orders(self, symbol: str) -> list[OpenOrder]:
        rules = self._ours.rules[symbol]
        rows = await self._rest.open_orders(symbol)
        return [kucoin_account.open_order(row, rules) for row in rows]

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
        return kucoin_account.query_fill(row, self._ours, client_id, now_ns, wall_ns)

    def _trade(self, row: dict[str, Any]) -> Trade:
        return kucoin_account.trade(row)

    def wire(self, wiring: Wiring) -> None:
        symbols = {book: rules.venue_symbol for book, rules in wiring.books.items()}
        self.know(wiring.prefix, wiring.books.values())
        self.stream = KucoinMarket(wiring.market, symbols, wiring.sink, self._rest)
        self.orders = KucoinOrders(
            KucoinEncoder(wiring.gate),
            wiring.sink,
            wiring.acks,
            self._rest,
            self._config.order_url,
            self._config.api_key,
            self._signer,
        )
        self.orders.wall_offset_ns = self._rest.wall_offset_ns
        self.account = account = kucoin_account.KucoinAccount(self._ours, wiring.sink, self._rest)
        account.accounts = self._accounts

    async def query(self, symbol: str, client_id: str, created_ns: int) -> list[AnyEvent]:
        asked_ns = monotonic_ns()
        order = await self._rest.order(symbol, client_id)
        if order is None:
            late = asked_ns - created_ns > SIGNED_TIME_NS + API_TIMEOUT_NS + MARGIN_NS
            return [await self._absent(symbol, client_id, created_ns, late)]
        order_id = str(order["id"])
        filled = parse_units(order["dealSize"], self._ours.rules[symbol].qty_decimals)
        events: list[AnyEvent] = []
        if parse_money(order["dealSize"]):
            trades = await self._rest.order_fills(symbol, order_id)
            now_ns, wall_ns = monotonic_ns(), time_ns()
            events += [
                kucoin_account.query_fill(trade, self._ours, client_id, now_ns, wall_ns)
                for trade in trades
            ]
        state = kucoin_account.query_state(order)
        return [*events, self._result(client_id, order_id, state, filled, True)]

    async def cancel(self, symbol: str, client_id: str) -> None:
        await self._rest.cancel(symbol, client_id)

    async def close(self) -> None:
        await super().close()
        await self._rest.close()


def enabled(config: VenuesSection) -> Sequence[Venue]:
    """The venues that the configuration asks for, in the order of their books.

    Raises `UsageError` when there are too few or one has no key.
    """
    if not (config.binance.enabled and config.kucoin.enabled):
        raise UsageError("[venues]: arbitrage needs two venues: enable binance and kucoin")
    _check_keys("binance", config.binance, ("api_key", "api_secret"))
    _check_keys("kucoin", config.kucoin, ("api_key", "api_secret", "passphrase"))
    return [Binance(config.binance), Kucoin(config.kucoin)]


def _check_keys(venue: str, section: object, names: Sequence[str]) -> None:
    """An empty text and an empty `SecretStr` are both false."""
    for name in names:
        if not getattr(section, name):
            raise UsageError(
                f"venues.{venue}.{name} is empty: set it to that of your key "
                "(`xrpfast mock` prints those of the mock venues)"
            )
