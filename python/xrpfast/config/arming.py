"""`[arming]`: what live orders need beside `mode = "live"`, `--live` and keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_serializer

from xrpfast.config.section import FilePath, Section


class ArmingSection(Section):
    """Live orders leave only when all of it is there: see the runbook."""

    phrase_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the phrase that a person types to arm; `config phrase` prints it. The phrase
    itself stands in no file of the engine."""
    ceilings: FilePath | None = None
    """The file of hard limits that this file's limits may not exceed, kept by somebody else."""

    @field_serializer("phrase_sha256", when_used="json")
    def _hidden(self, value: str | None) -> str | None:
        """`config show` is pasted into chats, and a phrase can be guessed from its hash."""
        return "**********" if value else value
