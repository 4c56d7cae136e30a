"""What texts about one thing have in common and what only one of them says, told without a model.

It is told by words alone: who says the same in quite other words seems to say something else, and
who says the opposite in the same words seems to agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Literal

from minikit.text.attribution import attribute
from minikit.text.grounding import ungrounded
from minikit.text.units import units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.text.units import Unit

__all__ = ["Difference", "Differences", "differences"]

_SAID = 35.0
"""From this score of `attribute` on, a sentence counts as said: one that shares its subject alone
scores up to 30, one that says the same 45 and more."""

_FEWEST_WORDS = 4
"""Shorter ones are headings, or "In short:", and say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one of several texts says, and none of the others.

    Attributes:
        kind: "sentence", or a "number", a "date" or a "name".
        text: The words.
        start: Offset of the first character in the text that says it, in code points.
        end: Offset after the last character.
    """

    kind: Literal["sentence", "number", "date", "name"]
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """How texts differ.

    Attributes:
        alike: For each two texts, by their positions, how much of both the other says, 0 to 1.
            Sentences of a few words are not looked at, so that two such texts, unless they are
            equal, are not alike.
        only: For each text what only it says: sentences, then numbers, dates and names.
    """

    alike: dict[tuple[int, int], float]
    only: tuple[tuple[Difference, ...], ...]


def differences(texts: Sequence[str]) -> Differences:
    """Hold each of `texts` against each other.

    A sentence is said by another text where a passage of that holds most of its words, rare ones
    above all. Numbers, dates and names may be written in another way. Linear in the length of
    each text; CPU-bound.

    Args:
        texts: Any strs, in one language; a single one differs from nothing.
    """
    if len(texts) < 2:
        return Differences(alike={}, only=tuple(() for _ in texts))
    sentences = [_sentences(text) for text in texts]
    scores = {
        (one, other): _scores(texts[one], sentences[one], texts[other])
        for one, other in permutations(range(len(texts)), 2)
    }
    alike = {
        (one, other): 1.0
        if texts[one].split() == texts[other].split() != []
        else _share(sentences[one] + sentences[other], scores[one, other] + scores[other, one])
        for one, other in combinations(range(len(texts)), 2)
    }
    only: list[tuple[Difference, ...]] = []
    for one, text in enumerate(texts):
        others = [other for other in range(len(texts)) if other != one]
        best = zip(*(scores[one, other] for other in others), strict=True)  # of each sentence
        alone = _alone(text, sentences[one], list(map(max, best)))
        only.append((*alone, *_facts(text, [texts[other] for other in others])))
    return Differences(alike=alike, only=tuple(only))


def _sentences(text: str) -> list[Unit]:
    return [unit for unit in units(text) if unit.words >= _FEWEST_WORDS]


def _scores(text: str, sentences: Sequence[Unit], other: str) -> list[float]:
    """Return how much of each of the sentences of `text` a passage of `other` holds, 0 to 100."""
    found = attribute([text[unit.start : unit.end] for unit in sentences], other, most=1)
    return [matches[0].score if matches else 0.0 for matches in found]


def _share(sentences: Sequence[Unit], scores: Sequence[float]) -> float:
    """Return the mean score of sentences, the longer counting more, as 0 to 1."""
    words = sum(unit.words for unit in sentences)
    said = sum(unit.words * score for unit, score in zip(sentences, scores, strict=True))
    return said / words / 100 if words else 0.0


def _alone(text: str, sentences: Sequence[Unit], scores: Sequence[float]) -> list[Difference]:
    return [
        Difference(
            kind="sentence", text=text[unit.start : unit.end], start=unit.start, end=unit.end
        )
        for unit, score in zip(sentences, scores, strict=True)
        if score < _SAID
    ]


def _facts(text: str, others: Sequence[str]) -> list[Difference]:
    return [
        Difference(kind=each.kind, text=each.text, start=each.start, end=each.end)
        for each in ungrounded(text, "\n\n".join(others))
    ]
