"""Every reason for which an order is refused: the code, and in one line what it means.

The documentation's table is printed from here, so a code has its text at the place it is defined.
"""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Reason code of a refusal. Codes are stable: journals and alerts carry them."""

    doc: str

    def __new__(cls, code: str, doc: str) -> Refusal:
        member = str.__new__(cls, code)
        member._value_ = code
        member.doc = doc
        return member

    NOT_ARMED = "NOT_ARMED", "Live orders are not armed: see the runbook."
    TRADING_STOPPED = "TRADING_STOPPED", "Trading was not started, or was stopped."
    TRADING_HALTED = "TRADING_HALTED", "Trading is halted until a person resumes it."
    VENUE_HALTED = "VENUE_HALTED", "A leg's venue is halted until a person resumes it."
    STRATEGY_CLOSED = (
        "STRATEGY_CLOSED",
        "The strategy is REDUCING or halted until a person resumes it.",
    )
    SYMBOL_CLOSED = (
        "SYMBOL_CLOSED",
        "The instrument is REDUCING or halted until a person resumes it, for an imbalance that was "
        "given up, say.",
    )
    VENUE_DOWN = "VENUE_DOWN", "Order entry or account stream of a leg's venue is not up."
    VENUE_NOT_RECONCILED = (
        "VENUE_NOT_RECONCILED",
        "Orders, fills and balances of a leg's venue are not compared with it yet.",
    )
    VENUE_REDUCING = (
        "VENUE_REDUCING",
        "Somebody else moved a balance at a leg's venue; a person has to look and resume.",
    )
    CLOCK_STALE = "CLOCK_STALE", "A leg's venue's clock was not measured for max_clock_age."
    BOOK_NOT_LIVE = "BOOK_NOT_LIVE", "A leg's book is not in step with its venue."
    BOOK_STALE = "BOOK_STALE", "A book's data is older than max_book_age (or from the future)."
    BOOK_CROSSED = "BOOK_CROSSED", "A book is crossed, locked or without one of its sides."
    PAIR_SKEW = "PAIR_SKEW", "The two books' data are further apart in time than max_pair_skew."
    SIGNAL_STALE = "SIGNAL_STALE", "The decision came later than signal_ttl after the frame."
    DUPLICATE_SIGNAL = "DUPLICATE_SIGNAL", "Orders were already approved for this signal."
    ORDER_STATE_UNKNOWN = (
        "ORDER_STATE_UNKNOWN",
        "The outcome of an earlier order on a leg's venue and instrument is not known.",
    )
    TRADING_REDUCING = "TRADING_REDUCING", "Only what makes a position smaller is allowed."
    INSTRUMENT_EXPOSED = (
        "INSTRUMENT_EXPOSED",
        "An imbalance of the instrument is being closed.",
    )
    NOT_REDUCING = "NOT_REDUCING", "A hedge would not make the imbalance smaller."
    PAIR_INVALID = "PAIR_INVALID", "The legs are not one order each on different venues."
    ORDER_TYPE_NOT_ALLOWED = "ORDER_TYPE_NOT_ALLOWED", "Only limit orders that do not rest."
    PRICE_OFF_TICK = "PRICE_OFF_TICK", "The price is not positive or not whole ticks."
    QTY_OFF_LOT = "QTY_OFF_LOT", "The quantity is not positive or not whole lots."
    QTY_BELOW_MIN = "QTY_BELOW_MIN", "The quantity is below the venue's minimum."
    QTY_EXCEEDS_MAX = "QTY_EXCEEDS_MAX", "The quantity is above the venue's maximum."
    NOTIONAL_BELOW_MIN = "NOTIONAL_BELOW_MIN", "Price x quantity is below the venue's minimum."
    NOTIONAL_EXCEEDS_MAX = "NOTIONAL_EXCEEDS_MAX", "Price x quantity exceeds max_order_notional."
    PRICE_COLLAR = (
        "PRICE_COLLAR",
        "A limit is further than collar_bps from its own book's mid or the other venue's.",
    )
    POSITION_EXCEEDS_MAX = (
        "POSITION_EXCEEDS_MAX",
        "If this leg and all unsettled orders of its side fill, position exceeds max_position.",
    )
    BALANCE_INSUFFICIENT = (
        "BALANCE_INSUFFICIENT",
        "Balance less reservations does not cover the leg and its fee.",
    )
    RATE_LIMITED = "RATE_LIMITED", "max_orders_per_second of a leg's venue is used up."
    CHECK_FAILED = "CHECK_FAILED", "A check or the approval itself could not be computed."
