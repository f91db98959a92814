"""What the demo shows: both books, spread, orders, P&L, latency; and the closing table."""

from __future__ import annotations

from typing import Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

State = dict[str, Any]
_STATE_STYLE = {"FILLED": "green", "EXPIRED": "yellow", "REJECTED": "red", "UNKNOWN": "bold red"}
_STAGES = ("tick_to_order", "decode", "decide", "journal", "encode", "send", "ack")


def picture(state: State, elapsed: float, seconds: float) -> RenderableType:
    """One frame of the live view out of the engine's state."""
    of = f" / {seconds:.0f} s" if seconds else " s, Ctrl-C ends"
    counts = state["counts"]
    head = Text.assemble(
        ("xrpfast demo  ", "bold"),
        f"{elapsed:5.1f}{of}   {state['trading']}   orders {counts['orders']}   "
        f"fills {counts['fills']}   opportunities {counts['opportunities']}   P&L ",
        (f"{_short(state['pnl']['quote'])} USDT", "bold green"),
        f"   {_spread(state)}",
    )
    books = Columns([_book(book) for book in state["books"]], padding=(0, 1))
    return Group(head, Columns([books, _latency(state["latency_us"])]), _orders(state["orders"]))


def _spread(state: State) -> str:
    spread = state.get("spread") or {}
    return "   ".join(f"{name} {value} bps" for name, value in spread.items())


def _book(book: State) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right", min_width=9)
    table.add_column(justify="right", min_width=11)
    for price, qty in reversed(book["asks"][:5]):
        table.add_row(Text(price, "red"), qty)
    for price, qty in book["bids"][:5]:
        table.add_row(Text(price, "green"), qty)
    title = f"{book['venue']} {book['instrument']} {book['state']}"
    return Panel(table, title=title, padding=(0, 1))


def _latency(histograms: dict[str, State]) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    table.add_column("µs")
    for name in ("p50", "p99", "p99.9", "max", "count"):
        table.add_column(name, justify="right")
    for stage in _STAGES:
        row = histograms.get(stage)
        if row is not None:
            numbers = (row["p50"], row["p99"], row["p999"], row["max"])
            table.add_row(stage, *(f"{float(n):,.1f}" for n in numbers), f"{row['count']:,}")
    return Panel(table, title="latency", padding=(0, 1))


def _orders(orders: list[State]) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    for name in ("order", "venue", "side", "price", "quantity", "filled", "state"):
        table.add_column(
            name, justify="right" if name in {"price", "quantity", "filled"} else "left"
        )
    for order in orders[-8:]:
        table.add_row(
            order["id"], order["venue"], order["side"], order["price"], order["qty"],
            order["filled"], Text(order["state"], _STATE_STYLE.get(order["state"], "")),
        )  # fmt: skip
    return Panel(table, title="last orders", padding=(0, 1))


def closing(report: State, seed: int) -> RenderableType:
    """The closing report as a table."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    latency = report["tick_to_order_us"]
    table.add_row("orders, fills", f"{report['orders']}, {report['fills']}")
    table.add_row("opportunities", str(report["opportunities"]))
    table.add_row("P&L", f"{_short(report['pnl']['quote'])} USDT")
    table.add_row(
        "tick to order",
        f"p50 {float(latency['p50']):.1f} µs   p99 {float(latency['p99']):.1f} µs   "
        f"p99.9 {float(latency['p999']):.1f} µs   max {float(latency['max']):.1f} µs   "
        f"({latency['count']} ticks)",
    )
    table.add_row("largest loop gap", f"{float(report['loop_gap_ms_max']):.2f} ms")
    refused = ", ".join(f"{reason} {n}" for reason, n in sorted(report["refused"].items()))
    table.add_row("refused by risk", refused or "none")
    agree = "yes: every order, fill, fee and balance" if report["reconciled"] else "NO"
    table.add_row("ledger = venues", Text(agree, "green" if report["reconciled"] else "bold red"))
    for line in report["differences"][:20]:
        table.add_row("", Text(line, "red"))
    return Panel(table, title=f"xrpfast demo, seed {seed}", padding=(0, 1), expand=False)


def _short(amount: str) -> str:
    whole, _, part = amount.partition(".")
    return f"{whole}.{part[:4]}" if part else whole
