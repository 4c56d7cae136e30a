"""From a type to what a part of a source is asked for: records of which anything may be null.

A part rarely says all of a record, and a model that must fill a field makes something up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from types import GenericAlias
from typing import Annotated, Any, Generic, TypeVar, cast, get_args, get_origin

from minikit.calls.schema import Schema
from minikit.calls.strict import NULL, Node, target
from minikit.errors import ArgumentError

__all__ = [
    "ITEMS",
    "RecordSchema",
    "Reply",
    "as_list",
    "as_object",
    "branch_of",
    "branches_of",
    "takes_blank",
    "unannotated",
]

T = TypeVar("T")

ITEMS = "items"
"""Name of the property of a reply that lists what was found."""

QUOTES = "quotes"
Reply = dict[str, list[dict[str, Any]]]

_QUOTES_TOLD = (
    "the passages of the document that this rests on, copied word for word, each long enough to be "
    "found again"
)
_PROBLEMS_AT_MOST = 20
_EMPTY = ("null", "array")
_CLOSED = {"const", "enum", "format", "pattern"}
_SEVERAL = ("null", "array", "object")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSchema(Generic[T]):
    """A type whose values are looked for, and what a part of a source is asked for.

    Attributes:
        item: The type of one record.
        is_many: Whether there may be several.
        node: The JSON schema of one record as a part is asked for it; it has no references.
        quotes: Name of the property in it that holds quotes.
        reply: The schema of a reply.
    """

    item: Schema[Any]
    is_many: bool
    node: Node
    quotes: str
    reply: Schema[Reply]

    @classmethod
    def of(cls, kind: type[T]) -> RecordSchema[T]:
        """Read a type: a model, a dataclass or a TypedDict, or a list of one.

        Raises:
            ArgumentError: It is none of these, or a strict schema cannot describe it.
        """
        bare = unannotated(kind)
        is_many = get_origin(bare) is list
        one: Any = get_args(bare)[0] if is_many else kind
        item: Schema[Any] = Schema.of(one)
        several: Schema[Any] = Schema.of(cast("Any", GenericAlias(list, (one,))))
        node = _inlined(several.wire["properties"]["value"]["items"], several.wire, ())
        if node.get("type") != "object":
            raise ArgumentError(
                f"extract fills records: the schema is a model, a dataclass or a list of one, "
                f"not {kind!r}; anything else can be a field of one"
            )
        if not node["properties"]:
            raise ArgumentError(f"{item.name} has no fields, so that there is nothing to extract")
        quotes = _free_name(node)
        _check_columns(node, quotes, item.name)
        asked = _asked(node, quotes)
        return cls(
            item=item, is_many=is_many, node=asked, quotes=quotes, reply=_reply(asked, item.name)
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the fields, those of a record within with dots; a list is one field."""
        return tuple(name for name, _ in _columns(self.node, self.quotes))

    def filled(self, read: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was read of a record with null for what was not, at any depth."""
        found: dict[str, Any] = _filled(read, self.node, self.quotes)
        return found

    def check_key(self, key: tuple[str, ...] | None) -> None:
        """Raise ArgumentError unless `key` names fields, of many records."""
        if key is None:
            return
        if not self.is_many:
            raise ArgumentError(
                f"key={list(key)!r} tells records apart, and the schema is one record: "
                f"use list[...] of it, or leave key out"
            )
        columns = dict(_columns(self.node, self.quotes))
        for name in key:
            if name not in columns:
                told = ", ".join(columns)
                raise ArgumentError(f"key names {name!r}, which is no field; there are: {told}")
            if all(each.get("type") in _SEVERAL for each in branches_of(columns[name])):
                raise ArgumentError(
                    f"key names {name!r}, which holds lists or records of several kinds: what "
                    f"tells records apart is a single value"
                )


def unannotated(kind: Any) -> Any:  # noqa: ANN401 - a type of any kind
    """Return a type without what is annotated to it."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _inlined(node: Node, root: Node, within: tuple[str, ...]) -> Node:
    """Return a schema with what it refers to in its place."""
    if "$ref" in node:
        reference: str = node["$ref"]
        if reference in within:
            raise ArgumentError(
                f"the schema of {reference.rpartition('/')[2]} refers to itself, and extract takes "
                f"none that does: name its levels, or give the records of a list ids"
            )
        return _inlined(target(reference, root), root, (*within, reference))
    if len(node.get("anyOf", ())) == 1:  # how a reference is written that has a description
        (only,) = node["anyOf"]
        return {**_inlined(only, root, within), "description": node["description"]}
    found = {key: value for key, value in node.items() if key not in ("minItems", "maxItems")}
    if "properties" in node:
        parts: Mapping[str, Node] = node["properties"]
        found["properties"] = {name: _inlined(part, root, within) for name, part in parts.items()}
    if "anyOf" in node:
        found["anyOf"] = [_inlined(part, root, within) for part in node["anyOf"]]
    if "items" in node:
        found["items"] = _inlined(node["items"], root, within)
    return found


def _free_name(node: Node) -> str:
    """Return a name for the quotes that no field has."""
    taken, name = set(_names(node)), QUOTES
    while name in taken:
        name += "_"
    return name


def _names(node: Node) -> Iterator[str]:
    for branch in branches_of(node):
        parts: Mapping[str, Node] = branch.get("properties", {})
        yield from parts
        for part in (*parts.values(), branch.get("items")):
            yield from _names(part) if part else ()


def _asked(node: Node, quotes: str) -> Node:
    """Return the schema of a record as a part is asked for it: with quotes, and all may be null."""
    if "anyOf" in node:
        return {**node, "anyOf": [_asked(branch, quotes) for branch in node["anyOf"]]}
    if node.get("type") != "object":
        return _partial(node, quotes)
    texts = {"type": "array", "items": {"type": "string"}, "description": _QUOTES_TOLD}
    fields = _partial(node, quotes)
    properties = {quotes: texts, **fields["properties"]}
    return {**fields, "properties": properties, "required": list(properties)}


def _partial(node: Node, quotes: str) -> Node:
    """Return a schema whose fields may be null, at any depth; records in lists have quotes."""
    if "anyOf" in node:
        return {**node, "anyOf": [_partial(branch, quotes) for branch in node["anyOf"]]}
    if node.get("type") == "array":
        return {**node, "items": _asked(node["items"], quotes)}
    if node.get("type") != "object":
        return node
    parts: Mapping[str, Node] = node["properties"]
    return {
        **node,
        "properties": {name: _nullable(_partial(part, quotes)) for name, part in parts.items()},
    }


def _nullable(node: Node) -> Node:
    """Let a field be null; a list may be empty, and what has one possible value is told by it."""
    if "const" in node or any(branch.get("type") in _EMPTY for branch in branches_of(node)):
        return node
    inner = {key: value for key, value in node.items() if key != "description"}
    told = {"description": node["description"]} if "description" in node else {}
    return {"anyOf": [*inner.get("anyOf", [inner]), NULL], **told}


def _reply(asked: Node, name: str) -> Schema[Reply]:
    """Return the schema of a reply: a list of records, held to its structure alone.

    Servers that know no strict schemas return what the model wrote. A single value of another type
    than was asked for is told when the records are whole: it shall not cost the rest of a reply.
    """
    from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

    listed: Node = {"type": "array", "items": asked}

    def wrapped(reply: object) -> object:
        """Take the list alone, which a model that was told the schema in words may write."""
        return reply if as_list(reply) is None else {ITEMS: reply}

    def checked(reply: Reply) -> Reply:
        if ITEMS not in reply:
            raise ValueError(f"there is no list {ITEMS!r}")
        problems = _misfits(reply[ITEMS], listed, ITEMS)
        if told := "; ".join(islice(problems, _PROBLEMS_AT_MOST)):
            raise ValueError(told)
        return reply

    wire: Node = {"title": name, "type": "object", "properties": {ITEMS: listed}}
    wire["required"] = [ITEMS]
    kind = Annotated[Reply, BeforeValidator(wrapped), AfterValidator(checked), WithJsonSchema(wire)]
    return Schema.of(kind)


def _misfits(value: object, node: Node, at: str) -> Iterator[str]:
    """Tell where lists and objects are not as they were asked for."""
    if value is None:
        return
    kinds = [str(branch.get("type")) for branch in branches_of(node)]
    fields, items = as_object(value), as_list(value)
    branch = branch_of(value, node)
    if fields is None and items is None:
        if set(kinds) <= {"object", "array"}:
            yield f"{at} is no {kinds[0]}"
    elif not branch:
        yield f"{at} is no single value"
    for number, each in enumerate(items or () if branch else ()):
        yield from _misfits(each, branch["items"], f"{at}.{number}")
    properties: Mapping[str, Node] = branch.get("properties", {})
    for name, each in (fields or {}).items() if branch else ():
        if name in properties:
            yield from _misfits(each, properties[name], f"{at}.{name}")
        else:
            yield f"{at}.{name} is no field; there are {', '.join(properties)}"


def _columns(node: Node, quotes: str) -> Iterator[tuple[str, Node]]:
    """Yield the names of columns, with the schemas of what stands in them."""
    parts: Mapping[str, Node] = node["properties"]
    for name, part in parts.items():
        objects = [each for each in branches_of(part) if each.get("type") != "null"]
        if name == quotes:
            continue
        if len(objects) == 1 and objects[0].get("type") == "object":
            below = _columns(objects[0], quotes)
            yield from ((f"{name}.{column}", each) for column, each in below)
        else:
            yield name, part


def _check_columns(node: Node, quotes: str, name: str) -> None:
    """Raise ArgumentError where two fields would stand in one column."""
    columns = Counter(column for column, _ in _columns(node, quotes))
    ((column, count),) = columns.most_common(1)
    if count > 1:
        raise ArgumentError(
            f"in the schema, {name} has {count} fields that would be called {column!r} in a table: "
            f"rename one"
        )


def _filled(value: object, node: Node, quotes: str) -> Any:  # noqa: ANN401 - any JSON
    branch = branch_of(value, node)
    if (items := as_list(value)) is not None:
        return [_filled(each, branch["items"], quotes) for each in items]
    if (fields := as_object(value)) is None:
        return [] if value is None and node.get("type") == "array" else value
    parts: Mapping[str, Node] = branch["properties"]
    return {
        name: _filled(fields.get(name), part, quotes)
        for name, part in parts.items()
        if name != quotes
    }


def as_object(value: object) -> dict[str, Any] | None:
    """Return a JSON object, or None where a value is none."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[Any] | None:
    """Return a JSON list, or None where a value is none."""
    items: list[Any] | None = cast("Any", value) if isinstance(value, list) else None
    return items


def takes_blank(value: object, node: Node) -> bool:
    """Tell whether a value is null or an empty text, and an item of a list may be so."""
    if value is not None and not (isinstance(value, str) and not value.strip()):
        return False
    kind = "null" if value is None else "string"
    plain = (each for each in branches_of(node) if not each.keys() & _CLOSED)
    return any(each.get("type") == kind for each in plain)


def branches_of(node: Node) -> Iterable[Node]:
    """Return what a value may be by a schema without references."""
    return chain.from_iterable(map(branches_of, node["anyOf"])) if "anyOf" in node else (node,)


def branch_of(value: object, node: Node) -> Node:
    """Return the branch of a schema that an object or a list is of; {} where there is none."""
    none: Node = {}
    fields = as_object(value)
    if fields is None:
        return next((each for each in branches_of(node) if each.get("type") == "array"), none)
    objects = (each for each in branches_of(node) if each.get("type") == "object")
    return min(objects, key=lambda each: _strangeness(fields, each["properties"]), default=none)


def _strangeness(fields: Mapping[str, Any], properties: Mapping[str, Node]) -> tuple[bool, int]:
    """Tell how little an object looks like one of these properties: by its constants, then keys."""
    constants = ((name, node["const"]) for name, node in properties.items() if "const" in node)
    return (
        any(fields.get(name) != value for name, value in constants),
        len(fields.keys() - properties.keys()),
    )
