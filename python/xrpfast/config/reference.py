"""The reference page of configuration files, printed from the models: `make docs`."""

from __future__ import annotations

import types
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from xrpfast.config.root import Config
from xrpfast.config.section import Section

HEAD = """# Configuration

One TOML file, given with `--config`. Unknown keys are errors; decimals stand in quotes, so that
they are exact. `xrpfast config init` prints a file to start from, `config show` a file with its
defaults, `config schema` the JSON schema. Printed from the models by `make docs`.
"""


def reference() -> str:
    """The page as Markdown."""
    return "\n".join([HEAD, *_tables(Config, "")])


def _tables(model: type[Section], name: str) -> Iterator[str]:
    yield f"## {f'`{name}`' if name else 'Top of the file'}\n"
    yield f"{(model.__doc__ or '').strip()}\n"
    rows = list(_rows(model))
    if rows:
        yield from ("| key | type | default | meaning |", "|---|---|---|---|", *rows, "")
    for key, field in model.model_fields.items():
        inner = _section(field.annotation)
        if inner is not None:
            place = f"{name.strip('[]')}.{key}" if name else key
            yield from _tables(inner, f"[[{place}]]" if _many(field) else f"[{place}]")


def _rows(model: type[Section]) -> Iterator[str]:
    for key, field in model.model_fields.items():
        if _section(field.annotation) is None:
            words = " ".join((field.description or "").split())
            cells = (f"`{key}`", _type(field.annotation), _default(field), words)
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, dict):
        entries = ", ".join(f'{name} = "{entry}"' for name, entry in value.items())
        return f"`{{ {entries} }}`"
    if value == ():
        return "`[]`"
    if isinstance(value, SecretStr):
        return '`""`'
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str | Decimal) else f"`{value}`"


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{choice}"`' for choice in get_args(annotation))
    if get_origin(annotation) is dict:
        return f"table: {_type(get_args(annotation)[1])} per name"
    if get_origin(annotation) in {Union, types.UnionType}:
        return " or ".join(_type(a) for a in get_args(annotation) if a is not type(None))
    if get_origin(annotation) is tuple:
        return f"list of {_type(get_args(annotation)[0])}"
    names = {bool: "true or false", int: "whole number", str: "text", Decimal: "decimal in quotes"}
    names |= {SecretStr: "text, secret", Path: "path"}
    return names.get(annotation) or _type(get_args(annotation)[0])


def _many(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is tuple


def _section(annotation: Any) -> type[Section] | None:
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, Section):
            return part
    return None


if __name__ == "__main__":
    print(reference(), end="")
