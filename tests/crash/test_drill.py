"""`drill`: every case passes against the mock venues; a stop that fails is not called passed."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from xrpfast.config.demo import shipped
from xrpfast.config.loader import load
from xrpfast.service.drill import blocking, case, run, venues
from xrpfast.service.drill.cases import CASES, LeftOpen, Normal
from xrpfast.service.drill.report import Step, subject
from xrpfast.service.readiness import of_drill

COMMAND = {"engine-stopped", "loop-blocked", "engine-killed"}
"""Cases in which the command has to cancel by itself."""


def demo_config(folder: Path) -> Path:
    path = folder / "engine.toml"
    path.write_text(shipped().replace("var/demo", str(folder / "state")))
    return path


@pytest.mark.timeout(400)
async def test_a_drill_passes_and_leaves_a_report(tmp_path: Path) -> None:
    config = demo_config(tmp_path)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "xrpfast", "drill", "--config", str(config), "--json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 360)
    report = json.loads(said)
    assert [step["problems"] for step in report["steps"]] == [[] for _ in CASES]
    assert (process.returncode, report["passed"]) == (0, True)
    steps = {step["name"]: step for step in report["steps"]}
    assert steps.keys() == {each.name for each in CASES}
    for each in CASES:
        check_step(steps[each.name], holds=each.holds, kills=each.kills, resumes=each.resumes)
    assert steps["flatten"]["flattened"].startswith("XRP/USDT CLOSED, ")
    check_files(config, Path(report["report"]), report["wall_ns"])


def check_step(step: dict[str, Any], *, holds: bool, kills: bool, resumes: bool) -> None:
    name = step["name"]
    who = "watchdog" if name == "watchdog" else "command" if name in COMMAND else "engine"
    assert (name, step["by"]) == (name, who)
    assert step["engine_exit"] == (-9 if kills else 3)
    assert step["orders_before"] >= case.ORDERS, name
    assert step["orders_after"] == 0
    # Three at each venue that the engine does not know, and its own two where they are held. One
    # whose cancel was answered otherwise, and that another word ended, counts as gone.
    assert 4 <= step["cancelled"] <= (8 if holds else 6), name
    assert (step["orders_resumed"] is not None) == resumes
    if resumes:
        assert step["orders_resumed"] >= case.ORDERS
    if name == "normal":
        assert step["refused"] > 0, "without the latch it would have traded"
        per_s = step["orders_before"] / step["before_s"]
        assert step["after_s"] * per_s > case.ORDERS, "long enough for orders to be missed"


def check_files(config: Path, path: Path, wall_ns: int) -> None:
    kept = json.loads(path.read_bytes())
    assert (kept["passed"], kept["wall_ns"]) == (True, wall_ns)
    settings = load(config)
    assert {name: kept[name] for name in subject(settings)} == subject(settings)
    assert of_drill(settings, days=1).ok, "what `check --live-readiness` reads"
    assert path.with_suffix(".md").read_text().count("| passed |") == len(CASES)
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, f"{path.stem}.md"]


class AllDown(Normal):
    """The venues take nothing: it cannot trade, before or after."""

    async def _trades(self, engine: asyncio.subprocess.Process) -> None:
        for venue in venues.VENUES:
            await self._venues.refuse_orders(venue)
        await super()._trades(engine)


class NeverHalted(Normal):
    """A `halt` that says that all is done, and did nothing."""

    async def halt(self) -> dict[str, Any]:
        await asyncio.sleep(3)
        return {
            "by": "engine", "cancelled": 6, "first_cancel_ms": 1.0, "verified_ms": 2.0,
            "not_verified": [], "wall_ns": case.time_ns() - 3 * 10**9,
        }  # fmt: skip

    async def _ended(self, engine: asyncio.subprocess.Process) -> None:
        pass


class NeverResumed(Normal):
    """A `resume` that opens nothing."""

    async def command(self, *words: str) -> tuple[int | None, dict[str, Any]]:
        if words[0] == "resume":
            return 0, {"resumed": ["engine"]}
        return await super().command(*words)


class NotClosed(LeftOpen):
    """No venue takes what would close it."""

    async def command(self, *words: str) -> tuple[int | None, dict[str, Any]]:
        if words[0] == "flatten":
            for venue in venues.VENUES:
                await self._venues.refuse_orders(venue)
            words = (*words, "--within", "3")
        return await super().command(*words)


@pytest.mark.parametrize(
    ("kind", "changed", "problem"),
    [
        (Normal, (case, "VERIFIED_MS", 1.0), "verified after"),
        (Normal, (case, "ON_THE_WAY_NS", -(10**13)), "came after the halt"),
        (Normal, (venues, "OTHERS", "xddemo1-zza"), "the order of others was touched"),
        (AllDown, (case, "WAIT_S", 8.0), "an order of the engine at a mock venue"),
        (NeverHalted, (case, "WAIT_S", 30.0), "came after the halt"),
        (NeverResumed, (case, "WAIT_S", 30.0), "it ended with 3 at once"),
        (NotClosed, (case, "WAIT_S", 30.0), "flatten ended with"),
    ],
    ids=["slow", "late", "others", "silent", "never-halted", "never-resumed", "not-closed"],
)
@pytest.mark.timeout(200)
async def test_what_must_not_be_fails_the_drill(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[case.Case],
    changed: tuple[object, str, object],
    problem: str,
) -> None:
    monkeypatch.setattr(*changed)
    monkeypatch.setattr(run, "CASES", (kind,))
    heard: list[Step] = []
    report, path = await run.drill(load(demo_config(tmp_path)), heard.append)
    assert not report.passed
    assert any(problem in line for line in heard[0].problems), heard
    assert "FAILED" in path.with_suffix(".md").read_text()
    kept = path.with_name(f"{path.stem}-{kind.name}")
    assert (kept / "engine.log").read_text()
    assert not (kept / "engine.toml").exists(), "it has keys"


async def test_the_engine_that_can_be_blocked_is_for_mock_venues_alone(tmp_path: Path) -> None:
    path = tmp_path / "engine.toml"
    path.write_text(
        f'mode = "paper"\nstate_dir = "{tmp_path}/state"\n[engine]\ndeployment = "live"\n'
        '[[strategies]]\nkind = "arbitrage"\nname = "a"\nmin_edge_bps = "5"\nmax_qty = "20"\n'
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", blocking.__name__, str(path), stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert b"for a drill alone" in said
    assert not (tmp_path / "state").exists()
