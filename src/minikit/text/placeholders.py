"""Placeholders: what a translation takes over as it stands, such as {name}, %s, tags and links."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

__all__ = ["Syntax", "has_words", "placeholders", "spans"]

Syntax = Literal["prose", "markdown", "cue", "ui"]
"""Where a text stands: in a plain text, in Markdown, in subtitles, or in the catalogue of a
program; each has placeholders of its own, beside tags, entities, addresses and emoji codes."""

_URL_SIGN = (
    r"!#-&*-;=?-Z\\^_a-z|~\u00a1-\u024f\u0370-\u04ff"  # ASCII but <>"'`()[]{}, and alphabets
)
_PATH_SIGN = r"[^\s()\\]|\\."

_COMMON = (
    r"<!--[^<]*?-->",
    r"</?[A-Za-z][^<>]*>|</?\d+\s*/?>|<[\d:.]+>|</?>",  # tags, timestamps, <1>, <>
    r"&(?:\#\d{1,7}|\#x[\da-fA-F]{1,6}|[A-Za-z][A-Za-z\d]{1,31});",
    rf"(?<![A-Za-z])(?:(?:https?|ftp)://|www\.)(?:[{_URL_SIGN}]++|\([{_URL_SIGN}]*+\))++",
    r"(?<![\w.%+-])[A-Za-z\d._%+-]++@[A-Za-z\d-]++(?:\.[A-Za-z\d-]+)++",
    r"(?<![\w:]):(?=[\d_+-]{0,30}[a-z])[a-z\d_+-]{2,40}:(?![\w:])",  # :smile:
    r"\{\{[^{}\n]*\}\}",
)
_VARIABLES = (
    r"\{%[^{}\n]*%\}",
    r"\$\{[^{}\n]*\}",
    r"\{[A-Za-z_][\w.-]*\}|\{\d+\}",
    r"%\([A-Za-z_]\w*\)[sdr]|%\d+\$[sd@]|(?<![\w%])%[sd@](?!\w)",
)
_PATTERNS: dict[Syntax, tuple[str, ...]] = {
    "prose": (*_COMMON, *_VARIABLES),
    "cue": (r"\{\\[^{}\n]*\}", *_COMMON, *_VARIABLES),
    "markdown": (
        # The address of a link, with the bracket that closes it where no title follows.
        rf"\]\((?:<[^<>\n]*>|(?!<)(?:{_PATH_SIGN}|\((?:{_PATH_SIGN})*+\))*+)\)?",
        r"\]\[[^\[\]]*\]",  # the label of a link
        r"\[\[[^\[\]\n]*\]\]",  # a link of a wiki
        r"\[\^[^\[\]\s]+\]",  # a footnote
        r"!\[",  # an image
        r"\$\$[^$]+\$\$|(?<![\\$\w])\$(?![\s$])[^$\n]+(?<![\s\\])\$(?![\d$])",  # mathematics
        r"\{[:#.][^{}\n]*\}",  # attributes
        r"^\[[ xX]\](?=\s)",  # a task
        r"^\[TOC\]$|^\*\[[^\]\n]+\]:",  # contents, an abbreviation
        r"^(?:!!!|\?\?\?\+?|:{3,})[ \t]*[\w-]*",  # admonitions
        *_COMMON,
        *_VARIABLES,
    ),
    "ui": (
        r"\$t\([^()]*\)",
        r"[$%\#]\{[^{}]*\}",
        r"%(?:\([A-Za-z_][\w.-]*\)|<[A-Za-z_]\w*>)[-+\#0 ]*\d*(?:\.\d+)?[A-Za-z]",
        r"%%",
        r"%[A-Za-z_][\w.-]+%(?!%)",
        r"(?<!\d)%(?:\d+\$)?[-+\#0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?"
        r"(?:hh?|ll?|[Lqjzt])?[diouxXeEfFgGaAcspnr@]",
        r"(?<!\d)%\d{1,2}%|(?<!\d)%L?\d{1,2}(?!\w)",  # of Boost, Qt and KDE
        r"\$[A-Za-z_][\w@]*\$|(?<!\w)\$[A-Za-z_]\w*",
        r"@(?:\.[a-z]+)?:(?:[\w.-]*\w|\([^()]*\)|\{[^{}]*\})",
        r"\|",  # between the plural forms of vue-i18n and Laravel
        *_COMMON,
        r"(?<![\w:/]):[a-z][a-z_]+(?![\w:])",  # :attribute
        r"\{[^{}]*\}",
    ),
}
_FORMS = {
    syntax: re.compile("|".join(patterns), re.MULTILINE) for syntax, patterns in _PATTERNS.items()
}
_TICKS = re.compile(r"`+")
_LABEL = re.compile(r"\]\[[^\[\]]*\]")
_URL = re.compile(r"(?:https?|ftp)://|www\.")
_LETTER = re.compile(r"[^\W\d_]")


def placeholders(text: str, syntax: Syntax, fixed: tuple[str, ...] = ()) -> list[str]:
    """Return the placeholders of `text`, in order and as often as they stand there.

    Linear in the length of `text`.

    Args:
        text: Any str.
        syntax: Where it stands.
        fixed: Other words that are placeholders in it.
    """
    return [text[start:end] for start, end in spans(text, syntax, fixed)]


def has_words(text: str, syntax: Syntax) -> bool:
    """Whether a letter stands in `text` outside its placeholders."""
    position = 0
    for start, end in spans(text, syntax, ()):
        if _LETTER.search(text, position, start):
            return True
        position = end
    return _LETTER.search(text, position) is not None


def spans(text: str, syntax: Syntax, fixed: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Yield where the placeholders of `text` stand, as `placeholders` has them."""
    form = _FORMS[syntax]
    position = 0
    for start, end in [*_whole(text, syntax, fixed), (len(text), len(text))]:
        for found in form.finditer(text, position, start):
            yield found.start(), _end(found)
        if end > start:
            yield start, end
        position = end


def _whole(text: str, syntax: Syntax, fixed: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Yield the places of code, labels of links and fixed words; of two that overlap the first."""
    spans = codespans(text) if syntax == "markdown" else []
    if spans and "][" in text:
        spans = sorted([*spans, *(found.span() for found in _LABEL.finditer(text))])
    if fixed:
        longest_first = sorted(set(fixed), key=len, reverse=True)
        words = re.compile("|".join(map(re.escape, longest_first)))
        spans = sorted([*spans, *(found.span() for found in words.finditer(text))])
    position = 0
    for start, end in spans:
        if start >= position:
            yield start, end
            position = end


def _end(found: re.Match[str]) -> int:
    """Return where a placeholder ends: an address without the punctuation after it."""
    if _URL.match(found[0]):
        return found.start() + len(found[0].rstrip(".,;:!?*_~|\\"))
    return found.end()


def codespans(text: str) -> list[tuple[int, int]]:
    """Return the places of inline code: from backticks to as many backticks; linear."""
    runs = [found.span() for found in _TICKS.finditer(text)]
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for number, (start, end) in enumerate(runs):
        by_length[end - start].append(number)
    spans: list[tuple[int, int]] = []
    number = 0
    while number < len(runs):
        start, end = runs[number]
        same = by_length[end - start]
        after = bisect_left(same, number + 1)
        if after < len(same):
            number = same[after]
            spans.append((start, runs[number][1]))
        number += 1
    return spans
