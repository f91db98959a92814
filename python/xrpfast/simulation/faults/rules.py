"""The words of a fault rule, and the table of what can go wrong where."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from xrpfast.errors import UsageError
from xrpfast.simulation.faults.damage import check_way

Channel = Literal[
    "request", "rest", "ws", "market", "private", "control", "socket", "network", "venue"
]
Point = Literal[
    "before_accept", "after_accept_before_reply", "after_match_before_reply", "after_reply"
]
REQUESTS: Final = frozenset({"request", "rest", "ws"})
FRAMES: Final = frozenset({"market", "private", "control"})


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which occasions a rule means. Texts are patterns (``*``, ``?``); all that is given must hold.

    Of the occasions that match, ``nth`` takes one, ``every`` each n-th, ``p`` each with that chance
    (drawn from ``seed``); ``times`` ends the rule after so many.
    """

    route: str | None = None
    """`POST /api/v3/order`, `order.place`, `spot.order`, …"""
    stream: str | None = None
    """`xrpusdt@depth`, `/market/level2:XRP-USDT`, `executionReport`, …"""
    client_id: str | None = None
    symbol: str | None = None
    connection: int | None = None
    """Number of the connection at the venue's port, from 1."""
    kind: str | None = None
    """Of socket: stream, sbe, ws_api, push, order_entry; of network: rest, ws."""
    nth: int | None = None
    every: int | None = None
    times: int | None = None
    p: float | None = None
    seed: int = 0


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fault. ``at_s`` and ``for_s`` bound its life, in seconds after it was given; ``then`` are
    rules that are given each time it strikes."""

    channel: Channel
    action: str
    venue: str = "*"
    point: Point = "before_accept"
    match: Match = Match()
    params: dict[str, Any] = {}
    at_s: float = 0.0
    for_s: float | None = None
    then: list[dict[str, Any]] = []


class Action(msgspec.Struct, frozen=True):
    """What a rule may do: its parameters with what each must be, and a sentence for the docs."""

    text: str
    needs: dict[str, type | tuple[type, ...]] = {}
    takes: dict[str, type | tuple[type, ...]] = {}


_NUMBER: Final = (int, float)
_DELAY: Final = Action("waits before going on", {"ms": _NUMBER}, {"jitter_ms": _NUMBER})
_DROP: Final = Action("says nothing")
_RESET: Final = Action("resets the connection (TCP RST)")
_CLOSE: Final = Action("closes the socket", {}, {"code": int, "reason": str})

REQUEST_ACTIONS: Final = {
    "drop": Action("never answers; before_accept: the request is lost, later: only its reply"),
    "delay": _DELAY,
    "reply": Action(
        "answers this instead: the venue's error envelope of code and msg, or a raw body",
        {},
        {
            "status": int, "code": (int, str), "msg": str, "data": dict, "headers": dict,
            "body": str, "content_type": str,
        },
    ),
    "stale": Action("answers with the reply to the request of the same route before"),
    "mutate": Action(
        "changes fields of the reply; a path is names joined by dots", {"set": dict}, {}
    ),
    "duplicate": Action("replies twice (WebSocket only)"),
    "close": _CLOSE,
    "reset": _RESET,
    "fill": Action("lets somebody trade with the order that is named first", {"percent": _NUMBER}),
    "expire": Action("ends the order that is named by the venue's own will", {}, {"reason": str}),
    "outrun": Action(
        "somebody is faster than this order and leaves it only so much of its quantity",
        {"percent": _NUMBER},
    ),
}  # fmt: skip
FRAME_ACTIONS: Final = {
    "drop": Action("loses the frame"),
    "duplicate": Action("sends it again", {}, {"times": int}),
    "delay": Action("sends it later, later ones overtake", {"ms": _NUMBER}, {"jitter_ms": _NUMBER}),
    "swap": Action("sends it after the next one"),
    "mutate": Action("changes fields; a path is names joined by dots", {"set": dict}, {}),
    "corrupt": Action("damages the text", {"how": str}, {"mb": _NUMBER, "at": int}),
    "replace": Action("sends this text instead", {"text": str}),
    "close": _CLOSE,
    "reset": _RESET,
}
SOCKET_ACTIONS: Final = {
    "refuse": Action("refuses new sockets with an HTTP status", {}, {"status": int, "body": str}),
    "close": _CLOSE,
    "reset": _RESET,
    "silence": Action("says nothing more and hears nothing more, pongs included"),
}
NETWORK_ACTIONS: Final = {
    "latency": Action("delays bytes", {"ms": _NUMBER}, {"jitter_ms": _NUMBER, "direction": str}),
    "bandwidth": Action("limits bytes per second", {"bytes_per_s": _NUMBER}, {"direction": str}),
    "slice": Action(
        "hands bytes on in pieces", {"bytes": int}, {"ms": _NUMBER, "direction": str}
    ),
    "black_hole": Action("swallows bytes for good", {}, {"direction": str}),
    "reset": _RESET,
    "refuse": Action("resets new connections at once"),
    "slow_close": Action("hands the end on late", {"ms": _NUMBER}, {"direction": str}),
}  # fmt: skip
VENUE_ACTIONS: Final = {
    "down": Action("answers nobody, as a venue without power"),
    "status": Action("changes the symbol's or venue's trading status", {"status": str}),
    "clock": Action("shifts the venue's clock", {"offset_ms": _NUMBER}),
    "ban": Action("bans the client: 418 on every call, sockets dropped", {"seconds": _NUMBER}),
    "overload": Action("the venue's own overload answer to every call"),
    "block_page": Action("an HTML page instead of every reply", {}, {"status": int}),
    "shutdown": Action("announces the end, then closes all sockets", {}, {"lead_s": _NUMBER}),
    "drop_sockets": Action("breaks all sockets", {}, {"kind": str}),
    "terminate_streams": Action("ends the private streams, tokens and listen rights with them"),
    "revoke_key": Action("the API key is no longer known"),
    "key": Action("the API key may do other things, named as the venue names them", {"set": dict}),
    "balance": Action(
        "moves a balance: transfer and lock are told to the customer, silent is not",
        {"asset": str, "delta": str},
        {"kind": str},
    ),
    "expire_orders": Action("ends all working orders by the venue's will", {}, {"reason": str}),
    "cancel_orders": Action("cancels all working orders, as their owner would by hand"),
    "fill_orders": Action("lets somebody trade with all working orders", {"percent": _NUMBER}),
    "foreign_order": Action(
        "an order on the same account that this client did not send",
        {"side": str, "price": str, "qty": str},
        {"client_id": str},
    ),
    "cross_book": Action("shows a book whose bid is above its ask", {}, {"levels": int}),
    "empty_side": Action("takes all of the market's orders of one side off", {"side": str}),
    "burst": Action("changes the book many times at once", {"changes": int}),
    "compress": Action("lets the venue's hours pass faster", {"factor": _NUMBER}),
}  # fmt: skip

ACTIONS: Final[dict[str, dict[str, Action]]] = {
    **dict.fromkeys(("request", "rest", "ws"), REQUEST_ACTIONS),
    **dict.fromkeys(("market", "private", "control"), FRAME_ACTIONS),
    "socket": SOCKET_ACTIONS,
    "network": NETWORK_ACTIONS,
    "venue": VENUE_ACTIONS,
}
_DAY_MS: Final = 86_400_000
_YEAR_S: Final = 366 * 86_400
MOST: Final = {
    "ms": _DAY_MS, "jitter_ms": _DAY_MS, "match_after_ms": _DAY_MS, "lead_s": _DAY_MS // 1_000,
    "percent": 100, "times": 1_000, "mb": 256, "changes": 100_000, "levels": 1_000, "status": 599,
    "seconds": _YEAR_S, "offset_ms": _YEAR_S * 1_000,
}  # fmt: skip
"""What numbers may be at most: above it the mock would only be busy, or out of memory."""
LATER_ONLY: Final = frozenset({"mutate", "duplicate"})
"""Actions on a reply: there is none before acceptance."""
FIRST_ONLY: Final = frozenset({"outrun"})
"""Actions that make sense before the order is taken only."""


MATCH_LATER: Final[dict[str, type | tuple[type, ...]]] = {"match_after_ms": _NUMBER}
"""What every action at after_accept_before_reply takes: how long the order waits for matching."""


def parse_rule(given: object, venues: tuple[str, ...]) -> Rule:
    """A rule out of JSON or TOML; raises `UsageError` with one line that says what is wrong."""
    try:
        rule = msgspec.convert(given, Rule)
    except msgspec.ValidationError as error:
        raise UsageError(f"rule: {error}") from None
    if rule.venue != "*" and rule.venue not in venues:
        raise UsageError(f"rule: venue {rule.venue!r}: one of *, {', '.join(venues)}")
    known = ACTIONS[rule.channel]
    action = known.get(rule.action)
    if action is None:
        raise UsageError(
            f"rule: action {rule.action!r} of channel {rule.channel}: one of {', '.join(known)}"
        )
    _check_params(rule, action)
    _check_match(rule)
    for after in rule.then:
        parse_rule(after, venues)
    return rule


def _check_params(rule: Rule, action: Action) -> None:
    allowed = action.needs | action.takes
    if rule.point == "after_accept_before_reply":
        allowed = allowed | MATCH_LATER
    for name, value in rule.params.items():
        if name not in allowed:
            raise UsageError(
                f"rule: {rule.action} takes no {name!r}: {', '.join(allowed) or 'no parameters'}"
            )
        if not isinstance(value, allowed[name]) or (
            isinstance(value, bool) and allowed[name] is not bool
        ):
            raise UsageError(
                f"rule: {rule.action} {name}: {value!r} is not {_named(allowed[name])}"
            )
        if isinstance(value, int | float) and name != "code":
            size = abs(value) if name == "offset_ms" else value
            if not size >= 0:
                raise UsageError(f"rule: {rule.action} {name}: {value!r} is below zero")
            if size > MOST.get(name, size):
                raise UsageError(f"rule: {rule.action} {name}: {value!r} is above {MOST[name]}")
    for name in action.needs:
        if name not in rule.params:
            raise UsageError(f"rule: {rule.action} needs {name!r}")
    if rule.action == "corrupt":
        check_way(rule.params["how"])
    status = rule.params.get("status", 200)
    if isinstance(status, int) and status < 200:
        raise UsageError(f"rule: {rule.action} status: {status} is below 200")
    headers = rule.params.get("headers", {})
    for text in (*headers, *map(str, headers.values()), rule.params.get("content_type", "x")):
        if not (text and text.isascii() and text.isprintable()):
            raise UsageError(f"rule: {rule.action}: {text!r} cannot stand in an HTTP header")
    if rule.action == "close":
        if not 1_000 <= rule.params.get("code", 1_000) <= 4_999:
            raise UsageError("rule: close code: between 1000 and 4999")
        if len(rule.params.get("reason", "").encode("utf-8", "replace")) > 123:
            raise UsageError("rule: close reason: 123 bytes at most")
    if rule.params.get("direction", "both") not in ("both", "up", "down"):
        raise UsageError("rule: direction: one of both, up (to the venue), down (to the client)")


def _check_match(rule: Rule) -> None:
    match = rule.match
    for name in ("nth", "every", "times", "connection"):
        value = getattr(match, name)
        if value is not None and value < 1:
            raise UsageError(f"rule: match {name}: {value} is below 1")
    if match.p is not None and not 0 <= match.p <= 1:
        raise UsageError(f"rule: match p: {match.p} is not between 0 and 1")
    if not 0 <= rule.at_s <= _YEAR_S or not (rule.for_s is None or 0 < rule.for_s <= _YEAR_S):
        raise UsageError("rule: at_s and for_s are seconds of a year, at_s from 0, for_s above 0")
    if rule.channel in REQUESTS and rule.action in LATER_ONLY and rule.point == "before_accept":
        raise UsageError(f"rule: {rule.action} changes a reply: choose a later point")
    if rule.action in FIRST_ONLY and rule.point != "before_accept":
        raise UsageError(f"rule: {rule.action} is of the point before_accept only")


def _named(kind: type | tuple[type, ...]) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    names = {int: "a whole number", float: "a number", str: "a text", dict: "a table"}
    return " or ".join(names[each] for each in kinds)
