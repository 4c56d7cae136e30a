"""JSON schemas as strict mode takes them, written after those of pydantic.

The rules and limits are those of OpenAI's guide "Structured model outputs", section "Supported
schemas", read 2026-11-22: every object is closed and requires all of its properties, and of the
keywords only some are supported. What a strict schema cannot say stands in a description for the
model to read; it is checked when the reply is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from minikit.errors import ArgumentError

__all__ = ["NULL", "Node", "branches", "choices", "strict", "takes_null", "target"]

Node = dict[str, Any]
"""A JSON schema, or a part of one."""

NULL: Node = {"type": "null"}

_DEFS = "#/$defs/"
_SCALARS = ("string", "integer", "number", "boolean", "null")
_JSON_TYPES: dict[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
_BOUNDS = (
    *("pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("multipleOf", "minItems", "maxItems"),
)
_TOLD = ("minLength", "maxLength", "uniqueItems", "examples")
_REFUSED = (
    *("allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas"),
    *("patternProperties", "contains"),
)
_LOOKAROUND = re.compile(r"\(\?<?[=!]")
"""What a pattern may not have; the servers of OpenAI fail on it with 500, see
https://github.com/pydantic/pydantic-ai/issues/5508."""

_PROPERTIES_AT_MOST = 5_000
_LEVELS_AT_MOST = 10
_CHOICES_AT_MOST = 1_000
_CHARACTERS_AT_MOST = 120_000
_LONG_LIST = 250
_LONG_LIST_CHARACTERS = 15_000


def strict(root: Node, source: Node, name: str, *, wrapper: str | None = None) -> Node:
    """Return the strict schema of a type.

    Args:
        root: Pydantic's schema of the type, without a reference at its root.
        source: The schema that holds the definitions that `root` refers to; left as it is.
        name: What messages call it.
        wrapper: The property of an object to put it into, where it is no object itself.

    Raises:
        ArgumentError: Strict mode has no schema for it, or it is too large.
    """
    writer = _Writer(source)
    wire = writer.node(root, name)
    if wrapper is not None:
        wire = _closed({wrapper: wire})
    if writer.defs:
        wire["$defs"] = writer.defs
    _check_size(wire, name)
    return wire


def target(reference: str, source: Node) -> Node:
    """Return what a reference within `source` means."""
    found: Node = source["$defs"][reference.removeprefix(_DEFS)]
    return found


def branches(node: Node, source: Node) -> Iterator[Node]:
    """Yield what a value may be by `node`: the members of a union, references followed."""
    if "$ref" in node:
        yield from branches(target(node["$ref"], source), source)
    elif members := node.get("anyOf") or node.get("oneOf"):
        for member in members:
            yield from branches(member, source)
    else:
        yield node


def choices(node: Node) -> Sequence[object]:
    """Return the values that `node` allows, or none where it lists none."""
    listed: Sequence[object] = node.get("enum") or ([node["const"]] if "const" in node else [])
    return listed


def takes_null(node: Node, source: Node) -> bool:
    """Tell whether a value may be null by `node`."""
    return any(
        branch.get("type") == "null" or None in choices(branch) for branch in branches(node, source)
    )


class _Writer:
    """Writes strict schemas, and their definitions where they are first referred to."""

    def __init__(self, source: Node) -> None:
        self.defs: dict[str, Node] = {}
        self._source = source

    def node(self, source: Node, at: str) -> Node:
        for keyword in _REFUSED:
            if keyword in source:
                raise ArgumentError(
                    f"in the schema, {at} uses {keyword!r}, which a strict one has not: "
                    f"describe it by models and unions of models"
                )
        wire = self._typed(source, at)
        told: Node = {key: source[key] for key in _TOLD if key in source}
        for key in _BOUNDS:
            if key in source:
                (wire if _is_supported(key, source[key]) else told)[key] = source[key]
        if positions := source.get("prefixItems"):
            told["in this order"] = [each.get("title") or each.get("type") for each in positions]
        return _described(wire, source.get("description"), told)

    def _typed(self, source: Node, at: str) -> Node:
        if "$ref" in source:
            return self._reference(source["$ref"], at)
        if members := source.get("anyOf") or source.get("oneOf"):
            return {"anyOf": [self.node(member, at) for member in members]}
        if choices(source):
            return _choice(source, at)
        kind = source.get("type")
        if kind == "object":
            return self._object(source, at)
        if kind == "array":
            return self._array(source, at)
        if kind not in _SCALARS:
            raise ArgumentError(
                f"in the schema, {at} may be anything; a strict one gives each value a type: "
                f"annotate it, such as str or list[str]"
            )
        return {"type": kind}

    def _reference(self, reference: str, at: str) -> Node:
        name = reference.removeprefix(_DEFS)
        if name not in self.defs:
            self.defs[name] = {}  # where a recursive type meets itself
            self.defs[name] = self.node(target(reference, self._source), at)
        return {"$ref": reference}

    def _object(self, source: Node, at: str) -> Node:
        properties: dict[str, Node] = source.get("properties", {})
        if not properties and source.get("additionalProperties", "properties" not in source):
            raise ArgumentError(
                f"in the schema, {at} may have any keys; a strict one names each key: "
                f"use a list of models that have the key as a field"
            )
        required = source.get("required", ())
        return _closed(
            {
                name: self._property(node, f"{at}.{name}", is_required=name in required)
                for name, node in properties.items()
            }
        )

    def _property(self, source: Node, at: str, *, is_required: bool) -> Node:
        """Every property is required on the wire; what has a default may be null instead."""
        wire = self.node(source, at)
        if is_required or "const" in wire or takes_null(source, self._source):
            return wire
        description = wire.pop("description", None)
        members = wire.get("anyOf", [wire])
        nullable: Node = {"anyOf": [*members, NULL]}
        return _described(nullable, description, {"null": "to leave it out"})

    def _array(self, source: Node, at: str) -> Node:
        """Write a list; a tuple is a list of any of its types, since there are no positions."""
        items: list[Node] = source.get("prefixItems") or [source.get("items") or {}]
        wires = [self.node(each, f"{at}[]") for each in items]
        kinds = [wire for number, wire in enumerate(wires) if wire not in wires[:number]]
        return {"type": "array", "items": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}


def _closed(properties: dict[str, Node]) -> Node:
    """Return an object of these properties alone, those with one possible value first.

    The members of a union are told apart by their first properties; OpenAI refuses some unions
    whose members begin alike ("must not share identical first keys").
    """
    order = sorted(properties, key=lambda name: "const" not in properties[name])
    return {
        "type": "object",
        "properties": {name: properties[name] for name in order},
        "required": order,
        "additionalProperties": False,
    }


def _choice(source: Node, at: str) -> Node:
    """Return a choice with its types, which pydantic leaves out where they are mixed."""
    kinds = [_JSON_TYPES.get(type(value)) for value in choices(source)]
    if None in kinds:
        raise ArgumentError(
            f"in the schema, {at} is a choice of values that are not texts, numbers or truth values"
        )
    distinct = list(dict.fromkeys(kinds))
    keyword = "enum" if "enum" in source else "const"
    return {"type": distinct if len(distinct) > 1 else distinct[0], keyword: source[keyword]}


def _is_supported(keyword: str, value: Any) -> bool:  # noqa: ANN401 - any JSON
    if keyword == "format":
        return value in _FORMATS
    return keyword != "pattern" or not _LOOKAROUND.search(value)


def _described(wire: Node, description: str | None, told: Node) -> Node:
    """Add what the model is told; beside a reference nothing may stand, but beside a union."""
    notes = "; ".join(f"{key}: {value}" for key, value in told.items())
    text = " ".join(filter(None, [description, notes and f"({notes})"]))
    if not text:
        return wire
    return {**({"anyOf": [wire]} if "$ref" in wire else wire), "description": text}


_NAMED = ("properties", "$defs")


def _check_size(wire: Node, name: str) -> None:
    nodes = list(_walk(wire))
    lists = [choices(node) for node in nodes]
    names = [key for node in nodes for part in _NAMED for key in node.get(part, ())]
    sizes = (
        ("properties", sum(len(n.get("properties", ())) for n in nodes), _PROPERTIES_AT_MOST),
        ("levels of objects", _levels(wire, wire, {}), _LEVELS_AT_MOST),
        ("values to choose from", sum(map(len, lists)), _CHOICES_AT_MOST),
        ("characters of names and values", _characters([names, *lists]), _CHARACTERS_AT_MOST),
        (
            f"characters in a list of more than {_LONG_LIST} values",
            max((_characters([each]) for each in lists if len(each) > _LONG_LIST), default=0),
            _LONG_LIST_CHARACTERS,
        ),
    )
    for what, size, most in sizes:
        if size > most:
            raise ArgumentError(
                f"the schema of {name} has {size} {what}, and a strict one at most {most}: "
                f"ask for less at a time"
            )


def _characters(lists: Sequence[Sequence[object]]) -> int:
    return sum(len(str(value)) for values in lists for value in values)


def _parts(node: Node) -> Iterator[Node]:
    yield from node.get("properties", {}).values()
    yield from node.get("anyOf", ())
    if "items" in node:
        yield node["items"]


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for part in (*_parts(node), *node.get("$defs", {}).values()):
        yield from _walk(part)


def _levels(node: Node, wire: Node, known: dict[str, int]) -> int:
    """Count how deep objects stand in objects; a recursive type is as deep as its first round."""
    reference = node.get("$ref")
    if reference is None:
        below = max((_levels(part, wire, known) for part in _parts(node)), default=0)
        return below + (node.get("type") == "object")
    if reference not in known:
        known[reference] = 0
        known[reference] = _levels(target(reference, wire), wire, known)
    return known[reference]
