"""Whether live orders may leave: five conditions, and nothing less than all of them.

`mode = "live"` in the file, `--live` on the command line, the arm phrase, a file of ceilings above
the file's limits, and a key of its own for each venue, which `keys.refuse_unfit` then shows to the
production host. A demo and a paper run need none of it, and take nothing that would arm them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xrpfast.config.ceilings import read_ceilings
from xrpfast.config.private import read_secret
from xrpfast.errors import UsageError
from xrpfast.records.identity import identify

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.records.identity import Identity

SHORTEST: Final = 8
"""A shorter phrase is typed by accident."""


def arm(
    config: Config, name: str, *, live: bool, phrase: Path | None, ask: Callable[[], str | None]
) -> Identity:
    """What may run: a demo, a paper run, live orders. Looks at all conditions that need no venue.

    ``live``: it stands on the command line. ``phrase``: a file that has it; without one ``ask`` a
    person, once nothing else is missing. Raises `UsageError` that names all that is missing.
    """
    if config.mode != "live":
        if live or phrase is not None:
            real = "" if config.mode == "demo" else '; set mode = "live" to trade real money'
            raise UsageError(
                f'{name}: mode = "{config.mode}" takes no --live and no arm phrase{real}'
            )
        return identify(config, armed=False)
    missing, ceilings_sha256 = file_lacks(config)
    if not live:
        missing.append("--live on the command line")
    sha256 = config.arming.phrase_sha256
    if sha256 is not None:
        given = None
        if phrase is not None:
            given = read_secret(phrase, "arm phrase").rstrip("\r\n")
        elif not missing:
            given = ask()
        if given is None:
            missing.append("the arm phrase (in a terminal, or by --arm-phrase FILE)")
        elif not _matches(given, sha256):
            missing.append("the arm phrase (what was given is another)")
    if missing:
        raise UsageError(
            f"{name}: not armed for live trading, missing: {', '.join(missing)}; "
            'nothing was started; set mode = "paper" to trade on paper'
        )
    return identify(config, armed=True, ceilings_sha256=ceilings_sha256)


def file_lacks(config: Config) -> tuple[list[str], str]:
    """What of the conditions a live configuration lacks, and the hash of its file of ceilings.

    Raises `UsageError` when that file cannot be used.
    """
    lacks = [
        f"venues.{venue.name}.key_file"
        for venue in (config.venues.binance, config.venues.kucoin)
        if venue.key_file is None
    ]
    sha256 = ""
    if config.arming.ceilings is None:
        lacks.append("arming.ceilings")
    else:
        ceilings = read_ceilings(config.arming.ceilings)
        sha256 = ceilings.sha256
        above = ceilings.exceeded(config.risk)
        lacks += [f"a limit within its ceiling ({line})" for line in above]
    if config.arming.phrase_sha256 is None:
        lacks.append("arming.phrase_sha256")
    return lacks, sha256


def phrase_hash(phrase: str) -> str:
    """What `arming.phrase_sha256` says of a phrase. Raises `UsageError` for one too short."""
    if len(phrase) < SHORTEST:
        raise UsageError(f"an arm phrase has {SHORTEST} characters or more")
    return hashlib.sha256(phrase.encode()).hexdigest()


def _matches(phrase: str, sha256: str) -> bool:
    return len(phrase) >= SHORTEST and hmac.compare_digest(phrase_hash(phrase), sha256)
