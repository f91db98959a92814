"""`explain`: what the journal of a real engine says of one decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.recorded import Recorded
from support.records import Record, write
from support.trading import MS
from xrpfast.errors import FailedError
from xrpfast.model import MONEY_ONE
from xrpfast.records import kinds
from xrpfast.research.explain import explain
from xrpfast.trading import events


def story(folder: Path, records: list[Record], what: str) -> dict[str, Any]:
    write(folder / "journal", records, segment_bytes=4096)
    return explain(folder / "journal", what)


def test_a_pair_from_the_signal_to_the_result(tmp_path: Path) -> None:
    world = Recorded()
    buy, sell = world.place()
    world.now_ns += 2 * MS
    world.ack(buy)
    world.fill(buy, "t1", 400, fee=MONEY_ONE // 2, fee_asset="BNB")
    world.fill(buy, "t1", 400, fee=MONEY_ONE // 2, fee_asset="BNB")
    world.now_ns += MS
    world.end(buy, "EXPIRED", 400, "the rest of an IOC")
    world.unknown(sell, "timeout")
    world.query(sell, "FILLED", 400_000)
    world.fill(sell, "t1", 400_000, fee=MONEY_ONE, fee_estimated=True)
    world.fill(sell, "t1", 400_000, fee=2 * MONEY_ONE)
    told = story(tmp_path, world.records, sell.client_id)
    assert told == {**explain(tmp_path / "journal", buy.client_id), "id": sell.client_id}
    assert told == {**explain(tmp_path / "journal", "1"), "id": sell.client_id}

    signal = told["signal"]
    assert signal["buy"] == {
        "venue": "binance", "qty": "100", "limit": "2.1", "best_bid": "2.099", "best_ask": "2.1",
        "book_version": 1, "book_age_ns": 2_000,
    }  # fmt: skip
    assert (signal["sell"]["venue"], signal["sell"]["best_ask"]) == ("kucoin", "2.106")
    assert (signal["edge"], signal["expected_profit"]) == ("0.00047619", "0.1")
    assert told["verdict"] == {"is": "approved", "strategy": "arb", "reason": ""}

    first, second = told["orders"]
    assert [(step["state"], step["after_ns"]) for step in first["life"]] == [
        ("SENT", 0),
        ("OPEN", 2 * MS),
        ("PARTLY_FILLED", 2 * MS),
        ("PARTLY_FILLED", 2 * MS),
        ("EXPIRED", 3 * MS),
    ]
    assert (first["state"], first["filled"], first["reason"]) == (
        "EXPIRED", "40", "the rest of an IOC",
    )  # fmt: skip
    assert first["latency_ns"] == {"ack": 2 * MS, "first_fill": 2 * MS, "end": 3 * MS}
    assert [fill["fee_asset"] for fill in first["fills"]] == ["BNB"]
    assert [step["state"] for step in second["life"]][:2] == ["SENT", "UNKNOWN"]
    assert any("the venue says FILLED" in step["what"] for step in second["life"])
    assert [fill["fee"] for fill in second["fills"]] == ["2"]
    # 40 bought at 2.10, 40 sold at 2.105 for 2 USDT.
    assert told["profit"] == {"BNB": "-0.5", "USDT": "-1.8", "XRP": "0"}


def test_what_came_after_an_order_left_memory(tmp_path: Path) -> None:
    world = Recorded(keep_orders=0)
    buy, sell = world.place()
    world.settle(sell)
    world.fill(buy, "t1", 400, fee=MONEY_ONE, fee_estimated=True)
    world.end(buy, "EXPIRED", 400)
    world.fill(buy, "t1", 400, fee=2 * MONEY_ONE)
    world.end(buy, "CANCELLED", 500)
    world.fill(buy, "t2", 100)
    order = story(tmp_path, world.records, buy.client_id)["orders"][0]
    assert [step["what"] for step in order["life"]][-3:] == [
        "fee of fill t1 is 2 USDT",
        "ended CANCELLED: it was long over",
        "fill t2, not booked: it was long over",
    ]
    assert (order["state"], order["filled"], order["reason"]) == ("EXPIRED", "40", "")
    assert [fill["trade_id"] for fill in order["fills"]] == ["t1"]


def test_silence_and_absence(tmp_path: Path) -> None:
    world = Recorded()
    buy, _ = world.place()
    for _ in range(2):
        world.now_ns += 3_000 * MS
        world.timer()
        world.query(buy, None, authoritative=False)
        world.query(buy, None)
    told = story(tmp_path, world.records, buy.client_id)
    life = told["orders"][0]["life"]
    assert (life[1]["what"], life[1]["state"]) == ("we asked what became of it", "UNKNOWN")
    assert "the venue does not know it, no proof" in {step["what"] for step in life}
    assert told["orders"][0]["state"] == "REJECTED"
    assert told["orders"][0]["reason"] == "NOT_FOUND"


def test_signals_that_were_not_taken(tmp_path: Path) -> None:
    world = Recorded()
    world.signal(buy_data_ns=world.now_ns - 10**10)
    world.signal(profit=1, detector=9)
    world.sample = False
    world.signal(profit=1, detector=9)
    assert world.engine.last_ignored is not None
    refused = story(tmp_path, world.records, "1")["verdict"]
    assert (refused["is"], refused["noted"]) == ("refused", True)
    assert refused["reason"] in world.engine.refused
    assert refused["means"]
    noted, decided = (explain(tmp_path / "journal", number)["verdict"] for number in "23")
    assert noted == {
        "is": "ignored", "reason": "NOT_WANTED", "noted": True, "means": decided["means"],
    }  # fmt: skip
    assert decided == {**noted, "noted": False}


def test_one_signal_id_in_two_runs_is_that_of_the_latest(tmp_path: Path) -> None:
    runs = [Recorded(), Recorded()]
    runs[0].place()
    runs[1].signal(buy_data_ns=0)
    records = [*runs[0].records, *runs[1].records]
    told = story(tmp_path, records, "1")
    assert (told["verdict"]["is"], told["orders"]) == ("refused", [])
    # The order is found in its own run all the same, and what a later one heard of it.
    leg = runs[0].legs[0]
    end = events.OrderEnd(
        now_ns=1, wall_ns=2, client_id=leg.client_id, venue_order_id="v", state="CANCELLED",
        filled_qty=0, reason="restart",
    )  # fmt: skip
    recovery = (2, kinds.RECOVERY, msgspec.json.encode(end))
    told = story(tmp_path / "again", [*records, recovery], leg.client_id)
    assert told["verdict"]["is"] == "approved"
    assert [order["state"] for order in told["orders"]] == ["CANCELLED", "SENT"]


def test_a_run_that_died_at_the_signal(tmp_path: Path) -> None:
    world = Recorded()
    world.signal()
    (at,) = [i for i, record in enumerate(world.records) if b'"place_legs"' in record[2]]
    told = story(tmp_path, world.records[:at], "1")
    assert (told["verdict"]["is"], told["orders"], told["profit"]) == ("unfinished", [], {})


@pytest.mark.parametrize("what", ["2", "xttest7-00z", "x", "0", "' or 1"])
def test_what_is_not_there_is_one_line(tmp_path: Path, what: str) -> None:
    world = Recorded()
    world.place()
    with pytest.raises(FailedError, match="no such signal or order") as error:
        story(tmp_path, world.records, what)
    assert "\n" not in str(error.value)
