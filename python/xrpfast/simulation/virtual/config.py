"""What the engine of every run is configured with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from xrpfast.model import MONEY_ONE
from xrpfast.simulation.virtual.loop import MS, SECOND
from xrpfast.simulation.worlds import RULES
from xrpfast.trading.config import ArbitrageParams, EngineConfig, StartBalance
from xrpfast.trading.risk.limits import RiskLimits

if TYPE_CHECKING:
    from xrpfast.simulation.virtual.venue import VirtualVenue
    from xrpfast.trading.config import Carried, Residual
    from xrpfast.trading.states import Latched

LIMITS: Final = RiskLimits(
    max_order_notional=1_000 * MONEY_ONE,
    max_position=300 * MONEY_ONE,
    max_book_age_ns=500 * MS,
    max_pair_skew_ns=300 * MS,
    collar_bps=200,
    max_orders_per_second=10,
    hedge_min=5 * MONEY_ONE,
    hedge_loss=MONEY_ONE // 2,
    # Every control is on; what would end a seed by its number of faults is far away.
    allowed_venues=("binance", "kucoin"),
    allowed_symbols=("XRP/USDT",),
    allowed_strategies=("arb",),
    max_order_qty=300 * MONEY_ONE,
    max_spread_bps=200,
    max_edge_bps=300,
    drift_bps=300,
    drift_window_ns=15 * SECOND,
    mark_ns=5 * SECOND,
    max_mark_age_ns=120 * SECOND,
    max_gross=3_000 * MONEY_ONE,
    min_cash=15 * MONEY_ONE,
    hedge_cushion_bps=450,
    max_working_per_venue=2,
    max_working_per_side=2,
    max_working_per_strategy=2,
    hedge_lane=2,
    max_cancels_per_second=20,
    max_weight_per_minute=20_000,
    cancel_reserve=500,
    duplicate_window_ns=20 * MS,
    max_clock_offset_ns=SECOND,
    max_clock_uncertainty_ns=250 * MS,
    max_round_trips=100_000,
    collar_breaches=100,
    max_session_loss=5_000 * MONEY_ONE,
    max_strategy_loss=5_000 * MONEY_ONE,
    max_drawdown=5_000 * MONEY_ONE,
    max_losing_trades=10_000,
    max_losses_in_window=10_000,
    max_venue_errors=10_000,
    max_strategy_rejects=10_000,
    max_auth_errors=1,
    cancel_after_ns=2 * SECOND,
    silence_halt_ns=3 * SECOND,
)


STRATEGY_NAME: Final = "arb"


def config_of(
    epoch: int,
    venues: Mapping[str, VirtualVenue],
    residuals: tuple[Residual, ...],
    latched: tuple[Latched, ...],
    carried: tuple[Carried, ...],
) -> EngineConfig:
    """Of the run that begins now: its balances are what the venues say at this moment."""
    return EngineConfig(
        environment="v",
        deployment="sim1",
        epoch=epoch,
        books=tuple(RULES.values()),
        risk=LIMITS,
        strategies=(
            ArbitrageParams(
                name=STRATEGY_NAME,
                instrument="XRP/USDT",
                detectors=(0, 1),
                max_qty=400 * MONEY_ONE,
                cooldown_ns=50 * MS,
            ),
        ),
        balances=tuple(
            StartBalance(name, asset, balance.total, balance.locked)
            for name, venue in venues.items()
            for asset, balance in venue.account.balances.items()
        ),
        residuals=residuals,
        latched=latched,
        carried=carried,
        keep_orders=8,  # few: what is told late is told of orders that left memory
        reconcile_ns=10 * SECOND,
    )
