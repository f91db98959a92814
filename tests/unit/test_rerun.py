"""`rerun`: journals of a real engine, the same and altered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.recorded import Recorded
from support.records import Record, write
from support.trading import MS
from xrpfast.cli import app
from xrpfast.errors import FailedError
from xrpfast.records import kinds
from xrpfast.records.start import Start
from xrpfast.research.rerun import Result, rerun

END: Record = (1, kinds.END, b'{"reason":"test","unsettled":[]}')


def run(**changes: Any) -> list[Record]:
    """Orders, fills, silence and a refusal."""
    world = Recorded(**changes)
    buy, sell = world.place()
    world.ack(buy)
    world.settle(buy, sell)
    world.now_ns += MS
    first, second = world.place()
    world.fill(first, "t-9")
    world.now_ns += 3_000 * MS
    world.timer()
    world.query(second, "CANCELLED", 0)
    world.signal(buy_data_ns=world.now_ns - 10**10)  # too old a book: refused
    return [*world.records, END]


@pytest.fixture(scope="module")
def records() -> list[Record]:
    found = run()
    kinds_of = [kind for _, kind, _ in found]
    assert kinds_of.count(kinds.COMMAND) > 5
    assert kinds.NOTE in kinds_of
    return found


def again(folder: Path, records: list[Record], **options: int) -> Result:
    write(folder / "journal", records, **options)
    return rerun(folder / "journal")


def at(records: list[Record], kind: int, number: int = 0, part: bytes = b"") -> int:
    """Index of the n-th record of a kind; its sequence is one more."""
    return [i for i, record in enumerate(records) if record[1] == kind and part in record[2]][
        number
    ]


def test_the_same_commands(tmp_path: Path, records: list[Record]) -> None:
    result = again(tmp_path, records, segment_bytes=4096)
    assert result.difference is None
    count = [kind for _, kind, _ in records].count
    assert (result.runs, result.cut_short, result.skipped) == (1, 0, 0)
    assert (result.events, result.commands) == (count(kinds.EVENT), count(kinds.COMMAND))
    assert result.refusals == 1
    assert result.events_per_second > 0


def test_one_changed_byte_of_a_command(tmp_path: Path, records: list[Record]) -> None:
    where = at(records, kinds.COMMAND, 0, b"place_legs")
    time_ns, kind, payload = records[where]
    altered = payload.replace(b'"price":21', b'"price":22', 1)
    assert altered != payload
    changed = [*records[:where], (time_ns, kind, altered), *records[where + 1 :]]
    difference = again(tmp_path, changed).difference
    assert difference is not None
    assert difference.sequence == where + 1
    assert (difference.expected, difference.got) == (payload.decode(), altered.decode())


@pytest.mark.parametrize("number", range(5))
def test_a_command_that_is_missing(tmp_path: Path, records: list[Record], number: int) -> None:
    where = at(records, kinds.COMMAND, number)
    gone = records[where][2]
    difference = again(tmp_path, [*records[:where], *records[where + 1 :]]).difference
    assert difference is not None
    assert (difference.sequence, difference.expected) == (where + 1, gone.decode())


@pytest.mark.parametrize("kind", [kinds.COMMAND, kinds.NOTE])
def test_a_decision_that_nobody_asked_for(tmp_path: Path, records: list[Record], kind: int) -> None:
    where = at(records, kind)
    extra = records[where]
    control = at(records, kinds.EVENT, 0, b"control")
    changed = [*records[: control + 1], extra, *records[control + 1 :]]
    difference = again(tmp_path, changed).difference
    assert difference is not None
    assert (difference.sequence, difference.expected) == (control + 2, None)
    assert difference.got == extra[2].decode()


def test_an_altered_event_leads_elsewhere(tmp_path: Path, records: list[Record]) -> None:
    where = at(records, kinds.EVENT, 0, b'"fill"')
    time_ns, kind, payload = records[where]
    altered = payload.replace(b'"fill"', b'"fill"').replace(b'"qty":1000', b'"qty":7')
    assert altered != payload
    changed = [*records[:where], (time_ns, kind, altered), *records[where + 1 :]]
    assert again(tmp_path, changed).difference is not None


def test_another_configuration_decides_otherwise(tmp_path: Path, records: list[Record]) -> None:
    start = msgspec.json.decode(records[0][2], type=Start)
    risk = msgspec.structs.replace(start.config.risk, max_order_notional=1)
    config = msgspec.structs.replace(start.config, risk=risk)
    other = msgspec.json.encode(msgspec.structs.replace(start, config=config))
    result = again(tmp_path, [(records[0][0], kinds.START, other), *records[1:]])
    assert result.difference is not None


def test_every_start_begins_anew(tmp_path: Path, records: list[Record]) -> None:
    result = again(tmp_path, [*records, *records, *run(xrp=10**5)], segment_bytes=4096)
    assert (result.difference, result.runs, result.refusals) == (None, 3, 3)


def test_a_run_that_died_before_its_commands_were_written(
    tmp_path: Path, records: list[Record]
) -> None:
    where = at(records, kinds.COMMAND, 0, b"place_legs")
    assert records[where + 1][1] == kinds.COMMAND
    result = again(tmp_path, [*records[:where], *records])
    assert (result.difference, result.runs, result.cut_short) == (None, 2, 2)
    result = again(tmp_path / "last", records[: where + 1])
    assert (result.difference, result.runs, result.cut_short) == (None, 1, 1)
    # A run that ended has written them all.
    difference = again(tmp_path / "ended", [*records[:where], END]).difference
    assert difference is not None
    assert difference.got == END[2].decode()


def test_what_no_engine_processed_is_left_out(tmp_path: Path, records: list[Record]) -> None:
    fill = records[at(records, kinds.EVENT, 0, b'"fill"')]
    recovery = (fill[0], kinds.RECOVERY, fill[2])
    result = again(tmp_path, [*records, recovery, (1, kinds.NOTE, b'{"note":"x"}'), *records])
    assert (result.difference, result.runs) == (None, 2)


def test_a_journal_that_begins_later(tmp_path: Path, records: list[Record]) -> None:
    write(tmp_path / "journal", [*records, *records], segment_bytes=4096)
    (tmp_path / "journal" / "00000001.journal").unlink()
    result = rerun(tmp_path / "journal")
    assert (result.difference, result.runs) == (None, 1)
    assert result.skipped > 0
    last = sorted((tmp_path / "journal").glob("*.journal"))[-1]
    with pytest.raises(FailedError, match="no START record"):
        rerun(last)


def test_the_command(
    tmp_path: Path, records: list[Record], capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "journal", records)
    assert app.run(["rerun", str(tmp_path)]) == 0
    assert "1 run, " in capsys.readouterr().out
    assert app.run(["rerun", str(tmp_path / "journal"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["same"], said["difference"], said["runs"]) == (True, None, 1)

    where = at(records, kinds.COMMAND)
    write(tmp_path / "altered", [*records[:where], *records[where + 1 :]])
    assert app.run(["rerun", str(tmp_path / "altered")]) == 1
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert f"sequence {where + 1}: expected {{" in error
    assert "(written by xrpfast 0, this is " in error
    assert app.run(["rerun", str(tmp_path / "altered"), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["same"], said["difference"]["sequence"]) == (False, where + 1)

    segment = tmp_path / "journal" / "00000001.journal"
    raw = bytearray(segment.read_bytes())
    raw[200] ^= 1
    segment.write_bytes(raw)
    assert app.run(["rerun", str(tmp_path)]) == 1
    assert app.run(["rerun", str(tmp_path / "nothing")]) == 2
