"""A file as segments to translate, and all that stands around them, which stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal

from minikit.checks import check_whole
from minikit.errors import ArgumentError

__all__ = [
    "Format",
    "Key",
    "Kind",
    "Line",
    "Segment",
    "Segmented",
    "Slot",
    "lines_of",
    "restored",
    "trimmed",
    "with_newlines",
]

Format = Literal["text", "markdown", "srt", "vtt", "po", "json"]
Kind = Literal["paragraph", "heading", "cell", "cue", "message"]
Key = tuple[str | int, ...]
"""What a segment is found by in its file: names, and numbers."""

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_NEWLINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A text of a file that is translated as one.

    Attributes:
        text: What to translate, without the white space around it; its lines end in LF, and what
            the format escapes is plain.
        start: Where it stands in the file, in code points.
        end: Offset after it (exclusive).
        kind: "paragraph", "heading", "cell" (of a table), "cue" (of subtitles) or "message" (of a
            catalogue).
        context: What tells it from another segment of the same text, such as the form of a plural.
        hint: What else helps to understand it, such as a comment or the key of a message.
        fixed: Words of it that stay as they are, beside those that show it by their form.
        other: Another text of the same message, whose placeholders will do as well.
        key: What it is found by where the format has something: of JSON the keys and positions that
            lead to it, of PO its msgctxt, where there is one, its msgid, and of a plural the number
            of its form; of subtitles the number of the cue, from 1.
    """

    text: str
    start: int
    end: int
    kind: Kind = "paragraph"
    context: str = ""
    hint: str = ""
    fixed: tuple[str, ...] = ()
    other: str | None = None
    key: Key = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A stretch of a file that is written anew when its segments are translated.

    Attributes:
        start: Where it begins in the file, in code points.
        end: Offset after it (exclusive).
        segments: What is translated in it; none where it only tells the language of the file.
        write: Makes what is to stand there of the translations of the segments.
        in_place: Whether the translation takes the place of its source, so that a text which does
            not change leaves the file as it is; False where it stands beside it.
    """

    start: int
    end: int
    segments: tuple[Segment, ...]
    write: Callable[[Sequence[str]], str]
    in_place: bool = True


@dataclass(frozen=True, kw_only=True)
class Segmented:
    """A file as slots and what lies between them; joining it without translations gives it back.

    Attributes:
        text: The whole file.
        format: What it is.
        slots: Stretches that can change, in order; they do not overlap.
        notes: What was noticed about the file.
    """

    text: str
    format: Format
    slots: tuple[Slot, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """All segments, in the order of the file."""
        return tuple(chain.from_iterable(slot.segments for slot in self.slots))

    def join(self, translations: Sequence[str | None]) -> str:
        """Put the file together with the translations of `segments`.

        A slot stays as it is where one of its segments has None, or where nothing of it changes.

        Raises:
            ArgumentError: There are more or fewer translations than segments.
        """
        changed = any(translation is not None for translation in translations)
        parts: list[str] = []
        position = 0
        for slot, texts in self._by_slot(translations):
            written = _written(slot, texts) if changed else None
            if written is not None:
                parts += self.text[position : slot.start], written
                position = slot.end
        return "".join([*parts, self.text[position:]])

    def count(self, translations: Sequence[str | None]) -> int:
        """Count the segments whose translations `join` writes."""
        slots = self._by_slot(translations)
        return sum(len(texts) for _, texts in slots if None not in texts)

    def _by_slot(
        self, translations: Sequence[str | None]
    ) -> Iterator[tuple[Slot, Sequence[str | None]]]:
        if len(translations) != len(self.segments):
            raise ArgumentError(
                f"{len(self.segments)} segments need as many translations, not {len(translations)}"
            )
        taken = 0
        for slot in self.slots:
            yield slot, translations[taken : taken + len(slot.segments)]
            taken += len(slot.segments)


def _written(slot: Slot, texts: Sequence[str | None]) -> str | None:
    whole = [text for text in texts if text is not None]
    same = slot.in_place and whole == [segment.text for segment in slot.segments]
    return None if len(whole) < len(texts) or same else slot.write(whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a file.

    Attributes:
        text: The line without its end.
        start: Offset of its first character.
        newline: Its end: LF, CR, CR LF, or nothing.
    """

    text: str
    start: int
    newline: str

    @property
    def end(self) -> int:
        """Offset after the text, before the newline."""
        return self.start + len(self.text)


def lines_of(text: str, start: int = 0) -> Iterator[Line]:
    """Yield the lines of `text` from `start` on; joined they give it back."""
    check_whole("start", start, 0)
    for found in _LINE.finditer(text, start):
        if found[0]:
            yield Line(text=found[1], start=found.start(), newline=found[2])


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the stretch of `text` from `start` to `end` without the white space around it."""
    inside = text[start:end]
    first = end - len(inside.lstrip())
    return first, max(first, start + len(inside.rstrip()))


def with_newlines(text: str, like: str) -> str:
    """Return `text` with the line ends of `like`, or LF where it has none."""
    found = _NEWLINE.search(like)
    return text.replace("\n", found[0]) if found and found[0] != "\n" else text


def restored(source: str, translation: str) -> str:
    """Return a translation with the white space of `source`, as far as its lines are the same.

    Its line ends become LF and the white space around it goes; where it has as many lines as its
    source, each is indented as there and ends in the same white space.
    """
    plain = _NEWLINE.sub("\n", translation).strip()
    before, after = source.split("\n"), plain.split("\n")
    if len(before) != len(after) or len(after) == 1:
        return plain
    return "\n".join(map(_alike, before, after)).strip()


def _alike(source: str, line: str) -> str:
    words = line.strip()
    inside = source.strip()
    lead, _, trail = source.partition(inside) if inside else ("", "", "")
    return f"{lead}{words}{trail}"
