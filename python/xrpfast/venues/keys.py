"""An API key on its way from where it is kept into the native signer."""

from __future__ import annotations

from typing import Final

from xrpfast._core import Signer
from xrpfast.config.key_section import KeySection, PassphraseKeySection
from xrpfast.config.keys import KeyFile, PassphraseKeyFile, read_key
from xrpfast.errors import UsageError

_MISSING: Final = (
    "is empty: set it to that of your key, or name a key_file "
    "(`xrpfast mock` prints the keys of the mock venues)"
)


class Keys:
    """One key: what is public of it, and a signer that keeps the secret to itself."""

    __slots__ = ("api_key", "passphrase", "signer")

    def __init__(self, api_key: str, secret: str, passphrase: str = "") -> None:
        self.api_key = api_key
        self.signer = Signer(bytearray(secret.encode()))
        self.passphrase = self.signer.base64(passphrase) if passphrase else ""
        """As the venue wants it: hashed with the secret."""

    @classmethod
    def of(cls, section: KeySection, place: str) -> Keys:
        """Of a table of the file, which errors call ``place``. Raises `UsageError` when there is no
        key, or its file cannot be used."""
        passphrase = isinstance(section, PassphraseKeySection)
        found: KeySection | KeyFile = section
        if section.key_file is not None:
            found = read_key(PassphraseKeyFile if passphrase else KeyFile, section.key_file)
        else:
            for name in ("api_key", "api_secret", *(["passphrase"] if passphrase else [])):
                if not getattr(section, name):  # an empty text and an empty `SecretStr` alike
                    raise UsageError(f"{place}.{name} {_MISSING}")
        return cls(
            found.api_key,
            found.api_secret.get_secret_value(),
            found.passphrase.get_secret_value()
            if isinstance(found, PassphraseKeySection | PassphraseKeyFile)
            else "",
        )
