"""What a key may do: every right beyond trading is an objection with its field and its way out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.venues.binance.permissions import judge as judge_binance
from xrpfast.venues.kucoin.permissions import judge as judge_kucoin
from xrpfast.venues.permissions import Permissions
from xrpfast.venues.registry import enabled

BINANCE = {
    "ipRestrict": True, "createTime": 1623840271000, "enableReading": True,
    "enableWithdrawals": False, "enableInternalTransfer": False, "enableMargin": False,
    "enableFutures": False, "permitsUniversalTransfer": False, "enableVanillaOptions": False,
    "enableFixApiTrade": False, "enableFixReadOnly": True, "enableSpotAndMarginTrading": True,
    "enablePortfolioMarginTrading": True,
}  # fmt: skip
KUCOIN = {
    "remark": "engine", "apiKey": "66f0c0ffee0000000000abcd", "apiVersion": 3,
    "permission": "General,Spot", "ipWhitelist": "203.0.113.7", "createdAt": 1750000000000,
    "uid": 165111215, "isMaster": True,
}  # fmt: skip
FLAGS = [
    ("ipRestrict", False, "restrict the key"),
    ("enableReading", False, "enable reading"),
    ("enableSpotAndMarginTrading", False, "enable spot"),
    ("enableWithdrawals", True, "disable withdrawals"),
    ("enableInternalTransfer", True, "disable transfers"),
    ("permitsUniversalTransfer", True, "disable universal"),
]
WORDS = [
    ("Spot", "grant General"),
    ("General", "grant Spot"),
    ("General,Spot,Transfer", "take Transfer away"),
    ("General,Spot,InnerTransfer", "take InnerTransfer away"),
    ("General, Withdraw, Spot", "take Withdraw away"),
    ("General,Spot,Futures", "take Futures away"),
    ("General,Spot,Something", "take Something away"),
    ("general,spot", "grant General"),
]


def test_a_key_that_trades_and_moves_nothing_is_good() -> None:
    assert judge_binance(BINANCE).objections == ()
    assert judge_kucoin(KUCOIN).objections == ()


@pytest.mark.parametrize(("field", "bad", "fix"), FLAGS)
def test_each_bad_right_at_binance(field: str, bad: bool, fix: str) -> None:
    for value, says in ((bad, str(bad).lower()), (None, "not told"), ("false", "'false'")):
        (only,) = judge_binance(BINANCE | {field: value}).objections
        assert (only.field, only.says) == (field, says)
        assert fix in only.fix
        assert str(only) == f"{field} is {says}: {only.fix}"
    missing = {key: value for key, value in BINANCE.items() if key != field}
    assert [found.field for found in judge_binance(missing).objections] == [field]


def test_a_right_to_move_money_that_nobody_knows_yet() -> None:
    for field in ("enableFastWithdrawSwitch", "permitsSomeTransfer"):
        assert judge_binance(BINANCE | {field: False}).objections == ()
        assert [found.field for found in judge_binance(BINANCE | {field: True}).objections] == [
            field
        ]


def test_all_that_is_wrong_is_said() -> None:
    everything = BINANCE | {field: bad for field, bad, _ in FLAGS}
    assert {found.field for found in judge_binance(everything).objections} == {
        field for field, _, _ in FLAGS
    }


@pytest.mark.parametrize(("words", "fix"), WORDS)
def test_each_bad_word_at_kucoin(words: str, fix: str) -> None:
    found = judge_kucoin(KUCOIN | {"permission": words}).objections
    assert fix in [each.fix for each in found]
    assert {each.field for each in found} == {"permission"}
    assert {each.says for each in found} == {words}


@pytest.mark.parametrize("addresses", ["", " ", ",", None, 7, ["203.0.113.7"]])
def test_a_key_for_any_address_at_kucoin(addresses: object) -> None:
    (only,) = judge_kucoin(KUCOIN | {"ipWhitelist": addresses}).objections
    assert only.field == "ipWhitelist"
    assert "restrict" in only.fix


def test_an_answer_of_no_shape_grants_nothing() -> None:
    assert {found.field for found in judge_kucoin({}).objections} == {"permission", "ipWhitelist"}
    assert len(judge_binance({}).objections) == len(FLAGS)


def test_nothing_of_the_key_itself_is_told() -> None:
    assert "66f0c0ffee" not in repr(judge_kucoin(KUCOIN))


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues() as running:
        running.flow.running = False
        yield running


async def asked(mock: MockVenues, name: str) -> Permissions:
    """What the venue says to our own client, over a real socket."""
    config = build(demo_values("unused", mock.line), "test")  # type: ignore[arg-type]
    venues = {venue.name: venue for venue in enabled(config.venues)}
    try:
        await venues[name].sync_clock()
        return await venues[name].permissions()
    finally:
        for venue in venues.values():
            await venue.close()


async def test_the_mock_venues_keys_are_good_until_told_otherwise(mock: MockVenues) -> None:
    for name, change, field in (
        ("binance", {"enableWithdrawals": True}, "enableWithdrawals"),
        ("binance", {"ipRestrict": False}, "ipRestrict"),
        ("kucoin", {"permission": "General,Spot,Withdraw"}, "permission"),
        ("kucoin", {"ipWhitelist": ""}, "ipWhitelist"),
    ):
        found: Any = await asked(mock, name)
        assert found.objections == ()
        assert found.told
        rule = {"venue": name, "channel": "venue", "action": "key", "params": {"set": change}}
        number = mock.faults.add(rule)
        found = await asked(mock, name)
        assert [each.field for each in found.objections] == [field]
        mock.faults.remove(number)
