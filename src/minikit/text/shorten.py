"""Shortening a text to a number of tokens, at the end of a sentence or a word, with a mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikit.text.units import sentences
from minikit.text.words import word_ends, word_starts
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["ELLIPSIS", "cut_middle", "keep_head", "keep_tail"]

ELLIPSIS = "[…]"
"""Stands where text was cut away."""

# A sentence end is preferred unless it would give away more than this share of what fits.
_SENTENCE_SHARE = 0.2
_LOOKAHEAD = 1000


def keep_head(text: str, max_tokens: int, encoding: str) -> str:
    """Return the beginning of `text` that fits, and the mark; "" when no word fits.

    More `max_tokens` never keep less. The time is that of counting what is kept, a dozen times.

    Args:
        text: Any str that does not fit as a whole.
        max_tokens: Limit of the result, the mark included.
        encoding: The vocabulary to count with.
    """
    mark = f" {ELLIPSIS}"
    head = text[: _head_end(text, max_tokens - count_text(mark, encoding), encoding)]
    return head and head + mark


def keep_tail(text: str, max_tokens: int, encoding: str) -> str:
    """Return the mark and the end of `text` that fits; "" when no word fits. See `keep_head`."""
    start = _tail_start(text, max_tokens - count_text(ELLIPSIS, encoding), encoding)
    return f"{ELLIPSIS} {text[start:]}" if start < len(text) else ""


def cut_middle(text: str, max_tokens: int, encoding: str) -> str:
    """Return beginning, mark and end of `text` that fit, each with half of the tokens.

    "" when no word fits into the half of either. See `keep_head`.
    """
    half = (max_tokens - count_text(f" {ELLIPSIS}", encoding)) // 2
    end = _head_end(text, half, encoding)
    start = end + _tail_start(text[end:], half, encoding)
    if not end or start == len(text):
        return ""
    return f"{text[:end]} {ELLIPSIS} {text[start:]}"


def _head_end(text: str, max_tokens: int, encoding: str) -> int:
    # What follows is " […]", and counts add up before a space (`minikit.tokens.counting`).
    end = _farthest(word_ends(text), lambda end: count_text(text[:end], encoding) <= max_tokens)
    if end is None:
        return 0
    seen = text[: end + _LOOKAHEAD]
    stops = (start + len(seen[start:stop].rstrip()) for start, stop in sentences(seen))
    last = max((stop for stop in stops if stop <= end), default=0)
    return last if last >= end * (1 - _SENTENCE_SHARE) else end


def _tail_start(text: str, max_tokens: int, encoding: str) -> int:
    def fits(start: int) -> bool:
        return count_text(f" {text[start:]}", encoding) <= max_tokens

    start = _farthest(word_starts(text)[::-1], fits)
    if start is None:
        return len(text)
    first = min((begin for begin in _beginnings(text) if begin >= start), default=len(text))
    kept = (len(text) - start) * (1 - _SENTENCE_SHARE)
    return first if len(text) - first >= kept else start


def _beginnings(text: str) -> Iterator[int]:
    for start, end in sentences(text):
        yield end - len(text[start:end].lstrip())


def _farthest(offsets: Sequence[int], fits: Callable[[int], bool]) -> int | None:
    """Return the last of `offsets` that fits, None if none does; the nearest are tried first."""
    fitting, beyond = 0, 1
    while beyond <= len(offsets) and fits(offsets[beyond - 1]):
        fitting, beyond = beyond, 2 * beyond
    beyond = min(beyond, len(offsets) + 1)
    while beyond - fitting > 1:
        middle = (fitting + beyond) // 2
        if fits(offsets[middle - 1]):
            fitting = middle
        else:
            beyond = middle
    return offsets[fitting - 1] if fitting else None
