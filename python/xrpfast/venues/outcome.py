"""What an error of a venue means for the call that failed: one enum for every venue's table."""

from __future__ import annotations

from enum import StrEnum

from xrpfast.errors import XrpfastError


class Outcome(StrEnum):
    """Outcome classes (DESIGN: venues)."""

    OK = "ok"
    RETRY_BACKOFF = "retry_backoff"
    """Definitely not done; wait."""
    RETRY_AFTER_TIME_SYNC = "retry_after_time_sync"
    """Definitely not done; our clock is off."""
    NEVER_RETRY = "never_retry"
    """Definitely refused."""
    UNKNOWN_RECONCILE = "unknown_reconcile"
    """May have happened: only a query tells."""
    AUTH_HALT = "auth_halt"
    """Credentials, ban or closed market: nothing more goes to this venue until a person looked."""


class VenueError(XrpfastError):
    """A venue refused a request: its code, its text, and what that means."""

    def __init__(self, venue: str, what: str, code: str, text: str, outcome: Outcome) -> None:
        super().__init__(f"{venue} refused {what}: {code} {text}".rstrip())
        self.venue = venue
        self.code = code
        self.text = text
        self.outcome = outcome

    def of_key(self, *, left_alone: bool) -> bool:
        """Whether our credentials are refused. ``left_alone``: the venue wants a pause, which it
        may say in the same words."""
        return self.outcome is Outcome.AUTH_HALT and not left_alone
