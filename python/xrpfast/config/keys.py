"""The file that an API key is kept in, apart from the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field, SecretStr

from xrpfast.config.loader import parse_as
from xrpfast.config.private import read_secret
from xrpfast.config.section import Section


def _secret(value: object) -> object:
    if isinstance(value, str) and not value:
        raise ValueError("is empty")
    return SecretStr(value) if isinstance(value, str) else value


Secret = Annotated[SecretStr, BeforeValidator(_secret)]


class KeyFile(Section):
    """A key of a venue that signs with key and secret."""

    api_key: Annotated[str, Field(min_length=1, repr=False)]
    api_secret: Secret


class PassphraseKeyFile(KeyFile):
    """A key of a venue that wants a passphrase too."""

    passphrase: Secret


File = TypeVar("File", bound=KeyFile)


def read_key(model: type[File], path: Path) -> File:
    """The key in ``path``. Raises `UsageError` for a file that others may read, or of another
    shape; it shows nothing of what is in it."""
    return parse_as(model, read_secret(path, "key_file"), f"key_file {path}")
