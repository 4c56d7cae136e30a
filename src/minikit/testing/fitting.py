"""A value of the test's own, put into the form that a request asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

__all__ = ["fitted"]

Node = Mapping[str, Any]
NOTHING: Node = {}


def fitted(value: object, schema: Node | None) -> Any:  # noqa: ANN401 - any JSON
    """Return `value` as JSON in the form of `schema`.

    The forms that minikit asks for are the user's own with more around: a list stands in an object,
    and records have fields for quotes. What is missing is added as null or an empty list, where
    the form takes these; nothing else is made up.

    Args:
        value: A pydantic model, a dataclass, or what JSON can say.
        schema: What the reply must fit; None leaves the value as it is.
    """
    from pydantic_core import to_jsonable_python

    plain = to_jsonable_python(value)
    return plain if schema is None else _filled(_wrapped(plain, schema), schema, schema)


def _wrapped(value: object, schema: Node) -> Any:  # noqa: ANN401 - any JSON
    """Put a value that is not yet the object asked for under the one name that it has."""
    properties = _properties(schema)
    if len(properties) != 1 or properties.keys() & _keys(value):
        return value
    ((name, node),) = properties.items()
    if node.get("type") == "array" and not _is_list(value):
        return {name: [value]}
    return {name: value}


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _keys(value: object) -> set[str]:
    return set(cast("dict[str, object]", value)) if isinstance(value, dict) else set()


def _filled(value: object, node: Node, root: Node) -> Any:  # noqa: ANN401 - any JSON
    """Add to each object in `value` what it lacks and may be null or an empty list."""
    if isinstance(value, list):
        items: Node = _branch(node, "array", root).get("items", NOTHING)
        return [_filled(item, items, root) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    given = cast("dict[str, object]", value)
    properties = _properties(_branch(node, "object", root))
    filled = {
        name: _filled(item, properties.get(name, NOTHING), root) for name, item in given.items()
    }
    for name in properties.keys() - given.keys():
        if _branch(properties[name], "null", root):
            filled[name] = None
        elif _branch(properties[name], "array", root):
            filled[name] = []
    return filled


def _branch(node: Node, kind: str, root: Node) -> Node:
    """Return what `node` says of values of one type; {} where it takes none of them."""
    if "$ref" in node:
        name = str(node["$ref"]).rpartition("/")[2]
        return _branch(root.get("$defs", NOTHING).get(name, NOTHING), kind, root)
    if "anyOf" in node:
        branches = (_branch(each, kind, root) for each in node["anyOf"])
        return next(filter(None, branches), NOTHING)
    types = node.get("type")
    return node if kind == types or (isinstance(types, list) and kind in types) else NOTHING


def _properties(node: Node) -> Mapping[str, Node]:
    return cast("Mapping[str, Node]", node.get("properties", NOTHING))
