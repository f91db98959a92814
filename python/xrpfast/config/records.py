"""`[records]`: journal and ledger."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xrpfast.config.section import Section


class RecordsSection(Section):
    """How records are kept."""

    ledger_commit_ms: Annotated[int, Field(ge=10, le=10_000)] = 250
    """How often the ledger follows the journal; the journal itself is written at once."""
