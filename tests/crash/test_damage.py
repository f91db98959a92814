"""Damaged files (F24): cut and kept aside where a crash can have torn them, refused elsewhere.

The journal is that of a real engine that was killed while it traded.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from support.engine_process import EngineProcess, Record, configure, records, tables
from support.reliability import write_numbers
from xrpfast._core import Journal, JournalError, JournalReader
from xrpfast.records.compare import compare
from xrpfast.records.rebuild import rebuild
from xrpfast.service.recording import open_records
from xrpfast.simulation.process import MockExchanges, mock_exchanges

RECORD_HEADER, SEGMENT_HEADER = 44, 64
FEW = 8
"""Records of the small journal in which every bit is flipped."""
LAST = 3
"""Records that are cut at every byte."""


class Killed:
    """A mock, and what an engine left there and on disk."""

    def __init__(self, mock: MockExchanges, config: Path, state_dir: Path) -> None:
        self.mock, self.config, self.state_dir = mock, config, state_dir

    @property
    def segment(self) -> Path:
        return max((self.state_dir / "journal").glob("*.journal"))

    def orders(self) -> int:
        return sum(len(said["orders"]) for said in self.mock.ledger().values())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def killed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Killed]:
    folder = tmp_path_factory.mktemp("killed")
    with mock_exchanges("--seed", "24") as mock:
        config = configure(folder, mock)
        engine = await EngineProcess.start(config)
        await engine.until(lambda state: state["counts"]["fills"] >= 6)
        engine.kill()
        await engine.ended()
        yield Killed(mock, config, engine.state_dir)


def spans(found: list[Record]) -> list[tuple[int, int]]:
    """Where each record of one segment begins and ends."""
    ends, at = [], SEGMENT_HEADER
    for _, _, _, payload in found:
        ends.append((at, at + RECORD_HEADER + len(payload)))
        at = ends[-1][1]
    return ends


def test_torn_at_every_byte_of_the_last_records(killed: Killed, tmp_path: Path) -> None:
    whole, found = killed.segment.read_bytes(), records(killed.state_dir)
    places = spans(found)
    assert places[-1][1] == len(whole)
    first = places[-LAST][0]
    for size in range(first, len(whole)):
        folder = tmp_path / "journal"
        folder.mkdir()
        path = folder / killed.segment.name
        path.write_bytes(whole[:size])
        left = [record for record, (_, end) in zip(found, places, strict=True) if end <= size]
        journal = Journal.open(folder)
        journal.close()
        assert list(JournalReader(folder)) == left
        assert journal.next_sequence == left[-1][0] + 1
        good = places[len(left) - 1][1]
        kept = b"".join(aside.read_bytes() for aside in folder.glob("*.torn"))
        assert kept == whole[good:size], "what was cut is kept aside"
        shutil.rmtree(folder)
    write_numbers("torn", {"records": LAST, "cuts": len(whole) - first})


def test_the_ledger_follows_a_journal_that_lost_its_tail(killed: Killed, tmp_path: Path) -> None:
    """Cut before, in and behind each of the last records, under a ledger that knew them all."""
    whole, found = killed.segment.read_bytes(), records(killed.state_dir)
    cuts = sorted({at + by for at, _ in spans(found)[-LAST:] for by in (-1, 0, 1)})
    full = tmp_path / "full.sqlite"
    rebuild(killed.state_dir / "journal", full)
    for number, size in enumerate(cuts):
        folder = tmp_path / str(number)
        (folder / "journal").mkdir(parents=True)
        (folder / "journal" / killed.segment.name).write_bytes(whole[:size])
        shutil.copy(full, folder / "ledger.sqlite")
        journal, ledger = open_records(folder / "journal", folder / "ledger.sqlite")
        assert ledger.sequence == journal.next_sequence - 1
        journal.close()
        ledger.close()
        rebuild(folder / "journal", folder / "again.sqlite")
        assert tables(folder / "ledger.sqlite") == tables(folder / "again.sqlite")


def test_every_flipped_bit_is_found(killed: Killed, tmp_path: Path) -> None:
    """In the last record it reads as a torn tail; anywhere else the journal is refused, and the
    line names the file and the byte where what is sound ends."""
    found = records(killed.state_dir)[:FEW]
    places = spans(found)
    whole = killed.segment.read_bytes()[: places[-1][1]]
    folder = tmp_path / "journal"
    folder.mkdir()
    path = folder / killed.segment.name
    last = places[-1][0]
    refused = torn = 0
    for at in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[at] ^= 1 << bit
            path.write_bytes(flipped)
            said = ""
            try:
                left = list(JournalReader(folder))
            except JournalError as error:
                said = str(error)
            assert bool(said) is (at < last)
            if not said:
                assert left == found[:-1], "nothing that was flipped is ever read"
                torn += 1
                continue
            begin = max((start for start, _ in places if start <= at), default=0)
            assert (f"{path} at byte {begin}: " if begin else str(path)) in said, said
            refused += 1
    assert refused == last * 8
    assert torn == (len(whole) - last) * 8
    write_numbers("flipped", {"bytes": len(whole), "refused": refused, "torn": torn})


@pytest.mark.asyncio(loop_scope="module")
async def test_damage_before_the_tail_is_refused_with_file_and_byte(killed: Killed) -> None:
    whole = killed.segment.read_bytes()
    begin, end = spans(records(killed.state_dir))[2]
    orders = killed.orders()
    flipped = bytearray(whole)
    flipped[(begin + end) // 2] ^= 1
    killed.segment.write_bytes(flipped)
    try:
        engine = await EngineProcess.start(killed.config)
        assert await engine.ended() == 1
        assert f"{killed.segment} at byte {begin}: " in engine.last_line
        assert "Traceback" not in engine.log
    finally:
        killed.segment.write_bytes(whole)
    assert killed.orders() == orders, "nothing is traded on a journal that does not verify"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("name", "code"), [("halt.json", 3), ("epoch", 2)])
async def test_a_damaged_latch_or_counter_is_refused_in_one_line(
    killed: Killed, name: str, code: int
) -> None:
    orders = killed.orders()
    path = killed.state_dir / name
    before = path.read_bytes() if path.exists() else None
    try:
        for damaged in (b"", b"\0\0\0\0", b'{"reas', b"\xff\xfe"):
            path.write_bytes(damaged)
            engine = await EngineProcess.start(killed.config)
            assert await engine.ended() == code, engine.log[-2000:]
            assert str(path) in engine.last_line
            assert "Traceback" not in engine.log
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)
    assert killed.orders() == orders


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("how", ["torn journal", "rubbish", "half", "page", "gone"])
async def test_torn_tails_and_damaged_ledgers_are_mended_and_all_agrees(
    killed: Killed, how: str
) -> None:
    state_dir, ledger = killed.state_dir, killed.state_dir / "ledger.sqlite"
    killed.mock.resume()
    if how == "torn journal":
        with killed.segment.open("ab") as file:
            file.write(killed.segment.read_bytes()[-60:-10])
    else:
        for part in ("-wal", "-shm"):
            ledger.with_name(ledger.name + part).unlink(missing_ok=True)
        data = bytearray(ledger.read_bytes())
        if how == "page":
            data[len(data) // 2 : len(data) // 2 + 4096] = bytes(range(256)) * 16
        ledger.write_bytes({"rubbish": b"no database" * 400, "half": data[: len(data) // 2 + 77],
                            "page": data}.get(how, data))  # fmt: skip
        if how == "gone":
            ledger.unlink()
    engine = await EngineProcess.start(killed.config)
    before = await engine.until(lambda state: state["trading"] == "ACTIVE")
    more = before["counts"]["fills"] + 2
    await engine.until(lambda state: state["counts"]["fills"] >= more)
    await asyncio.to_thread(killed.mock.pause)
    await engine.until(lambda state: state["working"] == 0)
    assert await engine.stop() == 0
    if how == "torn journal":
        assert "torn tail" in engine.log
        assert list((state_dir / "journal").glob("*.torn"))
    elif how != "gone":
        assert "rebuilt from the journal" in engine.log
        assert list(state_dir.glob("ledger.sqlite.damaged-*"))
    truth = {"venues": await asyncio.to_thread(killed.mock.ledger)}
    assert compare(ledger, truth) == []
    again = state_dir / "again.sqlite"
    again.unlink(missing_ok=True)
    rebuild(state_dir / "journal", again)
    assert tables(again) == tables(ledger)
