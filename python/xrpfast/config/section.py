"""What every section shares: strictness and exact decimals."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    """A table of the file: frozen, nothing unknown, nothing converted silently."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


def _exact(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str):
        raise ValueError('write it as text, "25.5": a float would not be exact')
    try:
        number = Decimal(value)
    except ArithmeticError as error:
        raise ValueError("not a decimal number") from error
    if not number.is_finite() or number <= 0:
        raise ValueError("must be above zero")
    return number


PositiveDecimal = Annotated[Decimal, BeforeValidator(_exact)]
"""A decimal above zero, written as text so that it stays exact."""


def _path(value: object) -> object:
    return Path(value) if isinstance(value, str) and value else value


FilePath = Annotated[Path, BeforeValidator(_path)]
"""A path, written as text that is not empty."""
