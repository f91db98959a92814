"""The page of reliability says what the runs counted."""

from __future__ import annotations

from support.reliability import PAGE, printed


def test_the_page_is_printed_from_the_numbers_of_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert printed(text) == text, "run `make docs`"
    assert text.count("<!-- numbers: ") >= 4
