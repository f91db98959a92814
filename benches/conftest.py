"""Fixtures and checks of the measurements."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def filesystem_of(path: Path) -> str:
    """Type of the file system that holds ``path``, from the kernel's mount table."""
    best, kind = "", "unknown"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, fs, *_ = line.split(" ")
        inside = str(path) == mount or str(path).startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fs
    return kind


@pytest.fixture
def disk_dir() -> Iterator[Path]:
    """A directory on a real disk: a journal in memory would flatter every number."""
    path = Path(tempfile.mkdtemp(prefix=".bench-", dir=Path.cwd()))
    assert filesystem_of(path.resolve()) not in {"tmpfs", "ramfs"}, f"{path} is in memory"
    yield path
    shutil.rmtree(path)
