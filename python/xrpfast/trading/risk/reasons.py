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
    NOT_APPROVED = (
        "NOT_APPROVED",
        "An order reached the encoder without a good approval of its own: trading halts.",
    )
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
    VENUE_NOT_ALLOWED = "VENUE_NOT_ALLOWED", "A leg's venue is not in allowed_venues."
    SYMBOL_NOT_ALLOWED = "SYMBOL_NOT_ALLOWED", "A leg's instrument is not in allowed_symbols."
    SIDE_NOT_ALLOWED = "SIDE_NOT_ALLOWED", "A leg's side is not in allowed_sides."
    ORDER_TYPE_NOT_ALLOWED = (
        "ORDER_TYPE_NOT_ALLOWED",
        "A leg's order type is not in allowed_order_types.",
    )
    TIF_NOT_ALLOWED = (
        "TIF_NOT_ALLOWED",
        "A leg's time in force is not in allowed_tifs, or would let it rest.",
    )
    STRATEGY_NOT_ALLOWED = "STRATEGY_NOT_ALLOWED", "The strategy is not in allowed_strategies."
    CLOCK_STALE = (
        "CLOCK_STALE",
        "A leg's venue's clock was not measured within max_clock_uncertainty for max_clock_age.",
    )
    CLOCK_SKEW = (
        "CLOCK_SKEW",
        "A leg's venue's clock is further from ours than max_clock_offset.",
    )
    BOOK_NOT_LIVE = "BOOK_NOT_LIVE", "A leg's book is not in step with its venue."
    BOOK_STALE = "BOOK_STALE", "A book's data is older than max_book_age (or from the future)."
    BOOK_CROSSED = "BOOK_CROSSED", "A book is crossed, locked or without one of its sides."
    SPREAD_TOO_WIDE = "SPREAD_TOO_WIDE", "A book's spread is above max_spread_bps of its mid."
    TOP_EMPTY = "TOP_EMPTY", "A book shows less than the leg's quantity, or nothing at its best."
    EDGE_IMPLAUSIBLE = (
        "EDGE_IMPLAUSIBLE",
        "The edge is above max_edge_bps: bad data, not profit.",
    )
    REFERENCE_MISSING = (
        "REFERENCE_MISSING",
        "A leg's book has no mid of the drift window, or none younger than max_mark_age.",
    )
    PRICE_DRIFT = (
        "PRICE_DRIFT",
        "A limit is further than drift_bps from a mid of its own book within drift_window.",
    )
    PAIR_SKEW = "PAIR_SKEW", "The two books' data are further apart in time than max_pair_skew."
    SIGNAL_STALE = "SIGNAL_STALE", "The decision came later than signal_ttl after the frame."
    DUPLICATE_SIGNAL = "DUPLICATE_SIGNAL", "Orders were already approved for this signal."
    DUPLICATE_INTENT = (
        "DUPLICATE_INTENT",
        "The strategy had the same side, price and quantity approved within duplicate_window.",
    )
    ORDER_STATE_UNKNOWN = (
        "ORDER_STATE_UNKNOWN",
        "The outcome of an earlier order of the instrument is not known, on whatever venue.",
    )
    SELF_TRADE = "SELF_TRADE", "An own order of the other side works there at a price that crosses."
    WORKING_ORDERS_MAX = (
        "WORKING_ORDERS_MAX",
        "As many orders are unsettled as max_working_per_venue, _per_side or _per_strategy allow.",
    )
    EXECUTIONS_EXHAUSTED = (
        "EXECUTIONS_EXHAUSTED",
        "The strategy has made max_round_trips since a person last resumed it.",
    )
    HEDGE_CAPACITY = (
        "HEDGE_CAPACITY",
        "If the buy failed, the sell's venue has not the quote to buy back within the collar.",
    )
    TRADING_REDUCING = "TRADING_REDUCING", "Only what makes a position smaller is allowed."
    INSTRUMENT_EXPOSED = (
        "INSTRUMENT_EXPOSED",
        "An imbalance of the instrument is being closed.",
    )
    NOT_REDUCING = "NOT_REDUCING", "A hedge would not make the imbalance smaller."
    NOT_ORDERED = "NOT_ORDERED", "No person's order to close the instrument is in force."
    LOSS_EXCEEDS_MAX = (
        "LOSS_EXCEEDS_MAX",
        "Filled at its limit, the order could cost more than the person allowed.",
    )
    NOT_A_DRILL = (
        "NOT_A_DRILL",
        "The run was started, or the venue has had its order: a live drill sends no other.",
    )
    DRILL_TOO_LARGE = "DRILL_TOO_LARGE", "A live drill's order is worth more than drill_notional."
    DRILL_TOO_NEAR = (
        "DRILL_TOO_NEAR",
        "A live drill's limit is not drill_distance_bps below the best bid of every venue.",
    )
    PAIR_INVALID = "PAIR_INVALID", "The legs are not one order each on different venues."
    PRICE_OFF_TICK = "PRICE_OFF_TICK", "The price is not positive or not whole ticks."
    QTY_OFF_LOT = "QTY_OFF_LOT", "The quantity is not positive or not whole lots."
    QTY_BELOW_MIN = "QTY_BELOW_MIN", "The quantity is below the venue's minimum."
    QTY_ABOVE_VENUE_MAX = "QTY_ABOVE_VENUE_MAX", "The quantity is above the venue's maximum."
    QTY_EXCEEDS_MAX = "QTY_EXCEEDS_MAX", "The quantity is above max_order_qty."
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
    GROSS_EXCEEDS_MAX = (
        "GROSS_EXCEEDS_MAX",
        "Positions, unsettled orders and these legs together are worth more than max_gross.",
    )
    BALANCE_INSUFFICIENT = (
        "BALANCE_INSUFFICIENT",
        "Balance less reservations does not cover the leg and its fee.",
    )
    CASH_BELOW_MIN = (
        "CASH_BELOW_MIN",
        "The buy would leave less quote at its venue than min_cash and what hedges there need.",
    )
    RATE_LIMITED = (
        "RATE_LIMITED",
        "max_orders_per_second less hedge_lane, or max_cancels_per_second, of a leg's venue is "
        "used up.",
    )
    WEIGHT_EXHAUSTED = (
        "WEIGHT_EXHAUSTED",
        "max_weight_per_minute of a leg's venue is used up, but for what cancel_reserve keeps.",
    )
    CHECK_FAILED = "CHECK_FAILED", "A check or the approval itself could not be computed."
