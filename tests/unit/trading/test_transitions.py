"""The table of transitions: complete, and nothing leaves the end."""

from pathlib import Path

import pytest

from xrpfast.model import OrderState
from xrpfast.trading.reference import reference
from xrpfast.trading.transitions import END_WORDS, TRANSITIONS, Word

LIVE = [state for state in OrderState if not state.terminal]
ENDS = [state for state in OrderState if state.terminal]


def test_every_state_and_word_has_a_row() -> None:
    assert set(TRANSITIONS) == {(state, word) for state in OrderState for word in Word}


@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize("word", list(Word))
def test_terminal_states_are_never_left(state: OrderState, word: Word) -> None:
    assert TRANSITIONS[state, word] is state


@pytest.mark.parametrize("state", LIVE)
def test_an_end_ends_every_live_state(state: OrderState) -> None:
    for name, word in END_WORDS.items():
        assert TRANSITIONS[state, word].value == name


def test_only_words_of_the_venue_leave_unknown() -> None:
    stays = {word for word in Word if TRANSITIONS[OrderState.UNKNOWN, word] is OrderState.UNKNOWN}
    assert stays == {Word.SEND, Word.LOST, Word.CANCEL, Word.CONTRADICTION}


def test_silence_never_rejects() -> None:
    for state in LIVE:
        assert not TRANSITIONS[state, Word.LOST].terminal
        assert not TRANSITIONS[state, Word.CONTRADICTION].terminal


def test_what_the_venue_showed_working_is_not_lost_with_a_reply() -> None:
    assert TRANSITIONS[OrderState.OPEN, Word.LOST] is OrderState.OPEN
    assert TRANSITIONS[OrderState.PARTLY_FILLED, Word.LOST] is OrderState.PARTLY_FILLED


def test_no_word_leads_back_to_before_it_was_sent() -> None:
    assert all(after is not OrderState.NEW for after in TRANSITIONS.values())
    assert all(
        after is not OrderState.SENT
        for (state, _), after in TRANSITIONS.items()
        if state not in (OrderState.NEW, OrderState.SENT)
    )


def test_the_reference_page_is_what_the_tables_say() -> None:
    page = Path(__file__).parents[3] / "docs" / "orders.md"
    assert page.read_text() == reference(), "run: make docs"
