"""Many seeds over all cores, and what they were in sum."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

import msgspec

from xrpfast.simulation.virtual.replay import MakeEngine
from xrpfast.simulation.virtual.report import Report
from xrpfast.simulation.virtual.world import World
from xrpfast.trading.engine import Engine

STEPS: Final = 640
"""Events of a seed before its faults cease."""


class Failure(msgspec.Struct, frozen=True):
    """A seed in which something did not hold."""

    seed: int
    steps: int
    text: str

    def __str__(self) -> str:
        command = f"python -m xrpfast.simulation.virtual --seed {self.seed} --steps {self.steps}"
        return f"seed {self.seed}: {self.text}\n  reproduce: {command} --trace"


class Totals(msgspec.Struct):
    """What all seeds were in sum."""

    report: Report
    seconds: float
    failures: list[Failure]


def one(
    seed: int,
    steps: int = STEPS,
    trace: Callable[[str], None] | None = None,
    make: MakeEngine = Engine,
) -> Report | Failure:
    """One seed."""
    with tempfile.TemporaryDirectory(prefix="xrpfast-storm-", dir=_memory()) as folder:
        try:
            return World(seed, steps, Path(folder), trace, make).run()
        except AssertionError as error:
            return Failure(seed, steps, str(error) or traceback.format_exc())
        except Exception:
            return Failure(seed, steps, traceback.format_exc())


def storm(
    seeds: Iterable[int], steps: int = STEPS, *, seconds: float | None = None,
    most_failures: int = 3, workers: int | None = None,
) -> Totals:  # fmt: skip
    """All seeds, or as many as ``seconds`` allow; ends early when too many fail."""
    started = monotonic()
    totals = Totals(Report(), 0.0, [])
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers or len(os.sched_getaffinity(0))) as pool:
        work = partial(one, steps=steps)
        for result in pool.imap_unordered(work, seeds, chunksize=4):
            if isinstance(result, Failure):
                totals.failures.append(result)
                if len(totals.failures) >= most_failures:
                    break
            else:
                totals.report.add(result)
            # The pool is far ahead in the seeds: what waits there is given up.
            if seconds is not None and monotonic() - started > seconds:
                break
    totals.seconds = monotonic() - started
    return totals


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
