"""A model that translates, for tests: every word outside of placeholders gets a new ending."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

from minikit.text.placeholders import placeholders
from server import ok, prompt_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from minikit.text.placeholders import Syntax
    from server import Reply

Translations = dict[int, str]

_PART = re.compile(
    r'^<(part(?:-\d+)?) id="(\d+)"(?: note="([^"\n]*)")?>\n(.*?)\n</\1>$', re.MULTILINE | re.DOTALL
)
_WRONG = re.compile(r'^<passage(?:-\d+)? id="(\d+)" wrong="([^"\n]*)">$', re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]+")


def parts(body: dict[str, Any]) -> Translations:
    """Return the texts that a request asks for, by their numbers."""
    return {int(number): text for _, number, _, text in _PART.findall(prompt_of(body))}


def notes(body: dict[str, Any]) -> dict[int, str]:
    """Return what a request tells of them."""
    return {
        int(number): html.unescape(note) for _, number, note, _ in _PART.findall(prompt_of(body))
    }


def wrong(body: dict[str, Any]) -> dict[int, str]:
    """Return what a request says is wrong with the first translations; {} for a first request."""
    return {int(number): html.unescape(told) for number, told in _WRONG.findall(prompt_of(body))}


def translated(text: str, syntax: Syntax = "ui", fixed: tuple[str, ...] = ()) -> str:
    """Translate: "Hello {name}" becomes "Hellou {name}"."""
    done: list[str] = []
    position = 0
    for each in placeholders(text, syntax, fixed):
        start = text.index(each, position)
        done += _WORD.sub(r"\g<0>u", text[position:start]), each
        position = start + len(each)
    return "".join([*done, _WORD.sub(r"\g<0>u", text[position:])])


def reply(translations: Mapping[int, str]) -> Reply:
    """Answer with these translations."""
    items = [{"id": number, "text": text} for number, text in translations.items()]
    return ok(json.dumps({"translations": items}))


def translator(
    syntax: Syntax = "ui", change: Callable[[dict[str, Any], Translations], object] | None = None
) -> Callable[[dict[str, Any]], Reply]:
    """Return a model that translates well, but for what `change` does to its replies."""

    def answer(body: dict[str, Any]) -> Reply:
        found = {number: translated(text, syntax) for number, text in parts(body).items()}
        if change is not None:
            change(body, found)
        return reply(found)

    return answer
