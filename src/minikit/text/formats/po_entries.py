"""The entries of a gettext catalogue: their lines, and the texts that are quoted in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from minikit.errors import SourceError
from minikit.text.formats.segments import Line, lines_of

__all__ = ["Entry", "entries_of", "quoted"]

_KEYWORD = re.compile(r'\s*(msgctxt|msgid_plural|msgid|msgstr(?:\[\d{1,2}\])?)(?=\s*")')
_STRINGS = re.compile(r'(?:\s*"(?:[^"\\]++|\\.)*+")+\s*')
_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)"')
_ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9A-Fa-f]{1,6}|.)", re.DOTALL)
_SIGNS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPED = {sign: f"\\{name}" for name, sign in _SIGNS.items()} | {'"': '\\"', "\\": "\\\\"}
_TABLE = str.maketrans(_ESCAPED)


@dataclass(slots=True)
class Entry:
    """A message with its comments.

    Attributes:
        lines: Its lines, each with the keyword that it belongs to, or "#" for a comment.
        texts: What the keywords hold.
    """

    lines: list[tuple[str, Line]] = field(default_factory=list[tuple[str, Line]])
    texts: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def start(self) -> int:
        """Offset of its first line in the file."""
        return self.lines[0][1].start

    @property
    def end(self) -> int:
        """Offset after its last line, before the newline."""
        return self.lines[-1][1].end

    @property
    def newline(self) -> str:
        """How its lines end."""
        return self.lines[0][1].newline or "\n"

    @property
    def is_whole(self) -> bool:
        """Whether it has all that an entry needs."""
        return "msgid" in self.texts and bool(self.translations)

    @property
    def is_header(self) -> bool:
        """Whether it is the entry that describes the file."""
        return self.texts["msgid"] == "" and "msgctxt" not in self.texts

    @property
    def translations(self) -> list[str]:
        """What stands in its msgstr."""
        return [text for key, text in self.texts.items() if key.startswith("msgstr")]

    @property
    def is_fuzzy(self) -> bool:
        """Whether its translation was made for another text, and waits for somebody to look."""
        return any(key == "#" and _is_fuzzy(line.text) for key, line in self.lines)

    @property
    def is_done(self) -> bool:
        """Whether every msgstr is filled, and counts."""
        return all(self.translations) and not self.is_fuzzy

    @property
    def comment(self) -> str:
        """What is said of it for translators."""
        told = (line.text[2:].strip() for key, line in self.lines if key == "#" and _is_said(line))
        return " ".join(filter(None, told))

    def without_translation(self) -> str:
        """Return its lines as they are, without msgstr, the flag "fuzzy", and previous texts."""
        kept: list[str] = []
        for key, line in self.lines:
            text = line.text
            if key.startswith("msgstr") or (key == "#" and text.startswith("#|")):
                continue
            if key == "#" and _is_fuzzy(text):
                text = ", ".join(["#", *(flag for flag in _flags(text) if flag != "fuzzy")])
                if text == "#":
                    continue
            kept.append(text + line.newline)
        return "".join(kept)


def _flags(comment: str) -> list[str]:
    return [flag.strip() for flag in comment[2:].split(",")] if comment.startswith("#,") else []


def _is_fuzzy(comment: str) -> bool:
    return "fuzzy" in _flags(comment)


def _is_said(line: Line) -> bool:
    return line.text[1:2] in {".", " "}


def entries_of(text: str) -> Iterator[Entry]:
    """Yield the entries of a catalogue, the header too; obsolete ones are comments.

    Raises:
        SourceError: A line is not PO, or an entry has no msgstr.
    """
    entry = Entry()
    current = ""
    for number, line in enumerate(lines_of(text), 1):
        plain = line.text.removeprefix("\ufeff") if number == 1 else line.text
        keyword = _KEYWORD.match(plain)
        if entry.is_whole and _begins(plain, keyword):
            yield entry
            entry, current = Entry(), ""
        if not plain.strip() or plain.lstrip().startswith("#~"):
            entry = entry if entry.texts else Entry()  # comments before it stand by themselves
        elif plain.lstrip().startswith("#"):
            entry.lines.append(("#", line))
        else:
            current = keyword[1] if keyword else current
            _add(entry, current, keyword, plain, number)
            entry.lines.append((current, line))
    if entry.is_whole:
        yield entry
    elif entry.texts:
        raise SourceError("the source is not PO: its last entry has no msgstr")


def _begins(line: str, keyword: re.Match[str] | None) -> bool:
    """Whether a line after a whole entry belongs to it no longer."""
    if keyword is not None:
        return not keyword[1].startswith("msgstr")
    return not line.lstrip().startswith('"')


def _add(entry: Entry, current: str, keyword: re.Match[str] | None, line: str, number: int) -> None:
    """Add the strings of a line to the text of a keyword."""
    rest = line[keyword.end() :] if keyword else line
    if not current or not _STRINGS.fullmatch(rest) or (keyword and current in entry.texts):
        told = line.strip()[:40]
        raise SourceError(
            f'line {number} of the source is not PO: {told!r}; expected msgid "..." or the like'
        )
    said = "".join(_ESCAPE.sub(_plain, found[1]) for found in _STRING.finditer(rest))
    entry.texts[current] = entry.texts.get(current, "") + said


def _plain(escape: re.Match[str]) -> str:
    sign = escape[1]
    if sign[0] == "x" and len(sign) > 1:
        return chr(int(sign[1:], 16) & 0xFF)
    if sign[0] in "01234567":
        return chr(int(sign, 8))
    return _SIGNS.get(sign, sign)


def quoted(keyword: str, text: str, newline: str) -> str:
    """Write a keyword and its text, a text of several lines on a line each."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    if len(lines) > 1:
        lines = ["", *lines]
    return f"{keyword} " + newline.join(f'"{line.translate(_TABLE)}"' for line in lines or [""])
