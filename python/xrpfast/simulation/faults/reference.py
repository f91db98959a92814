"""The reference page of faults, printed from the rule tables and the scenarios: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from xrpfast.simulation.faults.damage import WAYS
from xrpfast.simulation.faults.rules import (
    FRAME_ACTIONS,
    NETWORK_ACTIONS,
    REQUEST_ACTIONS,
    SOCKET_ACTIONS,
    VENUE_ACTIONS,
    Action,
)
from xrpfast.simulation.faults.scenario import load, shipped

HEAD: Final = """# Faults on tap

Everything that a venue, or the network before it, can do to a client can be made to happen at the
[mock venues](mock-venues.md). A rule says where (`venue`, `channel`, `match`) and what (`action`,
`params`). Rules are given to the control port while the mock runs, or from a file at its start.
The tables are printed from the code by `make docs`.

```
python -m xrpfast mock --faults f12_lost_reply            # a scenario that comes with the package
python -m xrpfast mock --faults mine.toml --port 18080    # your own file; may be repeated

curl -X POST $CONTROL_URL/rules -d '{
  "venue": "binance", "channel": "ws", "action": "drop", "point": "after_match_before_reply",
  "match": {"route": "order.place", "nth": 2}}'           # the second order: filled, never answered
curl $CONTROL_URL/rules                                   # the rules, how often each struck
curl -X DELETE $CONTROL_URL/rules                         # all is well again
```

`POST /rules` takes one rule and answers `{"id": n}`, or `{"rules": [...]}`, all or none, and answers
`{"ids": [...]}`. A rule that cannot be meant is a 400 with one line that says what is allowed.
`DELETE /rules/{id}` ends one. In pytest: `mock_exchanges.fault(rule)`, `.heal()`.

## A rule

| key | default | means |
|---|---|---|
| `channel` | required | where: see below |
| `action` | required | what |
| `params` | `{}` | of the action |
| `venue` | `*` | `binance`, `kucoin`, or all that are served |
| `point` | `before_accept` | of requests: when, see below |
| `match` | `{}` | which occasions; all that is given must hold, texts may have `*` and `?` |
| `at_s` | 0 | begins so many seconds after it was given |
| `for_s` | for ever | ends so many seconds after it began; what it did to the venue is undone |
| `then` | `[]` | rules that are given each time this one strikes |

| `match` | means |
|---|---|
| `route` | `POST /api/v3/order`, `order.place`, `spot.sync_order`, … |
| `stream` | `xrpusdt@depth`, `/market/level2:XRP-USDT`, `executionReport`, `pong`, … |
| `client_id`, `symbol` | of the order that a request or event speaks of |
| `connection` | number of the connection at the venue's port, from 1 |
| `kind` | of socket: `stream`, `sbe`, `ws_api`, `push`, `order_entry`; of network: `rest`, `ws` |
| `nth`, `every`, `times` | the n-th match alone, each n-th, so many at most |
| `p`, `seed` | each match with that chance, drawn from the seed: the same run, the same faults |

## Points of an order

| `point` | the order is | what a `drop` there means |
|---|---|---|
| `before_accept` | not at the venue | the request was lost |
| `after_accept_before_reply` | accepted, not matched; `match_after_ms` later it is | nobody knows, fills come later |
| `after_match_before_reply` | matched, its events sent | the reply was lost |
| `after_reply` | answered | for `close`, `reset`, `fill`, `expire` once the reply has left |
"""
CHANNELS: Final = (
    ("request, rest, ws", "Requests of a client over HTTP (`rest`), over WebSocket API and order entry (`ws`), or both (`request`).", REQUEST_ACTIONS),
    ("market, private, control", "Frames that the venue sends: market data, events of an account, and a socket's own talk (replies, welcome, ack, pong).", FRAME_ACTIONS),
    ("socket", "WebSockets as wholes: those that stand when the rule begins, and those that come.", SOCKET_ACTIONS),
    ("network", "Bytes, of HTTP and WebSocket alike, by connection. `direction`: `up` to the venue, `down` to the client, or `both`. They pass a relay that is there when the mock was started with `--faults` or `--relay`.", NETWORK_ACTIONS),
    ("venue", "The venue as a whole; done at once.", VENUE_ACTIONS),
)  # fmt: skip
TAIL: Final = """## Scenarios

`mock --faults NAME`. Each shows a row of the project's list of faults and what a sound client then
does. Rules for a venue that is not served are left out.
"""
BEYOND: Final = """
Rows F23 to F25, F27 and F37 (disk, secrets, alerts, a stalled event loop) are of the engine's own
machine; no venue can cause them.
"""


def reference() -> str:
    """The page as Markdown."""
    return "\n".join([HEAD, *_channels(), TAIL, *_scenarios(), BEYOND])


def _channels() -> Iterator[str]:
    for name, text, actions in CHANNELS:
        yield f"## Channel {name}\n\n{text}\n"
        yield from ("| action | parameters | does |", "|---|---|---|")
        yield from _actions(actions)
        yield ""
    yield "`corrupt` knows these ways: " + ", ".join(f"`{way}`" for way in WAYS) + ".\n"


def _actions(actions: Mapping[str, Action]) -> Iterator[str]:
    for name, action in actions.items():
        needs = [f"`{each}`" for each in action.needs]
        takes = [f"[`{each}`]" for each in action.takes]
        yield f"| `{name}` | {', '.join(needs + takes)} | {action.text} |"


def _scenarios() -> Iterator[str]:
    yield from ("| row | name | happens | a sound client |", "|---|---|---|---|")
    for path in shipped():
        found = load(path)
        yield f"| {', '.join(found.faults)} | `{path.stem}` | {found.title} | {found.expect} |"


if __name__ == "__main__":
    print(reference(), end="")
