"""Kinds of journal records. Payloads are JSON; numbers are never reused."""

from __future__ import annotations

from typing import Final

START: Final = 1
"""One engine run begins: version, epoch, rules, the config that decides, starting balances."""
EVENT: Final = 2
"""One input of `Engine.process`, in processing order."""
COMMAND: Final = 3
"""One command of the engine, on disk before it is carried out."""
NOTE: Final = 4
"""For people: `start.Refused`, `start.Ignored`, `start.Sent`. Nothing is decided from it.

A JSON object whose ``note`` names it; the ledger takes ``refused`` and ``ignored``.
"""
END: Final = 5
"""The run ended on purpose."""
RECOVERY: Final = 6
"""An event as `EVENT` has it, told before the run's START: what became of orders of earlier runs.

The ledger takes it like any event; no engine processed it, so a rerun leaves it out.
"""
