"""OpenAI's published schemas of requests, closed, so that a misspelt field is a problem.

    assert not problems("/chat/completions", {"model": "gpt-4o-mini", "messages": [...]})

`data/openapi.json` is an extract of the document, as it was published; it says from where. The
document leaves most objects open, as JSON Schema does: any further field would pass. So each
object with properties is closed here, but for those that another schema extends by `allOf`: there
the whole is closed.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # ships no types
from jsonschema.exceptions import best_match  # type: ignore[import-untyped] # ships no types

__all__ = ["line_problems", "problems", "published"]

_AT = "https://openai.invalid/openapi.json"
_CLOSED = "unevaluatedProperties"
_SHOWN = 200


@cache
def published() -> dict[str, Any]:
    """The extract of the document."""
    path = Path(__file__).parent / "data" / "openapi.json"
    return cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))


def problems(path: str, body: object) -> list[str]:
    """What is wrong with the body of a POST to `path`, such as "/chat/completions"; [] is good."""
    return _problems("bodies", path, body)


def line_problems(path: str, line: object) -> list[str]:
    """What is wrong with one line of a file that is sent to `path`."""
    return _problems("lines", path, line)


def _problems(section: str, path: str, value: object) -> list[str]:
    errors = list(_validator(section, path).iter_errors(value))
    # Where one field is wrong, the fields beside it count as not evaluated, too.
    told = [error for error in errors if error.validator != _CLOSED] or errors
    nearest = [best_match([error]) for error in told]  # to one of several forms
    return [f"{error.json_path}: {error.message[:_SHOWN]}" for error in nearest]


@cache
def _validator(section: str, path: str) -> Any:  # noqa: ANN401 - the package ships no types
    document = published()
    extended = _extended(document)
    schemas = {
        name: _closed(schema, is_part=name in extended)
        for name, schema in document["components"]["schemas"].items()
    }
    root = _closed(document[section][path])
    return Draft202012Validator({"$id": _AT, "components": {"schemas": schemas}, **root})


def _extended(node: object) -> set[str]:
    """The names of the schemas that others extend."""
    if isinstance(node, list):
        return set().union(*map(_extended, node))
    if not isinstance(node, dict):
        return set()
    parts = node.get("allOf", [])
    names = {part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part}
    return names.union(*map(_extended, node.values()))


def _closed(node: Any, *, is_part: bool = False) -> Any:  # noqa: ANN401 - any JSON
    """Forbid further fields in a schema and in all within it; not in itself if it `is_part`."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {
        key: [_closed(part, is_part=True) for part in item] if key == "allOf" else _closed(item)
        for key, item in node.items()
    }
    has_fields = isinstance(node.get("properties"), dict) or "allOf" in node
    if has_fields and not is_part and "additionalProperties" not in node:
        closed[_CLOSED] = False
    return closed
