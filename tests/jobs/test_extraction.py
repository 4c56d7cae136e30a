"""What an extraction is: its value, its problems and conflicts, JSON, rows and CSV."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_serializer, field_validator, model_validator

from minikit import ArgumentError, Document, ExtractedItem, Extraction, SchemaError, Usage
from minikit.jobs.extracting.doubles import united
from minikit.jobs.extracting.evidence import Cited, Evidence
from minikit.jobs.extracting.extraction import item_of
from minikit.jobs.extracting.records import RecordSchema
from minikit.text.document import Span
from strategies import texts

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT = "Anna Keller, born on 3 May 1980, owes 12.50 francs. Ann Keller owes 13 francs."


class Address(BaseModel):
    """A record within."""

    city: str
    zip: str | None = None


class Debtor(BaseModel):
    """Who owes something."""

    name: str
    born: date
    owes: Decimal = Field(ge=0)
    address: Address | None = None
    tags: list[str] = []


@dataclass
class Point:
    """A record that is a dataclass."""

    x: int


def extraction(kind: Any, *replies: dict[str, Any], text: str = TEXT) -> Extraction[Any]:  # noqa: ANN401
    """Return what was found, where each reply is that of a part and tells of one record."""
    schema = RecordSchema[Any].of(kind)
    cited = Cited(Document(text=text, title="Debts"), 0)
    span = Span(0, len(text))
    read = [
        Evidence(cited, span, part=number, quotes="quotes").record(reply, schema.node)
        for number, reply in enumerate(replies)
    ]
    records = read if schema.is_many else [united(read)]
    found = [item_of(each, schema, number) for number, each in enumerate(records)]
    return Extraction(
        model="m",
        usage=Usage(),
        cost_usd=Decimal("0.10"),
        calls=(),
        items=tuple(item for item, _ in found),
        conflicts=tuple(each for _, conflicts in found for each in conflicts),
        gaps=(),
        columns=schema.columns,
        is_many=schema.is_many,
    )


ANNA = {
    "quotes": ["Anna Keller, born on 3 May 1980"],
    "name": "Anna Keller",
    "born": "1980-05-03",
    "owes": "12.50",
    "address": {"city": "Bern"},
}


def test_value_of_many() -> None:
    """The records that fit are the value; one that does not is told, and its data kept."""
    found = extraction(list[Debtor], ANNA, {"name": "Ann Keller", "owes": -1})
    anna = Debtor(
        name="Anna Keller",
        born=date(1980, 5, 3),
        owes=Decimal("12.50"),
        address=Address(city="Bern"),
    )
    assert found.value == [anna]
    assert found.problems == (
        "items[1].born: nothing was found",
        "items[1].owes: Input should be greater than or equal to 0 (given: -1)",
    )
    assert found.items[1].value is None
    assert found.items[1].data["name"] == "Ann Keller"
    assert found.items[1].data["born"] is None


def test_value_of_one() -> None:
    """Of one record its parts are put together."""
    found = extraction(Debtor, {"name": "Anna Keller", "owes": 12.5}, {"born": "1980-05-03"})
    assert found.value == Debtor(name="Anna Keller", born=date(1980, 5, 3), owes=Decimal("12.5"))
    assert found.problems == ()


def test_value_of_one_that_lacks_something() -> None:
    """The value cannot be had, the error says why, and what was found is there."""
    found = extraction(Debtor, {"name": "Anna Keller"})
    told = r"does not fit the schema: items\[0\].born: nothing was found; items\[0\].owes: nothing"
    with pytest.raises(SchemaError, match=told) as caught:
        _ = found.value
    assert caught.value.errors == found.problems
    assert found.items[0].data["name"] == "Anna Keller"
    assert extraction(Debtor).items[0].data["name"] is None


def test_fields() -> None:
    """A field has its value, what stands behind it, and where."""
    (item,) = extraction(list[Debtor], ANNA).items
    assert [field.path for field in item.fields] == ["name", "born", "owes", "address.city"]
    born = item["born"]
    assert born.is_supported
    assert [each.cited_text for each in born.passages] == ["3 May 1980"]
    assert born.passages[0].document == "Debts"
    city = item["address.city"]
    assert city.verdict == "attributed"
    assert not city.is_supported
    assert [each.cited_text for each in city.passages] == ["Anna Keller, born on 3 May 1980"]
    with pytest.raises(KeyError, match="zip"):
        _ = item["address.zip"]


def test_conflicts() -> None:
    """What parts disagree on is told with each value and its place."""
    other = {"quotes": ["Ann Keller owes 13 francs"], "name": "Ann Keller", "owes": 13}
    found = extraction(Debtor, ANNA, other)
    name, owes = found.conflicts
    assert str(name) == "items[0].name: 'Anna Keller' was kept, not 'Ann Keller'"
    assert (owes.path, owes.kept.value) == ("owes", 13)  # which stands in its quote
    assert [each.value for each in owes.others] == ["12.50"]
    assert name.others[0].passages[0].start == TEXT.index("Ann Keller owes")


def test_json() -> None:
    """All comes back; with the schema as values of the type, without it as dicts."""
    found = extraction(list[Debtor], ANNA, {"name": "Ann\ud800 Keller"}, text=f"{TEXT}\ud800")
    text = found.to_json(indent=1)
    assert json.loads(text)["value"] == [item.data for item in found.items]
    assert Extraction.from_json(text, list[Debtor]) == found
    assert Extraction.from_json(text).value == [found.items[0].data]
    with pytest.raises(ArgumentError, match="not a saved Extraction"):
        Extraction.from_json("{}")
    one = extraction(Point, {"x": 3})
    assert json.loads(str(one)) == {"x": 3}
    assert json.loads(one.to_json())["value"] == {"x": 3}
    assert Extraction.from_json(one.to_json(), Point).value == Point(3)


class Bill(BaseModel):
    """A type that writes itself in another way than it is read, and checks itself."""

    total: Decimal = Field(alias="Total Amount")
    tax: int = Field(0, validation_alias="ta")
    due: date | None = Field(None, serialization_alias="by")
    secret: str = Field("", exclude=True)
    twice: int | None = None

    @field_validator("twice")
    @classmethod
    def _doubled(cls, value: int | None) -> int | None:
        return value and 100 // (value - 1)

    @field_serializer("total")
    def _rounded(self, total: Decimal) -> str:
        if total > 99:
            raise OverflowError("too many digits")
        return str(round(total))

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if self.tax > self.total:
            raise ValueError("more tax than total")
        return self


@pytest.mark.parametrize(
    "read",
    [
        {"Total Amount": "12.50", "ta": 7, "due": "2024-03-04", "secret": "x"},
        {"Total Amount": "12", "ta": 7},
        {"Total Amount": "12", "due": "2024-03-04"},
        {"Total Amount": "12", "secret": "x"},
        {"Total Amount": "12", "twice": 5},
        {"Total Amount": "12.50"},
        {"Total Amount": "100"},
    ],
)
def test_types_that_write_something_else(read: dict[str, Any]) -> None:
    """Tables and files have what was read, by the names of the schema, and give the value back."""
    found = extraction(list[Bill], read)
    (bill,) = found.value
    assert bill.secret == read.get("secret", "")
    assert found.rows() == [dict.fromkeys(found.columns) | read]
    assert found.columns == ("Total Amount", "ta", "due", "secret", "twice")
    assert Extraction.from_json(found.to_json(), list[Bill]).value == [bill]


def test_values_are_written_as_their_type_has_them() -> None:
    """A type that reads what it writes has its own way to write a value, and its defaults."""
    (row,) = extraction(list[Debtor], {**ANNA, "born": "1980-05-03T00:00:00"}).rows()
    assert row["born"] == "1980-05-03"
    assert row["tags"] == []


def test_validators_that_fail() -> None:
    """What a validator raises is a problem of its record, and costs no other."""
    good = {"Total Amount": "12"}
    found = extraction(list[Bill], good, {**good, "twice": 1}, {**good, "ta": 50})
    assert len(found.value) == 1
    broken, checked = found.problems
    assert re.fullmatch(r"items\[1\]: ZeroDivisionError: .*division .*by zero", broken)
    assert checked.startswith("items[2]: Value error, more tax than total (given: {")
    assert found.items[2].problems[0].startswith("the record: Value error")
    assert [row["ta"] for row in found.rows()] == [None, None, 50]


def test_json_of_another_schema() -> None:
    """A saved extraction is read with the schema that it was made with, or refused."""
    saved = extraction(list[Debtor], ANNA).to_json()
    with pytest.raises(ArgumentError, match=r"is of many records, and the schema of one record"):
        Extraction.from_json(saved, Debtor)
    with pytest.raises(ArgumentError, match=r"items\[0\] of .* the schema of Point: x: Field req"):
        Extraction.from_json(saved, list[Point])
    one = extraction(Point, {"x": 3}).to_json()
    with pytest.raises(ArgumentError, match=r"is of one record, and the schema of many records"):
        Extraction.from_json(one, list[Point])


def test_rows() -> None:
    """A record within is spread over columns; what was not found is None."""
    rows = extraction(list[Debtor], ANNA, {"name": "Ann", "tags": ["a", "b"]}).rows()
    assert rows == [
        {
            "name": "Anna Keller",
            "born": "1980-05-03",
            "owes": "12.50",
            "address.city": "Bern",
            "address.zip": None,
            "tags": [],
        },
        {
            **dict.fromkeys(["born", "owes", "address.city", "address.zip"]),
            "name": "Ann",
            "tags": ["a", "b"],
        },
    ]


class Report(BaseModel):
    """A record with a field that is called as the column of the sources is."""

    document: str


def test_rows_of_several_sources() -> None:
    """A first column names the source, and stays apart from a field of that name."""
    found = replace(extraction(list[Report], {"document": "Debts of 1980"}), documents=("A", "B"))
    found = replace(found, items=(replace(found.items[0], documents=("B",)),))
    assert found.rows() == [{"document_": "B", "document": "Debts of 1980"}]
    assert list(found.rows()[0]) == ["document_", "document"]


def cells(found: Extraction[Any], path: Path, **options: bool) -> list[dict[str, str]]:
    """Write a CSV file and read it again."""
    found.to_csv(path, **options)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv(tmp_path: Path) -> None:
    """A line for each record; lists are JSON, and nothing is nothing."""
    (row,) = cells(extraction(list[Debtor], {**ANNA, "tags": ["é", "b"]}), tmp_path / "a.csv")
    assert row == {
        "name": "Anna Keller",
        "born": "1980-05-03",
        "owes": "12.50",
        "address.city": "Bern",
        "address.zip": "",
        "tags": '["é", "b"]',
    }
    extraction(list[Point]).to_csv(tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_bytes() == b"x\r\n"


class Table(BaseModel):
    """Lists in which the place of a cell counts."""

    cells: list[str]
    grid: list[list[str]]
    pair: tuple[str | None, int] | None
    days: list[date] = []


def test_empty_cells_keep_their_place() -> None:
    """A row of a table is not shifted by a cell that is empty; one of none is no row."""
    grid = [["Anna", "", "13"], ["", " "], ["", "Bern"]]
    table = {"cells": ["", "Anna"], "grid": grid, "pair": [None, 13], "days": ["", "1980-05-03"]}
    found = extraction(list[Table], table, {"cells": ["x"], "grid": [["", ""]]})
    first, second = found.value
    assert first.cells == ["", "Anna"]
    assert first.grid == [["Anna", "", "13"], ["", "Bern"]]
    assert first.pair == (None, 13)
    assert first.days == [date(1980, 5, 3)]
    assert second.grid == []
    paths = [field.path for field in found.items[0].fields]
    assert paths == ["cells.1", "grid.0.0", "grid.0.2", "grid.1.1", "pair.1", "days.0"]


def test_csv_for_excel(tmp_path: Path) -> None:
    """A mark at the beginning tells a spreadsheet that it is UTF-8; without it there is none."""
    found = extraction(list[Debtor], {**ANNA, "name": "Zoë"})
    found.to_csv(tmp_path / "a.csv", bom=True)
    data = (tmp_path / "a.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfname,born,")
    found.to_csv(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == data[3:]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+49 30", "-x", "@a", "\tb"])
def test_formulas(name: str, tmp_path: Path) -> None:
    """What a spreadsheet would run stands as it is, unless it shall be escaped."""
    found = extraction(list[Debtor], {**ANNA, "name": name, "owes": 1})
    path = tmp_path / "a.csv"
    assert cells(found, path)[0]["name"] == name
    assert cells(found, path, escape_formulas=True)[0]["name"] == f"'{name}"
    assert cells(found, path, escape_formulas=True)[0]["born"] == "1980-05-03"


def items_of(rows: Sequence[dict[str, Any]]) -> tuple[ExtractedItem[Any], ...]:
    """Return records that were found with these data."""
    return tuple(ExtractedItem(data=row, fields=()) for row in rows)


class Cell(BaseModel):
    """A record of a text, a number, and a list."""

    text: str | None
    flag: bool | None
    number: float | None
    tags: list[str] | None


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "text": texts(4),
                "flag": st.booleans(),
                "number": st.floats(allow_nan=False, allow_infinity=False),
                "tags": st.lists(texts(2), max_size=2),
            },
        ),
        max_size=4,
    )
)
def test_csv_round_trip(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is written can be read: a text as it is, all else as JSON; "?" for half a character."""
    found = replace(extraction(list[Cell]), items=items_of(rows))
    read = cells(found, tmp_path_factory.mktemp("csv") / "a.csv")
    for row, line in zip(rows, read, strict=True):
        text = row.get("text", "").encode("utf-8", "replace").decode()
        assert line["text"] == text
        for name in ("flag", "number", "tags"):
            value = json.dumps(row[name], ensure_ascii=False) if name in row else ""
            assert line[name] == value.encode("utf-8", "replace").decode()
