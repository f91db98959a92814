"""Keys from files: what is wrong is said without a word of what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from xrpfast.config.venues import BinanceSection, KucoinSection
from xrpfast.errors import UsageError
from xrpfast.venues.keys import Keys

GOOD = 'api_key = "hunter-key"\napi_secret = "hunter-secret"\npassphrase = "hunter-phrase"\n'


def file(folder: Path, text: str) -> Path:
    path = folder / "venue.key"
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def test_a_file_and_the_configuration_make_the_same_key(tmp_path: Path) -> None:
    given = {"api_key": "hunter-key", "api_secret": "hunter-secret", "passphrase": "hunter-phrase"}
    inline = Keys.of(KucoinSection.model_validate(given), "venues.kucoin")
    kept = Keys.of(KucoinSection(key_file=file(tmp_path, GOOD)), "venues.kucoin")
    assert kept.api_key == inline.api_key == "hunter-key"
    assert kept.signer.hex("x") == inline.signer.hex("x")
    assert kept.passphrase == inline.passphrase == inline.signer.base64("hunter-phrase")
    assert "hunter" not in repr(kept)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is missing"),
        ('api_key = "hunter-key"\n', "api_secret is missing"),
        ('api_key = "hunter-key"\napi_secret = ""\npassphrase = "p"\n', "api_secret: is empty"),
        (GOOD + 'note = "x"\n', "unknown key note"),
        (GOOD.replace('"hunter-secret"', "17"), "api_secret"),
        (GOOD.replace('"hunter-secret"', "hunter-secret"), "not valid TOML"),
        (GOOD.replace("passphrase", "pass_phrase"), "did you mean passphrase?"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(UsageError) as caught:
        Keys.of(KucoinSection(key_file=file(tmp_path, text)), "venues.kucoin")
    line = str(caught.value)
    assert part in line
    assert str(tmp_path / "venue.key") in line
    assert "hunter" not in line
    assert "17" not in line.replace(str(tmp_path), "")


def test_a_passphrase_where_none_belongs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown key passphrase"):
        Keys.of(BinanceSection(key_file=file(tmp_path, GOOD)), "venues.binance")
    assert Keys.of(BinanceSection(api_key="k", api_secret="s"), "v").passphrase == ""  # type: ignore[arg-type]
