"""Live orders need all of it: each condition alone, everything that is missing in one line."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from xrpfast.cli import app
from xrpfast.config.ceilings import LISTS, LOOSER_ABOVE, LOOSER_BELOW, REQUIRED, read_ceilings
from xrpfast.config.loader import parse
from xrpfast.config.private import read_owned, read_secret
from xrpfast.config.risk import RiskSection
from xrpfast.config.root import Config
from xrpfast.errors import UsageError
from xrpfast.net.fuse import Fuse
from xrpfast.net.http import HttpClient
from xrpfast.net.websocket import Connection, connect
from xrpfast.records.identity import Identity
from xrpfast.service.arming import arm

PHRASE = "correct horse battery"
STRATEGY = """
[[strategies]]
kind = "arbitrage"
name = "xrp-arb"
min_edge_bps = "5"
max_qty = "100"
"""
CEILINGS = """
[risk]
max_order_notional = "250"
max_position = "500"
max_orders_per_second = 20
hedge_loss = "2"
"""
CONDITIONS = ("mode", "live", "phrase", "keys", "ceilings")


def private(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def text_of(folder: Path, having: frozenset[str], risk: str = "") -> str:
    """A file with those of the conditions that stand in it."""
    sha256 = hashlib.sha256(PHRASE.encode()).hexdigest()
    ceilings = private(folder / "ceilings.toml", CEILINGS, 0o644)
    key = private(folder / "key.toml", 'api_key = "k"\napi_secret = "s"\npassphrase = "p"\n')
    lines = ['mode = "live"'] if "mode" in having else ['mode = "paper"']
    lines += [f'state_dir = "{folder}/state"', "[engine]", 'deployment = "test"', "[arming]"]
    lines += [f'phrase_sha256 = "{sha256}"']
    lines += [f'ceilings = "{ceilings}"'] if "ceilings" in having else []
    for venue in ("binance", "kucoin"):
        lines += [f"[venues.{venue}]"]
        lines += [f'key_file = "{key}"'] if "keys" in having else []
    return "\n".join([*lines, "[risk]", risk, STRATEGY])


def never() -> NoReturn:
    raise AssertionError("nobody may be asked")


def armed(
    folder: Path,
    having: frozenset[str] = frozenset(CONDITIONS),
    *,
    risk: str = "",
    phrase: str | None = PHRASE,
    ask: Callable[[], str | None] = never,
) -> Identity:
    config = parse(text_of(folder, having, risk), "x.toml")
    file = None if phrase is None else private(folder / "phrase", f"{phrase}\n")
    return arm(config, "x.toml", live="live" in having, phrase=file, ask=ask)


def refusal(folder: Path, **given: object) -> str:
    with pytest.raises(UsageError) as caught:
        armed(folder, **given)  # type: ignore[arg-type]
    line = str(caught.value)
    assert "\n" not in line
    assert PHRASE not in line
    return line


SUBSETS = [
    frozenset(chosen)
    for size in range(len(CONDITIONS))
    for chosen in combinations(CONDITIONS, size)
]
SAID = {
    "live": "--live",
    "phrase": "the arm phrase",
    "keys": "venues.binance.key_file",
    "ceilings": "arming.ceilings",
}


def test_all_five_arm(tmp_path: Path) -> None:
    identity = armed(tmp_path)
    assert identity.armed
    assert identity.ceilings_sha256 == hashlib.sha256(CEILINGS.encode()).hexdigest()


@pytest.mark.parametrize("having", SUBSETS, ids=lambda having: "+".join(sorted(having)) or "none")
def test_every_subset_is_refused_and_names_what_is_missing(
    tmp_path: Path, having: frozenset[str]
) -> None:
    phrase = PHRASE if "phrase" in having else "another phrase"
    line = refusal(tmp_path, having=having, phrase=phrase)
    if "keys" in having and "mode" not in having:
        assert 'mode = "paper" with a key for api.binance.com' in line
        assert 'set mode = "live"' in line
        return
    if "mode" not in having:
        assert 'mode = "paper" takes no --live and no arm phrase' in line
        assert 'set mode = "live"' in line
        return
    for condition in CONDITIONS[1:]:
        assert (SAID[condition] in line) is (condition not in having), condition
    assert 'nothing was started; set mode = "paper" to trade on paper' in line


def test_a_person_is_asked_last_and_only_where_one_can_be(tmp_path: Path) -> None:
    assert armed(tmp_path, phrase=None, ask=lambda: PHRASE).armed
    assert "the arm phrase" in refusal(tmp_path, phrase=None, ask=lambda: "wrong phrase")
    assert "in a terminal" in refusal(tmp_path, phrase=None, ask=lambda: None)
    without = frozenset(CONDITIONS) - {"ceilings"}
    assert "the arm phrase" in refusal(tmp_path, having=without, phrase=None)


def test_a_phrase_that_is_empty_or_short_never_arms(tmp_path: Path) -> None:
    for short in ("", "seven77"):
        text = text_of(tmp_path, frozenset(CONDITIONS)).replace(
            hashlib.sha256(PHRASE.encode()).hexdigest(), hashlib.sha256(short.encode()).hexdigest()
        )
        config = parse(text, "x.toml")
        with pytest.raises(UsageError, match="the arm phrase"):
            arm(config, "x.toml", live=True, phrase=None, ask=lambda short=short: short)


def test_without_a_hash_no_phrase_arms(tmp_path: Path) -> None:
    text = text_of(tmp_path, frozenset(CONDITIONS))
    sha256 = hashlib.sha256(PHRASE.encode()).hexdigest()
    config = parse(text.replace(f'phrase_sha256 = "{sha256}"', ""), "x.toml")
    with pytest.raises(UsageError, match=r"missing: arming\.phrase_sha256;"):
        arm(config, "x.toml", live=True, phrase=None, ask=never)


@pytest.mark.parametrize(
    ("risk", "line"),
    [
        ('max_position = "500.01"', "risk.max_position = 500.01 is above 500"),
        ('max_order_notional = "251"', "risk.max_order_notional = 251 is above 250"),
        ("max_orders_per_second = 21", "risk.max_orders_per_second = 21 is above 20"),
        ('hedge_loss = "2.5"', "risk.hedge_loss = 2.5 is above 2"),
    ],
)
def test_a_limit_above_its_ceiling_does_not_arm(tmp_path: Path, risk: str, line: str) -> None:
    said = refusal(tmp_path, risk=risk)
    assert line in said
    assert "ceilings.toml" in said


def test_every_limit_can_have_a_ceiling_and_each_knows_its_loose_side(tmp_path: Path) -> None:
    sides = LOOSER_ABOVE, LOOSER_BELOW, LISTS
    assert RiskSection.model_fields.keys() == LOOSER_ABOVE | LOOSER_BELOW | LISTS
    assert sum(map(len, sides)) == len(RiskSection.model_fields)
    assert RiskSection.model_fields.keys() >= set(REQUIRED)
    for key in RiskSection.model_fields:
        default = getattr(RiskSection(), key)
        if isinstance(default, dict) or key in LISTS:
            continue
        tight = default / 2 if not isinstance(default, int) else default // 2
        if tight == 0:  # the least there is: what is looser is above the ceiling
            assert key == "max_auth_errors"
            continue
        bound = tight if key in LOOSER_ABOVE else default * 2
        shown = bound if isinstance(default, int) else f'"{bound}"'
        lines = [line for line in CEILINGS.strip().splitlines() if not line.startswith(f"{key} =")]
        path = private(tmp_path / "c.toml", "\n".join([*lines, f"{key} = {shown}"]))
        (only,) = read_ceilings(path).exceeded(RiskSection())
        assert f"risk.{key} = {default} is {'above' if key in LOOSER_ABOVE else 'below'}" in only


@pytest.mark.parametrize("key", sorted(LISTS))
def test_a_list_may_name_no_more_than_its_ceiling(tmp_path: Path, key: str) -> None:
    default = getattr(RiskSection(), key)
    lines = [line for line in CEILINGS.strip().splitlines() if not line.startswith(f"{key} =")]

    def objections(allowed: list[str]) -> list[str]:
        text = "\n".join([*lines, f"{key} = {allowed}"]).replace("'", '"')
        return read_ceilings(private(tmp_path / "c.toml", text)).exceeded(RiskSection())

    if default is None:
        assert "all of this file, which is not in" in objections(["xrp-arb"])[0]
        return
    assert objections(list(default)) == []
    (only,) = objections(list(default[1:]))
    assert f"risk.{key} has {default[0]}, which is not in" in only


def test_an_asset_without_a_ceiling_has_no_dust(tmp_path: Path) -> None:
    text = f'{CEILINGS}drift_dust = {{ XRP = "1" }}\n'
    found = read_ceilings(private(tmp_path / "c.toml", text)).exceeded(RiskSection())
    assert found == [f"risk.drift_dust.USDT = 0.01 is above 0, the most in {tmp_path}/c.toml"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "risk is missing"),
        ("[risk]\n", "a file of ceilings needs max_order_notional, max_position"),
        (CEILINGS.replace("max_position", "max_postion"), "did you mean max_position?"),
        (CEILINGS + "[engine]\n", "unknown key engine"),
        (CEILINGS.replace('"500"', "500"), "write it as text"),
    ],
)
def test_a_file_that_is_not_one_of_ceilings(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(UsageError, match=r"c\.toml") as caught:
        read_ceilings(private(tmp_path / "c.toml", text))
    assert part in str(caught.value)


def test_files_that_others_can_get_at_are_refused(tmp_path: Path) -> None:
    for mode in (0o604, 0o640, 0o620, 0o602, 0o601, 0o777):
        path = private(tmp_path / f"{mode:o}", "text", mode)
        with pytest.raises(UsageError, match="others may get at it: chmod 600"):
            read_secret(path, "key_file")
    assert read_secret(private(tmp_path / "400", "text", 0o400), "key_file") == "text"
    assert read_owned(private(tmp_path / "644", "text", 0o644), "ceilings") == "text"
    for mode in (0o664, 0o646):
        with pytest.raises(UsageError, match="chmod go-w"):
            read_owned(private(tmp_path / f"w{mode:o}", "text", mode), "ceilings")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_refused(tmp_path: Path) -> None:
    path = private(tmp_path / "theirs", "text")
    os.chown(path, 12_345, 12_345)
    with pytest.raises(UsageError, match="belongs to another user"):
        read_secret(path, "key_file")


def test_what_is_no_private_file(tmp_path: Path) -> None:
    for path, part in (
        (tmp_path / "none", "No such file"),
        (tmp_path, "directory"),
        (Path("/dev/null"), "neither a file nor a pipe"),
        (private(tmp_path / "long", "x" * 70_000), "too long"),
    ):
        with pytest.raises(UsageError, match=part):
            read_secret(path, "key_file")
    binary = private(tmp_path / "binary", "")
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_secret(binary, "key_file")


def test_a_descriptor_that_was_handed_over() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"secret text")
    os.close(writer)
    assert read_secret(Path(f"/dev/fd/{reader}"), "key_file") == "secret text"
    os.close(reader)
    with pytest.raises(UsageError, match="Bad file descriptor"):
        read_secret(Path(f"/dev/fd/{reader}"), "key_file")


MISPLACED = "production hosts only"
ADDRESSES = [
    ("binance", "rest_url", "https://testnet.binance.vision", MISPLACED),
    ("binance", "rest_url", "https://127.0.0.1:1", MISPLACED),
    ("binance", "rest_url", "https://api.binance.com@evil.example", MISPLACED),
    ("binance", "rest_url", "https://api.binance.com.evil.example", MISPLACED),
    ("binance", "rest_url", "https://api.kucoin.com", MISPLACED),
    ("binance", "rest_url", "http://api.binance.com", "not encrypted: use https://"),
    ("binance", "stream_url", "ws://stream.binance.com", "not encrypted: use wss://"),
    ("binance", "ws_api_url", "wss://demo-ws-api.binance.com/ws-api/v3", MISPLACED),
    ("kucoin", "order_url", "wss://127.0.0.1/v1/private", MISPLACED),
    ("kucoin", "rest_url", "ftp://api.kucoin.com", "no address of"),
    ("kucoin", "rest_url", "", "no address of"),
]


@pytest.mark.parametrize(("venue", "key", "url", "part"), ADDRESSES)
def test_live_at_another_address_than_production(
    tmp_path: Path, venue: str, key: str, url: str, part: str
) -> None:
    text = text_of(tmp_path, frozenset(CONDITIONS))
    parse(text, "x.toml")
    table = f"[venues.{venue}]"
    with pytest.raises(UsageError) as caught:
        parse(text.replace(table, f'{table}\n{key} = "{url}"'), "x.toml")
    assert part in str(caught.value)


def test_demo_or_paper_with_a_production_host_and_key(tmp_path: Path) -> None:
    text = text_of(tmp_path, frozenset(CONDITIONS))
    for mode, part in (
        ('mode = "demo"', "trades on this machine only"),
        ('mode = "paper"', "with a key for api.binance.com"),
        ("", 'mode = "paper" with a key'),
    ):
        with pytest.raises(UsageError) as caught:
            parse(text.replace('mode = "live"', mode), "x.toml")
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://api.binance.com.", "https://api5.binance.com", "https://127.0.0.1:1"]
)
def test_paper_takes_no_key_whatever_the_host_is_called(tmp_path: Path, url: str) -> None:
    text = text_of(tmp_path, frozenset(CONDITIONS)).replace('mode = "live"', 'mode = "paper"')
    table = "[venues.binance]"
    assert table in text
    with pytest.raises(UsageError, match='mode = "paper" with a key for'):
        parse(text.replace(table, f'{table}\nrest_url = "{url}"'), "x.toml")


@pytest.mark.parametrize("mode", ["demo", "paper", "live"])
def test_nothing_unencrypted_leaves_this_machine(tmp_path: Path, mode: str) -> None:
    text = text_of(tmp_path, frozenset()).replace('mode = "paper"', f'mode = "{mode}"')
    with pytest.raises(UsageError, match=r"http://192\.0\.2\.1 is not encrypted"):
        parse(
            text.replace("[venues.binance]", '[venues.binance]\nrest_url = "http://192.0.2.1"'), "x"
        )


async def test_sockets_refuse_what_is_not_encrypted_whoever_names_the_address() -> None:
    """KuCoin itself names the address of its push sockets."""
    fuse = Fuse("test", lambda *_: None)
    with pytest.raises(UsageError, match="use wss://"):
        await connect(lambda: Connection("test"), "ws://192.0.2.1/")
    with pytest.raises(UsageError, match="use https://"):
        HttpClient("http://192.0.2.1", fuse)
    with pytest.raises(UsageError, match="https or wss"):
        HttpClient("gopher://192.0.2.1", fuse)
    HttpClient("http://127.0.0.1:1", fuse)
    HttpClient("https://192.0.2.1", fuse)


def test_live_takes_no_key_from_the_configuration(tmp_path: Path) -> None:
    text = text_of(tmp_path, frozenset(CONDITIONS) - {"keys"})
    for venue, line in (
        ("binance", 'api_key = "k"'),
        ("binance", 'api_secret = "s"'),
        ("kucoin", 'passphrase = "p"'),
    ):
        table = f"[venues.{venue}]"
        with pytest.raises(UsageError, match=r"takes keys from a key_file alone"):
            parse(text.replace(table, f"{table}\n{line}"), "x.toml")
    both = text_of(tmp_path, frozenset(CONDITIONS))
    with pytest.raises(UsageError, match=r"remove them from \[venues\.kucoin\.watchdog\]"):
        parse(f'{both}\n[venues.kucoin.watchdog]\npassphrase = "p"', "x.toml")
    with pytest.raises(UsageError, match="a key here and a key_file: remove one"):
        parse(both.replace("[venues.binance]", '[venues.binance]\napi_key = "k"'), "x.toml")


def test_the_default_is_paper_and_unarmed() -> None:
    config = Config.model_validate(
        {
            "state_dir": "x",
            "engine": {"deployment": "test"},
            "strategies": [{"kind": "arbitrage", "name": "a", "min_edge_bps": "1", "max_qty": "1"}],
        }
    )
    assert config.mode == "paper"
    assert not arm(config, "x.toml", live=False, phrase=None, ask=never).armed


@pytest.mark.parametrize("mode", ["demo", "paper"])
def test_what_is_not_live_takes_no_live_flag(tmp_path: Path, mode: str) -> None:
    from xrpfast.config.demo import shipped

    config = parse(shipped().replace('mode = "demo"', f'mode = "{mode}"'), "x.toml")
    assert not arm(config, "x.toml", live=False, phrase=None, ask=never).armed
    for given in ({"live": True, "phrase": None}, {"live": False, "phrase": tmp_path / "phrase"}):
        with pytest.raises(UsageError, match="takes no --live"):
            arm(config, "x.toml", ask=never, **given)  # type: ignore[arg-type]


def test_a_hash_is_never_shown_nor_what_stands_in_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = text_of(tmp_path, frozenset(CONDITIONS))
    sha256 = hashlib.sha256(PHRASE.encode()).hexdigest()
    with pytest.raises(UsageError) as caught:
        parse(text.replace(sha256, PHRASE), "x.toml")
    assert "arming.phrase_sha256" in str(caught.value)
    assert PHRASE not in str(caught.value)
    path = tmp_path / "x.toml"
    path.write_text(text)
    assert app.run(["config", "show", "--config", str(path)]) == 0
    assert sha256 not in capsys.readouterr().out


def test_config_phrase_prints_what_arms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def typed(*answers: str) -> None:
        left = list(answers)
        monkeypatch.setattr("getpass.getpass", lambda _: left.pop(0))
        monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))

    typed(PHRASE, PHRASE)
    assert app.run(["config", "phrase"]) == 0
    out = capsys.readouterr().out
    assert out == f'phrase_sha256 = "{hashlib.sha256(PHRASE.encode()).hexdigest()}"\n'
    for answers in ((PHRASE, "correct horse"), ("short", "short")):
        typed(*answers)
        assert app.run(["config", "phrase"]) == 2
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    assert app.run(["config", "phrase"]) == 2
