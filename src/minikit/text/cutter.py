"""Placing the cuts of a text, one after the other."""

from __future__ import annotations

from math import ceil, isqrt
from typing import TYPE_CHECKING

from minikit.errors import ChunkTooSmallError
from minikit.text.boundaries import best_boundary, nearest_boundary
from minikit.text.clusters import cluster_boundary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minikit.text.ruler import Ruler

__all__ = ["Cutter", "overlapping"]

_FAR = 4  # slacks before the even size: how far back the end of a sentence is looked for


class Cutter:
    """Cuts one text into chunks of at most `limit` tokens.

    Args:
        ruler: The text, measured.
        limit: Tokens per chunk; >= 1.
        headings: Offsets where headings start, ascending.
    """

    def __init__(self, ruler: Ruler, limit: int, headings: Sequence[int]) -> None:
        self.ruler = ruler
        self.text = ruler.text
        self.limit = limit
        self.headings = headings
        self.slack = isqrt(limit)  # tokens that a cut may lie beside the even size

    def cut(self, chunks: int) -> Iterator[tuple[int, int, int]]:
        """Yield start, end and tokens of at least `chunks` chunks.

        Raises:
            ChunkTooSmallError: One character needs more than `limit` tokens.
        """
        start = 0
        left = max(chunks, ceil(self.ruler.total / max(1, self.limit - self.slack)))
        while start < len(self.text):
            end, tokens = self._next(start, left)
            yield start, end, tokens
            start = end
            left -= 1

    def _next(self, start: int, left: int) -> tuple[int, int]:
        remaining = self.ruler.total - self.ruler.passed(start)
        if left <= 1 and remaining <= self.limit:
            tokens = self.ruler.count(start, len(self.text))
            if tokens <= self.limit:
                return len(self.text), tokens
        left = max(left, 2, ceil(remaining / max(1, self.limit - self.slack // 4)))
        return self._fit(start, self._near(start, remaining / left))

    def _near(self, start: int, target: float) -> int:
        """Return the best end within reach of `target` tokens."""
        last = len(self.text) - 1
        if start == last:
            return last + 1
        passed = self.ruler.passed(start)

        def at(tokens: float) -> int:
            return min(max(start + 1, self.ruler.offset(passed + tokens)), last)

        low, near = at(target - self.slack), at(target)
        high = at(min(target + self.slack, self.limit))
        end = best_boundary(self.text, low, near, high, self.headings)
        if end is None:
            far = at(target - _FAR * self.slack)
            end = best_boundary(self.text, far, low, low, self.headings)
        return end or nearest_boundary(self.text, low, near, high, start + 1)

    def _fit(self, start: int, end: int) -> tuple[int, int]:
        """Move `end` back until the chunk is within the limit."""
        while (tokens := self.ruler.count(start, end)) > self.limit:
            share = (end - start) * self.limit // tokens
            high = max(start + 1, min(start + share, end - 1))
            low = max(start + 1, high - share // 16)
            shorter = best_boundary(self.text, low, high, high, self.headings)
            shorter = shorter or nearest_boundary(self.text, low, high, high, start + 1)
            if shorter >= end:
                raise ChunkTooSmallError(
                    f"the character at offset {start} needs {tokens} tokens, but a chunk may have "
                    f"{self.limit}; allow more tokens per chunk"
                )
            end = shorter
        return end, tokens


def overlapping(
    ruler: Ruler, spans: Iterable[tuple[int, int, int]], overlap: int, limit: int
) -> Iterator[tuple[int, int, int]]:
    """Let every chunk but the first begin up to `overlap` tokens before the end of the previous.

    Args:
        ruler: The text, measured.
        spans: Start, end and tokens of contiguous chunks.
        overlap: Largest number of tokens repeated.
        limit: Largest number of tokens of a chunk with what it repeats.
    """
    floor = 0
    for start, end, tokens in spans:
        yield _reach_back(ruler, floor, (start, end), overlap, limit) or (start, end, tokens)
        floor = start


def _reach_back(
    ruler: Ruler, floor: int, span: tuple[int, int], overlap: int, limit: int
) -> tuple[int, int, int] | None:
    """Begin the chunk at `span` at the first good place that `overlap` allows."""
    start, end = span
    text = ruler.text
    low = max(floor, ruler.offset(ruler.passed(start) - overlap))
    while low < start:
        high = min(low + (start - low) // 4, start - 1)
        first = floor if low == floor else best_boundary(text, low, low, high)
        if first is None:
            first = nearest_boundary(text, low, low, start - 1, low)
        if first == floor or cluster_boundary(text, first, first):
            tokens = ruler.count(first, end)
            if tokens <= limit and ruler.count(first, start) <= overlap:
                return first, end, tokens
        low += max(1, (start - low) // 16)
    return None
