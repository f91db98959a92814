"""Everything that `Engine.process` can be told. Members are added, never renamed.

Each event carries ``now_ns`` (monotonic, stamped once by the driver when it is processed) and
``wall_ns``. Events are journalled as tagged JSON in processing order, so that the journal alone
replays every decision.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

NOT_SENT: Final = "NOT_SENT"
"""Code of an `OrderReject` that is ours: no byte of the order left."""


class Event(msgspec.Struct, frozen=True, tag_field="event", kw_only=True):
    """Times that every event has, in nanoseconds."""

    now_ns: int
    wall_ns: int


class Signal(msgspec.Struct, frozen=True, tag_field="event", tag="signal"):
    """An executable edge between two venues, as the native detector saw it.

    Positional, in the order of the native batch's rows, because it is made on the hot path.
    Quantities and prices are in the units of their own venue; ``buy_qty`` and ``sell_qty`` are the
    same amount of the base asset. Costs and profit are money (10^-18) of the quote asset.
    """

    signal_id: int
    detector: int
    buy_book: int
    sell_book: int
    buy_qty: int
    sell_qty: int
    buy_limit: int
    sell_limit: int
    buy_cost: int
    """Gross cost of ``buy_qty`` over the levels walked; VWAP = cost / quantity."""
    sell_proceeds: int
    profit: int
    """Expected profit after both taker fees."""
    edge: int
    """Profit over cost, in 10^-8."""
    buy_best_bid: int
    buy_best_ask: int
    sell_best_bid: int
    sell_best_ask: int
    buy_version: int
    sell_version: int
    buy_data_ns: int
    """Monotonic bound on the age of the buy book: older of receive and venue event time."""
    sell_data_ns: int
    recv_ns: int
    """When the frame that completed the signal was received."""
    now_ns: int
    wall_ns: int


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order as the venue describes it back; what it does not say is None.

    Other terms than those that were sent are another order: nothing that the venue says of ours can
    be built on then.
    """

    instrument: str | None = None
    """Of a symbol that is not traded here: the venue's own word for it."""
    side: int | None = None
    price: int | None = None
    """In the instrument's units there; -1: finer than they are."""
    qty: int | None = None
    """As ordered, in the instrument's units there; -1: finer than they are."""


class OrderAck(Event, frozen=True, tag="order_ack"):
    """The venue took the order (or the private stream shows it working)."""

    client_id: str
    venue_order_id: str
    terms: Terms | None = None


class OrderReject(Event, frozen=True, tag="order_reject"):
    """The venue refused the order, definitely: it does not exist there."""

    client_id: str
    code: str
    text: str


class OrderUnknown(Event, frozen=True, tag="order_unknown"):
    """The outcome of a send is not known: reply lost, timed out, 5xx, connection gone."""

    client_id: str
    reason: str


class Fill(Event, frozen=True, tag="fill"):
    """One trade of one of our orders. Applied once by ``trade_id``, in any order with acks."""

    client_id: str
    venue_order_id: str
    trade_id: str
    price: int
    qty: int
    fee: int
    """Money (10^-18) of ``fee_asset``."""
    fee_asset: str
    maker: bool
    venue_ns: int
    by_hand: bool = False
    """A person named it, for an order whose venue says nothing more of it."""
    fee_estimated: bool = False
    """The venue did not say the fee yet: the same trade with the true one corrects it."""
    terms: Terms | None = None


class OrderEnd(Event, frozen=True, tag="order_end"):
    """The venue says that the order works no more."""

    client_id: str
    venue_order_id: str
    state: str
    """One of FILLED, CANCELLED, EXPIRED, REJECTED."""
    filled_qty: int
    """Cumulative at the venue; fills below it are still on their way."""
    reason: str
    terms: Terms | None = None


class Balance(Event, frozen=True, tag="balance"):
    """Absolute balance of one asset at one venue, money (10^-18)."""

    venue: str
    asset: str
    free: int
    locked: int
    venue_ns: int


class BalanceMoved(Event, frozen=True, tag="balance_moved"):
    """The venue told of a change of a balance that no order of ours made: a deposit, a transfer, a
    trade of somebody else's order on this account."""

    venue: str
    asset: str
    delta: int
    """Change of free + locked, money (10^-18)."""
    reason: str
    move_id: str
    """Of the venue: the same change is told once, however often it is heard."""


class BookState(Event, frozen=True, tag="book_state"):
    """A book changed its synchronisation state."""

    book: int
    state: str


class LinkState(Event, frozen=True, tag="link_state"):
    """A connection came up or went down. ``link``: market, account or orders."""

    venue: str
    link: str
    up: bool
    reason: str = ""
    """Why it is down though the connection may stand: a person is told."""
    paused_until_ns: int = 0
    """Monotonic: the venue said that it wants to be left alone until then; 0: it did not."""


class QueryResult(Event, frozen=True, tag="query_result"):
    """The venue's own word on one order. ``state`` None: the venue does not know it.

    ``authoritative``: the venue was in a position to know: nothing that was sent could still arrive
    there, another signed call succeeded after this answer, and the private stream stood without a
    gap since the order was sent, or what a gap hid was asked for since.
    """

    client_id: str
    venue_order_id: str | None
    state: str | None
    filled_qty: int
    authoritative: bool
    terms: Terms | None = None
    asked_wall_ns: int = 0
    """Wall time of the question; 0: not told, and ``wall_ns`` stands for it."""


class OpenOrder(msgspec.Struct, frozen=True):
    """One working order as the venue lists it."""

    client_id: str
    venue_order_id: str
    instrument: str
    side: int
    price: int
    qty: int
    filled_qty: int


class Reconciled(Event, frozen=True, tag="reconciled"):
    """The venue was asked for all that it knows of us; what it said of single orders, fills and
    balances came as events of their own, right before this one.

    ``complete`` False: something could not be read, ``reason`` says what; nothing is proven then.
    """

    venue: str
    number: int
    """That of the `Reconcile` command."""
    asked_ns: int
    """Monotonic time before the first question: what happened later need not be in it."""
    open_orders: tuple[OpenOrder, ...]
    """All working orders, ours and others'."""
    complete: bool
    reason: str


class BookTop(Event, frozen=True, tag="book_top"):
    """Both best levels of a book, read because the engine asked (`ReadBook`). Zero: no such
    level."""

    book: int
    live: bool
    bid: int
    bid_qty: int
    ask: int
    ask_qty: int
    data_ns: int
    """Monotonic bound on the age of the data."""


class VenueError(Event, frozen=True, tag="venue_error"):
    """A venue refused something that is no order: ``cancel``, or our credentials, ``auth``."""

    venue: str
    kind: str
    code: str
    text: str
    client_id: str = ""
    """Of the order whose cancel was refused."""


class Clock(Event, frozen=True, tag="clock"):
    """A venue's clock was measured: venue minus local wall time, and its uncertainty."""

    venue: str
    offset_ns: int
    uncertainty_ns: int


class Timer(Event, frozen=True, tag="timer"):
    """A timer that the engine set has come due."""

    timer_id: str


class Control(Event, frozen=True, tag="control"):
    """A person's or the service's word.

    ``start``, ``stop`` (no entries, what one leg traded alone is closed), ``stopped`` (nothing any
    more), ``reconcile``; ``reduce``, ``halt`` and ``resume`` for a scope; ``settle`` (says who
    settled an order, by the words that follow); ``undelivered`` (why alerts reach nobody).
    """

    action: str
    reason: str
    venue: str = ""
    """For ``reconcile``: this venue alone."""
    scope: str = ""
    """For ``reduce`` and ``halt``, empty: the engine. For ``resume``, empty: all scopes."""
    who: str = ""
    """The person; empty for the service itself."""


class Limit(msgspec.Struct, frozen=True):
    """One field of `RiskLimits`, and its new value."""

    name: str
    value: int


class LimitsSet(Event, frozen=True, tag="limits_set"):
    """A person made limits tighter: these hold from now on. Looser ones are refused, all of them
    together."""

    limits: tuple[Limit, ...]
    reason: str
    who: str


class TradedByHand(Event, frozen=True, tag="traded_by_hand"):
    """A person closed an imbalance, or a part of it, outside of the engine: it is not to be hedged
    again."""

    instrument: str
    amount: int
    """Base bought (above zero) or sold, money (10^-18)."""
    reason: str
    who: str


class Flatten(Event, frozen=True, tag="flatten"):
    """A person orders the base that our own orders left of an instrument to be closed, whatever
    is halted there."""

    instrument: str
    max_loss: int
    """What closing it may cost, what was spent on it before included; money (10^-18) of quote."""
    within_ns: int
    reason: str
    who: str


class DrillOrders(Event, frozen=True, tag="drill_orders"):
    """A person rehearses the stop: at each venue one tiny order of an instrument, to rest far below
    every market. For a run that is never started."""

    instrument: str
    reason: str
    who: str


AnyEvent: TypeAlias = (
    Signal
    | OrderAck
    | OrderReject
    | OrderUnknown
    | Fill
    | OrderEnd
    | Balance
    | BalanceMoved
    | BookState
    | LinkState
    | QueryResult
    | Reconciled
    | BookTop
    | VenueError
    | Clock
    | Timer
    | Control
    | LimitsSet
    | TradedByHand
    | Flatten
    | DrillOrders
)
