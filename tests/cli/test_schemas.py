"""A schema on the command line is a class of a module, or a JSON schema in a file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from minikit import ArgumentError
from minikit.calls.schema import Schema
from minikit.cli.schemas import read_schema

MODULE = """
from dataclasses import dataclass

@dataclass
class Receipt:
    shop: str

    class Item:
        pass

Receipts = list[Receipt]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with modules of the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("elsewhere")  # so that what is added here is taken away again
    (tmp_path / "my_shop.py").write_text(MODULE, "utf-8")
    (tmp_path / "my_broken_shop.py").write_text("1 / 0", "utf-8")
    return tmp_path


def parsed(schema: object, reply: object) -> object:
    """Return what a reply is as a value of the type that the JSON schema describes."""
    Path("schema.json").write_text(json.dumps(schema), "utf-8")
    return Schema[Any].of(read_schema("schema.json")).parse(json.dumps(reply))


@pytest.mark.usefixtures("folder")
def test_a_class_of_a_module() -> None:
    """It is imported from the current folder; anything that the module holds may be named."""
    receipt = read_schema("my_shop:Receipt")
    assert receipt(shop="Baker").shop == "Baker"
    assert read_schema("my_shop:Receipt.Item").__name__ == "Item"
    assert read_schema("my_shop:Receipts").__args__ == (receipt,)
    assert read_schema("datetime:date") is date


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("my_shop", r"--schema is MODULE:CLASS, such as shop:Receipt .* not 'my_shop'"),
        (":Receipt", r"--schema is MODULE:CLASS"),
        ("my_shop:", r"--schema is MODULE:CLASS"),
        ("my_shop:Recipe", r"there is no 'Recipe' in the module 'my_shop'"),
        ("my_shop:Receipt.Total", r"there is no 'Receipt.Total'"),
        ("no_shop:Receipt", r"cannot import 'no_shop': ModuleNotFoundError: .* current folder"),
        ("my_broken_shop:Receipt", r"cannot import 'my_broken_shop': ZeroDivisionError"),
        ("none.json", r"cannot read the schema 'none.json': No such file"),
        ("NONE.JSON", r"cannot read the schema 'NONE.JSON'"),
    ],
)
def test_what_is_no_type_is_refused(named: str, message: str) -> None:
    """The error says what was looked for, and how to write it."""
    with pytest.raises(ArgumentError, match=message):
        read_schema(named)


RECEIPT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Receipt",
    "type": "object",
    "required": ["shop", "day", "line items", "kind"],
    "additionalProperties": False,
    "properties": {
        "shop": {"type": "string", "description": "as printed", "minLength": 2},
        "day": {"type": "string", "format": "date"},
        "mail": {"type": "string", "format": "email"},
        "line items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
        "kind": {"enum": ["cash", "card"]},
        "paid": {"const": True},
        "tip": {"type": ["number", "null"]},
        "table": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    },
    "$defs": {
        "item": {
            "type": "object",
            "required": ["name", "cents"],
            "properties": {"name": {"type": "string"}, "cents": {"type": "integer", "minimum": 0}},
        }
    },
}
REPLY = {
    "shop": "Baker",
    "day": "2026-11-22",
    "mail": None,
    "line items": [{"name": "roll", "cents": 90}],
    "kind": "cash",
    "paid": True,
    "tip": 1.5,
    "table": "terrace",
}


@pytest.mark.usefixtures("folder")
def test_a_json_schema() -> None:
    """Values are plain dicts with the keys of the schema, checked as it says."""
    assert parsed(RECEIPT, REPLY) == {**REPLY, "day": date(2026, 11, 22)}
    for wrong in ({"shop": "B"}, {"kind": "coin"}, {"line items": [{"name": "", "cents": -1}]}):
        with pytest.raises(Exception, match=r"."):
            parsed(RECEIPT, {**REPLY, **wrong})


@pytest.mark.usefixtures("folder")
def test_the_schema_that_is_sent_tells_what_was_described() -> None:
    """Titles and descriptions are what the model reads."""
    Path("schema.json").write_text(json.dumps(RECEIPT), "utf-8")
    schema = Schema[Any].of(read_schema("schema.json"))
    assert schema.name == "Receipt"
    assert "as printed" in json.dumps(schema.wire)
    assert parsed({"type": "array", "items": {"type": "number"}}, {"value": [1.5]}) == [1.5]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], r"has \[\] in the place of an object at reply"),
        ({}, r"has the type None at reply, which cannot be used; name a class instead"),
        ({"type": "thing"}, r"has the type 'thing' at reply"),
        ({"type": "array"}, r"has null in the place of an object at reply\[\]"),
        ({"type": "object"}, r"has null in the place of an object at reply"),
        (
            {"type": "object", "properties": {"a": {"type": "string", "not": {}}}},
            r"has the keyword 'not' at reply\.a",
        ),
        (
            {"type": "object", "properties": {}, "additionalProperties": True},
            r"has keys that are not named \(additionalProperties\) at reply",
        ),
        ({"$ref": "#/$defs/none"}, r"has the reference '#/\$defs/none' at reply"),
        ({"$ref": "other.json"}, r"has the reference 'other.json'"),
        ({"$ref": ["#"]}, r"has \[\"#\"\] as its '\$ref' at reply"),
        ({"type": {}}, r"has {} as its 'type' at reply"),
        ({"type": []}, r"has \[\] as its 'type'"),
        ({"type": ["string", {}]}, r"has the type {} at reply"),
        ({"anyOf": []}, r"has \[\] as its 'anyOf'"),
        ({"oneOf": "string"}, r"has \"string\" as its 'oneOf'"),
        ({"enum": []}, r"has \[\] as its 'enum'"),
        ({"enum": ["a", {}]}, r"has \[\"a\", {}\] as its 'enum'"),
        ({"const": []}, r"has \[\] as its 'const'"),
        ({"type": "string", "format": {}}, r"has {} as its 'format'"),
        ({"type": "integer", "minimum": "1"}, r"has \"1\" as its 'minimum'"),
        ({"type": "integer", "maximum": True}, r"has true as its 'maximum'"),
        ({"type": "object", "properties": {}, "required": "a"}, r"has \"a\" as its 'required'"),
        ({"$ref": "#/type/x", "type": "string"}, r"has the reference '#/type/x'"),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
            r"refers to itself, or is nested too deep",
        ),
    ],
)
def test_a_json_schema_that_cannot_be_used_is_refused(schema: object, message: str) -> None:
    """Nothing that a schema asks for is dropped in silence."""
    with pytest.raises(ArgumentError, match=message):
        parsed(schema, {})


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("data", [b"{", b"\xff", b""])
def test_a_file_that_is_not_json_is_refused(data: bytes) -> None:
    """The error names the file."""
    Path("schema.json").write_bytes(data)
    with pytest.raises(ArgumentError, match=r"'schema.json' is not JSON in UTF-8"):
        read_schema("schema.json")
