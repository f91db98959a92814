"""`python -m tests.shards [pytest options]`: all tests, in parts that run at the same time.

Most of a test with real sockets and processes is waiting: one part after the other would take five
times as long. A part prints when it has ended; the exit code is 1 when one of them failed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, NamedTuple

AT_ONCE = 4
"""Parts: of more the processors have not enough, and what waits for them is late."""


class Part(NamedTuple):
    """Test files that run one after the other."""

    folders: tuple[str, ...]
    number: int = 0
    of: int = 1
    """Files of the folders are dealt out to ``of`` parts; this one is the ``number``th."""

    def files(self) -> list[str]:
        found = sorted(path for folder in self.folders for path in tests_in(folder))
        return [str(path) for path in found[self.number :: self.of]]


PARTS = (
    Part(("crash",), 1, 2),
    Part(("simulation", "paper")),
    *(Part(("service",), number, 3) for number in range(3)),
    Part(("crash",), 0, 2),
    Part(("unit", "property")),
    Part(("venues", "conformance")),
)
"""The longest first; those that compute rather than wait are not side by side."""


def tests_in(folder: str) -> list[Path]:
    return list((Path("tests") / folder).glob("**/test_*.py"))


def main(options: list[str]) -> int:
    folders = {path.name for path in Path("tests").iterdir() if tests_in(path.name)}
    left_out = folders - {folder for part in PARTS for folder in part.folders}
    if left_out:
        raise SystemExit(f"no part has {', '.join(sorted(left_out))}")
    waiting = list(PARTS)
    running: list[tuple[subprocess.Popen[str], IO[str]]] = []
    code = 0
    while running or waiting:
        while waiting and len(running) < AT_ONCE:
            running.append(start(waiting.pop(0), options))
        for process, output in [each for each in running if each[0].poll() is not None]:
            output.seek(0)
            sys.stdout.write(output.read())
            sys.stdout.flush()
            code = code or int(process.returncode != 0)
            running.remove((process, output))
        time.sleep(0.2)
    return code


def start(part: Part, options: list[str]) -> tuple[subprocess.Popen[str], IO[str]]:
    output = tempfile.TemporaryFile("w+")  # noqa: SIM115  (read when the part has ended)
    command = [sys.executable, "-m", "pytest", "--quiet", *options, *part.files()]
    return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True), output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
