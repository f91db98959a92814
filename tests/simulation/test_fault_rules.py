"""Rules as words: what is refused and how it is said, which occasion is meant, and the port."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from xrpfast.errors import UsageError
from xrpfast.simulation.faults.occasion import Occasion, Standing
from xrpfast.simulation.faults.reference import reference
from xrpfast.simulation.faults.rules import ACTIONS, parse_rule
from xrpfast.simulation.faults.scenario import find, load, shipped

VENUES = ("binance", "kucoin")
RULE: dict[str, Any] = {"channel": "ws", "action": "drop"}
ROWS_OF_THE_ENGINE_ALONE = {"F23", "F24", "F25", "F27", "F37"}
"""Neither a venue nor the network between causes them."""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "array"),
        ({"action": "drop"}, "channel"),
        ({"channel": "radio", "action": "drop"}, "radio"),
        (RULE | {"action": "explode"}, "one of drop, delay"),
        (RULE | {"venue": "mtgox"}, "one of *, binance, kucoin"),
        (RULE | {"nonsense": 1}, "nonsense"),
        (RULE | {"match": {"nth": 0}}, "nth: 0 is below 1"),
        (RULE | {"match": {"p": 1.5}}, "p: 1.5 is not between"),
        (RULE | {"match": {"rout": "x"}}, "rout"),
        (RULE | {"params": {"ms": 1}}, "drop takes no 'ms'"),
        (RULE | {"action": "delay"}, "delay needs 'ms'"),
        (RULE | {"action": "delay", "params": {"ms": "soon"}}, "'soon' is not a whole number"),
        (RULE | {"action": "delay", "params": {"ms": True}}, "True is not a whole number"),
        (RULE | {"action": "delay", "params": {"ms": -1}}, "below zero"),
        (RULE | {"action": "mutate", "params": {"set": {}}}, "choose a later point"),
        (RULE | {"action": "outrun", "params": {"percent": 1}, "point": "after_reply"}, "only"),
        (RULE | {"for_s": 0}, "for_s above 0"),
        (RULE | {"for_s": 1e300}, "of a year"),
        (RULE | {"at_s": float("nan")}, "of a year"),
        (RULE | {"then": [RULE | {"action": "explode"}]}, "one of drop, delay"),
        ({"channel": "market", "action": "corrupt", "params": {"how": "x"}}, "one of truncate"),
        *(
            ({"channel": "venue", "action": "clock", "params": {"offset_ms": shift}}, words)
            for shift, words in ((1e300, "above"), (-1e300, "above"), (float("nan"), "below"))
        ),
        (
            {"channel": "network", "action": "black_hole", "params": {"direction": "left"}},
            "one of both, up",
        ),
    ],
)  # fmt: skip
def test_a_bad_rule_is_refused_in_one_line_that_says_why(given: object, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_rule(given, VENUES)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def strikes(match: dict[str, Any], occasions: list[Occasion]) -> list[int]:
    """Which of the occasions, by their place, a rule with this match strikes."""
    standing = Standing(1, parse_rule(RULE | {"match": match}, VENUES), active=True)
    return [place for place, each in enumerate(occasions) if standing.strikes(each)]


def test_all_that_a_match_says_must_hold() -> None:
    order = Occasion(
        "binance", "ws", route="order.place", client_ids=("xa1",), symbol="XRPUSDT", connection=2,
        kind="ws_api",
    )  # fmt: skip
    for match in (
        {}, {"route": "order.*"}, {"client_id": "x?1"}, {"symbol": "XRP*"}, {"connection": 2},
        {"kind": "ws_api"}, {"route": "order.place", "symbol": "XRPUSDT"},
    ):  # fmt: skip
        assert strikes(match, [order]) == [0], match
    for match in (
        {"route": "order.cancel"}, {"client_id": "y*"}, {"symbol": "BTC*"}, {"connection": 1},
        {"kind": "push"}, {"route": "order.place", "symbol": "BTCUSDT"}, {"stream": "*@depth"},
    ):  # fmt: skip
        assert strikes(match, [order]) == [], match


def test_nth_every_times_and_chance_count_what_matches() -> None:
    place, other = (Occasion("binance", "ws", route=name) for name in ("order.place", "ping"))
    mixed = [other, place] * 6
    assert strikes({"route": "order.place", "nth": 2}, mixed) == [3]
    assert strikes({"route": "order.place", "every": 3}, mixed) == [5, 11]
    assert strikes({"route": "order.place", "times": 2}, mixed) == [1, 3]
    assert strikes({"route": "order.place", "every": 2, "times": 1}, mixed) == [3]
    many = [place] * 400
    drawn = strikes({"p": 0.25, "seed": 7}, many)
    assert drawn == strikes({"p": 0.25, "seed": 7}, many) != strikes({"p": 0.25, "seed": 8}, many)
    assert 60 < len(drawn) < 140
    assert strikes({"p": 0.0}, many) == []
    assert strikes({"p": 1.0}, many) == list(range(400))


def test_a_channel_of_requests_means_both_ways_to_ask() -> None:
    rest, ws = Occasion("kucoin", "rest", route="x"), Occasion("kucoin", "ws", route="x")
    standing = Standing(1, parse_rule(RULE | {"channel": "request"}, VENUES), active=True)
    assert standing.strikes(rest)
    assert standing.strikes(ws)
    assert not standing.strikes(Occasion("kucoin", "market", stream="x"))


def test_the_shipped_scenarios_show_every_row_that_a_venue_can_cause() -> None:
    rows = {row for path in shipped() for row in load(path).faults}
    assert rows == {f"F{n}" for n in range(1, 41)} - ROWS_OF_THE_ENGINE_ALONE
    assert all(load(path).title and load(path).expect for path in shipped())
    used = {(rule["channel"], rule["action"]) for path in shipped() for rule in load(path).rules}
    assert {action for _, action in used} <= {name for names in ACTIONS.values() for name in names}


def test_the_reference_page_is_what_the_tables_say() -> None:
    page = Path(__file__).parents[2] / "docs" / "faults.md"
    assert page.read_text() == reference(), "run: make docs"


def test_a_scenario_file_is_found_by_path_or_name_and_refused_in_one_line(tmp_path: Path) -> None:
    assert find("f12_lost_reply") == find(str(find("f12_lost_reply")))
    with pytest.raises(UsageError, match="no scenario of that name: f01_disconnect"):
        find("f99")
    for text, words in (
        ("rules = [", "not TOML"), ("title = 1\nrules = []", "title"), ("title = 'x'", "rules"),
        ("title = 'x'\nrules = []\nspeed = 2", "speed"),
    ):  # fmt: skip
        path = tmp_path / "bad.toml"
        path.write_text(text)
        with pytest.raises(UsageError, match=words) as caught:
            load(path)
        assert str(path) in str(caught.value)


async def test_the_control_port_takes_tells_and_ends_rules() -> None:
    from xrpfast.simulation.server import mock_venues

    async with mock_venues(["binance"]) as running, aiohttp.ClientSession() as http:
        url = f"{running.line['control_url']}/rules"
        one = await http.post(url, json=RULE | {"match": {"route": "order.place"}})
        assert (one.status, await one.json()) == (200, {"id": 1})
        two = await http.post(url, json={"rules": [RULE, RULE | {"action": "reset"}]})
        assert await two.json() == {"ids": [2, 3]}
        for body, words in (
            ({"rules": [RULE, RULE | {"action": "no"}]}, "one of drop"),
            ({"rules": 5}, "rules: a list"),
            (RULE | {"channel": "network", "action": "refuse"}, "start the mock with --faults"),
            (RULE | {"channel": "venue", "action": "overload"}, "no action 'overload'"),
            (RULE | {"venue": "kucoin"}, "one of *, binance"),
            ({"channel": "venue", "action": "status", "params": {"status": "X"}}, "one of TRADING"),
        ):
            refused = await http.post(url, json=body)
            assert refused.status == 400
            assert words in await refused.text()
        rows = (await (await http.get(url)).json())["rules"]
        assert [(row["id"], row["active"], row["hits"]) for row in rows] == [
            (1, True, 0), (2, True, 0), (3, True, 0),
        ]  # fmt: skip
        assert (await http.delete(f"{url}/2")).status == 200
        assert (await http.delete(f"{url}/2")).status == 404
        for nothing in ("x", "²", "9" * 5_000):
            assert (await http.delete(f"{url}/{nothing}")).status == 404
        assert (await http.delete(url)).status == 200
        assert (await (await http.get(url)).json())["rules"] == []
