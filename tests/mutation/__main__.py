"""`python -m tests.mutation [WORD]…`: drops every guard, or those whose name has one of the words.

Fails unless every guard is killed and every text is still in the source. ``--find FILE…`` runs
whole test files and prints which fail: the tests to name for a new guard.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutation.bench import WHOLE_S, Bench, Outcome, Verdict
from tests.mutation.guard import Guard, every
from tests.support.reliability import write_numbers


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument(
        "--lists", nargs="+", default=(), metavar="NAME", help="of tests/mutation/guards"
    )
    parser.add_argument("--find", nargs="+", default=None, metavar="FILE")
    given = parser.parse_args(arguments)
    listed = every(names=given.lists)
    guards = [g for g in listed if not given.words or any(w in g.name for w in given.words)]
    drifted = [(guard, why) for guard in guards if (why := guard.drift())]
    if given.find is None:
        for guard, why in drifted:
            say(f"DRIFTED   {guard.name}: {why}")
    gone = {id(guard) for guard, _ in drifted} if given.find is None else set()
    started = time.monotonic()
    outcomes = run([guard for guard in guards if id(guard) not in gone], given.find)
    seconds = time.monotonic() - started
    killed = sum(outcome.verdict is Verdict.KILLED for outcome in outcomes)
    say(f"{killed} of {len(guards)} guards killed, {seconds:.0f} s")
    if not given.words and not given.lists and given.find is None:
        files = sorted({guard.file for guard in guards})
        write_numbers("mutation", {"guards": len(guards), "killed": killed, "files": files})
    return 0 if guards and killed == len(guards) else 1


def run(guards: list[Guard], find: list[str] | None) -> list[Outcome]:
    """Every guard on one of as many copies as there are processors."""
    workers = min(os.cpu_count() or 1, 8)
    with tempfile.TemporaryDirectory() as folder:
        benches: SimpleQueue[Bench] = SimpleQueue()
        for number in range(workers):
            benches.put(Bench(Path(folder) / str(number)))
        if find is None and not whole(benches, guards):
            return []

        def one(guard: Guard) -> Outcome:
            bench = benches.get()
            try:
                outcome = bench.drop(guard, find)
            finally:
                benches.put(bench)
            say(f"{outcome.verdict:9} {guard.name}")
            if find is not None:
                say("".join(f"          {test}\n" for test in outcome.failed))
            if outcome.verdict is Verdict.BROKEN:
                say(outcome.output)
            return outcome

        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(one, guards))


def whole(benches: SimpleQueue[Bench], guards: list[Guard]) -> bool:
    """Whether all named tests pass while nothing is dropped: else their failing means nothing."""
    tests = sorted({test for guard in guards for test in guard.tests})
    bench = benches.get()
    code, output = bench.run(tests, stop=False, within_s=WHOLE_S)
    benches.put(bench)
    if code:
        say(f"the tests fail with every guard in place:\n{output}")
    return not code


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
