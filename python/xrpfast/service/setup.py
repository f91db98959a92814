"""From a configuration to an engine that may start: rules, clocks, balances, books."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from xrpfast._core import Market, RiskGate, SpreadDetector
from xrpfast.config.root import ENVIRONMENTS
from xrpfast.model import (
    MONEY_DECIMALS,
    OrderType,
    Side,
    SymbolRules,
    TimeInForce,
    format_money,
)
from xrpfast.net.clock import ClockOffset
from xrpfast.service.recovery import cancel_strays
from xrpfast.trading.config import ArbitrageParams, Carried, EngineConfig, Residual, StartBalance
from xrpfast.trading.events import Balance
from xrpfast.trading.risk.limits import Dust, RiskLimits
from xrpfast.trading.states import ENGINE, STRATEGY, SYMBOL, VENUE, Latched

if TYPE_CHECKING:
    from xrpfast.config.risk import RiskSection
    from xrpfast.config.root import Config
    from xrpfast.trading.engine import Engine
    from xrpfast.venues.venue import Venue

MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """What one venue said before anything was connected."""

    clock: ClockOffset
    rules: list[SymbolRules]
    balances: list[Balance]


async def look(venue: Venue, instruments: Sequence[str], prefix: str, epoch: int) -> Found:
    """Asks one venue for all that is needed; orders of earlier runs that still work are cancelled.

    Raises `FailedError` when an order works there that can only be a second engine's.
    """
    clock = await venue.sync_clock()
    rules = [await venue.rules(instrument) for instrument in instruments]
    venue.know(prefix, rules)
    for rule in rules:
        await cancel_strays(venue, rule.venue_symbol, prefix, epoch)
    return Found(clock, rules, await venue.balances())


async def look_everywhere(
    venues: Sequence[Venue], instruments: Sequence[str], prefix: str, epoch: int
) -> list[Found]:
    """All venues at once; the first failure ends the others, and is what is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(look(venue, instruments, prefix, epoch)) for venue in venues]
    except BaseExceptionGroup as failed:
        error: BaseException = failed
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
    return [task.result() for task in tasks]


def scopes(config: Config) -> frozenset[str]:
    """What a person can halt of this engine, as `trading.states` names it."""
    venues = [v.name for v in (config.venues.binance, config.venues.kucoin) if v.enabled]
    return frozenset(
        (
            ENGINE,
            *(VENUE + name for name in venues),
            *(STRATEGY + strategy.name for strategy in config.strategies),
            *(SYMBOL + name for name in config.instruments),
        )
    )


def money(value: Decimal) -> int:
    """Money of an exact decimal, finer parts cut off."""
    return int(value.scaleb(MONEY_DECIMALS).to_integral_value(ROUND_FLOOR))


def limits(section: RiskSection, order_timeout_ms: int, strategies: Iterable[str]) -> RiskLimits:
    """The limits in the units of the engine. ``strategies``: those that the file names."""
    allowed = section.allowed_strategies
    return RiskLimits(
        allowed_venues=section.allowed_venues,
        allowed_symbols=section.allowed_symbols,
        allowed_sides=tuple(int(Side[side]) for side in section.allowed_sides),
        allowed_order_types=tuple(int(OrderType[kind]) for kind in section.allowed_order_types),
        allowed_tifs=tuple(int(TimeInForce[tif]) for tif in section.allowed_tifs),
        allowed_strategies=tuple(strategies) if allowed is None else allowed,
        max_order_notional=money(section.max_order_notional),
        max_order_qty=money(section.max_order_qty),
        max_position=money(section.max_position),
        max_gross=money(section.max_gross),
        min_cash=money(section.min_cash),
        hedge_cushion_bps=section.hedge_cushion_bps,
        max_book_age_ns=section.max_book_age_ms * MILLISECOND_NS,
        max_pair_skew_ns=section.max_pair_skew_ms * MILLISECOND_NS,
        signal_ttl_ns=section.max_signal_age_ms * MILLISECOND_NS,
        drill_notional=money(section.drill_notional),
        drill_distance_bps=section.drill_distance_bps,
        max_spread_bps=section.max_spread_bps,
        max_edge_bps=section.max_edge_bps,
        collar_bps=section.collar_bps,
        drift_bps=section.drift_bps,
        drift_window_ns=section.drift_window_ms * MILLISECOND_NS,
        collar_breaches=section.collar_breaches,
        breach_window_ns=section.breach_window_s * SECOND_NS,
        max_orders_per_second=section.max_orders_per_second,
        hedge_lane=section.hedge_lane,
        max_cancels_per_second=section.max_cancels_per_second,
        max_weight_per_minute=section.max_weight_per_minute,
        cancel_reserve=section.cancel_reserve,
        duplicate_window_ns=section.duplicate_window_ms * MILLISECOND_NS,
        max_working_per_venue=section.max_working_per_venue,
        max_working_per_side=section.max_working_per_side,
        max_working_per_strategy=section.max_working_per_strategy,
        ack_timeout_ns=order_timeout_ms * MILLISECOND_NS,
        max_clock_age_ns=section.max_clock_age_s * SECOND_NS,
        max_clock_offset_ns=section.max_clock_offset_ms * MILLISECOND_NS,
        max_clock_uncertainty_ns=section.max_clock_uncertainty_ms * MILLISECOND_NS,
        drift_dust=tuple(Dust(asset, money(dust)) for asset, dust in section.drift_dust.items()),
        hedge_min=money(section.hedge_min),
        hedge_time_ns=section.hedge_time_ms * MILLISECOND_NS,
        hedge_retry_ns=section.hedge_retry_ms * MILLISECOND_NS,
        hedge_loss=money(section.hedge_loss),
        max_round_trips=section.max_round_trips,
        mark_ns=section.mark_ms * MILLISECOND_NS,
        max_mark_age_ns=section.max_mark_age_ms * MILLISECOND_NS,
        max_session_loss=money(section.max_session_loss),
        max_strategy_loss=money(section.max_strategy_loss),
        max_drawdown=money(section.max_drawdown),
        max_losing_trades=section.max_losing_trades,
        max_losses_in_window=section.max_losses_in_window,
        loss_window_ns=section.loss_window_s * SECOND_NS,
        max_venue_errors=section.max_venue_errors,
        max_strategy_rejects=section.max_strategy_rejects,
        max_auth_errors=section.max_auth_errors,
        error_window_ns=section.error_window_s * SECOND_NS,
        cancel_after_ns=section.cancel_after_ms * MILLISECOND_NS,
        silence_halt_ns=section.silence_halt_ms * MILLISECOND_NS,
    )


@dataclass(frozen=True, slots=True)
class Built:
    """The parts that the driver stands on."""

    config: EngineConfig
    market: Market
    gate: RiskGate
    not_traded: tuple[Residual, ...]
    """What earlier runs left of instruments that this run does not trade: nothing hedges it."""
    books: dict[str, dict[int, SymbolRules]]
    """Venue -> native book id -> rules."""


def build(
    config: Config,
    venues: Sequence[Venue],
    found: Sequence[Found],
    epoch: int,
    residuals: tuple[Residual, ...],
    latched: tuple[Latched, ...] = (),
    carried: tuple[Carried, ...] = (),
    *,
    armed: bool,
) -> Built:
    """Registers books and detectors and writes down what decides.

    ``residuals``: of all instruments, also of those that are not traded any more.
    """
    market = Market()
    rules: list[SymbolRules] = []
    books: dict[str, dict[int, SymbolRules]] = {}
    for venue, said in zip(venues, found, strict=True):
        books[venue.name] = {}
        market.set_clock(venue.name, said.clock.mono_ns)
        for rule in said.rules:
            book = market.add_book(
                rule.venue,
                rule.venue_symbol,
                price_decimals=rule.price_decimals,
                qty_decimals=rule.qty_decimals,
                tick=rule.tick,
                lot=rule.lot,
                min_qty=rule.min_qty,
                max_qty=rule.max_qty,
                min_notional=rule.min_notional,
                taker_rate=rule.taker_rate,
            )
            assert book == len(rules)
            books[venue.name][book] = rule
            rules.append(rule)
    strategies = []
    for section in config.strategies:
        edge = int((section.min_edge_bps * 10_000).to_integral_value(ROUND_CEILING))
        detectors = tuple(
            market.add_detector(SpreadDetector(edge, section.max_qty), buy, sell)
            for buy, here in enumerate(rules)
            for sell, there in enumerate(rules)
            if here.venue != there.venue
            and here.instrument == there.instrument == section.instrument
        )
        strategies.append(
            ArbitrageParams(
                name=section.name,
                instrument=section.instrument,
                detectors=detectors,
                max_qty=money(section.max_qty),
                cooldown_ns=section.cooldown_ms * MILLISECOND_NS,
            )
        )
    engine_config = EngineConfig(
        environment=ENVIRONMENTS[config.mode],
        deployment=config.engine.deployment,
        epoch=epoch,
        armed=armed,
        books=tuple(rules),
        risk=limits(
            config.risk,
            config.engine.order_timeout_ms,
            [section.name for section in config.strategies],
        ),
        strategies=tuple(strategies),
        residuals=tuple(left for left in residuals if left.instrument in config.instruments),
        latched=latched,
        carried=carried,
        reconcile_ns=config.engine.reconcile_s * 1000 * MILLISECOND_NS,
        balances=tuple(
            StartBalance(
                balance.venue, balance.asset, balance.free + balance.locked, balance.locked
            )
            for said in found
            for balance in said.balances
        ),
    )
    gate = RiskGate(config.risk.approval_ttl_ms * MILLISECOND_NS)
    not_traded = tuple(left for left in residuals if left.instrument not in config.instruments)
    return Built(engine_config, market, gate, not_traded, books)


def missing_of(engine: Engine, built: Built) -> list[str]:
    """What keeps an engine from trading: links, comparisons, books."""
    missing = []
    for name, venue in engine.context.venues.items():
        missing += [f"{name} {link}" for link, up in venue.links.items() if not up]
        if not venue.reconciled:
            missing.append(f"{name} is not reconciled")
    for book, rules in enumerate(built.config.books):
        state = built.market.state(book)
        if state != "LIVE":
            missing.append(f"{rules.venue} book is {state}")
    return missing


def not_traded(residuals: Iterable[Residual]) -> list[str]:
    """For a person: what earlier runs left that this one does not touch."""
    said = []
    for left in residuals:
        name, base = left.instrument, left.instrument.partition("/")[0]
        said.append(
            f"{format_money(left.amount)} {base} of {name} is left from earlier runs and {name} is "
            f"not traded: close it by hand, stop, then "
            f"`resume --hedged {name}={format_money(-left.amount)}`"
        )
    return said
