"""The latch: kept per scope, by any process, on a full disk too, and opened by a person alone."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from xrpfast.service.latch import SPARE_BYTES, Entry, Latch
from xrpfast.trading.states import KEPT, NEXT, Latched, States, TradingState, Word

ACTIVE, REDUCING, HALTED = KEPT


def entry(scope: str, state: TradingState = HALTED, reason: str = "why") -> Entry:
    return Entry(scope, state, reason, "ann", 7)


def test_every_state_and_word() -> None:
    """Only worse by itself; a person's word alone opens."""
    assert set(NEXT) == set(product(KEPT, Word))
    for (before, word), after in NEXT.items():
        if word is Word.RESUME:
            assert after is ACTIVE
        else:
            assert KEPT.index(after) >= KEPT.index(before)
            assert after is max((before, REDUCING if word is Word.REDUCE else HALTED), key=_rank)


def _rank(state: TradingState) -> int:
    return KEPT.index(state)


def test_states_begin_as_they_were_left_and_do_not_know_scopes_of_others() -> None:
    states = States(["engine", "venue:a"], [Latched("venue:a", REDUCING), Latched("x", HALTED)])
    assert states.closed() == {"venue:a": REDUCING}
    assert not states.say("x", Word.HALT)
    assert states.say("venue:a", Word.HALT)
    assert not states.say("venue:a", Word.REDUCE)
    assert states["venue:a"] is HALTED
    assert states.say("venue:a", Word.RESUME)
    assert states.closed() == {}


def test_scopes_are_kept_apart_and_get_worse_only(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    assert latch.entries() == ()
    assert latch.set(entry("venue:kucoin", REDUCING, "first"))
    assert not latch.set(entry("venue:kucoin", REDUCING, "second")), "the first reason stays"
    assert latch.halted() is None
    assert latch.set(entry("symbol:XRP/USDT"))
    assert latch.set(entry("venue:kucoin", HALTED, "worse"))
    assert not latch.set(entry("venue:kucoin", REDUCING, "milder"))
    assert {e.scope: (e.state, e.reason) for e in Latch(tmp_path).entries()} == {
        "symbol:XRP/USDT": (HALTED, "why"),
        "venue:kucoin": (HALTED, "worse"),
    }
    assert latch.clear(latch.entries(), ["venue:kucoin"]) == ()
    assert [e.scope for e in latch.entries()] == ["symbol:XRP/USDT"]
    assert latch.clear(latch.entries(), ["venue:kucoin"]) == ()
    assert latch.clear(latch.entries()) == ()
    assert not latch.path.exists()


def test_a_person_opens_what_was_seen_and_nothing_that_came_since(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    latch.set(entry("engine", HALTED, "first"))
    seen = latch.entries()
    latch.set(Entry("engine", HALTED, "do not start it", "bob", 9))
    latch.set(entry("venue:kucoin", REDUCING, "slow"))
    new = latch.clear(seen)
    assert {e.scope for e in new} == {"engine", "venue:kucoin"}
    assert latch.entries() == new
    assert latch.halted() is not None
    assert "bob: do not start it" in latch.halted().also  # type: ignore[union-attr]


def test_what_gets_worse_keeps_who_closed_it_before(tmp_path: Path) -> None:
    """Else a drill, which opens what it has closed itself, would open that, too."""
    latch = Latch(tmp_path)
    latch.set(Entry("engine", REDUCING, "no watchdog runs", "engine", 1))
    mine = Entry("engine", HALTED, "live drill 1", "ann", 2)
    latch.set(mine)
    halted = latch.halted()
    assert halted is not None
    assert (halted.reason, halted.also) == ("live drill 1", ("engine: no watchdog runs",))
    assert not latch.clear_own(mine)
    assert not latch.clear_own(halted)


@pytest.mark.parametrize(
    "text", ["", "{", "[]x", "[{}]", '{"scope": "venue:kucoin"}', "[1]", "\xff", "null"]
)
def test_what_cannot_be_read_halts_everything(tmp_path: Path, text: str) -> None:
    latch = Latch(tmp_path)
    latch.path.write_text(text, encoding="latin-1")
    halted = latch.halted()
    assert halted is not None
    assert "cannot be read" in halted.reason
    assert latch.set(entry("venue:kucoin", REDUCING))
    assert latch.halted() is not None, "it stays so when something else is set"


@pytest.mark.parametrize("scope", ["all", "ENGINE", "binance", "venue:", "strategy", ""])
def test_a_scope_that_is_none_halts_everything(tmp_path: Path, scope: str) -> None:
    latch = Latch(tmp_path)
    written = {"scope": scope, "state": "REDUCING", "reason": "drill", "who": "ann", "wall_ns": 1}
    latch.path.write_text(json.dumps([written, written | {"scope": "engine"}]))
    halted = latch.halted()
    assert halted is not None
    assert f"no scope {scope!r}" in halted.reason
    assert "drill" in halted.reason
    latched = [Latched(e.scope, e.state) for e in latch.entries()]
    assert States(["engine"], latched)["engine"] is HALTED, "the worst entry of a scope holds"
    latch.clear(latch.entries(), ["engine"])
    assert latch.entries() == ()


@pytest.mark.parametrize("state", ["STOPPED", "STOPPING"])
def test_a_state_that_no_scope_has_halts_everything(tmp_path: Path, state: str) -> None:
    latch = Latch(tmp_path)
    written = {"scope": "venue:a", "state": state, "reason": "x", "who": "ann", "wall_ns": 1}
    latch.path.write_text(json.dumps([written]))
    assert latch.halted() is not None


def test_the_file_of_earlier_versions_is_understood(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    latch.path.write_text(json.dumps({"scope": "engine", "reason": "drill", "wall_ns": 1}))
    halted = latch.halted()
    assert halted is not None
    assert halted.reason == "drill"


def test_processes_that_close_at_once_lose_no_entry(tmp_path: Path) -> None:
    source = (
        "import sys; from pathlib import Path\n"
        "from xrpfast.service.latch import Latch, Entry\n"
        "from xrpfast.trading.states import TradingState\n"
        "latch = Latch(Path(sys.argv[1]))\n"
        "sys.stdin.read(1)\n"
        "for n in range(10):\n"
        "    latch.set(Entry(f'venue:{sys.argv[2]}-{n}', TradingState.HALTED, 'x', 'y', 1))\n"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", source, str(tmp_path), name], stdin=subprocess.PIPE)
        for name in "abc"
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(b"x")
        worker.stdin.close()
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert len(Latch(tmp_path).entries()) == 30


def test_a_lock_that_is_never_let_go_delays_a_halt_and_does_not_keep_it(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    held = os.open(tmp_path / "halt.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert latch.set(entry("engine"))
    os.close(held)
    assert latch.halted() is not None


def test_a_halt_is_kept_when_no_file_takes_a_byte_more(tmp_path: Path) -> None:
    """In a process of its own: the limit of file sizes is the process's."""
    source = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from xrpfast.service.latch import Latch, Entry\n"
        "from xrpfast.trading.states import TradingState\n"
        "latch = Latch(Path(sys.argv[1]))\n"
        "latch.prepare()\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "latch.set(Entry('engine', TradingState.HALTED, 'full', 'engine', 1))\n"
    )
    subprocess.run([sys.executable, "-c", source, str(tmp_path)], check=True, timeout=60)
    latch = Latch(tmp_path)
    halted = latch.halted()
    assert halted is not None
    assert halted.reason == "full"
    assert latch.path.stat().st_size == SPARE_BYTES
    latch.prepare()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0


def test_without_a_spare_the_error_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    latch = Latch(tmp_path)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        latch.set(entry("engine"))


# --- what a drill has set, and may clear ----------------------------------------------------------


def own(latch: Latch) -> Entry:
    latch.set(Entry("engine", HALTED, "live drill 1", "ann", 7))
    found = latch.halted()
    assert found is not None
    return found


def test_what_exactly_one_has_closed_can_be_cleared_and_the_rest_stays(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    mine = own(latch)
    latch.set(Entry("engine", HALTED, "live drill 1", "ann", 9))  # the engine that heard of it
    latch.set(Entry("venue:kucoin", HALTED, "down", "bob", 8))
    assert latch.clear_own(mine)
    assert [e.scope for e in latch.entries()] == ["venue:kucoin"]
    assert not latch.clear_own(mine), "it is gone"
    latch.clear(latch.entries())
    assert latch.clear_own(own(latch))
    assert latch.entries() == ()
    assert not latch.path.exists()


@pytest.mark.parametrize(("reason", "who"), [("stop", "ann"), ("live drill 1", "bob")])
def test_a_halt_of_anybody_else_meanwhile_is_never_cleared(
    tmp_path: Path, reason: str, who: str
) -> None:
    latch = Latch(tmp_path)
    mine = own(latch)
    assert not latch.set(Entry("engine", HALTED, reason, who, 8))
    assert not latch.clear_own(mine)
    now = latch.halted()
    assert now is not None
    assert (now.reason, now.also) == ("live drill 1", (f"{who}: {reason}",))
    assert not latch.clear_own(now), "looking again does not make it one's own"


def test_who_else_said_so_is_bounded_and_said_once(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    own(latch)
    for _ in range(2):
        for number in range(20):
            latch.set(Entry("engine", HALTED, f"reason {number}", "bob", 8))
    now = latch.halted()
    assert now is not None
    assert now.also == tuple(f"bob: reason {number}" for number in range(8))


def test_while_another_holds_the_lock_nothing_is_cleared(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    mine = own(latch)
    with (tmp_path / "halt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not latch.clear_own(mine)
    assert latch.clear_own(mine)
