"""What a live start needs, for an engine that meets `production`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time_ns

from support.production import Production
from xrpfast.service.watchdog_keys import KeyCheck, tell_keys
from xrpfast.service.watchdog_lock import watching

PHRASE = "the owner agrees to this"
CONDITIONS = ("mode", "live", "phrase", "key", "ceilings")
ALL = frozenset(CONDITIONS)
PREFIX = "xllive"
"""Of its client order ids."""
VENUES = ("binance", "kucoin")
CEILINGS = """
[risk]
max_order_notional = "250"
max_position = "500"
max_orders_per_second = 50
hedge_loss = "2"
"""


def private(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    return path


@contextmanager
def watchdog(state_dir: Path, prefix: str = PREFIX) -> Iterator[None]:
    """This process is one, with good keys."""
    with watching(state_dir, prefix, VENUES):
        tell_keys(state_dir, {venue: KeyCheck("", time_ns()) for venue in VENUES})
        yield


def configure(
    folder: Path, venues: Production, having: frozenset[str] = ALL, engine: str = ""
) -> list[str]:
    """The words of a start that has these conditions; its files lie in ``folder``."""
    folder.mkdir(exist_ok=True)
    ceilings = private(folder / "ceilings.toml", CEILINGS)
    lines = [
        'mode = "live"' if "mode" in having else 'mode = "paper"',
        f'state_dir = "{folder}/state"',
        "[engine]",
        'deployment = "live"',
        engine,
        "[arming]",
        f'phrase_sha256 = "{hashlib.sha256(PHRASE.encode()).hexdigest()}"',
        f'ceilings = "{ceilings}"' if "ceilings" in having else "",
        "[risk]",
        "max_signal_age_ms = 1000",
        "approval_ttl_ms = 1000",
        "[[strategies]]",
        'kind = "arbitrage"',
        'name = "xrp-arb"',
        'min_edge_bps = "1"',
        'max_qty = "50"',
    ]
    for venue in VENUES:
        lines += [f"[venues.{venue}]", f'key_file = "{venues.key_file(folder, venue)}"']
    (folder / "engine.toml").write_text("\n".join(lines))
    phrase = private(folder / "phrase", PHRASE if "phrase" in having else "something else")
    return [*(["--live"] if "live" in having else []), "--arm-phrase", str(phrase)]
