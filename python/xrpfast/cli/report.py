"""`report`: what was traded and what it brought."""

from __future__ import annotations

import csv
import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from xrpfast.cli import place
from xrpfast.cli.texts import utc
from xrpfast.errors import UsageError
from xrpfast.research.report import FOREVER
from xrpfast.research.report import report as make_report


class By(StrEnum):
    strategy = "strategy"
    venue = "venue"
    day = "day"


def report(
    config: place.ConfigOption = None,
    state_dir: place.StateDirOption = None,
    since: Annotated[str | None, typer.Option(help="From this UTC day or time on.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this UTC day or time.")] = None,
    by: Annotated[By | None, typer.Option(help="A row for each.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the rows as CSV.")] = False,
) -> None:
    """Orders, fills, profit and loss, fees, what is left over, and what is not settled."""
    if as_json and as_csv:
        raise UsageError("give --json or --csv, not both")
    where = place.state_dir(config, state_dir)
    begin, end = _moment("--since", since, 0), _moment("--until", until, FOREVER)
    if begin >= end:
        raise UsageError(f"--since {since} is not before --until {until}")
    grouped: Literal["strategy", "venue", "day"] | None = by.value if by else None
    document = make_report(where, begin, end, grouped)
    if as_json:
        sys.stdout.write(json.dumps(document) + "\n")
    elif as_csv:
        _csv(document)
    else:
        _print(document)


def _moment(option: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text}: not a day or time; write 2026-01-31 or 2026-01-31T12:00"
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def _rows(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """A table of the groups, or of the total alone."""
    lines = document["groups"] if document["by"] else [document["total"]]
    columns = [
        (kind, asset)
        for kind in ("volume", "pnl", "fees")
        for asset in sorted({asset for line in lines for asset in line[kind]})
    ]
    head = [document["by"] or "total", "orders", "fills"]
    head += [f"{kind} {asset}" for kind, asset in columns]
    rows = [
        [line["key"], str(line["orders"]), str(line["fills"])]
        + [line[kind].get(asset, "0") for kind, asset in columns]
        for line in lines
    ]
    return head, rows


def _csv(document: dict[str, Any]) -> None:
    head, rows = _rows(document)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)


def _print(document: dict[str, Any]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    begin, end = document["since_ns"], document["until_ns"]
    if begin is not None or end is not None:
        told = ("the start" if begin is None else utc(begin), "now" if end is None else utc(end))
        console.print(f"from {told[0]} to {told[1]}")
    table = Table(box=None)
    for shown in (document, {**document, "by": None}) if document["by"] else (document,):
        head, rows = _rows(shown)
        if not table.columns:
            for at, name in enumerate(head):
                table.add_column(name, justify="left" if at == 0 else "right")
            width = head
        for row in rows:
            values = dict(zip(head, row, strict=True))
            table.add_row(row[0], *(values.get(name, "0") for name in width[1:]))
    console.print(table)
    _facts(console, document)


def _facts(console: Console, document: dict[str, Any]) -> None:
    def pairs(values: dict[str, Any]) -> str:
        return ", ".join(f"{key} {value}" for key, value in values.items()) or "none"

    console.print(f"runs       {document['runs']}")
    console.print(f"orders     {pairs(document['orders_by_state'])}")
    for asset, position in document["positions"].items():
        mark = position["mark"]
        console.print(
            f"left over  {position['total']} {asset} ({pairs(position['venues'])}), "
            + (f"mark {mark}" if mark is not None else "no mark: not valued")
        )
    for left in document["residuals"]:
        spent = f"; {left['hedges']} hedges lost {left['lost']} so far" if left["hedges"] else ""
        console.print(f"to hedge   {left['amount']} of base of {left['instrument']}{spent}")
    for trade in document["by_hand"]:
        console.print(
            f"by hand    {trade['amount']} of base of {trade['instrument']} "
            f"({trade['who']}: {trade['reason']})"
        )
    for word in document["words"]:
        console.print(
            f"{word['action']:<10} {word['scope']} ({word['who']}: {word['reason']}), "
            f"{utc(word['wall_ns'])}"
        )
    for adopted in document["adopted"]:
        console.print(f"adopted    {adopted['amount']} {adopted['asset']} at {adopted['venue']}")
    if document["estimated_fees"]:
        console.print(
            f"estimated  fees of fills at {pairs(document['estimated_fees'])}: never told"
        )
    least = "" if document["not_taken_exact"] else " (at least: by sample)"
    console.print(f"refused    {pairs(document['refused'])}{least}")
    console.print(f"ignored    {pairs(document['ignored'])}{least}")
    for name in ("unknown", "unsettled"):
        if document[name]:
            console.print(f"{name:<10} {', '.join(document[name])}")
