"""Points: sentences with quotes, as a model gives them, and the numbers that it keeps them by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "POINTS_FORMAT",
    "REFINED_FORMAT",
    "Marks",
    "Point",
    "has_bare_mark",
    "is_broken",
    "numbered",
    "read_marks",
    "read_points",
    "unmarked",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A sentence as a model gave it.

    Attributes:
        text: The sentence.
        quotes: What it quotes for it.
        points: Numbers of the earlier points that it takes over, from 1.
    """

    text: str
    quotes: tuple[str, ...] = ()
    points: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """A text from which the numbers of points were taken out.

    Attributes:
        text: The text without them.
        marks: Where each stood, as an offset in the text, and the numbers; in order.
    """

    text: str
    marks: tuple[tuple[int, tuple[int, ...]], ...]


def _format(name: str, **more: Mapping[str, Any]) -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}}
    fields = {"text": {"type": "string"}, "quotes": texts, **more}
    point = {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
    schema = {
        "type": "object",
        "properties": {"points": {"type": "array", "items": point}},
        "required": ["points"],
        "additionalProperties": False,
    }
    wire = {"name": name, "strict": True, "schema": schema}
    return {"type": "json_schema", "json_schema": wire}


POINTS_FORMAT = _format("cited_points")
"""The form of a reply that reads the source, as on the wire."""

REFINED_FORMAT = _format("refined_points", points={"type": "array", "items": {"type": "integer"}})
"""The same, of one that goes on with earlier points."""

_MARK = re.compile(r"\[#\s?\d{1,9}(?:[\s,;#]{1,4}\d{1,9})*\s?\]")
_BARE = re.compile(r"\[\d{1,9}(?:[\s,;]{1,3}\d{1,9})*\]")
_QUOTED_LINE = re.compile(r"^[^\S\n]+(?=“)", re.MULTILINE)
_BLANKS = re.compile(r"[ \t]*")
_NUMBER = re.compile(r"\d+")
_DIGITS = 10

_STARTS_AT_MOST = 16
"""Places at which JSON is looked for: a try takes time linear in what follows."""

_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_START = re.compile(r'(?:\[\s*)?\{\s*"')
_SLIP = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|,(?=\s*[\]}])', re.DOTALL)
_APOSTROPHE = re.compile(r"(?<!\\)((?:\\\\)*)\\'")
_KEY = re.compile(r'[{,]\s*"(?:points|quotes)"\s*:\s*(?:[\["]|\Z)')
_OPENED = re.compile(r"\s*(?:```json\b|(?:```\w*\s*)?[\[{]\s*(?:[\"'{}\]]|\Z))")


def read_points(text: str) -> tuple[Point, ...] | None:
    r"""Read a reply in `POINTS_FORMAT` or `REFINED_FORMAT`; None where it is something else.

    What stands around the JSON, such as a Markdown fence or thoughts, is passed over, and so are
    slips: line ends within strings, a comma too many, `\'`. Where points are given several times,
    the last whole ones that say something count. They may be a list alone; a quote that is alone
    may stand without its list, numbers may be strings, and what is missing is empty. Points without
    a text are left out. Linear in the length of the text.
    """
    answer = _answer(text)
    read = _read(answer)
    start = _START.search(answer)
    if read is None and start:
        return _read(_SLIP.sub(_mended, answer[start.start() :]))
    return read


def is_broken(text: str) -> bool:
    """Whether `text` was meant as points, but cannot be read, as where it was cut off.

    It is where it has their keys, or begins as JSON does; prose is not broken.
    """
    answer = _answer(text)
    is_meant = _OPENED.match(answer) or _KEY.search(answer)
    return is_meant is not None and read_points(text) is None


def _answer(text: str) -> str:
    """Return what stands after the thoughts that a reply begins with."""
    thought = _THOUGHT.match(text)
    return text[thought.end() :] if thought else text


def _read(text: str) -> tuple[Point, ...] | None:
    found: tuple[Point, ...] | None = None
    for points in _lists(text):
        read = (_point(each) for each in points)
        found = tuple(point for point in read if point.text) or found or ()
    return found


def _lists(text: str) -> Iterator[list[Any]]:
    """Yield what may be lists of points, in order; none stands within another."""
    import json

    decoder = json.JSONDecoder(strict=False)
    position = 0
    for _ in range(_STARTS_AT_MOST):
        start = _START.search(text, position)
        if start is None:
            return
        position = start.start() + 1
        try:
            value, end = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        points = _listed(value)
        if points is not None:
            position = end
            yield points


def _mended(slip: re.Match[str]) -> str:
    """Return a string with its apostrophes as JSON has them; a comma too many goes."""
    return "" if slip[0] == "," else _APOSTROPHE.sub(r"\1'", slip[0])


def _listed(value: Any) -> list[Any] | None:  # noqa: ANN401 - foreign JSON
    """Return the points of a reply; a point alone, which has numbers of points, is none."""
    if isinstance(value, list):
        several: list[Any] = cast("Any", value)
        return several if any("text" in _fields(each) for each in several) else None
    points = _fields(value).get("points")
    if not isinstance(points, list):
        return None
    listed: list[Any] = cast("Any", points)
    return None if "text" in value and not any(map(_fields, listed)) else listed


def _point(value: Any) -> Point:  # noqa: ANN401 - foreign JSON
    fields = {"text": value} if isinstance(value, str) else _fields(value)
    text = fields.get("text")
    quotes, numbers = _several(fields.get("quotes")), _several(fields.get("points"))
    return Point(
        text=text.strip() if isinstance(text, str) else "",
        quotes=tuple(each for each in quotes if isinstance(each, str) and each.strip()),
        points=tuple(each for each in map(_number, numbers) if each is not None),
    )


def _number(value: Any) -> int | None:  # noqa: ANN401 - foreign JSON
    """Return a number, also one that was written as 1.0, "1" or "[#1]"."""
    if isinstance(value, str):
        digits = value.strip("[#] ")
        return int(digits) if digits.isdecimal() and len(digits) < _DIGITS else None
    is_whole = type(value) is int or (isinstance(value, float) and value.is_integer())
    return int(value) if is_whole else None


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 - foreign JSON
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _several(value: Any) -> list[Any]:  # noqa: ANN401 - foreign JSON
    several: list[Any] = cast("Any", value) if isinstance(value, list) else [value]
    return several


def numbered(number: int, text: str) -> str:
    """Return a sentence with the number that a model shall keep it by, on one line."""
    return f"[#{number}] {unmarked(' '.join(text.split()))}"


def unmarked(text: str) -> str:
    """Take out of a text what has a meaning in the prompt of a merge, where it is to stand.

    The number of a point that stands in a document, "[#3]", would be taken for ours when a model
    copies it, and becomes "(#3)"; an indented line in quotation marks would be taken for a quote
    that was found, and is no longer indented.
    """
    return _MARK.sub(lambda mark: f"({mark[0][1:-1]})", _QUOTED_LINE.sub("", text))


def has_bare_mark(text: str) -> bool:
    """Whether `text` holds a number such as "[3]", so that one may be copied from it."""
    return _BARE.search(text) is not None


def read_marks(text: str, points: int) -> Marks:
    """Take the numbers of points out of `text`, with the white space before them.

    A number is written as it was given, "[#3]"; in a text without any so written, "[3]" is taken
    for one where there is such a point. Linear in the length of the text.

    Args:
        text: What a model wrote.
        points: How many points it was given.
    """
    found = list(_MARK.finditer(text)) or [
        mark
        for mark in _BARE.finditer(text)
        if all(1 <= number <= points for number in _numbers(mark[0]))
    ]
    pieces, marks = list[str](), list[tuple[int, tuple[int, ...]]]()
    position = length = 0
    is_head = False
    for mark in found:
        is_head = _begins_line(text, mark.start()) or (is_head and mark.start() == position)
        piece = text[position : mark.start()].rstrip(" \t")
        pieces.append(piece)
        length += len(piece)
        position = mark.end()
        if is_head:
            position = _BLANKS.match(text, position).end()  # type: ignore[union-attr] # it matches ""
        marks.append((length, tuple(_numbers(mark[0]))))
    return Marks(text="".join([*pieces, text[position:]]), marks=tuple(marks))


def _begins_line(text: str, offset: int) -> bool:
    return offset == 0 or text[offset - 1] == "\n"


def _numbers(mark: str) -> list[int]:
    return [int(digits) for digits in _NUMBER.findall(mark)]
