"""The watchdog over a heartbeat that ends, with the venues' own books, on real sockets."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import time_ns
from typing import Any

import grimp
import pytest

from support.resting import FOREIGN, resting, working
from support.service import trading
from support.webhook import url_file, webhook
from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.config.root import Config
from xrpfast.errors import FailedError, UsageError
from xrpfast.service import app, cancelling, disk, watched
from xrpfast.service import watchdog as module
from xrpfast.service.heartbeat import Heartbeat, RunState, read
from xrpfast.service.latch import Entry, Latch
from xrpfast.service.readiness import of_watchdog
from xrpfast.service.receipts import last_receipt
from xrpfast.service.statedir import StateDir
from xrpfast.service.watchdog import Watchdog, watch
from xrpfast.service.watchdog_keys import KeyCheck, refused, told_keys
from xrpfast.service.watchdog_lock import watcher, watching
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.simulation.truth import ledger
from xrpfast.trading.states import ENGINE, TradingState
from xrpfast.venues.cancel_only import cancel_only
from xrpfast.venues.canceller import CancelOnly

OURS = "xddemo1a-0000a"
VENUES = ("binance", "kucoin")
AFTER_MS = 500
WAIT_S = 20.0


class Scene:
    """A state directory, an account with orders, a watchdog over both."""

    def __init__(self, folder: Path, mock: MockVenues) -> None:
        self.folder, self.mock = folder, mock
        self.values = demo_values(folder, mock.line)
        self.values["watchdog"] = {"after_ms": AFTER_MS}
        self.venues: list[CancelOnly] = []
        self.watching: list[asyncio.Task[int]] = []
        for venue in VENUES:
            for client_id in (OURS, FOREIGN):
                mock.faults.add(resting(venue, client_id))

    @property
    def config(self) -> Config:
        return build(self.values, "test")

    def start(self) -> Watchdog:
        made = cancel_only(self.config, watchdog=True)
        for venue in made:
            venue.late_s = 0.3
        self.venues += made
        dog = Watchdog(self.config, made)
        self.watching.append(asyncio.create_task(dog.run()))
        return dog

    def engine(self) -> Heartbeat:
        """One that beats; its orders work."""
        heartbeat = Heartbeat(self.folder / "heartbeat", lambda: None)
        heartbeat.running()
        heartbeat.start()
        return heartbeat

    def at_work(self) -> dict[str, list[str]]:
        exchanges = {name: face.exchange for name, face in self.mock.faces.items()}
        return working(
            {
                name: ledger(exchange, account)
                for name, exchange in exchanges.items()
                for account in exchange.accounts.values()
            }
        )

    @property
    def state(self) -> RunState | None:
        beat = read(self.folder / "heartbeat")
        return beat and beat.state

    @property
    def receipt(self) -> dict[str, Any]:
        return last_receipt(self.folder, module.WHO) or {}

    async def until(self, what: Callable[[], object]) -> None:
        deadline = asyncio.get_running_loop().time() + WAIT_S
        while not what():
            assert asyncio.get_running_loop().time() < deadline, self.receipt
            for task in self.watching:
                assert not task.done(), task
            await asyncio.sleep(0.02)

    async def quiet(self) -> None:
        """Some time more than a loss takes, and nothing was done."""
        await asyncio.sleep(2.5 * AFTER_MS / 1000)
        assert not Latch(self.folder).path.exists()
        assert self.at_work() == {venue: [FOREIGN, OURS] for venue in VENUES}
        assert self.receipt == {}


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(cancelling, "AGAIN_S", 0.05)
    monkeypatch.setattr(module, "WRITE_S", 0.05)
    monkeypatch.setattr(module, "TICK_S", 0.02)
    async with mock_venues(seed=32) as running:
        running.flow.running = False
        made = Scene(tmp_path, running)
        yield made
        for task in made.watching:
            task.cancel()
        await asyncio.gather(*made.watching, return_exceptions=True)
        for venue in made.venues:
            await venue.close()


def opened(folder: Path) -> None:
    """As by a person's resume."""
    latch = Latch(folder)
    assert latch.clear(latch.entries()) == ()


async def lost(scene: Scene) -> None:
    """An engine that beat, and beats no more."""
    engine = scene.engine()
    await asyncio.sleep(0.2)
    engine.stop(clean=False)


async def test_a_lost_engine_is_halted_and_its_orders_cancelled(scene: Scene) -> None:
    scene.start()
    await lost(scene)
    await scene.until(lambda: scene.receipt.get("verified"))
    assert scene.at_work() == {venue: [FOREIGN] for venue in VENUES}
    entry = Latch(scene.folder).halted()
    assert entry is not None
    assert (entry.who, entry.state) == ("watchdog", TradingState.HALTED)
    assert entry.reason.startswith(f"no heartbeat for {AFTER_MS} ms: the engine (process ")
    receipt = scene.receipt
    assert (receipt["pid"], receipt["latch"], receipt["why"]) == (os.getpid(), "", entry.reason)
    for venue in receipt["cancelling"]["venues"]:
        assert [order["fate"] for order in venue["orders"]] == ["cancelled"]
        assert 0 < venue["first_cancel_ms"] < venue["verified_ms"]
        assert (venue["foreign"], venue["problem"]) == (1, "")


async def test_the_latch_is_on_disk_before_the_word_and_the_word_before_a_cancel(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool, bool]] = []
    halt, cancel = module.request_halt, module.cancel_own

    def note(what: str) -> None:
        beat = read(scene.folder / "heartbeat")
        assert beat is not None
        seen.append((what, Latch(scene.folder).halted() is not None, beat.halt != 0))

    def halting(path: Path) -> bool:
        note("word")
        return halt(path)

    async def cancelling_own(*args: Any, **more: Any) -> Any:
        note("cancel")
        return await cancel(*args, **more)

    monkeypatch.setattr(module, "request_halt", halting)
    monkeypatch.setattr(module, "cancel_own", cancelling_own)
    scene.start()
    await lost(scene)
    await scene.until(lambda: scene.receipt.get("verified"))
    assert seen == [("word", True, False), ("cancel", True, True)]


async def test_an_engine_that_beats_or_stopped_cleanly_is_left_alone(scene: Scene) -> None:
    scene.start()
    engine = scene.engine()
    await scene.quiet()
    engine.stop(clean=True)
    await scene.quiet()


async def test_one_that_never_started_is_left_alone(scene: Scene) -> None:
    scene.start()
    await scene.quiet()
    # A start that failed before any order could leave.
    Heartbeat(scene.folder / "heartbeat", lambda: None).stop(clean=False)
    await scene.quiet()


async def test_a_start_that_does_not_get_ready_is_no_loss(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine's own: one venue lets nobody in, and no order could leave."""
    monkeypatch.setattr(app, "READY_S", 1.0)
    scene.mock.faults.add(
        {"venue": "kucoin", "channel": "socket", "action": "refuse",
         "match": {"kind": "order_entry"}}
    )  # fmt: skip
    async with trading(scene.folder, scene.mock, ready=False) as run:
        error = await run.ended()
    assert isinstance(error, FailedError)
    assert "not ready after 1 s: kucoin" in str(error)
    assert scene.state is RunState.STOPPED
    scene.start()
    await asyncio.sleep(2.5 * AFTER_MS / 1000)
    assert not Latch(scene.folder).path.exists()
    assert scene.receipt == {}


@pytest.mark.parametrize("there", [False, True], ids=["gone", "there but silent"])
async def test_a_crash_that_nobody_watched_is_dealt_with_and_only_once(
    scene: Scene, there: bool
) -> None:
    lease = StateDir.hold(scene.folder) if there else None
    await lost(scene)
    scene.start()
    await scene.until(lambda: scene.receipt.get("verified"))
    # What is gone need not be answered for; what is there may wake up, and says so itself.
    await scene.until(lambda: scene.state is (RunState.RUNNING if there else RunState.STOPPED))
    assert scene.at_work() == {venue: [FOREIGN] for venue in VENUES}
    # A person resumes, and starts no engine yet: the loss is known, whoever watches.
    opened(scene.folder)
    first = scene.watching.pop()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    scene.start()
    await asyncio.sleep(2.5 * AFTER_MS / 1000)
    assert Latch(scene.folder).halted() is None
    if lease is not None:
        lease.close()


async def test_a_fault_of_its_own_keeps_no_order_alive(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At one venue for a while, and once as a whole: neither is called done before it is."""
    cancel, failures = module.cancel_own, [RuntimeError("a fault of ours")]

    async def failing(*args: Any, **more: Any) -> Any:
        if failures:
            raise failures.pop()
        return await cancel(*args, **more)

    async def nonsense(symbols: object) -> list[Any]:
        return [None]

    monkeypatch.setattr(module, "cancel_own", failing)
    scene.start()
    (binance, _) = scene.venues
    working = binance.working
    monkeypatch.setattr(binance, "working", nonsense)
    await lost(scene)
    await scene.until(lambda: scene.at_work()["kucoin"] == [FOREIGN])
    await asyncio.sleep(1.0)
    assert scene.receipt["verified"] is False
    assert scene.state is RunState.RUNNING
    monkeypatch.setattr(binance, "working", working)
    await scene.until(lambda: scene.receipt["verified"])
    assert scene.at_work() == {venue: [FOREIGN] for venue in VENUES}


async def test_a_loss_whose_end_was_not_seen_is_dealt_with_again(scene: Scene) -> None:
    down = scene.mock.faults.add({"venue": "kucoin", "channel": "venue", "action": "down"})
    await lost(scene)
    scene.start()
    await scene.until(lambda: scene.at_work()["binance"] == [FOREIGN] and scene.receipt)
    first = scene.watching.pop()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert scene.receipt["verified"] is False
    assert "kucoin" in [v["venue"] for v in scene.receipt["cancelling"]["venues"] if v["problem"]]
    scene.mock.faults.remove(down)
    scene.start()
    await scene.until(lambda: scene.receipt.get("verified"))
    assert scene.at_work() == {venue: [FOREIGN] for venue in VENUES}


async def test_it_goes_on_until_a_venue_that_is_down_is_back(scene: Scene) -> None:
    down = scene.mock.faults.add({"venue": "binance", "channel": "venue", "action": "down"})
    scene.start()
    await lost(scene)
    await scene.until(lambda: scene.at_work()["kucoin"] == [FOREIGN])
    await asyncio.sleep(1.0)
    assert scene.receipt["verified"] is False
    scene.mock.faults.remove(down)
    await scene.until(lambda: scene.receipt.get("verified"))
    assert scene.at_work() == {venue: [FOREIGN] for venue in VENUES}


async def test_a_new_engine_keeps_its_orders(scene: Scene) -> None:
    """A person resumed while one venue was still down."""
    down = scene.mock.faults.add({"venue": "binance", "channel": "venue", "action": "down"})
    scene.start()
    await lost(scene)
    await scene.until(lambda: scene.at_work()["kucoin"] == [FOREIGN])
    opened(scene.folder)
    engine = Heartbeat(scene.folder / "heartbeat", lambda: None)
    engine.epoch = 2
    engine.running()
    engine.start()
    await asyncio.sleep(0.3)
    for venue in VENUES:
        scene.mock.faults.add(resting(venue, "xddemo2a-0000a"))
    scene.mock.faults.remove(down)
    await asyncio.sleep(3.0)  # longer than the pause between two tries
    for orders in scene.at_work().values():
        assert "xddemo2a-0000a" in orders
    assert Latch(scene.folder).halted() is None
    # And is watched like the one before.
    engine.stop(clean=False)
    await scene.until(lambda: scene.at_work() == {venue: [FOREIGN] for venue in VENUES})
    assert Latch(scene.folder).halted() is not None


async def test_a_disk_that_takes_nothing_keeps_no_order_alive(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Latch, "set", full)
    monkeypatch.setattr(module, "write_receipt", full)
    scene.start()
    await lost(scene)
    await scene.until(lambda: scene.at_work() == {venue: [FOREIGN] for venue in VENUES})
    beat = read(scene.folder / "heartbeat")
    assert beat is not None
    assert beat.halt == os.getpid()


async def test_a_disk_that_hangs_keeps_no_order_alive(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    monkeypatch.setattr(Latch, "set", lambda *_: answer.wait(60))
    monkeypatch.setattr(disk, "WITHIN_S", 0.2)
    scene.start()
    await lost(scene)
    await scene.until(lambda: scene.at_work() == {venue: [FOREIGN] for venue in VENUES})
    answer.set()


async def test_its_own_key_is_used_and_the_engines_not(scene: Scene) -> None:
    for venue in VENUES:
        section = scene.values["venues"][venue]
        key = {name: section[name] for name in ("api_key", "api_secret", "passphrase")
               if name in section}  # fmt: skip
        section["watchdog"] = key
        section["api_key"] = section["api_secret"] = "revoked"
    await lost(scene)
    scene.start()
    await scene.until(lambda: scene.receipt.get("verified"))
    assert scene.at_work() == {venue: [FOREIGN] for venue in VENUES}


async def test_a_key_that_is_refused_is_said_at_once(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.values["venues"]["binance"]["api_secret"] = "another"
    scene.start()
    await scene.until(lambda: "binance: NOTHING can be cancelled there" in caplog.text)
    assert "kucoin: NOTHING" not in caplog.text


READS_ONLY = {
    "binance": {"enableSpotAndMarginTrading": False},
    "kucoin": {"permission": "General"},
}


@pytest.mark.parametrize("venue", VENUES)
async def test_a_key_that_may_read_and_not_cancel_is_told_from_a_good_one(
    scene: Scene, venue: str
) -> None:
    rights = {"venue": venue, "channel": "venue", "action": "key"}
    scene.mock.faults.add(rights | {"params": {"set": READS_ONLY[venue]}})
    scene.start()
    with watching(scene.folder, scene.config.prefix, VENUES):
        told: dict[str, KeyCheck] = {}
        while set(told) != set(VENUES):
            await asyncio.sleep(0.02)
            told = told_keys(scene.folder, str(os.getpid()))
    assert {name: (said.refused, bool(said.problem)) for name, said in told.items()} == {
        name: (name == venue, name == venue) for name in VENUES
    }
    assert f"{venue}: " in refused(told, VENUES)
    assert scene.at_work() == {name: [FOREIGN, OURS] for name in VENUES}, "the question harmed"


@pytest.mark.parametrize("answer", [{"status": 503, "body": "<html>"}, {"status": 200}])
async def test_a_venue_that_cannot_say_does_not_make_the_key_a_bad_one(
    scene: Scene, answer: dict[str, Any]
) -> None:
    """Nor a good one, unless the venue has taken the cancel."""
    scene.mock.faults.add(
        {"venue": "binance", "channel": "rest", "action": "reply", "params": answer,
         "match": {"route": "DELETE /api/v3/order", "times": 1}}
    )  # fmt: skip
    binance, kucoin = cancel_only(scene.config, watchdog=True)
    dog = Watchdog(scene.config, ())
    try:
        said = await dog._check_key(binance)
    finally:
        await asyncio.gather(binance.close(), kucoin.close())
    assert not said.refused
    assert bool(said.problem) == (answer["status"] != 200)


async def test_a_key_that_is_refused_meanwhile_ends_entries(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "LOOK_S", 0.05)
    monkeypatch.setattr(module, "CHECK_S", 0.05)
    scene.mock.flow.running = True
    dog = asyncio.create_task(watch(scene.config))
    await scene.until(lambda: watcher(scene.folder))
    async with trading(scene.folder, scene.mock, watchdog={"require": True}) as run:
        entry = Latch(scene.folder).entries()
        assert not entry
        told = told_keys(scene.folder, watcher(scene.folder))
        told["kucoin"] = KeyCheck("kucoin refused DELETE: 400007", time_ns(), refused=True)
        monkeypatch.setattr(watched, "told_keys", lambda folder, who: told)
        await run.until(lambda: run.engine.context.trading is TradingState.REDUCING)
        (entry,) = Latch(scene.folder).entries()
        assert entry.reason == "the watchdog cannot cancel (kucoin: kucoin refused DELETE: 400007)"
    dog.cancel()
    await asyncio.gather(dog, return_exceptions=True)


async def test_a_halt_is_told_though_no_disk_takes_the_engines_own_alert(
    scene: Scene, tmp_path: Path
) -> None:
    """A full disk has kept room for the latch alone."""
    async with webhook() as hook:
        private = tmp_path / "private"
        private.mkdir()
        scene.values["alerts"] = {"webhook_url_file": str(url_file(private, hook.url))}
        latch = Latch(scene.folder)
        latch.set(Entry("venue:kucoin", TradingState.REDUCING, "before it was there", "ann", 1))
        dog = scene.start()
        await scene.until(lambda: dog._delivery._workers[0].sink.name)
        latch.set(Entry(ENGINE, TradingState.HALTED, "no space left on device", "engine", 2))
        await hook.until("latched: engine is HALTED (engine: no space left on device)")
        latch.set(Entry(ENGINE, TradingState.HALTED, "the roof is on fire", "bob", 3))
        await hook.until("bob: the roof is on fire")
        assert "before it was there" not in hook.text


async def test_one_watchdog_a_directory(scene: Scene) -> None:
    assert watcher(scene.folder) is None
    with watching(scene.folder, scene.config.prefix, VENUES):
        assert watcher(scene.folder) == str(os.getpid())
        with pytest.raises(UsageError, match=f"has a watchdog \\(process {os.getpid()}\\)"):
            await watch(scene.config)
    assert watcher(scene.folder) is None


@pytest.mark.parametrize(
    ("prefix", "venues", "says"),
    [
        ("xdother", VENUES, "xdother at binance, kucoin, not xddemo"),
        ("xddemo", ("binance",), "xddemo at binance, not xddemo at binance, kucoin"),
    ],
)
async def test_a_watchdog_with_another_configuration_is_none(
    scene: Scene, prefix: str, venues: tuple[str, ...], says: str
) -> None:
    """It would cancel nothing of this run, or not everywhere."""
    with watching(scene.folder, prefix, venues):
        async with trading(
            scene.folder, scene.mock, ready=False, watchdog={"require": True}
        ) as run:
            error = await run.ended()
        found = of_watchdog(scene.config)
    assert isinstance(error, UsageError)
    assert says in str(error)
    assert "\n" not in str(error)
    assert not found.ok
    assert says in found.says


async def test_beside_a_watchdog_whose_key_is_refused_nothing_starts(scene: Scene) -> None:
    good = scene.config
    scene.values["venues"]["kucoin"]["watchdog"] = {
        "api_key": "revoked", "api_secret": "revoked", "passphrase": "revoked",
    }  # fmt: skip
    dog = asyncio.create_task(watch(scene.config))
    await scene.until(lambda: watcher(scene.folder))
    async with trading(scene.folder, scene.mock, ready=False, watchdog={"require": True}) as run:
        error = await run.ended()
    assert isinstance(error, UsageError)
    assert "the watchdog may be unable to cancel (kucoin: " in str(error)
    assert "\n" not in str(error)
    found = of_watchdog(good)
    assert not found.ok
    assert "binance" not in found.says
    dog.cancel()
    await asyncio.gather(dog, return_exceptions=True)


async def test_a_lock_that_does_not_say_what_is_watched_is_no_watchdog(scene: Scene) -> None:
    with watching(scene.folder, scene.config.prefix, VENUES):
        (scene.folder / "watchdog.lock").write_text(f"{os.getpid()}\n")
        assert not of_watchdog(scene.config).ok


async def test_a_watchdog_that_ends_ends_entries_until_a_person_resumes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "LOOK_S", 0.05)
    scene.mock.flow.running = True
    dog = asyncio.create_task(watch(scene.config))
    await scene.until(lambda: watcher(scene.folder))
    async with trading(scene.folder, scene.mock, watchdog={"require": True}) as run:
        dog.cancel()
        await asyncio.gather(dog, return_exceptions=True)
        await run.until(lambda: run.engine.context.trading is TradingState.REDUCING)
        (entry,) = Latch(scene.folder).entries()
        said = entry.scope, entry.state, entry.reason, entry.who
        assert said == ("engine", TradingState.REDUCING, "no watchdog runs", "engine")
        # Its coming back alone opens nothing.
        dog = asyncio.create_task(watch(scene.config))
        await scene.until(lambda: watcher(scene.folder))
        await asyncio.sleep(0.3)
        assert run.engine.context.trading is TradingState.REDUCING
        opened(scene.folder)
        run.say("resume")
        await asyncio.sleep(0.3)
        assert run.engine.context.trading is TradingState.ACTIVE
    dog.cancel()
    await asyncio.gather(dog, return_exceptions=True)


PLACING = {"RiskGate", "Approved", "BinanceEncoder", "KucoinEncoder", "Engine", "PlaceLegs"}


def test_nothing_in_it_can_place_an_order() -> None:
    """No module that it can ever import names an approval, an encoder or the engine."""
    graph = grimp.build_graph("xrpfast")
    reached = graph.find_upstream_modules("xrpfast.cli.watchdog") | {"xrpfast.cli.watchdog"}
    assert "xrpfast.service.watchdog" in reached
    assert "xrpfast.venues.binance.rest" in reached
    for name in reached:
        path = Path(sys.modules["xrpfast"].__path__[0]).joinpath(*name.split(".")[1:])
        source = (
            path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
        )
        if not source.exists():
            continue  # the native module: its classes are named where they are used
        words = set(source.read_text().replace("(", " ").replace(",", " ").split())
        assert not words & PLACING, name


def test_the_rest_of_a_venue_places_nothing() -> None:
    """What it sends by REST is read, or a cancel: there is no POST of an order to be found."""
    for venue, allowed in {
        "binance": {"GET", "DELETE"}, "kucoin": {"GET", "DELETE", "POST"},
    }.items():  # fmt: skip
        source = Path(module.__file__).parents[1] / "venues" / venue / "rest.py"
        text = source.read_text()
        methods = {m for m in ("GET", "DELETE", "POST", "PUT") if f'"{m}"' in text}
        assert methods <= allowed
        posts = [line for line in text.splitlines() if '"POST"' in line]
        assert all("bullet" in line or "dead-cancel-all" in line for line in posts), posts
