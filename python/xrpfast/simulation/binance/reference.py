"""The page of what the mock Binance serves, printed from its tables: `make docs`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from xrpfast.simulation.binance import errors, filters, limits
from xrpfast.simulation.binance.call import Endpoint
from xrpfast.simulation.binance.face import ENDPOINTS
from xrpfast.simulation.binance.params import Params
from xrpfast.simulation.binance.venue import STATUSES, STP_MODES
from xrpfast.simulation.binance.wire import EXECUTIONS, EXPIRY_REASONS

HEAD: Final = """# The mock Binance

What REST and the WebSocket API of the [mock](mock-venues.md) serve. The tables are printed from the
code by `make docs`. Any other path is 404, as is any other method.
"""
SWITCHES: Final = """
## What a test can set

In the same process, `face` being `mock.faces["binance"]`:

| switch | does |
|---|---|
| `face.venue.status` | the symbol's status: {statuses} |
| `face.venue.filters` | a `FilterValues`; change it with `dataclasses.replace` |
| `face.venue.price_range`, `face.market.reference` | the price-range rule and the price that it goes by |
| `face.venue.stp_modes`, `face.venue.default_stp` | self-trade prevention of the symbol |
| `face.venue.broker_ns` | what a request takes from its receipt to the engine, where its time is checked again |
| `face.venue.keys.revoke(key)`, `.restore(key)` | an API key is refused, with the sessions that it opened |
| `face.limits.weight`, `.raw_requests`, `.orders_10s`, `.orders_1d`, `.connections` | the limits |
| `face.limits.patience` | refusals with 429 in one minute before the address is banned |
| `face.limits.banned_until_ns` | a ban: 418 until then, sockets dropped; 0 pardons |
| `face.enforce_quotas(False)` | counts go on, nothing is refused |
"""
SILENT: Final = """
## Where Binance's documentation is silent

| question | the mock |
|---|---|
| which check refuses first | key, names, signature, time; then parameters, unread ones, status, filters, what the symbol supports, order count; then the engine |
| ignoring 429 | the address is banned after 20 refusals in a minute: 2 minutes, twice as long each time, 3 days at most |
| how much a fill gives back | the first fill of an order: 1 as taker, 5 as maker, from the next request on |
| after a cancel | the order is found by its number, by its old client id until that is used again, and shows the cancel's id |
| both ids on a cancel that do not agree | -2011 |
| `C` of a REPLACED report | the client id before, empty when it was kept |
| an amend down to what is filled | cancels the rest |
| `session.logon` with an HMAC key | -4056 |
| a signed request without key on a socket that is not logged on | -1102 for `apiKey` |
| a revoked key on a session | the next request is refused with -2015, then the frame with `id` null |
| listen keys | REST: 410 and a page of HTML; the WebSocket API: 410 and -1020 |
| iceberg, stop, trailing and pegged orders | refused with -1013 and the venue's text; their filters are checked before |
| TRANSFER | acts as DECREMENT: there is one account |
| `executionReport` of a refused order | none |
| SBE | market streams only: `Accept: application/sbe` alone is 406, on a socket's URL 400 |
"""


def reference() -> str:
    """The page."""
    switches = SWITCHES.format(statuses=", ".join(STATUSES))
    parts = [HEAD, *_calls(), *_limits(), *_filters(), *_words(), *_errors()]
    return "\n".join(parts) + switches + SILENT


def _table(head: str, rows: Iterable[Iterable[object]]) -> Iterator[str]:
    columns = head.split(",")
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(str(cell) for cell in row)} |"
    yield ""


def _calls() -> Iterator[str]:
    yield "## Calls\n"
    yield "A weight in brackets is charged when the call is refused only.\n"
    yield from _table(
        "REST,WebSocket API,weight,signed",
        (
            (_code(_path(row)), _code(row.ws), _weight(row), "yes" if row.signed else "")
            for row in ENDPOINTS
        ),
    )


def _path(endpoint: Endpoint) -> str:
    method, _, path = endpoint.rest.partition(" ")
    return f"{method} {endpoint.base}{path}" if path else ""


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _weight(endpoint: Endpoint) -> str:
    if isinstance(endpoint.weight, int):
        told = str(endpoint.weight)
    else:
        found = {endpoint.weight(Params(params)) for params in _EXAMPLES}
        told = ", ".join(map(str, sorted(found)))
    return f"({told})" if endpoint.free else told


_EXAMPLES: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"symbol": "XRPUSDT"},
    {"symbol": "XRPUSDT", "orderId": 1},
    {"computeCommissionRates": "true"},
    *({"symbol": "XRPUSDT", "limit": str(limit)} for limit in (100, 500, 1_000, 5_000)),
    *({"symbols": ["X"] * count} for count in (2, 21, 101)),
)
"""Requests that tell the weights of a call apart."""


def _limits() -> Iterator[str]:
    yield "## Limits\n"
    yield "Windows are aligned to UTC. Beyond a limit: 429 with `Retry-After`, then 418.\n"
    made = limits.Limits(lambda: 0)
    rows = {(row["rateLimitType"], row["interval"]): row for row in made.rows(connections=False)}
    rows |= {(row["rateLimitType"], row["interval"]): row for row in made.rows(connections=True)}
    yield from _table(
        "kind,limit,window",
        (
            (row["rateLimitType"], row["limit"], f"{row['intervalNum']} {row['interval']}")
            for row in rows.values()
        ),
    )


def _filters() -> Iterator[str]:
    yield "## Filters\n"
    rows = (
        *((row, "symbol") for row in filters.FILTERS),
        *((row, "account") for row in filters.EXCHANGE_FILTERS),
        *((row, "`myFilters` only") for row in filters.ASSET_FILTERS),
    )
    yield from _table(
        "filter,of,from the start",
        ((f"`{row.name}`", of, "yes" if row.needs == "tick" else "no") for row, of in rows),
    )


def _words() -> Iterator[str]:
    yield "## Words of orders\n"
    yield f"Execution types: {_list(EXECUTIONS.values())}."
    yield f"Expiry reasons: {_list(EXPIRY_REASONS.values())}."
    yield f"Self-trade prevention: {_list(('NONE', *STP_MODES))}.\n"


def _list(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _errors() -> Iterator[str]:
    yield "## Errors of the engine\n"
    yield from _table(
        "code,msg",
        {(f"`{row.code}`", row.text): None for row in errors.REFUSALS.values()},
    )


if __name__ == "__main__":
    print(reference(), end="")
