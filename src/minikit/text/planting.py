"""Hiding needles in a text, so that nothing else in it changes."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from minikit.errors import ArgumentError
from minikit.text.clusters import cluster_boundary
from minikit.text.document import Span
from minikit.text.haystack import fit
from minikit.text.ruler import Ruler
from minikit.text.units import units
from minikit.text.words import word_starts
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.text.needles import Needle

__all__ = ["Hidden", "Planted", "plant", "planted"]

_BLOCK_TOKENS = 256
_REACH = 0.02
"""How far from the wanted place a sentence may end, as a share of the text."""

_LOOK_BACK = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """A needle in a text.

    Attributes:
        needle: The needle.
        depth: Where it was wanted, from 0 (before all) to 1 (after all).
        position: Where it is: the share of the text's tokens that stand before it.
        span: What was put into the text: the fact, and a space on the sides where there was none.
    """

    needle: Needle
    depth: float
    position: float
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A text with needles in it.

    Attributes:
        text: The text; without `span` of each needle it is the one from before.
        tokens: Its length.
        needles: In the order of the text, which is that of their depths.
    """

    text: str
    tokens: int
    needles: tuple[Hidden, ...]


def planted(
    text: str, needles: Sequence[Needle], depths: Sequence[float], *, tokens: int, encoding: str
) -> Planted:
    """Repeat or cut `text` (see `minikit.text.haystack.fit`) and hide `needles` in it.

    Args:
        text: Any str that is not blank.
        needles: One for each depth.
        depths: From 0 to 1, ascending.
        tokens: Length of the result, needles included; it is at most that, and hardly less.
        encoding: The vocabulary to count with.

    Raises:
        SourceError: `text` is blank.
        ArgumentError: The needles would be more than half of the result.
    """
    room = tokens - sum(count_text(f" {needle.fact}", encoding) for needle in needles)
    if 2 * room < tokens:
        raise ArgumentError(
            f"{len(needles)} needles take {tokens - room} tokens, more than half of a text of "
            f"{tokens}: name fewer depths, or a length of at least {2 * (tokens - room)}"
        )
    result = plant(fit(text, room, encoding), needles, depths, encoding=encoding)
    while result.tokens > tokens:  # words beside a needle may have become more tokens
        room -= result.tokens - tokens
        result = plant(fit(text, room, encoding), needles, depths, encoding=encoding)
    return result


def plant(
    text: str, needles: Sequence[Needle], depths: Sequence[float], *, encoding: str
) -> Planted:
    """Hide `needles` in `text`, each at the end of a sentence nearest to its depth.

    Where no sentence ends within 2 % of the text, it is at the end of a word, and where no word
    ends either, between any two characters. Linear in the length of `text`.

    Args:
        text: Any str that is not empty.
        needles: One for each depth.
        depths: Shares of the tokens of `text`, from 0 to 1, ascending.
        encoding: The vocabulary to count with.
    """
    ruler = Ruler(text, encoding, _BLOCK_TOKENS)
    borders = _Borders(text)
    pieces: list[str] = []
    hidden: list[Hidden] = []
    copied = length = 0
    position = 0.0
    for needle, depth in zip(needles, depths, strict=True):
        at = borders.nearest(ruler.offset(depth * ruler.total), copied)
        before = text[copied:at]
        last = (before or (pieces[-1] if pieces else " "))[-1:]
        piece = f"{'' if last.isspace() else ' '}{needle.fact}{' ' if at < len(text) else ''}"
        start = length + len(before)
        copied, length = at, start + len(piece)
        pieces += [before, piece]
        span = Span(start, length)
        # Beside a cut within a word the tokens of a short text do not add up.
        passed = ruler.passed(at) / ruler.total if at < len(text) else 1.0
        position = max(position, min(1.0, passed))
        hidden.append(Hidden(needle=needle, depth=depth, position=position, span=span))
    result = "".join([*pieces, text[copied:]])
    return Planted(text=result, tokens=count_text(result, encoding), needles=tuple(hidden))


class _Borders:
    """Where something can be put into a text."""

    def __init__(self, text: str) -> None:
        found = units(text)
        starts = [after.start for unit, after in pairwise(found) if unit.is_whole]
        self._text = text
        self._sentences = sorted({0, *starts, len(text)})
        self._words: list[int] | None = None

    def nearest(self, offset: int, least: int) -> int:
        """Return the best place near `offset`, and not before `least`, the place before."""
        reach = _REACH * len(self._text)
        border = _nearest(self._sentences, offset)
        if abs(border - offset) <= reach:
            return border
        if self._words is None:
            self._words = [0, *word_starts(self._text), len(self._text)]
        border = _nearest(self._words, offset)
        if abs(border - offset) <= reach:
            return border
        return cluster_boundary(self._text, offset, max(least, offset - _LOOK_BACK, 1)) or offset


def _nearest(places: Sequence[int], offset: int) -> int:
    """Return the one of ascending `places` that is nearest to `offset`."""
    after = min(bisect_left(places, offset), len(places) - 1)
    return min(places[max(0, after - 1)], places[after], key=lambda each: abs(each - offset))
