"""`mode = "paper"`: the engine trades at paper venues, which a child process serves beside it.

The child reads the real venues' public market data and is given no key. Its account begins anew
with every run, so that the records do too: those of the paper run before are moved to
``earlier/`` in the state_dir, whole. Records of another mode are never touched.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from pydantic import SecretStr

from xrpfast._core import JournalError, JournalReader
from xrpfast.config.demo import to_toml
from xrpfast.config.key_section import KeySection, PassphraseKeySection
from xrpfast.config.root import ENVIRONMENTS
from xrpfast.errors import FailedError, UsageError
from xrpfast.records import kinds
from xrpfast.records.unsettled import left
from xrpfast.service.demo import child, first_line, tail
from xrpfast.service.recording import SQLITE_FILES

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.service.statedir import StateDir

GONE: Final = (
    'mode = "paper": the paper account ended with its run, the next `run` begins with a new one'
)
LOST: Final = "the paper venues have gone"
_NEEDED: Final = {"mode", "state_dir", "engine", "venues", "paper", "strategies"}


class Place:
    """Where an engine trades: as the configuration says, or at venues of its own."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.lost = ""
        """Why there are no venues any more."""
        self.on_lost: Callable[[str], None] = lambda _: None
        """Told of that."""
        self.stopped = False
        """Told to stop before there were any."""

    def refuse_lost(self) -> None:
        """Raises `FailedError` when the venues have gone."""
        if self.lost:
            raise FailedError(self.lost)


@asynccontextmanager
async def trading_place(config: Config, state: StateDir) -> AsyncIterator[Place]:
    """The place to trade at. For a paper run: starts its venues, ends them with the block.

    Raises `UsageError` for a state_dir of another mode, `FailedError` when the venues do not start.
    """
    if config.mode != "paper":
        yield Place(config)
        return
    folder = state.path / "paper"
    log = folder / "venues.log"
    async with AsyncExitStack() as stack:
        with _heard() as told:
            set_aside(state)
            folder.mkdir(mode=0o700, exist_ok=True)
            words = ("mock", "--mirror", str(_public_file(config, folder)))
            process = await stack.enter_async_context(child(*words, log=log))
            line = await _unless(told, first_line(process, log, "paper venues"))
        if line is None:
            place = Place(config)
            place.stopped = True
            yield place
            return
        _private(folder / "venues.json").write_text(json.dumps(line), encoding="utf-8")
        place = Place(at(config, line))
        watching = asyncio.create_task(_watch(process, place, log))
        try:
            yield place
        finally:
            watching.cancel()
            (folder / "venues.json").unlink(missing_ok=True)


@contextmanager
def _heard() -> Iterator[asyncio.Event]:
    """Set by Ctrl-C or SIGTERM: the run has handlers of its own, later."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    try:
        yield told
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _unless(
    told: asyncio.Event, work: Coroutine[Any, Any, dict[str, Any]]
) -> dict[str, Any] | None:
    """The result; None when ``told`` came first."""
    task, stop = asyncio.create_task(work), asyncio.create_task(told.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for waiting in (task, stop):
            waiting.cancel()
        await asyncio.gather(task, stop, return_exceptions=True)


async def _watch(process: asyncio.subprocess.Process, place: Place, log: Path) -> None:
    code = await process.wait()
    place.lost = f"{LOST} (code {code}): {tail(log)}"
    place.on_lost(place.lost)


def at(config: Config, line: dict[str, Any]) -> Config:
    """The configuration with the venues' addresses and keys replaced by those of the paper venues
    (the first line that they print); nothing of the real ones is left."""
    venues = config.venues
    changed: dict[str, Any] = {}
    for name, given in line["venues"].items():
        secrets = {
            key: SecretStr(given[key]) for key in ("api_secret", "passphrase") if key in given
        }
        none = PassphraseKeySection() if "passphrase" in given else KeySection()
        section = getattr(venues, name)
        changed[name] = section.model_copy(
            update={**given, **secrets, "key_file": None, "watchdog": none}
        )
    return config.model_copy(update={"venues": venues.model_copy(update=changed)})


def _public_file(config: Config, folder: Path) -> Path:
    """What the venues' process needs of the configuration, which has no key: on paper one is
    refused."""
    values = config.model_dump(mode="json", exclude_none=True, include=_NEEDED)
    path = _private(folder / "venues.toml")
    path.write_text(to_toml(values), encoding="utf-8")
    return path


def _private(path: Path) -> Path:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    return path


# --- records of earlier runs ----------------------------------------------------------------------


def set_aside(state: StateDir) -> Path | None:
    """Moves the records of the paper run before into a folder of their own, and says which.

    The lease is held. Raises `UsageError`, with nothing moved, for records of another mode.
    """
    modes = _modes(state)
    if others := modes - {"paper"}:
        raise UsageError(
            f"state_dir {state.path} has records of {' and '.join(sorted(others))} runs, a paper "
            "run would mix with them: choose another state_dir"
        )
    if not modes:
        return None
    earlier = state.path / "earlier"
    earlier.mkdir(mode=0o700, exist_ok=True)
    number = 1 + max((int(p.name) for p in earlier.iterdir() if p.name.isdecimal()), default=0)
    place = earlier / f"{number:06}"
    # Filled under another name, which a start that was killed in between goes on with.
    part = earlier / "moving"
    part.mkdir(mode=0o700, exist_ok=True)
    # The ledger first: a journal alone makes its ledger anew, a ledger alone would look like one
    # whose journal was lost.
    for suffix in SQLITE_FILES:
        file = state.ledger_path.with_name(state.ledger_path.name + suffix)
        if file.exists():
            file.rename(part / file.name)
    state.journal_path.rename(part / state.journal_path.name)
    part.rename(place)
    state.journal_path.mkdir(mode=0o700)
    return place


def _modes(state: StateDir) -> set[str]:
    """Of all runs that the journal or the ledger has records of."""
    names = {letter: mode for mode, letter in ENVIRONMENTS.items()}
    found: set[str] = set()
    if any(segment.stat().st_size for segment in state.journal_path.iterdir()):
        try:
            for _, _, kind, payload in JournalReader(state.journal_path):
                if kind == kinds.START:
                    letter = msgspec.json.decode(payload)["environment"]
                    found.add(names.get(letter, repr(letter)))
        except JournalError as error:
            raise FailedError(
                f"{error}: whose records these are cannot be told; choose another state_dir"
            ) from error
    if state.ledger_path.exists() and (letter := left(state.ledger_path).environment):
        found.add(names.get(letter, repr(letter)))
    return found
