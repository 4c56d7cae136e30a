"""Markdown: prose is translated; code, addresses, tags, tables and front matter stay as they are.

Blocks are told by markdown-it-py, a parser of CommonMark with tables, by their lines; what it does
not take for prose, or what cannot be found again in its lines, is left. What is indented under the
head of an admonition, a tab, a footnote or a definition is prose too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from minikit.text.formats.containers import container
from minikit.text.formats.markup import html_slots
from minikit.text.formats.segments import Kind, Line, Segment, Segmented, Slot, lines_of
from minikit.text.placeholders import has_words

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["links", "read_markdown"]

_FRONT_MATTER = re.compile(
    r"\ufeff?(---|\+\+\+)[ \t]*(?:\r\n|\r|\n)"
    r"(?:[\s\S]*?(?:\r\n|\r|\n))??(?:\1|\.\.\.)[ \t]*(?:\r\n|\r|\n|\Z)"
)
_DEFINITION = re.compile(r"\[(?!\^)[^\]\n]+\]:\s*\S")
_LABEL = re.compile(r"^[ \t>]*\[(?!\^)([^\]\n]+)\]:\s*\S", re.MULTILINE)
_LED = re.compile(r"(?:\[\^[^\]\s]+\]:[ \t]*|:[ \t]+)(?=\S)")  # a footnote, a definition
# A line that stands by itself, with a title after it or without: ":::note", "[!NOTE]", "///".
_DIRECTIVE = re.compile(
    r"(?::{3,}|/{3,})[ \t]*(?:[\w-]+|\{[^{}\n]*\})?[ \t|]*|\[![\w-]+\][+-]?[ \t]*"
)
_MODULE = re.compile(  # JavaScript in MDX
    r"import(?:\s[^'\"\n]{0,500}\sfrom)?\s*(['\"])[^'\"\n]+\1\s*;?\s*$"
    r"|export\s+(?:default|const|let|var|function|class)\s|export\s*[{*]",
    re.MULTILINE,
)
_SHORTCUT = re.compile(r"(?<!\])\[([^\[\]]+)\](?:\[\])?(?![\[(])")
_NUMBERED = re.compile(r"^(\d{1,9})(?=[.)](?:\s|$))", re.MULTILINE)
_MARKED = re.compile(
    r"^(?=#{1,6}(?:\s|$)|>|[-+*](?:\s|$)|=+\s*$|-+\s*$|`{3}|~{3}|(?:[*_]\s*){3,}$)", re.MULTILINE
)
_DEEPEST = 60  # levels of lists and quotations
_ANCHOR = re.compile(r"(?:\]\(|\]:[ \t]*|href=[\"'])#([\w-]+)")
_KINDS: dict[str, Kind] = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "th_open": "cell",
    "td_open": "cell",
}


def read_markdown(text: str) -> Segmented:
    """Cut Markdown into paragraphs, headings, cells of tables and the texts in HTML."""
    front = _FRONT_MATTER.match(text)
    start = front.end() if front else 0
    lines = list(lines_of(text, start))
    tokens = _parsed(text[start:])
    labels = frozenset(_label(found[1]) for found in _LABEL.finditer(text, start))
    slots: list[Slot] = []
    cells: dict[int, int] = {}  # where in its line the last cell of a row ended
    for before, token in zip([*tokens[:1], *tokens], tokens, strict=False):
        if token.map is None:
            continue
        block = lines[token.map[0] : token.map[1]]
        if token.type == "inline" and _KINDS[before.type] == "cell":
            slots += _cell(block[0], token.content, cells, labels)
        elif token.type == "inline":
            slots += _prose(block, token.content, _KINDS[before.type], labels)
        elif token.type == "html_block":
            slots += _html(text, block, token.content)
    file = Segmented(text=text, format="markdown", slots=tuple(slots))
    return replace(file, notes=tuple(_led_by_words(file)))


def _led_by_words(file: Segmented) -> Iterator[str]:
    """Yield a note of the links that find their heading by its words, which will be others."""
    headings = (segment.text for segment in file.segments if segment.kind == "heading")
    slugs = {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", each.lower())) for each in headings}
    found = [each for each in dict.fromkeys(_ANCHOR.findall(file.text)) if each in slugs]
    if found:
        yield (
            f"links go by the words of headings that are translated ({len(found):,}, such as "
            f"#{found[0]}): give those headings an id, such as {{#{found[0]}}}, or change the links"
        )


def _parsed(text: str) -> list[Token]:
    """Return the blocks of a text."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("table")
    parser.block.ruler.before(
        "fence", "container", container, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser.parse(text)


def links(text: str) -> Counter[str]:
    """Count the links and pictures of a paragraph that hold their address, by address."""
    found: Counter[str] = Counter()
    if "](" in text:
        for token in _inline().parseInline(text)[0].children or ():
            address = token.attrGet("href") or token.attrGet("src")
            if address:
                found[str(address)] += 1
    return found


@cache
def _inline() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark")


def _html(text: str, block: Sequence[Line], content: str) -> Iterator[Slot]:
    """Yield the texts of HTML; in a quotation, where each line has a mark, it is left."""
    if [line.text.strip() for line in block] == [line.strip() for line in _split(content)]:
        yield from html_slots(text, block[0].start, block[-1].end)


def _split(content: str) -> list[str]:
    return content.removesuffix("\n").split("\n")


def _cell(
    line: Line, content: str, cells: dict[int, int], labels: frozenset[str]
) -> Iterator[Slot]:
    """Yield a cell of a table, which is sought in its row after the cell before it."""
    raw = content.replace("|", r"\|")
    at = _plain(line).find(raw, cells.get(line.start, 0))
    cells[line.start] = at + len(raw)
    if at >= 0 and has_words(content, "markdown"):
        start = line.start + at
        yield _slot(content, (start, start + len(raw)), "cell", labels, _write_cell)


def _write_cell(texts: Sequence[str]) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", _in_one_line(texts[0]))


def _in_one_line(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text)


def _prose(
    block: Sequence[Line], content: str, kind: Kind, labels: frozenset[str]
) -> Iterator[Slot]:
    """Yield the texts of a paragraph or heading; what defines the address of a link is left."""
    if _MODULE.match(content):
        return
    pieces: list[list[tuple[Line, int, str]]] = [[]]  # lines, with what stands in them and where
    for line, part in zip(block, _split(content), strict=False):
        words = part.strip()
        at = _plain(line).rfind(words)
        directive = _DIRECTIVE.match(words)
        head = directive or _LED.match(words)
        if at < 0 or _DEFINITION.match(words):
            pieces.append([])
            continue
        if head:
            pieces.append([])
            at, words = at + head.end(), words[head.end() :]
        pieces[-1].append((line, at, words))
        if directive:
            pieces.append([])
    for piece in pieces:
        yield from _piece(piece, kind, labels)


def _piece(
    piece: list[tuple[Line, int, str]], kind: Kind, labels: frozenset[str]
) -> Iterator[Slot]:
    if not piece:
        return
    (first, start, _), (last, at, words) = piece[0], piece[-1]
    ends = (first.start + start, last.start + at + len(words))
    # Two spaces at the end of a line break it; they are part of the text.
    inner = [line.text[at:] for line, at, _ in piece[:-1]]
    text = "\n".join([*inner, words])
    if has_words(text, "markdown"):
        prefix = piece[1][0].text[: piece[1][1]] if len(piece) > 1 else ""
        write = partial(_write_prose, prefix, first.newline, kind == "heading" or len(piece) == 1)
        yield _slot(text, ends, kind, labels, write)


def _write_prose(prefix: str, newline: str, is_line: bool, texts: Sequence[str]) -> str:
    """Write prose with the marks of its lines, such as those of a quotation.

    What would begin another block at the start of a line is escaped, such as the date "1. Mai".
    """
    text = (
        _in_one_line(texts[0]) if is_line else re.sub(r"\n[ \t]*(?=\n)|(?<=\n)[ \t]+", "", texts[0])
    )
    text = _MARKED.sub(r"\\", _NUMBERED.sub(r"\1\\", text))
    return text.replace("\n", (newline or "\n") + prefix)


def _plain(line: Line) -> str:
    """Return a line as the parser gives it back."""
    return line.text.replace("\0", "\ufffd")


def _slot(
    text: str,
    ends: tuple[int, int],
    kind: Kind,
    labels: frozenset[str],
    write: Callable[[Sequence[str]], str],
) -> Slot:
    fixed = _shortcuts(text, labels) if labels else ()
    segment = Segment(text=text, start=ends[0], end=ends[1], kind=kind, fixed=fixed)
    return Slot(start=ends[0], end=ends[1], segments=(segment,), write=write)


def _shortcuts(text: str, labels: frozenset[str]) -> tuple[str, ...]:
    """Return the links of `text` whose words are the label of their address, such as [home]."""
    found = (found for found in _SHORTCUT.finditer(text) if _label(found[1]) in labels)
    return tuple(dict.fromkeys(each[0] for each in found))


def _label(words: str) -> str:
    return " ".join(words.casefold().split())
