"""The tables of outcome classes against the collected facts about each venue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xrpfast.venues.binance import errors as binance
from xrpfast.venues.kucoin import errors as kucoin
from xrpfast.venues.outcome import Outcome, VenueError

DATA = Path(__file__).parent.parent / "data"
BINANCE: list[dict[str, Any]] = json.loads((DATA / "binance_errors.json").read_text())
KUCOIN: list[dict[str, Any]] = [
    entry
    for entry in json.loads((DATA / "kucoin_errors.json").read_text())["entries"]
    if {"rest", "wsapi"} & set(entry["layer"])
]


@pytest.mark.parametrize("entry", BINANCE, ids=lambda entry: str(entry["code"]))
def test_every_binance_code_and_text_has_its_class_for_a_write(entry: dict[str, Any]) -> None:
    assert binance.classify(entry["code"], "", 400, write=True) == entry["class"]
    for message in entry.get("messages", []):
        assert binance.classify(entry["code"], message["msg"], 400, write=True) == message["class"]


def test_the_binance_table_has_no_code_beyond_the_facts() -> None:
    assert set(binance.CODES) == {entry["code"] for entry in BINANCE}


@pytest.mark.parametrize("code", [-1008, -1013, -2010, -1016, None, -9999])
def test_a_binance_write_that_met_a_server_fault_is_unknown(code: int | None) -> None:
    assert binance.classify(code, "", 503, write=True) is Outcome.UNKNOWN_RECONCILE


def test_binance_reads_and_unknown_codes() -> None:
    assert binance.classify(-1007, "", 400, write=False) is Outcome.RETRY_BACKOFF
    assert binance.classify(-9999, "", 400, write=False) is Outcome.NEVER_RETRY
    assert binance.classify(-9999, "", 400, write=True) is Outcome.UNKNOWN_RECONCILE
    assert binance.classify(-1003, "banned", 418, write=True) is Outcome.AUTH_HALT


@pytest.mark.parametrize("entry", KUCOIN, ids=lambda entry: f"{entry['code']}-{entry['match']}")
def test_every_kucoin_entry_has_its_class(entry: dict[str, Any]) -> None:
    text = entry["match"] or ""
    code = "999999" if entry["code"] == "*" else entry["code"]
    assert kucoin.classify(code, text, 200, write=False) == entry["class"]
    assert kucoin.classify(code, text, 200, write=True) == entry["order_class"]


def test_kucoin_unknown_codes_and_block_pages() -> None:
    assert kucoin.classify("999999", "", 200, write=True) is Outcome.UNKNOWN_RECONCILE
    assert kucoin.classify("999999", "", 200, write=False) is Outcome.NEVER_RETRY
    assert kucoin.classify("999999", "", 502, write=False) is Outcome.RETRY_BACKOFF
    assert kucoin.classify(None, "<html>", 502, write=True) is Outcome.UNKNOWN_RECONCILE
    assert kucoin.classify(None, "<html>", 599, write=True) is Outcome.UNKNOWN_RECONCILE


def test_a_pause_in_the_words_of_a_refusal_is_no_refused_key() -> None:
    """The worst: a ban of two minutes, and no account stream until a restart."""

    def error(outcome: Outcome) -> VenueError:
        return VenueError("binance", "user data", "-1003", "Way too many requests", outcome)

    assert error(Outcome.AUTH_HALT).of_key(left_alone=False)
    assert not error(Outcome.AUTH_HALT).of_key(left_alone=True)
    assert not error(Outcome.RETRY_AFTER_TIME_SYNC).of_key(left_alone=False)
