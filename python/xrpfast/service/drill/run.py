"""The whole drill against mock venues: every case, and the report."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Final

from xrpfast import _core
from xrpfast.service.drill.case import Case
from xrpfast.service.drill.cases import CASES
from xrpfast.service.drill.report import (
    FIRST_CANCEL_MS,
    VERIFIED_MS,
    Report,
    Step,
    folder_of,
    keep,
    keep_logs,
    stem,
    subject,
)

if TYPE_CHECKING:
    from xrpfast.config.root import Config

AT_ONCE: Final = 2
"""Cases at a time: much of one is waiting."""
LIMITS: Final = (
    "A case has passed when the engine traded until it was stopped, the venues list none of our "
    "orders and all of the others', no order came after the halt, the engine ended as halted and "
    f"could not be started, the first cancel left within {FIRST_CANCEL_MS / 1000:.0f} s (a "
    "watchdog has its after_ms beside) and all was verified within "
    f"{VERIFIED_MS / 1000:.0f} s; where there is a resume, when the next run traded. Refused: what "
    "the engine wanted to trade after the halt. The edge of each strategy is the demo's at most."
)


async def drill(config: Config, on_step: Callable[[Step], None]) -> tuple[Report, Path]:
    """Runs every case; the report, and where it is kept. ``on_step`` hears of each that ended.

    Raises `FailedError` when the report cannot be written, `UsageError` for ceilings that cannot be
    read.
    """
    wall_ns = time_ns()
    room = asyncio.Semaphore(AT_ONCE)
    names = subject(config)
    folder = folder_of(config)

    async def one(case: type[Case], seed: int) -> Step:
        async with room:
            work = Path(tempfile.mkdtemp(prefix="xrpfast-drill-"))
            try:
                step = await case(config, work).run(seed)
                if not step.passed:
                    keep_logs(work, folder / f"{stem(wall_ns)}-{step.name}")
            finally:
                shutil.rmtree(work, ignore_errors=True)
            on_step(step)
            return step

    steps = await asyncio.gather(*(one(case, seed) for seed, case in enumerate(CASES, 1)))
    report = Report(
        wall_ns=wall_ns, version=_core.__version__, against="mock venues", limits=LIMITS,
        steps=list(steps), passed=all(step.passed for step in steps), **names,
    )  # fmt: skip
    return report, keep(folder, report)
