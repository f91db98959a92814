"""The commands, and how they end: 0 done, 1 failed, 2 bad usage or config, 3 halted.

Errors reach people as one line on standard error, never as a traceback. A command's module is
imported only when it is asked for, so that a small command never waits for the engine's parts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from xrpfast.errors import FailedError, HaltedError, UsageError

COMMANDS = (
    "demo", "run", "watchdog", "check", "halt", "resume", "flatten", "status", "drill", "reconcile",
    "settle", "limits", "alerts", "mock", "replay", "rerun", "report", "explain", "why", "journal",
    "ledger", "config",
)  # fmt: skip
"""Each is `xrpfast.cli.<name>`: a function of that name, or an ``app`` of several."""


class _Commands(TyperGroup):
    """Ctrl-C ends any command cleanly, exit code 0; typer's own answer would be 130."""

    def make_context(self, *args: Any, **rest: Any) -> Any:
        try:
            return super().make_context(*args, **rest)
        except KeyboardInterrupt:
            raise typer.Abort from None

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


def build(names: Iterable[str]) -> typer.Typer:
    """The command line with these commands."""
    app = typer.Typer(
        name="xrpfast",
        cls=_Commands,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def xrpfast() -> None:
        """Trade XRP across spot exchanges: fast, and with honest order states."""

    for name in names:
        module = import_module(f"xrpfast.cli.{name}")
        group: typer.Typer | None = getattr(module, "app", None)
        if group is None:
            app.command(name=name)(getattr(module, name))
        else:
            app.add_typer(group, name=name)
    return app


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; returns its exit code."""
    asked = [name for name in COMMANDS if arguments and arguments[0] == name]
    try:
        app = build(asked or COMMANDS)
        result = app(args=list(arguments) or ["--help"], prog_name="xrpfast", standalone_mode=False)
    except (UsageError, FailedError, HaltedError) as error:
        return _say(str(error), error.exit_code)
    except TyperException as error:
        text = error.format_message().rstrip(".")
        return _say(f"{text}; see xrpfast {' '.join([*asked, '--help'])}", 2)
    except BrokenPipeError:
        return 1  # whoever read our output went away; nothing is left to tell
    except (typer.Abort, KeyboardInterrupt):
        return 0
    return result if isinstance(result, int) else 0


def _say(text: str, code: int) -> int:
    # On a full disk the log cannot be written either; the exit code still tells.
    with suppress(OSError):
        sys.stderr.write(" ".join(text.split()) + "\n")
    return code
