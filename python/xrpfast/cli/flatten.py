"""`flatten`: close what our own orders left, on a person's word."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from xrpfast.cli.link import Link, engine
from xrpfast.cli.person import person
from xrpfast.cli.texts import ask_hidden
from xrpfast.service.arming import arm

POLL_S = 0.1
GRACE_S = 15.0
"""After its time, for an order that is still out."""


def flatten(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    reason: Annotated[str, typer.Option(help="Why; kept on record.")],
    max_loss: Annotated[
        str,
        typer.Option(
            help="What closing each instrument may cost in all, against the mean of the venues' "
            "mids, fees and what was spent on it before included; in the quote asset."
        ),
    ],
    within: Annotated[int, typer.Option(min=1, help="Seconds; no order leaves later.")] = 60,
    live: Annotated[
        bool, typer.Option("--live", help="Needed to trade real money, when no engine runs.")
    ] = False,
    arm_phrase: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Live, when no engine runs: the arm phrase is in this file; else it is asked for.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Close the base that our own orders bought or sold too much, also while trading is halted.

    By limit orders that do not rest, within the collar, one at a time. Never more than our own
    orders left; what you hold beside is not touched. A running engine does it; without one a run is
    begun in which nothing else may trade. Exit code 1 when something is left to be closed.
    """
    from xrpfast.config.loader import load

    settings = load(config)
    request = {"reason": reason, "who": person(), "max_loss": max_loss, "within_s": within}
    with engine(settings.state_dir / "control.sock") as link:
        if link is not None:
            answer = _by_engine(link, request, within)
        else:
            ask = lambda: ask_hidden("Arm phrase: ")  # noqa: E731
            identity = arm(settings, str(config), live=live, phrase=arm_phrase, ask=ask)
            import uvloop

            from xrpfast.service.flatten_run import flatten as run

            logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
            answer = uvloop.run(run(settings, identity, request))
    sys.stdout.write(json.dumps(answer) + "\n" if as_json else _words(answer))
    done = not answer["problem"] and all(
        said["ending"] == "CLOSED" for said in answer["instruments"].values()
    )
    raise typer.Exit(0 if done else 1)


def _by_engine(link: Link, request: dict[str, Any], within: int) -> dict[str, Any]:
    """Waits until it is over; one that waits for an order longer than that goes on."""
    ordered = link.ask("flatten", **request)["instruments"]
    deadline = time.monotonic() + within + GRACE_S
    while True:
        found = link.ask("state")["flatten"]
        said = {name: found[name] for name in ordered}
        if all(each["ending"] for each in said.values()):
            return {"ok": True, "instruments": said, "problem": ""}
        if time.monotonic() > deadline:
            return {"ok": False, "instruments": said, "problem": "an order of it is not settled"}
        time.sleep(POLL_S)


def _words(answer: dict[str, Any]) -> str:
    lines = [
        f"{name}: {said['ending'] or 'not over'}, {said['left']} of base left, lost {said['lost']}"
        for name, said in answer["instruments"].items()
    ]
    if answer["problem"]:
        lines.append(f"problem: {answer['problem']}")
    return "\n".join(lines or ["nothing to close"]) + "\n"
