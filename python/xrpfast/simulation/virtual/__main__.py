"""`python -m xrpfast.simulation.virtual`: one seed again, or a storm of many."""

from __future__ import annotations

import argparse
import itertools
import sys

import msgspec

from xrpfast.simulation.virtual.storm import STEPS, Failure, one, storm


def main() -> int:
    """Exit code 0: every invariant held. 1: one did not, told with the command that repeats it."""
    parser = argparse.ArgumentParser(prog="python -m xrpfast.simulation.virtual")
    parser.add_argument("--seed", type=int, help="this seed alone, else from 1 on")
    parser.add_argument("--steps", type=int, default=STEPS, help="events before the faults cease")
    parser.add_argument("--trace", action="store_true", help="every event and command")
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=1, help="of the seeds")
    parser.add_argument("--minutes", type=float, help="seeds without end for so long")
    wanted = parser.parse_args()
    if wanted.seed is not None:
        result = one(wanted.seed, wanted.steps, print if wanted.trace else None)
        if isinstance(result, Failure):
            print(result, file=sys.stderr)
            return 1
        print(msgspec.json.format(msgspec.json.encode(result)).decode())
        return 0
    if wanted.minutes is None:
        totals = storm(range(wanted.first, wanted.first + wanted.seeds), wanted.steps)
    else:
        seeds = itertools.count(wanted.first)
        totals = storm(seeds, wanted.steps, seconds=60 * wanted.minutes)
    print(msgspec.json.format(msgspec.json.encode(totals)).decode())
    for failure in totals.failures:
        print(failure, file=sys.stderr)
    return 1 if totals.failures else 0


if __name__ == "__main__":
    sys.exit(main())
