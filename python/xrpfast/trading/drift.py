"""What a venue says of our balances against what we booked, and what a difference means.

Judged only when nothing of ours was under way there, every fee is told, and no fill was booked
since the venue was asked. Dust is adopted, and whatever happens to assets that are not traded. What
the venue told of, or somebody else's trades made, is adopted too, and entries stop until a person
has looked. What nothing explains is looked at again, because lists and messages lag; then it halts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from xrpfast.model import format_money
from xrpfast.trading.commands import Adopt, Alert, AnyCommand, Halt

if TYPE_CHECKING:
    from xrpfast.trading.events import BalanceMoved
    from xrpfast.trading.portfolio import Portfolio

LOOKS: Final = 3
"""Rounds in a row that must show a difference which nothing explains: messages that explain it may
come some time after the balance that shows it."""
NOISY: Final = 3
"""Rounds in a row that could not be judged, after which the venue is opened all the same."""
KEPT: Final = 4096
"""Moves that are remembered, so that none counts twice."""


class Verdict(StrEnum):
    """What follows for the venue."""

    FINE = "FINE"
    LATER = "LATER"
    """Not to be judged while something of ours is under way: another round, entries wait."""
    AGAIN = "AGAIN"
    """A difference that nothing explains yet: another round, the venue closed."""
    REDUCING = "REDUCING"
    """Somebody else moved money: no entries until a person resumes."""


class Drift:
    """The balances of one venue."""

    __slots__ = (
        "_dust",
        "_moves",
        "_portfolio",
        "_told",
        "_venue",
        "doubts",
        "judged",
        "noise",
        "touched_ns",
        "traded",
    )

    def __init__(self, venue: str, dust: dict[str, int], portfolio: Portfolio) -> None:
        self._venue = venue
        self._dust = dust
        self._portfolio = portfolio
        self._told: dict[str, int] = {}
        """Sum of the moves told of since the last judgement, per asset."""
        self._moves: dict[str, None] = {}
        self.touched_ns: int | None = None
        """When a balance there last changed, by a fill of ours or by somebody else."""
        self.traded = False
        """A fill of ours was booked there in this run."""
        self.doubts = 0
        self.noise = 0
        self.judged = 0
        """Judgements so far."""

    def told_of(self, event: BalanceMoved) -> bool:
        """Takes note of a move; False when it was known already."""
        if event.move_id in self._moves:
            return False
        self._moves[event.move_id] = None
        if len(self._moves) > KEPT:
            del self._moves[next(iter(self._moves))]
        self._told[event.asset] = self._told.get(event.asset, 0) + event.delta
        self.touched_ns = event.now_ns
        return True

    def judge(self, asked_ns: int, quiet: bool, out: list[AnyCommand]) -> Verdict:
        """Compares after a complete round. ``quiet``: no order of ours was under way there, and no
        fee of ours that the venue has still to tell."""
        touched_ns = self.touched_ns
        if not quiet or (touched_ns is not None and touched_ns >= asked_ns):
            self.noise += 1
            if self.noise < NOISY:
                return Verdict.LATER
            # An order without word can last for hours; its own worst case is reserved meanwhile.
            # A fee that was not told counts for a while only (`fees.TOLD_WITHIN`).
            self.noise = 0
            return Verdict.FINE
        self.noise = 0
        found = {
            asset: amount
            for (venue, asset), amount in self._portfolio.drift().items()
            if venue == self._venue
        }
        odd = [asset for asset, amount in found.items() if not self._explained(asset, amount)]
        if odd:
            return self._doubt(odd, found, out)
        self.doubts = 0
        self.judged += 1
        verdict = Verdict.FINE
        for asset, amount in found.items():
            verdict = self._adopt(asset, amount, verdict, out)
        self._told.clear()
        self._hold_what_others_hold(out)
        return verdict

    def _explained(self, asset: str, amount: int) -> bool:
        dust = self._dust.get(asset, 0)
        if not self._portfolio.uses(self._venue, asset):
            return True
        if abs(amount) <= dust or (asset in self._told and abs(amount - self._told[asset]) <= dust):
            return True
        # The balances were read some time before this run could hear of moves.
        return not self.judged and not self.traded

    def _doubt(self, odd: list[str], found: dict[str, int], out: list[AnyCommand]) -> Verdict:
        self.doubts += 1
        if self.doubts >= LOOKS:
            differences = ", ".join(f"{format_money(found[asset])} {asset}" for asset in odd)
            text = f"{self._venue}: balances differ from the books by {differences}, unexplained"
            out.append(Alert("critical", text))
            out.append(Halt("engine", text))
        return Verdict.AGAIN

    def _adopt(self, asset: str, amount: int, verdict: Verdict, out: list[AnyCommand]) -> Verdict:
        what = f"{self._venue}: {format_money(amount)} {asset}"
        used = self._portfolio.uses(self._venue, asset)
        self._portfolio.adopt(self._venue, asset, amount)
        if abs(amount) <= self._dust.get(asset, 0):
            out.append(Adopt(self._venue, asset, amount, "dust"))
            out.append(Alert("info", f"{what} of dust adopted into the books"))
            return verdict
        if not used:
            out.append(Adopt(self._venue, asset, amount, "not traded"))
            out.append(Alert("warning", f"{what} moved; it is not traded here: adopted"))
            return verdict
        if asset not in self._told:
            out.append(Adopt(self._venue, asset, amount, "start"))
            out.append(Alert("warning", f"{what} moved while the engine started: adopted"))
            return verdict
        out.append(Adopt(self._venue, asset, amount, "moved"))
        text = f"{what} moved by somebody else: adopted; no entries there until `resume`"
        out.append(Alert("critical", text))
        return Verdict.REDUCING

    def _hold_what_others_hold(self, out: list[AnyCommand]) -> None:
        """With nothing of ours under way, all that is locked is locked by others."""
        for asset, locked in self._portfolio.hold_foreign(self._venue):
            text = f"{self._venue}: others now hold {format_money(locked)} {asset}"
            out.append(Alert("info", text))
