"""What a drill found, for people and for `check --live-readiness`."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from xrpfast.config.ceilings import read_ceilings
from xrpfast.errors import FailedError
from xrpfast.records.identity import identify
from xrpfast.service.receipts import write_receipt

if TYPE_CHECKING:
    from xrpfast.config.root import Config

FIRST_CANCEL_MS: Final = 5_000.0
"""From the command's first line to the first cancel that left."""
VERIFIED_MS: Final = 45_000.0
"""Above the longest time in which a request that was lost can still become an order."""
LIVE: Final = "-live"
"""In the names of reports of drills at the real venues."""
SUBJECT: Final = {
    "config_sha256": "configuration",
    "build_sha256": "build",
    "ceilings_sha256": "ceilings",
}
"""What a pass holds for, as a report names it, and a person."""


class Step(msgspec.Struct, kw_only=True):
    """One case, and what came of it. Times of a stop count from when it was asked for."""

    name: str
    says: str
    passed: bool = False
    problems: list[str] = []
    by: str = ""
    """Who cancelled."""
    cancelled: int = 0
    first_cancel_ms: float | None = None
    verified_ms: float | None = None
    engine_exit: int | None = None
    orders_before: int = 0
    """Those of the engine that the venues took while it traded freely, in ``before_s``."""
    before_s: float = 0.0
    orders_after: int = 0
    """Those that they took after the halt, in ``after_s``, on the same market."""
    after_s: float = 0.0
    refused: int = 0
    """Decisions to trade that the engine made after the halt, and that the latch refused."""
    flattened: str = ""
    """How `flatten` ended, for each instrument."""
    orders_resumed: int | None = None
    """Orders of the run that began after `resume`; None: the case has none."""
    orders: list[str] = []
    """At the real venues: what was sent, and how it ended."""
    left_halted: bool = False
    """Its halt stands: a person has to look, and to resume."""


class Report(msgspec.Struct, kw_only=True):
    """A whole drill."""

    wall_ns: int
    version: str
    against: str
    config_sha256: str
    build_sha256: str
    ceilings_sha256: str
    """Empty without a file of ceilings."""
    limits: str
    """When a case has passed, in words."""
    steps: list[Step]
    passed: bool = False

    def page(self) -> str:
        """As Markdown."""
        when = datetime.fromtimestamp(self.wall_ns // 1_000_000_000, UTC)
        lines = [
            f"# Stop drill of {when:%Y-%m-%d %H:%M:%S} UTC: {verdict(self.passed)}",
            "",
            f"xrpfast {self.version}, against {self.against}. {self.limits}",
            "",
            f"Configuration {self.config_sha256}, build {self.build_sha256}, ceilings "
            f"{self.ceilings_sha256 or 'none'}: with others the drill is to be done anew.",
            "",
            "| case | result | cancelled by | orders | first cancel | verified empty "
            "| orders before | after | refused | after resume |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        lines += [_row(step) for step in self.steps]
        orders = [f"- {order}" for step in self.steps for order in step.orders]
        closed = [f"- {step.says}: {step.flattened}" for step in self.steps if step.flattened]
        problems = [f"- {step.says}: {problem}" for step in self.steps for problem in step.problems]
        if any(step.left_halted for step in self.steps):
            problems.append("- The halt stands: look, then `resume`.")
        for title, found in (("Orders", orders), ("flatten", closed), ("Problems", problems)):
            lines += ["", f"## {title}", "", *found] if found else []
        return "\n".join([*lines, ""])


def _row(step: Step) -> str:
    resumed = "-" if step.orders_resumed is None else str(step.orders_resumed)
    cells = (
        step.says, verdict(step.passed), step.by, str(step.cancelled), ms(step.first_cancel_ms),
        ms(step.verified_ms), f"{step.orders_before} in {step.before_s:.1f} s",
        f"{step.orders_after} in {step.after_s:.1f} s", str(step.refused), resumed,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def verdict(passed: bool) -> str:
    return "passed" if passed else "FAILED"


def ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def subject(config: Config) -> dict[str, str]:
    """What is drilled, and what would run: the hashes that a report names.

    Raises `UsageError` when the file of ceilings cannot be used.
    """
    path = config.arming.ceilings
    ceilings = "" if path is None else read_ceilings(path).sha256
    found = identify(config, armed=False, ceilings_sha256=ceilings)
    return {name: getattr(found, name) for name in SUBJECT}


def folder_of(config: Config) -> Path:
    """Where reports lie, made if need be. Raises `FailedError`."""
    folder = config.state_dir / "drills"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FailedError(f"{folder}: {error.strerror}") from error
    return folder


def stem(wall_ns: int) -> str:
    """A report's name: UTC time, so that the newest is the last by name."""
    return datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")


def keep(folder: Path, report: Report, kind: str = "") -> Path:
    """Writes both files; the JSON one. Raises `FailedError`."""
    path = folder / f"{stem(report.wall_ns)}{kind}.json"
    try:
        path.with_suffix(".md").write_text(report.page(), encoding="utf-8")
        write_receipt(path, msgspec.json.encode(report))
    except OSError as error:
        raise FailedError(f"{path}: {error.strerror}") from error
    return path


def keep_logs(work: Path, folder: Path) -> None:
    """What a case that failed left: its logs and records, not the mock's keys."""
    hidden = shutil.ignore_patterns("*.sock", "engine.toml")
    with suppress(OSError, shutil.Error):
        shutil.copytree(work, folder, ignore=hidden)
