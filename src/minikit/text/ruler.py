"""How many tokens have passed at any place of a text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate

from minikit.tokens.counting import count_segments, count_text, is_additive, segment_ends
from minikit.tokens.vocabulary import encoding

__all__ = ["Ruler"]

_BYTES_PER_TOKEN = 4  # of o200k_base and cl100k_base, roughly, in any script
_TWO_THREADS = 1_000_000  # bytes of text above which a second thread is worth its vocabulary


class Ruler:
    """The tokens of one text, measured once in blocks.

    Blocks begin and end at additive cuts, so the count of any stretch is the sum of its blocks and
    of the parts at its ends, which alone are encoded again. Where a text has no additive cuts the
    blocks end anywhere; then their sums only estimate, and stretches are counted as a whole.

    Args:
        text: Any str but the empty one.
        encoding_name: "o200k_base" or "cl100k_base".
        block_tokens: About how many tokens a block has; the larger, the more is encoded again.
    """

    def __init__(self, text: str, encoding_name: str, block_tokens: int) -> None:
        self.text = text
        self.encoding_name = encoding_name
        self._encode = encoding(encoding_name).encode_ordinary
        width = _bytes_per_character(text)
        size = max(1, int(block_tokens * _BYTES_PER_TOKEN / width))
        self._edges = [0, *segment_ends(text, size, longest=2 * size)]
        self._loose = [end for end in self._edges[1:-1] if not is_additive(text, end)]
        in_parallel = len(text) * width > _TWO_THREADS
        counts = count_segments(text, self._edges, encoding_name, in_parallel=in_parallel)
        self._sums = list(accumulate(counts, initial=0))
        self._last = (0, 0, 0)

    @property
    def total(self) -> int:
        """Tokens of the whole text: exact, or an estimate where there were no additive cuts."""
        return self._sums[-1]

    def offset(self, tokens: float) -> int:
        """Return the offset at which about so many tokens have passed."""
        if tokens >= self.total:
            return len(self.text)
        block = max(0, bisect_right(self._sums, tokens) - 1)
        share = max(0, tokens - self._sums[block]) / (self._sums[block + 1] - self._sums[block])
        start, end = self._edges[block], self._edges[block + 1]
        return start + int(share * (end - start))

    def passed(self, offset: int) -> int:
        """Return about how many tokens have passed before what begins at `offset`."""
        return self._beside(offset)[1]

    def count(self, start: int, end: int) -> int:
        """Return exactly how many tokens `text[start:end]` has by itself."""
        if self._is_in_one_block(start, end) or self._is_loose(start, end):
            return count_text(self.text[start:end], self.encoding_name)
        passed = self.passed(start)
        return self._beside(end)[0] - passed

    def _is_in_one_block(self, start: int, end: int) -> bool:
        following = bisect_right(self._edges, start)
        return following == len(self._edges) or self._edges[following] > end

    def _is_loose(self, start: int, end: int) -> bool:
        return bisect_left(self._loose, end) > bisect_right(self._loose, start)

    def _beside(self, offset: int) -> tuple[int, int]:
        """Count the tokens before a cut at `offset`, and those before what begins there.

        The two differ where the cut is not additive.
        """
        if self._last[0] != offset:
            self._last = (offset, *self._cut_block(offset))
        return self._last[1:]

    def _cut_block(self, offset: int) -> tuple[int, int]:
        block = bisect_right(self._edges, offset) - 1
        start = self._edges[block]
        if start == offset:
            return self._sums[block], self._sums[block]
        end = self._edges[block + 1]
        if not is_additive(self.text, offset):
            before = self._sums[block] + self._count(start, offset)
            return before, self._sums[block + 1] - self._count(offset, end)
        if end - offset < offset - start:
            passed = self._sums[block + 1] - self._count(offset, end)
        else:
            passed = self._sums[block] + self._count(start, offset)
        return passed, passed

    def _count(self, start: int, end: int) -> int:
        return len(self._encode(self.text[start:end]))


def _bytes_per_character(text: str) -> float:
    sample = text[:4096]
    return len(sample.encode("utf-8", "surrogatepass")) / len(sample)
