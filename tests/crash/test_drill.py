"""`drill`: every case passes against the mock venues; a stop that fails is not called passed."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from xrpfast.config.demo import shipped
from xrpfast.config.loader import load
from xrpfast.service import drill as module
from xrpfast.service.drill import Case, Step, drill
from xrpfast.service.readiness import of_drill


def demo_config(folder: Path) -> Path:
    path = folder / "engine.toml"
    path.write_text(shipped().replace("var/demo", str(folder / "state")))
    return path


@pytest.mark.timeout(300)
async def test_a_drill_passes_and_leaves_a_report(tmp_path: Path) -> None:
    config = demo_config(tmp_path)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "xrpfast", "drill", "--config", str(config), "--json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 240)
    report = json.loads(said)
    assert [step["problems"] for step in report["steps"]] == [[] for _ in module.CASES]
    assert (process.returncode, report["passed"]) == (0, True)
    assert {step["name"]: step["by"] for step in report["steps"]} == {
        "normal": "engine", "server-errors": "engine", "rate-limit": "engine",
        "dead-feeds": "engine", "engine-stopped": "command", "engine-killed": "command",
    }  # fmt: skip
    for step in report["steps"]:
        # Three at each venue that the engine does not know, and its own two if it found a trade.
        assert step["cancelled"] in (6, 8)
        assert step["engine_exit"] == (-9 if step["name"] == "engine-killed" else 3)
    check_files(Path(report["report"]), report["wall_ns"])


def check_files(path: Path, wall_ns: int) -> None:
    kept = json.loads(path.read_bytes())
    assert (kept["passed"], kept["wall_ns"]) == (True, wall_ns)
    assert of_drill(path.parent, days=1).ok, "what `check --live-readiness` reads"
    assert path.with_suffix(".md").read_text().count("| passed |") == len(module.CASES)
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, f"{path.stem}.md"]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("VERIFIED_MS", 1.0, "verified after"),
        ("ON_THE_WAY_NS", -(10**13), "came after the halt"),
        ("OTHERS", "xddemo1-zza", "the order of others was touched"),
    ],
)
async def test_what_must_not_be_fails_the_drill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: object, problem: str
) -> None:
    monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(module, "CASES", (Case,))
    heard: list[Step] = []
    report, path = await drill(load(demo_config(tmp_path)), heard.append)
    assert not report.passed
    assert any(problem in line for line in heard[0].problems), heard
    assert "FAILED" in path.with_suffix(".md").read_text()
    kept = path.with_name(f"{path.stem}-normal")
    assert (kept / "engine.log").read_text()
    assert not (kept / "engine.toml").exists(), "it has keys"
