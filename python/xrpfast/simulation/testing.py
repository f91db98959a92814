"""The pytest plugin for other projects: mock Binance and KuCoin for a test session.

    # conftest.py at the root of the tests
    pytest_plugins = ["xrpfast.simulation.testing"]

It is asked for by name, not by an entry point: an entry point would load the native core into
every test run of an environment that has xrpfast and pytest, before coverage and whether wanted
or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from xrpfast.simulation.process import MockExchanges
from xrpfast.simulation.process import mock_exchanges as started

__all__ = ["MockExchanges", "mock_exchanges", "mock_exchanges_arguments"]


@pytest.fixture(scope="session")
def mock_exchanges_arguments() -> Sequence[str]:
    """Further arguments of `mock`: override this fixture to give a seed, a venue or a capture."""
    return ()


@pytest.fixture(scope="session")
def mock_exchanges(mock_exchanges_arguments: Sequence[str]) -> Iterator[MockExchanges]:
    """Mock Binance and KuCoin in a child process, one for the session."""
    with started(*mock_exchanges_arguments) as running:
        yield running
