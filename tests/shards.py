"""`python -m tests.shards [pytest options]`: all tests, in parts that run at the same time.

Most of a test with real sockets and processes is waiting: one part after the other would take three
times as long. A part prints when it has ended; the exit code is 1 when one of them failed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

PARTS = (
    ("tests/service",),
    ("tests/crash", "tests/simulation", "tests/paper"),
    ("tests/unit", "tests/property", "tests/venues", "tests/conformance"),
)


def main(options: list[str]) -> int:
    folders = {path.name for path in Path("tests").iterdir() if list(path.glob("**/test_*.py"))}
    left_out = folders - {Path(folder).name for part in PARTS for folder in part}
    if left_out:
        raise SystemExit(f"no part has {', '.join(sorted(left_out))}")
    running = [start(part, options) for part in PARTS]
    code = 0
    while running:
        for process, output in [each for each in running if each[0].poll() is not None]:
            output.seek(0)
            sys.stdout.write(output.read())
            sys.stdout.flush()
            code = code or int(process.returncode != 0)
            running.remove((process, output))
        time.sleep(0.2)
    return code


def start(part: tuple[str, ...], options: list[str]) -> tuple[subprocess.Popen[str], IO[str]]:
    output = tempfile.TemporaryFile("w+")  # noqa: SIM115  (read when the part has ended)
    command = [sys.executable, "-m", "pytest", "--quiet", *options, *part]
    return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True), output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
