"""`explain`: one decision, from its signal to the last word about its orders."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from xrpfast.cli import place
from xrpfast.cli.texts import clock, micros, utc
from xrpfast.research.explain import Story
from xrpfast.research.explain import explain as run_explain


def explain(
    what: Annotated[
        str,
        typer.Argument(metavar="ID", help="A client order id or a signal id.", show_default=False),
    ],
    config: place.ConfigOption = None,
    state_dir: place.StateDirOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Tell why an order was sent, or a signal was not taken, and what became of it."""
    journal = place.journal_of(place.state_dir(config, state_dir) / "journal")
    story = run_explain(journal, what)
    sys.stdout.write(json.dumps(story) + "\n" if as_json else _words(story))


def _words(story: Story) -> str:
    lines: list[str] = []
    signal = story["signal"]
    if signal is not None:
        lines += _signal(signal)
    lines.append(_verdict(story["verdict"]))
    for order in story["orders"]:
        lines += _order(order)
    if story["latency_ns"]:
        stages = (f"{name} {micros(ns)}" for name, ns in story["latency_ns"].items())
        lines.append("latency  " + ", ".join(stages))
    if story["orders"]:
        moved = (f"{amount} {asset}" for asset, amount in story["profit"].items())
        lines.append("result   " + (", ".join(moved) or "nothing was traded"))
    return "\n".join(lines) + "\n"


def _signal(signal: dict[str, Any]) -> list[str]:
    quote = signal["quote"]
    lines = [
        f"signal {signal['signal_id']} of detector {signal['detector']}, {signal['instrument']}, "
        f"{utc(signal['wall_ns'])}"
    ]
    for name in ("buy", "sell"):
        side = signal[name]
        lines.append(
            f"  {name:<4} {side['qty']} on {side['venue']}, limit {side['limit']}; book "
            f"{side['best_bid']} / {side['best_ask']}, version {side['book_version']}, "
            f"{micros(side['book_age_ns'])} old"
        )
    lines.append(
        f"  cost {signal['cost']}, proceeds {signal['proceeds']}, expected profit "
        f"{signal['expected_profit']} {quote}, edge {signal['edge']}"
    )
    return lines


def _verdict(verdict: dict[str, Any]) -> str:
    text = f"verdict  {verdict['is']}"
    if verdict["is"] == "approved":
        return f"{text}, for {verdict['strategy']}"
    if verdict["reason"]:
        text += f": {verdict['reason']}"
    return f"{text} ({verdict['means']})" if verdict.get("means") else text


def _order(order: dict[str, Any]) -> list[str]:
    lines = [
        f"order {order['client_id']}: {order['side']} {order['qty']} {order['instrument']} on "
        f"{order['venue']} at {order['price']} {order['tif']}: {order['state']}, "
        f"{order['filled']} filled" + (f", {order['reason']}" if order["reason"] else "")
    ]
    lines += [
        f"  {clock(step['wall_ns'])}  +{micros(step['after_ns']):<10} {step['state']:<14} "
        f"{step['what']}"
        for step in order["life"]
    ]
    if order["latency_ns"]:
        stages = (f"{name} {micros(ns)}" for name, ns in order["latency_ns"].items())
        lines.append("  after the send: " + ", ".join(stages))
    return lines
