"""`journal`: is it what was written?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from xrpfast.cli.texts import utc
from xrpfast.errors import FailedError
from xrpfast.records.verify import Verdict
from xrpfast.records.verify import verify as run_verify

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The engine's journal.")


@app.callback()
def journal() -> None:
    """The engine's journal."""


@app.command()
def verify(
    path: Annotated[
        Path, typer.Argument(help="A segment, a journal, or a state_dir.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check every checksum, hash and link. Exit code 1 and the place when one is broken."""
    verdict = run_verify(path)
    if as_json:
        document = {"sound": verdict.damage is None, **msgspec.to_builtins(verdict)}
        sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    elif verdict.damage is None:
        sys.stdout.write(_words(verdict))
    if verdict.damage is not None:
        raise FailedError(str(verdict.damage))


def _words(verdict: Verdict) -> str:
    records, segments = verdict.records, len(verdict.segments)
    lines = [
        f"{verdict.path}: sound, {records} record{'s' * (records != 1)}"
        f" in {segments} segment{'s' * (segments != 1)}"
    ]
    for name, point in (("first", verdict.first), ("last", verdict.last)):
        if point is not None:
            lines.append(f"  {name:<6} sequence {point.sequence}, {utc(point.wall_ns)}")
    if verdict.torn is not None:
        torn = verdict.torn
        lines.append(
            f"  torn   {torn.bytes} bytes at byte {torn.offset} of {torn.file}:"
            " a crash, or an engine at work; the next start cuts them off"
        )
    if verdict.ledger_sequence is not None:
        lines.append(f"  ledger has applied up to sequence {verdict.ledger_sequence}")
    return "\n".join(lines) + "\n"
