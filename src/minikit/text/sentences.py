"""Where sentences end: by sentencex, or by signs alone where that is not installed."""

from __future__ import annotations

import re
from importlib import import_module
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["GERMAN_MONTH", "sentence_spans"]

_SURROGATES = re.compile("[\ud800-\udfff]")
_WIDE_SPACES = re.compile(r"[^\S\x00-\x7f]")  # sentencex 1.0.32 panics on "J\xa0."
_END_SIGNS = re.compile(
    r"(?<![.!?…؟।])[.!?…؟।]+[\"'”’»)\]]*\s+"
    r"|(?<![。！？｡])[。！？｡]+[」』）”’]*\s*"
    r"|\n[^\S\n]*\n\s*"
)
# "am 14. März", which both ways to find ends take for the end of a sentence.
_DAY = re.compile(r"(?<![\d.,])\d{1,2}\.[^\S\n]*\r?\n?[^\S\n]*\Z")
GERMAN_MONTH = re.compile(
    r"(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b"
)


def sentence_spans(text: str, language: str | None = None) -> list[tuple[int, int]]:
    """Cut `text` into sentences; white space belongs to the sentence before it.

    Args:
        text: Any str; a blank line ends a sentence too.
        language: ISO 639-1 code of the language, whose abbreviations do not end a sentence; None
            is English. The signs that end sentences are those of every script.

    Returns:
        Start and end (exclusive) of each in code points; in order, without gaps, none empty.
    """
    plain = _WIDE_SPACES.sub(" ", _SURROGATES.sub("\ufffd", text))
    try:
        sentences: list[str] = import_module("sentencex").segment(language or "en", plain)
    except ImportError:  # there is no wheel for every platform
        sentences = _by_signs(plain)
    ends = _keep_crlf(text, accumulate(map(len, sentences)))
    ends = [end for end in ends if not _is_in_a_date(text, end)]
    return list(zip([0, *ends], ends, strict=False))


def _keep_crlf(text: str, ends: Iterable[int]) -> list[int]:
    """Move the ends that stand between CR and LF behind the LF."""
    if "\r\n" not in text:
        return list(ends)
    return list(dict.fromkeys(end + (text[end - 1 : end + 1] == "\r\n") for end in ends))


def _is_in_a_date(text: str, end: int) -> bool:
    return bool(GERMAN_MONTH.match(text, end) and _DAY.search(text[max(0, end - 16) : end]))


def _by_signs(text: str) -> list[str]:
    ends = [0, *(match.end() for match in _END_SIGNS.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(ends) if start < end]
