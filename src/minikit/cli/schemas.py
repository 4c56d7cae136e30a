"""The type that `--schema` names: a class of a Python module, or a JSON schema in a file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, Union, cast

from minikit.errors import ArgumentError

__all__ = ["read_schema"]

_PLAIN: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": None,
}
_FORMATS: dict[str, Any] = {"date": date, "date-time": datetime, "time": time}
"""Of strings; other formats are not checked."""

_LIMITS = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "pattern": "pattern",
}
_READ = {"type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "$ref"}
_TOLD = {"title", "description", "format"}
_IGNORED = {"$schema", "$id", "$defs", "definitions", "default", "examples", "additionalProperties"}
_KNOWN = _READ | _TOLD | _IGNORED | _LIMITS.keys()
_TEXTS = {"$ref", "title", "description", "format", "pattern"}
_NUMBERS = _LIMITS.keys() - {"pattern"}
_LISTS = {"type", "enum", "anyOf", "oneOf", "required"}


def read_schema(named: str) -> Any:  # noqa: ANN401 - a type, and those have none in common
    """Return the type that is named on the command line.

    Args:
        named: "MODULE:NAME", of a module that can be imported from the current folder, or the path
            of a JSON schema, whose name ends in ".json".

    Raises:
        ArgumentError: There is no such class or file, or it cannot be used; the message says why.
    """
    if named.lower().endswith(".json"):
        return _of_file(named)
    module, colon, name = named.partition(":")
    if not (module and colon and name):
        raise ArgumentError(
            f"--schema is MODULE:CLASS, such as shop:Receipt for the class Receipt in shop.py, or "
            f"FILE.json, not {named!r}"
        )
    found: object = _imported(module)
    for part in name.split("."):
        if not hasattr(found, part):
            raise ArgumentError(f"there is no {name!r} in the module {module!r}")
        found = getattr(found, part)
    return found


def _imported(module: str) -> object:
    if os.getcwd() not in sys.path:  # noqa: PTH109 - as strings, which sys.path holds
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        return import_module(module)
    except Exception as error:  # a module of the user's own may raise whatever it likes
        raise ArgumentError(
            f"cannot import {module!r}: {type(error).__name__}: {error}; it is looked for in the "
            f"current folder first"
        ) from error


def _of_file(path: str) -> Any:  # noqa: ANN401 - as of `read_schema`
    try:
        schema = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ArgumentError(f"cannot read the schema {path!r}: {error.strerror}") from error
    except ValueError as error:
        raise ArgumentError(f"{path!r} is not JSON in UTF-8: {error}") from error
    try:
        return _Reader(path, schema).type_of(schema, "reply")
    except RecursionError as error:
        raise ArgumentError(
            f"the schema {path!r} refers to itself, or is nested too deep"
        ) from error


class _Reader:
    """Makes types of the parts of one JSON schema; of objects dicts, whose keys can be any."""

    def __init__(self, path: str, root: object) -> None:
        self._path = path
        self._root = root

    def type_of(self, schema: object, where: str) -> Any:  # noqa: ANN401 - as of `read_schema`
        """Return the type that a part of the schema describes."""
        from pydantic import Field

        part = self._checked(schema, where)
        told = {
            _LIMITS.get(name, name): part[name]
            for name in part
            if name in _LIMITS or name in {"title", "description"}
        }
        kind = self._bare(part, where)
        return Annotated[kind, Field(**told)] if told else kind

    def _bare(self, part: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401 - as above
        if "$ref" in part:
            return self.type_of(self._target(part["$ref"], where), where)
        if "const" in part or "enum" in part:
            return Literal[tuple(part.get("enum", (part.get("const"),)))]
        choices = part.get("anyOf") or part.get("oneOf")
        if choices:
            return _either([self.type_of(each, where) for each in choices])
        kinds = part.get("type")
        if isinstance(kinds, list):
            each = cast("list[str]", kinds)
            return _either([self._of_kind({**part, "type": kind}, where) for kind in each])
        return self._of_kind(part, where)

    def _of_kind(self, part: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401 - as above
        kind = part.get("type")
        if kind == "array":
            return list[self.type_of(part.get("items"), f"{where}[]")]  # type: ignore[misc] # made at run time
        if kind == "object":
            return self._of_object(part, where)
        if not isinstance(kind, str) or kind not in _PLAIN:
            raise self._unusable(where, f"the type {kind!r}")
        return _FORMATS.get(part.get("format", ""), str) if kind == "string" else _PLAIN[kind]

    def _of_object(self, part: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401 - as above
        from typing_extensions import TypedDict

        if part.get("additionalProperties"):
            raise self._unusable(where, "keys that are not named (additionalProperties)")
        required = part.get("required", ())
        fields: dict[str, Any] = {}
        for name, each in self._checked(part.get("properties"), where, names=True).items():
            kind = self.type_of(each, f"{where}.{name}")
            fields[name] = kind if name in required else _either([kind, None])
        return TypedDict(str(part.get("title", where.rpartition(".")[2])), fields)  # type: ignore[operator] # made at run time

    def _target(self, reference: object, where: str) -> object:
        found = self._root
        for name in str(reference).removeprefix("#/").split("/"):
            found = _item(found, name)
        if found is None:
            raise self._unusable(where, f"the reference {reference!r}")
        return found

    def _checked(self, part: object, where: str, *, names: bool = False) -> Mapping[str, Any]:
        if not isinstance(part, Mapping):
            raise self._unusable(where, f"{json.dumps(part)[:40]} in the place of an object")
        checked = cast("Mapping[str, Any]", part)
        for name, value in () if names else checked.items():
            if name not in _KNOWN:
                raise self._unusable(where, f"the keyword {name!r}")
            if not _is_sound(name, value):
                raise self._unusable(where, f"{json.dumps(value)[:40]} as its {name!r}")
        return checked

    def _unusable(self, where: str, what: str) -> ArgumentError:
        return ArgumentError(
            f"the schema {self._path!r} has {what} at {where}, which cannot be used; name a class "
            f"instead: MODULE:CLASS"
        )


def _is_sound(name: str, value: object) -> bool:
    """Whether a keyword can have this value, as far as a type is made of it."""
    if name in _TEXTS:
        return isinstance(value, str)
    if name in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if name == "const":
        return value is None or isinstance(value, str | int | float)
    if name not in _LISTS or (name == "type" and isinstance(value, str)):
        return True
    each = cast("list[object]", value) if isinstance(value, list) else []
    if name == "required":
        return isinstance(value, list)
    return bool(each) and (name != "enum" or all(_is_sound("const", item) for item in each))


def _item(part: object, name: str) -> object:
    return cast("Mapping[str, object]", part).get(name) if isinstance(part, Mapping) else None


def _either(kinds: Sequence[Any]) -> Any:  # noqa: ANN401 - as of `read_schema`
    return Union[tuple(kinds)]  # noqa: UP007 - their number is not known here
