"""How evenly a summary rests on its source, told from the places of its claims alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from minikit.text.document import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.jobs.provenance import Claim

__all__ = ["Coverage", "coverage"]

_SIGNS = "▁▂▃▄▅▆▇█"
_MOST_BINS = 40
_SHORTEST_BIN = 200  # characters
_CLAIMS_A_STRETCH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Where in its source a summary rests. `str(coverage)` draws it, such as "▂▁▅█▁▁▃".

    Attributes:
        bins: How many passages of its claims begin in each of so many equal stretches of the
            source: at most 40, fewer where the source is short or the claims are few.
        ratio: The share of stretches in which a passage stands, 0 to 1, where the source is cut
            into a third as many as there are claims that rest on something: places scattered
            evenly at random would reach 95 % of these, be they 5 or 40.
        longest_gap: The longest stretch of the source without a passage, which may be at one of
            its ends; where there is no passage, all of it.
    """

    bins: tuple[int, ...]
    ratio: float
    longest_gap: Span

    def __str__(self) -> str:
        most = max(1, *self.bins)
        return "".join(_SIGNS[ceil(count / most * (len(_SIGNS) - 1))] for count in self.bins)


def coverage(claims: Sequence[Claim], length: int) -> Coverage:
    """Tell how evenly `claims` rest on a source of `length` characters.

    Args:
        claims: The claims of a summary; those without a passage count for nothing.
        length: Of the source, in code points; >= 0.
    """
    spans = sorted(span for claim in claims for span in _rests_on(claim))
    resting = sum(bool(claim.spans) for claim in claims)
    bins = max(1, min(_MOST_BINS, 2 * len(spans), length // _SHORTEST_BIN))
    fair = _counts(spans, max(1, min(ceil(resting / _CLAIMS_A_STRETCH), bins)), length)
    return Coverage(
        bins=_counts(spans, bins, length),
        ratio=sum(map(bool, fair)) / len(fair),
        longest_gap=_longest_gap(spans, length),
    )


def _rests_on(claim: Claim) -> Sequence[Span]:
    """Return where a claim stands; of passages that are merely like it, the likest."""
    is_likeness = any(citation.verdict == "attributed" for citation in claim.citations)
    return claim.spans[:1] if is_likeness else claim.spans


def _counts(spans: Sequence[Span], bins: int, length: int) -> tuple[int, ...]:
    """Count the spans that begin in each of so many equal stretches."""
    counts = Counter(min(bins - 1, span.start * bins // max(1, length)) for span in spans)
    return tuple(counts[number] for number in range(bins))


def _longest_gap(spans: Sequence[Span], length: int) -> Span:
    """Return the longest stretch outside of `spans`, which are in order; the first of equals."""
    longest, end = Span(0, 0), 0
    for span in [*spans, Span(length, length)]:
        if span.start - end > len(longest):
            longest = Span(end, span.start)
        end = max(end, span.end)
    return longest
