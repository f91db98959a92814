"""The runbook at three in the morning: its commands exist, and what it quotes is what is said."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import xrpfast
from xrpfast.cli.app import COMMANDS, build

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
PACKAGE = Path(xrpfast.__file__).parent
SOURCE = "\n".join(
    path.read_text(encoding="utf-8")
    for part in ("trading", "service", "venues", "net", "records")
    for path in sorted((PACKAGE / part).rglob("*.py"))
)
LINES = [
    line
    for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.strip().startswith("xrpfast ")
]


@pytest.mark.parametrize("line", LINES)
def test_every_command_line_is_one_that_the_command_takes(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: Any = get_command(build(COMMANDS))
    while hasattr(command, "commands"):
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)


def test_the_commands_of_an_emergency_are_all_there() -> None:
    named = {shlex.split(line, comments=True)[1] for line in LINES}
    assert {"run", "check", "resume", "settle", "reconcile", "report", "journal"} <= named


def test_every_anchor_leads_somewhere() -> None:
    heads = {
        re.sub(r"[^a-z0-9 -]", "", head.lower()).strip().replace(" ", "-")
        for head in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= heads


def quotes() -> Iterator[str]:
    """First cells of the tables of refusals and alerts."""
    for part in ("### Refusals at the start", "### Something stops", "### Something waits"):
        table = PAGE.split(part, 1)[1].split("\n#", 1)[0]
        for row in re.findall(r"^\| (`.*?`(?:, `.*?`)*)(?: \||, or)", table, re.MULTILINE):
            yield from re.findall(r"`(.*?)`", row)


def test_every_quoted_refusal_and_alert_is_said_somewhere() -> None:
    found = list(quotes())
    assert len(found) > 20
    plain = re.sub(r'"\s*\n\s*f?"', "", SOURCE)  # one text over several lines
    for quote in found:
        for piece in filter(None, (piece.strip() for piece in quote.split("…"))):
            if ":" in piece and piece.split(":")[0].strip() in {"", "enableWithdrawals is true"}:
                continue  # a field of the venue and its way out
            assert piece.strip(" :,") in plain, f"nothing says {piece!r}"


def alerts() -> Iterator[tuple[str, str]]:
    """Where a critical alert is, and the longest piece of its text that never changes."""
    for path in sorted((PACKAGE / "trading").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                texts = {
                    target.id: node.value
                    for node in ast.walk(function)
                    if isinstance(node, ast.Assign)
                    for target in node.targets
                    if isinstance(target, ast.Name)
                }
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Alert":
                        level, text = node.args
                        if ast.unparse(level) != "'critical'":
                            continue
                        if isinstance(text, ast.Attribute):
                            continue  # it came with an event: `TOLD`
                        if isinstance(text, ast.Name):
                            text = texts.get(text.id, text)
                        pieces = [
                            str(part.value)
                            for part in ast.walk(text)
                            if isinstance(part, ast.Constant) and isinstance(part.value, str)
                        ]
                        yield f"{path.name}:{node.lineno}", max(pieces, key=len, default="")


TOLD = (
    "no more orders until a restart", "nothing goes there, cancels are impossible too",
    "nothing but cancels goes there", "no new orders go there",
)  # fmt: skip
"""What the venues' side tells, and the engine passes on."""


@pytest.mark.parametrize("piece", TOLD)
def test_what_the_venues_side_tells_is_in_the_runbook(piece: str) -> None:
    assert piece in SOURCE
    assert piece in PAGE


@pytest.mark.parametrize(("place", "piece"), list(alerts()))
def test_every_critical_alert_is_in_the_runbook(place: str, piece: str) -> None:
    wanted = max(piece.split("`"), key=len).strip(" :,;(")
    assert wanted, f"{place}: a text that is made elsewhere: name it in the runbook and here"
    assert wanted in PAGE, f"{place}: the runbook does not say what to do about {wanted!r}"
