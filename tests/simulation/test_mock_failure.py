"""A mock whose market or face dies says so at once; it never stands still in silence."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator

import pytest

PATIENCE = 30.0
DYING = """
import sys
from xrpfast.simulation.flow import MarketFlow
steps = MarketFlow.step
def step(self):
    if self.steps == 3:
        raise ArithmeticError("no price")
    steps(self)
MarketFlow.step = step
from xrpfast.cli.app import run
sys.exit(run(["mock", "--port", "0"]))
"""


@pytest.fixture(autouse=True)
def no_unhandled_faults(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Here the log must have the fault, and nothing else."""
    yield
    faults = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert all(record.name == "xrpfast.simulation" for record in faults)


@pytest.mark.parametrize("broken", ["market", "binance face", "kucoin face"])
async def test_the_block_ends_with_the_failure(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Even while it waits for something that will never come."""
    from xrpfast.simulation.binance.face import BinanceFace
    from xrpfast.simulation.flow import MarketFlow
    from xrpfast.simulation.jobs import MockFailedError
    from xrpfast.simulation.kucoin.face import KucoinFace
    from xrpfast.simulation.server import mock_venues

    async def dies(self: object) -> None:
        await asyncio.sleep(0)
        raise ArithmeticError("no price")

    kinds = {"market": MarketFlow, "binance face": BinanceFace, "kucoin face": KucoinFace}
    monkeypatch.setattr(kinds[broken], "run", dies)
    text = f"the mock's {broken} died: ArithmeticError: no price (test_mock_failure.py, line "
    with pytest.raises(MockFailedError) as caught:
        async with asyncio.timeout(PATIENCE), mock_venues():
            await asyncio.Event().wait()
    assert str(caught.value).startswith(text)
    assert isinstance(caught.value.__cause__, ArithmeticError)
    logged = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert logged == [str(caught.value)]
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_a_face_that_returns_is_dead_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from xrpfast.simulation.binance.face import BinanceFace
    from xrpfast.simulation.jobs import MockFailedError
    from xrpfast.simulation.server import mock_venues

    async def returns(self: object) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(BinanceFace, "run", returns)
    with pytest.raises(MockFailedError, match="binance face died: it returned"):
        async with asyncio.timeout(PATIENCE), mock_venues(["binance"]):
            await asyncio.Event().wait()


async def test_the_end_tells_when_the_block_outlives_its_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a fixture, which is entered by one task and left by another."""
    from xrpfast.simulation.flow import MarketFlow
    from xrpfast.simulation.jobs import MockFailedError
    from xrpfast.simulation.server import mock_venues

    died = asyncio.Event()

    async def dies(self: object) -> None:
        died.set()
        raise ArithmeticError("no price")

    monkeypatch.setattr(MarketFlow, "run", dies)
    block = mock_venues(["kucoin"])
    await asyncio.create_task(block.__aenter__())  # type: ignore[arg-type]
    await died.wait()
    with pytest.raises(MockFailedError):
        await block.__aexit__(None, None, None)


async def test_a_timer_that_raises_is_a_death() -> None:
    """Whatever it paced would come no more."""
    from xrpfast.simulation.jobs import MockFailedError
    from xrpfast.simulation.market_order import walk
    from xrpfast.simulation.server import mock_venues

    async def use() -> None:
        async with asyncio.timeout(PATIENCE), mock_venues(["kucoin"]):
            asyncio.get_running_loop().call_later(0.01, walk, None, None, None, None)
            await asyncio.Event().wait()

    with pytest.raises(MockFailedError, match=r"the mock's timer died: .*market_order\.py"):
        await use()


async def test_a_timer_of_somebody_else_is_no_death(caplog: pytest.LogCaptureFixture) -> None:
    from xrpfast.simulation.server import mock_venues

    raised = asyncio.Event()

    def theirs() -> None:
        raised.set()
        raise ArithmeticError("not of the mock")

    async with mock_venues(["kucoin"]):
        asyncio.get_running_loop().call_soon(theirs)
        await raised.wait()
        await asyncio.sleep(0)
    assert [r.name for r in caplog.records if r.levelno >= logging.ERROR] == ["asyncio"]
    caplog.clear()


async def test_a_cancel_from_outside_stays_one() -> None:
    from xrpfast.simulation.server import mock_venues

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), mock_venues(["kucoin"]):
            await asyncio.Event().wait()


async def test_the_command_ends_with_one_line_and_code_1() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DYING,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert process.returncode == 1, err
    assert out.count(b"\n") == 1
    assert err.decode() == "the mock's market died: ArithmeticError: no price (<string>, line 7)\n"
