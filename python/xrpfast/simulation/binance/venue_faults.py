"""What the mock Binance as a whole can do wrong in its own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from xrpfast.simulation.faults.engine import VenueAction

if TYPE_CHECKING:
    from xrpfast.simulation.binance.face import BinanceFace

Undo = Callable[[], None]


def venue_actions(face: BinanceFace) -> dict[str, VenueAction]:
    """Actions of channel venue beside those that every venue has."""
    return {
        "revoke_key": lambda _: _revoke_key(face),
        "shutdown": lambda rule: face.shutdown(rule.params.get("lead_s")),
        "terminate_streams": lambda _: _terminate_streams(face),
    }


def _revoke_key(face: BinanceFace) -> Undo:
    accounts = face.exchange.accounts
    gone = dict(accounts)
    accounts.clear()
    return lambda: accounts.update(gone)


def _terminate_streams(face: BinanceFace) -> None:
    for connection in list(face.ws_api.connections):
        connection.terminate_streams()
