"""Many seeds over all cores, and what they were in sum."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Final

import msgspec

from xrpfast.simulation.virtual.replay import MakeEngine
from xrpfast.simulation.virtual.report import Report
from xrpfast.simulation.virtual.world import World
from xrpfast.trading.engine import Engine

STEPS: Final = 560
"""Events of a seed before its faults cease."""
AHEAD: Final = 4
"""Seeds that wait for each worker."""


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

    def add(self, result: Report | Failure) -> None:
        if isinstance(result, Failure):
            self.failures.append(result)
        else:
            self.report.add(result)


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
    """All seeds, or as many as ``seconds`` allow; ends early when too many fail.

    Raises ``BrokenProcessPool`` when a worker dies: its seeds would never be told of.
    """
    started = monotonic()
    totals = Totals(Report(), 0.0, [])
    count = workers or len(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    left, running = iter(seeds), set[Future[Report | Failure]]()
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        while True:
            for seed in islice(left, AHEAD * count - len(running)):
                running.add(pool.submit(one, seed, steps))
            over = seconds is not None and monotonic() - started > seconds
            if not running or over or len(totals.failures) >= most_failures:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                totals.add(future.result())
        pool.shutdown(cancel_futures=True)
    totals.seconds = monotonic() - started
    return totals


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
