"""`drill`: rehearse the stop."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from xrpfast.errors import UsageError

if TYPE_CHECKING:
    from xrpfast.service.drill import Step


def drill(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    live_tiny: Annotated[
        bool,
        typer.Option("--live-tiny", help="With tiny orders at the real venues: not written yet."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Halt an engine with this file's limits against mock venues, in six bad moments.

    Takes about a minute; needs no key and no network but loopback, and touches nothing of a running
    engine. The report is kept in the state directory. Exit code 1 when a case failed.
    """
    from xrpfast.config.loader import load

    settings = load(config)
    if live_tiny:
        raise UsageError(
            "drill --live-tiny: orders at the real venues are not written yet: drill without it, "
            "against the mock venues"
        )
    from xrpfast.service.drill import drill as run_drill

    def told(step: Step) -> None:
        if not as_json:
            verdict = "passed" if step.passed else "FAILED"
            sys.stdout.write(f"{verdict}  {step.says}\n")
            for problem in step.problems:
                sys.stdout.write(f"        {problem}\n")
            sys.stdout.flush()

    report, path = asyncio.run(run_drill(settings, told))
    if as_json:
        document = msgspec.to_builtins(report) | {"report": str(path)}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(f"{path.with_suffix('.md')}\n")
    raise typer.Exit(0 if report.passed else 1)
