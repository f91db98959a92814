"""The page of what the mock KuCoin serves, printed from its tables: `make docs`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from . import errors, topics
from .candle_types import TYPES
from .errors import PushReason, Reason
from .order_entry import OPS
from .paced_feed import PACE_S
from .routes import ROUTES
from .uta_books import DEPTHS

HEAD: Final = """# The mock KuCoin

What the [mock](mock-venues.md) of KuCoin serves. The tables are printed from the code by
`make docs`. Everything else is the venue's own refusal: 404000 for a path, 404 for a topic, 4001002
for an op.
"""
SILENT: Final = """
## Where KuCoin's documentation is silent

| question | the mock |
|---|---|
| which clientOid an altered order has | the one of the order that it replaces; a look-up by it finds the new order |
| what `newSize` of alter means after a fill | the total: the new order gets what is not filled; at or below what is filled, `newOrderId` is null |
| a GET of an unknown order | `order_not_exist`, HTTP 400 |
| how many orders a batch may have | 5, limit orders only |
| price protection | measured from the best price of the other side when the order arrives; `cancelReason` is `protection` |
| what `cancelReason` may say | `user`, `ioc`, `fok`, `liquidity`, `stp`, `post_only`, `protection`, `gtt`, `dcp`, and what a [fault](faults.md) gave as reason |
| dead-connection protection | covers orders that are placed after arming; firing ends the setting |
| weight of order entry by WebSocket | as the same call by REST |
| candles without trades | are left out; weeks begin on Thursday, as 1970 did |
| prefix of `relationEvent` | `trade.hold` for holds, `trade_hf.setted` for settlements |
| HTTP status of an error | the one in the table |
"""


def reference() -> str:
    """The page."""
    return "\n".join([HEAD, *_routes(), *_ops(), *_topics(), *_errors()]) + SILENT


def _table(head: str, rows: Iterable[Iterable[object]]) -> Iterator[str]:
    columns = head.split(",")
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(str(cell) for cell in row)} |"
    yield ""


def _routes() -> Iterator[str]:
    yield "## REST\n"
    yield "A quota is for 30 seconds from its first request: of a customer, public ones of an address.\n"
    yield from _table(
        "call,pool,weight,permission",
        (
            (f"`{row.method} {row.path}`", row.pool, row.weight, row.permission or "none, unsigned")
            for row in ROUTES
        ),
    )


def _ops() -> Iterator[str]:
    yield "## Order entry by WebSocket\n"
    yield from _table(
        "op,weight,permission",
        ((f"`{name}`", op.weight, op.permission) for name, op in OPS.items()),
    )


def _topics() -> Iterator[str]:
    yield "## Push\n"
    paces = {name: f"every {seconds:g} s if changed" for name, seconds in PACE_S.items()}
    paces |= dict.fromkeys(topics.SILENT, "acknowledged, never a frame")
    named = (*sorted(topics.PUBLIC), *sorted(topics.PRIVATE))
    yield from _table(
        "topic,token,frames",
        (
            (
                f"`{name}`",
                "private" if name in topics.PRIVATE else "any",
                paces.get(name, "at once"),
            )
            for name in named
        ),
    )
    yield (
        "Several symbols go after one colon. `/market/ticker:all` tells of all symbols,\n"
        "`/market/snapshot:USDS` of a market.\n"
    )
    yield f"Candle types: {', '.join(f'`{name}`' for name in TYPES)}.\n"
    yield (
        "The newer public push (UTA) is the path `/uta` of the WebSocket port, without a token:\n"
        f"channel `obu`, depths {', '.join(f'`{depth}`' for depth in DEPTHS)}.\n"
    )


def _errors() -> Iterator[str]:
    yield "## Errors\n"
    found = [value for value in vars(errors).values() if isinstance(value, Reason)]
    yield from _table(
        "code,msg,HTTP", ((f"`{row.code}`", _words(row.text), row.http) for row in found)
    )
    pushed = [value for value in vars(errors).values() if isinstance(value, PushReason)]
    yield from _table("push code,data", ((f"`{row.code}`", row.data) for row in pushed))


def _words(text: str) -> str:
    return text.replace("{0}", "…").replace("{1}", "…")


if __name__ == "__main__":
    print(reference(), end="")
