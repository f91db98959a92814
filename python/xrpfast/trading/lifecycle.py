"""One order and one word about it: what the order becomes. The only reducer of order states.

The order desk decides by it and the ledger records by it, so that they cannot tell different
stories. States follow `transitions.TRANSITIONS`; amounts are apart from states: fills add up, also
after the end. Time is not here: silence is a word like any other (`lost`).

Every function changes the order and returns whether a word was applied to its state; what does not
fit together is appended to ``found``, in words for a person. Quantities and prices are in the
units of the order's book.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from xrpfast.model import OrderState, Side
from xrpfast.trading.events import (
    AnyEvent,
    Fill,
    OrderAck,
    OrderEnd,
    OrderReject,
    OrderUnknown,
    QueryResult,
    Terms,
)
from xrpfast.trading.risk.limits import SECOND
from xrpfast.trading.transitions import END_WORDS, TRANSITIONS, WORKING_STATES, Word

TERMINAL: Final = frozenset(state for state in OrderState if state.terminal)
PERSON: Final = "person:"
"""How the reason of an order begins that a person settled, and the ids of trades named by hand."""
SILENCE: Final = "no word of the venue"
"""Reason of an order that is UNKNOWN because nothing was heard of it in time."""

_BUY: Final = int(Side.BUY)
_UNKNOWN: Final = OrderState.UNKNOWN


class Grade(StrEnum):
    """How bad it is when the venue's words do not fit together."""

    ANOMALY = "ANOMALY"
    """Odd, and the amounts still say what is true."""
    CONTRADICTION = "CONTRADICTION"
    """It proves nothing: the worst case stays, and the venue is asked again."""
    VIOLATION = "VIOLATION"
    """The venue broke its own protocol: nothing it says can be built on, so trading stops."""


Findings: TypeAlias = list[tuple[Grade, str]]


ABSENCES: Final = 2
"""Authoritative answers "not found" that it takes to prove that an order never was."""
APART: Final = SECOND
"""Least time from one of them to the question of the next, by the wall clock, which goes on from
run to run: two questions that were under way at once got one answer."""


class Life(Protocol):
    """What an order must have to be reduced; only the functions below change it."""

    client_id: str
    venue: str
    instrument: str
    side: int
    price: int
    qty: int
    state: OrderState
    filled: int
    """Sum of the fills booked."""
    filled_value: int
    """Sum of price x quantity of the fills booked."""
    claimed: int
    """Largest cumulative quantity that the venue spoke of."""
    venue_order_id: str
    accepted: bool
    """The venue has shown it as taken."""
    cancel_wanted: bool
    absences: int
    """Authoritative answers that the venue does not know it, each some time after the other."""
    absent_ns: int
    """Wall time of the latest of them."""
    reason: str
    """The venue's reason of a refusal or end, or why the outcome is unknown."""


def missing(order: Life) -> int:
    """Quantity that the venue says is filled and whose fills have not arrived."""
    return max(0, order.claimed - order.filled)


def say(order: Life, word: Word) -> None:
    order.state = TRANSITIONS[order.state, word]


# --- ours -----------------------------------------------------------------------------------------


def cancel(order: Life) -> bool:
    """We ask for its cancellation."""
    order.cancel_wanted = True
    say(order, Word.CANCEL)
    return True


def lost(order: Life, reason: str) -> bool:
    """Its outcome is not known. False for an order that the venue has shown: that is known."""
    if order.accepted or order.state in TERMINAL or order.state is _UNKNOWN:
        return False
    order.reason = reason
    say(order, Word.LOST)
    return True


# --- the venue's words ----------------------------------------------------------------------------


def acknowledged(order: Life, event: OrderAck, found: Findings) -> bool:
    if not _as_placed(order, event.terms, found):
        return False
    if not _same(order, event.venue_order_id, found):
        return False
    return _working(order)


def refused(order: Life, code: str, text: str, found: Findings) -> bool:
    reason = f"{code}: {text}" if text else code
    if order.accepted:
        if order.state in TERMINAL:
            return False
        return _contradiction(order, f"refused ({reason}) after it was accepted", found)
    if order.state not in TERMINAL:
        order.reason = reason
    say(order, Word.REFUSED)
    return True


def bookable(order: Life, fill: Fill, owner: str | None, found: Findings) -> bool:
    """Whether the fill is to be booked. ``owner``: the order that has its trade already."""
    place = f"fill {fill.trade_id} of order {order.client_id} at {order.venue}"
    if fill.qty <= 0 or fill.price <= 0:
        found.append((Grade.VIOLATION, f"{place}: price or quantity not positive; not booked"))
        return False
    if _elsewhere(order, fill.terms):
        # Which way the money moved, and which money, is not known: the balances will tell.
        _as_placed(order, fill.terms, found)
        return False
    if owner is not None and owner != order.client_id:
        found.append((Grade.VIOLATION, f"{place}: trade already booked on {owner}; not booked"))
    settled = order.state in TERMINAL and order.reason.startswith(PERSON)
    if owner is None and settled and not fill.by_hand:
        text = f"{place}: a person had settled this order ({order.reason}); not booked"
        found.append((Grade.VIOLATION, text))
        return False
    return owner is None


def filled(order: Life, fill: Fill, found: Findings) -> bool:
    """Books a fill that is `bookable`.

    What was traded is booked even when it breaks the venue's own rules: the money moved.
    """
    order.filled += fill.qty
    order.filled_value += fill.price * fill.qty
    order.accepted = True
    place = f"fill {fill.trade_id} of order {order.client_id} at {order.venue}"
    worse = fill.price > order.price if order.side == _BUY else fill.price < order.price
    if order.filled > order.qty:
        found.append((Grade.VIOLATION, f"{place}: {order.filled} filled of {order.qty}"))
    elif worse:
        text = f"{place}: price {fill.price} is beyond limit {order.price}"
        found.append((Grade.VIOLATION, text))
    elif order.state is OrderState.REJECTED:
        found.append((Grade.VIOLATION, f"{place}: the venue had refused this order"))
    elif order.state in TERMINAL and order.filled > order.claimed:
        found.append((Grade.ANOMALY, f"{place}: beyond the {order.claimed} of its end"))
    _as_placed(order, fill.terms, found)
    _same(order, fill.venue_order_id, found)
    say(order, Word.FULL if order.filled >= order.qty else Word.PART)
    return True


def ended(order: Life, event: OrderEnd, found: Findings) -> bool:
    if not _as_placed(order, event.terms, found):
        return False
    if not _same(order, event.venue_order_id, found):
        return False
    return _end(order, event.state, event.filled_qty, event.reason, found)


def answered(order: Life, event: QueryResult, found: Findings) -> bool:
    """The venue's answer to a query; one that is not authoritative proves nothing."""
    if not event.authoritative:
        return False
    if event.state is None:
        return _not_found(order, event, found)
    if not _as_placed(order, event.terms, found):
        return False
    if not _same(order, event.venue_order_id or "", found):
        return False
    if event.state in WORKING_STATES:
        order.claimed = max(order.claimed, min(event.filled_qty, order.qty))
        return _working(order)
    return _end(order, event.state, event.filled_qty, "query", found)


def told(order: Life, event: AnyEvent, found: Findings) -> bool:
    """Any event about this order but a fill, which needs to be `bookable` first."""
    match event:
        case OrderAck():
            return acknowledged(order, event, found)
        case OrderReject():
            return refused(order, event.code, event.text, found)
        case OrderUnknown():
            return lost(order, event.reason)
        case OrderEnd():
            return ended(order, event, found)
        case QueryResult():
            return answered(order, event, found)
        case _:
            return False


def claim(order: Life, event: AnyEvent) -> bool:
    """A word about an order that nobody follows any more: it was over, with all that was told of it
    booked. What the venue says is filled beyond that is kept, and asked for before the next run;
    nothing else changes. A fill must be one that is not booked. What a person settled stays so."""
    if order.reason.startswith(PERSON):
        return False
    match event:
        case Fill():
            qty = order.filled + event.qty
        case OrderEnd() | QueryResult(authoritative=True):
            known, said = order.venue_order_id, event.venue_order_id
            qty = 0 if known and said and known != said else event.filled_qty
        case _:
            return False
    before, order.claimed = order.claimed, max(order.claimed, min(qty, order.qty))
    return order.claimed > before


# --- inside ---------------------------------------------------------------------------------------


def _elsewhere(order: Life, terms: Terms | None) -> bool:
    """The venue speaks of another market, or of the other side of it."""
    return terms is not None and (
        terms.instrument not in (None, order.instrument) or terms.side not in (None, order.side)
    )


def _as_placed(order: Life, terms: Terms | None, found: Findings) -> bool:
    """Whether the venue speaks of the order that was sent."""
    if terms is None:
        return True
    compared = (
        ("instrument", terms.instrument, order.instrument),
        ("side", terms.side, order.side),
        ("price", terms.price, order.price),
        ("quantity", terms.qty, order.qty),
    )
    other = [
        f"{name} {said} instead of {sent}"
        for name, said, sent in compared
        if said is not None and said != sent
    ]
    if other:
        text = f"order {order.client_id} at {order.venue}: the venue speaks of {', '.join(other)}"
        found.append((Grade.VIOLATION, text))
    return not other


def _same(order: Life, venue_order_id: str, found: Findings) -> bool:
    if venue_order_id and venue_order_id != order.venue_order_id:
        if order.venue_order_id:
            text = f"order {order.client_id} at {order.venue} is {order.venue_order_id}"
            found.append((Grade.VIOLATION, f"{text}, but the venue speaks of {venue_order_id}"))
            return False
        order.venue_order_id = venue_order_id
    return True


def _working(order: Life) -> bool:
    order.accepted = True
    say(order, Word.PART if order.filled or order.claimed else Word.WORKING)
    return True


def _end(order: Life, state: str, filled_qty: int, reason: str, found: Findings) -> bool:
    word = END_WORDS.get(state)
    if word is None or filled_qty < 0:
        return _contradiction(order, f"said to be {state!r} with {filled_qty} filled", found)
    place = f"end of order {order.client_id} at {order.venue}: {state}"
    if filled_qty > order.qty:
        # Nothing could ever fill that much: what is waited for is the whole order.
        found.append((Grade.VIOLATION, f"{place} with {filled_qty} filled of {order.qty}"))
        filled_qty = order.qty
    elif word is Word.FULL and filled_qty < order.qty:
        found.append((Grade.ANOMALY, f"{place} with {filled_qty} filled of {order.qty}"))
        filled_qty = order.qty
    elif filled_qty < order.filled:
        text = f"{place} with {filled_qty} filled, fills seen: {order.filled}"
        found.append((Grade.ANOMALY, text))
    elif word is Word.REJECTED and filled_qty:
        found.append((Grade.ANOMALY, f"{place} with {filled_qty} filled"))
    order.claimed = max(order.claimed, filled_qty)
    order.accepted = order.accepted or word is not Word.REJECTED or filled_qty > 0
    if order.state not in TERMINAL or reason.startswith(PERSON):
        order.reason = reason
    full = max(order.claimed, order.filled) >= order.qty
    say(order, Word.FULL if full else word)
    return True


def _not_found(order: Life, event: QueryResult, found: Findings) -> bool:
    if order.state in TERMINAL:
        return False
    if order.accepted or order.claimed:
        return _contradiction(order, "not found after it was accepted", found)
    if order.state is not _UNKNOWN:
        return False
    # A late arrival or a replica that lags looks the same: once is no proof, nor twice at once.
    back = event.wall_ns < order.absent_ns  # a clock set back: begin anew
    asked_ns = event.asked_wall_ns or event.wall_ns
    if order.absences and not back and asked_ns - order.absent_ns < APART:
        return False
    order.absences = 1 if back else order.absences + 1
    order.absent_ns = event.wall_ns
    if order.absences < ABSENCES:
        return False
    order.reason = "NOT_FOUND"
    say(order, Word.REFUSED)
    return True


def _contradiction(order: Life, said: str, found: Findings) -> bool:
    found.append((Grade.CONTRADICTION, f"order {order.client_id} at {order.venue}: {said}"))
    if order.state in TERMINAL or order.state is _UNKNOWN:
        return False
    order.reason = said
    say(order, Word.CONTRADICTION)
    return True
