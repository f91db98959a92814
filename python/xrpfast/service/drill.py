"""The stop, rehearsed: mock venues, an engine with the configuration's limits, and `halt` itself.

Each case begins a mock and an engine of its own as child processes, puts orders of ours and of
others to work, spoils something, and says ``halt`` as a person would. What counts is what the mock
has at the end: none of ours, all of the others', and no order that came after the halt.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from xrpfast import _core
from xrpfast.config.demo import demo_values, to_toml
from xrpfast.errors import FailedError, XrpfastError
from xrpfast.records.compare import TERMINAL
from xrpfast.service.demo import EngineLink, child, first_line, post
from xrpfast.service.receipts import write_receipt

if TYPE_CHECKING:
    from xrpfast.config.root import Config

AT_ONCE: Final = 2
"""Cases at a time: much of one is waiting."""
FIRST_CANCEL_MS: Final = 5_000.0
"""From the command's first line to the first cancel that left."""
VERIFIED_MS: Final = 45_000.0
"""Above the longest time in which a request that was lost can still become an order."""
ON_THE_WAY_NS: Final = 1_000_000_000
"""What left before a halt is at the mock within that time."""
WAIT_S: Final = 30.0
HALT_S: Final = 120.0
OWN_S: Final = 3.0
"""A strategy that finds nothing at the mock in that time need not have an order there."""
PRICE: Final = "1.2"
"""Of a bid that nobody trades with: half of what the mock's market is at."""
STRAYS: Final = 3
"""Orders of ours at each venue that the engine does not know."""
VENUES: Final = ("binance", "kucoin")
OTHERS: Final = "by-hand-1"
CREATES: Final = {"binance": "order.place", "kucoin": "spot.*order"}
CANCELS: Final = {
    "binance": ("order.cancel", "DELETE /api/v3/order"),
    "kucoin": ("spot.*cancel", "DELETE /api/v1/hf/orders/client-order/*"),
}
_LIMITED: Final[dict[str, dict[str, Any]]] = {
    "binance": {
        "code": -1003, "msg": "Too many requests", "headers": {"Retry-After": "1"},
        "data": {"serverTime": 1_000, "retryAfter": 2_000},
    },
    "kucoin": {
        "code": "429000", "msg": "Too many requests",
        "headers": {"gw-ratelimit-remaining": "0", "gw-ratelimit-reset": "1000"},
    },
}  # fmt: skip

Rule = dict[str, Any]


class Step(msgspec.Struct, kw_only=True):
    """One case, and what came of it."""

    name: str
    says: str
    passed: bool = False
    problems: list[str] = []
    by: str = ""
    """Who cancelled."""
    cancelled: int = 0
    first_cancel_ms: float | None = None
    verified_ms: float | None = None
    engine_exit: int | None = None


class Report(msgspec.Struct, kw_only=True):
    """A whole drill."""

    wall_ns: int
    version: str
    against: str
    steps: list[Step]
    passed: bool = False

    def page(self) -> str:
        """As Markdown."""
        when = datetime.fromtimestamp(self.wall_ns // 1_000_000_000, UTC)
        lines = [
            f"# Stop drill of {when:%Y-%m-%d %H:%M:%S} UTC: {_verdict(self.passed)}",
            "",
            f"xrpfast {self.version}, against {self.against}. A case has passed when the venues "
            "list none of our orders and all of the others', no order came after the halt, the "
            f"first cancel left within {FIRST_CANCEL_MS / 1000:.0f} s and all was verified within "
            f"{VERIFIED_MS / 1000:.0f} s.",
            "",
            "| case | result | cancelled by | orders | first cancel | verified empty |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {step.says} | {_verdict(step.passed)} | {step.by} | {step.cancelled} | "
            f"{_ms(step.first_cancel_ms)} | {_ms(step.verified_ms)} |"
            for step in self.steps
        ]
        problems = [f"- {step.says}: {problem}" for step in self.steps for problem in step.problems]
        return "\n".join([*lines, *(["", "## Problems", "", *problems] if problems else []), ""])


def _verdict(passed: bool) -> str:
    return "passed" if passed else "FAILED"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


async def drill(config: Config, on_step: Callable[[Step], None]) -> tuple[Report, Path]:
    """Runs every case; the report, and where it is kept. ``on_step`` hears of each that ended.

    Raises `FailedError` when the report cannot be written.
    """
    wall_ns = time_ns()
    room = asyncio.Semaphore(AT_ONCE)
    name = datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = config.state_dir / "drills"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FailedError(f"{folder}: {error.strerror}") from error

    async def one(case: type[Case], seed: int) -> Step:
        async with room:
            work = Path(tempfile.mkdtemp(prefix="xrpfast-drill-"))
            try:
                step = await case(config, work).run(seed)
                if not step.passed:
                    _keep(work, folder / f"{name}-{step.name}")
            finally:
                shutil.rmtree(work, ignore_errors=True)
            on_step(step)
            return step

    steps = await asyncio.gather(*(one(case, seed) for seed, case in enumerate(CASES, 1)))
    report = Report(
        wall_ns=wall_ns, version=_core.__version__, against="mock venues", steps=list(steps),
        passed=all(step.passed for step in steps),
    )  # fmt: skip
    path = folder / f"{name}.json"
    try:
        path.with_suffix(".md").write_text(report.page(), encoding="utf-8")
        write_receipt(path, msgspec.json.encode(report))
    except OSError as error:
        raise FailedError(f"{path}: {error.strerror}") from error
    return report, path


def _keep(work: Path, folder: Path) -> None:
    """What a case that failed left: its logs and records, not the mock's keys."""
    hidden = shutil.ignore_patterns("*.sock", "engine.toml")
    with suppress(OSError, shutil.Error):
        shutil.copytree(work, folder, ignore=hidden)


class Case:
    """A halt while all is well; other cases spoil something first."""

    name = "normal"
    says = "engine runs, venues are well"

    def __init__(self, config: Config, folder: Path) -> None:
        self._given = config
        self._folder = folder
        self._state_dir = folder / "state"
        self._config = folder / "engine.toml"
        self._log = folder / "engine.log"
        self._step = Step(name=self.name, says=self.says)
        self._control_url = ""

    async def run(self, seed: int) -> Step:
        step = self._step
        try:
            async with asyncio.timeout(2 * HALT_S), aiohttp.ClientSession() as self._http:
                await self._run(seed)
        except TimeoutError:
            step.problems.append(f"it took longer than {2 * HALT_S:.0f} s")
        except (XrpfastError, OSError, aiohttp.ClientError, ValueError, KeyError) as error:
            step.problems.append(str(error) or type(error).__name__)
        step.passed = not step.problems
        return step

    async def _run(self, seed: int) -> None:
        log = self._folder / "mock.log"
        async with child("mock", "--port", "0", "--seed", str(seed), log=log) as mock:
            line = await first_line(mock, log)
            self._control_url = line["control_url"]
            self._configure(line)
            await self._hold()
            async with child("run", "--config", str(self._config), log=self._log) as engine:
                try:
                    await self._trading(engine)
                    await self._put_to_work()
                    await self.spoil(engine)
                    receipt = await self._halt()
                    await self._ended(engine)
                finally:
                    with suppress(ProcessLookupError):
                        engine.send_signal(signal.SIGCONT)
            await self._judge(receipt)

    # --- before ---------------------------------------------------------------------------------

    def _configure(self, line: dict[str, Any]) -> None:
        """Limits, strategies and timings of the file; venues, keys and directory of the mock."""
        values = demo_values(self._state_dir, line)
        given = self._given.model_dump(mode="json", exclude_none=True)
        values["risk"], values["strategies"] = given["risk"], given["strategies"]
        values["engine"] |= given["engine"] | {"spin": False}
        values["engine"].pop("cpu", None)
        self._state_dir.mkdir(mode=0o700)
        self._config.touch(mode=0o600)
        self._config.write_text(to_toml(values), encoding="utf-8")
        self._prefix = f"xd{values['engine']['deployment']}"

    async def _trading(self, engine: asyncio.subprocess.Process) -> None:
        """Waits until the engine trades, and a little longer for orders of its own."""
        link = await EngineLink.open(self._state_dir / "control.sock", engine, self._log)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT_S
        async with link:
            state = await link.state()
            while state["trading"] != "ACTIVE":
                if loop.time() > deadline:
                    raise FailedError(f"the engine did not trade within {WAIT_S:.0f} s")
                await asyncio.sleep(0.05)
                state = await link.state()
            deadline = loop.time() + OWN_S
            while state["working"] < 2 and loop.time() < deadline:
                await asyncio.sleep(0.05)
                state = await link.state()

    async def _hold(self) -> None:
        """What the engine sends stays at the venues, accepted and never answered. An order of
        somebody else is there before: KuCoin's dead-connection protection would take it with ours,
        and the engine leaves that off then."""
        for venue in VENUES:
            await self.rule(
                {"venue": venue, "channel": "ws", "point": "after_accept_before_reply",
                 "action": "drop", "params": {"match_after_ms": 600_000},
                 "match": {"route": CREATES[venue]}}
            )  # fmt: skip
            await self._rests(venue, OTHERS)

    async def _put_to_work(self) -> None:
        """Orders of ours that the engine does not know of."""
        for venue in VENUES:
            for number in range(STRAYS):
                await self._rests(venue, f"{self._prefix}1-{number}a")

    async def _rests(self, venue: str, client_id: str) -> None:
        params = {"side": "buy", "price": PRICE, "qty": "20", "client_id": client_id}
        await self.rule(
            {"venue": venue, "channel": "venue", "action": "foreign_order", "params": params}
        )

    async def spoil(self, engine: asyncio.subprocess.Process) -> None:
        """What makes this case another one."""

    async def rule(self, rule: Rule) -> None:
        await post(self._http, {"control_url": self._control_url}, "/rules", rule)

    # --- the halt -------------------------------------------------------------------------------

    async def _halt(self) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "xrpfast", "halt", "--config", str(self._config),
            "--reason", f"drill: {self.says}", "--json",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, errors = await asyncio.wait_for(process.communicate(), HALT_S)
        if not said:
            raise FailedError(f"halt: {errors.decode(errors='replace').strip()}")
        receipt: dict[str, Any] = json.loads(said)
        step = self._step
        step.by, step.cancelled = receipt["by"], receipt["cancelled"]
        step.first_cancel_ms = receipt["first_cancel_ms"]
        step.verified_ms = receipt["verified_ms"]
        self._expect(process.returncode == 0, f"halt ended with {process.returncode}")
        step.problems += receipt["not_verified"]
        return receipt

    async def _ended(self, engine: asyncio.subprocess.Process) -> None:
        """An engine that slept wakes up; it has to end as halted, and not to trade again."""
        with suppress(ProcessLookupError):
            engine.send_signal(signal.SIGCONT)
        code = self._step.engine_exit = await asyncio.wait_for(engine.wait(), HALT_S)
        self._expect(code in (3, -signal.SIGKILL), f"the engine ended with {code}, not as halted")
        async with child("run", "--config", str(self._config), log=self._log) as again:
            code = await asyncio.wait_for(again.wait(), WAIT_S)
        self._expect(code == 3, f"it could be started again: exit code {code}")

    async def _judge(self, receipt: Mapping[str, Any]) -> None:
        step = self._step
        async with self._http.get(f"{self._control_url}/ledger") as reply:
            truth = (await reply.json())["venues"]
        for venue, said in truth.items():
            ours = [o for o in said["orders"] if o["client_id"].startswith(self._prefix)]
            work = [o["client_id"] for o in ours if o["state"] not in TERMINAL]
            self._expect(not work, f"{venue}: still works: {', '.join(work[:3])}")
            late = [
                o["client_id"]
                for o in ours
                if o["accepted_ns"] > receipt["wall_ns"] + ON_THE_WAY_NS
            ]
            self._expect(not late, f"{venue}: came after the halt: {', '.join(late[:3])}")
            others = [o for o in said["orders"] if o["client_id"] == OTHERS]
            fine = bool(others) and others[0]["state"] not in TERMINAL
            self._expect(fine, f"{venue}: the order of others was touched")
        first, verified = step.first_cancel_ms, step.verified_ms
        self._expect(
            first is not None and first <= FIRST_CANCEL_MS, f"first cancel after {_ms(first)}"
        )
        self._expect(
            verified is not None and verified <= VERIFIED_MS, f"verified after {_ms(verified)}"
        )

    def _expect(self, fine: bool, problem: str) -> None:
        if not fine:
            self._step.problems.append(problem)


class Storm(Case):
    name = "server-errors"
    says = "cancels are answered with 503"

    async def spoil(self, engine: asyncio.subprocess.Process) -> None:
        for venue in VENUES:
            for route in CANCELS[venue]:
                await self.rule(_refusal(venue, route, {"status": 503, "body": "<html>"}))


class Limited(Case):
    name = "rate-limit"
    says = "cancels are answered with 429"

    async def spoil(self, engine: asyncio.subprocess.Process) -> None:
        for venue in VENUES:
            for route in CANCELS[venue]:
                await self.rule(_refusal(venue, route, {"status": 429} | _LIMITED[venue]))


class DeadFeeds(Case):
    name = "dead-feeds"
    says = "every socket is silent, new ones are refused"

    async def spoil(self, engine: asyncio.subprocess.Process) -> None:
        for venue in VENUES:
            for action in ("silence", "refuse"):
                await self.rule({"venue": venue, "channel": "socket", "action": action})


class Asleep(Case):
    name = "engine-stopped"
    says = "engine is stopped (SIGSTOP), and wakes up afterwards"

    async def spoil(self, engine: asyncio.subprocess.Process) -> None:
        engine.send_signal(signal.SIGSTOP)


class Killed(Case):
    name = "engine-killed"
    says = "engine is killed (SIGKILL)"

    async def spoil(self, engine: asyncio.subprocess.Process) -> None:
        engine.kill()
        await engine.wait()


CASES: Final[tuple[type[Case], ...]] = (Asleep, Killed, Case, Storm, Limited, DeadFeeds)
"""The longest first."""


def _refusal(venue: str, route: str, answer: dict[str, Any]) -> Rule:
    """The next cancels there get this answer, however often they are sent."""
    rest = route.startswith("DELETE")
    if not rest:
        answer = {key: value for key, value in answer.items() if key not in ("headers", "body")}
    return {
        "venue": venue, "channel": "rest" if rest else "ws", "action": "reply", "params": answer,
        "match": {"route": route, "times": 3},
    }  # fmt: skip
