"""A demo's records: verified, decided again, reported and explained, all from what it left."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.records import table, tables
from xrpfast._core import JournalReader, RiskGate
from xrpfast.cli import app
from xrpfast.records import kinds
from xrpfast.records.rebuild import rebuild
from xrpfast.records.start import Start
from xrpfast.trading.engine import Engine
from xrpfast.trading.events import AnyEvent


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The state_dir of a demo of four seconds, and its closing report."""
    where = tmp_path_factory.mktemp("demo") / "kept"
    done = subprocess.run(
        [
            sys.executable, "-m", "xrpfast", "demo", "--seconds", "4", "--seed", "5", "--json",
            "--keep", str(where),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return where, json.loads(done.stdout)


Kept = tuple[Path, dict[str, Any]]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert app.run(words) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def engine_after(state_dir: Path) -> Engine:
    """The engine as it was at the end, from the journal alone."""
    engine: Engine | None = None
    for _, _, kind, payload in JournalReader(state_dir / "journal"):
        if kind == kinds.START:
            config = msgspec.json.decode(payload, type=Start).config
            engine = Engine(config, RiskGate(10**18))
        elif kind == kinds.EVENT:
            assert engine is not None
            engine.process(msgspec.json.decode(payload, type=AnyEvent))
    assert engine is not None
    return engine


def test_the_journal_is_sound(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    verdict = said(capsys, "journal", "verify", str(kept[0]), "--json")
    assert verdict["sound"] is True
    assert verdict["torn"] is None
    assert verdict["ledger_sequence"] == verdict["records"] == verdict["last"]["sequence"]


def test_decided_again_byte_for_byte(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    result = said(capsys, "rerun", str(kept[0]), "--json")
    assert result["same"] is True
    assert result["cut_short"] == result["skipped"] == 0
    placed = sum(
        kind == kinds.COMMAND and b'"place_legs"' in payload
        for _, _, kind, payload in JournalReader(kept[0] / "journal")
    )
    assert result["commands"] >= placed >= kept[1]["orders"] / 2 > 0


def test_the_ledger_is_what_the_journal_makes_of_it(kept: Kept, tmp_path: Path) -> None:
    rebuild(kept[0] / "journal", tmp_path / "again.sqlite")
    assert tables(tmp_path / "again.sqlite") == tables(kept[0] / "ledger.sqlite")


def test_the_report_is_the_engines_own(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    where, report = kept
    summary = engine_after(where).summary()
    for by in ("strategy", "venue", "day"):
        told = said(capsys, "report", "--state-dir", str(where), "--by", by, "--json")
        total = told["total"]
        assert total["pnl"] == summary["pnl"] == {"USDT": report["pnl"]["quote"]}
        assert total["orders"] == summary["counts"]["orders"] == report["orders"]
        assert total["fills"] == summary["counts"]["fills"] == report["fills"]
        assert told["refused"] == summary["counts"]["refused"] == report["refused"]
        assert told["ignored"] == summary["counts"]["ignored"]
        assert told["not_taken_exact"] is True
        assert told["positions"]["XRP"]["total"] == summary["positions"]["XRP"]
        assert (told["unknown"], told["unsettled"], told["runs"]) == ([], [], 1)
        groups = told["groups"]
        assert len(groups) == {"strategy": len(groups), "venue": 2, "day": len(groups)}[by]
        assert sum(group["orders"] for group in groups) == total["orders"]
        assert sum(group["fills"] for group in groups) == total["fills"]
        # Every group is rounded down on its own, to 10^-18.
        lost = Decimal(total["pnl"]["USDT"]) - sum(Decimal(g["pnl"]["USDT"]) for g in groups)
        assert 0 <= lost < Decimal(len(groups)).scaleb(-18)
        for asset, fee in total["fees"].items():
            assert sum(Decimal(group["fees"].get(asset, 0)) for group in groups) == Decimal(fee)


def test_every_order_is_explained(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    where, _ = kept
    orders = {row["client_id"]: row for row in table(where / "ledger.sqlite", "orders")}
    fills = table(where / "ledger.sqlite", "fills")
    for client_id in [*list(orders)[:4], *(o for o in orders if orders[o]["strategy"] == "hedge")]:
        story = said(capsys, "explain", client_id, "--state-dir", str(where), "--json")
        assert story["verdict"]["is"] == "approved"
        assert client_id in {order["client_id"] for order in story["orders"]}
        for order in story["orders"]:
            row = orders[order["client_id"]]
            own = [fill for fill in fills if fill["client_id"] == order["client_id"]]
            for key in ("state", "price", "qty", "side", "tif", "reason"):
                assert order[key] == row[key]
            assert order["filled"] == row["filled_qty"]
            assert {f["trade_id"] for f in order["fills"]} == {f["trade_id"] for f in own}
            assert order["life"][-1]["state"] == row["state"]
            assert order["latency_ns"]["ack"] > 0
        stages = story["latency_ns"]
        assert min(stages.values()) >= 0
        whole = "tick_to_order" if row["signal_id"] else "event_to_order"
        assert {"journal", "encode", "send", whole} <= stages.keys()
        if row["signal_id"]:
            assert story["signal"]["buy"]["book_age_ns"] > 0
            assert len(story["orders"]) == 2
            parts = ("decode", "decide", "journal", "encode", "send")
            assert sum(stages[part] for part in parts) == stages["tick_to_order"]


def test_signals_that_were_not_taken(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    where, _ = kept
    rows = said(capsys, "why", "-n", "5000", "--state-dir", str(where), "--json")
    summary = engine_after(where).summary()
    assert {row["reason"] for row in rows} == {
        *summary["counts"]["ignored"], *summary["counts"]["refused"],
    }  # fmt: skip
    assert rows == sorted(rows, key=lambda row: -row["sequence"])
    for row in rows:
        story = said(capsys, "explain", str(row["signal_id"]), "--state-dir", str(where), "--json")
        assert (story["verdict"]["is"], story["verdict"]["reason"]) == (
            row["verdict"], row["reason"],
        )  # fmt: skip
        assert story["verdict"]["noted"] is True
        assert story["orders"] == []
    # The samples are bounded: one of a reason in a minute, and this took less.
    ignored = [row["reason"] for row in rows if row["verdict"] == "ignored"]
    assert len(ignored) == len(set(ignored))


def test_a_signal_that_no_sample_took_is_decided_once_more(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    where, _ = kept
    with closing(sqlite3.connect(where / "ledger.sqlite")) as db:
        noted = {row[0] for row in db.execute("select signal_id from ignored")}
        noted |= {row[0] for row in db.execute("select signal_id from refusals")}
        taken = {row[0] for row in db.execute("select signal_id from orders")}
    signals = [
        int(payload.split(b",", 2)[1].split(b":")[1])
        for _, _, kind, payload in JournalReader(where / "journal")
        if kind == kinds.EVENT and payload.startswith(b'{"event":"signal"')
    ]
    (signal, *_) = [one for one in signals if one not in noted | taken]
    story = said(capsys, "explain", str(signal), "--state-dir", str(where), "--json")
    assert story["verdict"]["is"] == "ignored"
    assert story["verdict"]["noted"] is False
    assert story["verdict"]["means"]


def test_for_people(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    where = str(kept[0])
    client_id = table(kept[0] / "ledger.sqlite", "orders")[0]["client_id"]
    for words, part in (
        (["report"], "left over"),
        (["report", "--by", "venue"], "kucoin"),
        (["report", "--by", "day", "--csv"], "day,orders,fills,volume USDT,pnl USDT"),
        (["report", "--since", "2001-01-01", "--until", "2001-01-02T12:30"], "from 2001-01-01 "),
        (["explain", client_id], "tick_to_order"),
        (["why", "-n", "1"], "ignored"),
    ):
        assert app.run([*words, "--state-dir", where]) == 0
        assert part in capsys.readouterr().out
    for words, code in (
        (["explain", "x-nothing"], 1),
        (["explain", "999999999"], 1),
        (["report", "--since", "yesterday"], 2),
        (["report", "--since", "2026-01-02", "--until", "2026-01-01"], 2),
        (["report", "--json", "--csv"], 2),
    ):
        assert app.run([*words, "--state-dir", where]) == code
        assert capsys.readouterr().err.count("\n") == 1
