"""The driver: the journal comes first, and what did not leave is told as it is."""

from __future__ import annotations

import asyncio
import json
from inspect import CORO_CLOSED, getcoroutinestate
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest

from xrpfast._core import Journal, JournalReader, KucoinEncoder, Market, RiskGate
from xrpfast.model import SymbolRules
from xrpfast.net.websocket import SendResult
from xrpfast.records import kinds
from xrpfast.service.driver import EVERY_REFUSAL, SAMPLE_NS, Driver
from xrpfast.service.latency import Latencies
from xrpfast.service.loopguard import LoopGuard
from xrpfast.trading.commands import Alert, Halt, Leg, PlaceLegs, Query, ReadBook, Reduce
from xrpfast.trading.config import ArbitrageParams, EngineConfig, StartBalance
from xrpfast.trading.engine import Engine
from xrpfast.trading.events import NOT_SENT as NO_BYTE
from xrpfast.trading.events import (
    AnyEvent,
    BookTop,
    Control,
    OrderReject,
    OrderUnknown,
    Timer,
)
from xrpfast.trading.risk.limits import RiskLimits
from xrpfast.trading.states import TradingState

SENT, NOT_SENT, STUCK = SendResult.SENT, SendResult.NOT_SENT, SendResult.STUCK


def rules(venue: str) -> SymbolRules:
    return SymbolRules(
        venue=venue, instrument="XRP/USDT", venue_symbol=f"X-{venue}", base="XRP", quote="USDT",
        price_decimals=4, qty_decimals=1, tick=1, lot=1, min_qty=1, max_qty=10**9,
        min_notional=0, taker_rate=0, maker_rate=0, fee_in_received=False,
    )  # fmt: skip


class Gateway:
    """Answers as told; sees what the journal holds when bytes would leave."""

    def __init__(self, venue: str, journal: Path) -> None:
        self.venue, self._journal = venue, journal
        self.ready, self.result = True, SENT
        self.sent: list[str] = []
        self.kinds_at_send: list[int] = []
        self.projected: list[int] = []
        self.projected_at_send: list[int] = []
        self.on_cancel_refused: Any = None

    def encode(self, approved: Any, now_ns: int, wall_ns: int) -> tuple[int, bytes]:
        return 1, b"frame"

    def send(self, request_id: int, frame: bytes, client_id: str) -> SendResult:
        if self.result is SENT:
            self.sent.append(client_id)
        self.projected_at_send = list(self.projected)
        self.kinds_at_send = [kind for _, _, kind, _ in JournalReader(self._journal)]
        return self.result


class Spy(Engine):
    """The real engine, remembering what it was told."""

    def process(self, event: AnyEvent) -> list[Any]:
        if not hasattr(self, "told"):
            self.told: list[AnyEvent] = []
        self.told.append(event)
        return super().process(event)


class Bench:
    def __init__(self, folder: Path) -> None:
        limits = RiskLimits(
            max_order_notional=10**30, max_position=10**30, max_book_age_ns=10**9,
            max_pair_skew_ns=10**9, collar_bps=100, max_orders_per_second=10,
        )  # fmt: skip
        config = EngineConfig(
            environment="d", deployment="test", epoch=1,
            books=(rules("binance"), rules("kucoin")), risk=limits,
            strategies=(
                ArbitrageParams(
                    name="test", instrument="XRP/USDT", detectors=(0,), max_qty=10**21
                ),
            ),
            balances=(
                StartBalance("binance", "USDT", 10**24), StartBalance("kucoin", "XRP", 10**24),
            ),
        )  # fmt: skip
        self.engine = Spy(config, RiskGate(10**9))
        self.engine.told = []
        self.journal = Journal.open(folder)
        self.fatal: list[str] = []
        self.halt_word = [0]
        guard = LoopGuard(10**9, list, lambda _: True)
        self.driver = Driver(
            self.engine, Market(), self.journal, guard, Latencies(),
            self._project, self.fatal.append, lambda _: None, self.halt_word,
            lambda: Control(now_ns=4, wall_ns=5, action="halt", reason="why", who="me"),
        )  # fmt: skip
        self.gateways = [Gateway("binance", folder), Gateway("kucoin", folder)]
        for gateway in self.gateways:
            holder: Any = type("Holder", (), {"name": gateway.venue, "orders": gateway})()
            self.driver.attach(holder)

    def _project(self, sequence: int, time_ns: int, kind: int, payload: bytes) -> None:
        for gateway in self.gateways:
            gateway.projected.append(kind)

    def place(self, approved: Any = (None, None)) -> list[tuple[str, str]]:
        """Executes a pair; what the engine was told of it afterwards."""
        legs = tuple(
            Leg(f"xdtest1-0{leg}", gateway.venue, "XRP/USDT", side, 0, 1, 10_000, 10)
            for side, (leg, gateway) in enumerate(zip("ab", self.gateways, strict=True))
        )
        command = PlaceLegs("test", 1, legs, approved)
        self.driver._execute([command], 1, 2, 3)
        self.driver._drain()
        return [
            (event.client_id[-1], type(event).__name__)
            for event in self.engine.told
            if isinstance(event, (OrderReject, OrderUnknown))
        ]

    def signal(self, number: int, detector: int, wall_ns: int) -> None:
        """100 XRP from binance at 1.00 to kucoin at 1.01."""
        row = (
            number, detector, 0, 1, 1_000, 1_000, 10_000, 10_100, 100 * 10**18, 101 * 10**18,
            10**18, 10**6, 9_999, 10_000, 10_100, 10_101, 1, 1, 1, 1, 1,
        )  # fmt: skip
        self.driver._on_signal(row, 2, wall_ns)

    def notes(self) -> list[dict[str, Any]]:
        self.journal.flush()
        path = Path(self.journal.path)
        return [
            json.loads(payload) for _, _, kind, payload in JournalReader(path) if kind == kinds.NOTE
        ]


@pytest.fixture
async def bench(tmp_path: Path) -> Any:
    made = Bench(tmp_path / "journal")
    yield made
    await made.driver.close()
    made.journal.close()


async def test_both_legs_leave_after_their_record_is_written(bench: Bench) -> None:
    assert bench.place() == []
    assert [gateway.sent for gateway in bench.gateways] == [["xdtest1-0a"], ["xdtest1-0b"]]
    assert [gateway.kinds_at_send for gateway in bench.gateways] == [[kinds.COMMAND]] * 2
    # The ledger, too: what a send tells must not come to it before the order itself.
    assert [gateway.projected_at_send for gateway in bench.gateways] == [[kinds.COMMAND]] * 2
    assert bench.driver.latencies.tick_to_order.count == 1


@pytest.mark.parametrize("closed", [0, 1])
async def test_nothing_leaves_when_one_gateway_is_not_ready(bench: Bench, closed: int) -> None:
    bench.gateways[closed].ready = False
    assert bench.place() == [("a", "OrderReject"), ("b", "OrderReject")]
    assert [gateway.sent for gateway in bench.gateways] == [[], []]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (NOT_SENT, SENT, [("a", "OrderReject"), ("b", "OrderReject")]),
        (STUCK, SENT, [("a", "OrderUnknown"), ("b", "OrderReject")]),
        (SENT, NOT_SENT, [("b", "OrderReject")]),
        (SENT, STUCK, [("b", "OrderUnknown")]),
    ],
)
async def test_a_leg_that_did_not_leave_holds_the_next(
    bench: Bench, first: SendResult, second: SendResult, told: list[tuple[str, str]]
) -> None:
    bench.gateways[0].result, bench.gateways[1].result = first, second
    assert bench.place() == told
    assert bool(bench.gateways[1].sent) is (first is SENT and second is SENT)
    assert bench.driver.latencies.tick_to_order.count == 0


@pytest.mark.parametrize(
    ("how", "code", "halts"),
    [
        ("good", "", False),
        ("late", NO_BYTE, False),
        ("used", "NOT_APPROVED", True),
        ("foreign", "NOT_APPROVED", True),
        ("of another venue", "NOT_APPROVED", True),
    ],
)
async def test_an_order_without_a_good_approval_halts_the_engine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, how: str, code: str, halts: bool
) -> None:
    gate = RiskGate(10**12)
    encoder = KucoinEncoder(gate)
    monkeypatch.setattr(
        bench.gateways[1], "encode", lambda a, now, wall: (1, encoder.encode(a, 1, now, wall))
    )

    def approve(by: RiskGate, venue: str, now_ns: int) -> Any:
        order = venue, "X-kucoin", 1, 0, 1, 10_000, 4, 10, 1, "xdtest1-0b"
        return by.approve(*order, now_ns)

    now = monotonic_ns()
    good = approve(gate, "kucoin", now)
    second = {
        "good": good,
        "late": approve(gate, "kucoin", now - 10**12 - 1),
        "used": good,
        "foreign": approve(RiskGate(10**12), "kucoin", now),
        "of another venue": approve(gate, "binance", now),
    }[how]
    if how == "used":
        encoder.encode(second, 1, now, 1)
    told = bench.place((good, second))
    refused = [event for event in bench.engine.told if isinstance(event, OrderReject)]
    assert [event.code for event in refused] == [code] * 2 * (how != "good")
    assert len(told) == len(refused)
    assert [gateway.sent for gateway in bench.gateways] == (
        [["xdtest1-0a"], ["xdtest1-0b"]] if how == "good" else [[], []]
    )
    words = [event.action for event in bench.engine.told if isinstance(event, Control)]
    assert words == ["halt"] * halts


async def test_without_a_journal_nothing_leaves_and_the_engine_ends(bench: Bench) -> None:
    bench.journal.close()
    event = OrderReject(now_ns=1, wall_ns=1, client_id="x", code="c", text="t")
    bench.driver.on_events([event])
    assert len(bench.fatal) == 1
    bench.driver.on_events([event])
    assert bench.engine.told == []


async def test_timers_come_back_as_events(bench: Bench) -> None:

    from xrpfast.trading.commands import SetTimer
    from xrpfast.trading.events import Timer

    due = monotonic_ns() + 5_000_000
    bench.driver._execute([SetTimer("orders", due)], 1, 2, 3)
    for _ in range(200):
        await asyncio.sleep(0.01)
        if bench.engine.told:
            break
    (timer,) = bench.engine.told
    assert isinstance(timer, Timer)
    assert timer.now_ns >= due


async def test_of_ignored_signals_the_first_of_each_minute_is_noted(bench: Bench) -> None:
    for number in range(1, 501):
        bench.signal(number, 9, number * SAMPLE_NS // 200)  # 200 a minute, from the first on
    assert bench.engine.ignored == {"NOT_WANTED": 500}
    assert [(note["note"], note["signal_id"], note["count"]) for note in bench.notes()] == [
        ("ignored", 1, 1),
        ("ignored", 201, 201),
        ("ignored", 401, 401),
    ]


async def test_every_refusal_is_noted_until_they_are_a_storm(bench: Bench) -> None:
    for number in range(1, EVERY_REFUSAL + 11):
        bench.signal(number, 0, number)
    ((reason, count),) = bench.engine.refused.items()
    assert count == EVERY_REFUSAL + 10
    notes = bench.notes()
    assert [note["signal_id"] for note in notes] == list(range(1, EVERY_REFUSAL + 1))
    assert all(
        (n["note"], n["reason"], n["count"]) == ("refused", reason, n["signal_id"]) for n in notes
    )
    bench.signal(EVERY_REFUSAL + 11, 0, 2 * SAMPLE_NS)
    bench.signal(EVERY_REFUSAL + 12, 0, 2 * SAMPLE_NS + 1)
    assert [note["count"] for note in bench.notes()[len(notes) :]] == [EVERY_REFUSAL + 11]


async def test_times_of_orders_that_left_are_noted_with_the_next_event(bench: Bench) -> None:
    bench.place()
    bench.driver.on_events([Timer(now_ns=5, wall_ns=5, timer_id="none")])
    (note,) = [note for note in bench.notes() if note["note"] == "sent"]
    assert (note["signal_id"], note["client_ids"]) == (1, ["xdtest1-0a", "xdtest1-0b"])
    assert (note["recv_ns"], note["decided_ns"]) == (1, 2)
    assert 2 < note["journalled_ns"] <= note["encoded_ns"] <= note["sent_ns"]
    bench.gateways[1].result = NOT_SENT
    bench.place()
    bench.driver.on_events([Timer(now_ns=5, wall_ns=5, timer_id="none")])
    assert len([note for note in bench.notes() if note["note"] == "sent"]) == 1


async def test_an_answer_that_cannot_be_read_does_not_end_the_engine(bench: Bench) -> None:
    class Odd:
        async def query(self, symbol: str, client_id: str, created_ns: int) -> list[AnyEvent]:
            raise KeyError("orderId")

    bench.driver._venues["kucoin"] = Odd()  # type: ignore[assignment]
    bench.driver._execute((Query("xdtest1-00a", "kucoin", "XRP/USDT"),), 0, 0, 0)
    await asyncio.sleep(0.01)
    assert bench.fatal == []
    assert not bench.driver.failed


async def test_after_a_stall_no_book_is_shown_as_live(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Shown:
        def top(self, book: int) -> tuple[int, int, int, int]:
            return 1, 1, 2, 1

        def view(self, book: int) -> tuple[str, int, int, int, int]:
            return "LIVE", 0, 0, 1, 1

    bench.driver._market = Shown()  # type: ignore[assignment]
    for stalled in (False, True):
        monkeypatch.setattr(LoopGuard, "blocked", lambda guard, now, stalled=stalled: stalled)
        bench.engine.told.clear()
        bench.driver._execute((ReadBook(0),), 0, 0, 0)
        bench.driver._drain()
        (top,) = bench.engine.told
        assert isinstance(top, BookTop)
        assert top.live is not stalled


async def test_nothing_leaves_once_the_halt_word_is_set_and_the_engine_hears_why(
    bench: Bench,
) -> None:
    bench.halt_word[0] = 4711
    assert bench.place() == [("a", "OrderReject"), ("b", "OrderReject")]
    assert [gateway.sent for gateway in bench.gateways] == [[], []]
    assert bench.engine.context.trading is TradingState.HALTED
    (control,) = (event for event in bench.engine.told if isinstance(event, Control))
    assert (control.action, control.reason, control.who) == ("halt", "why", "me")


async def test_a_halt_between_two_legs_holds_the_second(bench: Bench) -> None:
    """The process may sleep between them, and be halted before it wakes up."""
    first = bench.gateways[0]
    send = first.send

    def slept(request_id: int, frame: bytes, client_id: str) -> SendResult:
        bench.halt_word[0] = 4711
        return send(request_id, frame, client_id)

    first.send = slept  # type: ignore[method-assign]
    assert bench.place() == [("b", "OrderReject")]
    assert [gateway.sent for gateway in bench.gateways] == [["xdtest1-0a"], []]


async def test_cancels_leave_whatever_the_halt_word_says(bench: Bench) -> None:
    bench.halt_word[0] = 4711
    cancelled: list[tuple[str, str]] = []
    for gateway in bench.gateways:
        gateway.cancel = lambda *order: cancelled.append(order) or SENT  # type: ignore
    bench.driver.send_cancel("binance", "XRP/USDT", "xdtest1-0a")
    assert cancelled == [("X-binance", "xdtest1-0a")]


@pytest.mark.parametrize("scope", ["engine", "venue:kucoin", "strategy:arb", "symbol:XRP/USDT"])
@pytest.mark.parametrize(("kind", "what"), [(Halt, "halt"), (Reduce, "only reducing")])
async def test_whatever_is_closed_is_told(
    bench: Bench, kind: type[Halt | Reduce], what: str, scope: str
) -> None:
    told: list[tuple[str, str]] = []
    bench.driver.tell = lambda level, text: told.append((level, text))
    bench.driver._execute([kind(scope, "because")], 1, 2, 3)
    assert told == [("critical", f"{what} of {scope}: because")]


async def test_what_the_engine_tells_people_is_told_at_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """On record, on the page, in the log and in the file, within the same turn."""
    told: list[tuple[str, str]] = []
    bench.driver.tell = lambda level, text: told.append((level, text))
    for level in ("critical", "warning", "info"):
        with caplog.at_level("INFO"):
            bench.driver._execute([Alert(level, f"{level}: look here")], 1, 2, 3)
        assert bench.driver.alerts[-1] == told[-1] == (level, f"{level}: look here")
        assert caplog.records[-1].told is True  # type: ignore[attr-defined]
        assert (caplog.records[-1].levelname, caplog.messages[-1]) == (
            level.upper(), f"{level}: look here",
        )  # fmt: skip


async def test_a_question_that_the_end_comes_upon_leaves_nothing_behind(bench: Bench) -> None:
    async def ask() -> None:
        raise AssertionError("it was never begun")

    question = ask()
    bench.driver._spawn(question, "a question")
    await bench.driver.close()
    assert getcoroutinestate(question) == CORO_CLOSED
    assert bench.driver.failed == ""
