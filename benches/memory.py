"""Resident memory and processor time of a process over a run, and whether the memory grows."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Bytes of a process that are in memory now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def busy(pid: int) -> float:
    """Seconds of processor time that a process has used, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def slope(samples: list[tuple[float, int]]) -> float:
    """Bytes a second of the line of least squares through (seconds, bytes)."""
    times = [time for time, _ in samples]
    sizes = [size for _, size in samples]
    middle, mean = sum(times) / len(times), sum(sizes) / len(sizes)
    spread = sum((time - middle) ** 2 for time in times)
    shared = sum((t - middle) * (s - mean) for t, s in zip(times, sizes, strict=True))
    return shared / spread


async def watch(pid: int, samples: list[tuple[float, int]], every: float = 0.5) -> None:
    """Appends (seconds of the loop's clock, bytes) until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        samples.append((loop.time(), resident(pid)))
        await asyncio.sleep(every)
