"""Exact decimals across the native boundary."""

from __future__ import annotations

from decimal import Decimal

import pytest

from xrpfast._core import DecimalError, OutOfRange, format_units, parse_units


@pytest.mark.parametrize(
    ("text", "decimals", "units"),
    [
        ("2.41370000", 4, 24_137),
        (b"2.4137", 8, 241_370_000),
        ("0", 0, 0),
        ("0000000000000000000000007.50000000000000000000000", 1, 75),
        ("9223372036854775807", 0, 2**63 - 1),
    ],
)
def test_text_becomes_units(text: str | bytes, decimals: int, units: int) -> None:
    assert parse_units(text, decimals) == units


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "1.",
        ".1",
        "-1",
        "+1",
        "1e3",
        "1E-8",
        "NaN",
        "inf",
        "1,0",
        " 1",
        "1_0",
        "٣",
        "1.001",
    ],
)
def test_what_is_no_decimal_or_too_fine_is_refused(text: str) -> None:
    with pytest.raises(DecimalError):
        parse_units(text, 2)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DecimalError, match="64 bits"):
        parse_units("9223372036854775808", 0)
    with pytest.raises(DecimalError, match="64 bits"):
        parse_units("10", 18)


@pytest.mark.parametrize("decimals", [-1, 19, 2**40])
def test_scales_are_bounded(decimals: int) -> None:
    with pytest.raises(OutOfRange):
        parse_units("1", decimals)
    with pytest.raises(OutOfRange):
        format_units(1, decimals)


def test_only_text_is_read() -> None:
    for value in (1.5, 1, None, Decimal("1.5")):
        with pytest.raises(TypeError):
            parse_units(value, 2)  # type: ignore[arg-type]


def test_units_become_text() -> None:
    assert format_units(24_137_000, 7) == "2.4137"
    assert format_units(24_137_000, 7, trim=False) == "2.4137000"
    assert format_units(-5, 1) == "-0.5"
    assert format_units(100, 0) == "100"
    assert format_units(0, 8) == "0"
    with pytest.raises(OverflowError):
        format_units(2**63, 0)
