"""Each stage on its own, called from Python as the engine calls it.

One call a round, so that the percentiles are those of single calls; every round's datum is
checked. Run by `make bench`; targets stand in `benches.gate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches import workload
from xrpfast import _core

ROUNDS = 5_000
WARM = 200
NOW = 10**12
WALL = 1_790_000_000 * 10**9


@pytest.fixture(autouse=True)
def release_build() -> None:
    assert _core.build_profile == "release", "measure release builds only: run `make build`"


def measure(
    benchmark: BenchmarkFixture,
    call: Callable[..., object],
    make: Callable[[], tuple[object, ...]] = tuple,
) -> None:
    """Times ``ROUNDS`` single calls after a warm-up and asserts that each gave a datum. ``make``
    gives the arguments of each, outside of its time."""
    benchmark.pedantic(
        call, setup=lambda: (make(), {}), rounds=ROUNDS, warmup_rounds=WARM, iterations=1
    )
    data = benchmark.stats.stats.data
    assert len(data) == ROUNDS
    assert min(data) > 0


def feeder(market: _core.Market, stream: int, frames: Iterator[bytes]) -> Callable[[], object]:
    on_frame = market.on_frame
    step = frames.__next__

    def call() -> object:
        return on_frame(stream, step(), NOW)

    return call


def test_depth_frame(benchmark: BenchmarkFixture) -> None:
    """A 40-level Binance depth frame, decoded and applied to a 1,000-level book."""
    both = workload.two_venues()
    frames = workload.depth_frames(ROUNDS + WARM, 40, both.binance_sequence, seed=7)
    measure(benchmark, feeder(both.market, both.binance_stream, iter(frames)))
    state, sequence, *_ = both.market.view(both.binance)
    assert (state, sequence) == ("LIVE", both.binance_sequence + 40 * len(frames))


def test_book_ticker_frame(benchmark: BenchmarkFixture) -> None:
    """A bookTicker frame, decoded and laid over the book, both detectors run."""
    both = workload.two_venues()
    frames = workload.ticker_frames(ROUNDS + WARM, both.binance_sequence, seed=7)
    measure(benchmark, feeder(both.market, both.binance_stream, iter(frames)))
    counters = both.market.counters()
    assert counters["ticker_frames"] == len(frames)
    assert counters["malformed"] == 0


def test_spread_detection(benchmark: BenchmarkFixture) -> None:
    """One detector over two 1,000-level books, from the frame that opens an edge: the cost of a
    frame with the edge less that of the same frame without detectors is reported by the gate."""
    both = workload.two_venues()
    frames = []
    for number in range((ROUNDS + WARM) // 2):
        sequence = both.binance_sequence + 1 + number * 2
        frames.append(workload.ticker_frame(sequence, 24_100, "30.0", 24_150, "50.0"))
        frames.append(workload.ticker_frame(sequence + 1, 23_999, "30.0", 24_001, "50.0"))
    measure(benchmark, feeder(both.market, both.binance_stream, iter(frames)))
    assert both.market.counters()["signals"] >= (ROUNDS + WARM) // 2


def test_frame_without_detectors(benchmark: BenchmarkFixture) -> None:
    """The same frames with nothing watching: what detection is measured against."""
    both = workload.two_venues(watched=False)
    frames = []
    for number in range((ROUNDS + WARM) // 2):
        sequence = both.binance_sequence + 1 + number * 2
        frames.append(workload.ticker_frame(sequence, 24_100, "30.0", 24_150, "50.0"))
        frames.append(workload.ticker_frame(sequence + 1, 23_999, "30.0", 24_001, "50.0"))
    measure(benchmark, feeder(both.market, both.binance_stream, iter(frames)))
    assert both.market.counters()["signals"] == 0


def test_encode_and_sign_binance(benchmark: BenchmarkFixture) -> None:
    """An approved order into a signed `order.place` request."""
    gate = _core.RiskGate(10**15)
    encoder = _core.BinanceEncoder(gate, _core.Signer(bytearray(b"s" * 64)), "k" * 64, 2_000)
    encode, numbers, sizes = encoder.encode, count(1), []
    approvals = iter(approve(gate, "binance", "XRPUSDT", 4, 1))

    def call() -> None:
        sizes.append(len(encode(next(approvals), next(numbers), NOW, WALL)))

    measure(benchmark, call)
    assert min(sizes) > 300


def test_encode_kucoin(benchmark: BenchmarkFixture) -> None:
    """An approved order into a `spot.order` request; the session is signed, not the request."""
    gate = _core.RiskGate(10**15)
    encode, numbers, sizes = _core.KucoinEncoder(gate).encode, count(1), []
    approvals = iter(approve(gate, "kucoin", "XRP-USDT", 5, 4))

    def call() -> None:
        sizes.append(len(encode(next(approvals), next(numbers), NOW, WALL)))

    measure(benchmark, call)
    assert min(sizes) > 100


def approve(
    gate: _core.RiskGate, venue: str, symbol: str, price_decimals: int, qty_decimals: int
) -> list[_core.Approved]:
    return [
        gate.approve(
            venue, symbol, 0, 0, 1, 24_000, price_decimals, 250, qty_decimals, f"xdtest1-{i}a", NOW
        )
        for i in range(ROUNDS + WARM)
    ]


def test_journal_append(benchmark: BenchmarkFixture, disk_dir: Path) -> None:
    """One record of 400 bytes, staged and written with one write(2) to a real disk."""
    journal = _core.Journal.open(disk_dir)
    append, payload, last = journal.append, b"x" * 400, []

    def call() -> None:
        last.append(append(2, NOW, payload))

    measure(benchmark, call)
    journal.close()
    read = sum(1 for _ in _core.JournalReader(disk_dir))
    assert read == len(last) == ROUNDS + WARM
