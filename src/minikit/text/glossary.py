"""A glossary: how terms are to be translated, which of them a text holds, and whether they came."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import cast

from minikit.errors import ArgumentError

__all__ = ["check_glossary", "is_rendered", "occurring"]

_SPACED = re.compile(r"[A-Za-z0-9\u00aa-\u058f\u1e00-\u1fff]")  # alphabets that part their words
_WORD = re.compile(r"\w+")
_ENDING = 3


def check_glossary(glossary: object) -> dict[str, str]:
    """Return `glossary` as a dict.

    Raises:
        ArgumentError: It is no mapping of texts to texts, or a text in it is blank.
    """
    if not isinstance(glossary, Mapping):
        raise ArgumentError(
            f"glossary maps terms to translations, and is not {type(glossary).__name__}: give a "
            f'mapping such as {{"file": "Datei"}}'
        )
    for term, translation in cast("Mapping[object, object]", glossary).items():
        for each in (term, translation):
            if not isinstance(each, str) or not each.strip():
                raise ArgumentError(f"a term of a glossary is a text that is not blank: {each!r}")
    return {term.strip(): to.strip() for term, to in cast("Mapping[str, str]", glossary).items()}


def occurring(text: str, terms: Iterable[str]) -> list[str]:
    """Return the terms that stand in `text`, in any case, as words; also with an s of a plural.

    A term that stands there only as a part of a longer one does not count.
    """
    folded = text.casefold()
    # Most terms are nowhere in a text, which is seen at once; only the others are looked at.
    near = [term for term in terms if term.casefold() in folded]
    found: set[str] = set()
    for term in sorted(near, key=len, reverse=True):
        folded, count = _form(term.casefold()).subn("\0", folded)
        if count:
            found.add(term)
    return [term for term in near if term in found]


def is_rendered(translation: str, text: str) -> bool:
    """Whether a term's translation stands in `text`, in any case; its words may be inflected.

    A word of five letters or more may end otherwise, in up to its last three letters.
    """
    folded = text.casefold()
    if translation.casefold() in folded:
        return True
    words = _WORD.findall(translation.casefold())
    return bool(words) and all(_stem(word) in folded for word in words)


def _stem(word: str) -> str:
    if len(word) < _ENDING + 2 or not _SPACED.match(word):
        return word
    return word[: max(_ENDING + 1, len(word) - _ENDING)]


@cache
def _form(term: str) -> re.Pattern[str]:
    before = r"(?<!\w)" if _SPACED.match(term) else ""
    after = r"(?:e?s)?(?!\w)" if _SPACED.match(term[-1]) else ""
    return re.compile(f"{before}{re.escape(term)}{after}")
