"""`check`: every thing that can be wrong is one line with its way out; it changes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from time import time_ns
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from xrpfast.cli import app
from xrpfast.cli.app import run as cli
from xrpfast.config.demo import demo_values, shipped, to_toml
from xrpfast.config.loader import load
from xrpfast.config.root import Config
from xrpfast.service import check, readiness
from xrpfast.service.drill.report import SUBJECT, subject
from xrpfast.service.readiness import DAY_NS, of_drill, of_journal, of_latch, of_watchdog
from xrpfast.service.watchdog_keys import OLD_NS, KeyCheck, tell_keys
from xrpfast.service.watchdog_lock import watching
from xrpfast.simulation.process import MockExchanges
from xrpfast.simulation.process import mock_exchanges as started

WAYS = {
    "reach binance REST", "reach binance market socket", "reach binance order and account socket",
    "reach kucoin REST", "reach kucoin market socket", "reach kucoin account socket",
    "reach kucoin order socket",
}  # fmt: skip
NAMES = WAYS | {
    "config", "disk space", "disk sync", "disk access", "clock binance", "clock kucoin",
    "key binance", "key kucoin",
}  # fmt: skip


@pytest.fixture(scope="module")
def mock() -> Iterator[MockExchanges]:
    with started() as running:
        running.pause()
        yield running


@pytest.fixture
def config(tmp_path: Path, mock: MockExchanges) -> Path:
    path = tmp_path / "engine.toml"
    path.write_text(to_toml(demo_values(tmp_path / "state", dict(mock.line))))
    return path


def looked(
    capsys: pytest.CaptureFixture[str], config: Path, *more: str
) -> tuple[int, dict[str, Any]]:
    """Exit code, and every finding by its name."""
    code = app.run(["check", "--config", str(config), "--json", *more])
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is (code == 0)
    return code, {finding["name"]: finding for finding in document["findings"]}


def bad(findings: dict[str, Any]) -> set[str]:
    assert all(finding["fix"] for finding in findings.values() if not finding["ok"])
    return {name for name, finding in findings.items() if not finding["ok"]}


def test_all_is_well_and_nothing_is_changed(
    config: Path, mock: MockExchanges, capsys: pytest.CaptureFixture[str]
) -> None:
    before = mock.ledger()
    code, findings = looked(capsys, config)
    assert (code, bad(findings)) == (0, set())
    assert set(findings) == NAMES
    assert "±" in findings["clock binance"]["says"]
    assert "ipWhitelist 127.0.0.1" in findings["key kucoin"]["says"]
    assert "enableWithdrawals" not in findings["key binance"]["says"]
    assert mock.ledger() == before
    assert list(config.parent.iterdir()) == [config]


def test_for_people_it_is_a_line_each(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["check", "--config", str(config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(NAMES)
    assert all(line.startswith("ok ") for line in lines)


def ways(venue: str) -> set[str]:
    return {name for name in WAYS if venue in name}


ORDER_SOCKET = "reach kucoin order socket"
WRONG: list[tuple[str, str, dict[str, Any], set[str], str]] = [
    ("binance", "clock", {"params": {"offset_ms": 1500}}, {"clock binance"}, "+1"),
    (
        "binance",
        "key",
        {"params": {"set": {"enableWithdrawals": True}}},
        {"key binance"},
        "enableWithdrawals is true",
    ),
    (
        "kucoin",
        "key",
        {"params": {"set": {"permission": "General"}}},
        {"key kucoin"},
        "permission is General",
    ),
    (
        "kucoin",
        "revoke_key",
        {},
        {"key kucoin", "reach kucoin account socket", ORDER_SOCKET},
        "400003",
    ),
    (
        "binance",
        "refuse",
        {"channel": "socket", "match": {"kind": "ws_api"}},
        {"reach binance order and account socket"},
        "503",
    ),
    (
        "kucoin",
        "refuse",
        {"channel": "socket", "match": {"kind": "push"}},
        {"reach kucoin market socket", "reach kucoin account socket"},
        "503",
    ),
    ("binance", "down", {}, {"clock binance", "key binance", *ways("binance")}, ""),
    (
        "kucoin",
        "block_page",
        {"params": {"status": 200}},
        {"clock kucoin", "key kucoin", *ways("kucoin")} - {ORDER_SOCKET},
        "<!DOCTYPE html>",
    ),
]


@pytest.mark.parametrize(("venue", "action", "rest", "names", "says"), WRONG)
def test_each_thing_that_is_wrong_at_a_venue_is_named(
    config: Path,
    mock: MockExchanges,
    capsys: pytest.CaptureFixture[str],
    venue: str,
    action: str,
    rest: dict[str, Any],
    names: set[str],
    says: str,
) -> None:
    number = mock.fault({"channel": "venue", "venue": venue, "action": action} | rest)
    try:
        code, findings = looked(capsys, config)
    finally:
        mock.heal(number)
    assert (code, bad(findings)) == (1, names)
    assert says in " ".join(findings[name]["says"] for name in names)


def test_a_state_dir_that_cannot_be_written(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = config.read_text().replace(f"{config.parent}/state", "/proc/nothing/state")
    config.write_text(text)
    code, findings = looked(capsys, config)
    assert (code, bad(findings)) == (1, {"disk"})
    assert "/proc" in findings["disk"]["says"]


def test_a_disk_without_space_or_too_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(finding.ok for finding in check.of_disk(tmp_path))
    monkeypatch.setattr(check, "LEAST_FREE_BYTES", 1 << 62)
    monkeypatch.setattr(check, "SLOWEST_FSYNC_S", -1.0)
    assert [finding.ok for finding in check.of_disk(tmp_path)] == [False, False]
    assert list(tmp_path.iterdir()) == []


def test_a_state_dir_that_others_may_change(tmp_path: Path) -> None:
    def found(mode: str) -> check.Finding:
        return check.of_access(cast(Config, SimpleNamespace(mode=mode, state_dir=tmp_path)))

    assert found("live").ok
    tmp_path.chmod(0o777)
    assert (found("live").ok, found("live").fix) == (False, f"chmod 700 {tmp_path}")
    assert found("demo").ok
    assert f"others may change {tmp_path}" in found("demo").says


def test_a_configuration_without_keys(
    config: Path, capsys: pytest.CaptureFixture[str], mock: MockExchanges
) -> None:
    secret = mock.line["venues"]["kucoin"]["passphrase"]
    config.write_text(config.read_text().replace(f'passphrase = "{secret}"', ""))
    code, findings = looked(capsys, config)
    assert (code, bad(findings)) == (1, {"keys"})
    assert "venues.kucoin.passphrase is empty" in findings["keys"]["says"]


def test_a_file_that_cannot_be_read_is_bad_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["check", "--config", str(tmp_path / "none.toml")]) == 2
    assert "no such file" in capsys.readouterr().err
    path = tmp_path / "bad.toml"
    path.write_text("mode = 1")
    assert app.run(["check", "--config", str(path)]) == 2


def test_a_demo_is_never_ready_for_money(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, findings = looked(capsys, config, "--live-readiness")
    assert (code, bad(findings)) == (1, {"mode", "stop drilled", "alerts", "watchdog"})
    assert set(findings) > NAMES
    assert findings["alerts"]["says"] == "no alert reaches a person: no sink"
    assert app.run(["check", "--config", str(config), "--live-readiness"]) == 1
    assert capsys.readouterr().out.endswith("\nNO-GO\n")
    assert app.run(["check", "--config", str(config), "--waive", "alerts"]) == 2


def test_a_working_order_of_ours_is_not_reconciled(
    config: Path, mock: MockExchanges, capsys: pytest.CaptureFixture[str]
) -> None:
    params = {"side": "buy", "price": "0.5", "qty": "20", "client_id": "xddemo12-0a"}
    rule = {"channel": "venue", "venue": "binance", "action": "foreign_order", "params": params}
    mock.fault(rule)
    try:
        code, findings = looked(capsys, config, "--live-readiness")
    finally:
        mock.heal()
        mock.fault({"channel": "venue", "venue": "binance", "action": "cancel_orders"})
    assert code == 1
    assert not findings["reconciled"]["ok"]
    assert "xddemo12-0a" in findings["reconciled"]["says"]


# --- the parts of readiness -----------------------------------------------------------------------


def settings(folder: Path, more: str = "") -> Config:
    path = folder / "engine.toml"
    path.write_text(shipped().replace("var/demo", str(folder / "state")) + more)
    return load(path)


def report(config: Config, name: str, content: object) -> None:
    folder = config.state_dir / "drills"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_bytes(orjson.dumps(content))


def test_the_newest_drill_counts_by_its_outcome_and_its_age(tmp_path: Path) -> None:
    now, config = 100 * DAY_NS, settings(tmp_path)
    same = subject(config)
    assert not of_drill(config, 30, now).ok
    passed = same | {"wall_ns": now - 20 * DAY_NS, "passed": True}
    report(config, "2026-01-01T00-00-00Z", passed)
    assert of_drill(config, 30, now).ok
    assert not of_drill(config, 19, now).ok
    report(config, "2026-01-02T00-00-00Z", passed | {"passed": False})
    found = of_drill(config, 30, now)
    assert not found.ok
    assert "FAILED" in found.says
    for number, wrong in enumerate(
        ({"passed": True}, {"wall_ns": "x", "passed": True}, [], {"wall_ns": now, "passed": 1})
    ):
        told = same | wrong if isinstance(wrong, dict) else wrong
        report(config, f"2026-01-03T00-00-0{number}Z", told)
        assert not of_drill(config, 30, now).ok
    report(config, "2026-01-04T00-00-00Z", passed | {"wall_ns": now + DAY_NS})
    assert not of_drill(config, 30, now).ok, "a drill of tomorrow"
    report(config, "2026-01-05T00-00-00Z", passed | {"wall_ns": now})
    assert of_drill(config, 30, now).ok


@pytest.mark.parametrize("name", SUBJECT)
def test_a_drill_holds_for_what_was_drilled_and_nothing_else(tmp_path: Path, name: str) -> None:
    now, config = 100 * DAY_NS, settings(tmp_path)
    passed = subject(config) | {"wall_ns": now, "passed": True}
    report(config, "2026-01-01T00-00-00Z", passed)
    assert of_drill(config, 30, now).ok
    report(config, "2026-01-02T00-00-00Z", passed | {name: "0" * 64})
    found = of_drill(config, 30, now)
    assert not found.ok
    assert found.says.endswith(f", not with the {SUBJECT[name]} that would run now")
    report(config, "2026-01-03T00-00-00Z", {k: v for k, v in passed.items() if k != name})
    assert not of_drill(config, 30, now).ok, "one that cannot name it"


def test_a_limit_that_was_changed_since_wants_another_drill(tmp_path: Path) -> None:
    before = settings(tmp_path)
    report(before, "20260101T000000Z", subject(before) | {"wall_ns": time_ns(), "passed": True})
    assert of_drill(before, 30).ok
    found = of_drill(settings(tmp_path, "\n[watchdog]\nafter_ms = 4000\n"), 30)
    assert not found.ok
    assert "configuration" in found.says


def test_the_latch_and_a_damaged_journal(tmp_path: Path) -> None:
    assert of_latch(tmp_path).ok
    (tmp_path / "halt.json").write_text('{"reason": "a person said so"}')
    assert "a person said so" in of_latch(tmp_path).says
    assert not of_latch(tmp_path).ok
    assert of_journal(tmp_path).ok
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "00000001.journal").write_bytes(b"no journal" * 20)
    assert not of_journal(tmp_path).ok


def test_somebody_watches(tmp_path: Path) -> None:
    config: Any = SimpleNamespace(state_dir=tmp_path, prefix="xddemo", venue_names=("kucoin",))
    found = of_watchdog(config)
    assert (found.ok, found.says) == (False, "no watchdog runs")
    with watching(tmp_path, "xddemo", ("binance", "kucoin")):
        for said, why in (
            (None, "not tried yet"),
            (KeyCheck("refused", time_ns()), "refused"),
            (KeyCheck("", time_ns() - 2 * OLD_NS), "not tried for 60 min"),
        ):
            if said is not None:
                tell_keys(tmp_path, {"kucoin": said})
            found = of_watchdog(config)
            assert (found.ok, why in found.says) == (False, True)
        tell_keys(tmp_path, {"kucoin": KeyCheck("", time_ns())})
        found = of_watchdog(config)
    assert (found.ok, found.says) == (True, f"process {os.getpid()} watches")
    assert not of_watchdog(config).ok


async def test_a_running_engines_own_word(tmp_path: Path) -> None:
    said = {"reconcile": "DONE", "closed_by": ""}
    config: Any = None
    state = {"venues": {"binance": said, "kucoin": said}}
    assert (await readiness.of_books(config, state, ())).ok
    for wrong in ({"reconcile": "ASKING"}, {"closed_by": "VENUE_REDUCING"}):
        state = {"venues": {"binance": said, "kucoin": said | wrong}}
        found = await readiness.of_books(config, state, ())
        assert not found.ok
        assert "kucoin" in found.says


def test_a_live_drill_that_failed_is_no_go_until_one_passes(tmp_path: Path) -> None:
    now, config = 100 * DAY_NS, settings(tmp_path)
    passed = subject(config) | {"wall_ns": now, "passed": True}
    report(config, "20260101T000000Z-live", passed)
    assert "no report" in of_drill(config, 30, now).says, "it is no drill of all cases"
    report(config, "20260102T000000Z", passed)
    assert of_drill(config, 30, now).ok
    report(config, "20260103T000000Z-live", passed | {"passed": False})
    found = of_drill(config, 30, now)
    assert not found.ok
    assert "20260103T000000Z-live.json: FAILED" in found.says
    report(config, "20260104T000000Z-live", passed)
    assert of_drill(config, 30, now).ok


def test_status_tells_a_live_drill_from_one_of_all_cases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(tmp_path)
    words = ["status", "--config", str(tmp_path / "engine.toml")]
    assert cli(words) == 0
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[-1] for line in told if "drill" in line] == ["never", "never"]
    passed = {"wall_ns": DAY_NS, "steps": [{}], "passed": True}
    report(config, "20260101T000000Z", passed | {"passed": False})
    report(config, "20260102T000000Z-live", passed)
    assert cli(words) == 0
    out = capsys.readouterr().out
    assert "\ndrill      1970-01-02 00:00:00.000000 UTC FAILED, 1 steps" in out
    assert "\nlive drill 1970-01-02 00:00:00.000000 UTC passed, 1 steps" in out
