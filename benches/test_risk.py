"""The risk check of a pair, both legs approved, through the real engine's risk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from pytest_benchmark.fixture import BenchmarkFixture

from benches.in_process import Bench
from benches.test_stages import ROUNDS, WARM, measure
from xrpfast._core import Approved


def test_risk_check_of_a_pair(benchmark: BenchmarkFixture, disk_dir: Path) -> None:
    """Every control on both legs and both approvals minted, nothing sent."""

    async def run() -> None:
        bench = Bench(disk_dir)
        await bench.ready()
        signal, legs, client_ids = bench.pair()
        check = bench.engine.risk.check
        verdicts: list[object] = []
        signals = iter(
            [
                msgspec.structs.replace(signal, signal_id=signal.signal_id + number)
                for number in range(ROUNDS + WARM)
            ]
        )

        def call() -> None:
            verdicts.append(check(legs, next(signals), client_ids))

        measure(benchmark, call)
        bench.projection.finish()
        bench.journal.close()
        assert len(verdicts) >= ROUNDS
        for verdict in verdicts:
            assert isinstance(verdict, tuple), verdict
            assert [type(one) for one in verdict] == [Approved, Approved]

    asyncio.run(run())
