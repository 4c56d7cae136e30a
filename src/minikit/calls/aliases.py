"""Fields that a type reads from within another value, and from nowhere else.

`AliasPath("address", "city")` says where a field stands in the data of someone else. A JSON schema
has one name for a field, so that a model would be asked for what is then read at another place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from minikit.errors import ArgumentError

__all__ = ["check_aliases"]

_BY_NAME = ("validate_by_name", "populate_by_name")
_FOREIGN = ("metadata", "default", "serialization")
"""What of a core schema holds values and functions of the user's."""

_Path = Sequence[str | int]


def check_aliases(core_schema: Mapping[str, Any]) -> None:
    """Raise ArgumentError where a field of a type has no plain name that it is read by.

    Args:
        core_schema: The type, as pydantic-core knows it.
    """
    for owner, name, path in _unnamed(core_schema, "the type", by_name=False):
        told = ", ".join(map(repr, path))
        raise ArgumentError(
            f"in the schema, {owner}.{name} is read at AliasPath({told}) alone, which a JSON "
            f'schema cannot ask for: write AliasChoices("{name}", AliasPath({told})), or let '
            f"{owner} be read by the names of its fields (populate_by_name=True)"
        )


def _unnamed(node: object, owner: str, *, by_name: bool) -> Iterator[tuple[str, str, _Path]]:
    """Yield the fields without a plain name: of which type, their names and where they stand."""
    if isinstance(node, list | tuple):
        for each in cast("Sequence[object]", node):
            yield from _unnamed(each, owner, by_name=by_name)
    if not isinstance(node, dict):
        return
    parts = cast("dict[str, Any]", node)
    if "config" in parts:
        owner = parts["config"].get("title", owner)
        by_name = any(parts["config"].get(name) for name in _BY_NAME)
    if not by_name:
        for name, field in _fields(parts):
            if path := _place(field.get("validation_alias")):
                yield owner, name, path
    for key, each in parts.items():
        if key not in _FOREIGN:
            yield from _unnamed(each, owner, by_name=by_name)


def _fields(node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    fields = node.get("fields")
    if isinstance(fields, dict):
        yield from cast("dict[str, Mapping[str, Any]]", fields).items()
    elif node.get("type") == "dataclass-args":
        for field in cast("Sequence[Mapping[str, Any]]", fields):
            yield field["name"], field


def _place(alias: str | list[Any] | None) -> _Path | None:
    """Return where a field stands, the first place of several; None where it has a plain name."""
    if alias is None or isinstance(alias, str):
        return None
    if not isinstance(alias[0], list):
        return alias  # one AliasPath; its schema has the name of the field
    paths = cast("Sequence[_Path]", alias)
    return None if any(len(path) == 1 for path in paths) else paths[0]
