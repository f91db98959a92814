"""A copy of the package in which guards are dropped, one at a time, and tests are run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Final

from tests.mutation.guard import PACKAGE, ROOT, Guard

TESTS_FAILED: Final = 1
"""pytest's exit code; any other but 0 means that it could not run them."""
WITHIN_S: Final = 120
WHOLE_S: Final = 1_800
"""For all tests that any guard names, with none dropped."""
_FAILED: Final = re.compile(r"^FAILED (?:tests/)?(\S+)", re.MULTILINE)
_TIMES: Final = count(1_000_000_000, 10)
"""Each written file has a time of its own: compiled files are found stale by it."""


class Verdict(StrEnum):
    """What the tests said about a guard that was dropped."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    BROKEN = "BROKEN"
    """The tests did not run, which proves nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one guard."""

    guard: Guard
    verdict: Verdict
    failed: tuple[str, ...] = ()
    output: str = ""


class Bench:
    """One copy; not to be used by two at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        package = folder / "xrpfast"
        shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        for native in PACKAGE.glob("_core*.so"):
            (package / native.name).symlink_to(native)

    def drop(self, guard: Guard, tests: list[str] | None = None) -> Outcome:
        """Runs the guard's tests, or others, without it."""
        path = self._folder / "xrpfast" / guard.file
        whole = path.read_text(encoding="utf-8")
        self._write(path, guard.dropped(whole))
        try:
            code, output = self.run(tests or guard.tests, stop=tests is None)
        finally:
            self._write(path, whole)
        failed = tuple(_FAILED.findall(output))
        if code == TESTS_FAILED:
            return Outcome(guard, Verdict.KILLED, failed, output)
        return Outcome(guard, Verdict.BROKEN if code else Verdict.SURVIVED, failed, output)

    def run(self, tests: list[str], *, stop: bool, within_s: float = WITHIN_S) -> tuple[int, str]:
        """pytest's exit code and output, with the copy as the package."""
        command = [
            sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=line",
            "-p", "no:cacheprovider", *(["-x"] if stop else []),
            *(f"tests/{test}" for test in tests),
        ]  # fmt: skip
        env = dict(os.environ) | {
            "PYTHONPATH": str(self._folder),
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self._folder / "compiled"),
        }
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=env, text=True, timeout=within_s, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return TESTS_FAILED, "FAILED tests/(hung)"
        return done.returncode, done.stdout

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        time = next(_TIMES)
        os.utime(path, (time, time))
