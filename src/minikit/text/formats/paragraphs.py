"""Plain text: its paragraphs are translated, the blank lines between them stay."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from minikit.text.formats.segments import (
    Segment,
    Segmented,
    Slot,
    lines_of,
    trimmed,
    with_newlines,
)
from minikit.text.placeholders import has_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.text.formats.segments import Kind

__all__ = ["paragraph", "read_text"]


def read_text(text: str) -> Segmented:
    """Cut a plain text at its blank lines; paragraphs without a word are left."""
    return Segmented(text=text, format="text", slots=tuple(_slots(text)))


def _slots(text: str) -> Iterator[Slot]:
    for blank, lines in groupby(lines_of(text), key=lambda line: not line.text.strip()):
        if not blank:
            block = list(lines)
            slot = paragraph(text, block[0].start, block[-1].end)
            if slot is not None:
                yield slot


def paragraph(
    text: str, start: int, end: int, *, kind: Kind = "paragraph", is_ui: bool = False
) -> Slot | None:
    """Return the slot for a stretch of plain text; None where there is no word in it."""
    start, end = trimmed(text, start, end)
    raw = text[start:end]
    plain = raw.replace("\r\n", "\n").replace("\r", "\n")
    if not has_words(plain, "ui" if is_ui else "prose"):
        return None
    segment = Segment(text=plain, start=start, end=end, kind=kind)
    return Slot(start=start, end=end, segments=(segment,), write=partial(_write, raw))


def _write(raw: str, texts: Sequence[str]) -> str:
    return with_newlines(texts[0], raw)
