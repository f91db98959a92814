"""The state directory: one holder, an epoch that only grows, the halt latch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xrpfast.errors import HaltedError, UsageError
from xrpfast.service.statedir import StateDir


def test_a_second_engine_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    first = StateDir.open(tmp_path)
    with pytest.raises(UsageError, match=r"in use by another engine \(process \d+\)"):
        StateDir.open(tmp_path)
    first.close()
    StateDir.open(tmp_path).close()


def test_every_start_has_a_new_epoch_on_disk(tmp_path: Path) -> None:
    state = StateDir.open(tmp_path)
    assert [state.next_epoch(), state.next_epoch()] == [1, 2]
    state.close()
    again = StateDir.open(tmp_path)
    assert again.next_epoch() == 3
    assert (tmp_path / "epoch").read_text() == "3\n"
    again.close()


def test_a_damaged_epoch_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "epoch").write_text("many")
    state = StateDir.open(tmp_path)
    with pytest.raises(UsageError, match="damaged"):
        state.next_epoch()
    state.close()


def test_a_halt_outlives_the_engine_and_refuses_the_next_start(tmp_path: Path) -> None:
    state = StateDir.open(tmp_path)
    state.halt({"scope": "engine", "reason": "a fill beyond its limit"})
    state.halt({"scope": "engine", "reason": "later"})
    state.close()
    assert json.loads((tmp_path / "halt.json").read_text())["reason"] == "a fill beyond its limit"
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
