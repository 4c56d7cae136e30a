"""Plural forms: their rules are read as gettext reads them."""

from __future__ import annotations

import pytest

from minikit.errors import ArgumentError
from minikit.text.plurals import FAMILIES, Plurals, examples


@pytest.mark.parametrize("name", FAMILIES)
def test_every_form_of_a_family_has_numbers(name: str) -> None:
    """Each rule names each of its forms, if only for numbers that few people count to."""
    found = examples(FAMILIES[name])
    assert len(found) == FAMILIES[name].forms
    assert len([numbers for numbers in found if not numbers]) == (name == "breton")


def test_examples_are_the_smallest_numbers() -> None:
    """They tell a translator what a form is for."""
    assert examples(FAMILIES["slavic"]) == [(1, 21, 31, 41), (2, 3, 4, 22), (0, 5, 6, 7)]
    assert examples(FAMILIES["two"]) == [(1,), (0, 2, 3, 4)]


def test_plurals_read_as_in_a_header() -> None:
    """As text they are what gettext writes."""
    assert str(FAMILIES["two"]) == "nplurals=2; plural=(n != 1);"


@pytest.mark.parametrize("rule", ["n +", "__import__('os')", "1/n", "(" * 500 + "n", "n" * 5])
def test_a_rule_that_is_none_is_refused(rule: str) -> None:
    """What is not an expression of numbers is never evaluated."""
    with pytest.raises(ArgumentError, match="is no rule for plural forms"):
        examples(Plurals(forms=2, rule=rule))


def test_a_rule_with_more_forms_than_there_are_is_refused() -> None:
    """A form without a msgstr would be an error at run time."""
    with pytest.raises(ArgumentError, match="names form 2 of 2"):
        examples(Plurals(forms=2, rule="n%3"))
