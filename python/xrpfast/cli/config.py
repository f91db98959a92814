"""`config`: show a file as the engine reads it, its schema, or a start to edit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from xrpfast.config import Config, load
from xrpfast.config.demo import shipped

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Configuration files.")


@app.command()
def show(
    config: Annotated[Path, typer.Option("--config", help="The file.")],
) -> None:
    """The configuration with every default filled in; secrets are hidden."""
    sys.stdout.write(load(config).model_dump_json(indent=2) + "\n")


@app.command()
def schema() -> None:
    """The JSON schema of the configuration, for editors."""
    sys.stdout.write(json.dumps(Config.model_json_schema(), indent=2) + "\n")


@app.command()
def init() -> None:
    """A configuration to start from."""
    sys.stdout.write(shipped())
