"""No halt is lost: not with an engine that failed, not by a disk, not by a resume."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.service import Trading, trading
from xrpfast.errors import HaltedError
from xrpfast.service.halts import HaltReceipt, read
from xrpfast.service.latch import Latch
from xrpfast.simulation.server import MockVenues, mock_venues


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=57) as running:
        yield running


async def ask(run: Trading, **word: Any) -> dict[str, Any]:
    """By the control socket."""
    reader, writer = await asyncio.open_unix_connection(str(run.state_dir / "control.sock"))
    writer.write(json.dumps(word).encode() + b"\n")
    answer: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    return answer


def receipts(run: Trading) -> list[HaltReceipt]:
    found = [read(path) for path in (run.state_dir / "receipts").glob("*-halt.json")]
    return [receipt for receipt in found if receipt is not None]


@pytest.mark.parametrize("by_signal", [True, False])
async def test_a_halt_that_a_failed_engine_does_not_hear_is_kept(
    mock: MockVenues, tmp_path: Path, by_signal: bool
) -> None:
    async with trading(tmp_path, mock) as run:
        run.service._driver._fail(RuntimeError("planted"))
        if by_signal:
            run.service._halt_by_signal()
        else:
            assert (await ask(run, cmd="halt", reason="test", who="ann"))["ok"]
        assert Latch(tmp_path).halted() is not None
        ended = await run.ended()
    assert isinstance(ended, HaltedError), ended
    assert "planted" in str(ended)


async def test_a_halt_that_is_not_on_disk_is_not_verified(
    mock: MockVenues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> bool:
        raise OSError(28, "No space left on device")

    async with trading(tmp_path, mock) as run:
        monkeypatch.setattr(Latch, "set", full)
        run.service._driver.closed = True
        await ask(run, cmd="halt", reason="test", who="ann")
        await run.until(lambda: (tmp_path / "receipts").exists() and receipts(run), ended=True)
        (receipt,) = receipts(run)
        assert not receipt.verified
        assert receipt.not_verified == ["the halt of engine is not on disk"]
        assert isinstance(await run.ended(), HaltedError)
