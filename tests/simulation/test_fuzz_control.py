"""The control port takes anything: 200, or a 4xx that says what is wrong, and the venues go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fuzzing import Books, RawHttp, examples, mangled, no_faults, spoiled, values
from xrpfast.simulation.faults.rules import ACTIONS
from xrpfast.simulation.flow import FlowSettings
from xrpfast.simulation.server import MockVenues, mock_venues

GOOD: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "/market": ({"running": False, "levels": 5}, FlowSettings.__struct_fields__),
    "/adjust": ({"venue": "binance", "asset": "XRP", "delta": "0.5"}, ()),
    "/quotas": ({"enforced": False}, ()),
    "/rules": (
        {
            "venue": "kucoin",
            "channel": "rest",
            "action": "delay",
            "params": {"ms": 1},
            "match": {"route": "nowhere", "nth": 1},
        },
        ("point", "at_s", "for_s", "then", "rules"),
    ),
}
actions = st.sampled_from(sorted({name for known in ACTIONS.values() for name in known}))
channels = st.sampled_from(sorted(ACTIONS))
fields = st.one_of(values, actions, channels, st.sampled_from(["binance", "kucoin", "*"]))


@pytest.fixture
async def both() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=5) as running:
        running.flow.running = False
        yield running


@pytest.fixture
async def port(both: MockVenues) -> AsyncIterator[RawHttp]:
    client = RawHttp(both.line["control_url"])
    yield client
    await client.close()


@given(data=st.data())
@examples(300)
async def test_anything(both: MockVenues, port: RawHttp, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(GOOD)))
    good, others = GOOD[path]
    body = data.draw(mangled(spoiled(good, others, fields)))
    with no_faults():
        answer = await port.call("POST", path, {"Content-Type": "application/json"}, body)
        both.faults.clear()
        both.flow.running = False
        both.flow.step()
        ledger = await port.call("GET", "/ledger", {})
    assert answer.status in (200, 400), answer
    assert answer.body
    assert ledger.status == 200
    for face in both.faces.values():
        Books(face.exchange).check()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/rules/none", 404),
        ("DELETE", "/rules/%00", 404),
        ("DELETE", "/rules/" + "9" * 400, 404),
        ("GET", "/adjust", 405),
        ("PUT", "/market", 405),
        ("GET", "/nowhere", 404),
    ],
)
async def test_what_is_not_there(port: RawHttp, method: str, path: str, status: int) -> None:
    with no_faults():
        assert (await port.call(method, path, {})).status == status
