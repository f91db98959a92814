"""When an engine is lost, and what only looks like it."""

from __future__ import annotations

from itertools import cycle

import pytest

from xrpfast.service.heartbeat import Beat, RunState
from xrpfast.service.judge import OWN_GAP_NS, Judge

AFTER = 5_000_000_000
TICK = 100_000_000
BOOT = 10**15
RUNNING, STOPPED = RunState.RUNNING, RunState.STOPPED


def beat(number: int, state: RunState = RUNNING, *, pid: int = 7, epoch: int = 1) -> Beat:
    return Beat(pid, epoch, number, 0, 0, state, 0)


class Watch:
    """Looks every tick; the engine's beats are given."""

    def __init__(self) -> None:
        self.judge, self.now = Judge(AFTER), BOOT

    def look(self, said: Beat | None, ticks: int = 1) -> list[bool]:
        found = []
        for _ in range(ticks):
            found.append(self.judge.lost(said, self.now))
            self.now += TICK
        return found

    def lost_after(self, said: Beat | None, ticks: int = 200) -> int | None:
        found = self.look(said, ticks)
        return found.index(True) if True in found else None


def test_silence_is_a_loss_after_its_time_and_not_before() -> None:
    watch = Watch()
    assert not any(watch.look(beat(1)))
    assert watch.lost_after(beat(2)) == AFTER // TICK + 1


def test_every_beat_gives_the_whole_time_again() -> None:
    watch = Watch()
    for number in range(4):
        assert not any(watch.look(beat(number), AFTER // TICK))


def test_an_engine_that_never_started_is_not_lost() -> None:
    assert Watch().lost_after(None) is None


def test_one_that_stopped_cleanly_is_not_lost() -> None:
    watch = Watch()
    watch.look(beat(1))
    assert watch.lost_after(beat(2, STOPPED)) is None


def test_one_that_stops_cleanly_at_last_is_not_lost_any_more() -> None:
    watch = Watch()
    assert watch.lost_after(beat(1)) is not None
    assert watch.lost_after(beat(2, STOPPED)) is None


def test_a_crash_before_the_watch_began_is_a_loss() -> None:
    """After a power failure the beats are of another boot, and their times mean nothing."""
    assert Watch().lost_after(beat(99)) == AFTER // TICK + 1


def test_a_file_that_goes_or_is_damaged_is_no_clean_stop() -> None:
    watch = Watch()
    watch.look(beat(1))
    assert watch.lost_after(None) is not None


def test_a_new_start_is_a_sign_of_life() -> None:
    watch = Watch()
    watch.look(beat(5), AFTER // TICK)
    assert watch.lost_after(beat(5, pid=8, epoch=2)) == AFTER // TICK + 1


def test_a_watchdog_that_slept_counts_a_second_of_it() -> None:
    """A suspended machine, SIGSTOP of the watchdog: it saw nothing, so it knows nothing."""
    watch = Watch()
    watch.look(beat(1))
    watch.now += 3_600 * 10**9
    assert watch.lost_after(beat(1)) == (AFTER - OWN_GAP_NS) // TICK + 1


@pytest.mark.parametrize("after_ms", [500, 5_000, 600_000])
def test_an_engine_that_woke_with_the_watchdog_has_half_its_time_to_beat(after_ms: int) -> None:
    after = after_ms * 1_000_000
    judge, now = Judge(after), BOOT
    judge.lost(beat(1), now)
    now += 3_600 * 10**9
    assert not judge.lost(beat(1), now)
    assert not judge.lost(beat(1), now + after // 2)


@pytest.mark.parametrize(
    ("after_ms", "looks_ms", "within_ms"),
    [
        (5_000, [100] * 29 + [1_100], 6_000),
        (5_000, [1_100], 7_000),
        (5_000, [3_000], 18_000),
        (500, [260], 1_300),
        (500, [1_000], 5_000),
        (600_000, [1_500], 902_000),
    ],
)
def test_own_gaps_however_often_keep_no_loss_back(
    after_ms: int, looks_ms: list[int], within_ms: int
) -> None:
    """A machine that thrashes: the engine is dead, and its watchdog is late again and again."""
    judge, now, begun = Judge(after_ms * 1_000_000), BOOT, BOOT
    for after_look in cycle(looks_ms):
        if judge.lost(beat(1), now):
            break
        now += after_look * 1_000_000
        assert now - begun <= within_ms * 1_000_000
    assert now - begun > after_ms * 1_000_000


def test_a_watchdog_that_is_a_little_late_still_counts() -> None:
    judge, now = Judge(AFTER), BOOT
    judge.lost(beat(1), now)
    late = 900_000_000  # a busy machine, not a suspended one
    lost = [judge.lost(beat(1), now + n * late) for n in range(1, 8)]
    assert lost == [False] * 5 + [True] * 2


def test_clocks_that_are_set_mean_nothing() -> None:
    watch = Watch()
    for number in range(100):
        said = Beat(7, 1, number, -(10**18) * (number % 2), 10**18 * (number % 3), RUNNING, 0)
        assert not any(watch.look(said, 10))
