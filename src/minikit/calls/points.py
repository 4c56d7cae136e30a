"""The one form in which the offline model fills a JSON schema: points with their quotes.

    {"points": [{"text": "What is said.", "quotes": ["What is said."], "points": []}]}

A sentence of the material is its own quote. One from a numbered line of an earlier call (see
`minikit.calls.selection`) has no quote but the number, where the schema has a place for it.
Where the schema asks, beside the points, whether the answer was found, it is where there are any.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from minikit.calls.selection import select_sentences
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.calls.selection import Selected

__all__ = ["PointsForm"]

_DEFS = "#/$defs/"
_REFERENCES_AT_MOST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsForm:
    """A form of points.

    Attributes:
        is_numbered: Whether a point has a place for the numbers of the points it was made of.
        asks_found: Whether "found" stands beside the points.
    """

    is_numbered: bool
    asks_found: bool = False

    @classmethod
    def of(cls, response_format: Mapping[str, Any]) -> PointsForm | None:
        """Read a `response_format`; None where it asks for anything else."""
        if response_format.get("type") != "json_schema":
            return None
        schema = _Schema(_mapping(_mapping(response_format.get("json_schema")).get("schema")))
        fields = schema.properties(schema.root, {"points", "found"})
        items = schema.properties(schema.items(fields.get("points")), {"text", "quotes", "points"})
        fits = (
            schema.is_a(items.get("text"), "string")
            and schema.is_a(schema.items(items.get("quotes")), "string")
            and ("points" not in items or schema.is_a(schema.items(items["points"]), "integer"))
            and ("found" not in fields or schema.is_a(fields["found"], "boolean"))
        )
        if not fits:
            return None
        return cls(is_numbered="points" in items, asks_found="found" in fields)

    def reply(self, prompt: str, *, max_tokens: int, encoding: str) -> str:
        """Select sentences of the material in `prompt`, and write each as a point.

        Args:
            prompt: Not blank; it says how many words are wanted (see `select`).
            max_tokens: Where the JSON would pass it, points are left out, evenly, so that what is
                left still stands for the whole; the last one stays even if it passes it.
            encoding: By which the tokens are counted.

        Returns:
            JSON of the form; its list is empty where the material is blank.
        """
        selected = select_sentences(prompt, max_tokens=max_tokens)
        points = [self._point(each) for each in selected if any(map(str.isalnum, each.words))]
        kept, json_text = len(points), self._written(points)
        while kept > 1 and (tokens := count_text(json_text, encoding)) > max_tokens:
            kept = max(1, min(kept - 1, kept * max_tokens // tokens))
            some = [points[number * len(points) // kept] for number in range(kept)]
            json_text = self._written(some if kept > 1 else [min(points, key=_size)])
        return json_text

    def _written(self, points: list[dict[str, Any]]) -> str:
        found = {"found": bool(points)} if self.asks_found else {}
        return json.dumps({**found, "points": points}, ensure_ascii=False)

    def _point(self, selected: Selected) -> dict[str, Any]:
        numbers = list(selected.points) if self.is_numbered else []
        point = {"text": selected.text, "quotes": [] if numbers else [selected.words]}
        return {**point, "points": numbers} if self.is_numbered else point


@dataclass(frozen=True, slots=True)
class _Schema:
    """A JSON schema from a request, in which anything may stand."""

    root: Mapping[str, Any]

    def properties(self, node: object, known: set[str]) -> Mapping[str, Any]:
        """Return the properties of an object; none where it requires others than are known."""
        node = self._followed(node)
        is_known = node.get("type") == "object" and known.issuperset(_texts(node.get("required")))
        return _mapping(node.get("properties")) if is_known else {}

    def items(self, node: object) -> Mapping[str, Any]:
        """Return what an array holds; nothing where it is none."""
        node = self._followed(node)
        return self._followed(node.get("items")) if node.get("type") == "array" else {}

    def is_a(self, node: object, kind: str) -> bool:
        return self._followed(node).get("type") == kind

    def _followed(self, node: object) -> Mapping[str, Any]:
        """Follow references; those that go in a circle end nowhere."""
        found = _mapping(node)
        for _ in range(_REFERENCES_AT_MOST):
            if "$ref" not in found:
                return found
            name = str(found["$ref"]).removeprefix(_DEFS)
            found = _mapping(_mapping(self.root.get("$defs")).get(name))
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _texts(value: object) -> list[str]:
    return [str(each) for each in cast("list[object]", value)] if isinstance(value, list) else []


def _size(point: Mapping[str, Any]) -> int:
    return len(point["text"])
