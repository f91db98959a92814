"""`limits`: the limits of a running engine, shown or made tighter."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from xrpfast.cli.link import Link, engine
from xrpfast.cli.person import person
from xrpfast.errors import FailedError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Limits of a running engine.")

ConfigOption = Annotated[Path, typer.Option(help="The engine's configuration file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback()
def limits() -> None:
    """The limits of a running engine: tighter at any time, looser by a restart only."""


@app.command(name="set")
def set_limit(
    key: Annotated[str, typer.Argument(help="A key of [risk], as max_position.")],
    value: Annotated[str, typer.Argument(help="Its new value, as in the file.")],
    config: ConfigOption,
    reason: Annotated[str, typer.Option(help="Why; kept on record.")],
    as_json: JsonOption = False,
) -> None:
    """Make one limit tighter, from now until the engine ends."""
    request = {"key": key, "value": value, "reason": reason, "who": person()}
    with engine(_socket(config)) as link:
        answer = _running(link).ask("limits", **request)
    text = f"{key}: {answer.get('is')}, was {answer.get('was')}\n"
    sys.stdout.write(json.dumps(answer) + "\n" if as_json else text)


@app.command()
def show(config: ConfigOption, as_json: JsonOption = False) -> None:
    """What is in force now."""
    with engine(_socket(config)) as link:
        answer = _running(link).ask("limits")
    lines = [f"{key} = {json.dumps(value)}" for key, value in answer["risk"].items()]
    sys.stdout.write((json.dumps(answer) if as_json else "\n".join(lines)) + "\n")


def _socket(config: Path) -> Path:
    from xrpfast.config.loader import load

    return load(config).state_dir / "control.sock"


def _running(link: Link | None) -> Link:
    if link is None:
        raise FailedError("no engine runs: change [risk] in its file, the next start reads it")
    return link
