"""`config`: show a file as the engine reads it, its schema, or a start to edit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from xrpfast.cli.texts import ask_hidden
from xrpfast.config import Config, load
from xrpfast.config.demo import shipped
from xrpfast.errors import UsageError
from xrpfast.records.identity import build_sha256, config_sha256
from xrpfast.service.arming import phrase_hash

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Configuration files.")


@app.command()
def show(
    config: Annotated[Path, typer.Option("--config", help="The file.")],
) -> None:
    """The configuration with every default filled in and its hash; secrets are hidden."""
    settings = load(config)
    hashes = {"config_sha256": config_sha256(settings), "build_sha256": build_sha256()}
    document = hashes | settings.model_dump(mode="json")
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


@app.command()
def schema() -> None:
    """The JSON schema of the configuration, for editors."""
    sys.stdout.write(json.dumps(Config.model_json_schema(), indent=2) + "\n")


@app.command()
def init() -> None:
    """A configuration to start from."""
    sys.stdout.write(shipped())


@app.command()
def phrase() -> None:
    """Asks twice for an arm phrase and prints the line of `[arming]` that it makes."""
    first, again = ask_hidden("Arm phrase: "), ask_hidden("Once more: ")
    if first is None or again is None:
        raise UsageError("there is no terminal to ask on: run it in one")
    if first != again:
        raise UsageError("the two phrases differ: start over")
    sys.stdout.write(f'phrase_sha256 = "{phrase_hash(first)}"\n')
