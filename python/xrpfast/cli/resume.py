"""`resume`: a person has looked, and says that it may go on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from xrpfast.cli.link import engine
from xrpfast.cli.person import person
from xrpfast.errors import UsageError


def resume(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    reason: Annotated[str, typer.Option(help="Why it may go on; kept on record.")],
    scope: Annotated[
        str,
        typer.Option(help="This scope alone: engine, venue:NAME, strategy:NAME, symbol:NAME."),
    ] = "",
    hedged: Annotated[
        list[str] | None,
        typer.Option(
            metavar="INSTRUMENT=AMOUNT",
            help="Base that you traded by hand against the imbalance: bought above zero, sold "
            "below. It is not hedged again.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Open again what was halted or reduced, in a running engine or before the next start."""
    from xrpfast.config.loader import load

    settings = load(config)
    request = {"reason": reason, "who": person(), "scope": scope} | {
        "by_hand": dict(_pair(text) for text in hedged or ())
    }
    with engine(settings.state_dir / "control.sock") as link:
        if link is not None:
            answer = link.ask("resume", **request)
        else:
            from xrpfast.service import offline

            answer = offline.resume(settings, request)
    sys.stdout.write(json.dumps(answer) + "\n" if as_json else _words(answer))


def _pair(text: str) -> tuple[str, str]:
    name, equals, amount = text.partition("=")
    if not equals:
        raise UsageError(f"--hedged {text}: write INSTRUMENT=AMOUNT, as XRP/USDT=-12.5")
    return name, amount


def _words(answer: dict[str, Any]) -> str:
    lines = [f"resumed: {', '.join(answer['resumed']) or 'nothing was closed'}"]
    lines += [
        f"{name}: {amount} of base is left to be hedged"
        for name, amount in answer["imbalances"].items()
        if amount != "0"
    ]
    return "\n".join(lines) + "\n"
