"""Why a strategy lets a signal pass by: the code, and in one line what it means."""

from __future__ import annotations

from enum import StrEnum


class Ignored(StrEnum):
    """Reason code of an ignored signal. Unlike a refusal it is no breach of anything."""

    doc: str

    def __new__(cls, code: str, doc: str) -> Ignored:
        member = str.__new__(cls, code)
        member._value_ = code
        member.doc = doc
        return member

    NOT_WANTED = "NOT_WANTED", "No strategy asked for this detector, or for this pair of books."
    IN_FLIGHT = "IN_FLIGHT", "An order of this instrument is not settled yet."
    EXPOSED = "EXPOSED", "An imbalance of the instrument is being closed, or was given up."
    COOLDOWN = "COOLDOWN", "The last entry in this direction is too recent."
    PROFIT_TOO_SMALL = "PROFIT_TOO_SMALL", "The expected profit is below min_profit."
    MAX_QTY = "MAX_QTY", "What max_qty leaves of the size is below a venue's minimum."
    QTY_CAP = "QTY_CAP", "What max_order_qty leaves of the size is below a venue's minimum."
    NOTIONAL_CAP = "NOTIONAL_CAP", "What max_order_notional leaves is below a venue's minimum."
    NO_BALANCE = "NO_BALANCE", "What the balances leave of the size is below a venue's minimum."
    NO_POSITION = "NO_POSITION", "What max_position leaves is below a venue's minimum."
