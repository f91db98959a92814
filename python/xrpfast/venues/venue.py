"""A venue behind one shape: what the service prepares, wires and asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from xrpfast.model import SymbolRules
from xrpfast.trading.events import AnyEvent, Balance, Fill, OpenOrder, QueryResult, Terms
from xrpfast.venues.account_state import AccountState, Owners, Question, Trade, moves_of
from xrpfast.venues.private import Ours

if TYPE_CHECKING:
    from xrpfast._core import LatencyHistogram, Market, RiskGate
    from xrpfast.net.clock import ClockOffset
    from xrpfast.net.fuse import Fuse
    from xrpfast.venues.gateway import OrderGateway
    from xrpfast.venues.ports import Sink
    from xrpfast.venues.private import AccountStream
    from xrpfast.venues.stream import MarketStream

SECOND_NS: Final = 1_000_000_000
API_TIMEOUT_NS: Final = 10 * SECOND_NS
MARGIN_NS: Final = 2 * SECOND_NS


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

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        """What the venue forbids for a while, to all of this."""
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
        self.fuse.close()
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
        self,
        client_id: str,
        order_id: str | None,
        state: str | None,
        filled: int,
        sure: bool,
        terms: Terms | None = None,
    ) -> QueryResult:
        return QueryResult(
            now_ns=monotonic_ns(),
            wall_ns=time_ns(),
            client_id=client_id,
            venue_order_id=order_id,
            state=state,
            filled_qty=filled,
            authoritative=sure,
            terms=terms,
        )
