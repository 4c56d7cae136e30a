"""Catalogues of messages in JSON: the values are translated; keys and the rest stay as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from minikit.errors import SourceError
from minikit.text.formats.segments import Segment, Segmented, Slot, trimmed
from minikit.text.placeholders import has_words

if TYPE_CHECKING:
    from minikit.text.languages import Language

__all__ = ["read_json"]

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]', re.DOTALL)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_OTHER = re.compile(r"(?:^|_)other$")
_SHOWN = 4
_BESIDE = frozenset({"description", "placeholders", "comment"})


def read_json(text: str, language: Language | None = None) -> Segmented:
    """Cut a catalogue into its values that are texts with words, however deep they stand.

    Left as they are: keys, numbers, values without a word outside placeholders, what stands under
    a key that begins with "@" (metadata of ARB files), and what describes the "message" beside
    it (catalogues of browser extensions).

    Args:
        text: The catalogue.
        language: Into which it is translated. Where plural forms stand under keys of their own,
            such as "file_one" and "file_other", it is noted which forms it needs beside them.

    Raises:
        SourceError: It is not JSON.
    """
    start = 1 if text.startswith("\ufeff") else 0
    try:
        json.loads(text[start:], parse_int=str, parse_float=str)  # numbers of any length
    except json.JSONDecodeError as error:
        raise SourceError(f"the source is not JSON: {error}") from error
    except RecursionError as error:
        raise SourceError("the JSON of the source is nested too deep") from error
    plain = not re.search(r"[^\x00-\x7f]", text) and "\\u" in text
    objects: list[set[str]] = []
    slots = tuple(_slots(text, start, plain, objects))
    notes = tuple(_lacking(objects, language)) if language else ()
    return Segmented(text=text, format="json", slots=slots, notes=notes)


def _lacking(objects: Sequence[set[str]], language: Language) -> Iterator[str]:
    """Yield a note of the plural forms that have no key."""
    lacking = {
        f"{stem}{form}"
        for keys in objects
        for stem in (key.removesuffix("other") for key in keys if _OTHER.search(key))
        if f"{stem}one" in keys
        for form in language.plurals.categories
        if f"{stem}{form}" not in keys
    }
    if lacking:
        some = ", ".join(sorted(lacking)[:_SHOWN]) + (", ..." if len(lacking) > _SHOWN else "")
        yield (
            f"{language.name} has plural forms for which the catalogue has no key: add {some} "
            f"({len(lacking):,} in all) and translate them"
        )


@dataclass(slots=True)
class _Level:
    """An object or an array that is open.

    Attributes:
        is_object: Which of the two.
        first: How many slots were found before it.
        key: Of the value that comes next.
        at: Position of that value, from 0.
        expects_value: Whether the key has been read.
        keys: The keys so far.
        message: The slot of its "message".
    """

    is_object: bool
    first: int = 0
    key: str = ""
    at: int = 0
    expects_value: bool = False
    keys: set[str] = field(default_factory=set[str])
    message: Slot | None = None


def _slots(text: str, start: int, is_ascii: bool, objects: list[set[str]]) -> list[Slot]:
    slots: list[Slot] = []
    stack = [_Level(is_object=False)]
    for token in _TOKEN.finditer(text, start):
        sign, top = token[0], stack[-1]
        if sign in "{[":
            stack.append(_Level(is_object=sign == "{", first=len(slots)))
        elif sign in "}]":
            objects.append(stack.pop().keys)
            if top.message is not None and top.keys & _BESIDE:
                slots[top.first :] = [top.message]  # all else describes it
        elif sign in ",:":
            top.expects_value = sign == ":"
            top.at += sign == ","
        elif top.is_object and not top.expects_value:
            top.key = json.loads(sign)
            top.keys.add(top.key)
        elif slot := _slot(text, token, stack, is_ascii):
            slots.append(slot)
            top.message = slot if top.key == "message" else top.message
    return slots


def _slot(text: str, token: re.Match[str], stack: Sequence[_Level], is_ascii: bool) -> Slot | None:
    path = [level.key for level in stack if level.is_object]
    if any(key.startswith("@") for key in path):
        return None
    value: str = json.loads(token[0])
    first, last = trimmed(value, 0, len(value))
    if not has_words(value[first:last], "ui"):
        return None
    segment = Segment(
        text=value[first:last].replace("\r\n", "\n"),
        start=token.start(),
        end=token.end(),
        kind="message",
        hint=".".join(path),
        key=tuple(level.key if level.is_object else level.at for level in stack[1:]),
    )
    around = (value[:first], value[last:], "\r\n" if "\r\n" in value else "\n")
    return Slot(
        start=token.start(),
        end=token.end(),
        segments=(segment,),
        write=partial(_write, around, is_ascii),
    )


def _write(around: tuple[str, str, str], is_ascii: bool, texts: Sequence[str]) -> str:
    before, after, newline = around
    text = texts[0].replace("\n", newline)
    written = json.dumps(f"{before}{text}{after}", ensure_ascii=is_ascii)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", written)
