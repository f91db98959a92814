"""The life of an order as data: state x what the venue (or we) said -> state.

Every pair has a row, so that no message in any order is a case nobody thought of. Terminal states
lead only to themselves: what arrives late adds amounts, never life.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from xrpfast.model import OrderState


class Word(StrEnum):
    """What was said about an order, reduced to what matters for its state."""

    SEND = "SEND"
    """We handed it to the driver, which has it in the journal before bytes leave."""
    WORKING = "WORKING"
    """The venue has it, nothing filled yet."""
    PART = "PART"
    """The venue has it, partly filled: any fill is an acceptance."""
    FULL = "FULL"
    """All of its quantity is filled."""
    REFUSED = "REFUSED"
    """The venue refused it and never showed it as accepted."""
    CONTRADICTION = "CONTRADICTION"
    """A refusal of an order that the venue had accepted: its words do not fit together."""
    LOST = "LOST"
    """The outcome is not known: reply lost, timed out, 5xx, connection gone."""
    CANCEL = "CANCEL"
    """We asked for its cancellation."""
    CANCELLED = "CANCELLED"
    """The venue ended it: cancelled, by us or by the venue."""
    EXPIRED = "EXPIRED"
    """The venue ended it: its time in force was over."""
    REJECTED = "REJECTED"
    """The venue ended it: refused after it had been taken."""


_S: Final = OrderState
_NEW, _SENT, _OPEN, _PART = _S.NEW, _S.SENT, _S.OPEN, _S.PARTLY_FILLED
_CXL, _UNK = _S.CANCEL_SENT, _S.UNKNOWN
_FILLED, _CANCELLED, _EXPIRED, _REJECTED = _S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.REJECTED

# One row a word; one column a state that is not terminal.
_COLUMNS: Final = (_NEW, _SENT, _OPEN, _PART, _CXL, _UNK)
_ROWS: Final[dict[Word, tuple[OrderState, ...]]] = {
    #                    NEW         SENT        OPEN        PARTLY      CANCEL_SENT UNKNOWN
    Word.SEND:          (_SENT,      _SENT,      _OPEN,      _PART,      _CXL,       _UNK),
    Word.WORKING:       (_OPEN,      _OPEN,      _OPEN,      _PART,      _CXL,       _OPEN),
    Word.PART:          (_PART,      _PART,      _PART,      _PART,      _CXL,       _PART),
    Word.FULL:          (_FILLED,    _FILLED,    _FILLED,    _FILLED,    _FILLED,    _FILLED),
    Word.REFUSED:       (_REJECTED,  _REJECTED,  _REJECTED,  _UNK,       _REJECTED,  _REJECTED),
    Word.CONTRADICTION: (_UNK,       _UNK,       _UNK,       _UNK,       _UNK,       _UNK),
    Word.LOST:          (_UNK,       _UNK,       _OPEN,      _PART,      _UNK,       _UNK),
    Word.CANCEL:        (_CXL,       _CXL,       _CXL,       _CXL,       _CXL,       _UNK),
    Word.CANCELLED:     (_CANCELLED, _CANCELLED, _CANCELLED, _CANCELLED, _CANCELLED, _CANCELLED),
    Word.EXPIRED:       (_EXPIRED,   _EXPIRED,   _EXPIRED,   _EXPIRED,   _EXPIRED,   _EXPIRED),
    Word.REJECTED:      (_REJECTED,  _REJECTED,  _REJECTED,  _REJECTED,  _REJECTED,  _REJECTED),
}  # fmt: skip

TRANSITIONS: Final[dict[tuple[OrderState, Word], OrderState]] = {
    (state, word): after
    for word, row in _ROWS.items()
    for state, after in zip(_COLUMNS, row, strict=True)
} | {(state, word): state for state in OrderState if state.terminal for word in Word}
"""Every state and every word: the state after it."""

END_WORDS: Final[dict[str, Word]] = {
    "FILLED": Word.FULL,
    "CANCELLED": Word.CANCELLED,
    "EXPIRED": Word.EXPIRED,
    "REJECTED": Word.REJECTED,
}
"""The words of `OrderEnd.state` and of the terminal states of `QueryResult`."""

WORKING_STATES: Final = frozenset({"OPEN", "PARTLY_FILLED"})
"""The states of `QueryResult` that show an order alive."""
