"""A field that no JSON schema can ask for is refused before anything is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from minikit import ArgumentError
from minikit.calls.schema import Schema

CITY = Field(validation_alias=AliasPath("address", "city"))


class Person(BaseModel):
    """Reads data of another program."""

    city: str = CITY


class First(BaseModel):
    """Reads the first of several, in whatever list."""

    name: str | None = Field(
        None, validation_alias=AliasChoices(AliasPath("names", 0), AliasPath("n", 0))
    )


@dataclass
class Place:
    """A dataclass of the standard library."""

    city: Annotated[str, CITY]


class Row(TypedDict):
    """A dict."""

    city: Annotated[str, CITY]


class Nested(BaseModel):
    """Has it within."""

    people: dict[str, str] = {"fields": "city"}
    known: list[tuple[Person, int]]


class Short(BaseModel):
    """Has a path of one step, of which schemas know nothing either."""

    town: str = Field(validation_alias=AliasPath("city"))


def test_a_path_of_one_step() -> None:
    """It is refused too, since the model would be asked for "town"."""
    with pytest.raises(ArgumentError, match=r"Short\.town is read at AliasPath\('city'\)"):
        Schema.of(Short)


@pytest.mark.parametrize("kind", [Person, Place, Row, Nested, list[Person], Person | None])
def test_a_field_that_stands_within_another(kind: type[object]) -> None:
    """The message names the type, the field and two ways out."""
    with pytest.raises(ArgumentError, match=r"\.city is read at AliasPath\('address', 'city'\)"):
        Schema.of(kind)


def test_the_ways_out() -> None:
    """The first of several places is told, and what to write."""
    out = r'write AliasChoices\("name", AliasPath\(\'names\', 0\)\), or let First be read by the'
    with pytest.raises(ArgumentError, match=out):
        Schema.of(First)


class Named(BaseModel):
    """Is read by the names of its fields as well."""

    model_config = ConfigDict(populate_by_name=True)

    city: str = CITY


class Chosen(BaseModel):
    """Has a plain name beside the places."""

    city: str = Field(validation_alias=AliasChoices(AliasPath("address", "city"), "town"))


class Simple(BaseModel):
    """Has other names than its own."""

    name: str = Field(validation_alias=AliasChoices("nom", "naam"))
    place: str = Field("", alias="lieu")


@pytest.mark.parametrize("kind", [Named, Chosen, Simple])
def test_fields_with_a_plain_name(kind: type[BaseModel]) -> None:
    """What the model is asked for is what is read."""
    schema = Schema.of(kind)
    asked = schema.wire["properties"]
    reply = dict(zip(asked, "abc", strict=False))
    assert list(schema.parse(json.dumps(reply)).model_dump().values()) == list(reply.values())


@dataclass
class Point:
    """Has no other names."""

    x: int


def test_a_dataclass_with_plain_names() -> None:
    """Nothing is refused of it."""
    assert Schema.of(Point).parse('{"x": 1}') == Point(1)
