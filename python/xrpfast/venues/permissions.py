"""What an API key may do by its venue's own word, and what of that no live order is sent with."""

from __future__ import annotations

from typing import NamedTuple


class Objection(NamedTuple):
    """One thing about a key that has to change before it may trade."""

    field: str
    """As the venue names it."""
    says: str
    """What the venue answers there."""
    fix: str
    """What to do at the venue's page of API keys."""

    def __str__(self) -> str:
        return f"{self.field} is {self.says}: {self.fix}"


class Permissions(NamedTuple):
    """The venue's answer about the key that asked."""

    told: dict[str, str]
    """The rights by the venue's names; nothing of the key itself."""
    objections: tuple[Objection, ...]
    """None of them: the key may trade, and do nothing worse."""
