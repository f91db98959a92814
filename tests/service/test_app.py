"""The service around the driver: no part of it dies unseen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from xrpfast._core import Journal
from xrpfast.config import Config
from xrpfast.errors import FailedError
from xrpfast.service import app, state


def service() -> app.Service:
    return app.Service(cast(Any, None), cast(Any, None), cast(Any, None))


async def test_a_job_that_dies_ends_the_engine() -> None:
    async def dial() -> None:
        raise KeyError("pingInterval")

    engine = service()
    engine._keep(dial(), "kucoin KucoinOrders")
    await asyncio.wait_for(engine._stop.wait(), 1)
    assert engine._fatal == "kucoin KucoinOrders ended: KeyError: 'pingInterval'"


async def test_a_job_that_is_cancelled_does_not() -> None:
    engine = service()
    engine._keep(asyncio.sleep(60), "binance clock")
    await asyncio.sleep(0)
    engine._jobs[0].cancel()
    await asyncio.gather(*engine._jobs, return_exceptions=True)
    await asyncio.sleep(0)
    assert engine._fatal == ""
    assert not engine._stop.is_set()


async def test_a_journal_that_fails_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(self: app.Service) -> int:
        Journal.open(self._state.journal_path)
        return 0

    monkeypatch.setattr(app.Service, "run", taken)
    held = Journal.open(tmp_path / "journal")
    config = cast(Config, SimpleNamespace(state_dir=tmp_path))
    with pytest.raises(FailedError, match="is being written by another"):
        await app.run(config, cast(Any, None))
    held.close()


def test_the_latest_alerts_are_shown() -> None:
    driver = cast(Any, SimpleNamespace(alerts=[("warning", str(n)) for n in range(50)]))
    assert [text for _, text in state._last_alerts(driver)] == [str(n) for n in range(40, 50)]
