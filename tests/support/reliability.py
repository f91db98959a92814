"""Numbers of a run for `docs/reliability.md`, kept only when asked for (`make docs`)."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "measured" / "reliability"


def write_numbers(part: str, numbers: dict[str, Any]) -> None:
    """One JSON file a part, with the date and the commit of the run."""
    if not os.environ.get("XRPFAST_WRITE_NUMBERS"):
        return
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    ).stdout.strip()
    record = {"date": datetime.now(UTC).date().isoformat(), "commit": commit, **numbers}
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{part}.json").write_bytes(
        orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
