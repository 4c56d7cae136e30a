"""Words in any script: how a length in words is counted, and the terms that a text is ranked by."""

from __future__ import annotations

import re
from itertools import islice, pairwise

__all__ = ["count_words", "end_of_words", "terms", "word_ends", "word_starts"]

# Thai, Lao, Burmese, Khmer, kana, CJK ideographs, Hangul, half- and full-width forms: scripts that
# put no space between words, or whose words carry their endings.
_UNSPACED_LETTERS = (
    r"\u0e01-\u0e4e\u0e80-\u0ecd\u1000-\u1049\u1050-\u109f\u1100-\u11ff\u1780-\u17d3\u3005-\u3007"
    r"\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7af\uf900-\ufaff\uff21-\uff3a\uff41-\uff5a\uff66-\uff9f\U00020000-\U0003134f"
)
_UNSPACED = _UNSPACED_LETTERS + r"\u3001-\u303f\u30fb\uff00-\uffef"
# `\w` leaves out the vowel signs of Indic scripts, accents that stand apart, and joiners.
_MARKS = (
    r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u200c\u200d"
)
_LETTER = rf"(?:[^\W_{_UNSPACED}]|[{_MARKS}])"
# A run without a space may be a URL, base64, or a megabyte of one letter.
_WORD = re.compile(rf"[{_UNSPACED}]{{1,2}}|[^\s{_UNSPACED}]{{1,32}}")
_TERM = re.compile(rf"({_LETTER}+(?:'{_LETTER}+)*)|([{_UNSPACED_LETTERS}]+)")
# Most texts have no such marks and no such script, and take a third of the time.
_FURTHER = re.compile(r"[\u0300-\u036f\u0591-\u1dff\u200c\u200d\u2070-\U0010ffff]")
_PLAIN_TERM = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def count_words(text: str) -> int:
    """Count the words of `text`: runs without white space.

    Two characters of a script that has no spaces (Chinese, Japanese, Thai, ...) count as one
    word, and so does each 32 characters of a longer run.
    """
    return len(_WORD.findall(text))


def word_ends(text: str, start: int = 0, end: int | None = None) -> list[int]:
    """Return the offset after each word of `text[start:end]`."""
    return [word.end() for word in _WORD.finditer(text, start, len(text) if end is None else end)]


def word_starts(text: str) -> list[int]:
    """Return the offset of each word of `text`."""
    return [word.start() for word in _WORD.finditer(text)]


def end_of_words(text: str, start: int, end: int, words: int) -> int:
    """Return the offset after the first `words` words of `text[start:end]`; `end` if fewer.

    Args:
        text: Any str.
        start: Where the words begin.
        end: Offset that is not passed.
        words: How many; >= 1.
    """
    last = next(islice(_WORD.finditer(text, start, end), words - 1, None), None)
    return end if last is None else last.end()


def terms(text: str) -> list[str]:
    """Return the terms of `text`, case folded, in order.

    A term is a word, or, in scripts without spaces, each two neighbouring characters (a single
    character when it stands alone).
    """
    folded = text.casefold().replace("’", "'")
    if not _FURTHER.search(folded):
        return _PLAIN_TERM.findall(folded)
    found: list[str] = []
    for word, run in _TERM.findall(folded):
        if word:
            found.append(word)
        elif len(run) == 1:
            found.append(run)
        else:
            found.extend(map("".join, pairwise(run)))
    return found
