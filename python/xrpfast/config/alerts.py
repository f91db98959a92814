"""`[alerts]`: how a person hears of what happened."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, field_validator

from xrpfast.config.section import FilePath, Section


def _argv(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class AlertsSection(Section):
    """Where the watchdog sends alerts. Without a sink they stand in the log and in a file alone."""

    webhook_url_file: FilePath | None = None
    """A file that nobody but its owner may read, with the https:// URL of a webhook of Discord or
    Slack, or of any that takes their JSON; /dev/fd/N is a descriptor that was handed over."""
    command: Annotated[tuple[str, ...], BeforeValidator(_argv)] = ()
    """A program and its arguments, which gets the text on its standard input: mail, a pager. No
    secret belongs into the arguments: everybody may see them."""
    min_level: Literal["info", "warning", "critical"] = "warning"
    """What is below it is not sent."""

    @field_validator("webhook_url_file", mode="before")
    @classmethod
    def _no_url(cls, value: object) -> object:
        """A webhook's URL is a secret: no error may show one that was written here."""
        if isinstance(value, str) and "://" in value:
            raise ValueError("write the path of a private file that holds the URL, not the URL")
        return value

    @field_validator("command")
    @classmethod
    def _program(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value and not value[0].strip():
            raise ValueError("the first entry is the program")
        return value
