"""`[engine]`: the process itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xrpfast.config.section import Section


class EngineSection(Section):
    """How the engine process runs."""

    deployment: Annotated[str, Field(pattern=r"^[0-9a-zA-Z]{4}$")]
    """Four characters that mark this deployment's orders at the venues. No default: two engines of
    one name on one account would take each other's orders for their own."""
    spin: bool = False
    """Poll instead of sleeping: a core at 100 % for about 40 µs less per tick."""
    cpu: Annotated[int, Field(ge=0)] | None = None
    """Pin the process to this core."""
    max_loop_gap_ms: Annotated[int, Field(gt=0)] = 50
    """After a longer stall nothing is decided until the market sockets have been drained."""
    gc_freeze: bool = True
    """Freeze what lives after warm-up, so that garbage collection never walks it."""
    order_timeout_ms: Annotated[int, Field(gt=0)] = 2_000
    """An order without any word for so long becomes UNKNOWN."""
    reconcile_s: Annotated[int, Field(gt=0)] = 60
    """Orders, fills and balances are compared with each venue every so many seconds, beside after
    every reconnect."""
    key_check_s: Annotated[int, Field(gt=0, le=86_400)] = 86_400
    """Live: every so many seconds each venue is asked again what the key may do; a right to move
    money away halts."""
