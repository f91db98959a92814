"""The fixture of every test here sees each mock: of this process, and of a child."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.authorised import Authorised, Child
from support.resting import resting
from support.service import trading
from xrpfast.simulation.process import mock_exchanges
from xrpfast.simulation.server import mock_venues

ID = "xddemo9-0a"


async def test_orders_at_a_mock_of_this_process_are_seen(
    tmp_path: Path, authorised: Authorised
) -> None:
    async with mock_venues(seed=11) as mock, trading(tmp_path, mock) as run:
        await run.until(lambda: run.placed >= 4)
        await run.stop()
    (seen,) = authorised.mocks
    assert len(seen.orders) >= 4
    assert seen.ended_ns
    authorised.check()


def test_an_order_that_nobody_sent_is_found_at_a_child(authorised: Authorised) -> None:
    with mock_exchanges() as mock:
        (seen,) = authorised.mocks
        assert isinstance(seen, Child)
        mock.control("POST", "/rules", resting("kucoin", ID))  # past what the fixture knows of
        with pytest.raises(AssertionError, match=f"kucoin {ID} stands in 0 records"):
            authorised.check()
    assert [order["client_id"] for order in seen.orders] == [ID]
    with pytest.raises(AssertionError, match=ID):
        authorised.check()
    authorised.mocks.clear()


def test_what_a_test_plants_is_not_the_engines(authorised: Authorised) -> None:
    with mock_exchanges() as mock:
        mock.fault(resting("kucoin", ID))
    assert [order["client_id"] for order in authorised.mocks[0].orders] == [ID]
