"""HTML as readable text: headings, paragraphs, lists, rows of tables; no scripts, no styles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["page_text"]

_UNREAD = frozenset(
    {
        *("audio", "canvas", "datalist", "embed", "head", "iframe", "noscript", "object"),
        *("script", "select", "style", "svg", "template", "textarea", "video"),
    }
)
_PARAGRAPHS = frozenset({"blockquote", "dl", "hr", "ol", "p", "pre", "table", "ul"})
_LINES = frozenset(
    {
        *("address", "article", "aside", "body", "caption", "center", "dd", "details", "dialog"),
        *("div", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup"),
        *("legend", "main", "nav", "section", "summary", "tbody", "tfoot", "thead", "tr"),
    }
)
_HEADING = re.compile(r"h([1-6])")
_SPACE = re.compile(r"[ \t\n\r\f]+")
_ADDRESS = re.compile(r"(?:https?|mailto):[^\s()]+", re.IGNORECASE)


def page_text(html: str) -> str:
    """Return what a reader of a page sees, with headings, lists and code marked as in Markdown.

    The page is read by the rules of HTML5, broken ones included. Scripts, styles, forms' choices
    and what is hidden are left out; of links, addresses of other sites are kept. The title stands
    first where the page has no heading of level 1. Linear in the length.
    """
    from justhtml import JustHTML

    root: Any = JustHTML(html, sanitize=False).root
    writer = _Writer()
    if not root.query("h1"):
        for title in root.query("head > title")[:1]:
            writer.heading(1)
            writer.words(title.to_text())
            writer.gap(2)
    for node, begins in _walk(root):
        if node.name == "#text":
            writer.words(node.data or "")
        elif begins:
            _begin(writer, node)
        else:
            _end(writer, node)
    return writer.text()


def _walk(root: Any) -> Iterator[tuple[Any, bool]]:  # noqa: ANN401 - a node of any kind
    """Yield each node that is read at its beginning, and at its end where it is an element.

    Not by recursion: pages nest thousands of elements deep.
    """
    waiting = [(root, True)]
    while waiting:
        node, begins = waiting.pop()
        yield node, begins
        if begins and node.name != "#text":
            waiting.append((node, False))
            waiting += [(child, True) for child in reversed(node.children or ()) if _is_read(child)]


def _is_read(node: Any) -> bool:  # noqa: ANN401 - a node of any kind
    if node.name == "#text":
        return True
    return node.name not in _UNREAD and node.name[0] not in "#!" and "hidden" not in node.attrs


def _begin(writer: _Writer, node: Any) -> None:  # noqa: ANN401 - an element
    name = node.name
    heading = _HEADING.fullmatch(name)
    if heading:
        writer.heading(int(heading[1]))
    elif name == "br":
        writer.new_line()
    elif name == "li":
        writer.item(node.attrs.get("value"))
    elif name in ("td", "th"):
        writer.begin_cell()
    elif name in ("div", "p") and writer.is_at_cell_start:
        pass  # its text stands beside that of the cell before
    elif name == "img" and (node.attrs.get("alt") or "").strip():
        writer.words(f"[image: {node.attrs['alt'].strip()}]")
    elif name == "a":
        writer.begin_link(node.attrs.get("href") or "")
    elif name in ("ul", "ol"):
        writer.begin_list(ordered=name == "ol", first=node.attrs.get("start"))
    else:
        writer.gap(_gap(name))
        if name == "pre":
            writer.begin_code()


def _end(writer: _Writer, node: Any) -> None:  # noqa: ANN401 - an element
    name = node.name
    if _HEADING.fullmatch(name):
        writer.gap(2)
    elif name in ("td", "th"):
        writer.end_cell()
    elif name == "a":
        writer.end_link()
    elif name in ("ul", "ol"):
        writer.end_list()
    elif name == "pre":
        writer.end_code()
    else:
        writer.gap(_gap(name))


def _gap(name: str) -> int:
    return 2 if name in _PARAGRAPHS else int(name in _LINES)


class _Writer:
    """Writes words; what lies between them is decided when the next one comes."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._gap = 0  # line ends before the next word
        self._space = False  # whether white space was seen since the last word
        self._mark = ""  # what begins the next line
        self._lists: list[int | None] = []  # the next number of each list around; None: bullets
        self._links: list[tuple[int, str]] = []
        self._code = 0
        self._cell = False  # whether the line of a row is not ended yet
        self._cells: list[int] = []  # the number of the piece that each cell around begins with
        self._last_break = -1  # that of the last piece with a line end

    def text(self) -> str:
        """Return all that was written, on whole lines."""
        return "".join([*self._pieces, "\n"]) if self._pieces else ""

    def gap(self, lines: int) -> None:
        """End the line, where there is one; 2 leaves one empty."""
        if lines:
            self._gap = max(self._gap, lines)
            self._cell = False

    def new_line(self) -> None:
        """End the line; twice in a row leaves one empty."""
        self.gap(min(self._gap + 1, 2))

    def words(self, data: str) -> None:
        """Write text; its white space counts as one space, but in code."""
        if self._code:
            self._write(data)
            return
        text = _SPACE.sub(" ", data)
        self._space |= text.startswith(" ")
        if text.strip(" "):
            self._write(text.strip(" "))
            self._space = text.endswith(" ")

    def heading(self, level: int) -> None:
        """Begin a heading."""
        self.gap(2)
        self._mark = "#" * level + " "

    def begin_list(self, *, ordered: bool, first: str | None) -> None:
        """Begin a list, which may stand in another."""
        self.gap(1 if self._lists else 2)
        self._lists.append(_number(first, 1) if ordered else None)

    def end_list(self) -> None:
        """End the innermost list."""
        self._lists.pop()
        self.gap(1 if self._lists else 2)

    def item(self, value: str | None) -> None:
        """Begin an item of the innermost list."""
        self.gap(1)
        number = self._lists[-1] if self._lists else None
        mark = "- "
        if number is not None:
            number = _number(value, number)
            self._lists[-1] = number + 1
            mark = f"{number}. "
        self._mark = "  " * min(len(self._lists) - 1, 20) + mark

    @property
    def is_at_cell_start(self) -> bool:
        """Whether nothing stands yet in a cell that was begun."""
        return bool(self._cells) and self._cells[-1] == len(self._pieces)

    def begin_cell(self) -> None:
        """Begin a cell; the cells of a row stand on one line where they can."""
        if self._cell and not self._gap:
            self._write(" |")
            self._space = True
        self._gap = self._gap or int(not self._cell)
        self._cell = True
        self._cells.append(len(self._pieces))

    def end_cell(self) -> None:
        """End a cell; the next one goes on with its line, if it has but one."""
        first = self._cells.pop()
        held = self._pieces[first : first + 1]
        if held and self._last_break <= first and "\n" not in held[0].lstrip("\n"):
            self._cell, self._gap = True, 0

    def begin_code(self) -> None:
        """Begin a block of code, which is written as it is."""
        self._code += 1
        self._write("```\n")

    def end_code(self) -> None:
        """End a block of code."""
        self._code -= 1
        line_end = "" if self._pieces[-1].endswith("\n") else "\n"
        self._write(f"{line_end}```")
        self.gap(2)

    def begin_link(self, address: str) -> None:
        """Begin a link."""
        self._links.append((len(self._pieces), address.strip()))

    def end_link(self) -> None:
        """End a link; its address is kept where it leads elsewhere and the text is on one line."""
        start, address = self._links.pop()
        pieces = self._pieces[start:]
        if not pieces or "\n" in "".join(pieces[1:]) or not _ADDRESS.fullmatch(address):
            return
        first = pieces[0]
        text = first.lstrip()
        self._pieces[start] = f"{first[: len(first) - len(text)]}[{text}"
        self._pieces.append(f"]({address})")

    def _write(self, text: str) -> None:
        between = "\n" * self._gap if self._gap else " " * self._space
        if "\n" in between or "\n" in text:
            self._last_break = len(self._pieces)
        self._pieces.append((between if self._pieces else "") + self._mark + text)
        self._gap, self._space, self._mark = 0, False, ""


def _number(value: str | None, default: int) -> int:
    return int(value) if value and len(value) < 10 and value.isdecimal() else default
