"""From a TOML file to typed values, or one line that says what to mend."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from xrpfast.config.root import Config
from xrpfast.errors import UsageError

SECRETS = {"api_key", "api_secret", "passphrase", "phrase_sha256"}
"""Keys whose values no error may show: what should be a hash may be the phrase itself."""
Model = TypeVar("Model", bound=BaseModel)


def load(path: Path) -> Config:
    """The configuration in ``path``; raises `UsageError` with one line for a person."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; `xrpfast config init` prints a start") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> Config:
    """The configuration in ``text``; ``name`` is what errors call it."""
    return parse_as(Config, text, name)


def state_dir_in(path: Path) -> Path | None:
    """The state_dir of a file that may be wrong elsewhere; None when it is not there."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    try:
        found = tomllib.loads(text).get("state_dir")
    except tomllib.TOMLDecodeError:
        line = re.search(r"""^\s*state_dir\s*=\s*["']([^"'\\]+)["']""", text, re.MULTILINE)
        found = line and line[1]
    return Path(found) if isinstance(found, str) and found else None


def build(values: dict[str, Any], name: str) -> Config:
    """The configuration of parsed ``values``."""
    return build_as(Config, values, name)


def parse_as(model: type[Model], text: str, name: str) -> Model:
    """Any of the project's files in TOML."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: not valid TOML: {error}") from None
    return build_as(model, values, name)


def build_as(model: type[Model], values: dict[str, Any], name: str) -> Model:
    """``values`` as ``model``. Raises `UsageError`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = _not_consequences(error.errors())
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise UsageError(f"{name}: {explain(found[0], model)}{more}") from None


def _not_consequences(found: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without errors that another one explains; unknown keys first, they are what a person sees.

    A misspelt key is also a missing one, and a bad entry leaves its list too short.
    """
    unknown = {error["loc"][:-1] for error in found if error["type"] == "extra_forbidden"}
    kept = [
        error
        for error in found
        if not (error["type"] == "missing" and error["loc"][:-1] in unknown)
        and not (error["type"] == "too_short" and len(found) > 1)
    ]
    return sorted(kept, key=lambda error: error["type"] != "extra_forbidden")


def explain(error: ErrorDetails, root: type[BaseModel]) -> str:
    """One pydantic error as a line: which key, what is wrong, what would be right."""
    where = _dotted(error["loc"]) or "the file"
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        known = _keys_beside(error["loc"], root)
        close = difflib.get_close_matches(str(error["loc"][-1]), known, 1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
        thing = "venue" if error["loc"][:-1] == ("venues",) else "key"
        return f"unknown {thing} {where}; {hint}"
    if kind == "missing":
        return f"{where} is missing; add it"
    if kind == "value_error":
        return f"{where}: {error['ctx']['error']}"
    secret = str(error["loc"][-1]) in SECRETS
    shown = "" if secret or isinstance(given, (dict, list)) else f", not {given!r}"
    return f"{where}: {error['msg'][0].lower()}{error['msg'][1:]}{shown}"


def _dotted(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _keys_beside(loc: tuple[int | str, ...], root: type[BaseModel]) -> list[str]:
    """The keys that the table around ``loc`` knows."""
    model: Any = root
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        model = _section_of(annotation)
        if model is None:
            return []
    return sorted(model.model_fields)


def _section_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _section_of(inner)
        if found is not None:
            return found
    return None
