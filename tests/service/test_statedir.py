"""The state directory: one holder, an epoch that only grows, the halt latch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xrpfast._core import Journal
from xrpfast.errors import HaltedError, UsageError
from xrpfast.records import kinds
from xrpfast.service.latch import Entry
from xrpfast.service.statedir import FIRST_NS, StateDir, shared
from xrpfast.trading.states import TradingState


def test_a_second_engine_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    first = StateDir.open(tmp_path)
    with pytest.raises(UsageError, match=r"in use by another engine \(process \d+\)"):
        StateDir.open(tmp_path)
    first.close()
    StateDir.open(tmp_path).close()


SECOND = 1_000_000_000
IN_2020 = FIRST_NS + 5 * SECOND // 1_000


def test_every_start_has_a_new_epoch_on_disk(tmp_path: Path) -> None:
    state = StateDir.open(tmp_path)
    assert [state.next_epoch(IN_2020), state.next_epoch(IN_2020)] == [6, 7]
    state.close()
    again = StateDir.open(tmp_path)
    assert again.next_epoch(0) == 8, "a clock that went back takes no epoch back"
    assert (tmp_path / "epoch").read_text() == "8\n"
    again.close()


def test_a_lost_directory_repeats_no_epoch(tmp_path: Path) -> None:
    first = StateDir.open(tmp_path / "first")
    second = StateDir.open(tmp_path / "second")
    assert second.next_epoch(IN_2020 + SECOND) > first.next_epoch(IN_2020)
    assert 36**7 < first.next_epoch() < 36**8, "eight characters of a client id, for decades"
    first.close()
    second.close()


def test_without_the_counter_the_journal_knows(tmp_path: Path) -> None:
    state = StateDir.open(tmp_path)
    journal = Journal.open(state.journal_path)
    journal.append(kinds.START, 1, b'{"epoch": 41}')
    journal.close()
    assert state.next_epoch(0) == 42
    state.close()


def test_a_damaged_epoch_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "epoch").write_text("many")
    state = StateDir.open(tmp_path)
    with pytest.raises(UsageError, match="damaged"):
        state.next_epoch()
    state.close()


def test_a_halt_outlives_the_engine_and_refuses_the_next_start(tmp_path: Path) -> None:
    state = StateDir.open(tmp_path)
    assert state.latch.set(
        Entry("engine", TradingState.HALTED, "a fill beyond its limit", "engine", 1)
    )
    state.close()
    with pytest.raises(HaltedError, match="a fill beyond its limit"):
        StateDir.open(tmp_path)
    (tmp_path / "halt.json").write_text("{")
    with pytest.raises(HaltedError, match="cannot be read"):
        StateDir.open(tmp_path)
    (tmp_path / "halt.json").unlink()
    StateDir.open(tmp_path).close()


def test_bad_places_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UsageError, match="state_dir"):
        StateDir.open(file)
    with pytest.raises(UsageError, match="too long"):
        StateDir.open(tmp_path / ("d" * 100))


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o720])
@pytest.mark.parametrize("name", [".", "journal"])
def test_what_others_may_change_is_told_and_how_to_mend_it(
    tmp_path: Path, name: str, mode: int
) -> None:
    """The worst: somebody else lifts a halt, or writes the journal that the next start trusts."""
    assert shared(tmp_path / "none yet") == ""
    state = StateDir.open(tmp_path / "state")
    state.close()
    assert shared(state.path) == ""
    place = state.path / name
    place.chmod(mode)
    assert shared(state.path) == f"state_dir: others may change {place}: chmod 700 {place}"
    place.chmod(0o755)
    assert shared(state.path) == ""


def test_a_directory_of_another_user_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, 2, -1)
    monkeypatch.setattr("os.geteuid", lambda: 1)
    assert (
        shared(tmp_path) == f"state_dir: {tmp_path} belongs to another user: chown it to this one"
    )
