"""What runs won, lost and traded is carried over restarts, until a person resumes."""

from __future__ import annotations

from pathlib import Path

from support.records import WALL, event, pair, start, write
from xrpfast.model import MONEY_ONE
from xrpfast.records import kinds
from xrpfast.records.carried import carried
from xrpfast.records.rebuild import rebuild
from xrpfast.trading.config import Carried
from xrpfast.trading.events import Control, Fill

ARB = "strategy:arb"
XRP = MONEY_ONE
LEAST = 5 * XRP


def fill(client_id: str, price: int, qty: int, fee: int = 0, at: int = 0) -> Fill:
    """Of the pair of `support.records`: 2.1234 and 2.13 are its limits."""
    return Fill(
        now_ns=1, wall_ns=WALL + 700 + at, client_id=client_id, venue_order_id=client_id,
        trade_id=f"t{client_id}", price=price, qty=qty, fee=fee, fee_asset="USDT", maker=False,
        venue_ns=0,
    )  # fmt: skip


def resume(scope: str, at: int) -> Control:
    return Control(
        now_ns=1, wall_ns=WALL + at, action="resume", reason="I looked", scope=scope, who="ann"
    )


def ledger(folder: Path, *records: tuple[int, int, bytes]) -> Path:
    write(folder / "journal", records)
    rebuild(folder / "journal", folder / "ledger.sqlite")
    return folder / "ledger.sqlite"


FIRST = (
    start(1),
    pair("b-1", "k-1"),
    event(fill("b-1", 21_234, 250, fee=XRP)),
    event(fill("k-1", 213_000, 250_000, fee=XRP)),
)
"""Buys 25 for 53.085 and sells them for 53.25, two fees of 1: 1.835 lost."""
LOST = -1_835 * XRP // 1000


def test_what_a_run_lost_and_traded_is_carried(tmp_path: Path) -> None:
    path = ledger(tmp_path, *FIRST, start(2), pair("b-2", "k-2", time_ns=WALL + 900))
    assert carried(path, ["arb"], LEAST) == (
        Carried("", LOST, 0),
        Carried("arb", LOST, 0, 2, ("XRP/USDT",), losing=1),
    )
    assert carried(path, ["other"], LEAST) == (
        Carried("", LOST),
        Carried("hedge", LOST, losing=1),
    ), "renamed"


def test_a_person_alone_ends_it_for_the_scope_that_was_looked_at(tmp_path: Path) -> None:
    for scope, kept in (
        (ARB, (Carried("", LOST), Carried("arb", instruments=("XRP/USDT",)))),
        ("engine", (Carried("arb", LOST, 0, 1, ("XRP/USDT",), losing=1),)),
        ("", (Carried("arb", instruments=("XRP/USDT",)),)),
        ("venue:kucoin", (Carried("", LOST), Carried("arb", LOST, 0, 1, ("XRP/USDT",), losing=1))),
    ):
        folder = tmp_path / (scope or "all")
        folder.mkdir()
        assert carried(ledger(folder, *FIRST, event(resume(scope, 900))), ["arb"], LEAST) == kept


def test_base_that_was_open_when_a_person_looked_counts_at_its_price(tmp_path: Path) -> None:
    path = ledger(
        tmp_path, start(), pair("b-1", "k-1"), event(fill("b-1", 20_000, 250)),
        event(resume("", 900)), event(fill("k-1", 190_000, 250_000, at=300)),
    )  # fmt: skip
    lost = 25 * XRP // 10  # bought at 2.00, which is forgiven; sold at 1.90
    assert carried(path, ["arb"], LEAST) == (
        Carried("", -lost),
        Carried("arb", -lost, 0, 0, ("XRP/USDT",), losing=1),
    )


def test_nothing_is_carried_by_a_ledger_without_runs(tmp_path: Path) -> None:
    assert carried(ledger(tmp_path, start()), ["arb"], LEAST) == ()


def trade(number: int, sold_at: int) -> tuple[tuple[int, int, bytes], ...]:
    """Buys 25 at 2.00 and sells them."""
    buy, sell, at = f"b-{number}", f"k-{number}", number * 1_000
    return (
        pair(buy, sell, signal_id=number, time_ns=WALL + at),
        event(fill(buy, 20_000, 250, at=at)),
        event(fill(sell, sold_at, 250_000, at=at + 1)),
    )


WON, LOSS, MORE = 210_000, 196_000, 205_000
"""Wins 2.50, loses 1.00, wins 1.25."""


def session(found: tuple[Carried, ...]) -> tuple[int, int]:
    """The session's profit and the highest one, in cents."""
    cash, peak = next((each.cash, each.peak) for each in found if not each.strategy)
    return 100 * cash // XRP, 100 * peak // XRP


def losing(found: tuple[Carried, ...]) -> int:
    return next(each.losing for each in found if each.strategy == "arb")


def test_runs_that_crash_forget_neither_the_highest_profit_nor_the_lost_trades(
    tmp_path: Path,
) -> None:
    """The worst: each run of a loop of crashes loses a little and begins with a clean sheet."""
    records = [start(1), *trade(1, LOSS), *trade(2, WON), *trade(3, MORE)]
    for epoch in (2, 3, 4):
        records += [start(epoch), *trade(3 * epoch, LOSS)]
    found = carried(ledger(tmp_path, *records), ["arb"], LEAST)
    assert session(found) == (-25, 275)
    assert losing(found) == 3


def test_a_persons_resume_begins_the_highest_profit_and_the_lost_trades_anew(
    tmp_path: Path,
) -> None:
    for scope, peak, lost in (
        (ARB, 250, 1),
        ("engine", 0, 2),
        ("", 0, 1),
        ("venue:kucoin", 250, 2),
    ):
        folder = tmp_path / (scope or "all")
        folder.mkdir()
        path = ledger(
            folder, start(1), *trade(1, WON), *trade(2, LOSS), event(resume(scope, 4_000)),
            start(2), *trade(5, LOSS),
        )  # fmt: skip
        found = carried(path, ["arb"], LEAST)
        assert session(found)[1] == peak, scope
        assert losing(found) == lost, scope


def test_what_is_half_done_is_neither_lost_nor_a_profit_until_it_is_over(tmp_path: Path) -> None:
    """A sell with half its buy, and a crash; or the buy is told before the next run."""
    pair_, bought, sold = trade(2, WON)
    part = event(fill("b-2", 20_000, 125, at=3_000))  # at the price of now it looks like 2.50
    half = ledger(tmp_path, start(1), *trade(1, LOSS), pair_, sold, part)
    assert losing(carried(half, ["arb"], LEAST)) == 1
    assert session(carried(half, ["arb"], LEAST))[1] == 0
    (tmp_path / "more").mkdir()
    told = (bought[0], kinds.RECOVERY, bought[2])
    done = ledger(tmp_path / "more", start(1), *trade(1, LOSS), pair_, sold, told, start(2))
    assert losing(carried(done, ["arb"], LEAST)) == 0
    assert session(carried(done, ["arb"], LEAST))[1] == 150
