"""Fences: how a text stands in a prompt, so that nothing inside it is taken for the request.

    <document>
    TEXT
    </document>

    what is asked of TEXT

The name carries a number (`<document-2>`) when TEXT holds a closing tag of that name itself.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from itertools import count

from minikit.errors import ArgumentError

__all__ = ["FENCE_TAGS", "fence", "fenced", "outside", "unfence"]

FENCE_TAGS = ("document", "part", "passage")
"""The tags of a fence; other markup in a prompt (HTML, XML) is text."""

_NAME = rf"(?:{'|'.join(FENCE_TAGS)})(?:-[0-9]+)?"
_OPENING = re.compile(rf'^<({_NAME})(?: [a-z_]+="[^"\n]*")*>\n', re.MULTILINE)
_CLOSING = re.compile(rf"^</({_NAME})>", re.MULTILINE)
_ANY_CLOSING = {
    tag: re.compile(rf"</\s*{tag}(?:-([0-9]+))?\s*>", re.IGNORECASE) for tag in FENCE_TAGS
}


def fence(text: str, tag: str = "document", **attributes: str | int) -> str:
    """Put `text` between an opening and a closing tag, each on a line of its own.

    The same text always gets the same fence. Linear in the length of `text`.

    Args:
        text: Any str; it is not changed.
        tag: One of `FENCE_TAGS`.
        **attributes: Written into the opening tag in the order given, with quotes, angle
            brackets, ampersands and line ends escaped.

    Returns:
        The fenced text, without a line end after the closing tag. The name is `tag`, or `tag`
        with the first number from 2 for which no closing tag stands in `text`.

    Raises:
        ArgumentError: `tag` is not one of `FENCE_TAGS`.
    """
    if tag not in FENCE_TAGS:
        raise ArgumentError(f"a fence is one of {', '.join(FENCE_TAGS)}, not {tag!r}")
    name = _free_name(text, tag)
    inside = "".join(f' {key}="{_escaped(value)}"' for key, value in attributes.items())
    return f"<{name}{inside}>\n{text}\n</{name}>"


def unfence(prompt: str) -> list[str]:
    """Return the texts of the outer fences of `prompt`, in order; [] when it has none.

    `unfence(fence(text)) == [text]` for every text. An opening tag that is never closed is text.
    Linear in the length of `prompt`.
    """
    return [text for _, text in fenced(prompt)]


def fenced(prompt: str) -> list[tuple[str, str]]:
    """Return the tag and the text of each outer fence of `prompt`, in order."""
    return [
        (
            prompt[opening + 1 : start].split(" ", 1)[0].rstrip(">\n").split("-")[0],
            prompt[start:end],
        )
        for opening, start, end, _ in _fences(prompt)
    ]


def outside(prompt: str) -> str:
    """Return what stands in `prompt` before, between and after its outer fences."""
    pieces: list[str] = []
    position = 0
    for opening, _, _, closed in _fences(prompt):
        pieces.append(prompt[position:opening])
        position = closed
    return "".join([*pieces, prompt[position:]])


def _free_name(text: str, tag: str) -> str:
    taken = {found[1] or "" for found in _ANY_CLOSING[tag].finditer(text)}
    if "" not in taken:
        return tag
    return next(f"{tag}-{number}" for number in count(2) if str(number) not in taken)


def _escaped(value: str | int) -> str:
    import html

    return " ".join(html.escape(str(value)).splitlines())


def _fences(prompt: str) -> list[tuple[int, int, int, int]]:
    """Return (start of opening tag, start of text, end of text, end of closing tag) of each."""
    closings: defaultdict[str, list[int]] = defaultdict(list)
    for closing in _CLOSING.finditer(prompt):
        closings[closing[1]].append(closing.start())
    found: list[tuple[int, int, int, int]] = []
    position = 0
    for opening in _OPENING.finditer(prompt):
        if opening.start() < position:
            continue
        same = closings[opening[1]]
        index = bisect_left(same, opening.end())
        if index < len(same):
            end = max(opening.end(), same[index] - 1)
            position = same[index] + len(opening[1]) + 3
            found.append((opening.start(), opening.end(), end, position))
    return found
