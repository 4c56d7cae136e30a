"""Stop words of 58 languages, and which of them a text is written in.

The lists are those of stopwords-iso (MIT, see NOTICE), case folded and cut into terms as
`minikit.text.words.terms` does; the file has a line a language: its code, then its words.
"""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["guess_language", "stop_words"]

_SAMPLE = 400


def stop_words(language: str | None) -> frozenset[str]:
    """Return the stop words of `language` (ISO 639-1), empty when it is None or unknown."""
    return _lists().get(language or "", frozenset())


def guess_language(frequencies: Mapping[str, int]) -> str | None:
    """Return the ISO 639-1 code of the language whose stop words are the most frequent.

    Args:
        frequencies: How often each term of the text occurs (see `minikit.text.words.terms`).

    Returns:
        The code, or None when no term is a stop word of any language.
    """
    frequent = sorted(frequencies, key=lambda term: (-frequencies[term], term))[:_SAMPLE]
    best, most = None, 0
    for language, words in _lists().items():
        hits = sum(frequencies[term] for term in frequent if term in words)
        if hits > most:
            best, most = language, hits
    return best


@cache
def _lists() -> dict[str, frozenset[str]]:
    data = Path(__file__).with_name("stopwords.zlib").read_bytes()
    rows = (line.split(" ") for line in zlib.decompress(data).decode().split("\n"))
    # Some lists have "10" and "39" (of "&#39;"); but who asks about section 39 means that one.
    return {
        language: frozenset(word for word in words if not word.isdecimal())
        for language, *words in rows
    }
