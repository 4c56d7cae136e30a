"""What texts have in common, and what one of them alone says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.text.differences import Difference, differences
from strategies import proses, texts

ONE = (
    "The council met on Tuesday and agreed to repair the old bridge before winter. "
    "The cost is put at 40,000 euros. Two members voted against the plan. "
    "The mayor said that the work would begin in October."
)
OTHER = (
    "On Tuesday the town council approved the repair of the bridge, which shall be done before "
    "the winter comes. It will cost about 90,000 euros. Work starts in October, according to the "
    "mayor. A new bus line was announced as well."
)


def said(only: tuple[Difference, ...]) -> list[tuple[str, str]]:
    """Return kinds and words."""
    return [(each.kind, each.text) for each in only]


def test_what_only_one_says_is_told() -> None:
    """Sentences without a counterpart are told, and numbers that differ within one that has it."""
    found = differences([ONE, OTHER])
    assert said(found.only[0]) == [
        ("sentence", "Two members voted against the plan."),
        ("number", "40,000"),
    ]
    assert said(found.only[1]) == [
        ("sentence", "A new bus line was announced as well."),
        ("number", "90,000"),
    ]
    assert 0.5 < found.alike[0, 1] < 0.9


def test_what_a_third_text_says_is_not_alone() -> None:
    """What two of three say neither of them says alone."""
    found = differences([ONE, OTHER, ONE])
    assert found.only[0] == found.only[2] == ()
    assert found.alike[0, 2] == 1
    assert list(found.alike) == [(0, 1), (0, 2), (1, 2)]


def test_one_text_differs_from_nothing() -> None:
    """A single text has nothing that it says alone, and no text has nothing at all."""
    assert differences([ONE]).only == ((),)
    assert differences([]).only == ()
    assert differences(["", ""]).alike == {(0, 1): 0}


def test_headings_say_nothing() -> None:
    """Very short lines are no sentences that a text says alone."""
    assert said(differences([f"In short:\n\n{ONE}", ONE]).only[0]) == []


@settings(max_examples=25)
@given(st.lists(st.one_of(proses(), texts()), min_size=2, max_size=4))
def test_places_are_true(each: list[str]) -> None:
    """Whatever the texts hold, each place reads as told, and shares lie between 0 and 1."""
    found = differences(each)
    for text, only in zip(each, found.only, strict=True):
        assert all(text[one.start : one.end] == one.text for one in only)
    assert all(0 <= share <= 1 for share in found.alike.values())


@pytest.mark.parametrize(("other", "alike"), [("A week.", 1.0), ("A  week. ", 1.0), ("No.", 0.0)])
def test_short_texts_are_alike_where_they_are_equal(other: str, alike: float) -> None:
    """Texts without a sentence of some length are compared as they are."""
    assert differences(["A week.", other]).alike == {(0, 1): alike}
