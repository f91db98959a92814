"""Fault scenarios as TOML files: what they show, and their rules."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from xrpfast.errors import UsageError


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file. ``faults`` names the rows of the fault list that it shows."""

    title: str
    rules: list[dict[str, Any]]
    faults: list[str] = []
    expect: str = ""
    """What a sound client does."""


SHIPPED = Path(__file__).parents[1] / "scenarios"


def shipped() -> list[Path]:
    """The scenario files that come with the package, in the order of their names."""
    return sorted(SHIPPED.glob("*.toml"))


def find(name: str) -> Path:
    """The file of that name, else the shipped scenario; raises `UsageError` when there is none."""
    path = Path(name)
    if path.exists():
        return path
    inside = SHIPPED / f"{name}.toml"
    if inside.exists():
        return inside
    raise UsageError(
        f"--faults: no file {name!r}, and no scenario of that name: "
        f"{', '.join(each.stem for each in shipped())}"
    )


def load(path: Path) -> Scenario:
    """Reads a scenario; raises `UsageError` with one line. The rules are checked when given."""
    try:
        given = tomllib.loads(path.read_text())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: name a readable scenario file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    try:
        return msgspec.convert(given, Scenario)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}") from None
