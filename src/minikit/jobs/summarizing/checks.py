"""Checks of a finished summary that need no model: what they find is a warning, never a failure.

They look at words and places alone. A negation, or what is said of the wrong person, they cannot
see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikit.jobs.result import SummaryWarning
from minikit.jobs.summarizing.coverage import coverage
from minikit.text.grounding import ungrounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.jobs.provenance import Claim
    from minikit.text.document import Span

__all__ = ["check_coverage", "check_terms"]

_FEWEST_CLAIMS = 6
_LONG_GAP = 1 / 3
_CHANCE = 0.2


def check_terms(text: str, source: str) -> tuple[SummaryWarning, ...]:
    """Warn of each number, date and name of `text` that does not stand in `source`.

    Linear in the length of both; about 1 s for a book. CPU-bound.
    """
    return tuple(
        SummaryWarning(
            kind=found.kind,
            message=f'the {found.kind} "{found.text}" does not stand in the source',
            start=found.start,
            end=found.end,
        )
        for found in ungrounded(text, source)
    )


def check_coverage(claims: Sequence[Claim], length: int) -> tuple[SummaryWarning, ...]:
    """Warn of a long stretch of a source of `length` characters that no claim rests on.

    Only where at least six claims rest on something, and the stretch is more than a third of the
    source and longer than places scattered at random leave in one of five cases: 45 % for six
    claims, 38 % for eight.
    """
    resting = sum(bool(claim.spans) for claim in claims)
    gap = coverage(claims, length).longest_gap
    if resting < _FEWEST_CLAIMS or len(gap) <= length * max(_LONG_GAP, _by_chance(resting)):
        return ()
    message = (
        f"nothing in the summary rests on the {_part(gap, length)} of the source: "
        f"{len(gap) / length:.0%} of it, characters {gap.start:,} to {gap.end:,} of {length:,}"
    )
    return (SummaryWarning(kind="coverage", message=message),)


def _by_chance(places: int) -> float:
    """Return the share that the longest gap between so many random places seldom exceeds.

    Some gap exceeds x with a probability of at most (n + 1) * (1 - x) ** n (Feller, An
    Introduction to Probability Theory and Its Applications, vol. 2, I.9, by the union bound).
    """
    return float(1 - (_CHANCE / (places + 1)) ** (1 / places))


def _part(gap: Span, length: int) -> str:
    if gap.start == 0:
        return "beginning"
    return "end" if gap.end == length else "middle"
