"""Limits while a run goes on: tighter at any time, looser never; a restart loosens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import force_setattr, replace

from xrpfast.trading.risk.limits import RiskLimits

if TYPE_CHECKING:
    from xrpfast.trading.events import LimitsSet
    from xrpfast.trading.risk.losses import Losses
    from xrpfast.trading.risk.state import RiskState

LOOSER_BELOW: Final = frozenset(
    {
        "hedge_retry_ns", "min_cash", "hedge_cushion_bps", "hedge_lane", "cancel_reserve",
        "duplicate_window_ns", "drift_window_ns", "breach_window_ns", "loss_window_ns",
        "error_window_ns", "drill_distance_bps",
    }
)  # fmt: skip
"""Limits whose smaller values allow more; of all other numbers the larger ones do."""


def tighten(event: LimitsSet, state: RiskState, losses: Losses) -> None:
    """Sets limits, which everything of one engine shares, if none of them allows more than before.

    Raises ``ValueError``, with nothing set, for one that does or that is none.
    """
    limits = state.limits
    for limit in event.limits:
        before = getattr(limits, limit.name, None)
        if limit.name not in RiskLimits.__struct_fields__ or type(before) is not int:
            raise ValueError(f"{limit.name} is no limit that can be set")
        looser = limit.value < before if limit.name in LOOSER_BELOW else limit.value > before
        if looser:
            raise ValueError(f"{limit.name} would allow more: by a restart only")
    replace(limits, **{limit.name: limit.value for limit in event.limits})  # do they fit together?
    for limit in event.limits:
        force_setattr(limits, limit.name, limit.value)
    state.limits_changed(event.now_ns)
    losses.limits_changed()
