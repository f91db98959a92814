"""The service around the driver: no part of it dies unseen."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from xrpfast._core import Journal
from xrpfast.config import Config
from xrpfast.errors import FailedError, UsageError
from xrpfast.service import app, state
from xrpfast.service.watched import Watched

UNWATCHED = SimpleNamespace(require=False)


def service() -> app.Service:
    config = SimpleNamespace(mode="demo", state_dir=Path("nowhere"), watchdog=UNWATCHED)
    return app.Service(cast(Any, config), cast(Any, SimpleNamespace(latch=None)), cast(Any, None))


async def test_a_job_that_dies_ends_the_engine() -> None:
    async def dial() -> None:
        raise KeyError("pingInterval")

    engine = service()
    engine._jobs.keep(dial(), "kucoin KucoinOrders")
    await asyncio.wait_for(engine._stop.wait(), 1)
    assert engine._fatal == "kucoin KucoinOrders ended: KeyError: 'pingInterval'"


async def test_a_job_that_is_cancelled_does_not() -> None:
    engine = service()
    engine._jobs.keep(asyncio.sleep(60), "binance clock")
    await asyncio.sleep(0)
    engine._jobs.tasks[0].cancel()
    await asyncio.gather(*engine._jobs.tasks, return_exceptions=True)
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
    config = cast(Config, SimpleNamespace(mode="demo", state_dir=tmp_path, watchdog=UNWATCHED))
    with pytest.raises(FailedError, match="is being written by another"):
        await app.run(config, cast(Any, None))
    held.close()


@pytest.mark.parametrize("mode", ["live", "demo"])
async def test_no_live_start_where_others_may_change_the_records(
    tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def on(self: Watched, stop: asyncio.Event) -> None:
        raise FailedError("it went on")

    monkeypatch.setattr(Watched, "refuse", on)
    os.chmod(tmp_path, 0o770)  # noqa: PTH101
    config = cast(Config, SimpleNamespace(mode=mode, state_dir=tmp_path, watchdog=UNWATCHED))
    with pytest.raises((UsageError, FailedError)) as caught:
        await app.run(config, cast(Any, None))
    warned = [record.getMessage() for record in caplog.records]
    told = str(caught.value) if mode == "live" else warned[0]
    assert told.startswith(f"state_dir: others may change {tmp_path}: chmod 700 {tmp_path}")
    assert isinstance(caught.value, UsageError if mode == "live" else FailedError)


def test_the_latest_alerts_are_shown() -> None:
    driver = cast(Any, SimpleNamespace(alerts=[("warning", str(n)) for n in range(50)]))
    assert [text for _, text in state._last_alerts(driver)] == [str(n) for n in range(40, 50)]
