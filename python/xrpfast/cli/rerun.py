"""`rerun`: a journal's decisions again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from xrpfast._core import __version__
from xrpfast.cli.place import journal_of
from xrpfast.errors import FailedError
from xrpfast.research.rerun import Result
from xrpfast.research.rerun import rerun as run_again


def rerun(
    journal: Annotated[
        Path, typer.Argument(help="A journal, a segment or a state_dir.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Decide again from the journal's events: the same commands, byte for byte.

    Exit code 1 at the first difference, with its sequence, what was expected and what is there.
    """
    result = run_again(journal_of(journal))
    if as_json:
        document = {
            "same": result.difference is None,
            "events_per_second": result.events_per_second,
            **msgspec.to_builtins(result),
        }
        sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    elif result.difference is None:
        sys.stdout.write(_words(journal, result))
    if result.difference is not None:
        raise FailedError(f"{journal}: {result.difference}{_whose(result.versions[-1])}")


def _whose(version: str) -> str:
    """Another version may have decided by other rules."""
    same = version == __version__
    return "" if same else f" (written by xrpfast {version}, this is {__version__})"


def _words(journal: Path, result: Result) -> str:
    text = (
        f"{journal}: {result.runs} run{'s' * (result.runs != 1)}, {result.events} events led to "
        f"the same {result.commands} commands and {result.refusals} refusals, "
        f"{result.events_per_second} events/s\n"
    )
    if result.cut_short:
        text += f"  {result.cut_short} commands were not written any more: a run died\n"
    if result.skipped:
        text += f"  {result.skipped} records before the first START were left out\n"
    if result.torn_bytes:
        text += f"  {result.torn_bytes} bytes of a torn tail were left out\n"
    return text
