"""The fixture that holds mocks against journals finds every order that was not authorised."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.authorised import Authorised, Mock
from support.records import WALL, pair, start, write

FINE = {
    "venue": "binance", "client_id": "xdABCD1-0a", "side": "BUY", "price": "2.1234", "qty": "25",
    "accepted_ns": WALL + 700,
}  # fmt: skip


def complaint(folder: Path, *orders: dict[str, Any], planted: str = "") -> str:
    found = Authorised(folder)
    found.plant({"action": "foreign_order", "params": {"client_id": planted}})
    mock = Mock()
    mock.born_ns, mock.ended_ns = 0, 2**62
    for venue in ("binance", "kucoin"):
        mock.take(venue, {"orders": [order for order in orders if order["venue"] == venue]})
    found.mocks.append(mock)
    try:
        found.check()
    except AssertionError as error:
        return str(error)
    return ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "one" / "journal", [start(), pair("xdABCD1-0a", "xdABCD1-0b")])
    return tmp_path


def test_an_order_as_it_was_recorded(folder: Path) -> None:
    assert complaint(folder, FINE) == ""
    assert Decimal(FINE["price"]) == Decimal("2.12340")
    assert complaint(folder, FINE | {"price": "2.12340", "qty": "25.0"}) == ""
    write(folder / "copy" / "journal", [start(), pair("xdABCD1-0a", "xdABCD1-0b")])
    assert complaint(folder, FINE) == ""


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        ({"client_id": "xdABCD1-1a"}, "stands in 0 records"),
        ({"side": "SELL"}, "was recorded"),
        ({"price": "2.1235"}, "was recorded"),
        ({"qty": "25.1"}, "was recorded"),
        ({"venue": "kucoin"}, "was recorded"),
        ({"accepted_ns": WALL}, "before its record"),
    ],
)
def test_an_order_that_nobody_wrote_down_like_that(
    folder: Path, lie: dict[str, Any], why: str
) -> None:
    assert why in complaint(folder, FINE | lie)


def test_an_order_that_was_recorded_twice(folder: Path) -> None:
    again = pair("xdABCD1-0a", "xdABCD1-0b", time_ns=WALL + 650)
    write(folder / "two" / "journal", [start(), again])
    assert "stands in 2 records" in complaint(folder, FINE)


def test_orders_of_others_are_none_of_ours(folder: Path) -> None:
    assert complaint(folder, FINE | {"client_id": "web_1234"}) == ""
    planted = FINE | {"client_id": "xdABCD2-0a"}
    assert complaint(folder, planted, planted="xdABCD2-0a") == ""
