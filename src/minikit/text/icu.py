"""ICU messages: "{count, plural, one {# file} other {# files}}" as a structure to compare.

The syntax is that of https://unicode-org.github.io/icu/userguide/format_parse/messages/ (read
2026-11-22).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from minikit.text.placeholders import placeholders

__all__ = ["Choice", "Message", "compare", "is_icu", "parse"]

_COMPLEX = re.compile(r"\{\s*[\w.-]+\s*,\s*(?:plural|select|selectordinal)\s*,")
_HEAD = re.compile(
    r"\{\s*([\w.-]+)\s*,\s*(plural|select|selectordinal)\s*,\s*(?:offset:\s*(\d+)\s*)?"
)
_SELECTOR = re.compile(r"\s*(=\d+|[\w-]+)\s*\{")
_CLOSE = re.compile(r"\s*\}")
_SIGN = re.compile(r"[{}#']")
_CATEGORIES = frozenset({"zero", "one", "two", "few", "many", "other"})
_COUNTED = re.compile(r"=\d+|zero|one|two")  # forms that may name the number without a "#"
_DEEPEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An argument that chooses between messages.

    Attributes:
        name: Of the argument.
        kind: "plural", "selectordinal" or "select".
        offset: What a plural takes off the number.
        branches: The messages by their selectors, such as "one" or "=0".
    """

    name: str
    kind: str
    offset: str | None
    branches: Mapping[str, Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message: its placeholders, and its choices in order."""

    placeholders: Counter[str]
    choices: tuple[Choice, ...]


def is_icu(text: str) -> bool:
    """Whether `text` has an argument that chooses between messages."""
    return _COMPLEX.search(text) is not None


def parse(text: str) -> Message | None:
    """Read an ICU message; None where its braces do not close or are nested over 20 deep."""
    try:
        message, end = _message(text, 0, 0)
    except ValueError:
        return None
    return message if end == len(text) else None


def compare(source: Message, translation: Message, categories: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with the structure of a translation, in words.

    Args:
        source: What was to be translated.
        translation: What came of it.
        categories: The plural categories that the language needs, beside "other".
    """
    if source.placeholders != translation.placeholders:
        lost = sorted((source.placeholders - translation.placeholders).elements())
        added = sorted((translation.placeholders - source.placeholders).elements())
        told = [f"lost {lost}"] if lost else []
        yield " and ".join([*told, f"added {added}"] if added else told)
    before = {(each.name, each.kind, each.offset): each for each in source.choices}
    after = {(each.name, each.kind, each.offset): each for each in translation.choices}
    if before.keys() != after.keys() or len(source.choices) != len(translation.choices):
        yield f"its choices are {_named(source)}, not {_named(translation)}"
        return
    for key, choice in before.items():
        yield from _compared(choice, after[key], categories)


def _compared(source: Choice, translation: Choice, categories: tuple[str, ...]) -> Iterator[str]:
    asked, given = set(source.branches), set(translation.branches)
    if source.kind == "plural":
        asked = {each for each in asked if each not in _CATEGORIES} | {"other", *categories}
    if source.kind != "select":  # a category that the language does not need does no harm
        given -= _CATEGORIES - asked
        asked -= _CATEGORIES - {"other"} - given if source.kind == "selectordinal" else set[str]()
    if asked != given:
        yield f"{{{source.name}, {source.kind}}} has {sorted(given)}, not {sorted(asked)}"
    for selector, message in translation.branches.items():
        model = source.branches.get(selector) or source.branches.get("other")
        if model is not None:
            yield from compare(*_uncounted(selector, model, message), categories)


def _uncounted(selector: str, source: Message, translation: Message) -> tuple[Message, Message]:
    """Forget the "#" of both where the selector names the number."""
    if not _COUNTED.fullmatch(selector):
        return source, translation
    return tuple(  # type: ignore[return-value] # of two
        Message(
            placeholders=Counter({key: n for key, n in each.placeholders.items() if key != "#"}),
            choices=each.choices,
        )
        for each in (source, translation)
    )


def _named(message: Message) -> str:
    return ", ".join(f"{{{each.name}, {each.kind}}}" for each in message.choices) or "none"


def _message(text: str, start: int, depth: int) -> tuple[Message, int]:
    """Read a message from `start` to the brace that closes it, or to the end of `text`."""
    if depth > _DEEPEST:
        raise ValueError
    found: Counter[str] = Counter()
    choices: list[Choice] = []
    position, plain = start, start
    while True:
        sign = _SIGN.search(text, position)
        if sign is None or (sign[0] == "}" and depth):
            end = sign.start() if sign else len(text)
            found.update(placeholders(text[plain:end], "ui"))
            return Message(placeholders=found, choices=tuple(choices)), end
        position = sign.end()
        if sign[0] == "'":
            found.update(placeholders(text[plain : sign.start()], "ui"))
            plain = position = _after_quote(text, position)
        elif sign[0] == "#":
            found["#"] += depth > 0
        elif sign[0] == "}":
            raise ValueError
        else:  # a brace that opens; "#" outside of choices is text
            found.update(placeholders(text[plain : sign.start()], "ui"))
            plain = position = _argument(text, sign.start(), depth, found, choices)


def _after_quote(text: str, position: int) -> int:
    """Return where a quotation ends: an apostrophe quotes from a brace or "#" to the next one."""
    if text[position : position + 1] not in {"{", "}", "#"}:
        return position
    end = text.find("'", position)
    return len(text) if end < 0 else end + 1


def _argument(text: str, start: int, depth: int, found: Counter[str], choices: list[Choice]) -> int:
    """Read an argument; return where it ends."""
    head = _HEAD.match(text, start)
    if head is None:
        end = text.find("}", start)
        if end < 0 or text.find("{", start + 1, end) >= 0:
            raise ValueError
        found[re.sub(r"\s+", "", text[start : end + 1])] += 1
        return end + 1
    branches: dict[str, Message] = {}
    position = head.end()
    while selector := _SELECTOR.match(text, position):
        branches[selector[1]], position = _message(text, selector.end(), depth + 1)
        if text[position : position + 1] != "}":
            raise ValueError
        position += 1
    close = _CLOSE.match(text, position)
    if not branches or close is None:
        raise ValueError
    name, kind, offset = head.groups()
    choices.append(Choice(name=name, kind=kind, offset=offset, branches=branches))
    return close.end()
