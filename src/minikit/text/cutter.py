"""Placing the cuts of a text, one after the other."""

from __future__ import annotations

from math import ceil, isqrt, sqrt
from typing import TYPE_CHECKING

from minikit.errors import ChunkTooSmallError
from minikit.text.boundaries import best_boundary, nearest_boundary
from minikit.text.clusters import cluster_boundary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minikit.text.ruler import Ruler

__all__ = ["Cutter", "overlapping"]

_TAIL = 8  # chunks at the end of a text that had better not become one more
_FAR = 4  # how many times farther back than usual the end of a sentence is looked for


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
        self.slack = isqrt(limit - 1)  # tokens below the limit that let the cuts move

    def cut(self, chunks: int) -> Iterator[tuple[int, int, int]]:
        """Yield start, end and tokens of at least `chunks` chunks.

        Raises:
            ChunkTooSmallError: One character needs more than `limit` tokens.
        """
        start = 0
        left = max(chunks, ceil(self.ruler.total / (self.limit - self.slack)))
        while start < len(self.text):
            end, tokens = self._next(start, left)
            yield start, end, tokens
            start = end
            left -= 1

    def _next(self, start: int, left: int) -> tuple[int, int]:
        passed = self.ruler.passed(start)
        remaining = self.ruler.total - passed
        end = len(self.text)
        if left <= 1 and remaining <= self.limit >= (tokens := self.ruler.count(start, end)):
            return end, tokens
        left = max(left, 2)
        while remaining > self._room(left):
            left += 1
        least = remaining - self._room(left - 1) + self.slack / 4 if left <= _TAIL else 0
        target = max(remaining / left, least)
        return self._fit(start, self._near(start, passed, target, least))

    def _room(self, chunks: int) -> float:
        """Return how many tokens that many chunks can take such that their cuts can still move.

        Many chunks bear another one among them; the last few had better be a little fuller.
        """
        return chunks * (self.limit - self.slack) + 0.75 * self.slack * min(chunks, _TAIL)

    def _near(self, start: int, passed: int, target: float, least: float) -> int:
        """Return the best end within reach of `target` tokens after `passed`, and after `least`."""
        last = len(self.text) - 1
        if start == last:
            return last + 1
        near = min(max(start + 1, self.ruler.offset(passed + target)), last)
        floor = max(start + 1, self.ruler.offset(passed + least)) if least else start + 1
        slack = sqrt(target)
        width = (near - start) / target  # characters per token, about
        low = min(max(floor, near - int(slack * width)), near)
        high = min(last, near + int(min(slack, self.limit - target) * width))
        end = best_boundary(self.text, low, near, high, self.headings)
        if end is None:
            far = min(max(floor, near - int(_FAR * slack * width)), low)
            end = best_boundary(self.text, far, low, low, self.headings)
        return end or nearest_boundary(self.text, start, low, near, high)

    def _fit(self, start: int, end: int) -> tuple[int, int]:
        """Move `end` back until the chunk is within the limit."""
        while (tokens := self.ruler.count(start, end)) > self.limit:
            shorter = self._shorter(start, end, self.limit / tokens)
            if shorter >= end:
                raise ChunkTooSmallError(
                    f"the character at offset {start} needs {tokens} tokens, but a chunk may have "
                    f"{self.limit}; allow more tokens per chunk"
                )
            end = shorter
        return end, tokens

    def _shorter(self, start: int, end: int, share: float) -> int:
        """Return the best end of about `share` of start..end, or `end` if that is one character."""
        if end - start == 1:
            return end
        high = max(start + 1, min(start + int((end - start) * share), end - 1))
        low = max(start + 1, high - (high - start) // 16)
        shorter = best_boundary(self.text, low, high, high, self.headings)
        return shorter or nearest_boundary(self.text, start, low, high, high)


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
            first = nearest_boundary(text, low - 1, low, low, start - 1)
        if first == floor or cluster_boundary(text, first, first):
            tokens = ruler.count(first, end)
            if tokens <= limit and ruler.count(first, start) <= overlap:
                return first, end, tokens
        low += max(1, (start - low) // 16)
    return None
