"""The engine with a loop that a test can block: for as long as a file is there, a callback of the
loop sleeps, as bad code in it would (F37).

    python -m support.blocking_engine FILE
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from pathlib import Path

import uvloop

from xrpfast.config.loader import load
from xrpfast.errors import XrpfastError
from xrpfast.records.identity import identify
from xrpfast.service.app import run

LOOK_S = 0.01
NAME = "block"


def _look(file: Path, loop: asyncio.AbstractEventLoop) -> None:
    while file.exists():
        time.sleep(LOOK_S)
    loop.call_later(LOOK_S, _look, file, loop)


async def main(config: Path) -> int:
    _look(config.with_name(NAME), asyncio.get_running_loop())
    settings = load(config)
    return await run(settings, identify(settings, armed=False))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    try:
        sys.exit(uvloop.run(main(Path(sys.argv[1]))))
    except XrpfastError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(getattr(error, "exit_code", 1))
