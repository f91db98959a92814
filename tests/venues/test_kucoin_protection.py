"""KuCoin's dead-connection protection: armed while it can only hit our own orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from support.resting import FOREIGN, resting
from xrpfast.net.fuse import Fuse
from xrpfast.simulation.kucoin.face import KucoinFace
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.venues.keys import Keys
from xrpfast.venues.kucoin import protection
from xrpfast.venues.kucoin.errors import http_pause
from xrpfast.venues.kucoin.protection import DeadConnection
from xrpfast.venues.kucoin.rest import KucoinRest

PREFIX = "xddemo"
OURS = f"{PREFIX}1-zz9a"
SYMBOL = "XRP-USDT"
TIMEOUT_S = 5
RENEW = "POST /api/v1/hf/orders/dead-cancel-all"


class Scene:
    def __init__(self, mock: MockVenues) -> None:
        line = mock.line["venues"]["kucoin"]
        self.mock = mock
        keys = Keys(line["api_key"], line["api_secret"], line["passphrase"])
        self.rest = KucoinRest(line["rest_url"], keys, Fuse("kucoin", http_pause))
        self.session_up = True
        self.foreign_events = 0
        self.protection = DeadConnection(
            self.rest, [SYMBOL], PREFIX, TIMEOUT_S,
            lambda: self.session_up, lambda: self.foreign_events,
        )  # fmt: skip
        self.task: asyncio.Task[Any] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.protection.run())

    def setting(self) -> Any:
        """What the venue itself holds: timeout, symbols, times; None when nothing is armed."""
        face = self.mock.faces["kucoin"]
        assert isinstance(face, KucoinFace)
        (account,) = face.exchange.accounts.values()
        return face.venue.dead_man.query(account)

    def place(self, client_id: str) -> None:
        self.mock.faults.add(resting("kucoin", client_id))

    def count(self, **match: Any) -> int:
        """A rule that only counts the calls that set it."""
        return self.mock.faults.add(
            {"venue": "kucoin", "channel": "rest", "action": "delay", "params": {"ms": 0},
             "match": {"route": RENEW, **match}}
        )  # fmt: skip

    def hits(self, number: int) -> int:
        (row,) = (row for row in self.mock.faults.rows() if row["id"] == number)
        return int(row["hits"])

    async def until(self, what: Callable[[], object]) -> None:
        deadline = asyncio.get_running_loop().time() + 20
        while not what():
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.02)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with mock_venues(["kucoin"], seed=34) as running:
        running.flow.running = False
        made = Scene(running)
        yield made
        if made.task is not None:
            made.task.cancel()
            await asyncio.gather(made.task, return_exceptions=True)
        await made.rest.close()


async def test_it_is_armed_for_our_symbols_and_renewed_well_before_it_fires(scene: Scene) -> None:
    scene.place(OURS)
    calls = scene.count()
    scene.start()
    await scene.until(scene.setting)
    assert scene.setting()["timeout"] == TIMEOUT_S
    assert scene.setting()["symbols"] == SYMBOL
    first = scene.setting()["triggerTime"]
    await scene.until(lambda: scene.hits(calls) >= 4)  # as long as it takes to fire, unrenewed
    assert scene.setting()["triggerTime"] >= first + TIMEOUT_S - 1


async def test_an_order_of_another_in_the_symbol_and_it_is_never_armed(scene: Scene) -> None:
    scene.place(FOREIGN)
    calls = scene.count()
    scene.start()
    await asyncio.sleep(TIMEOUT_S / 3 + 0.5)
    assert scene.setting() is None
    assert scene.hits(calls) == 0, "a call would overwrite what another one has set"


async def test_another_order_that_shows_up_disarms_it_until_that_is_gone(scene: Scene) -> None:
    scene.start()
    await scene.until(scene.setting)
    scene.place(FOREIGN)
    scene.foreign_events += 1  # as the private stream tells
    await scene.until(lambda: scene.setting() is None)
    cancel = {"venue": "kucoin", "channel": "venue", "action": "cancel_orders"}
    scene.mock.faults.add(cancel)
    scene.foreign_events += 1
    await scene.until(scene.setting)


async def test_it_is_not_renewed_while_the_order_session_is_down(scene: Scene) -> None:
    scene.session_up = False
    calls = scene.count()
    scene.start()
    await asyncio.sleep(0.5)
    assert scene.hits(calls) == 0
    scene.session_up = True
    await scene.until(scene.setting)
    scene.session_up = False
    await scene.until(lambda: scene.setting() is None)  # it fired


async def test_a_clean_end_gives_it_back_behind_a_renewal_on_its_way(scene: Scene) -> None:
    scene.start()
    await scene.until(scene.setting)
    slow = scene.mock.faults.add(
        {"venue": "kucoin", "channel": "rest", "action": "delay", "params": {"ms": 500},
         "match": {"route": RENEW, "times": 1}}
    )  # fmt: skip
    await scene.until(lambda: scene.hits(slow))
    await scene.protection.end()
    assert scene.setting() is None
    await asyncio.sleep(TIMEOUT_S / 3 + 0.5)
    assert scene.setting() is None


async def test_a_venue_that_refuses_is_asked_again_soon(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.mock.faults.add(
        {"venue": "kucoin", "channel": "rest", "action": "reply",
         "match": {"route": RENEW, "times": 1}, "params": {"status": 503, "body": "<html>"}}
    )  # fmt: skip
    unarmed = {"status": 200, "code": "200000", "data": {"currentTime": 7, "triggerTime": 0}}
    scene.mock.faults.add(
        {"venue": "kucoin", "channel": "rest", "action": "reply",
         "match": {"route": RENEW, "nth": 2}, "params": unarmed}
    )  # fmt: skip
    scene.start()
    await scene.until(scene.setting)
    assert caplog.text.count("dead-connection protection not renewed") == 2
    assert "did not arm it" in caplog.text


async def test_an_arming_whose_answer_was_lost_is_given_back_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protection, "CALL_S", 0.5)
    scene.mock.faults.add(
        {"venue": "kucoin", "channel": "rest", "action": "drop",
         "point": "after_match_before_reply", "match": {"route": RENEW, "times": 1}}
    )  # fmt: skip
    scene.start()
    await scene.until(scene.setting)
    await scene.protection.end()
    assert scene.setting() is None
