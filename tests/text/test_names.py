from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from minikit.text.names import names
from strategies import texts


@given(texts())
def test_any_text_is_read(text: str) -> None:
    """Names are in order and apart, begin with a capital, and hold their words."""
    found = names(text)
    assert all(text[each.start].isupper() for each in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(word in text[each.start : each.end] for each in found for word in each.words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Then came Anna Smith and Bob.", ["Anna Smith", "Bob"]),
        ("Overall, the team met.", []),
        ("Anna left. Later they saw Anna.", ["Anna", "Anna"]),
        ("Kirsty Williams spoke.", ["Williams"]),
        ("NATO met McDonald.", ["NATO", "McDonald"]),
        (
            "They met Mr. Smith and A. Jones of the U.S. Army.",
            ["Mr. Smith", "A. Jones", "U.S. Army"],
        ),
        ("It was I. The end.", []),
        ("See Louis XIV, chapter XII.", ["Louis XIV"]),
        ("He saw O'Brien's Source-Path-Goal.", ["O'Brien", "Source-Path-Goal"]),
        ("Key Points: all agreed.\nKey Points that matter.", ["Points"]),
        ("# The Long Road\n**Main Results**\nall agreed on the Long Road.", ["Long Road"]),
        ("- Anna spoke.\n* Bob left – Then all slept.", []),
        ('He read "Politics" there.', []),
        ("версия: Тогда пришёл Наполеон.", ["Наполеон"]),
        ("会议在上海举行。", []),
    ],
)
def test_names_by_hand(text: str, expected: list[str]) -> None:
    """A capital within a sentence makes a name; one that its place gives does not."""
    assert [text[each.start : each.end] for each in names(text)] == expected


def test_german_nouns_are_no_names() -> None:
    """In German only words with capitals side by side may be a name."""
    text = (
        "Der Vorstand hat die Zahlen der Firma und das Werk mit Angela Merkel im Haus besprochen."
    )
    (name,) = names(text)
    assert (name.words, name.is_doubtful) == (("Angela", "Merkel"), True)


def test_a_text_in_title_case_has_few_names() -> None:
    """Where most words have capitals, single ones say nothing."""
    assert not names("we saw That, Every, Word, Here, Had, One, Indeed")
