"""What the offline model answers: sentences of the material in a prompt, and none of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minikit.text.extractive import extract
from minikit.text.fence import outside, unfence
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.text.extractive import Excerpt

__all__ = ["NOTHING_TO_SELECT", "cut", "select"]

NOTHING_TO_SELECT = "[…]"
"""The reply to a fence with only white space in it: a mark, since an empty reply is an error."""

_DEFAULT_WORDS = 150
_MOST_WORDS = 100_000
# A word of English is about 1.3 tokens; of other languages often more.
_WORDS_PER_TOKEN = 0.6
_ABOUT_WORDS = re.compile(
    r"\b(?:about|most|in|of|than)\s+([0-9][0-9,]{0,9})[\s-]words?\b", re.IGNORECASE
)
_WORDS = re.compile(r"\b([0-9][0-9,]{0,9})[\s-]words?\b", re.IGNORECASE)


def select(prompt: str, *, max_tokens: int) -> str:
    """Choose sentences of the material in `prompt`, as many as it asks for.

    The material is the texts of its fences, and what stands outside them says how long the
    reply shall be: "in about 200 words", or else any other "200 words". A prompt without fences
    is all material, and then, or where no length is asked for, the reply has 150 words, or as
    many as are sure to fit into `max_tokens`.

    Args:
        prompt: Not blank.
        max_tokens: Limit of the reply; a length that is asked for is kept even if it passes it.

    Returns:
        Sentences of the material, verbatim but for white space, in its order, with a space
        between; `NOTHING_TO_SELECT` where the material is blank.
    """
    fenced = unfence(prompt)
    words = _words_asked(outside(prompt)) if fenced else None
    if words is None:
        words = min(_DEFAULT_WORDS, max(1, int(max_tokens * _WORDS_PER_TOKEN)))
    material = "\n\n".join(fenced) if fenced else prompt
    lines = (_line(material, excerpt) for excerpt in extract(material, max_words=words))
    return "\n".join(lines) or NOTHING_TO_SELECT


def cut(content: str, max_tokens: int, encoding: str) -> str:
    """Return a beginning of `content` of at most `max_tokens` tokens, and hardly fewer."""
    fits, too_long = 0, len(content)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if count_text(content[:middle], encoding) <= max_tokens:
            fits = middle
        else:
            too_long = middle
    return content[:fits]


def _line(material: str, excerpt: Excerpt) -> str:
    line = " ".join(material[excerpt.start : excerpt.end].split())
    return line if excerpt.is_whole else f"{line} {NOTHING_TO_SELECT}"


def _words_asked(ask: str) -> int | None:
    asked = _ABOUT_WORDS.search(ask) or _WORDS.search(ask)
    return min(_MOST_WORDS, max(1, int(asked[1].replace(",", "")))) if asked else None
