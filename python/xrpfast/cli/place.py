"""Where an engine keeps its records, from the two options that every command about them has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xrpfast.errors import UsageError

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="The engine's configuration: its state_dir.")
]
StateDirOption = Annotated[
    Path | None, typer.Option("--state-dir", help="The engine's state_dir itself.")
]


def state_dir(config: Path | None, given: Path | None) -> Path:
    """The directory, which must be there. Raises `UsageError`."""
    if (config is None) is (given is None):
        raise UsageError("give --config FILE or --state-dir DIR, one of the two")
    if given is None:
        from xrpfast.config.loader import load

        assert config is not None
        given = load(config).state_dir
    if not given.is_dir():
        raise UsageError(f"{given}: no such state_dir: has an engine run there?")
    return given


def journal_of(path: Path) -> Path:
    """A segment, a directory of segments, or the journal of a state_dir. Raises `UsageError`."""
    if (path / "journal").is_dir():
        path = path / "journal"
    if not path.exists():
        raise UsageError(f"{path}: no such journal")
    if path.is_dir() and not any(path.glob("*.journal")):
        raise UsageError(f"{path}: there is no journal")
    return path
