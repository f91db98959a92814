"""`drill`: rehearse the stop."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from xrpfast.cli.person import person
from xrpfast.cli.texts import ask_hidden
from xrpfast.errors import UsageError

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.service.drill.report import Report, Step


def drill(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    live_tiny: Annotated[
        bool,
        typer.Option(
            "--live-tiny",
            help="With one tiny real order at each venue, far below the market, while no engine "
            "runs; then halt.",
        ),
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Needed for --live-tiny: it sends real orders.")
    ] = False,
    arm_phrase: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="For --live-tiny: the arm phrase is in this file; else it is asked for.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Halt an engine with this file's limits against mock venues, in nine bad moments.

    Halt, watchdog, flatten and resume, each as a person or a machine would meet it. Takes about a
    minute and a quarter; needs no key and no network but loopback, and touches nothing of a running
    engine. The report is kept in the state directory, and names the configuration and the build
    that it holds for. Exit code 1 when a case failed.

    With --live-tiny instead: armed as any live run, it places one tiny buy far below the market at
    each venue, halts, and looks whether the venues list any of it. Its own halt is cleared when all
    was verified, and stands otherwise.
    """
    from xrpfast.config.loader import load

    settings = load(config)
    if live_tiny:
        report, path = _at_the_venues(settings, str(config), live=live, phrase=arm_phrase)
    elif live or arm_phrase is not None:
        raise UsageError("drill: --live and --arm-phrase are for --live-tiny alone")
    else:
        from xrpfast.service.drill.run import drill as run_drill

        say = (lambda step: None) if as_json else _told
        report, path = asyncio.run(run_drill(settings, say))
    if as_json:
        document = msgspec.to_builtins(report) | {"report": str(path)}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        if live_tiny:
            _told(report.steps[0])
        sys.stdout.write(f"{path.with_suffix('.md')}\n")
    raise typer.Exit(0 if report.passed else 1)


def _at_the_venues(
    settings: Config, name: str, *, live: bool, phrase: Path | None
) -> tuple[Report, Path]:
    from xrpfast.service.arming import arm

    if settings.mode != "live":
        raise UsageError(f'{name}: mode = "{settings.mode}": drill --live-tiny needs mode = "live"')
    ask = lambda: ask_hidden("Arm phrase: ")  # noqa: E731
    identity = arm(settings, name, live=live, phrase=phrase, ask=ask)
    import uvloop

    from xrpfast.service.drill.live import drill_live

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    return uvloop.run(drill_live(settings, identity, person()))


def _told(step: Step) -> None:
    lines = [f"{'passed' if step.passed else 'FAILED'}  {step.says}"]
    lines += [f"        {line}" for line in (*step.orders, *step.problems)]
    if step.left_halted:
        lines.append("        the halt stands: look, then `resume`")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
