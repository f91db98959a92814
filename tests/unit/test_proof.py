"""The record of what foreign clients read: no row without an assertion that can fail."""

from __future__ import annotations

from decimal import Decimal

import pytest

from support.proof import HEAD, Client, Proof

CLIENT = Client("Binance", "ccxt", "REST", "`urls`")
REPLY = {"id": "7", "price": "2.40", "fills": [{"qty": 3.5, "maker": False}]}


def test_a_row_names_what_was_asserted() -> None:
    proof = Proof()
    told = {"price": Decimal("2.4"), "fills.0.qty": Decimal("3.5"), "fills.0.maker": False}
    proof.check(CLIENT, "place", REPLY, told | {"id": str})
    with proof.raises(CLIENT, "place, poor", LookupError, "-2010", "no money"):
        raise LookupError("-2010 no money")
    proof.cannot(CLIENT, "logon", "no such call", because=True)
    page = proof.table()
    assert page.startswith(HEAD)
    assert "| place | `fills.maker`, `fills.qty`, `id`, `price` |\n" in page
    assert "| place, poor | raises `LookupError`: -2010 no money |\n" in page
    assert "| logon | not possible: no such call |\n" in page


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"id": 7},
        {"id": int},
        {"price": "2.4"},
        {"price": Decimal("2.41")},
        {"id": lambda text: text},  # true enough is not True
        {"fills.0.maker": 0},
    ],
)
def test_what_does_not_hold_makes_no_row(wrong: dict[str, object]) -> None:
    proof = Proof()
    with pytest.raises(AssertionError):
        proof.check(CLIENT, "place", REPLY, wrong)
    with pytest.raises(KeyError):
        proof.check(CLIENT, "place", REPLY, {"gone": str})
    assert proof.table() == HEAD


def test_another_exception_makes_no_row() -> None:
    proof = Proof()
    for kind, text in ((KeyError, "-2010"), (LookupError, "-2011")):
        with pytest.raises(AssertionError), proof.raises(CLIENT, "place", LookupError, "-2010"):
            raise kind(text)
    with pytest.raises(pytest.fail.Exception), proof.raises(CLIENT, "place", LookupError, "x"):
        pass
    with pytest.raises(AssertionError):
        proof.cannot(CLIENT, "logon", "no such call", because=False)
    assert proof.table() == HEAD
