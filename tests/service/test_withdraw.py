"""Own orders off the venues without a journal: until the venues show none, or it is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from support.trading import config
from xrpfast.errors import FailedError
from xrpfast.service import withdraw as module
from xrpfast.service.withdraw import withdraw

OURS, THEIRS = "xttest7-0a", "web-1"


class Venue:
    """Holds an order of ours and one of another; does what it is told, or does not answer."""

    def __init__(self, name: str, *, obeys: bool = True, answers: bool = True) -> None:
        self.name, self.obeys, self.answers = name, obeys, answers
        self.working = [OURS, THEIRS]

    async def open_orders(self, symbol: str) -> list[Any]:
        if not self.answers:
            raise FailedError(f"{self.name} does not answer")
        return [SimpleNamespace(client_id=client_id) for client_id in self.working]

    async def cancel(self, symbol: str, client_id: str) -> None:
        if self.obeys:
            self.working.remove(client_id)


def driver() -> Any:
    """One that can send no cancel over its sockets."""
    engine = SimpleNamespace(config=config(), orders=SimpleNamespace(unsettled={}))
    return SimpleNamespace(engine=engine)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WITHIN_S", 0.3)
    monkeypatch.setattr(module, "PAUSE_S", 0.01)


async def test_ours_are_cancelled_and_those_of_others_left_alone() -> None:
    venues: list[Any] = [Venue("binance"), Venue("kucoin")]
    assert await withdraw(driver(), venues) == "own orders are cancelled"
    assert [venue.working for venue in venues] == [[THEIRS], [THEIRS]]


async def test_what_may_still_work_is_named() -> None:
    venues: list[Any] = [Venue("binance", obeys=False), Venue("kucoin", answers=False)]
    said = await withdraw(driver(), venues)
    assert said.startswith("NOT all own orders are cancelled: ")
    assert f"binance: {OURS} may work" in said
    assert "kucoin does not answer" in said
