"""The demo's configuration: the shipped file with the mock venues' addresses and keys put in."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from xrpfast.config.loader import build


def shipped() -> str:
    """Text of the shipped demo configuration (`config/demo.toml`)."""
    return files("xrpfast.config").joinpath("demo.toml").read_text(encoding="utf-8")


def demo_values(state_dir: Path, mock: dict[str, Any]) -> dict[str, Any]:
    """The shipped values with ``mock``'s URLs and keys (the first line that `mock` prints)."""
    values = tomllib.loads(shipped())
    values["state_dir"] = str(state_dir)
    for venue, given in mock["venues"].items():
        values["venues"][venue].update(given)
    return values


def write_config(state_dir: Path, mock: dict[str, Any]) -> Path:
    """Writes the engine's configuration into ``state_dir``, for its owner only."""
    values = demo_values(state_dir, mock)
    path = state_dir / "engine.toml"
    build(values, str(path))
    path.touch(mode=0o600)
    path.write_text(to_toml(values), encoding="utf-8")
    return path


def to_toml(values: dict[str, Any], prefix: str = "") -> str:
    """TOML of nested tables of texts, whole numbers, booleans, lists of them and of tables."""
    lines = [
        f"{key} = {_plain(value)}"
        for key, value in values.items()
        if not isinstance(value, dict) and not _tables(value)
    ]
    text = "\n".join(lines) + "\n"
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            text += f"\n[{name}]\n{to_toml(value, name + '.')}"
        elif _tables(value):
            for item in value:
                text += f"\n[[{name}]]\n{to_toml(item, name + '.')}"
    return text


def _tables(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _plain(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
