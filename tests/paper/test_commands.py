"""What the commands say in paper mode without an engine. No key is asked for by any of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.paper import paper_file
from xrpfast.cli import app
from xrpfast.config.loader import load
from xrpfast.service.latch import Latch
from xrpfast.simulation.process import mock_exchanges

NOWHERE = {
    "venues": {
        "binance": {
            "rest_url": "http://127.0.0.1:9",
            "stream_url": "ws://127.0.0.1:9",
            "ws_api_url": "ws://127.0.0.1:9",
        },
        "kucoin": {"rest_url": "http://127.0.0.1:9", "order_url": "ws://127.0.0.1:9"},
    }
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Of venues that do not answer: nothing may need them."""
    return paper_file(tmp_path, NOWHERE)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = app.run(words)
    out, err = capsys.readouterr()
    assert err.count("\n") <= 1, err
    return code, out, err


def test_paper_takes_neither_live_nor_a_phrase(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for words in (["--live"], ["--arm-phrase", str(tmp_path / "phrase")]):
        code, out, err = said(capsys, "run", "--config", str(config), *words)
        assert (code, out) == (2, "")
        assert 'mode = "paper" takes no --live and no arm phrase' in err
        assert 'set mode = "live" to trade real money' in err
    assert not (tmp_path / "state").exists()


def test_a_halt_without_an_engine(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = said(capsys, "halt", "--config", str(config), "--reason", "test")
    assert (code, err) == (0, "")
    assert "no engine runs: its paper venues, and every order there, ended with it" in out
    assert Latch(tmp_path / "state").halted() is not None
    code, _, err = said(capsys, "run", "--config", str(config))
    assert code == 3
    assert "trading is halted" in err


@pytest.mark.parametrize(
    "words",
    [
        ["flatten", "--reason", "test", "--max-loss", "1"],
        ["settle", "xptest-1-a", "--reason", "test"],
    ],
    ids=lambda words: words[0],
)
def test_what_needs_an_account_says_that_there_is_none(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    code, out, err = said(capsys, *words, "--config", str(config))
    assert (code, out) == (2, "")
    assert "the paper account ended with its run" in err


def test_it_needs_no_watchdog(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, "watchdog", "--config", str(config))
    assert code == 2
    assert "needs no watchdog" in err


def test_the_venues_take_no_other_option(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, "mock", "--mirror", str(config), "--seed", "1")
    assert code == 2
    assert "--mirror takes no other option" in err


def test_check_looks_at_the_public_ways_without_a_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock_exchanges("--seed", "83") as mock:
        watch = mock.fault({"channel": "rest", "action": "delay", "params": {"ms": 0}})
        config = paper_file(tmp_path, dict(mock.line))
        code, out, _ = said(capsys, "check", "--config", str(config))
        assert code == 0, out
        fired = mock.control("GET", "/rules")["fired"]
    for venue in ("binance", "kucoin"):
        for line in (f"clock {venue}", f"symbol {venue}", f"reach {venue} market socket"):
            assert line in out
    assert "key " not in out
    asked = {each["where"] for each in fired if each["id"] == watch}
    assert asked == {
        "GET /api/v3/time", "GET /api/v3/exchangeInfo", "GET /api/v1/timestamp",
        "GET /api/v2/symbols/XRP-USDT", "POST /api/v1/bullet-public",
    }  # fmt: skip
    code, out, _ = said(capsys, "check", "--config", str(config))
    assert code == 1
    assert "NOT OK  reach kucoin REST" in out
    assert load(config).mode == "paper"
