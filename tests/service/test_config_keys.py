"""No key of a configuration is dead: each is read, and each changes what runs or is refused.

Knight Capital lost its money by a flag that meant something else to old code.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from support.service import trading
from xrpfast.cli import place
from xrpfast.config.ceilings import LISTS, LOOSER_ABOVE, LOOSER_BELOW
from xrpfast.config.demo import demo_values, shipped, to_toml
from xrpfast.config.loader import build, parse
from xrpfast.config.root import Config
from xrpfast.config.section import Section
from xrpfast.errors import UsageError
from xrpfast.paper.venues import paper_venues
from xrpfast.records.identity import config_sha256
from xrpfast.service.arming import arm
from xrpfast.service.setup import limits
from xrpfast.service.watchdog import Watchdog
from xrpfast.simulation.server import mock_venues
from xrpfast.venues.cancel_only import cancel_only

Place = tuple[type[Section], str]
NOT_READ_HERE = {
    ("EngineSection", "key_check_s"): "by an armed run alone: test_arming",
    ("KrakenSection", "enabled"): "can only be false",
    ("ArbitrageSection", "kind"): "there is one kind",
}
CEILINGS = """
[risk]
max_order_notional = "250"
max_position = "500"
max_orders_per_second = 50
hedge_loss = "2"
"""


def sections(model: type[Section] = Config, path: tuple[str, ...] = ()) -> Iterator[Any]:
    """(path, model, field name, field) of every key that is no table."""
    for name, field in model.model_fields.items():
        inner = _section(field.annotation)
        if inner is not None:
            yield from sections(inner, (*path, name))
        else:
            yield path, model, name, field


def _section(annotation: Any) -> type[Section] | None:
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, Section):
            return part
    return None


KEYS = list(sections())


@pytest.mark.timeout(90)
async def test_every_key_is_read_by_some_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a run from start to end with its state asked for, by its watchdog, by the venues of paper,
    and by a start that is to be live."""
    seen: set[tuple[str, str]] = set()

    def read(section: Section, name: str) -> Any:
        if name in type(section).model_fields:
            asked_by = sys._getframe(1).f_code.co_filename
            if "/xrpfast/" in asked_by and "/xrpfast/config/" not in asked_by:
                seen.add((type(section).__name__, name))
        return object.__getattribute__(section, name)

    monkeypatch.setattr(Section, "__getattribute__", read)
    async with mock_venues(seed=3) as mock, trading(tmp_path, mock, gc_freeze=True) as run:
        await run.until(lambda: run.placed)
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "control.sock"))
        writer.write(b'{"cmd":"state"}\n')
        assert json.loads(await reader.readline())["identity"]["armed"] is False
        writer.close()
        await run.stop()
        values = demo_values(tmp_path, mock.line)
        for venue, given in mock.line["venues"].items():
            names = ("api_key", "api_secret", "passphrase")
            values["venues"][venue]["watchdog"] = {n: given[n] for n in names if n in given}
        guarded = build(values, "test")
        Watchdog(guarded, cancel_only(guarded, watchdog=True))
        on_paper = demo_values(tmp_path, mock.line) | {"mode": "paper"}
        for venue in mock.line["venues"]:
            for key in ("api_key", "api_secret", "passphrase"):
                on_paper["venues"][venue].pop(key, None)
        async with paper_venues(build(on_paper, "test")):
            pass
    ceilings = tmp_path / "ceilings.toml"
    ceilings.write_text(CEILINGS)
    live = build(
        {
            "mode": "live",
            "state_dir": "x",
            "engine": {"deployment": "test"},
            "arming": {"phrase_sha256": "0" * 64, "ceilings": str(ceilings)},
            "venues": {venue: {"key_file": f"{venue}.key"} for venue in ("binance", "kucoin")},
            "strategies": tomllib.loads(shipped())["strategies"],
        },
        "test",
    )
    with pytest.raises(UsageError):
        arm(live, "test", live=True, phrase=None, ask=lambda: None)
    path = tmp_path / "engine.toml"
    path.write_text(to_toml(demo_values(tmp_path, mock.line)))
    assert place.state_dir(path, None) == tmp_path
    dead = {(model.__name__, name) for _, model, name, _ in KEYS} - seen
    assert dead == set(NOT_READ_HERE)


def told() -> dict[str, Any]:
    """A configuration in which every key stands, with the value that it has anyway."""
    values = tomllib.loads(shipped())
    config = build(values, "test")
    for path, _, name, _ in KEYS:
        table: Any = values
        part: Any = config
        for step in path:
            part = getattr(part, step)
            table = table.setdefault(step, {})
            if isinstance(part, tuple):
                part, table = part[0], table[0]
        value = getattr(part, name)
        if isinstance(value, dict):
            value = {key: str(entry) for key, entry in value.items()}
        if isinstance(value, tuple):
            value = list(value)
        if value is not None and not isinstance(value, SecretStr):
            table[name] = value if isinstance(value, bool | int | dict | list) else str(value)
    return values


def at(values: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    table: Any = values
    for step in path:
        table = table.setdefault(step, {})
        table = table[0] if isinstance(table, list) else table
    return table  # type: ignore[no-any-return]


REFUSED = {
    "venues.kraken.enabled": "not written yet",
    "strategies.kind": "should be 'arbitrage'",
    "strategies.instrument": "should be 'XRP/USDT'",
}
"""Keys of which the demo's file can have no other value, and why."""


def other(name: str, field: FieldInfo, value: Any) -> Any:
    """Another value that the key could have."""
    choices = get_args(field.annotation)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value - 1 if value > 1 else value + 1
    if isinstance(value, dict):
        return value | {"XRP": "0.5"}
    if isinstance(value, list):
        return ["other"] if name == "command" else value[1:]
    if name == "allowed_strategies":
        return ["other"]
    if value is None:
        return 0 if name == "cpu" else "1" * 64
    if choices and value in choices:
        return next((choice for choice in choices if choice != value), "another")
    if field.annotation is Decimal:
        return str(Decimal(value) * 2)
    return {"deployment": "othr", "name": "other"}.get(name, f"{value}1")


@pytest.mark.parametrize(
    ("path", "name", "field"),
    [(path, name, field) for path, _, name, field in KEYS],
    ids=[".".join((*path, name)) for path, _, name, _ in KEYS],
)
def test_each_key_changed_is_refused_or_takes_effect(
    path: tuple[str, ...], name: str, field: FieldInfo
) -> None:
    before = build(told(), "test")
    misspelt = told()
    at(misspelt, path)[f"{name}x"] = at(misspelt, path).pop(name, "x")
    with pytest.raises(UsageError, match=f"{name}x"):
        build(misspelt, "test")
    wrong = told()
    at(wrong, path)[name] = 1.5
    with pytest.raises(UsageError, match=name):
        build(wrong, "test")
    changed = told()
    table = at(changed, path)
    table[name] = other(name, field, table.get(name))
    if ".".join((*path, name)) in REFUSED:
        with pytest.raises(UsageError, match=REFUSED[".".join((*path, name))]):
            build(changed, "test")
        return
    after = build(changed, "test")
    assert config_sha256(after) != config_sha256(before)
    if path == ("risk",) and name != "approval_ttl_ms":  # the gate's own
        assert limits(after.risk, 1, ["a"]) != limits(before.risk, 1, ["a"])
        assert name in LOOSER_ABOVE | LOOSER_BELOW | LISTS


def test_the_hash_is_of_what_takes_effect_not_of_how_it_is_written() -> None:
    written, full = parse(shipped(), "x"), parse(to_toml(told()), "x")
    assert config_sha256(written) == config_sha256(full)


def test_the_hash_tells_nothing_of_a_key() -> None:
    mock = {"venues": {"binance": {"api_key": "k1", "api_secret": "s1"}, "kucoin": {}}}
    one = build(demo_values(Path("x"), mock), "test")
    mock["venues"]["binance"] = {"api_key": "k2", "api_secret": "s2"}
    assert config_sha256(one) == config_sha256(build(demo_values(Path("x"), mock), "test"))
    mock["venues"]["binance"] = {}
    assert config_sha256(one) != config_sha256(build(demo_values(Path("x"), mock), "test"))
