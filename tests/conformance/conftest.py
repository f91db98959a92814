"""Mock venues for clients that nobody here wrote, and the record of what they read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from support.kucoin_mock import KucoinMock
from support.mock_thread import THREAD, RunningMock, running_mock
from support.proof import Proof

if TYPE_CHECKING:
    from support.kucoin_sdk import Prove, Sdk

_PROOF = Proof()
VENUES = ("binance", "kucoin")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The page is compared once everything has been recorded."""
    items.sort(key=lambda item: item.name == "test_the_page_is_what_the_run_recorded")


@pytest.fixture(scope="session")
def proof() -> Proof:
    """Asserts and records."""
    return _PROOF


@pytest.fixture(scope="module")
def venues() -> Iterator[RunningMock]:
    """Both mock venues with a moving market, shared by the tests of a file."""
    with running_mock(VENUES) as running:
        yield running


@pytest.fixture
def fresh_venues() -> Iterator[RunningMock]:
    """Both mock venues for one test alone: its limits, bans and orders are nobody else's."""
    with running_mock(VENUES) as running:
        yield running


@pytest.fixture
def kucoin(venues: RunningMock) -> KucoinMock:
    """The file's KuCoin, standing still."""
    return KucoinMock(venues)


@pytest.fixture
def fresh_kucoin(fresh_venues: RunningMock) -> KucoinMock:
    """A KuCoin for one test alone, standing still."""
    return KucoinMock(fresh_venues)


@pytest.fixture
def sdk(kucoin: KucoinMock) -> Sdk:
    """KuCoin's own SDK at the file's KuCoin."""
    from support.kucoin_sdk import Sdk

    return Sdk(kucoin.line)


@pytest.fixture
def prove(proof: Proof) -> Prove:
    """Records what KuCoin's own SDK read over REST."""
    from support.kucoin_sdk import proven

    return proven(proof)


@pytest.fixture(autouse=True)
def no_unhandled_faults(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever the mock logs as an error was not handled; what clients log is their own matter."""
    yield
    faults = [
        record.getMessage() + (f": {record.exc_info[1]!r}" if record.exc_info else "")
        for record in caplog.get_records("call")
        if record.levelno >= logging.ERROR and record.threadName == THREAD
    ]
    assert not faults
