"""Live, end to end: the real engine against production's names, behind which the mocks stand.

Every subset of the five conditions sends nothing; all of them trade.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.engine_process import EngineProcess, records
from support.live import ALL, CONDITIONS, PHRASE, configure, watchdog
from support.production import Production, production
from xrpfast.records import kinds
from xrpfast.records.start import Start
from xrpfast.research.rerun import rerun
from xrpfast.trading.commands import AnyCommandRecord, PlaceLegsRecord

SAID = {
    "mode": 'mode = "live"',
    "live": "--live",
    "phrase": "the arm phrase",
    "key": "ipRestrict is false: restrict the key",
    "ceilings": "arming.ceilings",
}
ANY_ADDRESS = {
    "venue": "binance",
    "channel": "venue",
    "action": "key",
    "params": {"set": {"ipRestrict": False}},
}


async def refused(
    folder: Path, venues: Production, having: frozenset[str] = ALL, *, watched: bool = True
) -> str:
    """What a start says that must end with exit code 2."""
    words = configure(folder, venues, having)
    with watchdog(folder / "state") if watched else nullcontext():
        engine = await EngineProcess.start(folder / "engine.toml", *words, env=venues.env)
        assert await engine.ended() == 2, engine.log
    assert engine.log.count("\n") == 1, engine.log
    assert PHRASE not in engine.log
    return engine.log


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[None]:
    """This process is the watchdog of a start whose files lie in ``folder``."""
    with watchdog(folder / "state"):
        yield


@pytest.mark.timeout(180)
async def test_no_subset_of_the_conditions_sends_an_order(tmp_path: Path) -> None:
    limit = asyncio.Semaphore(4)
    async with production(tmp_path) as venues:
        venues.mock.faults.add(ANY_ADDRESS)

        async def start(number: int, having: frozenset[str]) -> None:
            async with limit:
                line = await refused(tmp_path / str(number), venues, having)
            local = ALL - having - {"key"}
            expected = local or {"key"}
            if "mode" in local:  # this key in this mode is a mix, which the file itself shows
                expected = {"mode"}
            for condition in CONDITIONS:
                assert (SAID[condition] in line) is (condition in expected), (having, line)

        # With a bad key, as for "key" not in having: a good one changes no line but the last.
        subsets = [
            frozenset(chosen)
            for size in range(len(CONDITIONS))
            for chosen in combinations(CONDITIONS[:3] + CONDITIONS[4:], size)
        ]
        assert len(subsets) == 16
        await asyncio.gather(*(start(n, having) for n, having in enumerate(subsets)))
        assert (venues.order_requests, venues.orders) == (0, 0)
        # Only the start that lacked nothing else asked a venue at all, for its time and the key.
        assert set(venues.connections) == {"api.binance.com", "api.kucoin.com"}


@pytest.mark.timeout(120)
async def test_a_good_key_makes_up_for_nothing_else(tmp_path: Path) -> None:
    async with production(tmp_path) as venues:
        for number, condition in enumerate(("mode", "live", "phrase", "ceilings")):
            line = await refused(tmp_path / str(number), venues, ALL - {condition})
            assert SAID[condition] in line
        assert (venues.order_requests, venues.orders, venues.connections) == (0, 0, [])


@pytest.mark.timeout(60)
async def test_without_a_watchdog_no_order_is_sent(tmp_path: Path) -> None:
    async with production(tmp_path) as venues:
        line = await refused(tmp_path / "run", venues, watched=False)
        assert "no watchdog runs" in line
        assert (venues.order_requests, venues.orders, venues.connections) == (0, 0, [])


@pytest.mark.timeout(120)
async def test_with_all_of_them_the_engine_trades(tmp_path: Path) -> None:
    async with production(tmp_path, seed=11) as venues, watched(tmp_path / "run"):
        words = configure(tmp_path / "run", venues)
        path = tmp_path / "run" / "engine.toml"
        engine = await EngineProcess.start(path, *words, env=venues.env)
        state = await engine.until(lambda state: state["counts"]["fills"] >= 10)
        assert state["trading"] == "ACTIVE"
        assert state["identity"]["armed"] is True
        venues.mock.flow.running = False
        await engine.until(lambda state: state["working"] == 0)
        assert await engine.stop() == 0, engine.log

        seen = {
            order.client_id: (order.side, order.price, order.qty)
            for face in venues.mock.faces.values()
            for order in face.exchange.orders.values()
        }
        assert venues.order_requests == venues.orders == len(seen) >= 10
        assert set(venues.connections) == {
            "api.binance.com", "stream.binance.com", "ws-api.binance.com",
            "api.kucoin.com", "wsapi.kucoin.com", "ws-api-spot.kucoin.com",
        }  # fmt: skip
        placed: dict[str, Any] = {}
        starts = []
        decode = msgspec.json.Decoder(AnyCommandRecord).decode
        for _, _, kind, payload in records(engine.state_dir):
            if kind == kinds.START:
                starts.append(msgspec.json.decode(payload, type=Start))
            elif kind == kinds.COMMAND:
                command = decode(payload)
                if isinstance(command, PlaceLegsRecord):
                    placed |= {leg.client_id: leg for leg in command.legs}
        (start,) = starts
        assert (start.environment, start.config.armed) == ("l", True)
        assert {
            client_id: (leg.side, leg.price, leg.qty) for client_id, leg in placed.items()
        } == seen
        assert all(client_id.startswith("xllive") for client_id in seen)
        assert rerun(engine.state_dir / "journal").difference is None
        said = [engine.log.encode()]
        said += [path.read_bytes() for path in engine.state_dir.rglob("*") if path.is_file()]
        for line in venues.mock.line["venues"].values():
            for name in ("api_key", "api_secret", "passphrase"):
                secret = line.get(name, PHRASE).encode()
                assert not any(secret in text for text in said), name


@pytest.mark.timeout(60)
async def test_a_certificate_of_nobody_known_is_no_venue(tmp_path: Path) -> None:
    async with production(tmp_path) as venues, watched(tmp_path / "run"):
        words = configure(tmp_path / "run", venues)
        env = venues.env | {"SSL_CERT_FILE": ""}
        engine = await EngineProcess.start(tmp_path / "run" / "engine.toml", *words, env=env)
        assert await engine.ended() == 1
        assert "certificate" in engine.last_line.lower()
        assert (venues.order_requests, venues.orders) == (0, 0)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("change", [{"enableWithdrawals": True}, {"enableReading": False}])
async def test_a_key_that_turns_bad_meanwhile_halts(
    tmp_path: Path, change: dict[str, bool]
) -> None:
    """Rights that grew, and a key that the venue refuses: the one is told, the other is not."""
    async with production(tmp_path, seed=11) as venues, watched(tmp_path / "run"):
        words = configure(tmp_path / "run", venues, engine="key_check_s = 1")
        engine = await EngineProcess.start(tmp_path / "run" / "engine.toml", *words, env=venues.env)
        await engine.until(lambda state: state["counts"]["fills"] >= 2)
        rule = {"venue": "binance", "channel": "venue", "action": "key", "params": {"set": change}}
        venues.mock.faults.add(rule)
        assert await engine.ended() == 3, engine.log
        (field,) = change
        why = "enableWithdrawals is true: disable" if field == "enableWithdrawals" else "-2015"
        halt = json.loads((engine.state_dir / "halt.json").read_text())
        assert why in halt[0]["reason"]
        assert why in engine.last_line
        again = await EngineProcess.start(tmp_path / "run" / "engine.toml", *words, env=venues.env)
        assert await again.ended() == 3
        working = [
            face.exchange.open_orders(account)
            for face in venues.mock.faces.values()
            for account in face.exchange.accounts.values()
        ]
        assert not any(working)
