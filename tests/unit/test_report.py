"""`report`: sums that were reckoned by hand, over days, runs and windows."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.records import BOOKS, Record, start, write
from xrpfast.cli import app
from xrpfast.model import MONEY_ONE
from xrpfast.records import kinds
from xrpfast.records.rebuild import rebuild
from xrpfast.records.start import End, Ignored, Refused, Start
from xrpfast.trading import commands, events
from xrpfast.trading.commands import Leg, PlaceLegs
from xrpfast.trading.config import ArbitrageParams

DAY = 86_400 * 10**9
MIDNIGHT = 20_000 * DAY
"""The beginning of 2024-10-04, UTC."""


def begin(epoch: int = 1) -> Record:
    first = msgspec.json.decode(start(epoch)[2], type=Start)
    strategy = ArbitrageParams(name="arb", instrument="XRP/USDT", detectors=(3,), max_qty=MONEY_ONE)
    config = msgspec.structs.replace(first.config, strategies=(strategy,))
    payload = msgspec.structs.replace(first, config=config, wall_ns=MIDNIGHT)
    return MIDNIGHT, kinds.START, msgspec.json.encode(payload)


def signal(wall_ns: int, cents: int, detector: int = 3) -> Record:
    """Both venues' mids are at ``cents``."""
    values = dict.fromkeys(events.Signal.__struct_fields__, 0)
    values |= {
        "detector": detector, "buy_book": 0, "sell_book": 1,
        "buy_best_bid": cents * 100 - 1, "buy_best_ask": cents * 100 + 1,
        "sell_best_bid": cents * 1000 - 30, "sell_best_ask": cents * 1000 + 30,
        "wall_ns": wall_ns,
    }  # fmt: skip
    return wall_ns, kinds.EVENT, msgspec.json.encode(events.Signal(**values))


def order(client_id: str, book: int, side: int, qty: int, at: int, strategy: str = "arb") -> Record:
    """``qty`` whole XRP at 2.00."""
    rules = BOOKS[book]
    leg = Leg(
        client_id, rules.venue, rules.instrument, side, 0, 1, 2 * 10**rules.price_decimals,
        qty * 10**rules.qty_decimals,
    )  # fmt: skip
    command = PlaceLegs(strategy, 1, (leg,), ())
    return at, kinds.COMMAND, msgspec.json.encode(command.record())


def fill(client_id: str, book: int, qty: int, cents: int, at: int, fee: str) -> Record:
    amount, asset = fee.split()
    rules = BOOKS[book]
    event = events.Fill(
        now_ns=1, wall_ns=at + 5, client_id=client_id, venue_order_id="v" + client_id,
        trade_id="t" + client_id, price=cents * 10 ** (rules.price_decimals - 2),
        qty=qty * 10**rules.qty_decimals, fee=int(float(amount) * 1000) * MONEY_ONE // 1000,
        fee_asset=asset, maker=False, venue_ns=at,
    )  # fmt: skip
    return at + 5, kinds.EVENT, msgspec.json.encode(event)


def note(at: int, value: Any) -> Record:
    return at, kinds.NOTE, msgspec.json.encode(value)


RECORDS = [
    begin(),
    signal(MIDNIGHT + 1, 200),
    # Day 1: 10 XRP bought at 1.90 for 0.01 XRP fee, 8 of them sold at 2.10 for 0.1 USDT.
    order("a", 0, 0, 10, MIDNIGHT + 10),
    order("b", 1, 1, 8, MIDNIGHT + 10),
    fill("a", 0, 10, 190, MIDNIGHT + 20, "0.01 XRP"),
    fill("b", 1, 8, 210, MIDNIGHT + 21, "0.1 USDT"),
    note(MIDNIGHT + 30, Refused(signal_id=2, reason="BOOK_STALE")),
    note(MIDNIGHT + 31, Refused(signal_id=3, reason="BOOK_STALE")),
    note(MIDNIGHT + 32, Ignored(signal_id=4, reason="COOLDOWN", count=4)),
    signal(MIDNIGHT + 40, 220),
    signal(MIDNIGHT + 41, 900, detector=8),  # which no strategy asked for
    # Day 2: nothing is traded, the mark falls.
    signal(MIDNIGHT + DAY + 1, 100),
    note(MIDNIGHT + DAY + 32, Ignored(signal_id=5, reason="COOLDOWN", count=9)),
    (MIDNIGHT + DAY + 33, kinds.END, msgspec.json.encode(End(ignored={"COOLDOWN": 15}))),
    begin(2),
    note(MIDNIGHT + DAY + 50, Ignored(signal_id=1, reason="COOLDOWN", count=1)),
    # Day 3: the 1.99 XRP left are sold but for 0.99, with a fee in a third asset.
    signal(MIDNIGHT + 2 * DAY + 1, 300),
    order("c", 0, 1, 1, MIDNIGHT + 2 * DAY + 2, "hedge"),
    fill("c", 0, 1, 300, MIDNIGHT + 2 * DAY + 3, "0.002 BNB"),
    order("d", 0, 1, 5, MIDNIGHT + 2 * DAY + 4),
    (
        MIDNIGHT + 2 * DAY + 5,
        kinds.EVENT,
        msgspec.json.encode(
            events.OrderUnknown(
                now_ns=1, wall_ns=MIDNIGHT + 2 * DAY + 5, client_id="d", reason="timeout"
            )
        ),
    ),
    (
        MIDNIGHT + 2 * DAY + 6,
        kinds.COMMAND,
        msgspec.json.encode(commands.Adopt("kucoin", "USDT", -5 * MONEY_ONE, "dust")),
    ),
    signal(MIDNIGHT + 3 * DAY, 400),
]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("state")
    write(where / "journal", RECORDS, segment_bytes=2048)
    rebuild(where / "journal", where / "ledger.sqlite")
    return where


def told(state: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert app.run(["report", "--state-dir", str(state), "--json", *words]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_fees_that_were_never_told_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wall_ns, kind, payload = fill("b", 1, 8, 210, MIDNIGHT + 21, "0.1 USDT")
    estimate = msgspec.structs.replace(
        msgspec.json.decode(payload, type=events.AnyEvent), fee_estimated=True
    )
    records = [
        begin(),
        order("a", 0, 0, 10, MIDNIGHT + 10),
        order("b", 1, 1, 8, MIDNIGHT + 10),
        fill("a", 0, 10, 190, MIDNIGHT + 20, "0.01 XRP"),
        (wall_ns, kind, msgspec.json.encode(estimate)),
    ]
    write(tmp_path / "journal", records)
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    assert told(tmp_path, capsys)["estimated_fees"] == {"kucoin": 1}
    assert app.run(["report", "--state-dir", str(tmp_path)]) == 0
    assert "estimated  fees of fills at kucoin 1: never told" in capsys.readouterr().out


def test_the_total(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = told(state, capsys)
    # 16.8 - 19 - 0.1 + 3 in cash, and 0.99 XRP left at 4.00.
    assert document["total"] == {
        "key": "total",
        "orders": 4,
        "fills": 3,
        "volume": {"USDT": "38.8"},
        "pnl": {"USDT": "4.66"},
        "fees": {"BNB": "0.002", "USDT": "0.1", "XRP": "0.01"},
    }
    assert document["positions"] == {
        "XRP": {"total": "0.99", "venues": {"binance": "8.99", "kucoin": "-8"}, "mark": "4"}
    }
    assert document["adopted"] == [{"venue": "kucoin", "asset": "USDT", "amount": "-5"}]
    assert document["refused"] == {"BOOK_STALE": 2}
    assert document["ignored"] == {"COOLDOWN": 16}
    assert document["not_taken_exact"] is False
    assert document["orders_by_state"] == {"FILLED": 3, "UNKNOWN": 1}
    assert document["unknown"] == document["unsettled"] == ["d"]
    assert document["runs"] == 2


def test_days_carry_over_what_is_left(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    groups = told(state, capsys, "--by", "day")["groups"]
    assert [(g["key"], g["orders"], g["fills"], g["pnl"]["USDT"]) for g in groups] == [
        # -2.3 in cash and 1.99 XRP at 2.20
        ("2024-10-04", 2, 2, "2.078"),
        # 1.99 XRP from 2.20 to 1.00
        ("2024-10-05", 0, 0, "-2.388"),
        # 3 in cash, 0.99 XRP at 3.00 instead of 1.99 at 1.00
        ("2024-10-06", 2, 1, "3.98"),
        # 0.99 XRP from 3.00 to 4.00
        ("2024-10-07", 0, 0, "0.99"),
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        # 9.99 - 1 XRP at 4.00 less 19 - 3; 8 XRP short at 4.00, 16.7 in cash
        ("venue", {"binance": (3, 2, "19.96"), "kucoin": (1, 1, "-15.3")}),
        ("strategy", {"arb": (3, 2, "5.66"), "hedge": (1, 1, "-1")}),
    ],
)
def test_groups(
    state: Path, capsys: pytest.CaptureFixture[str], by: str, expected: dict[str, Any]
) -> None:
    groups = told(state, capsys, "--by", by)["groups"]
    assert {g["key"]: (g["orders"], g["fills"], g["pnl"]["USDT"]) for g in groups} == expected


def test_a_window_counts_its_own_fills_at_the_mark_of_its_end(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = told(state, capsys, "--since", "2024-10-04", "--until", "2024-10-05")
    assert document["total"]["pnl"] == {"USDT": "2.078"}
    assert (document["total"]["fills"], document["unknown"]) == (2, [])
    assert document["refused"] == {"BOOK_STALE": 2}
    assert document["positions"]["XRP"]["mark"] == "2.2"
    document = told(state, capsys, "--since", "2024-10-06T00:00:00Z")
    # 3 in cash, 1 XRP short at 4.00; the mark before the first fill of the day counts not
    assert document["total"]["pnl"] == {"USDT": "-1"}
    assert document["adopted"] != []
    document = told(state, capsys, "--until", "2024-10-04T00:00")
    assert (document["total"]["orders"], document["total"]["pnl"], document["runs"]) == (0, {}, 0)


def test_csv(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["report", "--state-dir", str(state), "--by", "venue", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows == [
        {
            "venue": "binance", "orders": "3", "fills": "2", "volume USDT": "22",
            "pnl USDT": "19.96", "fees BNB": "0.002", "fees USDT": "0", "fees XRP": "0.01",
        },
        {
            "venue": "kucoin", "orders": "1", "fills": "1", "volume USDT": "16.8",
            "pnl USDT": "-15.3", "fees BNB": "0", "fees USDT": "0.1", "fees XRP": "0",
        },
    ]  # fmt: skip


def test_for_people(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["report", "--state-dir", str(state), "--by", "day"]) == 0
    out = capsys.readouterr().out
    for part in ("2024-10-05", "-2.388", "4.66", "left over", "mark 4", "unknown    d", "adopted"):
        assert part in out


def test_without_a_ledger_or_a_state_dir(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["report"], ["why"]):
        assert app.run([*command, "--state-dir", str(tmp_path)]) == 2
        assert "there is no ledger" in capsys.readouterr().err
        assert app.run([*command, "--state-dir", str(tmp_path / "none")]) == 2
        assert "no such state_dir" in capsys.readouterr().err


def test_no_mark_values_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "journal", [begin(), *RECORDS[2:6]])
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    document = told(tmp_path, capsys)
    assert document["total"]["pnl"] == {"USDT": "-2.3"}
    assert document["positions"]["XRP"]["mark"] is None


def test_what_is_left_to_be_hedged_and_what_a_person_traded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = MIDNIGHT + 1_000
    by_hand = events.TradedByHand(
        now_ns=0,
        wall_ns=at + 2,
        instrument="XRP/USDT",
        amount=-3 * MONEY_ONE,
        reason="web page",
        who="ann",
    )
    spent = commands.Spent("XRP/USDT", MONEY_ONE // 4, 2)
    write(
        tmp_path / "journal",
        [
            begin(),
            order("a", 0, 0, 10, at),
            fill("a", 0, 10, 200, at + 1, "0.01 USDT"),
            (at + 2, kinds.RECOVERY, msgspec.json.encode(by_hand)),
            (at + 3, kinds.COMMAND, msgspec.json.encode(spent)),
        ],
    )
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    assert app.run(["report", "--state-dir", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["residuals"] == [
        {"instrument": "XRP/USDT", "amount": "7", "lost": "0.25", "hedges": 2}
    ]
    (row,) = document["by_hand"]
    assert (row["amount"], row["who"], row["reason"]) == ("-3", "ann", "web page")
    assert app.run(["report", "--state-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "to hedge   7 of base of XRP/USDT; 2 hedges lost 0.25 so far" in out
    assert "by hand    -3 of base of XRP/USDT (ann: web page)" in out


def test_what_was_halted_and_resumed_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = MIDNIGHT + 1_000

    def word(kind: int, after: int, what: object) -> tuple[int, int, bytes]:
        return at + after, kind, msgspec.json.encode(what)

    def said(action: str, after: int, who: str, scope: str = "") -> events.Control:
        return events.Control(
            now_ns=0, wall_ns=at + after, action=action, reason="why", scope=scope, who=who
        )

    flatten = events.Flatten(
        now_ns=0, wall_ns=at + 6, instrument="XRP/USDT", max_loss=2 * MONEY_ONE, within_ns=1,
        reason="enough", who="ann",
    )  # fmt: skip
    write(
        tmp_path / "journal",
        [
            begin(),
            word(kinds.EVENT, 1, said("start", 1, "")),
            word(kinds.COMMAND, 2, commands.Halt("venue:kucoin", "key refused")),
            word(kinds.EVENT, 3, said("halt", 3, "ann")),
            word(kinds.COMMAND, 4, commands.Halt("engine", "why", "ann")),
            word(kinds.RECOVERY, 5, said("resume", 5, "bob")),
            word(kinds.EVENT, 6, flatten),
            word(kinds.COMMAND, 7, commands.Reduce("venue:kucoin", "moved")),
        ],
    )
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    assert app.run(["report", "--state-dir", str(tmp_path), "--json"]) == 0
    words = json.loads(capsys.readouterr().out)["words"]
    assert [(w["action"], w["scope"], w["who"]) for w in words] == [
        ("halt", "venue:kucoin", "engine"),
        ("halt", "engine", "ann"),
        ("resume", "all", "bob"),
        ("flatten", "symbol:XRP/USDT", "ann"),
        ("reduce", "venue:kucoin", "engine"),
    ]
    assert words[3]["reason"] == "enough (losing at most 2)"
    assert app.run(["report", "--state-dir", str(tmp_path)]) == 0
    assert "resume     all (bob: why), " in capsys.readouterr().out
