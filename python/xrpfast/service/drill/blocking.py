"""An engine of the drill whose loop can be blocked: for as long as a file is there, a callback of
the loop sleeps, as bad code in it would.

    python -m xrpfast.service.drill.blocking FILE

All else is the engine that `run` runs. Against mock venues alone: any other mode is refused.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from pathlib import Path
from typing import Final

from xrpfast.config.loader import load
from xrpfast.errors import UsageError, XrpfastError
from xrpfast.records.identity import identify
from xrpfast.service.app import run

LOOK_S: Final = 0.01


def file_of(config: Path) -> Path:
    """While it is there, the loop is blocked."""
    return config.with_name("block")


def hangs(config: Path) -> bool:
    """Whether it has found the file."""
    return _told(config).exists()


def _told(config: Path) -> Path:
    return config.with_name("blocked")


def _look(config: Path, loop: asyncio.AbstractEventLoop) -> None:
    if file_of(config).exists():
        _told(config).touch()
        while file_of(config).exists():
            time.sleep(LOOK_S)
    loop.call_later(LOOK_S, _look, config, loop)


async def _main(config: Path) -> int:
    settings = load(config)
    if settings.mode != "demo":
        raise UsageError(f'{config}: mode = "{settings.mode}": this engine is for a drill alone')
    _look(config, asyncio.get_running_loop())
    return await run(settings, identify(settings, armed=False))


if __name__ == "__main__":
    import uvloop

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        sys.exit(uvloop.run(_main(Path(sys.argv[1]))))
    except XrpfastError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(getattr(error, "exit_code", 1))
