"""What a client that nobody here wrote was seen to read from a mock venue: a row an assertion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from importlib.metadata import version
from typing import Any

import pytest

HEAD = """\
# Clients that work against the mock venues

Printed by the tests in `tests/conformance` out of their own assertions (`make docs` prints it anew;
a run of all of them fails when this page differs). Each client is the published package, with
nothing changed but what its section names; it talks to `mock_venues()` over sockets of one
machine. A row names the call and the fields of its reply that were compared with what the venue
holds, or the client's own exception and what it carried.
"""


@dataclass(frozen=True, slots=True)
class Client:
    """A published client, and how it was told where the venue is."""

    venue: str
    package: str
    part: str
    """Which of its faces: REST, WebSocket streams, ..."""
    pointed: str
    """What was set, in the client's own words."""

    @property
    def title(self) -> str:
        major, minor = version(self.package).split(".")[:2]
        return f"{self.package} {major}.{minor}, {self.part}"


@dataclass(slots=True)
class Row:
    """What was asserted of one call."""

    fields: set[str] = field(default_factory=set)
    errors: set[str] = field(default_factory=set)
    limits: set[str] = field(default_factory=set)

    @property
    def cell(self) -> str:
        told = sorted(f"`{name}`" for name in self.fields)
        return "; ".join(
            part for part in (", ".join(told), *sorted(self.errors | self.limits)) if part
        )


class Proof:
    """Asserts what a client read and keeps the row; there is no other way to a row."""

    def __init__(self) -> None:
        self._rows: dict[Client, dict[str, Row]] = {}

    def check(self, client: Client, call: str, reply: Any, expected: Mapping[str, Any]) -> None:
        """Compares fields of a reply.

        A name is a path of keys, attributes and positions (``"bids.0.1"``; ``""``: the reply).
        An expectation is a value, a type, a function that must return True, or a `Decimal`, which
        a number in any form may equal.
        """
        assert expected, "a row needs an assertion"
        for name, wanted in expected.items():
            actual = _at(reply, name)
            assert _meets(actual, wanted), (
                f"{client.title} {call}: {name or 'the reply'} is {actual!r}, not {wanted!r}"
            )
        row = self._row(client, call)
        row.fields.update(_label(name) for name in expected)

    @contextmanager
    def raises(
        self, client: Client, call: str, kind: type[Exception], *carried: str
    ) -> Iterator[pytest.ExceptionInfo[Exception]]:
        """The block must raise exactly this exception, whose text or attributes carry all the given
        parts; what was caught can be checked after the block."""
        assert carried, "an error is known by what it says"
        with pytest.raises(kind) as caught:
            yield caught
        error = caught.value
        assert type(error) is kind, f"{client.title} {call}: {type(error).__qualname__}: {error}"
        text = f"{error} {vars(error)}"
        for part in carried:
            assert part in text, f"{client.title} {call}: {part!r} is not in {text}"
        self._row(client, call).errors.add(f"raises `{kind.__name__}`: {' '.join(carried)}")

    def cannot(self, client: Client, call: str, why: str, *, because: bool) -> None:
        """The client has no public way to this call at the mock; ``because`` is the fact that holds
        as long as that is so, and fails the test once it does not."""
        assert because, f"{client.title} {call}: no longer so: {why}"
        self._row(client, call).limits.add(f"not possible: {why}")

    def _row(self, client: Client, call: str) -> Row:
        return self._rows.setdefault(client, {}).setdefault(call, Row())

    def table(self) -> str:
        """The page, whatever the order of the tests."""
        parts = [HEAD]
        venue = ""
        for client in sorted(self._rows, key=lambda c: (c.venue, c.package, c.part)):
            if client.venue != venue:
                venue = client.venue
                parts.append(f"\n## {venue}\n")
            parts.append(f"\n### {client.title}\n\nPointed at the mock by {client.pointed}.\n\n")
            parts.append("| call | asserted |\n|---|---|\n")
            rows = self._rows[client]
            parts += [
                f"| {_cell(call)} | {_cell(rows[call].cell)} |\n"
                for call in sorted(rows, key=lambda call: (not rows[call].fields, call))
            ]
        return "".join(parts)


def _at(reply: Any, name: str) -> Any:
    for part in name.split(".") if name else ():
        if isinstance(reply, Mapping):
            reply = reply[part]
        elif part.lstrip("-").isdigit():
            reply = reply[int(part)]
        else:
            reply = getattr(reply, part)
    return reply


def _meets(actual: Any, wanted: Any) -> bool:
    if isinstance(wanted, type):
        return isinstance(actual, wanted)
    if isinstance(wanted, Callable):  # type: ignore[arg-type]
        return wanted(actual) is True
    if isinstance(wanted, Decimal):
        try:
            return Decimal(str(actual)) == wanted
        except InvalidOperation:
            return False
    return bool(type(actual) is type(wanted) and actual == wanted)


def _label(name: str) -> str:
    """The path without positions: which row of a list was looked at says nothing to a reader."""
    return ".".join(part for part in name.split(".") if not part.lstrip("-").isdigit()) or "reply"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
