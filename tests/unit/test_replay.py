"""Recorded frames end in the book that an independent model says, and the command shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.captures import CAPTURES, DATA, SYMBOLS, naive, rows
from xrpfast import _core
from xrpfast.cli.app import run
from xrpfast.errors import UsageError
from xrpfast.research.replay import replay

VECTORS = json.loads((DATA / "kucoin_level2_calibration.json").read_text())["cases"]


def final(venue: str, symbol: str) -> tuple[int, list[list[str]], list[list[str]]]:
    *_, book = naive(venue, symbol)
    bids, asks = book.texts()
    return book.sequence, [list(level) for level in bids], [list(level) for level in asks]


@pytest.mark.parametrize(("venue", "symbol"), SYMBOLS)
def test_final_book_of_every_symbol(venue: str, symbol: str) -> None:
    sequence, bids, asks = final(venue, symbol)
    assert bids
    assert asks
    assert replay(CAPTURES[venue], venue, symbol) == {
        "state": "LIVE",
        "sequence": sequence,
        "levels": [len(bids), len(asks)],
        "bids": bids,
        "asks": asks,
        "malformed": 0,
    }


@pytest.mark.parametrize(("venue", "symbol"), SYMBOLS)
def test_market_ends_in_the_same_book(venue: str, symbol: str) -> None:
    """The live path: memory views in, registered units out, other frames of the socket between."""
    sequence, bids, asks = final(venue, symbol)
    market = _core.Market()
    book = market.add_book(
        venue, symbol, price_decimals=10, qty_decimals=8, tick=1, lot=1, min_qty=1,
        max_qty=10**17, min_notional=0, taker_rate=0,
    )  # fmt: skip
    stream = market.add_stream(venue)
    for at, row in enumerate(rows(venue, symbol)):
        raw = memoryview(row.raw.encode())
        if row.kind == "ws":
            market.on_frame(stream, raw, at)
        else:
            market.on_snapshot(book, raw, at)
    state, at_sequence, *_ = market.view(book)
    assert state == "LIVE"
    # The last ticker may be newer than the last depth frame; a resync-free depth frame drops it.
    assert at_sequence >= sequence
    shown = market.depth(book, 10**6)
    if at_sequence == sequence:
        for got, expected in zip(shown, (bids, asks), strict=True):
            assert [
                (_core.format_units(price, 10), _core.format_units(qty, 8)) for price, qty in got
            ] == [tuple(level) for level in expected]
    assert market.counters()["malformed"] == 0
    assert market.counters()["gaps"] == 0


@pytest.mark.parametrize("case", VECTORS, ids=[case["id"] for case in VECTORS])
def test_kucoin_level2_vectors(case: dict[str, Any]) -> None:
    feed = _core.BookFeed("kucoin", "XRP-USDT")
    state = feed.on_snapshot(json.dumps({"code": "200000", "data": case["snapshot"]}))
    assert state == "LIVE"
    for message, expected in zip(case["messages"], case["expected"], strict=True):
        before = feed.sequence
        state = feed.on_message(
            json.dumps(
                {
                    "type": "message",
                    "topic": "/market/level2:XRP-USDT",
                    "subject": "trade.l2update",
                    "data": {**message, "symbol": "XRP-USDT", "time": 1760000000321},
                }
            )
        )
        assert state == ("GAP" if expected == "GAP_RESYNC" else "LIVE")
        moved = message["sequenceEnd"] if expected == "APPLIED" else before
        assert feed.sequence == moved
    assert feed.sequence == case["final"]["sequence"]

    def trimmed(levels: list[list[str]]) -> list[tuple[str, str]]:
        return [(p.rstrip("0").rstrip(".") if "." in p else p, q) for p, q in levels]

    assert feed.book.bid_levels() == trimmed(case["final"]["bids"])
    assert feed.book.ask_levels() == trimmed(case["final"]["asks"])


def test_command_prints_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(CAPTURES["kucoin"])
    arguments = ["replay", path, "--venue", "kucoin", "--symbol", "SNX-BTC", "--depth", "3"]
    assert run([*arguments, "--json"]) == 0
    sequence, bids, asks = final("kucoin", "SNX-BTC")
    assert json.loads(capsys.readouterr().out) == {
        "state": "LIVE",
        "sequence": sequence,
        "levels": [len(bids), len(asks)],
        "bids": bids[:3],
        "asks": asks[:3],
        "malformed": 0,
    }
    assert run(arguments) == 0
    text = capsys.readouterr().out
    assert f"LIVE at {sequence}" in text
    assert bids[2][0] in text


def test_lost_frame_shows_as_gap(tmp_path: Path) -> None:
    lines = CAPTURES["binance"].read_text().splitlines(keepends=True)
    own = [at for at, line in enumerate(lines) if '"NKNUSDT"' in line and "depthUpdate" in line]
    del lines[own[40]]
    path = tmp_path / "lossy.jsonl"
    path.write_text("".join(lines))
    assert replay(path, "binance", "NKNUSDT")["state"] == "GAP"


@pytest.mark.parametrize(
    ("venue", "symbol", "content", "says"),
    [
        ("kraken", "XRPUSD", None, "kraken is not written yet"),
        ("bitmex", "XRPUSD", None, "unknown venue 'bitmex'; use binance or kucoin"),
        ("kucoin", "XRP-USDT", None, "it holds ANKR-BTC, EQZ-BTC, NRG-BTC, SNX-BTC"),
        ("binance", "SNX-BTC", None, "check --venue"),
        ("kucoin", "SNX-BTC", b"", "holds no market data"),
        ("kucoin", "SNX-BTC", b"# a page\n", "line 1 is not of a capture"),
        ("kucoin", "SNX-BTC", b"\xff\xfe\x00", "line 1 is not of a capture"),
        ("kucoin", "SNX-BTC", b'{"recv_ns":1,"kind":"ws","symbol":"","raw":5}\n', "line 1"),
    ],
)
def test_bad_input_names_the_thing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    venue: str,
    symbol: str,
    content: bytes | None,
    says: str,
) -> None:
    path = CAPTURES["kucoin"]
    if content is not None:
        path = tmp_path / "capture.jsonl"
        path.write_bytes(content)
    assert run(["replay", str(path), "--venue", venue, "--symbol", symbol]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_unreadable_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot read the capture"):
        replay(tmp_path / name, "kucoin", "SNX-BTC")
