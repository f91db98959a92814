"""A guard, as the lists name it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec

LISTS: Final = Path(__file__).parent / "guards"
ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "python" / "xrpfast"


class Guard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One piece of source that keeps orders from being lost, doubled or guessed."""

    file: str
    """Below the package."""
    says: str
    """What holds because of it."""
    text: str
    """Its source, as it stands in the file, once."""
    instead: str
    """What stands there when it is dropped; imports and runs like the other."""
    tests: list[str]
    """Test ids below `tests`; at least one must fail without the guard."""

    @property
    def name(self) -> str:
        return f"{self.file}: {self.says}"

    def drift(self) -> str:
        """Why the list no longer fits the source; empty while it does."""
        path = PACKAGE / self.file
        if not path.is_file():
            return "there is no such file"
        count = path.read_text(encoding="utf-8").count(self.text)
        if count != 1:
            return f"its text stands there {count} times"
        if self.text == self.instead:
            return "nothing is dropped"
        if not self.tests:
            return "no test is named"
        missing = [
            test for test in self.tests if not (ROOT / "tests" / test.split("::")[0]).exists()
        ]
        return f"there is no test {missing[0]}" if missing else ""

    def dropped(self, source: str) -> str:
        return source.replace(self.text, self.instead)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    guards: list[Guard]


def every(folder: Path = LISTS, names: Collection[str] = ()) -> list[Guard]:
    """All guards of all lists, or of those named. Raises ``msgspec.ValidationError`` for what is no
    guard, ``FileNotFoundError`` for a list that there is none of."""
    found: list[Guard] = []
    paths = [folder / f"{name}.toml" for name in names] or sorted(folder.glob("*.toml"))
    for path in paths:
        found += msgspec.toml.decode(path.read_bytes(), type=_File).guards
    return found
