"""A venue behind one shape: what the service prepares, wires and asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, Protocol

from xrpfast.model import SymbolRules
from xrpfast.trading.events import AnyEvent, Balance, Fill, OpenOrder, QueryResult, Terms
from xrpfast.venues.account_state import AccountState, Owners, Question, Trade, moves_of
from xrpfast.venues.private import Ours

if TYPE_CHECKING:
    from xrpfast._core import LatencyHistogram, Market, RiskGate
    from xrpfast.net.clock import ClockOffset
    from xrpfast.net.fuse import Fuse
    from xrpfast.venues.canceller import CancelOnly
    from xrpfast.venues.gateway import OrderGateway
    from xrpfast.venues.permissions import Permissions
    from xrpfast.venues.ports import Sink
    from xrpfast.venues.private import AccountStream
    from xrpfast.venues.reach import Way
    from xrpfast.venues.stream import MarketStream

SECOND_NS: Final = 1_000_000_000
API_TIMEOUT_NS: Final = 10 * SECOND_NS
"""What a venue has taken it may still work on for so long."""
MARGIN_NS: Final = 2 * SECOND_NS
CLOCKS_NS: Final = 60 * SECOND_NS
"""An account's trades are read from so long before an order on: clocks differ."""


class Wiring(NamedTuple):
    """What a venue's sockets are built with."""

    market: Market
    gate: RiskGate
    sink: Sink
    books: Mapping[int, SymbolRules]
    prefix: str
    acks: LatencyHistogram


class Protection(Protocol):
    """A promise of the venue that holds only while we are heard of."""

    async def run(self) -> NoReturn:
        """Keeps it up until cancelled."""

    async def end(self) -> None:
        """Gives it back: no order of ours works any more."""


class Venue:
    """One venue of this process."""

    name = ""
    trades_reach_ns: int | None = None
    """How far back the list of an account's trades reaches; None: to the first one."""
    orders: OrderGateway
    stream: MarketStream
    account: AccountStream
    protection: Protection | None = None
    """What makes the venue cancel our orders when we are gone; None where there is no such thing.
    Built with the sockets."""

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

    def remember(self, owners: Iterable[tuple[str, str]]) -> None:
        """(The venue's order id, client id) of orders of earlier runs: not asked for then."""
        for order_id, client_id in owners:
            self._owners.put(order_id, client_id)

    def cancel_only(self, instruments: Sequence[str]) -> CancelOnly:
        """The same account for who may only cancel: connections of its own, our key and fuse."""
        raise NotImplementedError

    async def sync_clock(self) -> ClockOffset:
        """Measures the venue's clock and stamps later requests by it."""
        raise NotImplementedError

    async def permissions(self) -> Permissions:
        """What our key may do there. `sync_clock` comes first."""
        raise NotImplementedError

    async def reach(self) -> list[Way]:
        """Goes every way to the venue that a run would go. Never raises for what is not there."""
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
        """The account's trades: of our orders as fills, also of those that are over or that the
        venue had refused; of others' as moves of balances."""
        since_ms = (question.fills_since_ns + self.wall_offset_ns) // 1_000_000
        events: list[AnyEvent] = []
        named = {order.client_id for order in question.named}
        for row in await self._trades_since(symbol, since_ms):
            order_id = str(row["orderId"])
            ours = question.owner(order_id)
            client_id = ours or await self._owner(symbol, order_id)
            now_ns, wall_ns = monotonic_ns(), time_ns()
            if ours or client_id in named or question.own(client_id):
                events.append(self._fill(row, client_id, now_ns, wall_ns))
            else:
                rules = self._ours.rules[symbol]
                events += moves_of(self._trade(row), rules, client_id, now_ns, wall_ns)
        return events

    async def _owner(self, symbol: str, order_id: str) -> str:
        """The client id of the order that a trade was of: asked for once."""
        known = self._owners.get(order_id)
        if known is None:
            known = self._owners.put(order_id, await self._client_id(symbol, order_id))
        return known

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
        self, symbol: str, client_id: str, created_ns: int, late: bool, asked_wall_ns: int
    ) -> QueryResult:
        """The venue did not find an order; ``late``: nothing of it can be on its way any more.

        A replica that lags does not find what is there. So the word counts only when another
        signed call succeeds and does not list the order as working, and when whatever the order
        did would be known: because the private stream has told all since it was made, or, before a
        run, when no stream ever stood, because the account's trades since then were read to the
        end and none is of it.
        """
        working = [order.client_id for order in await self.open_orders(symbol)]
        sure = late and client_id not in working
        account: AccountStream | None = getattr(self, "account", None)
        if sure and account is not None:
            sure = account.heard_all_since(created_ns)
        elif sure:
            sure = await self._never_traded(symbol, client_id, created_ns)
        return self._result(client_id, None, None, 0, sure, asked_wall_ns=asked_wall_ns)

    def forgets(self, created_ns: int) -> bool:
        """Whether an order is older (monotonic) than the account's trades that can be read."""
        reach_ns = self.trades_reach_ns
        return reach_ns is not None and monotonic_ns() - created_ns + CLOCKS_NS > reach_ns

    async def _never_traded(self, symbol: str, client_id: str, created_ns: int) -> bool:
        """Whether the account's own trades since the order was made show that none is of it.

        Raises `XrpfastError` when they, or whose they are, cannot be read.
        """
        if self.forgets(created_ns):
            return False
        age_ns = monotonic_ns() - created_ns + CLOCKS_NS
        since_ms = (time_ns() - age_ns + self.wall_offset_ns) // 1_000_000
        orders = {str(row["orderId"]) for row in await self._trades_since(symbol, since_ms)}
        for order_id in orders:
            if await self._owner(symbol, order_id) == client_id:
                return False
        return True

    def _result(
        self,
        client_id: str,
        order_id: str | None,
        state: str | None,
        filled: int,
        sure: bool,
        terms: Terms | None = None,
        asked_wall_ns: int = 0,
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
            asked_wall_ns=asked_wall_ns,
        )
