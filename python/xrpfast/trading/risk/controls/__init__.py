"""All controls as one table: what each checks, what follows, its codes and keys, who proves it.

The page docs/risk.md is printed from it (`research.controls`). Tests hold it against the code:
every `Refusal` has a row, every key of ``[risk]`` is read by one, every test that is named exists.
"""

from __future__ import annotations

from typing import Final

from xrpfast.trading.risk.controls import authority, entries, over_time
from xrpfast.trading.risk.controls.row import Control

__all__ = ["CONTROLS", "GROUPS", "Control"]

GROUPS: Final = {
    "Authority and wiring": authority.ROWS,
    "Every order, before it leaves": entries.ROWS,
    "What adds up over time": over_time.ROWS,
}
CONTROLS: Final[tuple[Control, ...]] = (*authority.ROWS, *entries.ROWS, *over_time.ROWS)
