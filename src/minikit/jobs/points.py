"""Points: sentences with quotes, as a model gives them, and the numbers that it keeps them by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "POINTS_FORMAT",
    "REFINED_FORMAT",
    "Marks",
    "Point",
    "has_bare_mark",
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


def read_points(text: str) -> tuple[Point, ...] | None:
    """Read a reply in `POINTS_FORMAT` or `REFINED_FORMAT`; None where it is something else.

    What stands around the JSON, such as a Markdown fence, is passed over. A quote that is alone
    may stand without its list, and what is missing is empty. Points without a text are left out.
    """
    import json

    found = text[max(0, text.find("{")) : text.rfind("}") + 1]
    try:
        value: Any = json.loads(found)
    except (ValueError, RecursionError):
        return None
    points = _fields(value).get("points")
    if not isinstance(points, list):
        return None
    read = (_point(each) for each in cast("Any", points))
    return tuple(point for point in read if point.text)


def _point(value: Any) -> Point:  # noqa: ANN401 - foreign JSON
    fields = {"text": value} if isinstance(value, str) else _fields(value)
    text = fields.get("text")
    quotes, numbers = _several(fields.get("quotes")), _several(fields.get("points"))
    return Point(
        text=text.strip() if isinstance(text, str) else "",
        quotes=tuple(each for each in quotes if isinstance(each, str) and each.strip()),
        points=tuple(each for each in numbers if type(each) is int),
    )


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
