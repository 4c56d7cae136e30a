"""What a part of a source is asked for: the type with quotes, and anything may be null."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from minikit import ArgumentError
from minikit.calls.schema import Misfit
from minikit.jobs.extracting.records import RecordSchema


class State(Enum):
    """A choice."""

    OPEN = "open"
    PAID = "paid"


class Address(BaseModel):
    """A record within a record."""

    city: str
    zip: str | None = None


class Line(BaseModel):
    """A record in a list."""

    what: str
    amount: Decimal


class Invoice(BaseModel):
    """A bill."""

    number: str = Field(description="as printed", min_length=2)
    due: date
    state: State
    address: Address
    tags: list[str] = Field(min_length=1)
    lines: list[Line] = []
    note: str | None


@dataclass
class Person:
    """A dataclass is a record, too."""

    name: str
    age: int = 0
    quotes: list[str] = field(default_factory=list)


class Cat(BaseModel):
    """One of two kinds."""

    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    """The other."""

    kind: Literal["dog"]
    bark: str


class Zoo(BaseModel):
    """Records of several kinds in a list, and a value that may be a record."""

    animals: list[Cat | Dog]
    keeper: str | Person


class Tree(BaseModel):
    """A type that refers to itself."""

    name: str
    children: list[Tree]


class Named(BaseModel):
    """A type with two fields of one name, once they stand in a table."""

    address: Address
    city: str = Field(alias="address.city")


class Empty(BaseModel):
    """A type without fields."""


def wire(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a type
    """Return the schema of one item of a reply."""
    found: dict[str, Any] = RecordSchema[Any].of(kind).reply.wire["properties"]["items"]["items"]
    return found


def test_every_field_may_be_null_and_quotes_come_first() -> None:
    """A field keeps its type and its description; what is said in no part may be left out."""
    asked = wire(list[Invoice])
    assert list(asked["properties"]) == [
        *("quotes", "number", "due", "state", "address", "tags", "lines", "note"),
    ]
    assert asked["required"] == list(asked["properties"])
    assert asked["description"] == "A bill."
    number = asked["properties"]["number"]
    assert number["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert number["description"].startswith("as printed")
    assert asked["properties"]["due"]["anyOf"][0] == {"type": "string", "format": "date"}
    assert asked["properties"]["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert asked["properties"]["tags"] == {"type": "array", "items": {"type": "string"}}


def test_records_in_lists_have_quotes_and_those_in_records_none() -> None:
    """A list may be long, so that each of its records says where it stands."""
    fields = wire(Invoice)["properties"]
    lines = next(each for each in fields["lines"]["anyOf"] if each["type"] == "array")
    assert list(lines["items"]["properties"]) == ["quotes", "what", "amount"]
    assert list(fields["address"]["anyOf"][0]["properties"]) == ["city", "zip"]


def test_kinds_of_a_union_keep_what_tells_them_apart() -> None:
    """A field with one possible value is no field that may be missing."""
    kinds = wire(Zoo)["properties"]["animals"]["items"]["anyOf"]
    assert [kind["properties"]["kind"]["const"] for kind in kinds] == ["cat", "dog"]
    assert all("quotes_" in kind["properties"] for kind in kinds)


def test_quotes_do_not_take_the_name_of_a_field() -> None:
    """Where a field has the name already, the quotes have another."""
    schema = RecordSchema[Any].of(list[Person])
    assert schema.quotes == "quotes_"
    assert schema.columns == ("name", "age", "quotes")


def test_list_may_be_annotated() -> None:
    """What is annotated to a list does not hide that it is one."""
    many: Any = Annotated[list[Person], Field(description="all")]
    one: Any = Annotated[Person, Field(description="one")]
    assert RecordSchema[Any].of(many).is_many
    assert not RecordSchema[Any].of(one).is_many


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (str, "a model, a dataclass or a list of one"),
        (list[int], "a list of one, not list.int.; anything else can be a field of one"),
        (Cat | Dog, "a model, a dataclass or a list of one"),
        (Tree, "Tree refers to itself"),
        (Empty, "Empty has no fields"),
        (Named, "Named has 2 fields that would be called 'address.city' in a table: rename one"),
        (dict[str, int], "may have any keys"),
        (list, "may be anything"),
        (5, "no schema can be made of 5"),
    ],
)
def test_what_is_no_record_is_refused(kind: Any, told: str) -> None:  # noqa: ANN401 - a type
    """Before anything is sent, with what to use instead."""
    with pytest.raises(ArgumentError, match=told):
        RecordSchema[Any].of(kind)


def test_columns_are_flat() -> None:
    """A record within has its columns; lists and unions are one."""
    assert RecordSchema[Any].of(Invoice).columns == (
        *("number", "due", "state", "address.city", "address.zip", "tags", "lines", "note"),
    )
    assert RecordSchema[Any].of(Zoo).columns == ("animals", "keeper")


@pytest.mark.parametrize(
    ("kind", "key", "told"),
    [
        (list[Invoice], ("nummer",), "'nummer', which is no field; there are: number, due"),
        (list[Invoice], ("address",), "'address', which is no field"),
        (list[Invoice], ("tags",), "'tags', which holds lists or records of several kinds"),
        (Invoice, ("number",), "the schema is one record"),
    ],
)
def test_key_names_fields_of_many(kind: Any, key: tuple[str, ...], told: str) -> None:  # noqa: ANN401
    """A key that is no field, or that could tell nothing apart, is refused."""
    with pytest.raises(ArgumentError, match=told):
        RecordSchema[Any].of(kind).check_key(key)
    RecordSchema[Any].of(list[Invoice]).check_key(("address.city", "number"))
    RecordSchema[Any].of(kind).check_key(None)
    RecordSchema[Any].of(list[Zoo]).check_key(("keeper",))


def test_reply_is_held_to_its_structure_alone() -> None:
    """Values of another type are told later; lists and names are told at once, to be mended."""
    reply = RecordSchema[Any].of(list[Invoice]).reply
    good = {"number": 7, "due": "soon", "address": None, "tags": None, "lines": [{"what": "x"}]}
    assert reply.parse(json.dumps({"items": [good]})) == {"items": [good]}
    assert reply.parse(json.dumps([good])) == {"items": [good]}
    assert reply.parse('{"items": []}') == {"items": []}


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ({"Number": "7"}, "items.0.Number is no field; there are quotes, number"),
        ({"address": "Berlin"}, None),
        ({"address": ["Berlin"]}, "items.0.address is no single value"),
        ({"number": {"a": 1}}, "items.0.number is no single value"),
        ({"tags": "red"}, "items.0.tags is no array"),
        ({"lines": [{"price": 1}]}, "items.0.lines.0.price is no field"),
    ],
)
def test_misfits_of_a_reply(item: dict[str, Any], told: str | None) -> None:
    """What is wrong is told with its place."""
    reply = RecordSchema[Any].of(list[Invoice]).reply
    text = json.dumps({"items": [item]})
    if told is None:  # it may be null, so that a single value is told later
        assert reply.parse(text) == {"items": [item]}
        return
    with pytest.raises(Misfit, match=told):
        reply.parse(text)


@pytest.mark.parametrize("text", ["Prose.", '{"found": []}', '{"items": null}'])
def test_reply_without_items(text: str) -> None:
    """What lists nothing is no reply."""
    with pytest.raises(Misfit, match=r"no JSON|no list 'items'|valid array"):
        RecordSchema[Any].of(Invoice).reply.parse(text)


def test_filled() -> None:
    """What was not said is null, or an empty list; the quotes are gone."""
    schema = RecordSchema[Any].of(Zoo)
    read = {"animals": [{"kind": "dog", "quotes": ["x"]}, {"kind": "cat", "lives": 9}]}
    assert schema.filled(read) == {
        "animals": [{"kind": "dog", "bark": None}, {"kind": "cat", "lives": 9}],
        "keeper": None,
    }
    assert schema.filled({})["animals"] == []
