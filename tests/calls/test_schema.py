"""Strict schemas: what is written for a type, and what is read back from a reply."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import count
from pathlib import Path
from types import GenericAlias, NoneType
from typing import Annotated, Any, Literal, NamedTuple, assert_type
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AnyUrl,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    RootModel,
    TypeAdapter,
    WithJsonSchema,
    create_model,
    field_validator,
)
from typing_extensions import TypeAliasType, TypedDict

import strategies  # noqa: F401 - loads the profile that sets no deadline
from minikit import ArgumentError
from minikit.calls.schema import Misfit, Schema

# --- what a strict schema is


ALLOWED = {
    "string": {"pattern", "format", "enum", "const"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "boolean": set(),
    "null": set(),
    "array": {"items", "minItems", "maxItems"},
    "object": {"properties", "required", "additionalProperties"},
}
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}


def check_strict(wire: dict[str, Any]) -> None:
    """Check every rule of strict schemas, as the guide has them."""
    definitions = wire.get("$defs", {})
    assert wire["type"] == "object"
    assert "anyOf" not in wire
    check_node({key: value for key, value in wire.items() if key != "$defs"}, definitions)
    for node in definitions.values():
        check_node(node, definitions)


def check_node(node: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Check one schema and those within it."""
    rest = node.keys() - {"description"}
    if "$ref" in node:
        assert node.keys() == {"$ref"}
        assert node["$ref"].removeprefix("#/$defs/") in definitions
    elif "anyOf" in node:
        assert rest == {"anyOf"}
        assert node["anyOf"]
        for member in node["anyOf"]:
            check_node(member, definitions)
    elif "enum" in node or "const" in node:
        assert rest in ({"type", "enum"}, {"type", "const"})
    else:
        assert rest - {"type"} <= ALLOWED[node["type"]]
        assert node.get("format", "date") in FORMATS
        if node["type"] == "array":
            check_node(node["items"], definitions)
        if node["type"] == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])
            for inner in node["properties"].values():
                check_node(inner, definitions)


def admits(node: dict[str, Any], value: object, definitions: dict[str, Any]) -> bool:
    """Whether a strict schema admits a JSON value, its bounds aside."""
    if "$ref" in node:
        return admits(definitions[node["$ref"].removeprefix("#/$defs/")], value, definitions)
    if "anyOf" in node:
        return any(admits(member, value, definitions) for member in node["anyOf"])
    if "enum" in node or "const" in node:
        return value in node.get("enum", [node.get("const")])
    match value:
        case list():
            inner = (admits(node["items"], each, definitions) for each in value)
            return node["type"] == "array" and all(inner)
        case dict():
            return (
                node["type"] == "object"
                and value.keys() == node["properties"].keys()
                and all(
                    admits(node["properties"][key], each, definitions)
                    for key, each in value.items()
                )
            )
    kinds = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    kind = kinds[type(value)]
    return node["type"] == kind or (node["type"], kind) == ("number", "integer")


# --- properties, for types and values that are drawn

Drawn = tuple[Any, st.SearchStrategy[Any]]  # a type and its values
numbers = count()


class Color(Enum):
    """A choice of mixed values."""

    RED = "red"
    BLUE = 2


class Cat(BaseModel):
    """A cat."""

    lives: int = 9
    kind: Literal["cat"] = "cat"


class Dog(BaseModel):
    """A dog."""

    name: str | None = None
    kind: Literal["dog", "hound"]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]

leaves = st.sampled_from(
    [
        (int, st.integers()),
        (float, st.floats(allow_nan=False, allow_infinity=False)),
        (str, st.text()),
        (bool, st.booleans()),
        (Annotated[str, Field(min_length=1, pattern="^a")], st.text("bc").map("a".__add__)),
        (Annotated[int, Field(ge=2, lt=9)], st.integers(2, 8)),
        (date, st.dates()),
        (datetime, st.datetimes()),
        (timedelta, st.timedeltas(timedelta(0), timedelta(900))),
        (UUID, st.uuids()),
        (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
        (Literal["a", 1, None], st.sampled_from(["a", 1, None])),
        (Color, st.sampled_from(Color)),
        (Path, st.just(Path("a/b"))),
        (Pet, st.builds(Cat) | st.builds(Dog)),
        (Cat | Dog, st.builds(Cat) | st.builds(Dog)),
        (NoneType, st.none()),
    ]
)


def containers(inner: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn]:
    """Draw types that hold others."""

    def model(fields: dict[str, tuple[Drawn, bool]], data: st.DataObject) -> Drawn:
        kinds: dict[str, Any] = {
            name: (kind, data.draw(values) if has_default else ...)
            for name, ((kind, values), has_default) in fields.items()
        }
        made = create_model(f"Model{next(numbers)}", **kinds)
        values = {name: drawn[1] for name, (drawn, _) in fields.items()}
        return made, st.builds(made, **values)

    named = st.dictionaries(st.sampled_from("abcde"), st.tuples(inner, st.booleans()), max_size=4)
    return st.one_of(
        inner.map(lambda each: (several(each[0]), st.lists(each[1], max_size=3))),
        inner.map(lambda each: (each[0] | None, st.none() | each[1])),
        st.tuples(inner, inner).map(
            lambda both: (
                GenericAlias(tuple, (both[0][0], both[1][0])),
                st.tuples(both[0][1], both[1][1]),
            )
        ),
        st.builds(model, named, st.data()),
    )


types = st.recursive(leaves, containers, max_leaves=8)


@given(types, st.data())
def test_what_is_valid_is_admitted_and_read_back(drawn: Drawn, data: st.DataObject) -> None:
    """The schema of any type is strict, admits every value of it, and reads it back."""
    kind, values = drawn
    schema = Schema.of(kind)
    check_strict(schema.wire)
    value = data.draw(values)
    dumped = TypeAdapter(kind).dump_json(value, warnings="error").decode()
    is_object = "value" not in schema.wire["properties"]
    text = dumped if is_object else f'{{"value": {dumped}}}'
    assert admits(schema.wire, json.loads(text), schema.wire.get("$defs", {}))
    assert schema.parse(text) == value
    assert schema.parse(f"So:\n```json\n{text}\n```\nThat is all.") == value


@given(st.dictionaries(st.sampled_from("abcde"), leaves, min_size=1), st.data())
def test_null_leaves_the_default(fields: dict[str, Drawn], data: st.DataObject) -> None:
    """A null for a field with a default is the default, unless the field takes null itself."""
    kinds: dict[str, Any] = {
        name: (kind, data.draw(values)) for name, (kind, values) in fields.items()
    }
    model = create_model(f"Model{next(numbers)}", **kinds)
    read = Schema.of(model).parse(json.dumps(dict.fromkeys(fields)))
    takes_null = {name: None for name, (kind, _) in fields.items() if kind in NULLABLE}
    assert read == model(**takes_null)


NULLABLE = (NoneType, Literal["a", 1, None])


@given(st.text() | st.text('{}[]",:123 nulltrue`\n').map("```json\n{0}\n```".format))
def test_any_text_is_read_or_is_a_misfit(text: str) -> None:
    """Whatever a model writes, it is a value or has problems in plain words."""
    try:
        assert isinstance(Schema.of(Cat).parse(text), Cat)
    except Misfit as misfit:
        assert all(misfit.problems)  # noqa: PT017 - either is right


# --- what is written


class Line(BaseModel):
    """One line of an invoice."""

    item: str = Field(min_length=1, examples=["paper"], description="What was sold")
    tags: set[str] = Field(default_factory=set, description="Any")
    price: Decimal


class Invoice(BaseModel):
    """An invoice."""

    number: str = Field(pattern="^[0-9]+$")
    lines: list[Line]
    pay_to: str | None = None
    site: AnyUrl
    kind: Literal["invoice"] = "invoice"


def test_the_types_are_known() -> None:
    """Type checkers know what is read back."""
    assert_type(Schema.of(Invoice), Schema[Invoice])
    assert_type(Schema.of(list[Invoice]).parse('{"value": []}'), list[Invoice])
    assert_type(Schema.of(int), Schema[int])
    assert_type(Schema.of(Cat | None), Schema[Cat | None])
    assert_type(Schema.of(Literal["a", "b"]).parse('{"value": "a"}'), Literal["a", "b"])


def test_a_whole_schema() -> None:
    """Everything is required, closed and typed; what strict schemas cannot say is described."""
    assert Schema.of(Invoice).wire == {
        "type": "object",
        "description": "An invoice.",
        "properties": {
            "kind": {"type": "string", "const": "invoice"},
            "number": {"type": "string", "pattern": "^[0-9]+$"},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            "pay_to": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "site": {"type": "string", "description": "(minLength: 1; format: uri)"},
        },
        "required": ["kind", "number", "lines", "pay_to", "site"],
        "additionalProperties": False,
        "$defs": {
            "Line": {
                "type": "object",
                "description": "One line of an invoice.",
                "properties": {
                    "item": {
                        "type": "string",
                        "description": "What was sold (minLength: 1; examples: ['paper'])",
                    },
                    "tags": {
                        "anyOf": [
                            {"type": "array", "items": {"type": "string"}},
                            {"type": "null"},
                        ],
                        "description": "Any (uniqueItems: True) (null: to leave it out)",
                    },
                    "price": {"anyOf": [{"type": "number"}, {"type": "string"}]},
                },
                "required": ["item", "tags", "price"],
                "additionalProperties": False,
            }
        },
    }


def test_the_forms_on_the_wire() -> None:
    """A schema is sent as a response format, as a tool that must be called, or in words."""
    schema = Schema.of(Literal["yes", "no"])
    wire = {
        "type": "object",
        "properties": {"value": {"type": "string", "enum": ["yes", "no"]}},
        "required": ["value"],
        "additionalProperties": False,
    }
    assert schema.response_format() == {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": wire},
    }
    assert schema.tool() == {
        "type": "function",
        "function": {
            "name": "reply",
            "description": "Takes the whole answer as its arguments.",
            "parameters": wire,
        },
    }
    assert schema.tool_choice() == {"type": "function", "function": {"name": "reply"}}
    first, _, rest = schema.instructions().partition("\n")
    assert "JSON" in first
    assert json.loads(rest) == wire


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Invoice, "Invoice"),
        (int, "reply"),
        (list[Invoice], "reply"),
        (Color, "Color"),
        (RootModel[list[int]], "RootModel_list_int"),
        (create_model("x" * 99), "x" * 64),
        (create_model("Shop", __config__=ConfigDict(title="Bücher & more!")), "B_cher_more"),
        (create_model("Shop", __config__=ConfigDict(title="店")), "reply"),
    ],
)
def test_names_are_what_servers_take(kind: type[object], name: str) -> None:
    """A schema is called as its type, in the characters that the wire allows."""
    assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", name)
    assert Schema.of(kind).name == name


class Node(BaseModel):
    """A tree."""

    children: list[Node] = []


Nested = TypeAliasType("Nested", "int | list[Nested]")


def test_recursive_types() -> None:
    """A type may hold itself; its root is an object, not a reference."""
    schema = Schema.of(Node)
    check_strict(schema.wire)
    assert schema.parse('{"children": [{"children": null}]}') == Node(children=[Node()])
    check_strict(Schema.of(Nested).wire)
    assert Schema.of(Nested).parse('{"value": [1, [2, []]]}') == [1, [2, []]]


@plain_dataclass
class Point:
    """A point."""

    x: int
    tags: list[str] = field(default_factory=list)


class Row(TypedDict, total=False):
    """A row."""

    a: int


class Position(NamedTuple):
    """A position."""

    lat: float
    name: str


def test_types_that_are_no_models() -> None:
    """Dataclasses, typed dicts and named tuples are objects and lists of their own."""
    assert Schema.of(Point).parse('{"x": 1, "tags": null}') == Point(1)
    assert Schema.of(Row).parse('{"a": null}') == {}
    position = Schema.of(Position)
    assert position.parse('{"value": [1.5, "here"]}') == Position(1.5, "here")
    assert position.wire["properties"]["value"] == {
        "type": "array",
        "items": {"anyOf": [{"type": "number"}, {"type": "string"}]},
        "minItems": 2,
        "maxItems": 2,
        "description": "(in this order: ['Lat', 'Name'])",
    }
    assert Schema.of(tuple[int, int]).wire["properties"]["value"]["items"] == {"type": "integer"}


def test_a_described_reference() -> None:
    """Beside a reference nothing may stand, beside a union a description may."""
    model = create_model("Owner", pet=(Cat, Field(description="Hers")))
    assert Schema.of(model).wire["properties"]["pet"] == {
        "anyOf": [{"$ref": "#/$defs/Cat"}],
        "description": "Hers",
    }


def test_patterns_that_look_around_are_told() -> None:
    """What the server's patterns cannot do is left to the model and to pydantic."""

    class Odd(BaseModel):
        model_config = ConfigDict(regex_engine="python-re")
        word: str = Field(pattern="^(?!no)")

    schema = Schema.of(Odd)
    assert schema.wire["properties"]["word"] == {
        "type": "string",
        "description": "(pattern: ^(?!no))",
    }
    with pytest.raises(Misfit, match="should match pattern"):
        schema.parse('{"word": "no"}')


def test_models_that_allow_more_are_closed() -> None:
    """A model that takes further fields is asked for those it names."""
    model = create_model("Open", a=(int, ...), __config__=ConfigDict(extra="allow"))
    check_strict(Schema.of(model).wire)


def test_a_default_that_is_no_json() -> None:
    """Defaults are not sent, so that they may be anything."""
    model = create_model("Thing", a=(int, object()))
    check_strict(Schema.of(model).wire)


def several(kind: Any) -> Any:  # noqa: ANN401 - a type that is drawn
    """Return the type of a list of these."""
    return GenericAlias(list, kind)


def strange(kind: Any) -> Any:  # noqa: ANN401 - a type that is drawn
    """Make a model whose field has this type."""
    part = create_model("Part", x=(kind, ...))
    return create_model("Order", lines=(several(part), ...))


WIDE: dict[str, Any] = {f"a{number}": (int, ...) for number in range(5_001)}
LONG: dict[str, Any] = {"x" * 120_001: (int, ...)}


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        (strange(dict[str, int]), r"Order\.lines\[\]\.x may have any keys; .* use a list"),
        (dict, "reply may have any keys"),
        (create_model("Bag", __config__=ConfigDict(extra="allow")), "Bag may have any keys"),
        (strange(Any), r"Order\.lines\[\]\.x may be anything; .* annotate it"),
        (strange(JsonValue), r"Order\.lines\[\]\.x may be anything"),
        (list, r"reply\[\] may be anything"),
        (tuple[()], r"reply\[\] may be anything"),
        (Annotated[int, WithJsonSchema({"allOf": [{"type": "integer"}]})], "reply uses 'allOf'"),
        (Annotated[int, WithJsonSchema({"type": "integer", "not": {}})], "reply uses 'not'"),
        (Enum("Pairs", {"A": (1, 2)}), "Pairs is a choice of values that are not texts"),
        (3, "no schema can be made of 3: Unable"),
        ("Nowhere", "no schema can be made of 'Nowhere'"),
        (type, "no schema can be made of <class 'type'>: Cannot generate"),
        (len, "a schema is a type, not the function len"),
        (
            create_model("Wide", **WIDE),
            "the schema of Wide has 5001 properties, and a strict one at most 5000",
        ),
        (Literal[tuple(range(1_001))], "has 1001 values to choose from"),
        (Literal[tuple(f"{number:0>60}" for number in range(251))], "15060 characters in a list"),
        (create_model("Long", **LONG), "has 120001 characters of names"),
    ],
)
def test_what_no_strict_schema_describes(kind: Any, match: str) -> None:  # noqa: ANN401
    """What strict mode cannot have is refused before anything is sent, with the way out."""
    with pytest.raises(ArgumentError, match=match):
        Schema.of(kind)


@pytest.mark.parametrize("levels", [10, 11])
def test_levels(levels: int) -> None:
    """Objects may stand in objects ten deep, however often one is used."""
    model: Any = create_model("Level", x=(int, ...))
    for number in range(levels - 1):
        model = create_model(f"Level{number}", a=(model, ...), b=(several(model), ...))
    if levels <= 10:
        check_strict(Schema.of(model).wire)
        return
    with pytest.raises(ArgumentError, match="has 11 levels of objects"):
        Schema.of(model)


def test_schemas_are_kept() -> None:
    """The schema of a type is made once, and types that are written differently are apart."""
    assert Schema.of(Invoice) is Schema.of(Invoice)
    assert Schema.of(int | str) is not Schema.of(str | int)
    assert Schema.of(Annotated[int, ["not hashable"]]).wire == Schema.of(int).wire
    assert Schema.of(Invoice).fingerprint != Schema.of(Line).fingerprint


# --- what is read


@pytest.mark.parametrize(
    "text",
    [
        '{"lives": 7, "kind": "cat"}',
        ' \n{"lives": 7, "kind": "cat"}\n',
        '\ufeff{"lives": 7, "kind": "cat"}',
        '```json\n{"lives": 7}\n```',
        '```\r\n{"lives": 7}\r\n```',
        'First:\n```python\nx = {"a": y}\n```\nthen:\n```json\n{"lives": 7}\n```',
        'Here you are: {"lives": 7}. Anything else?',
        'I take {braces} for no JSON. {"lives": 7}',
        'Not {"kind": "cow"}, but {"lives": 7}, see [1].',
        'At first {"lives": 6}, but then {"lives": 7}',
        'This fits {"lives": 7} and this does not: {"lives": "many"}',
        '{"lives": 7}}',
        '{"lives": 7.0}',
        '{"lives": "7"}',
        '{"lives": 7, "colour": "grey"}',
    ],
)
def test_json_is_found(text: str) -> None:
    """What wraps the JSON does not matter, and the last value that fits counts."""
    assert Schema.of(Cat).parse(text) == Cat(lives=7)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no JSON object in the reply"),
        ("Nine, I think.", "there is no JSON object in the reply"),
        ('{"lives": 7', "the JSON is broken: Expecting ',' delimiter: line 1 column 12 (char 11)"),
        ('So: {"lives": {"lives": 7}', "the JSON is broken: Expecting ',' delimiter"),
        ('Here: [{"lives": 7}, {"lives', "the JSON is broken: Unterminated string"),
        ("{'lives': 7}", "there is no JSON object in the reply"),
        ('{"lives": 7, "lives": 8}', "the key 'lives' stands more than once in an object"),
        ('{"lives": NaN}', "NaN is not JSON"),
        ('{"lives": -Infinity}', "-Infinity is not JSON"),
        ('{"lives": 1e999}', "a number is out of range"),
        ('{"lives": ' + "1" * 5_000 + "}", "a number is out of range"),
        ("[" * 100_000, "the JSON is nested too deeply"),
        ('{"lives": ' * 50 + "1" + "}" * 50, "lives: Input should be a valid integer"),
        ('{"lives": ' * 250 + "1" + "}" * 250, "recursion limit exceeded"),
        ("[]", "the reply: Input should be an object (given: [])"),
        ('{"lives": "many"}', "lives: Input should be a valid integer"),
        ('Not {"lives": 7.5} but {"lives": "many"}', "(given: 'many')"),
    ],
)
def test_what_does_not_fit_is_told(text: str, problem: str) -> None:
    """What is wrong is told in plain words, for the model to mend."""
    with pytest.raises(Misfit, match=re.escape(problem)) as caught:
        Schema.of(Cat).parse(text)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_problems_name_the_path() -> None:
    """Each problem says where it is, and what stands there, shortened."""
    reply = {"number": "1", "lines": [{"item": "x", "price": "y" * 99}], "site": "here"}
    with pytest.raises(Misfit, match="number") as caught:
        Schema.of(list[Invoice]).parse(json.dumps({"value": [reply, {}]}))
    assert caught.value.problems == (
        f"value.0.lines.0.price: Input should be a valid decimal (given: '{'y' * 59}...)",
        "value.0.site: Input should be a valid URL, relative URL without a base (given: 'here')",
        "value.1.number: Field required",
        "value.1.lines: Field required",
        "value.1.site: Field required",
    )


def test_many_problems() -> None:
    """A model is told no more than it can take in."""
    with pytest.raises(Misfit, match="and 5 more") as caught:
        Schema.of(list[int]).parse(json.dumps({"value": ["x"] * 25}))
    assert len(caught.value.problems) == 21


def test_wrappers_may_be_left_out() -> None:
    """A type that is no object is read with its wrapper or without."""
    lines = Schema.of(list[Line])
    wanted = [Line(item="a", price=Decimal(1))]
    bare = '[{"item": "a", "tags": null, "price": "1"}]'
    for text in (f'{{"value": {bare}}}', bare, f"```json\n{bare}\n```", f"Here: {bare}."):
        assert lines.parse(text) == wanted
    assert Schema.of(Cat | None).parse('{"kind": "cat"}') == Cat()
    assert Schema.of(int).parse("42") == 42


def test_texts_as_models_write_them() -> None:
    """Raw line breaks are taken, and what no UTF-8 text holds is replaced."""
    assert Schema.of(str).parse('{"value": "a\nb\\ud800"}') == "a\nb\ufffd"


def test_strict_models_read_json() -> None:
    """A strict model takes a date from a text, as in any JSON, and no number from one."""

    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        on: date
        tags: tuple[str, ...]

    read = Schema.of(Strict).parse('{"on": "2026-11-22", "tags": ["a"]}')
    assert read == Strict(on=date(2026, 11, 22), tags=("a",))
    with pytest.raises(Misfit, match="on: Input should be a valid date"):
        Schema.of(Strict).parse('{"on": 3, "tags": []}')


def test_validators_of_the_model_count() -> None:
    """What a validator says is told to the model."""

    class Even(BaseModel):
        number: int

        @field_validator("number")
        @classmethod
        def is_even(cls, value: int) -> int:
            if value % 2:
                raise ValueError("choose an even number")
            return value

    with pytest.raises(Misfit, match=r"number: Value error, choose an even number \(given: 3\)"):
        Schema.of(Even).parse('{"number": 3}')


class Bird(BaseModel):
    """Has a field that takes null where the cat's takes none."""

    lives: int | None
    wings: int = 2


def test_nulls_within_unions() -> None:
    """Which nulls mean a default depends on the member that the object is."""
    birds = Schema.of(list[Bird | Pet | list[Bird] | int])
    text = json.dumps(
        [
            {"lives": None, "wings": None},
            {"lives": None, "kind": "cat"},
            {"kind": "dog", "name": None},
            [{"lives": None, "wings": None}],
            5,
        ]
    )
    assert birds.parse(text) == [Bird(lives=None), Cat(), Dog(kind="dog"), [Bird(lives=None)], 5]
    pair = Schema.of(tuple[Cat, Bird])
    assert pair.parse('[{"lives": null}, {"lives": null, "wings": null}]') == (
        Cat(),
        Bird(lives=None),
    )
    with pytest.raises(Misfit, match="wings"):
        Schema.of(Bird | Cat).parse('{"kind": "cow", "wings": {"deep": [null]}}')
