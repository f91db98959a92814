"""What exactly ran: hashes of the configuration in effect and of the package's own files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import xrpfast
from xrpfast._core import __version__

if TYPE_CHECKING:
    from xrpfast.config.root import Config

_CODE: Final = frozenset({".py", ".so", ".toml"})


class Identity(NamedTuple):
    """Stands in START and in the engine's state."""

    version: str
    config_sha256: str
    build_sha256: str
    ceilings_sha256: str
    armed: bool


def identify(config: Config, *, armed: bool, ceilings_sha256: str = "") -> Identity:
    """Of this process."""
    return Identity(__version__, config_sha256(config), build_sha256(), ceilings_sha256, armed)


def config_sha256(config: Config) -> str:
    """Of every key with its value, defaults filled in. Secrets count as there or not there: their
    hash would help whoever guesses them."""
    values = config.model_dump(mode="json")
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def build_sha256() -> str:
    """Of the package's sources, native module and shipped files, by name and content."""
    root = Path(xrpfast.__file__).parent
    found = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in _CODE and path.is_file():
            name = path.relative_to(root).as_posix()
            found.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()
