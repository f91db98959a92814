"""What was done to stop: one JSON file each in `receipts/` of the state directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec


def receipt_path(state_dir: Path, wall_ns: int, who: str) -> Path:
    """Where it goes. Raises ``OSError`` when there can be no folder for it."""
    folder = state_dir / "receipts"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{wall_ns}-{who}.json"


def write_receipt(path: Path, receipt: bytes) -> None:
    """Writes or replaces it (JSON), whole and for good. Raises ``OSError``."""
    data = msgspec.json.format(receipt, indent=1) + b"\n"
    new = path.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        while data:
            data = data[os.write(fd, data) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    new.rename(path)


def last_receipt(state_dir: Path, who: str) -> dict[str, Any] | None:
    """The newest one of this author; None when there is none that can be read."""
    paths = sorted((state_dir / "receipts").glob(f"*-{who}.json"))
    try:
        found = msgspec.json.decode(paths[-1].read_bytes()) if paths else None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None
