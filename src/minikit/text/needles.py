"""Made-up facts to hide in a text, the questions that they answer, and what counts as an answer.

A fact is natural enough to stand in any prose, and of no world but its own: what it asks for, and
whom it is about, stand nowhere in the text that it goes into.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from minikit.text.numerals import numbers, spelled_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Needle", "is_answered", "make_needles"]

_TEMPLATES = (
    (
        "The spare key of the boathouse in {place} hangs in locker {number}.",
        "In which locker does the spare key of the boathouse in {place} hang?",
        "number",
    ),
    (
        "The silver medal of the flower show in {place} went to {person}.",
        "Who won the silver medal of the flower show in {place}?",
        "person",
    ),
    (
        "The kite festival of {place} was moved to the meadows of {other}.",
        "To the meadows of which place was the kite festival of {place} moved?",
        "other",
    ),
    (
        "The great bell of {place} weighs {number} kilograms.",
        "How many kilograms does the great bell of {place} weigh?",
        "number",
    ),
    (
        "The night ferry at {place} is steered by {person}.",
        "Who steers the night ferry at {place}?",
        "person",
    ),
    (
        "The archive door in {place} opens with the code {number}.",
        "With which code does the archive door in {place} open?",
        "number",
    ),
    (
        "The honey that is sold in {place} comes from the hives of {other}.",
        "From the hives of which place does the honey come that is sold in {place}?",
        "other",
    ),
    (
        "The clock of the town hall in {place} was mended by {person}.",
        "Who mended the clock of the town hall in {place}?",
        "person",
    ),
)
_GIVEN = "Adela Bram Corin Dagny Edda Florian Greta Henrik Ilse Joris Katrin Lennart Marit Nils"
_SYLLABLES = "bar cor den fal gris hol jor kel lun mar nor pel quin ros sten tor vel wim yar zan"
_PLACE_ENDS = "by dale ford ham mere moor stow wick"
_SURNAME_ENDS = "ack ell eth ing ow rick som und"
_DRAWS = 20
"""Names or numbers that are drawn in vain before they get longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needle:
    """A fact to hide, and what to ask for.

    Attributes:
        fact: One sentence.
        question: What it answers.
        answer: The words or the number of the fact that the question asks for.
    """

    fact: str
    question: str
    answer: str


def make_needles(number: int, *, seed: int, text: str = "") -> list[Needle]:
    """Make up `number` facts; the same arguments give the same facts.

    No two are about the same place, or have the same answer, and no name of theirs stands in
    `text`, in whatever case, nor a number, with whatever signs between its thousands. Linear in
    the length of `text` for each fact.

    Args:
        number: How many; >= 0.
        seed: Any int.
        text: What they will be hidden in.
    """
    random = Random(seed)  # noqa: S311 - a test that can be made again, not a secret
    taken = _Taken(text)
    return [_make(random, taken) for _ in range(number)]


def is_answered(needle: Needle, reply: str) -> bool:
    """Whether `reply` holds the answer of `needle`; parts of it count for nothing.

    A number may be written with any signs between its thousands, in digits of any script, or in
    English words; a name in any case, with any white space and signs between its words. Linear.
    """
    plain = unicodedata.normalize("NFKC", reply)
    if needle.answer.isdecimal():
        said = (*numbers(plain), *spelled_numbers(plain))
        return any(needle.answer in (*each.readings, *each.parts) for each in said)
    words = r"[\W_]{1,8}".join(map(re.escape, needle.answer.casefold().split()))
    return re.search(rf"(?<![^\W_]){words}(?![^\W_])", plain.casefold()) is not None


def _make(random: Random, taken: _Taken) -> Needle:
    fact, question, asked = random.choice(_TEMPLATES)
    names = {
        "place": taken.free(lambda longer: _place(random, longer)),
        "other": taken.free(lambda longer: _place(random, longer)),
        "person": taken.free(lambda longer: _person(random, longer)),
        "number": taken.free(lambda longer: _number(random, longer)),
    }
    return Needle(
        fact=fact.format_map(names), question=question.format_map(names), answer=names[asked]
    )


class _Taken:
    """The names and numbers that cannot be used: those of the text, and those used before."""

    def __init__(self, text: str) -> None:
        self._text = text.casefold()
        self._used = {reading for number in numbers(text) for reading in number.readings}

    def free(self, draw: Callable[[int], str]) -> str:
        """Return the first name that is free, and take it; `draw` is told how much longer."""
        drawn = (draw(attempt // _DRAWS).strip() for attempt in count())
        name = next(each for each in drawn if self._is_free(each.casefold()))
        self._used.add(name.casefold())
        return name

    def _is_free(self, folded: str) -> bool:
        return folded not in self._used and folded not in self._text


def _place(random: Random, longer: int) -> str:
    return _word(random, 2 + longer, _PLACE_ENDS)


def _person(random: Random, longer: int) -> str:
    return f"{random.choice(_GIVEN.split())} {_word(random, 1 + longer, _SURNAME_ENDS)}"


def _number(random: Random, longer: int) -> str:
    """Draw a number of four digits, or more, that could be no year."""
    return str(random.randrange(3001, 9999) + random.randrange(1, 10**4) * 10**4 * longer)


def _word(random: Random, syllables: int, ends: str) -> str:
    middle = "".join(random.choices(_SYLLABLES.split(), k=syllables))
    return f"{middle}{random.choice(ends.split())}".capitalize()
