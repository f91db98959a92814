"""A limit that a person sets while the engine runs: read, and held against what is in force."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from xrpfast.config.ceilings import looser
from xrpfast.config.risk import RiskSection
from xrpfast.errors import UsageError
from xrpfast.service.setup import limits
from xrpfast.trading.events import Limit

NOT_SET: Final = frozenset({"approval_ttl_ms", "drift_dust"})
"""Not of what orders are held against: only a restart changes them."""


def changed(risk: RiskSection, key: str, text: str) -> RiskSection:
    """`[risk]` with ``key`` as ``text`` says. Raises `UsageError` for a key that cannot be set, for
    a value that is none, and for one that allows more than what is in force."""
    before: Any = getattr(risk, key, None) if key in RiskSection.model_fields else None
    if not isinstance(before, int | Decimal) or key in NOT_SET:
        known = ", ".join(
            name
            for name in RiskSection.model_fields
            if name not in NOT_SET and isinstance(getattr(risk, name), int | Decimal)
        )
        raise UsageError(f"no limit that can be set is named {key!r}; known: {known}")
    values = {name: getattr(risk, name) for name in RiskSection.model_fields}
    try:
        value = text if isinstance(before, Decimal) else int(text)
        after = RiskSection.model_validate(values | {key: value})
    except ValidationError as error:
        raise UsageError(f"risk.{key} = {text}: {error.errors()[0]['msg']}") from None
    except ValueError:
        raise UsageError(f"risk.{key} = {text}: not a whole number") from None
    found = looser(key, getattr(after, key), before, "what is in force")
    if found:
        raise UsageError(f"{found[0]}: limits get looser by a restart only")
    return after


def differences(before: RiskSection, after: RiskSection) -> tuple[Limit, ...]:
    """What changed, in the units of the engine."""
    old, new = (limits(section, 1, ()) for section in (before, after))
    return tuple(
        Limit(name, getattr(new, name))
        for name in old.__struct_fields__
        if getattr(old, name) != getattr(new, name)
    )
