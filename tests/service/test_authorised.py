"""The fixture of every test here sees each mock: of this process, and of a child."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.authorised import Authorised, Child
from support.service import trading
from xrpfast.simulation.process import mock_exchanges
from xrpfast.simulation.server import mock_venues

PLANTED = "xddemo9-0a"


async def test_orders_at_a_mock_of_this_process_are_seen(
    tmp_path: Path, authorised: Authorised
) -> None:
    async with mock_venues(seed=11) as mock, trading(tmp_path, mock) as run:
        await run.until(lambda: run.placed >= 4)
        await run.stop()
    (seen,) = authorised.mocks
    assert len(seen.orders) >= 4
    assert seen.ended_ns
    authorised.check(frozenset())


@pytest.mark.planted(PLANTED)
def test_an_order_that_nobody_sent_is_found_at_a_child(authorised: Authorised) -> None:
    with mock_exchanges() as mock:
        (seen,) = authorised.mocks
        assert isinstance(seen, Child)
        order = {"side": "buy", "price": "1.5", "qty": "20", "client_id": PLANTED}
        mock.fault(
            {"venue": "kucoin", "channel": "venue", "action": "foreign_order", "params": order}
        )
        with pytest.raises(AssertionError, match=f"kucoin {PLANTED} stands in 0 records"):
            authorised.check(frozenset())
    assert [order["client_id"] for order in seen.orders] == [PLANTED]
    with pytest.raises(AssertionError, match=PLANTED):
        authorised.check(frozenset())
