"""A row of the table, and names of the files that many rows speak of."""

from __future__ import annotations

from typing import Final, NamedTuple

from xrpfast.trading.risk.reasons import Refusal

R: Final = Refusal
CHECKS: Final = "trading/risk/checks.py"
HEDGES: Final = "trading/risk/hedges.py"
DRILLS: Final = "trading/risk/drills.py"
RISK: Final = "unit/trading/test_risk.py::"
ENTRY: Final = "unit/trading/test_risk_entry.py::"
BUDGET: Final = "unit/trading/test_risk_budgets.py::"
LOSS: Final = "unit/trading/test_risk_losses.py::"
SILENCE: Final = "unit/trading/test_risk_silence.py::"
BREAKER: Final = "unit/trading/test_risk_breakers.py::"
LEGS: Final = "unit/trading/test_legs.py::"


class Control(NamedTuple):
    """One row."""

    number: int
    """Stable: texts and tests name controls by it."""
    name: str
    checks: str
    breach: str
    where: tuple[str, ...]
    """Modules below the package."""
    tests: tuple[str, ...]
    """Test ids below `tests`; the first is the one that fails when the control is dropped."""
    codes: tuple[Refusal, ...] = ()
    """What its refusals say."""
    keys: tuple[str, ...] = ()
    """Keys of ``[risk]``; others with their table, ``engine.order_timeout_ms``."""
