"""Own orders off the venues, on real sockets and through everything that keeps them there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.resting import FOREIGN, resting, working
from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.errors import UsageError
from xrpfast.service import cancelling
from xrpfast.service.cancelling import (
    CANCELLED,
    GONE,
    Known,
    Receipt,
    VenueReceipt,
    cancel_own,
)
from xrpfast.simulation.binance.face import BinanceFace
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.venues.cancel_only import cancel_only
from xrpfast.venues.canceller import CancelOnly

PREFIX = "xddemo"
FIRST, SECOND = f"{PREFIX}1a-0000a", f"{PREFIX}1a-0000b"
LISTS = {"binance": "GET /api/v3/openOrders", "kucoin": "GET /api/v1/hf/orders/active*"}
CANCELS = {"binance": "DELETE /api/v3/order", "kucoin": "DELETE /api/v1/hf/orders/client-order/*"}
VENUES = ("binance", "kucoin")
both = pytest.mark.parametrize("venue", VENUES)


class Account:
    """The customer's account at both venues."""

    def __init__(self, mock: MockVenues, venues: list[CancelOnly]) -> None:
        self.mock, self.venues = mock, venues

    def venue(self, name: str) -> CancelOnly:
        (found,) = (venue for venue in self.venues if venue.name == name)
        return found

    def fault(self, rule: dict[str, Any]) -> int:
        return self.mock.faults.add(rule)

    def hits(self, number: int) -> int:
        (row,) = (row for row in self.mock.faults.rows() if row["id"] == number)
        return int(row["hits"])

    def place(self, *client_ids: str, venues: tuple[str, ...] = VENUES) -> None:
        for venue in venues:
            for client_id in client_ids:
                self.fault(resting(venue, client_id))

    async def working(self) -> dict[str, list[str]]:
        url = self.mock.line["control_url"] + "/ledger"
        async with aiohttp.ClientSession() as http, http.get(url) as reply:
            return working((await reply.json())["venues"])

    async def cancel(self, within_s: float = 20.0, **more: Any) -> dict[str, VenueReceipt]:
        receipt = await cancel_own(self.venues, PREFIX, within_s=within_s, **more)
        return {venue.venue: venue for venue in receipt.venues}


@pytest.fixture
async def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Account]:
    """Nothing can be on its way for longer than 0.3 s, and looks follow each other quickly."""
    monkeypatch.setattr(cancelling, "AGAIN_S", 0.05)
    async with mock_venues(seed=31) as running:
        running.flow.running = False
        venues = cancel_only(build(demo_values(tmp_path, running.line), "test"))
        for venue in venues:
            venue.late_s = 0.3
        yield Account(running, venues)
        for venue in venues:
            await venue.close()


def refuse(venue: str, route: str, status: int, **more: Any) -> dict[str, Any]:
    """A rule: these requests get another answer."""
    return {
        "venue": venue, "channel": "rest", "action": "reply",
        "match": {"route": route, **more.pop("match", {})}, "params": {"status": status, **more},
    }  # fmt: skip


def limited(venue: str, route: str, wait_s: int, **match: Any) -> dict[str, Any]:
    if venue == "binance":
        headers, code = {"Retry-After": str(wait_s)}, -1003
        return refuse(venue, route, 429, code=code, msg="Too many", headers=headers, match=match)
    headers = {"gw-ratelimit-remaining": "0", "gw-ratelimit-reset": str(wait_s * 1000)}
    return refuse(venue, route, 429, code="429000", msg="Many", headers=headers, match=match)


def fates(receipt: VenueReceipt) -> dict[str, str]:
    return {order.client_id: order.fate for order in receipt.orders}


async def test_ours_are_cancelled_everywhere_and_those_of_others_left_alone(
    account: Account,
) -> None:
    account.place(FIRST, SECOND, FOREIGN, "xddem1")
    said = await account.cancel()
    assert await account.working() == {venue: [FOREIGN, "xddem1"] for venue in VENUES}
    for receipt in said.values():
        assert fates(receipt) == {FIRST: CANCELLED, SECOND: CANCELLED}
        assert (receipt.foreign, receipt.problem, receipt.left) == (2, "", [])
        assert receipt.first_cancel_ms is not None
        assert receipt.first_cancelled_ms is not None
        assert receipt.empty_ms is not None
        assert receipt.verified_ms is not None
        assert (
            0
            < receipt.first_cancel_ms
            < receipt.first_cancelled_ms
            < receipt.empty_ms
            < receipt.verified_ms
        )
        assert receipt.verified_ms >= 300


async def test_nothing_to_cancel_is_verified_too(account: Account) -> None:
    said = await account.cancel()
    assert all(r.verified_ms is not None and r.first_cancel_ms is None for r in said.values())


async def test_a_prefix_that_is_none_is_refused(account: Account) -> None:
    account.place(FOREIGN)
    for prefix in ("", "x", "web-by-hand"):
        with pytest.raises(ValueError, match="tells no own orders from those of others"):
            await cancel_own(account.venues, prefix)
    assert await account.working() == {venue: [FOREIGN] for venue in VENUES}


@both
async def test_a_storm_of_server_errors_is_outlived(account: Account, venue: str) -> None:
    account.place(FIRST, SECOND, FOREIGN)
    account.fault(refuse(venue, CANCELS[venue], 503, body="<html>", match={"times": 6}))
    account.fault(refuse(venue, LISTS[venue], 502, body="<html>", match={"times": 3}))
    said = await account.cancel()
    assert said[venue].verified_ms is not None
    assert said[venue].failures == 9
    assert await account.working() == {name: [FOREIGN] for name in VENUES}


@both
async def test_what_cannot_be_cancelled_is_named_in_time_and_keeps_nobody_up(
    account: Account, venue: str
) -> None:
    account.place(FIRST)
    account.fault(refuse(venue, CANCELS[venue], 500, code="-1000", msg="broken"))
    said = await account.cancel(within_s=1.5)
    receipt = said.pop(venue)
    assert receipt.verified_ms is None
    assert receipt.left == [FIRST]
    assert receipt.problem.startswith(f"{FIRST} may work: ")
    assert "broken" in receipt.problem
    (other,) = said.values()
    assert other.verified_ms is not None
    both_said = Receipt(PREFIX, 0, [receipt, other])
    assert not both_said.verified
    assert both_said.text().startswith(f"NOT all own orders are cancelled: {venue}: {FIRST}")


@both
async def test_under_a_rate_limit_few_cancels_are_tried_and_nothing_is_asked(
    account: Account, venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "LIMITED_S", 0.4)
    account.place(*(f"{PREFIX}1a-000{n}a" for n in range(9)))
    cancels = account.fault(limited(venue, CANCELS[venue], 2, times=11))
    said = (await account.cancel())[venue]
    assert account.hits(cancels) == 11
    # Nine at once, one after 0.2 s at least, one after 0.4 s more, the rest after 0.8 s more. What
    # works is asked again when the 2 s are over that the last refusal asked for.
    assert said.first_cancelled_ms is not None
    assert said.first_cancelled_ms > 1_400
    assert said.empty_ms is not None
    assert said.empty_ms > 2_600
    assert said.verified_ms is not None
    assert await account.working() == {name: [] for name in VENUES}


@pytest.mark.parametrize("cancels_too", [False, True])
async def test_the_real_limits_of_a_venue_lead_to_no_ban(
    account: Account, cancels_too: bool
) -> None:
    face = account.mock.faces["binance"]
    assert isinstance(face, BinanceFace)
    ids = [f"{PREFIX}1a-000{n}a" for n in range(9)]
    account.place(*ids)
    # Room for the first list and no more: cancels that succeed weigh nothing. Or for nothing.
    face.limits.weight = -1 if cancels_too else 6
    known = [Known("binance", "XRPUSDT", client_id) for client_id in ids]
    said = (await account.cancel(within_s=4, known=known if cancels_too else ()))["binance"]
    assert len(said.left) == (9 if cancels_too else 0)
    assert 0 < said.failures < face.limits.patience
    assert said.problem
    assert face.limits.banned_until_ns == 0


@both
async def test_nothing_is_sent_during_a_ban(account: Account, venue: str) -> None:
    account.place(FIRST)
    status = {"binance": 418, "kucoin": 403}[venue]
    banned = account.fault(refuse(venue, "*", status, headers={"Retry-After": "3"}, body="banned"))
    said = (await account.cancel(within_s=1))[venue]
    assert account.hits(banned) == said.requests == 1
    assert "cancels are impossible" in said.problem or "banned" in said.problem
    assert (await account.cancel(within_s=0.3))[venue].requests == 0
    account.mock.faults.remove(banned)
    assert (await account.cancel())[venue].verified_ms is not None
    assert (await account.working())[venue] == []


@both
async def test_a_venue_that_is_down_keeps_the_other_not_up(account: Account, venue: str) -> None:
    account.place(FIRST)
    down = account.fault({"venue": venue, "channel": "venue", "action": "down"})
    said = await account.cancel(within_s=1.5)
    assert said[venue].problem
    assert not said[venue].left, "nobody knows of it"
    assert [r.venue for r in said.values() if r.verified_ms is None] == [venue]
    account.mock.faults.remove(down)
    assert (await account.cancel())[venue].verified_ms is not None
    assert await account.working() == {name: [] for name in VENUES}


@both
@pytest.mark.parametrize("point", ["before_accept", "after_match_before_reply"])
async def test_lost_requests_and_replies(
    account: Account, venue: str, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "CALL_S", 0.3)
    account.place(FIRST, SECOND)
    lost = {"venue": venue, "channel": "rest", "action": "drop", "point": point}
    account.fault(lost | {"match": {"route": CANCELS[venue], "times": 2}})
    account.fault({**lost, "point": "before_accept", "match": {"route": LISTS[venue], "nth": 2}})
    said = (await account.cancel())[venue]
    assert said.verified_ms is not None
    assert set(fates(said).values()) == {CANCELLED if point == "before_accept" else GONE}
    assert await account.working() == {name: [] for name in VENUES}


@both
async def test_a_cancel_that_was_taken_and_not_done_is_sent_again(
    account: Account, venue: str
) -> None:
    """KuCoin says no more than that it heard; so may a venue in trouble."""
    account.place(FIRST)
    data = {"clientOid": FIRST, "status": "CANCELED"}
    taken = refuse(venue, CANCELS[venue], 200, code="200000", data=data, match={"times": 2})
    if venue == "binance":
        taken["params"] = {"status": 200, "body": '{"status":"CANCELED"}'}
    account.fault(taken)
    said = (await account.cancel())[venue]
    assert said.verified_ms is not None
    assert fates(said) == {FIRST: CANCELLED}
    assert (await account.working())[venue] == []


@both
async def test_an_order_that_is_filled_meanwhile_is_gone(account: Account, venue: str) -> None:
    account.place(FIRST, SECOND)
    account.fault(
        {"venue": venue, "channel": "rest", "action": "fill", "params": {"percent": 100},
         "match": {"route": CANCELS[venue], "client_id": FIRST, "times": 1}}
    )  # fmt: skip
    said = (await account.cancel())[venue]
    assert fates(said) == {FIRST: GONE, SECOND: CANCELLED}
    assert said.verified_ms is not None


@both
async def test_an_order_that_arrives_late_is_cancelled_before_anything_is_verified(
    account: Account, venue: str
) -> None:
    """The venue was empty, and nothing was left but a request on its way to it."""
    account.venue(venue).late_s = 1.0
    account.place(FIRST)
    account.fault(resting(venue, SECOND) | {"at_s": 0.85})
    said = (await account.cancel())[venue]
    assert said.empty_ms is not None
    assert said.empty_ms < 850
    assert fates(said) == {FIRST: CANCELLED, SECOND: CANCELLED}
    assert said.verified_ms is not None
    assert said.verified_ms > 1_000
    assert (await account.working())[venue] == []


async def test_how_late_an_order_can_come(tmp_path: Path, account: Account) -> None:
    """Binance takes it until recvWindow is over, KuCoin as long as the signed time is valid; each
    gives up what its engine did not do in 10 s; 2 s are ours."""
    values = demo_values(tmp_path, account.mock.line)
    values["venues"]["binance"]["recv_window_ms"] = 3_000
    late = {venue.name: venue.late_s for venue in cancel_only(build(values, "test"))}
    assert late == {"binance": 15.0, "kucoin": 17.0}


async def test_what_was_sent_long_ago_is_not_waited_for(account: Account) -> None:
    for venue in account.venues:
        venue.late_s = 60.0
    said = await account.cancel(last_sent_ns=cancelling.monotonic_ns() - 61 * 10**9)
    assert all(receipt.verified_ms is not None for receipt in said.values())


@both
async def test_known_orders_are_cancelled_though_nothing_can_be_listed(
    account: Account, venue: str
) -> None:
    account.place(FIRST, SECOND)
    account.fault(refuse(venue, "GET *", 500, body=""))
    symbol = account.mock.line["symbols"][venue]
    known = [Known(venue, symbol, FIRST), Known(venue, symbol, SECOND)]
    said = (await account.cancel(within_s=1, known=known))[venue]
    assert said.verified_ms is None
    assert fates(said) == {FIRST: CANCELLED, SECOND: CANCELLED}
    assert (await account.working())[venue] == []


@both
@pytest.mark.parametrize("body", ["{}", "<html>please log in</html>", '{"code":"200000"}', "[{}]"])
async def test_an_answer_of_another_shape_verifies_nothing(
    account: Account, venue: str, body: str
) -> None:
    account.place(FIRST)
    account.fault(refuse(venue, LISTS[venue], 200, body=body))
    said = (await account.cancel(within_s=1))[venue]
    assert said.verified_ms is None
    assert said.empty_ms is None


@both
async def test_orders_in_a_symbol_that_is_traded_no_more_are_found(
    account: Account, venue: str
) -> None:
    account.place(FIRST)
    account.venue(venue).symbols.clear()
    assert fates((await account.cancel())[venue]) == {FIRST: CANCELLED}
    assert (await account.working())[venue] == []


@both
async def test_a_clock_that_is_off_is_measured(account: Account, venue: str) -> None:
    account.place(FIRST)
    account.fault(
        {"venue": venue, "channel": "venue", "action": "clock", "params": {"offset_ms": 60_000}}
    )
    assert (await account.cancel())[venue].verified_ms is not None
    assert (await account.working())[venue] == []


async def test_a_fault_of_ours_at_one_venue_keeps_the_other_not_up(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.place(FIRST)

    async def working(symbols: object) -> list[Any]:
        return [None]

    monkeypatch.setattr(account.venue("binance"), "working", working)
    said = await account.cancel()
    assert said["binance"].verified_ms is None
    assert said["binance"].problem.startswith("AttributeError")
    assert said["kucoin"].verified_ms is not None


def test_a_venue_without_a_whole_key_is_refused(tmp_path: Path, account: Account) -> None:
    values = demo_values(tmp_path, account.mock.line)
    values["venues"]["kucoin"]["passphrase"] = ""
    with pytest.raises(UsageError, match=r"venues\.kucoin\.passphrase is empty"):
        cancel_only(build(values, "test"))
