"""Catalogues of gettext (PO): messages are filled in, every other line stays as it is.

The format: https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html (read 2026-11-22).
polib and Babel read it too, but write it anew, wrapped and sorted their way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from minikit.errors import SourceError
from minikit.text.formats.po_entries import Entry, entries_of, quoted
from minikit.text.formats.po_header import changed_header, checked_plurals
from minikit.text.formats.segments import Segment, Segmented, Slot, trimmed
from minikit.text.languages import Language
from minikit.text.placeholders import has_words
from minikit.text.plurals import Plurals, examples

__all__ = ["read_po"]


def read_po(text: str, language: Language, *, again: bool = False) -> Segmented:
    """Read the messages that have no translation, or a fuzzy one, into segments.

    Each form of a plural is a segment of its own. Obsolete entries stay as they are.

    Args:
        text: The catalogue, or a template (POT).
        language: Into which it is translated. Where the header leaves it open, it is filled in
            with the plural forms when something has been translated.
        again: Whether to translate the other messages too.

    Raises:
        SourceError: It is not PO; the message names the line.
        ArgumentError: The catalogue is one of another language.
    """
    entries = list(entries_of(text))
    if not entries:
        raise SourceError('the source is not PO: no line in it begins with msgid "..."')
    header = next((entry for entry in entries if entry.is_header), None)
    messages = [entry for entry in entries if not entry.is_header]
    kept = any(entry.is_done for entry in messages) and not again
    plurals = checked_plurals(header, language, has_translations=kept)
    slots: list[Slot] = []
    changed = None if header is None else changed_header(header, language, plurals)
    if header is not None and changed is not None:
        slots.append(_slot(header, (), partial(_write_header, header, changed)))
    for entry in messages:
        if again or not entry.is_done:
            slots += _message(text, entry, plurals)
    return Segmented(text=text, format="po", slots=tuple(slots))


def _message(text: str, entry: Entry, plurals: Plurals) -> Iterator[Slot]:
    """Yield the slot of a message, if there are words in it."""
    if "msgid_plural" in entry.texts:
        forms = [_form(entry, numbers) for numbers in examples(plurals)]
        keywords = tuple(f"msgstr[{number}]" for number in range(plurals.forms))
    else:
        forms = [(entry.texts["msgid"], "", None)]
        keywords = ("msgstr",)
    if not all(has_words(source, "ui") for source, _, _ in forms):
        return
    around: list[str] = []
    segments: list[Segment] = []
    key = tuple(entry.texts[name] for name in ("msgctxt", "msgid") if name in entry.texts)
    for number, (source, form, other) in enumerate(forms):
        first, last = trimmed(source, 0, len(source))
        around += source[:first], source[last:]
        context = "; ".join(filter(None, (entry.texts.get("msgctxt", ""), form)))
        segments.append(
            Segment(
                text=source[first:last],
                start=entry.start,
                end=entry.end,
                kind="message",
                context=context,
                hint=entry.comment,
                other=other,
                key=(*key, number) if len(forms) > 1 else key,
            )
        )
    yield _slot(entry, tuple(segments), partial(_write, entry, keywords, around))


def _form(entry: Entry, numbers: tuple[int, ...]) -> tuple[str, str, str | None]:
    """Return the text for a plural form, what it is for, and another one that will do."""
    one, many = entry.texts["msgid"], entry.texts["msgid_plural"]
    if not numbers:
        return many, "plural form for some large numbers", None
    told = ", ".join(map(str, numbers))
    if len(numbers) > 1:
        return many, f"plural form for the numbers {told} and the like", None
    source, other = (one, many) if numbers == (1,) else (many, one)
    return source, f"plural form for the number {told} alone", other


def _slot(entry: Entry, segments: tuple[Segment, ...], write: partial[str]) -> Slot:
    return Slot(start=entry.start, end=entry.end, segments=segments, write=write, in_place=False)


def _write_header(header: Entry, text: str, _: Sequence[str]) -> str:
    return header.without_translation() + quoted("msgstr", text, header.newline)


def _write(
    entry: Entry, keywords: Sequence[str], around: Sequence[str], texts: Sequence[str]
) -> str:
    """Write an entry with new translations: it is no longer fuzzy."""
    values = [
        f"{around[2 * number]}{text}{around[2 * number + 1]}" for number, text in enumerate(texts)
    ]
    kept = entry.without_translation()
    lines = [quoted(key, value, entry.newline) for key, value in zip(keywords, values, strict=True)]
    return kept + entry.newline.join(lines)
