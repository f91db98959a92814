"""Payloads of START (all that a replay or a rebuild needs beside the events), NOTE and END."""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING

import msgspec

from xrpfast.trading.config import EngineConfig

if TYPE_CHECKING:
    from xrpfast.records.identity import Identity


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of a `kinds.START` record, as JSON."""

    version: str
    """Of xrpfast."""
    environment: str
    deployment: str
    epoch: int
    wall_ns: int
    config: EngineConfig
    """Rules (``books``), limits, strategies and starting balances of this run."""
    config_sha256: str = ""
    """Of the configuration file as it took effect, secrets left out."""
    build_sha256: str = ""
    """Of the package's own files."""
    ceilings_sha256: str = ""
    """Of the file of hard limits; empty: there was none."""


def start_of(config: EngineConfig, identity: Identity) -> Start:
    """As of now."""
    return Start(
        version=identity.version,
        environment=config.environment,
        deployment=config.deployment,
        epoch=config.epoch,
        wall_ns=time_ns(),
        config=config,
        config_sha256=identity.config_sha256,
        build_sha256=identity.build_sha256,
        ceilings_sha256=identity.ceilings_sha256,
    )


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="note", tag="refused"):
    """Payload of a `kinds.NOTE` record: risk let this signal pass by.

    Every one of them, but for a storm of refusals, which is sampled as what is ignored.
    """

    signal_id: int
    reason: str
    count: int = 0
    """Signals refused for this reason so far in this run, this one included; 0: not counted."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of a `kinds.END` record."""

    reason: str = ""
    unsettled: tuple[str, ...] = ()
    """Orders that are not settled."""
    refused: dict[str, int] = {}
    ignored: dict[str, int] = {}
    """Per reason, of the whole run."""


class Ignored(msgspec.Struct, frozen=True, kw_only=True, tag_field="note", tag="ignored"):
    """Payload of a `kinds.NOTE` record: a strategy let this signal pass by.

    A sample: the first of each reason in a minute.
    """

    signal_id: int
    reason: str
    count: int
    """Signals ignored for this reason so far in this run, this one included."""


class Sent(msgspec.Struct, frozen=True, tag_field="note", tag="sent"):
    """Payload of a `kinds.NOTE` record: all orders of one command have left. Monotonic times."""

    signal_id: int
    client_ids: tuple[str, ...]
    recv_ns: int
    """When the frame, or the event, that led to it came."""
    decided_ns: int
    journalled_ns: int
    encoded_ns: int
    sent_ns: int
