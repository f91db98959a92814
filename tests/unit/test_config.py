"""Configuration files: what is shipped loads, and everything wrong is one line with the way out."""

from __future__ import annotations

import stat
from decimal import Decimal
from pathlib import Path

import pytest

from xrpfast.config import load, strategies
from xrpfast.config.ceilings import Ceilings, CeilingsFile
from xrpfast.config.demo import shipped, write_config
from xrpfast.config.loader import parse, parse_as
from xrpfast.config.reference import reference
from xrpfast.errors import UsageError
from xrpfast.trading.risk.state import HEDGE

SHIPPED = shipped()
ROOT = Path(__file__).parents[2]


def refusal(old: str, new: str) -> str:
    """The line that the shipped file draws with one text replaced."""
    assert old in SHIPPED, f"the shipped file has no {old!r}"
    with pytest.raises(UsageError) as caught:
        parse(SHIPPED.replace(old, new, 1), "x.toml")
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("x.toml: ")
    return line.removeprefix("x.toml: ")


FILES = sorted({*(ROOT / "config").glob("*.toml")} - {ROOT / "config" / "ceilings.toml"})


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_every_shipped_file_loads(file: Path) -> None:
    config = load(file)
    assert config.mode == {"live.toml": "live", "paper.toml": "paper"}.get(file.name, "demo")
    assert config.strategies[0].instrument == "XRP/USDT"
    assert not config.venues.kraken.enabled


def test_the_shipped_live_file_is_within_the_shipped_ceilings_and_arms_nobody() -> None:
    config = load(ROOT / "config" / "live.toml")
    assert config.arming.phrase_sha256 is None
    text = (ROOT / "config" / "ceilings.toml").read_text()
    risk = parse_as(CeilingsFile, text, "ceilings.toml").risk
    assert Ceilings(Path("ceilings.toml"), "", risk).exceeded(config.risk) == []


def test_decimals_are_exact() -> None:
    config = parse(SHIPPED.replace('min_edge_bps = "', 'min_edge_bps = "0.1', 1), "x.toml")
    edge = config.strategies[0].min_edge_bps
    assert isinstance(edge, Decimal)
    assert str(edge).startswith("0.1")


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("max_position", "max_postion", ["risk.max_postion", "did you mean max_position?"]),
        ("[engine]", "[egine]", ["egine", "did you mean engine?"]),
        ("[venues.kucoin]", "[venues.kucon]", ["unknown venue venues.kucon", "kucoin"]),
        ("[venues.kucoin]", "[venues.bitfinex]", ["unknown venue", "known: binance"]),
        ("cooldown_ms", "colour", ["unknown key strategies[0].colour", "known: cooldown_ms"]),
        ('max_position = "500"', "max_position = 500.0", ["risk.max_position", "as text"]),
        ('max_position = "500"', 'max_position = "-1"', ["risk.max_position", "above zero"]),
        ('max_position = "500"', 'max_position = "NaN"', ["risk.max_position"]),
        ('max_position = "500"', 'max_position = "lots"', ["risk.max_position", "decimal"]),
        ("spin = false", 'spin = "no"', ["engine.spin", "boolean", "'no'"]),
        ('deployment = "demo"', 'deployment = "toolong"', ["engine.deployment"]),
        ('deployment = "demo"\n', "", ["engine.deployment is missing"]),
        ('mode = "demo"', 'mode = "prod"', ["mode", "'demo', 'paper' or 'live'"]),
        ('"XRP/USDT"', '"XRPUSDT"', ["strategies[0].instrument", "'XRP/USDT'"]),
        ('name = "xrp-arb"', 'name = "hedge"', ["strategies[0].name", "hedges", "rename"]),
        ('max_position = "500"', "collar_breaches = 10001", ["risk.collar_breaches", "10000"]),
        (
            'max_position = "500"',
            "max_cancels_per_second = 10001",
            ["risk.max_cancels_per_second", "10000"],
        ),
        (
            'max_position = "500"',
            "max_losses_in_window = 10001",
            ["risk.max_losses_in_window", "10000"],
        ),
        ('kind = "arbitrage"', 'kind = "grid"', ["strategies[0].kind", "'arbitrage'"]),
        ('kind = "arbitrage"\n', "", ["strategies[0].kind is missing"]),
        ("[engine]", "[venues.kraken]\nenabled = true\n[engine]", ["Kraken is not written yet"]),
        ("http://127.0.0.1:18080", "https://api.binance.com", ["this machine only"]),
        ('mode = "demo"', 'mode = "demo', ["not valid TOML", "line 3"]),
        ('mode = "demo"', 'mode = "demo"\nmode = "demo"', ["not valid TOML", "line 4"]),
    ],
)
def test_wrong_file_is_one_line_with_the_way_out(old: str, new: str, parts: list[str]) -> None:
    line = refusal(old, new)
    for part in parts:
        assert part in line


def test_the_name_that_is_refused_is_that_of_hedges() -> None:
    assert strategies.HEDGE == HEDGE


def test_two_strategies_of_one_name() -> None:
    strategy = SHIPPED[SHIPPED.index("[[strategies]]") :]
    with pytest.raises(UsageError, match="two strategies are named 'xrp-arb'"):
        parse(SHIPPED + "\n" + strategy, "x.toml")


def test_a_secret_of_the_wrong_type_is_not_shown() -> None:
    line = refusal("recv_window_ms = 2000", "api_secret = 8675309")
    assert "venues.binance.api_secret" in line
    assert "8675309" not in line


def test_secrets_are_hidden_in_repr_and_dumps() -> None:
    text = SHIPPED.replace("recv_window_ms = 2000", 'api_secret = "hunter2-binance"', 1)
    config = parse(text, "x.toml")
    assert config.venues.binance.api_secret.get_secret_value() == "hunter2-binance"
    assert "hunter2" not in repr(config) + str(config) + config.model_dump_json()


def test_a_key_is_hidden_in_repr_and_shown_configuration() -> None:
    text = SHIPPED.replace("recv_window_ms = 2000", 'api_key = "hunter2-key"', 1)
    config = parse(text, "x.toml")
    assert config.venues.binance.api_key == "hunter2-key"
    shown = config.model_dump_json()
    assert "hunter2" not in repr(config) + str(config) + shown
    assert '"api_key":"**********"' in shown


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: no such file; .*config init"):
        load(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        load(binary)


def test_demo_file_carries_the_mock_venues_addresses_and_keys(tmp_path: Path) -> None:
    given = {
        "binance": {
            "rest_url": "http://127.0.0.1:1",
            "stream_url": "ws://127.0.0.1:2",
            "ws_api_url": "ws://127.0.0.1:2/ws-api/v3",
            "api_key": 'quote"and\\backslash',
            "api_secret": "s1",
        },
        "kucoin": {
            "rest_url": "http://127.0.0.1:3",
            "order_url": "ws://127.0.0.1:4/v1/private",
            "api_key": "k2",
            "api_secret": "s2",
            "passphrase": "p2",
        },
    }
    path = write_config(tmp_path, {"venues": given, "control_url": "http://127.0.0.1:5"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    config = load(path)
    assert config.state_dir == tmp_path
    assert config.venues.binance.api_key == 'quote"and\\backslash'
    assert config.venues.binance.rest_url == "http://127.0.0.1:1"
    assert config.venues.kucoin.passphrase.get_secret_value() == "p2"
    assert config.strategies == parse(SHIPPED, "x.toml").strategies


def test_reference_page_is_what_the_models_say() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == reference(), "run: make docs"
    for key in ("max_position", "recv_window_ms", "[[strategies]]", "[venues.kucoin]"):
        assert key in reference()
