"""A venue's API key in the file: where it is kept, or for mock venues the key itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_serializer, field_validator, model_validator

from xrpfast.config.section import FilePath, Section


class KeySection(Section):
    """A key of a venue that signs with key and secret."""

    api_key: Annotated[str, Field(repr=False)] = ""
    """For mock venues only."""
    api_secret: SecretStr = SecretStr("")
    """The key's secret; never shown. For mock venues only."""
    key_file: FilePath | None = None
    """Where the key is kept: a TOML file of api_key, api_secret and, for KuCoin, passphrase that
    nobody but its owner may read; /dev/fd/N is a descriptor that was handed over."""

    @field_validator("api_secret", mode="before")
    @classmethod
    def _secret(cls, value: object) -> object:
        return SecretStr(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_place(self) -> KeySection:
        if self.key_file is not None and self.inline_key:
            raise ValueError("a key here and a key_file: remove one")
        return self

    @property
    def inline_key(self) -> bool:
        """Whether a key, or a part of one, stands in this file."""
        return bool(self.api_key or self.api_secret)

    @property
    def has_key(self) -> bool:
        return self.inline_key or self.key_file is not None

    @field_serializer("api_key", when_used="json")
    def _hidden(self, value: str) -> str:
        """`config show` is pasted into chats: a key is shown as little as its secret."""
        return "**********" if value else ""


class PassphraseKeySection(KeySection):
    """A key of a venue that wants a passphrase too."""

    passphrase: SecretStr = SecretStr("")
    """The key's passphrase; never shown. For mock venues only."""

    @property
    def inline_key(self) -> bool:
        return bool(self.api_key or self.api_secret or self.passphrase)

    @field_validator("passphrase", mode="before")
    @classmethod
    def _passphrase(cls, value: object) -> object:
        return SecretStr(value) if isinstance(value, str) else value
