"""The headings of a text: Markdown's, and the division lines of plain books."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Heading", "find_headings", "heading_paths"]

_LONGEST = 200  # characters; what is longer is text, not a title

# A line that may be a heading, or tells that another is one. It begins with its line end and one
# look at what follows, which makes the search fast.
_LINE = re.compile(
    r"""
    \n\ {0,3}+(?=[#=\-`~BVPCSEF])(?:
      (?P<marks>\#{1,6})(?P<title>[ \t][^\r\n]*)
    | (?P<underline>={3,}|-{3,})[ \t]*(?=[\r\n]|\Z)
    | (?P<fence>`{3,}|~{3,})(?P<info>[^\r\n]*)
    | (?P<division>
        (?P<word>BOOK|VOLUME|PART|CHAPTER|SECTION|Book|Volume|Part|Chapter)[ \t]+
        (?:[IVXLCDM]+|[0-9]+|(?:THE[ ])?[A-Z]+|(?:the[ ])?[A-Z][a-z]+)
        (?:[ \t]*[.:\u2014\u2013-][^\r\n]{0,100})?[ \t]*(?=[\r\n]|\Z)
      | (?:FIRST[ ]|SECOND[ ])?(?P<end>EPILOGUE|PROLOGUE)[^\r\na-z]{0,60}(?=[\r\n]|\Z)
      )
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading and where it stands.

    Attributes:
        start: Offset of its line, in code points.
        level: 1 to 6 as in Markdown; 7 and more for the divisions of a book, outermost first.
        title: Its text, without marks.
    """

    start: int
    level: int
    title: str


def find_headings(text: str) -> list[Heading]:
    """Find the headings of `text`, in order.

    Markdown headings (`# ...`, and a line underlined with three or more = or -) outside fenced
    code, and lines such as "BOOK ONE: 1805", "CHAPTER I" or "Chapter 12." after a blank line. Of
    the divisions, the kind that comes first is the outermost.
    """
    # So that the first line of the text and those of its pages begin like the others; offsets are
    # one too large.
    text = "\n" + text.replace("\f", "\n")
    ranks: dict[str, int] = {}
    found: list[Heading] = []
    for line in _lines_outside_code(text):
        heading = _marked(line) or _underlined(text, line) or _division(text, line, ranks)
        if heading and heading.title and len(heading.title) <= _LONGEST:
            found.append(heading)
    return found


def heading_paths(headings: Sequence[Heading], offsets: Sequence[int]) -> list[tuple[str, ...]]:
    """Return for each of the ascending `offsets` the headings it stands under, outermost first."""
    paths: list[tuple[str, ...]] = []
    path: list[Heading] = []
    position = 0
    for offset in offsets:
        while position < len(headings) and headings[position].start <= offset:
            heading = headings[position]
            path = [*(above for above in path if above.level < heading.level), heading]
            position += 1
        paths.append(tuple(heading.title for heading in path))
    return paths


def _lines_outside_code(text: str) -> Iterator[re.Match[str]]:
    fence = ""
    for line in _LINE.finditer(text):
        marks = line["fence"]
        if not marks:
            if not fence:
                yield line
        elif not fence:
            fence = marks
        elif marks.startswith(fence) and not line["info"].strip():
            fence = ""


def _marked(line: re.Match[str]) -> Heading | None:
    if not line["marks"]:
        return None
    title = line["title"].strip()
    unclosed = title.rstrip("#")
    if not unclosed or unclosed[-1] in " \t":  # a closing row of marks stands apart
        title = unclosed.rstrip()
    return Heading(start=line.start(), level=len(line["marks"]), title=title)


def _underlined(text: str, line: re.Match[str]) -> Heading | None:
    if not line["underline"]:
        return None
    start = text.rfind("\n", 0, line.start()) + 1
    title = text[start : line.start()]
    level = 1 if line["underline"][0] == "=" else 2
    if title.startswith(("    ", "\t", "#", ">", "- ", "* ")) or "|" in title:
        return None  # code, another block, or the row of a table
    return Heading(start=max(start - 1, 0), level=level, title=title.strip())


def _division(text: str, line: re.Match[str], ranks: dict[str, int]) -> Heading | None:
    before = text[text.rfind("\n", 0, line.start()) + 1 : line.start()]
    if not line["division"] or before.strip():
        return None
    level = 7 if line["end"] else ranks.setdefault(line["word"].upper(), 7 + len(ranks))
    return Heading(start=line.start(), level=level, title=line["division"].strip())
