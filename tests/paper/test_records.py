"""Records of paper runs are moved whole, those of any other mode are left as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.records import Record, start, write
from xrpfast.errors import FailedError, UsageError
from xrpfast.records.rebuild import open_ledger
from xrpfast.service.paper import set_aside
from xrpfast.service.statedir import StateDir


def begun(letter: str, epoch: int = 1) -> Record:
    """The START of a run of that mode."""
    wall_ns, kind, payload = start(epoch)
    there = b'"environment":"d"'
    assert there in payload
    return wall_ns, kind, payload.replace(there, b'"environment":"%b"' % letter.encode())


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDir]:
    held = StateDir.open(tmp_path / "state")
    yield held
    held.close()


def kept(state: StateDir) -> dict[str, bytes]:
    """All files but those of the lease and the latch."""
    return {
        path.relative_to(state.path).as_posix(): path.read_bytes()
        for path in sorted(state.path.rglob("*"))
        if path.is_file() and ("journal" in path.parts or path.name == "ledger.sqlite")
    }


def ledger(state: StateDir, next_sequence: int = 2) -> None:
    open_ledger(state.ledger_path, state.journal_path, next_sequence)[0].close()


@pytest.mark.parametrize(("letter", "mode"), [("l", "live"), ("d", "demo"), ("x", "'x'")])
def test_records_of_another_mode_refuse_a_paper_run(
    state: StateDir, letter: str, mode: str
) -> None:
    write(state.journal_path, [begun(letter)])
    ledger(state)
    before = kept(state)
    with pytest.raises(UsageError, match=f"has records of {mode} runs") as caught:
        set_aside(state)
    assert "\n" not in str(caught.value)
    assert kept(state) == before


def test_one_run_of_another_mode_among_others_is_enough(state: StateDir) -> None:
    write(state.journal_path, [begun("l"), begun("p", 2)])
    with pytest.raises(UsageError, match="has records of live runs"):
        set_aside(state)


def test_a_ledger_whose_journal_was_lost_counts_too(state: StateDir) -> None:
    write(state.journal_path, [begun("l")])
    ledger(state)
    for segment in state.journal_path.iterdir():
        segment.unlink()
    with pytest.raises(UsageError, match="has records of live runs"):
        set_aside(state)
    assert state.ledger_path.exists()


def test_a_journal_that_cannot_be_read_is_not_moved(state: StateDir) -> None:
    write(state.journal_path, [begun("p"), begun("p", 2), begun("p", 3)])
    (segment,) = state.journal_path.glob("*.journal")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(bytes(data))
    before = kept(state)
    with pytest.raises(FailedError, match="whose records these are cannot be told"):
        set_aside(state)
    assert kept(state) == before


def test_paper_records_are_moved_whole_each_to_a_place_of_its_own(state: StateDir) -> None:
    assert set_aside(state) is None, "there is nothing yet"
    for number in (1, 2):
        write(state.journal_path, [begun("p", number)])
        ledger(state)
        before = kept(state)
        place = set_aside(state)
        assert place == state.path / "earlier" / f"00000{number}"
        moved = {
            name: (place / name).read_bytes() for name in before if not name.startswith("earlier")
        }
        assert moved == {name: before[name] for name in moved}
        assert {"journal/00000001.journal", "ledger.sqlite"} <= set(moved)
        assert state.journal_path.is_dir()
        assert not any(state.journal_path.iterdir())
        assert not state.ledger_path.exists()
    assert set_aside(state) is None
