"""One case of the drill: an engine that trades at mock venues of its own, and what stops it.

Mock and engine are child processes. The engine trades freely first, on a market that goes on
showing edges afterwards: without the latch it would go on, too. Where a case has a `resume`, the
next run trades again on that market, so that the silence between was the latch's.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, ClassVar, Final

import aiohttp
import msgspec

from xrpfast._core import JournalError, JournalReader
from xrpfast.config.demo import demo_values, to_toml
from xrpfast.errors import FailedError, XrpfastError
from xrpfast.records import kinds
from xrpfast.records.start import End
from xrpfast.service.demo import EngineLink, child, first_line
from xrpfast.service.drill.report import FIRST_CANCEL_MS, VERIFIED_MS, Step, ms
from xrpfast.service.drill.venues import MockAccount
from xrpfast.trading.risk.reasons import Refusal

if TYPE_CHECKING:
    from xrpfast.config.root import Config

ON_THE_WAY_NS: Final = 1_000_000_000
"""What left before a halt is at the mock within that time."""
WAIT_S: Final = 30.0
HALT_S: Final = 120.0
MEASURED_S: Final = 2.0
"""At least so long the engine trades freely."""
QUIET_S: Final = 4.0
"""At least so long the market goes on after the stop, before what came meanwhile is counted."""
ORDERS: Final = 4
"""And until so many orders have come: two pairs."""
POLL_S: Final = 0.05
EDGE_BPS: Final = Decimal(1)
"""The demo's: a mock market shows no edge that a real one would have to."""
Process = asyncio.subprocess.Process


class Case:
    """A halt while all is well; other cases spoil something first."""

    name: ClassVar[str] = "normal"
    says: ClassVar[str] = "engine runs, venues are well"
    holds: ClassVar[bool] = False
    """An order of the engine's own works at each venue when it is stopped, never answered. The
    engine waits for it then: without one it trades freely until the stop."""
    resumes: ClassVar[bool] = False
    """A person resumes in the end, and the next run has to trade."""
    kills: ClassVar[bool] = False
    """The engine does not live to end as halted."""

    def __init__(self, config: Config, folder: Path) -> None:
        self._given = config
        self._folder = folder
        self._state_dir = folder / "state"
        self._config = folder / "engine.toml"
        self._log = folder / "engine.log"
        self._step = Step(name=self.name, says=self.says)

    async def run(self, seed: int) -> Step:
        step = self._step
        try:
            async with asyncio.timeout(2 * HALT_S), aiohttp.ClientSession() as http:
                await self._run(http, seed)
        except TimeoutError:
            step.problems.append(f"it took longer than {2 * HALT_S:.0f} s")
        except (XrpfastError, OSError, aiohttp.ClientError, ValueError, KeyError) as error:
            step.problems.append(str(error) or type(error).__name__)
        step.passed = not step.problems
        return step

    async def _run(self, http: aiohttp.ClientSession, seed: int) -> None:
        log = self._folder / "mock.log"
        async with child("mock", "--port", "0", "--seed", str(seed), log=log) as mock:
            self._venues = self._configure(http, await first_line(mock, log))
            await self._venues.others()
            async with self.beside():
                async with self.engine() as engine:
                    try:
                        await self._trades(engine)
                        await self.put_to_work(engine)
                        await self.spoil(engine)
                        asked_ns = await self.stop()
                        await self.restore(engine)
                        await self._ended(engine)
                    finally:
                        with suppress(ProcessLookupError):
                            engine.send_signal(signal.SIGCONT)
                await self._judge(asked_ns)
                await self.afterwards()
                if self.resumes:
                    await self._resumed()

    # --- what makes this case another one ---------------------------------------------------------

    def change(self, values: dict[str, Any]) -> None:
        """The configuration of this case, if it needs another."""

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """What runs beside the engine."""
        yield

    def engine(self) -> AbstractAsyncContextManager[Process]:
        return self._run_of_it("engine.log")

    async def spoil(self, engine: Process) -> None:
        """What goes wrong before the stop."""

    async def stop(self) -> int:
        """Stops all, and waits for what came of it; when that was asked for, wall time."""
        receipt = await self.halt()
        step = self._step
        step.by, step.cancelled = receipt["by"], receipt["cancelled"]
        step.first_cancel_ms = receipt["first_cancel_ms"]
        step.verified_ms = receipt["verified_ms"]
        step.problems += receipt["not_verified"]
        return int(receipt["wall_ns"])

    async def restore(self, engine: Process) -> None:
        """An engine that slept wakes up once all is verified: it must not trade then."""

    async def afterwards(self) -> None:
        """What else a person does, halted as it is."""

    @property
    def allowed_ms(self) -> float:
        """For the first cancel."""
        return FIRST_CANCEL_MS

    # --- before ---------------------------------------------------------------------------------

    def _configure(self, http: aiohttp.ClientSession, line: dict[str, Any]) -> MockAccount:
        """Limits, strategies and timings of the file; venues, keys and directory of the mock."""
        values = demo_values(self._state_dir, line)
        given = self._given.model_dump(mode="json", exclude_none=True)
        values["risk"], values["strategies"] = given["risk"], given["strategies"]
        for strategy in values["strategies"]:
            edge = min(EDGE_BPS, Decimal(strategy["min_edge_bps"]))
            strategy["min_edge_bps"] = str(edge)
        values["engine"] |= given["engine"] | {"spin": False}
        values["engine"].pop("cpu", None)
        self.change(values)
        self._state_dir.mkdir(mode=0o700)
        self._config.touch(mode=0o600)
        self._config.write_text(to_toml(values), encoding="utf-8")
        return MockAccount(http, line, f"xd{values['engine']['deployment']}")

    def _run_of_it(self, log: str) -> AbstractAsyncContextManager[Process]:
        return child("run", "--config", str(self._config), log=self._folder / log)

    async def _trades(self, engine: Process) -> None:
        """Waits until the engine trades, and counts what it sends while nothing holds it."""
        async with self._link(engine) as link:
            await self._until(link, lambda state: state["trading"] == "ACTIVE", "trading")
            loop = asyncio.get_running_loop()
            began = loop.time()
            before = len(await self._venues.of_engine())

            async def traded() -> bool:
                self._step.orders_before = len(await self._venues.of_engine()) - before
                self._step.before_s = loop.time() - began
                return self._step.orders_before >= ORDERS and self._step.before_s >= MEASURED_S

            await self.wait(traded, "an order of the engine at a mock venue")
            await self._until(link, lambda state: state["counts"]["fills"] > 0, "a fill")

    async def put_to_work(self, engine: Process) -> None:
        """Orders of ours that are to be cancelled: some that the engine does not know, and, where
        the case holds them, two of its own."""
        if self.holds:
            async with self._link(engine) as link:  # between two pairs, so that both legs stay
                await self._venues.market(running=False)
                await self._until(link, lambda state: state["working"] == 0, "no order at work")
                await self._venues.hold()
                await self._venues.market(running=True)
                await self.wait(self._venues.held, "an order of its own at work at each venue")
        await self._venues.strays()

    @asynccontextmanager
    async def _link(self, engine: Process) -> AsyncIterator[EngineLink]:
        link = await EngineLink.open(self._state_dir / "control.sock", engine, self._log)
        async with link:
            yield link

    async def _until(
        self, link: EngineLink, what: Callable[[dict[str, Any]], bool], says: str
    ) -> None:
        async def reached() -> bool:
            return what(await link.state())

        await self.wait(reached, says)

    async def wait(
        self, what: Callable[[], Awaitable[bool]], says: str, within_s: float | None = None
    ) -> None:
        """Raises `FailedError` when that does not come."""
        loop = asyncio.get_running_loop()
        within_s = within_s or WAIT_S
        deadline = loop.time() + within_s
        while not await what():
            if loop.time() > deadline:
                raise FailedError(f"not within {within_s:.0f} s: {says}")
            await asyncio.sleep(POLL_S)

    # --- commands -------------------------------------------------------------------------------

    async def halt(self) -> dict[str, Any]:
        """The command, as a person says it; its receipt."""
        code, receipt = await self.command("halt", "--reason", f"drill: {self.says}")
        self.expect(code == 0, f"halt ended with {code}")
        return receipt

    async def command(self, *words: str) -> tuple[int | None, dict[str, Any]]:
        """Exit code and JSON. Raises `FailedError` when it says none."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "xrpfast", *words, "--config", str(self._config), "--json",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, errors = await asyncio.wait_for(process.communicate(), HALT_S)
        if not said:
            raise FailedError(f"{words[0]}: {errors.decode(errors='replace').strip()}")
        return process.returncode, dict(json.loads(said))

    # --- after ----------------------------------------------------------------------------------

    async def _ended(self, engine: Process) -> None:
        """The engine has to end as halted, and must not be started again."""
        code = self._step.engine_exit = await asyncio.wait_for(engine.wait(), HALT_S)
        wanted = -signal.SIGKILL if self.kills else 3
        self.expect(code == wanted, f"the engine ended with {code}, not as halted")
        self._step.refused = self._refused()
        async with self._run_of_it("again.log") as again:
            code = await asyncio.wait_for(again.wait(), WAIT_S)
        self.expect(code == 3, f"it could be started again: exit code {code}")

    def _refused(self) -> int:
        """What the latch kept the engine from, by its own last record."""
        counted = 0
        with suppress(JournalError, OSError, msgspec.DecodeError):
            for _, _, kind, payload in JournalReader(self._state_dir / "journal"):
                if kind == kinds.END:
                    refused = msgspec.json.decode(payload, type=End).refused
                    counted = refused.get(Refusal.TRADING_HALTED.value, 0)
        return counted

    async def _judge(self, asked_ns: int) -> None:
        await asyncio.sleep(max(0.0, QUIET_S - (time_ns() - asked_ns) / 1e9))
        step, sent = self._step, await self._venues.of_engine()
        step.after_s = (time_ns() - asked_ns) / 1e9
        late = [o["client_id"] for o in sent if o["accepted_ns"] > asked_ns + ON_THE_WAY_NS]
        step.orders_after = len(late)
        self.expect(not late, f"came after the halt: {', '.join(late[:3])}")
        step.problems += await self._venues.left()
        first, verified = step.first_cancel_ms, step.verified_ms
        self.expect(
            first is not None and first <= self.allowed_ms, f"first cancel after {ms(first)}"
        )
        self.expect(
            verified is not None and verified <= VERIFIED_MS, f"verified after {ms(verified)}"
        )

    async def _resumed(self) -> None:
        """A person has looked: the next run trades on the same market, which proves that the latch
        alone kept the engine silent."""
        code, said = await self.command("resume", "--reason", "drill: all was verified")
        self.expect(code == 0 and bool(said["resumed"]), f"resume opened nothing: {said}")
        before = len(await self._venues.of_engine())
        async with self._run_of_it("resumed.log") as engine:

            async def traded() -> bool:
                self._step.orders_resumed = len(await self._venues.of_engine()) - before
                return self._step.orders_resumed >= ORDERS or engine.returncode is not None

            await self.wait(traded, "an order of the engine after resume")
            self.expect(engine.returncode is None, f"it ended with {engine.returncode} at once")
            await self._venues.market(running=False)  # nothing is left to be hedged then
            engine.send_signal(signal.SIGTERM)
            code = await asyncio.wait_for(engine.wait(), WAIT_S)
        self.expect(code == 0, f"after resume the engine ended with {code}")
        self._step.problems += await self._venues.left()

    def expect(self, fine: bool, problem: str) -> None:
        if not fine:
            self._step.problems.append(problem)
