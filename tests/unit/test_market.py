"""`Market` from Python: rows that make events, notes, borrowed payloads, typed refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from xrpfast import _core
from xrpfast.trading.events import Signal

MONEY = 10**18


def market() -> tuple[_core.Market, int, int]:
    """Both books LIVE at 2.0000 / 2.0001, a stream each, a detector each way."""
    market = _core.Market()
    rules: dict[str, Any] = {
        "tick": 1,
        "lot": 1,
        "min_qty": 1,
        "max_qty": 10**9,
        "min_notional": 5 * MONEY,
        "taker_rate": 100_000,
    }
    binance = market.add_book("binance", "XRPUSDT", price_decimals=4, qty_decimals=1, **rules)
    kucoin = market.add_book("kucoin", "XRP-USDT", price_decimals=5, qty_decimals=4, **rules)
    assert (market.add_stream("binance"), market.add_stream("kucoin")) == (binance, kucoin)
    detector = _core.SpreadDetector(0, "1000")
    market.add_detector(detector, binance, kucoin)
    market.add_detector(detector, kucoin, binance)
    levels = {"bids": [["2.0000", "100"]], "asks": [["2.0001", "100"]]}
    market.on_snapshot(binance, json.dumps({"lastUpdateId": 10, **levels}).encode(), 1)
    body = {"code": "200000", "data": {"sequence": "20", **levels}}
    batch = market.on_snapshot(kucoin, json.dumps(body).encode(), 2)
    assert batch is not None
    assert batch.notes == [("state", binance, "LIVE"), ("state", kucoin, "LIVE")]
    market.consume()
    return market, binance, kucoin


def ticker(at: int, bid: str, ask: str) -> bytes:
    return json.dumps({"u": at, "s": "XRPUSDT", "b": bid, "B": "30.5", "a": ask, "A": "7"}).encode()


def test_row_is_a_signal_up_to_recv_ns() -> None:
    market_, binance, kucoin = market()
    timed = b'{"e":"depthUpdate","E":1,"s":"XRPUSDT","U":11,"u":11,"b":[],"a":[]}'
    assert market_.on_frame(binance, timed, 90) is None
    batch = market_.on_frame(binance, memoryview(ticker(12, "2.0100", "2.0200")), 100)
    assert batch is not None
    assert (len(batch), batch.notes) == (1, [])
    event = Signal(*batch[0], now_ns=7, wall_ns=8)
    assert batch[-1] == batch[0]
    assert (event.buy_book, event.sell_book, event.detector) == (kucoin, binance, 1)
    assert (event.buy_qty, event.sell_qty) == (305_000, 305)
    assert (event.buy_limit, event.sell_limit) == (200_010, 20_100)
    assert event.buy_cost == 610_030_5 * MONEY // 10**5
    assert event.sell_proceeds == 613_05 * MONEY // 10**3
    fees = (event.buy_cost + event.sell_proceeds) // 1000
    assert event.profit == event.sell_proceeds - event.buy_cost - fees
    assert event.edge == event.profit * 10**8 // event.buy_cost
    assert (event.buy_best_bid, event.buy_best_ask) == (200_000, 200_010)
    assert (event.sell_best_bid, event.sell_best_ask) == (20_100, 20_200)
    assert event.sell_version == market_.view(binance)[2]
    assert event.buy_version == market_.view(kucoin)[2]
    assert (event.buy_data_ns, event.sell_data_ns, event.recv_ns) == (2, 90, 100)
    assert (event.now_ns, event.wall_ns) == (7, 8)
    assert market_.counters()["signals"] >= 1
    for index in (1, -2):
        with pytest.raises(IndexError):
            batch[index]


def test_batch_is_reused_and_consumed() -> None:
    market_, binance, _ = market()
    first = market_.on_frame(binance, ticker(12, "2.0100", "2.0200"), 100)
    assert market_.pending() is first
    assert market_.on_frame(binance, b"{}", 101) is first, "still pending"
    market_.consume()
    assert market_.pending() is None
    assert market_.on_frame(binance, b"{}", 102) is None


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_payload_of_any_buffer(wrap: Any) -> None:
    market_, binance, _ = market()
    market_.on_frame(binance, wrap(ticker(12, "1.9999", "2.0002")), 5)
    assert market_.top(binance) == (19_999, 305, 20_002, 70)
    assert market_.on_frame(binance, memoryview(b"x" * 9)[:0], 6) is not None, "empty: malformed"


def test_payload_that_is_none() -> None:
    market_, binance, _ = market()
    for payload in ("{}", 5, None):
        with pytest.raises(TypeError):
            market_.on_frame(binance, payload, 5)  # type: ignore[arg-type]
    with pytest.raises((BufferError, TypeError)):
        market_.on_frame(binance, memoryview(b"{ } ")[::2], 5)


def test_malformed_and_control_are_notes() -> None:
    market_, _, kucoin = market()
    before = market_.view(kucoin)
    batch = market_.on_frame(kucoin, b'{"type":"error","code":404,"data":"topic"}', 5)
    assert batch is not None
    batch = market_.on_frame(kucoin, b'{"type":"message"', 6)
    assert batch is not None
    assert [note[:2] for note in batch.notes] == [("control", -1), ("malformed", -1)]
    assert batch.notes[0][2] == '{"type":"error","code":404,"data":"topic"}'
    assert market_.view(kucoin) == before
    assert market_.counters()["malformed"] == 1


def test_stream_down_is_seen_at_once() -> None:
    market_, binance, kucoin = market()
    batch = market_.stream_down(kucoin)
    assert batch is not None
    assert batch.notes == [("state", kucoin, "STALE")]
    assert (market_.state(kucoin), market_.state(binance)) == ("STALE", "LIVE")
    assert market_.top(kucoin) is None
    assert market_.depth(kucoin, 5) == ([], [])
    market_.resync(kucoin)
    assert market_.state(kucoin) == "SYNCING"


def test_refusals_are_typed() -> None:
    market_, binance, _ = market()
    with pytest.raises(_core.MalformedFrame):
        market_.on_snapshot(binance, b'{"code":-1121,"msg":"Invalid symbol."}', 5)
    assert market_.state(binance) == "LIVE"
    with pytest.raises(_core.OutOfRange, match="unknown stream"):
        market_.on_frame(9, b"{}", 5)
    with pytest.raises(_core.OutOfRange, match="unknown book"):
        market_.view(9)
    with pytest.raises(ValueError, match="unknown venue"):
        market_.add_stream("kraken")
    with pytest.raises(ValueError, match="unknown venue"):
        _core.BookFeed("kraken", "XRP/USD")


def test_feed_takes_text_and_bytes_and_hands_out_copies() -> None:
    feed = _core.BookFeed("binance", "XRPUSDT")
    assert feed.state == "EMPTY"
    body = '{"lastUpdateId":1,"bids":[["2.00","5"]],"asks":[["2.10","5"]]}'
    assert feed.on_snapshot(body.encode()) == "LIVE"
    before = feed.book
    frame = '{"e":"depthUpdate","s":"XRPUSDT","U":2,"u":2,"b":[["2.05","1"]],"a":[]}'
    assert feed.on_message(frame) == "LIVE"
    assert before.bid_levels() == [("2", "5")]
    assert feed.book.bid_levels() == [("2.05", "1"), ("2", "5")]
    with pytest.raises(_core.MalformedFrame):
        feed.on_message(frame[:-1])
    assert (feed.state, feed.sequence) == ("LIVE", 2)
