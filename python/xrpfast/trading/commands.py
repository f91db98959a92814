"""What `Engine.process` can ask for. Only the driver carries commands out.

The driver journals first, then encodes and sends. Members are added, never renamed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from xrpfast._core import Approved


class Leg(msgspec.Struct, frozen=True):
    """One order of a `PlaceLegs`: what was approved, in the venue's units."""

    client_id: str
    venue: str
    instrument: str
    side: int
    order_type: int
    tif: int
    price: int
    qty: int


class PlaceLegs(msgspec.Struct, frozen=True, tag_field="command", tag="place_legs"):
    """Send these orders, all or, if the first cannot leave, none.

    ``approved`` runs parallel to ``legs``; the encoder takes every field from it alone. It never
    enters the journal (`record`).
    """

    strategy: str
    signal_id: int
    legs: tuple[Leg, ...]
    approved: tuple[Approved, ...]

    def record(self) -> PlaceLegsRecord:
        """The part that is journalled and that replays must reproduce byte for byte."""
        return PlaceLegsRecord(self.strategy, self.signal_id, self.legs)


class PlaceLegsRecord(msgspec.Struct, frozen=True, tag_field="command", tag="place_legs"):
    """A `PlaceLegs` as it stands in the journal."""

    strategy: str
    signal_id: int
    legs: tuple[Leg, ...]


class Cancel(msgspec.Struct, frozen=True, tag_field="command", tag="cancel"):
    """Cancel one of our orders; needs no approval."""

    client_id: str
    venue: str
    instrument: str


class Query(msgspec.Struct, frozen=True, tag_field="command", tag="query"):
    """Ask the venue what became of one of our orders."""

    client_id: str
    venue: str
    instrument: str


class Reconcile(msgspec.Struct, frozen=True, tag_field="command", tag="reconcile"):
    """Ask the venue for all that it knows of us: working orders, fills since ``fills_since_ns``
    (wall time), the orders named, balances. Answered by `Reconciled`, with this number, and the
    events before it."""

    venue: str
    number: int
    client_ids: tuple[str, ...]
    """Our orders there that are not settled."""
    fills_since_ns: int


class Adopt(msgspec.Struct, frozen=True, tag_field="command", tag="adopt"):
    """The books now follow the venue's word on a balance: nothing is to be done, it is on record.

    ``delta`` is what the venue reported beyond what was booked, money (10^-18) of ``asset``."""

    venue: str
    asset: str
    delta: int
    reason: str


class Forget(msgspec.Struct, frozen=True, tag_field="command", tag="forget"):
    """The order is over and has left memory: nothing is to be done, it is on record. Words about it
    change nothing from here on, in the ledger as in the desk (`lifecycle.claim`)."""

    client_id: str


class ReadBook(msgspec.Struct, frozen=True, tag_field="command", tag="read_book"):
    """Read the best levels of a book; answered at once by `BookTop`."""

    book: int


class SetTimer(msgspec.Struct, frozen=True, tag_field="command", tag="set_timer"):
    """Send a `Timer` event at ``due_ns`` (monotonic); replaces an earlier one of the same id."""

    timer_id: str
    due_ns: int


class Alert(msgspec.Struct, frozen=True, tag_field="command", tag="alert"):
    """Tell a person. ``level``: info, warning, critical."""

    level: str
    text: str


class Spent(msgspec.Struct, frozen=True, tag_field="command", tag="spent"):
    """What closing an imbalance has cost so far, hedges that are out counted at their worst: it is
    on record, so that a restart does not begin the budget anew. Zeros: it is over."""

    instrument: str
    lost: int
    """Money (10^-18) of the quote asset."""
    attempts: int


class Reduce(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="command", tag="reduce"):
    """Latch ``scope`` (see `states`) to what makes a position smaller: no entries from now on."""

    scope: str
    reason: str
    who: str = ""


class Halt(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="command", tag="halt"):
    """Latch the stop for ``scope`` (see `states`): no new order leaves there from now on."""

    scope: str
    reason: str
    who: str = ""
    """The person; empty when the engine says it itself."""


AnyCommand: TypeAlias = (
    PlaceLegs
    | Cancel
    | Query
    | Reconcile
    | Adopt
    | Forget
    | ReadBook
    | SetTimer
    | Alert
    | Spent
    | Reduce
    | Halt
)
AnyCommandRecord: TypeAlias = (
    PlaceLegsRecord
    | Cancel
    | Query
    | Reconcile
    | Adopt
    | Forget
    | ReadBook
    | SetTimer
    | Alert
    | Spent
    | Reduce
    | Halt
)
