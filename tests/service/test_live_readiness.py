"""`check --live-readiness` against production's names: GO, and a no-go for each thing missing."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from time import time_ns
from typing import Any

import pytest

from support.engine_process import EngineProcess
from support.live import configure, watchdog
from support.production import Production, production
from support.webhook import url_file, webhook
from xrpfast.config.demo import shipped
from xrpfast.config.loader import load
from xrpfast.service.check import Finding
from xrpfast.service.drill.report import subject
from xrpfast.service.readiness import of_alerts

WAIT_S = 60.0


async def asked(venues: Production, folder: Path, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit code and findings of a check in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "xrpfast", "check", "--config", str(folder / "engine.toml"),
        "--live-readiness", "--json", *more,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, env=venues.full_env,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
    assert process.returncode is not None
    document = json.loads(out)
    assert document["ok"] is (process.returncode == 0)
    return process.returncode, {finding["name"]: finding for finding in document["findings"]}


def drilled(folder: Path, **other: object) -> Path:
    """A report of a drill that passed just now, or of another one."""
    drills = folder / "state" / "drills"
    drills.mkdir(parents=True, exist_ok=True)
    report = drills / "2026-01-01T00-00-00Z.json"
    said = subject(load(folder / "engine.toml")) | {"wall_ns": time_ns(), "passed": True}
    report.write_text(json.dumps(said | other))
    return report


@pytest.mark.timeout(180)
async def test_go_when_all_is_there_and_no_go_without_each(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    async with production(tmp_path, seed=11) as venues:
        words = configure(folder, venues)
        watch = ExitStack()
        watch.enter_context(watchdog(folder / "state"))
        drilled(folder)
        code, findings = await asked(venues, folder, "--waive", "alerts")
        assert {name for name, finding in findings.items() if not finding["ok"]} == {"alerts"}
        assert findings["alerts"]["waived"] is True
        assert code == 0
        assert (venues.order_requests, venues.orders) == (0, 0)

        async def lacks() -> set[str]:
            code, findings = await asked(venues, folder, "--waive", "alerts")
            assert code == 1
            return {name for name, finding in findings.items() if not finding["ok"]} - {"alerts"}

        code, findings = await asked(venues, folder)
        assert (code, findings["alerts"]["waived"]) == (1, False)
        drilled(folder, passed=False)
        assert await lacks() == {"stop drilled"}
        drilled(folder, ceilings_sha256="")
        assert await lacks() == {"stop drilled"}
        drilled(folder)
        number = venues.mock.faults.add(
            {"venue": "kucoin", "channel": "venue", "action": "key",
             "params": {"set": {"permission": "General,Spot,Withdraw"}}}
        )  # fmt: skip
        assert await lacks() == {"key kucoin"}
        venues.mock.faults.remove(number)
        number = venues.mock.faults.add(
            {"venue": "kucoin", "channel": "socket", "action": "refuse",
             "match": {"kind": "order_entry"}}
        )  # fmt: skip
        assert await lacks() == {"reach kucoin order socket", "venues"}
        venues.mock.faults.remove(number)
        ceilings = folder / "ceilings.toml"
        high = ceilings.read_text()
        ceilings.write_text(high.replace('max_position = "500"', 'max_position = "499"'))
        assert await lacks() == {"config", "stop drilled"}
        ceilings.write_text(high)

        engine = await EngineProcess.start(folder / "engine.toml", *words, env=venues.env)
        await engine.until(lambda state: state["counts"]["fills"] >= 2)
        code, findings = await asked(venues, folder, "--waive", "alerts")
        assert code == 0, findings
        assert "the engine says" in findings["reconciled"]["says"]
        assert await engine.stop() == 0, engine.log
        code, findings = await asked(venues, folder, "--waive", "alerts")
        assert code == 0, findings
        assert findings["journal"]["says"].startswith("sound, ")
        (folder / "state" / "halt.json").write_text('{"reason": "by hand"}')
        assert await lacks() == {"latch"}
        watch.close()
        assert await lacks() == {"latch", "watchdog"}


async def test_alerts_are_ready_once_every_sink_takes_one(tmp_path: Path) -> None:
    """Tried by a real message; what a waiver leaves out is still said."""
    config = tmp_path / "engine.toml"

    async def said(text: str, waive: bool = False) -> Finding:
        base = shipped().replace("var/demo", str(tmp_path))
        config.write_text(f"{base}\n[alerts]\n{text}\n")
        return await of_alerts(load(config), waive)

    found = await said("")
    assert (found.ok, found.says) == (False, "no alert reaches a person: no sink")
    async with webhook() as hook:
        url = f'webhook_url_file = "{url_file(tmp_path, hook.url)}"'
        found = await said(url, waive=True)
        assert found.ok, found
        assert found.waived is False
        assert found.says.startswith("webhook: accepted a test alert after ")
        assert hook.text == "xrpfast xddemo\ntest alert: somebody tries whether alerts arrive"
        found = await said(f'{url}\ncommand = ["false"]')
        assert found.ok is False
        assert found.says.endswith("command: NOT accepted: ended with code 1")
        hook.down = True
        found = await said(url)
        assert (found.ok, found.waived) == (False, False)
        assert found.says == "webhook: NOT accepted: HTTP 503"
        found = await said(url, waive=True)
        assert (found.ok, found.waived) == (False, True)
