"""What the mock KuCoin as a whole can do wrong in its own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from xrpfast.errors import UsageError
from xrpfast.simulation.faults.engine import VenueAction
from xrpfast.simulation.faults.rules import Rule

from . import errors

if TYPE_CHECKING:
    from .face import KucoinFace

STATUSES = ("open", "close", "cancelonly")
DAY_S = 86_400.0
Undo = Callable[[], None]


def venue_actions(face: KucoinFace) -> dict[str, VenueAction]:
    """Actions of channel venue beside those that every venue has."""
    return {
        "status": lambda rule: _status(face, rule),
        "overload": lambda _: _overload(face),
        "terminate_streams": lambda _: _terminate_streams(face),
        "compress": lambda rule: _compress(face, rule),
        "shutdown": lambda rule: _shutdown(face, rule),
        "revoke_key": lambda _: face.keys.revoke_all(),
        "key": lambda rule: _key(face, rule),
    }


def _status(face: KucoinFace, rule: Rule) -> Undo:
    wanted, before = rule.params["status"], face.venue.status
    if wanted not in STATUSES:
        raise UsageError(f"rule: status {wanted!r}: one of {', '.join(STATUSES)}")
    face.venue.status = wanted

    def back() -> None:
        face.venue.status = before

    return back


def _overload(face: KucoinFace) -> Undo:
    face.rest.overloaded = True

    def back() -> None:
        face.rest.overloaded = False

    return back


def _terminate_streams(face: KucoinFace) -> None:
    """Tokens end, and the private sockets with them."""
    face.venue.hub.tokens.expire_all()
    for session in list(face.venue.hub.sessions):
        if session.account is not None:
            session.close()


def _key(face: KucoinFace, rule: Rule) -> Undo:
    given = rule.params["set"]
    if not set(given) <= {"permission", "ipWhitelist"} or not all(
        isinstance(value, str) for value in given.values()
    ):
        raise UsageError("rule: key set: texts for permission or ipWhitelist")
    return face.keys.change_all(given.get("permission"), given.get("ipWhitelist"))


def _compress(face: KucoinFace, rule: Rule) -> Undo:
    """Tokens and sockets live a day of the faster hours."""
    factor = rule.params["factor"]
    if factor <= 0:
        raise UsageError("rule: compress factor: above 0")
    face.shorten_day(DAY_S / factor)
    return lambda: face.shorten_day(DAY_S)


def _shutdown(face: KucoinFace, rule: Rule) -> None:
    """Order entry is told that the service stops; then every socket is closed."""
    lead = rule.params.get("lead_s", 0)
    for session in tuple(face.order_entry.sessions):
        session.end(errors.STOPPING, lead)
    for push in tuple(face.venue.hub.sessions):
        push.later(lead, push.close)
