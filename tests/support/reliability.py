"""Numbers of a run, and `docs/reliability.md` printed from them.

Tests call `write_numbers`, which keeps them when ``XRPFAST_WRITE_NUMBERS`` is set (`make
reliability`); ``python -m tests.support.reliability`` puts them into the page (`make docs`).
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

ROOT: Final = Path(__file__).parents[2]
NUMBERS: Final = ROOT / "docs" / "measured" / "reliability"
PAGE: Final = ROOT / "docs" / "reliability.md"
_PLACE: Final = re.compile(
    r"(?P<begin><!-- numbers: (?P<part>\w+) -->\n).*?(?P<end><!-- end -->\n)", re.DOTALL
)


def write_numbers(part: str, numbers: Mapping[str, Any]) -> None:
    """One JSON file a part, with the date and the commit of the run."""
    if not os.environ.get("XRPFAST_WRITE_NUMBERS"):
        return
    command = ["git", "rev-parse", "--short=8", "HEAD"]
    asked = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
    record = {"date": datetime.now(UTC).date().isoformat(), "commit": asked.stdout.strip()}
    NUMBERS.mkdir(parents=True, exist_ok=True)
    (NUMBERS / f"{part}.json").write_bytes(
        orjson.dumps(record | dict(numbers), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )


def printed(page: str) -> str:
    """The page with the numbers of each part in their place.

    Raises ``FileNotFoundError`` for a part that no run has written.
    """

    def table(match: re.Match[str]) -> str:
        numbers = orjson.loads((NUMBERS / f"{match['part']}.json").read_bytes())
        rows = [f"| {key.replace('_', ' ')} | {_text(value)} |\n" for key, value in numbers.items()]
        return "".join((match["begin"], "| | |\n|---|---|\n", *rows, match["end"]))

    return _PLACE.sub(table, page)


def _text(value: Any) -> str:
    match value:
        case int():
            return f"{value:,}".replace(",", " ")
        case dict():
            return ", ".join(f"{name.replace('_', ' ')}: {_text(of)}" for name, of in value.items())
        case list() if value and all(isinstance(each, int) for each in value):
            return f"{min(value)} to {max(value)}"
        case list():
            return ", ".join(f"`{each}`" for each in value)
        case _:
            return str(value)


def main() -> None:
    PAGE.write_text(printed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
