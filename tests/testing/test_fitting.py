"""Values of a test put into the form that a request asks for."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from minikit.calls.schema import Schema
from minikit.jobs.extracting.records import RecordSchema
from minikit.testing.fitting import fitted


class Line(BaseModel):
    """One line of an invoice."""

    name: str
    price: Decimal | None = None


class Invoice(BaseModel):
    """An invoice."""

    number: int
    lines: list[Line]
    buyer: Line | None = None


@dataclass
class Point:
    """A point."""

    x: int


class Tree(BaseModel):
    """A record that refers to itself."""

    name: str
    branches: list[Tree]


LINES = [Line(name="tea", price=Decimal("1.50")), Line(name="cup")]
INVOICE = Invoice(number=3, lines=LINES, buyer=Line(name="Ann"))


def test_without_a_schema_a_value_is_its_json() -> None:
    """Where the prompt alone tells the form, nothing is added."""
    assert fitted({"a": Decimal("1.5"), "b": Point(x=1)}, None) == {"a": "1.5", "b": {"x": 1}}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Invoice, INVOICE),
        (list[Invoice], [INVOICE, INVOICE]),
        (Point, Point(x=3)),
        (list[int], [1, 2]),
        (int, 7),
        (str, "seven"),
        (Tree, Tree(name="a", branches=[Tree(name="b", branches=[])])),
    ],
)
def test_a_value_fits_the_schema_of_its_type(kind: Any, value: object) -> None:  # noqa: ANN401
    """What was asked for by its type is read back as it was."""
    schema: Schema[Any] = Schema.of(kind)
    assert schema.parse(_json(fitted(value, schema.wire))) == value


@pytest.mark.parametrize(("kind", "value"), [(Invoice, INVOICE), (list[Invoice], [INVOICE])])
def test_a_record_fits_what_extract_asks_for(kind: Any, value: object) -> None:  # noqa: ANN401
    """Records stand in a list, and each has a field for quotes, which stays empty."""
    schema: RecordSchema[Any] = RecordSchema.of(kind)
    (item,) = schema.reply.parse(_json(fitted(value, schema.reply.wire)))["items"]
    assert item["number"] == 3
    assert item["quotes"] == []
    assert [line["name"] for line in item["lines"]] == ["tea", "cup"]


def test_nothing_is_made_up() -> None:
    """What cannot be null or empty and is not given stays missing, so that the misfit shows."""
    schema: Schema[Any] = Schema.of(Invoice)
    assert fitted({"lines": [{"name": "tea"}]}, schema.wire) == {
        "lines": [{"name": "tea", "price": None}],
        "buyer": None,
    }
    assert fitted({"number": 1}, schema.wire) == {"number": 1, "lines": [], "buyer": None}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=50)
@given(JSON, st.sampled_from([Invoice, list[Invoice], int, Tree]))
def test_any_value_passes(value: object, kind: Any) -> None:  # noqa: ANN401
    """What does not fit is sent as it is, perhaps under the one name that there is."""
    wire = Schema.of(kind).wire
    fit = fitted(value, wire)
    if isinstance(value, dict) and value.keys() & wire["properties"].keys():
        assert fit.items() >= {}.items()
    elif len(wire["properties"]) == 1:
        assert fit.keys() >= {"value"}
    elif not isinstance(value, dict | list):
        assert fit == value


def _json(value: object) -> str:
    import json

    return json.dumps(value)
