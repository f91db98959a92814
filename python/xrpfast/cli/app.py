"""The commands, and how they end: 0 done, 1 failed, 2 bad usage or config, 3 halted.

Errors reach people as one line on standard error, never as a traceback. Each command is imported
only when it is called, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click
import typer
from typer.core import TyperGroup

from xrpfast.errors import FailedError, HaltedError, UsageError

COMMANDS = {
    "demo": "Trade on mock venues over real sockets, with a live view and a report.",
    "run": "The engine.",
    "mock": "Mock Binance and KuCoin on local sockets.",
    "replay": "A capture of real frames through the order book.",
    "config": "Show, describe or start a configuration.",
}


class LazyGroup(TyperGroup):
    """Imports `xrpfast.cli.<name>` when its command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"xrpfast.cli.{cmd_name}")
        app: typer.Typer | None = getattr(module, "app", None)
        if app is None:
            app = typer.Typer(add_completion=False)
            app.command(name=cmd_name)(getattr(module, cmd_name))
        command = typer.main.get_command(app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, name="xrpfast", context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Trade XRP across spot exchanges: fast, and with honest order states."""


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; returns its exit code."""
    try:
        result = cli.main(args=list(arguments), prog_name="xrpfast", standalone_mode=False)
    except (UsageError, FailedError, HaltedError) as error:
        return _say(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        return _say(error.format_message(), 2)
    except click.UsageError as error:
        help_line = f"; see {error.ctx.command_path} --help" if error.ctx else ""
        return _say(error.format_message().rstrip(".") + help_line, 2)
    except click.ClickException as error:
        return _say(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        return 0
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return result if isinstance(result, int) else 0


def _say(line: str, code: int) -> int:
    sys.stderr.write(" ".join(line.split()) + "\n" if "\n\n" not in line else line + "\n")
    return code
