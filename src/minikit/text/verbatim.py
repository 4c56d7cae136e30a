"""Finding a sentence word for word in a text."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, compress, count, islice
from typing import TYPE_CHECKING

from minikit.text.document import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Match", "Verbatim"]

_TRIES = 1_000
_UNSPACED = "\u0e00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A passage that is like a sentence.

    Attributes:
        span: Where it stands, without white space around it.
        score: How much of the sentence it holds, 0 to 100: the share of its terms, weighed by how
            rare they are in the text, less where the passage is long. 100 is for a passage that is
            the sentence, word for word.
    """

    span: Span
    score: float


class Verbatim:
    """Finds a sentence word for word, white space apart.

    Args:
        text: The text to find it in.
        pieces: Start and end of the pieces of the text that are searched, in order.
    """

    def __init__(self, text: str, pieces: Sequence[tuple[int, int]]) -> None:
        self.text = text
        self.pieces = pieces
        flat = ["".join(text[start:end].split()) for start, end in pieces]
        self.flat = "".join(flat)
        self.starts = list(accumulate(map(len, flat), initial=0))

    def find(self, sentence: str) -> list[Match]:
        """Return the first place of `sentence` as whole words, if there is one."""
        flat = "".join(sentence.split())
        if not any(map(str.isalnum, flat)):
            return []
        at = -1
        for _ in range(_TRIES):
            at = self.flat.find(flat, at + 1)
            if at < 0:
                break
            span = Span(self._offset(at), self._offset(at + len(flat) - 1) + 1)
            if self._is_whole(span) and "".join(self.text[span.start : span.end].split()) == flat:
                return [Match(span=span, score=100.0)]
        return []

    def _offset(self, at: int) -> int:
        """Return the offset in the text of a character of the text without white space."""
        number = bisect_right(self.starts, at) - 1
        start, end = self.pieces[number]
        solid = (not character.isspace() for character in self.text[start:end])
        return next(islice(compress(count(start), solid), at - self.starts[number], None))

    def _is_whole(self, span: Span) -> bool:
        return not any(
            _is_letter(self.text[at - 1 : at]) and _is_letter(self.text[at : at + 1])
            for at in (span.start, span.end)
        )


def _is_letter(character: str) -> bool:
    """Tell whether `character` is of a script that puts spaces between words."""
    return character.isalnum() and character < _UNSPACED
