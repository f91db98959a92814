"""What the mock Binance as a whole can do wrong in its own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from xrpfast.errors import UsageError
from xrpfast.simulation.faults.engine import VenueAction
from xrpfast.simulation.faults.rules import Rule

if TYPE_CHECKING:
    from xrpfast.simulation.binance.face import BinanceFace

DAY_S = 86_400.0
Undo = Callable[[], None]


def venue_actions(face: BinanceFace) -> dict[str, VenueAction]:
    """Actions of channel venue beside those that every venue has."""
    return {
        "revoke_key": lambda _: _revoke_key(face),
        "key": lambda rule: _key(face, rule),
        "shutdown": lambda rule: face.shutdown(rule.params.get("lead_s")),
        "terminate_streams": lambda _: _terminate_streams(face),
        "status": lambda rule: _status(face, rule),
        "ban": lambda rule: _ban(face, rule),
        "compress": lambda rule: _compress(face, rule),
    }


def _status(face: BinanceFace, rule: Rule) -> Undo:
    before = face.venue.status
    try:
        face.venue.status = rule.params["status"]
    except ValueError as error:
        raise UsageError(f"rule: {error}") from None

    def back() -> None:
        face.venue.status = before

    return back


def _ban(face: BinanceFace, rule: Rule) -> Undo:
    limits = face.limits
    limits.banned_until_ns = face.exchange.wall_ns() + round(rule.params["seconds"] * 10**9)

    def back() -> None:
        limits.banned_until_ns = 0

    return back


def _compress(face: BinanceFace, rule: Rule) -> Undo:
    """A socket's day passes faster, that of those that stand too."""
    factor = rule.params["factor"]
    if factor <= 0:
        raise UsageError("rule: compress factor: above 0")
    face.shorten_day(DAY_S / factor)
    return lambda: face.shorten_day(DAY_S)


def _revoke_key(face: BinanceFace) -> Undo:
    face.venue.keys.revoke_all()
    return face.venue.keys.restore_all


def _key(face: BinanceFace, rule: Rule) -> Undo:
    keys, given = face.venue.keys, rule.params["set"]
    for name, value in given.items():
        if name not in keys.rights or not isinstance(value, bool):
            raise UsageError(f"rule: key set: true or false for one of {', '.join(keys.rights)}")
    before, keys.rights = keys.rights, keys.rights | given

    def back() -> None:
        keys.rights = before

    return back


def _terminate_streams(face: BinanceFace) -> None:
    for connection in list(face.ws_api.connections):
        connection.terminate_streams()
