"""Stalls: measured, and nothing is decided until the sockets are empty and the data is fresh."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from xrpfast.service.loopguard import LoopGuard

GAP = 50_000_000
TICK = 5_000_000


class World:
    def __init__(self, ends: tuple[socket.socket, socket.socket]) -> None:
        self.near, self.far = ends
        self.fresh_since: list[int] = []
        self.is_fresh = True
        self.guard = LoopGuard(GAP, lambda: [self.near.fileno(), -1], self._fresh)
        self.guard.last_ns = 0

    def _fresh(self, since_ns: int) -> bool:
        self.fresh_since.append(since_ns)
        return self.is_fresh


@pytest.fixture
def world() -> Iterator[World]:
    ends = socket.socketpair()
    yield World(ends)
    for end in ends:
        end.close()


def test_short_gaps_block_nothing_and_the_largest_is_kept(world: World) -> None:
    guard = world.guard
    for now in (TICK, 3 * TICK, 3 * TICK + 40_000_000):
        assert not guard.blocked(now)
        guard.alive(now)
    assert guard.largest_gap_ns == 40_000_000 - TICK
    assert guard.trips == 0


def test_a_burst_that_runs_first_after_a_stall_is_blocked(world: World) -> None:
    world.far.send(b"old frame")
    late = GAP + 2 * TICK
    assert world.guard.blocked(late)
    assert world.guard.trips == 1
    world.guard.alive(late + 1)
    assert world.guard.blocked(late + 2), "the socket still holds frames of the stall"
    world.near.recv(100)
    world.is_fresh = False
    world.guard.alive(late + 3)
    assert world.guard.blocked(late + 4), "drained, but the data is not fresh"
    world.is_fresh = True
    world.far.send(b"new frame")
    world.guard.alive(late + 5)
    assert not world.guard.blocked(late + 6), "drained once is enough"
    assert world.fresh_since[-1] == late


def test_a_tick_that_runs_first_trips_too(world: World) -> None:
    world.far.send(b"old frame")
    world.guard.alive(GAP + TICK + 1)
    assert world.guard.blocked(GAP + TICK + 2)
    assert world.guard.largest_gap_ns == GAP + 1


def test_a_spinning_loop_is_allowed_no_sleep(world: World) -> None:
    world.guard.spinning = True
    world.guard.alive(GAP)
    assert not world.guard.tripped
    world.guard.alive(2 * GAP + 1)
    assert world.guard.trips == 1
