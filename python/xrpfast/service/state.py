"""The engine's state as one plain object for people: decimal texts, microseconds, milliseconds."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from itertools import islice, permutations
from typing import TYPE_CHECKING, Any, Final

from xrpfast._core import format_units
from xrpfast.model import Side, format_money
from xrpfast.service.flatten import outcome

if TYPE_CHECKING:
    from xrpfast._core import Market
    from xrpfast.model import SymbolRules
    from xrpfast.records.identity import Identity
    from xrpfast.service.driver import Driver
    from xrpfast.service.loopguard import LoopGuard
    from xrpfast.trading.orders import Order
    from xrpfast.trading.reconcile import Round

LEVELS: Final = 5
LAST_ALERTS: Final = 10
_BPS: Final = 10_000


def state_object(
    driver: Driver,
    market: Market,
    guard: LoopGuard,
    epoch: int,
    identity: Identity,
    last_orders: int,
) -> dict[str, Any]:
    """What `control.sock` answers to ``state``, with so many of the newest orders."""
    engine = driver.engine
    desk, books = engine.orders, engine.config.books
    quote = books[0].quote
    return {
        "epoch": epoch,
        "identity": identity._asdict(),
        "trading": engine.context.trading.value,
        "scopes": {scope: state.value for scope, state in engine.context.states.closed().items()},
        "failed": driver.failed,
        "venues": {name: _venue(state) for name, state in engine.reconciler.rounds.items()},
        "books": [_book(market, index, rules) for index, rules in enumerate(books)],
        "spread": _spreads(market, books),
        "orders": [_order(order, books[order.book]) for order in _last(desk.orders, last_orders)],
        "working": len(desk.unsettled),
        "unsettled": [
            {"id": order.client_id, "venue": order.venue, "state": order.state.value}
            for order in desk.unsettled.values()
        ],
        "balances": _balances(driver),
        "imbalances": {
            name: format_money(engine.legs.imbalance(at))
            for at, name in enumerate(engine.context.instruments)
        },
        "flatten": outcome(engine),
        "counts": {
            "orders": desk.counts["orders"],
            "fills": desk.counts["fills"],
            "opportunities": engine.opportunities,
            "refused": dict(engine.refused),
            "ignored": dict(engine.ignored),
            "unknown": desk.counts["unknown"],
            "anomalies": desk.counts["anomalies"],
            "guarded": driver.guarded,
            "malformed": driver.malformed,
        },
        "market": market.counters(),
        "pnl": {"quote": format_money(engine.portfolio.pnl(quote)), "asset": quote},
        "latency_us": driver.latencies.microseconds(),
        "loop_gap_ms_max": guard.largest_gap_ns / 1e6,
        "alerts": [f"{level}: {text}" for level, text in _last_alerts(driver)],
    }


def _venue(state: Round) -> dict[str, Any]:
    venue = state.venue
    return {
        "open": venue.open,
        "closed_by": "" if venue.open else venue.closed_by().value,
        "reconcile": state.step.value,
        "round": state.number,
        "foreign": state.foreign,
    }


def _last(orders: dict[str, Order], most: int) -> list[Order]:
    return list(deque(islice(reversed(orders.values()), most)))[::-1]


def _last_alerts(driver: Driver) -> list[tuple[str, str]]:
    return list(driver.alerts)[-LAST_ALERTS:]


def _book(market: Market, index: int, rules: SymbolRules) -> dict[str, Any]:
    bids, asks = market.depth(index, LEVELS)

    def texts(levels: list[tuple[int, int]]) -> list[list[str]]:
        return [
            [format_units(price, rules.price_decimals), format_units(qty, rules.qty_decimals)]
            for price, qty in levels
        ]

    return {
        "venue": rules.venue,
        "instrument": rules.instrument,
        "state": market.state(index),
        "bids": texts(bids),
        "asks": texts(asks),
    }


def _balances(driver: Driver) -> dict[str, dict[str, str]]:
    """Venue -> asset -> what the books say is there, locked parts included."""
    found: dict[str, dict[str, str]] = {}
    for (venue, asset), amount in driver.engine.portfolio.balances().items():
        found.setdefault(venue, {})[asset] = format_money(amount)
    return found


def _order(order: Order, rules: SymbolRules) -> dict[str, Any]:
    return {
        "id": order.client_id,
        "venue": order.venue,
        "side": Side(order.side).name,
        "price": format_units(order.price, rules.price_decimals),
        "qty": format_units(order.qty, rules.qty_decimals),
        "filled": format_units(order.filled, rules.qty_decimals),
        "state": order.state.value,
    }


def _spreads(market: Market, books: tuple[SymbolRules, ...]) -> dict[str, str]:
    """Buy venue > sell venue: best bid there over best ask here, before fees, in 0.01 %."""
    spreads = {}
    for (buy, here), (sell, there) in permutations(enumerate(books), 2):
        if here.instrument != there.instrument:
            continue
        buy_top, sell_top = market.top(buy), market.top(sell)
        if buy_top is None or sell_top is None:
            continue
        ask = Decimal(buy_top[2]).scaleb(-here.price_decimals)
        bid = Decimal(sell_top[0]).scaleb(-there.price_decimals)
        spreads[f"{here.venue}>{there.venue}"] = f"{(bid - ask) / ask * _BPS:.2f}"
    return spreads
