"""The file of hard limits: what `[risk]` may say at most, kept apart from the configuration."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import create_model, model_validator

from xrpfast.config.loader import parse_as
from xrpfast.config.private import read_owned
from xrpfast.config.risk import RiskSection
from xrpfast.config.section import Section

LOOSER_ABOVE: Final = frozenset(
    {
        "max_order_notional", "max_order_qty", "max_position", "max_gross", "max_book_age_ms",
        "max_pair_skew_ms", "max_signal_age_ms", "max_spread_bps", "max_edge_bps", "collar_bps",
        "drift_bps", "collar_breaches", "max_orders_per_second", "max_cancels_per_second",
        "max_weight_per_minute", "max_working_per_venue", "max_working_per_side",
        "max_working_per_strategy", "hedge_min", "hedge_time_ms", "hedge_loss", "approval_ttl_ms",
        "max_clock_age_s", "max_clock_offset_ms", "max_clock_uncertainty_ms", "drift_dust",
        "max_round_trips", "mark_ms", "max_mark_age_ms", "max_session_loss", "max_strategy_loss",
        "max_drawdown", "max_losing_trades", "max_losses_in_window", "max_venue_errors",
        "max_strategy_rejects", "max_auth_errors", "cancel_after_ms", "drill_notional",
        "silence_halt_ms",
    }
)  # fmt: skip
"""Keys of `[risk]` whose larger values allow more."""
LOOSER_BELOW: Final = frozenset(
    {
        "hedge_retry_ms", "min_cash", "hedge_cushion_bps", "hedge_lane", "cancel_reserve",
        "duplicate_window_ms", "drift_window_ms", "breach_window_s", "loss_window_s",
        "error_window_s", "drill_distance_bps",
    }
)  # fmt: skip
"""Those whose smaller values do: their ceiling is a floor."""
LISTS: Final = frozenset(
    {
        "allowed_venues", "allowed_symbols", "allowed_sides", "allowed_order_types", "allowed_tifs",
        "allowed_strategies",
    }
)  # fmt: skip
"""Those that name what is allowed: nothing beyond the ceiling's list."""
REQUIRED: Final = ("max_order_notional", "max_position", "max_orders_per_second", "hedge_loss")
"""Without these a file bounds no money."""


class _Risk(Section):
    @model_validator(mode="after")
    def _bounds_money(self) -> _Risk:
        missing = [key for key in REQUIRED if getattr(self, key) is None]
        if missing:
            raise ValueError(f"a file of ceilings needs {', '.join(missing)}")
        return self


_FIELDS: Final[dict[str, Any]] = {
    key: (field.rebuild_annotation() | None, None)
    for key, field in RiskSection.model_fields.items()
}
RiskCeilings: Final = create_model(
    "RiskCeilings",
    __base__=_Risk,
    __doc__="The keys of `[risk]`; one that is absent has no ceiling.",
    **_FIELDS,
)


class CeilingsFile(Section):
    """The whole file."""

    risk: RiskCeilings  # type: ignore[valid-type]


class Ceilings(NamedTuple):
    """Hard limits as they were read."""

    path: Path
    sha256: str
    """Of the file's text."""
    risk: Any

    def exceeded(self, risk: RiskSection) -> list[str]:
        """What of ``risk`` allows more than the ceilings do, a line each; empty: nothing does."""
        found = []
        for key in RiskSection.model_fields:
            bound = getattr(self.risk, key)
            if bound is not None:
                found += looser(key, getattr(risk, key), bound, str(self.path))
        return found


def read_ceilings(path: Path) -> Ceilings:
    """The ceilings in ``path``. Raises `UsageError` for a file that others may change, or that is
    not one of ceilings."""
    text = read_owned(path, "ceilings")
    file = parse_as(CeilingsFile, text, f"ceilings {path}")
    return Ceilings(path, hashlib.sha256(text.encode()).hexdigest(), file.risk)


def looser(key: str, value: Any, bound: Any, where: str) -> list[str]:
    """What of a key of `[risk]` allows more than ``bound``, which stands in ``where``."""
    if isinstance(bound, dict):
        return [
            line
            for name, inner in value.items()
            for line in looser(f"{key}.{name}", inner, bound.get(name, Decimal(0)), where)
        ]
    if isinstance(bound, tuple):
        more = sorted(set(value or ()) - set(bound)) if value is not None else ["all of this file"]
        return [f"risk.{key} has {name}, which is not in {where}" for name in more]
    if key in LOOSER_BELOW:
        return [f"risk.{key} = {value} is below {bound}, the least in {where}"] * (value < bound)
    return [f"risk.{key} = {value} is above {bound}, the most in {where}"] * (value > bound)
