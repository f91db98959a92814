"""What runs won, lost and traded is carried over restarts, until a person resumes."""

from __future__ import annotations

from pathlib import Path

from support.records import WALL, event, pair, start, write
from xrpfast.model import MONEY_ONE
from xrpfast.records.carried import carried
from xrpfast.records.rebuild import rebuild
from xrpfast.trading.config import Carried
from xrpfast.trading.events import Control, Fill

ARB = "strategy:arb"
XRP = MONEY_ONE


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
    assert carried(path, ["arb"]) == (
        Carried("", LOST, 0),
        Carried("arb", LOST, 0, 2, ("XRP/USDT",)),
    )
    assert carried(path, ["other"]) == (Carried("", LOST), Carried("hedge", LOST)), "renamed"


def test_a_person_alone_ends_it_for_the_scope_that_was_looked_at(tmp_path: Path) -> None:
    for scope, kept in (
        (ARB, (Carried("", LOST), Carried("arb", instruments=("XRP/USDT",)))),
        ("engine", (Carried("arb", LOST, 0, 1, ("XRP/USDT",)),)),
        ("", (Carried("arb", instruments=("XRP/USDT",)),)),
        ("venue:kucoin", (Carried("", LOST), Carried("arb", LOST, 0, 1, ("XRP/USDT",)))),
    ):
        folder = tmp_path / (scope or "all")
        folder.mkdir()
        assert carried(ledger(folder, *FIRST, event(resume(scope, 900))), ["arb"]) == kept


def test_base_that_was_open_when_a_person_looked_counts_at_its_price(tmp_path: Path) -> None:
    path = ledger(
        tmp_path, start(), pair("b-1", "k-1"), event(fill("b-1", 20_000, 250)),
        event(resume("", 900)), event(fill("k-1", 190_000, 250_000, at=300)),
    )  # fmt: skip
    lost = 25 * XRP // 10  # bought at 2.00, which is forgiven; sold at 1.90
    assert carried(path, ["arb"]) == (
        Carried("", -lost),
        Carried("arb", -lost, 0, 0, ("XRP/USDT",)),
    )


def test_nothing_is_carried_by_a_ledger_without_runs(tmp_path: Path) -> None:
    assert carried(ledger(tmp_path, start()), ["arb"]) == ()
