"""Texts with fields: what is a field, what fills it, and what cannot."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import ArgumentError
from minikit.text.fields import FieldText, check_fields, json_of
from strategies import texts


class Ambiguous:
    """Compares like pandas.NA, or like an array, and has a text."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __ne__(self, other: object) -> bool:
        raise self.error

    __hash__ = None  # type: ignore[assignment] # nothing that compares so can be hashed

    def __str__(self) -> str:
        return "[1 2]"


def test_fields_are_filled() -> None:
    """Each field stands in its place, as often as it is named."""
    text = FieldText("{name}: dear {name}, here is {product}.")
    assert text.names == ("name", "product")
    assert text.filled({"name": "Ada", "product": "tea"}) == "Ada: dear Ada, here is tea."


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{{{a}}}", "{1}"),
        ('{{"x": {a}}}', '{"x": 1}'),
        ("{ a }", "1"),
        ("{first name}", "Ada"),
        ("{a.b} {a!r} {a:>9} {a[0]}", "2 3 4 5"),
        ("{名前}", "6"),
    ],
)
def test_what_a_field_is(template: str, filled: str) -> None:
    """Doubled braces are braces, and a name is only looked up, whatever it looks like."""
    row = {"a": 1, "first name": "Ada", "a.b": 2, "a!r": 3, "a:>9": 4, "a[0]": 5, "名前": 6}
    assert FieldText(template).filled(row) == filled


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("Dear Ada", "no field"),
        ("", "no field"),
        ("{{name}}", "no field"),
        ("Dear {}", r"'\{\}' in line 1"),
        ("Dear {name}\n{ }", r"'\{ \}' in line 2"),
        ("Dear {name", r"'\{' in line 1"),
        ("Dear name}", r"'\}' in line 1"),
        ("{\n}", "write {name} on one line"),
        ("{a{b}}", r"'\{' in line 1"),
        (b"{name}", "a str, not bytes"),
    ],
)
def test_templates_that_are_none(template: str, complaint: str) -> None:
    """A brace that is no field is an error that says where it stands and what to write."""
    with pytest.raises(ArgumentError, match=complaint):
        FieldText(template)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(["a", "b c", "ü"]), texts(6), min_size=3))
def test_values_are_data(row: dict[str, str]) -> None:
    """What is filled in stands as it is, braces and all."""
    assert FieldText("<{a}|{b c}|{ü}>").filled(row) == f"<{row['a']}|{row['b c']}|{row['ü']}>"


@given(texts())
def test_any_text_can_be_a_template(text: str) -> None:
    """With its braces doubled, any text comes back as it was."""
    escaped = text.replace("{", "{{").replace("}", "}}")
    assert FieldText("{a}" + escaped + "{a}").filled({"a": "!"}) == f"!{text}!"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (True, "True"),
        (Decimal("1.50"), "1.50"),
        ("", ""),
        (["a", {"b": "é"}], '["a", {"b": "é"}]'),
        ({"at": Decimal(1)}, '{"at": "1"}'),
        (Ambiguous(ValueError()), "[1 2]"),
    ],
)
def test_how_values_are_written(value: object, text: str) -> None:
    """Lists and mappings are JSON, and the rest is as `str` has it."""
    assert FieldText("{a}").filled({"a": value}) == text


@pytest.mark.parametrize("nothing", [None, float("nan"), Decimal("nan"), Ambiguous(TypeError())])
def test_nothing_is_not_written(nothing: object) -> None:
    """Nobody is called None or nan: a row with nothing in a field cannot be used."""
    with pytest.raises(ArgumentError, match=r"has nothing .* for the field 'a'$"):
        FieldText("{a}").filled({"a": nothing})


@pytest.mark.parametrize("value", [b"Ada", bytearray(b"Ada"), memoryview(b"Ada")])
def test_bytes_are_not_written(value: object) -> None:
    """Nobody is called b'Ada'."""
    with pytest.raises(ArgumentError, match=r"the field 'a' of the row holds .*: decode them"):
        FieldText("{a}").filled({"a": value})


def test_json_of_what_json_lacks() -> None:
    """NaN and infinity are null, also in what is nested; and the rest stays as it was."""
    assert json_of({"a": [float("nan"), float("-inf"), 0.1], "é": "\ud800", "b": None}) == (
        '{"a": [null, null, 0.1], "é": "\ud800", "b": null}'
    )
    assert json_of({"at": Decimal("1.50")}) == '{"at": "1.50"}'
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="Circular"):
        json_of(loop)


def test_a_row_that_lacks_a_field() -> None:
    """The error names the field and those that there are."""
    with pytest.raises(ArgumentError, match=r"lacks the field 'name'; it has 'nmae', 'x'$"):
        FieldText("{name}").filled({"nmae": "Ada", "x": 1})
    with pytest.raises(ArgumentError, match=r"it has no field$"):
        FieldText("{name}").filled({})


def test_columns_are_checked() -> None:
    """Columns that are there may go unused; of many, only the first are told."""
    check_fields(["a"], ["a", "b"], "the columns")
    with pytest.raises(ArgumentError, match=r"for 'c', but the columns are 'a', 'b'.*\{\{"):
        check_fields(["a", "c"], ["a", "b"], "the columns")
    with pytest.raises(ArgumentError, match="'19' and 5 more"):
        check_fields(["c"], map(str, range(25)), "the columns")


def test_a_long_template() -> None:
    """A million braces take no longer than a million letters."""
    text = FieldText("{{" * 100_000 + "{a}" + "}}" * 100_000)
    assert len(text.filled({"a": "x" * 1_000_000})) == 1_200_000
