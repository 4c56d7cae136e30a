"""From a type to a JSON schema, to the forms in which servers take it, and back to a value."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from minikit.calls.aliases import check_aliases
from minikit.calls.completion import well_formed
from minikit.calls.strict import NULL, Node, branches, choices, strict, takes_null, target
from minikit.errors import ArgumentError

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.json_schema import GenerateJsonSchema
    from typing_extensions import TypeForm

__all__ = ["Misfit", "Schema"]

T = TypeVar("T")
K = TypeVar("K")

_WRAPPER = "value"
_PROBLEMS_AT_MOST = 20
_SHOWN_CHARACTERS = 60
_SCHEMAS_KEPT = 128


class Misfit(Exception):  # noqa: N818 - an outcome, which never leaves this floor
    """A text does not fit a schema.

    Attributes:
        problems: What is wrong with it, one line each, for the model to read.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems


class Schema(Generic[T]):
    """A type as a strict JSON schema, and the way back from a reply to a value of the type.

    Made by `Schema.of`; never changes.

    Attributes:
        name: What it is called on the wire; matches `^[a-zA-Z0-9_-]{1,64}$`.
        wire: The JSON schema. Its root is an object; any other type stands in it as "value".
        fingerprint: Tells `wire` from any other.
    """

    def __init__(self, adapter: TypeAdapter[T]) -> None:
        """Build the schema; see `Schema.of`."""
        from hashlib import sha256

        source = root = adapter.json_schema(schema_generator=_generator())
        while "$ref" in root:
            root = target(root["$ref"], source)
        title = re.sub(r"[^a-zA-Z0-9_-]+", "_", root.get("title", "")).strip("_")
        self.name = title[:64] or "reply"
        self._adapter = adapter
        self._source = source
        self._is_wrapped = root.get("type") != "object"
        wrapper = _WRAPPER if self._is_wrapped else None
        self.wire = strict(root, source, self.name, wrapper=wrapper)
        self.fingerprint = sha256(json.dumps(self.wire).encode()).hexdigest()

    @overload
    @classmethod
    def of(cls, kind: type[K]) -> Schema[K]: ...
    @overload
    @classmethod
    def of(cls, kind: TypeForm[K]) -> Schema[K]: ...
    @classmethod
    def of(cls, kind: Any) -> Schema[Any]:
        """Return the schema of a type.

        Args:
            kind: What pydantic's TypeAdapter takes: a model, a dataclass, a TypedDict,
                `list[Model]`, `Literal[...]`, a union, `int`.

        Raises:
            ArgumentError: It is no type, or none that a strict schema can describe; the message
                names the field and the way out.
        """
        try:
            hash(kind)
        except TypeError:  # Annotated with something that can change
            return _schema_of(kind)
        return _kept_schema_of(kind, repr(kind))

    def response_format(self) -> dict[str, Any]:
        """Return the `response_format` of a request: the server holds the model to the schema."""
        return {
            "type": "json_schema",
            "json_schema": {"name": self.name, "strict": True, "schema": self.wire},
        }

    def tool(self) -> dict[str, Any]:
        """Return a tool whose arguments are the reply.

        It is not strict, so that servers take it which know no strict tools or not all of the
        schema; what comes back is checked here.
        """
        function = {
            "name": self.name,
            "description": "Takes the whole answer as its arguments.",
            "parameters": self.wire,
        }
        return {"type": "function", "function": function}

    def tool_choice(self) -> dict[str, Any]:
        """Return the `tool_choice` of a request that has the model call `tool()`."""
        return {"type": "function", "function": {"name": self.name}}

    def instructions(self) -> str:
        """Return what to tell a model whose server knows neither form."""
        schema = json.dumps(self.wire, ensure_ascii=False, separators=(",", ":"))
        return (
            "Reply with one JSON object that fits the JSON schema below, and with nothing else: "
            f"no explanation, no code fence.\n{schema}"
        )

    def parse(self, text: str) -> T:
        """Return the value that a reply holds.

        Where the text as a whole is not JSON, what stands in code fences or between other words
        is read; of several values the last that fits counts, since models think aloud first.
        A null for a field that has a default and takes no null leaves the default.

        Raises:
            Misfit: There is no JSON, or it is broken or ambiguous, or it does not fit the type.
        """
        misfit: Misfit | None = None
        try:
            for value in reversed(_json_values(text)):
                read = self._read(value)
                if not isinstance(read, Misfit):
                    return read
                misfit = misfit or read  # the problems that are told are those of the last value
        except RecursionError:
            misfit = Misfit("the JSON is nested too deeply")
        except ValueError:  # of 1e999, which would be infinite, or a whole number of 5,000 digits
            misfit = Misfit("a number is out of range")
        raise misfit or Misfit("there is no JSON object in the reply")

    def _read(self, value: object) -> T | Misfit:
        from pydantic import ValidationError

        value, path = self._unwrapped(value)
        value = _without_nulls(value, self._source, self._source)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        try:
            # Validated as JSON, where strict types take a date from a text and a set from a list.
            return self._adapter.validate_json(well_formed(text))
        except ValidationError as error:
            return Misfit(*_problems(error, path))

    def _unwrapped(self, value: object) -> tuple[object, tuple[str, ...]]:
        """Take off the wrapper, which a model that was told the schema in words may leave out."""
        if not (self._is_wrapped and isinstance(value, dict)):
            return value, ()
        fields = cast("dict[str, object]", value)
        return (fields[_WRAPPER], (_WRAPPER,)) if fields.keys() == {_WRAPPER} else (fields, ())


def _schema_of(kind: Any) -> Schema[Any]:  # noqa: ANN401 - any annotation
    from inspect import isroutine

    from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter
    from pydantic_core import SchemaError as UnusableError

    if isroutine(kind):  # pydantic would call it
        raise ArgumentError(f"a schema is a type, not the function {kind.__name__}")
    try:
        adapter = TypeAdapter(kind)
        check_aliases(cast("Any", adapter.core_schema))
        return Schema(adapter)
    except (PydanticUserError, PydanticUndefinedAnnotation, UnusableError) as error:
        reason = str(error).partition("\n")[0]
        raise ArgumentError(f"no schema can be made of {kind!r}: {reason}") from error


@lru_cache(maxsize=_SCHEMAS_KEPT)
def _kept_schema_of(kind: Any, _as_written: str) -> Schema[Any]:  # noqa: ANN401 - any annotation
    """Make once what takes milliseconds; `int | str` equals `str | int`, but reads differently."""
    return _schema_of(kind)


@cache
def _generator() -> type[GenerateJsonSchema]:
    from pydantic.json_schema import GenerateJsonSchema

    class Quiet(GenerateJsonSchema):
        """Does not warn of defaults that are no JSON: strict schemas have no defaults."""

        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    return Quiet


_FENCED = re.compile(r"```[\w-]*[ \t]*\r?\n(.*?)```", re.DOTALL)
_OPENING = re.compile(r'\{(?=\s*["}])|\[(?=\s*[\[{])')


def _json_values(text: str) -> list[object]:
    """Return the JSON values of a reply: the whole of it, else the fenced ones, else any."""
    text = text.removeprefix("\ufeff")
    for texts in ([text], _FENCED.findall(text)):
        values = [value for each in texts for value in _whole(each)]
        if values:
            return values
    return list(_scattered(text))


def _whole(text: str) -> Iterator[object]:
    with suppress(json.JSONDecodeError):
        yield _decoder().decode(text)


def _scattered(text: str) -> Iterator[object]:
    """Yield the objects, and lists of them, that stand between other words."""
    end = 0
    while opening := _OPENING.search(text, end):
        try:
            value, end = _decoder().raw_decode(text, opening.start())
        except json.JSONDecodeError as error:  # what stands inside of it is not the answer
            raise Misfit(f"the JSON is broken: {error}") from None
        yield value


@cache
def _decoder() -> json.JSONDecoder:
    """Take line breaks within texts, which models write, and nothing that is ambiguous."""
    return json.JSONDecoder(strict=False, object_pairs_hook=_object, parse_constant=_no_constant)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        ((key, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise Misfit(f"the key {_shown(key)} stands more than once in an object")
    return value


def _no_constant(name: str) -> object:
    raise Misfit(f"{name} is not JSON")


def _without_nulls(value: object, node: Node, source: Node) -> object:
    """Leave out each null of a field that has a default and takes none, so the default counts."""
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [
            _without_nulls(each, part, source)
            for each, part in zip(items, _item_nodes(node, source), strict=False)
        ]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, object]", value)
    branch = _branch_of(fields, node, source)
    properties, required = branch["properties"], branch.get("required", ())
    return {
        key: _without_nulls(each, properties.get(key, {}), source)
        for key, each in fields.items()
        if each is not None or key in required or takes_null(properties.get(key, NULL), source)
    }


def _item_nodes(node: Node, source: Node) -> Iterator[Node]:
    """Yield the schemas of the items of a list, without end."""
    for branch in branches(node, source):
        if branch.get("type") == "array":
            yield from branch.get("prefixItems", ())
            yield from repeat(branch.get("items", {}))
    anything: Node = {}
    yield from repeat(anything)


def _branch_of(fields: Node, node: Node, source: Node) -> Node:
    """Return the member of a union that an object most likely is: by its constants, then keys."""
    unknown: Node = {"properties": {}}
    fitting = (branch for branch in branches(node, source) if _may_be(fields, branch))
    return min(
        fitting,
        key=lambda branch: len(fields.keys() ^ branch["properties"].keys()),
        default=unknown,
    )


def _may_be(fields: Node, branch: Node) -> bool:
    properties: Node = branch.get("properties", {})
    return bool(properties) and all(
        value is None or value in (choices(properties.get(key, {})) or [value])
        for key, value in fields.items()
    )


def _problems(error: ValidationError, path: Iterable[str]) -> list[str]:
    """Tell what does not fit, and where, in the words of pydantic."""
    found = error.errors(include_url=False, include_context=False)
    told: list[str] = []
    for problem in found[:_PROBLEMS_AT_MOST]:
        where = ".".join(map(str, (*path, *problem["loc"]))) or "the reply"
        given = "" if problem["type"] == "missing" else f" (given: {_shown(problem['input'])})"
        told.append(f"{where}: {problem['msg']}{given}")
    if len(found) > _PROBLEMS_AT_MOST:
        told.append(f"and {len(found) - _PROBLEMS_AT_MOST} more")
    return told


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
