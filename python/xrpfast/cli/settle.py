"""`settle`: a person's word on an order that its venue tells nothing of any more."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from xrpfast.cli.link import engine
from xrpfast.cli.person import person
from xrpfast.errors import UsageError


def settle(
    client_id: Annotated[str, typer.Argument(metavar="ID", help="The client order id.")],
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    reason: Annotated[str, typer.Option(help="What you saw, and where; kept on record.")],
    fill: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QTY@PRICE,FEE,ASSET[,TRADE]",
            help="A trade of it that is not in the ledger, as the venue's own records show it.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Settle an order that its venue showed and then forgot: with these fills, and no others.

    What the venue still knows is never settled by hand. Without --fill nothing more of it was
    filled than the ledger has.
    """
    from xrpfast.config.loader import load

    settings = load(config)
    request = {"reason": reason, "who": person(), "id": client_id} | {
        "fills": [_fill(text) for text in fill or ()]
    }
    with engine(settings.state_dir / "control.sock") as link:
        if link is not None:
            answer = link.ask("settle", **request)
        else:
            from xrpfast.service import offline

            answer = offline.settle(settings, request)
    sys.stdout.write(json.dumps(answer) + "\n" if as_json else _words(client_id, answer))


def _fill(text: str) -> dict[str, str]:
    amounts, *more = text.split(",")
    qty, at, price = amounts.partition("@")
    if not at or len(more) not in (2, 3):
        raise UsageError(f"--fill {text}: write QTY@PRICE,FEE,ASSET as 10@2.1,0.021,USDT")
    fee, asset, *trade = more
    row = {"qty": qty, "price": price, "fee": fee, "fee_asset": asset}
    return row | ({"trade_id": trade[0]} if trade else {})


def _words(client_id: str, answer: dict[str, Any]) -> str:
    note = f"; {answer['note']}" if answer.get("note") else ""
    settled = "settled" if answer["settled"] else "NOT settled: fills of it are missing"
    return f"{client_id}: {answer['state']}, {settled}{note}\n"
