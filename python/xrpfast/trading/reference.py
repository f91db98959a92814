"""The reference page of order states, legs and refusals, printed from their tables: `make docs`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from xrpfast.model import OrderState
from xrpfast.trading.legs.outcomes import NEXT, Outcome, Step
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.strategies.reasons import Ignored
from xrpfast.trading.transitions import TRANSITIONS, Word

HEAD: Final = """# Orders, legs, refusals

What the engine makes of every word about an order, of every pair of outcomes of two legs, and why
it does not trade. Printed from the code by `make docs`.

## States of an order

One row a state, one column what was said. A state that has ended is never left: what arrives late
adds amounts, never life. Amounts are apart from states: a fill counts once by its trade id, when
it comes is all one; an end that speaks of more than the fills seen leaves the order unsettled until
they arrive, and its worst case reserved.
"""
WORDS: Final = """
| word | means |
|---|---|"""
LEGS: Final = """
## Two legs

One row what became of one leg, one column what became of the other. The steps act on the imbalance
of the instrument: what both legs traded cancels out, what one traded alone is closed by one order
at a time, at the venue where that costs least (a hedge at the other's venue or an unwind at its
own), within `[risk] collar_bps`, `hedge_loss` and `hedge_time_ms`. What is below `hedge_min`, or
below the minimum of each venue whose balance could take it, stays as a residual until it has grown:
a person is told why. What is large enough for a venue, and no balance takes anywhere, is given up.
"""
REFUSALS: Final = """
## Why risk refuses

| code | means |
|---|---|"""
IGNORED: Final = """
## Why a strategy lets a signal pass

| code | means |
|---|---|"""


def reference() -> str:
    """The page as Markdown."""
    parts = [HEAD, *_transitions(), WORDS, *_words(Word), LEGS, *_legs()]
    parts += [REFUSALS, *(f"| `{code.value}` | {code.doc} |" for code in Refusal)]
    parts += [IGNORED, *(f"| `{code.value}` | {code.doc} |" for code in Ignored)]
    return "\n".join(parts) + "\n"


def _transitions() -> Iterator[str]:
    live = [state for state in OrderState if not state.terminal]
    yield "| state | " + " | ".join(word.value for word in Word) + " |"
    yield "|---" * (len(Word) + 1) + "|"
    for state in live:
        after = (TRANSITIONS[state, word].value for word in Word)
        yield f"| {state.value} | " + " | ".join(after) + " |"
    ended = ", ".join(state.value for state in OrderState if state.terminal)
    yield f"\nEnded: {ended}."


def _words(words: Iterable[Word]) -> Iterator[str]:
    texts = {
        Word.SEND: "We handed it to the driver: it is in the journal before its bytes leave.",
        Word.WORKING: "The venue has it, nothing filled yet.",
        Word.PART: "The venue has it, partly filled; any fill is an acceptance.",
        Word.FULL: "All of its quantity is filled.",
        Word.REFUSED: "The venue refused it, never having shown it as accepted; or it is absent.",
        Word.CONTRADICTION: "The venue's words do not fit together.",
        Word.LOST: "Reply lost, timed out, 5xx, connection gone.",
        Word.CANCEL: "We asked for its cancellation.",
        Word.CANCELLED: "The venue ended it: cancelled, by us or by the venue.",
        Word.EXPIRED: "The venue ended it: its time in force was over.",
        Word.REJECTED: "The venue ended it: refused after it had been taken.",
    }
    for word in words:
        yield f"| {word.value} | {texts[word]} |"


def _legs() -> Iterator[str]:
    yield "| | " + " | ".join(each.value for each in Outcome) + " |"
    yield "|---" * (len(Outcome) + 1) + "|"
    for one in Outcome:
        yield f"| {one.value} | " + " | ".join(NEXT[one, two].value for two in Outcome) + " |"
    yield ""
    yield "| step | means |\n|---|---|"
    texts = {
        Step.DONE: "Nothing is left to be done but what fees took.",
        Step.HEDGE: "Close what one leg traded beyond the other; give up when a budget is spent.",
        Step.WAIT: "Send nothing: a third order could double what the unsettled leg did. Ask.",
        Step.WAIT_EXPOSED: "As WAIT; a person is told when it lasts longer than `hedge_time_ms`.",
    }
    for step, text in texts.items():
        yield f"| {step.value} | {text} |"


if __name__ == "__main__":
    print(reference(), end="")
