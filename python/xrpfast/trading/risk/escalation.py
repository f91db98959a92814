"""A limit that does not hold (25): entries end, what is open is closed, then its scope is halted.

REDUCING first, because a halt hedges nothing; HALTED once nothing is left to close, or when the
time for it is over. A breach that ends by itself, a mark that was missing, stays REDUCING.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrpfast.trading.commands import Alert, AnyCommand, Halt, Reduce

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xrpfast.trading.risk.limits import RiskLimits
    from xrpfast.trading.risk.losses import Breach


class Escalation:
    """Scopes that a breach has closed, and since when."""

    def __init__(self, limits: RiskLimits) -> None:
        self._limits = limits
        self._since_ns: dict[str, int] = {}
        self._halted: set[str] = set()

    def take(
        self, breaches: Iterable[Breach], quiet: bool, now_ns: int, out: list[AnyCommand]
    ) -> None:
        """Acts on the breaches of this moment; ``quiet``: nothing is unsettled or being closed."""
        limits = self._limits
        grace_ns = max(limits.hedge_time_ns, limits.ack_timeout_ns) + limits.mark_ns
        for scope, reason in breaches:
            if scope in self._halted:
                continue
            since_ns = self._since_ns.get(scope)
            if since_ns is None:
                self._since_ns[scope] = now_ns
                out.append(Reduce(scope, reason))
                text = f"{scope}: {reason}: no entries until a person resumes"
                out.append(Alert("critical", text))
            elif quiet or now_ns - since_ns >= grace_ns:
                self._halted.add(scope)
                out.append(Halt(scope, reason))

    def resumed(self, scope: str) -> None:
        self._since_ns.pop(scope, None)
        self._halted.discard(scope)
