"""Resource pools of the mock KuCoin: windows that open with the first request."""

from __future__ import annotations

from pathlib import Path

from xrpfast.simulation.kucoin.limits import SPOT, MessageMeter, Pools


def test_window_opens_with_the_first_request_and_refills_whole() -> None:
    pools = Pools({SPOT: 5})
    first = pools.charge(SPOT, "u", 2, 1_000)
    assert (first.limit, first.remaining, first.reset, first.allowed) == (5, 3, 30_000, True)
    assert pools.charge(SPOT, "u", 3, 2_000).remaining == 0
    refused = pools.charge(SPOT, "u", 1, 30_999)
    assert (refused.remaining, refused.reset, refused.allowed) == (0, 1, False)
    again = pools.charge(SPOT, "u", 1, 31_000)
    assert (again.remaining, again.reset, again.allowed) == (4, 30_000, True)


def test_refused_request_is_not_charged() -> None:
    pools = Pools({SPOT: 5})
    pools.charge(SPOT, "u", 4, 0)
    assert not pools.charge(SPOT, "u", 2, 0).allowed
    assert pools.charge(SPOT, "u", 1, 0).allowed


def test_callers_have_own_pools() -> None:
    pools = Pools({SPOT: 1})
    assert pools.charge(SPOT, "a", 1, 0).allowed
    assert pools.charge(SPOT, "b", 1, 0).allowed
    assert not pools.charge(SPOT, "a", 1, 0).allowed


def test_headers_and_block_carry_the_same_counts() -> None:
    quota = Pools({SPOT: 9}).charge(SPOT, "u", 2, 0)
    assert quota.headers() == {
        "gw-ratelimit-limit": "9",
        "gw-ratelimit-remaining": "7",
        "gw-ratelimit-reset": "30000",
    }
    assert quota.block() == {"limit": 9, "remaining": 7, "reset": 30000}


def test_messages_of_a_connection() -> None:
    meter = MessageMeter(limit=2, window_ns=10)
    assert [meter.allow(100), meter.allow(101), meter.allow(102)] == [True, True, False]
    assert meter.allow(110)


def test_the_reference_page_is_what_the_tables_say() -> None:
    from xrpfast.simulation.kucoin.reference import reference

    page = Path(__file__).parents[2] / "docs" / "mock-kucoin.md"
    assert page.read_text() == reference(), "run: make docs"
