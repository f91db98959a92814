"""Resident memory and processor time of a process over a run, and whether the memory grows."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from statistics import median

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Bytes of a process that are in memory now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def busy(pid: int) -> float:
    """Seconds of processor time that a process has used, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def growth(samples: list[tuple[float, int]]) -> float:
    """Bytes a second from the middle of the first third of (seconds, bytes) to that of the last,
    each by its median: a machine that stalls fills buffers for a while, which is no growth."""
    third = len(samples) // 3
    first, last = samples[:third], samples[-third:]
    grown = median(size for _, size in last) - median(size for _, size in first)
    return grown / (median(time for time, _ in last) - median(time for time, _ in first))


async def watch(pid: int, samples: list[tuple[float, int]], every: float = 0.5) -> None:
    """Appends (seconds of the loop's clock, bytes) until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        samples.append((loop.time(), resident(pid)))
        await asyncio.sleep(every)
