"""All that a venue knows of us, read from the mock venues: every page, ours and others' apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any

import pytest

from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.model import Side
from xrpfast.simulation.orders import NewOrder
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.events import Balance, BalanceMoved, Fill, QueryResult
from xrpfast.venues.account_state import AccountState, Named, Question
from xrpfast.venues.binance import rest as binance_rest
from xrpfast.venues.binance.account import parse_event
from xrpfast.venues.kucoin import rest as kucoin_rest
from xrpfast.venues.outcome import VenueError
from xrpfast.venues.private import Ours
from xrpfast.venues.registry import enabled
from xrpfast.venues.venue import Venue

PREFIX = "xddemo"
VENUES = ["binance", "kucoin"]
OURS = f"{PREFIX}5-0a"


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=3) as running:
        running.flow.pause()
        yield running


@asynccontextmanager
async def ready(mock: MockVenues, name: str) -> AsyncIterator[Venue]:
    """The venue as it is before its sockets are built."""
    made = enabled(build(demo_values(Path("/nowhere"), mock.line), "test").venues)
    (venue,) = [one for one in made if one.name == name]
    await venue.sync_clock()
    venue.know(PREFIX, [await venue.rules("XRP/USDT")])
    yield venue
    for one in made:
        await one.close()


def place(mock: MockVenues, venue: str, client_id: str, qty: int, *, price: int = 0) -> Any:
    """An order of the customer: a buy that takes, at its price else; in whole XRP."""
    exchange = mock.faces[venue].exchange
    account = exchange.accounts[mock.line["venues"][venue]["api_key"]]
    best = exchange.matching.best(Side.SELL)
    assert best is not None
    units = qty * 10**exchange.rules.qty_decimals
    limit = price or best[0] + 200 * exchange.rules.tick
    new = NewOrder(client_id=client_id, side=Side.BUY, price=limit, qty=units)
    return exchange.place(account, new)


async def ask(
    venue: Venue, *named: str, known: dict[str, str] | None = None, since_ns: int = 0
) -> AccountState:
    (symbol,) = venue._ours.rules
    return await venue.account_state(
        Question(
            [Named(client_id, symbol, monotonic_ns()) for client_id in named],
            since_ns or time_ns() - 60 * 10**9,
            (known or {}).get,
            lambda client_id: client_id.startswith(f"{PREFIX}5-z"),
        )
    )


def of(state: AccountState, kind: Any) -> list[Any]:
    return [event for event in state.events if isinstance(event, kind)]


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("limit", [1, 2, 3, 1_000])
async def test_every_page_of_the_fills_is_read_once(
    mock: MockVenues, monkeypatch: pytest.MonkeyPatch, venue: str, limit: int
) -> None:
    monkeypatch.setattr(binance_rest, "TRADES_LIMIT", limit)
    monkeypatch.setattr(kucoin_rest, "FILLS_LIMIT", min(limit, 100))
    place(mock, venue, OURS, 6_000)
    place(mock, venue, f"{PREFIX}5-1a", 10)
    face = mock.faces[venue].exchange
    mine = [fill for fill in face.fills if fill.order.client_id == OURS]
    assert len(mine) >= 4
    async with ready(mock, venue) as one:
        state = await ask(one, OURS, f"{PREFIX}5-1a")
    fills = of(state, Fill)
    told = {(fill.client_id, fill.trade_id) for fill in fills}
    own = [fill for fill in face.fills if fill.order.client_id.startswith(PREFIX)]
    assert told == {(fill.order.client_id, str(fill.trade_id)) for fill in own}
    ours = {fill.trade_id: fill for fill in fills if fill.client_id == OURS}
    assert sum(fill.qty for fill in ours.values()) == sum(fill.qty for fill in mine)
    assert {f.fee for f in ours.values()} == {fill.fee for fill in mine}
    assert not any(fill.fee_estimated for fill in fills)
    results = of(state, QueryResult)
    assert [result.client_id for result in results] == [OURS, f"{PREFIX}5-1a"]
    assert {b.asset for b in of(state, Balance)} >= {"XRP", "USDT"}
    order = [type(event).__name__ for event in state.events]
    assert max(at for at, kind in enumerate(order) if kind == "Fill") < order.index("Balance")


@pytest.mark.parametrize("venue", VENUES)
async def test_trades_of_others_are_moves_of_exactly_what_they_changed(
    mock: MockVenues, venue: str
) -> None:
    exchange = mock.faces[venue].exchange
    account = exchange.accounts[mock.line["venues"][venue]["api_key"]]
    before = {asset: held.total for asset, held in account.balances.items()}
    known = place(mock, venue, OURS, 10)
    after = {asset: held.total for asset, held in account.balances.items()}
    place(mock, venue, "by-hand", 5_000)
    place(mock, venue, "another", 7)
    place(mock, venue, f"{PREFIX}5-zza", 7)  # of this run, long over
    spent = [f for f in exchange.fills if f.order.client_id == f"{PREFIX}5-zza"]
    async with ready(mock, venue) as one:
        told = of(await ask(one, OURS), Fill)
        (first,) = {f.venue_order_id for f in told if f.client_id == OURS}
        state = await ask(one, known={first: OURS})
        again = await ask(one, known={first: OURS})
    assert {fill.client_id for fill in of(state, Fill)} == {OURS, f"{PREFIX}5-zza"}
    moves = of(state, BalanceMoved)
    assert [m.move_id for m in moves] == [m.move_id for m in of(again, BalanceMoved)]
    assert len({m.move_id for m in moves}) == len(moves)
    assert {word for m in moves for word in m.reason.split() if word in ("by-hand", "another")}
    for asset in before:
        total = sum(m.delta for m in moves if m.asset == asset)
        total += _effect(exchange.rules, spent, asset)
        assert account.balances[asset].total - after[asset] == total, asset
    assert known is not None


def _effect(rules: Any, fills: list[Any], asset: str) -> int:
    total = 0
    for fill in fills:
        if asset == rules.base:
            total += rules.qty_money(fill.qty)
        if asset == rules.quote:
            total -= rules.notional(fill.price, fill.qty)
        if asset == fill.fee_asset:
            total -= fill.fee
    return total


@pytest.mark.parametrize("venue", VENUES)
async def test_working_orders_are_listed_with_their_amounts(mock: MockVenues, venue: str) -> None:
    rules = mock.faces[venue].exchange.rules
    low = 15 * 10 ** (rules.price_decimals - 1)
    place(mock, venue, OURS, 20, price=low)
    place(mock, venue, "by-hand", 30, price=low)
    async with ready(mock, venue) as one:
        state = await ask(one, OURS)
    assert state.closed == ""
    found = {order.client_id: order for order in state.open_orders}
    assert set(found) == {OURS, "by-hand"}
    ours = found[OURS]
    assert (ours.instrument, ours.side, ours.price) == ("XRP/USDT", 0, low)
    assert (ours.qty, ours.filled_qty) == (20 * 10**rules.qty_decimals, 0)
    (result,) = of(state, QueryResult)
    assert (result.state, result.venue_order_id) == ("OPEN", ours.venue_order_id)


@pytest.mark.parametrize(
    ("venue", "status"),
    [
        ("binance", "HALT"),
        ("binance", "CANCEL_ONLY"),
        ("kucoin", "cancelonly"),
        ("kucoin", "close"),
    ],
)
async def test_a_closed_market_is_told(mock: MockVenues, venue: str, status: str) -> None:
    async with ready(mock, venue) as one:
        mock.faults.add(
            {"venue": venue, "channel": "venue", "action": "status", "params": {"status": status}}
        )
        assert status in (await ask(one)).closed
        mock.faults.clear()
        assert (await ask(one)).closed == ""


@pytest.mark.parametrize(
    "route", ["GET /api/v3/openOrders", "GET /api/v3/myTrades", "GET /api/v3/account",
              "GET /api/v3/exchangeInfo"],
)  # fmt: skip
async def test_a_part_that_cannot_be_read_spoils_the_whole(mock: MockVenues, route: str) -> None:
    async with ready(mock, "binance") as one:
        mock.faults.add(
            {"venue": "binance", "channel": "rest", "action": "reply", "match": {"route": route},
             "params": {"status": 502, "body": "bad gateway"}}
        )  # fmt: skip
        with pytest.raises(VenueError, match="502"):
            await ask(one)


def test_deposits_and_locks_of_binance_are_moves() -> None:
    ours = Ours(PREFIX, ())
    event = {"e": "balanceUpdate", "E": 5, "a": "XRP", "d": "-12.50000000", "T": 4}
    (moved,) = parse_event(event, ours, 7, 8)
    assert isinstance(moved, BalanceMoved)
    assert (moved.venue, moved.asset, moved.delta) == ("binance", "XRP", -125 * 10**17)
    (locked,) = parse_event(event | {"e": "externalLockUpdate"}, ours, 7, 8)
    assert isinstance(locked, BalanceMoved)
    assert locked.delta == 0, "free and locked together are what they were"
    assert locked.move_id != moved.move_id
