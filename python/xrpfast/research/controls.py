"""The page of the risk controls, printed from their table: `make docs`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic.fields import FieldInfo

from xrpfast.config.risk import RiskSection
from xrpfast.trading.risk.controls import CONTROLS, GROUPS, Control
from xrpfast.trading.risk.reasons import Refusal

HEAD: Final = """# Risk controls

Every order passes these or does not leave. They fail closed: what cannot be computed is a breach,
and a leg that fails keeps the other back. Money and prices are integers. Cancels always pass.
Printed from the code by `make docs`; tests hold the table against code, configuration and tests.

A refusal says one code, stands in the journal, and `why` shows the latest ones. A halt or REDUCING
is latched for its scope (the engine, a venue, a strategy, a symbol) until a person resumes it.
"""
CODES: Final = """
## Codes of refusals

| code | control | means |
|---|---|---|"""
KEYS: Final = """
## Keys of `[risk]`

What each key means stands in [configuration.md](configuration.md).

| key | default | controls |
|---|---|---|"""
TESTS: Final = """
## Tests

The first of each fails when the control is dropped (`make mutation`).

| control | where | tests |
|---|---|---|"""


def reference() -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for title, controls in GROUPS.items():
        parts.append(f"## {title}\n\n| # | control | checks | on a breach |\n|---|---|---|---|")
        parts += [f"| {c.number} | {c.name} | {c.checks} | {c.breach} |" for c in controls]
        parts.append("")
    parts[-1:] = []
    parts += [CODES, *_codes(), KEYS, *_keys(), TESTS, *map(_tests, CONTROLS)]
    return "\n".join(parts) + "\n"


def _codes() -> Iterator[str]:
    rows = {code: control.number for control in CONTROLS for code in control.codes}
    for code in Refusal:
        yield f"| `{code.value}` | {rows[code]} | {code.doc} |"


def _keys() -> Iterator[str]:
    for key, field in RiskSection.model_fields.items():
        numbers = (str(control.number) for control in CONTROLS if key in control.keys)
        yield f"| `{key}` | {_default(field)} | {', '.join(numbers)} |"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"`{name}` {part}" for name, part in value.items())
    return ", ".join(f"`{part}`" for part in value) if isinstance(value, tuple) else f"`{value}`"


def _tests(control: Control) -> str:
    return f"| {control.number} | {_lines(control.where)} | {_lines(control.tests)} |"


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(f"`{text}`" for text in texts)


if __name__ == "__main__":
    print(reference(), end="")
