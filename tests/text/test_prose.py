from __future__ import annotations

import pytest

from minikit.text.prose import body, is_prose, readability


@pytest.mark.parametrize(
    "sentence",
    [
        "The bridge is closed to cars until the piers are repaired.",
        "“Yes, of course,” he said, and left the room with a smile.",
        "„Ja“, sagte der Hafenmeister und ging in das kleine Haus.",
        "»Ja«, sagte der Hafenmeister und ging in das kleine Haus.",
        "Project Manager: So , we need the design by Monday , right ? {vocalsound}",
        "* Without a *__dict__* variable, instances cannot be assigned new variables.",
        "The survey was finished in March (see the report of 2024).[12]",
        'The method calls `close()` and raises "ValueError" if that fails.',
        "你好，今天天气很好。",
        "彼は「行こう」と言った。",
        "यह एक वाक्य है।",
        "هل هذه جملة؟",
        "Это предложение на русском языке.",
        "วันนี้อากาศดีมาก",
        "Anna Berg Oslo.",
    ],
)
def test_sentences(sentence: str) -> None:
    """Sentences of every script and kind are prose."""
    assert is_prose(sentence)


@pytest.mark.parametrize(
    "unit",
    [
        "The format of strings",
        "and so the sentence goes on from somewhere else.",
        ">>> type(list) == type(dict).",
        "name ::= letter or digit, as in the grammar.",
        "| Operator | Description of the operator. |",
        "Name        Amount of the goods.",
        "The first chapter .......... 12.",
        "Two range objects that are equal might differ, as in range(0, 3, 2.",
        "“Well, Prince, so Genoa and Lucca are now estates of the family.",
        '"The quotation goes on.',
        "12.5 + 3.1 - 4.4 * 2.2 / 1.1 = 3.",
        "The Life And Strange Surprising Adventures Of Robinson Crusoe Of York.",
        "THE END OF THE FIRST BOOK OF WAR.",
        "Please visit the site of Project Gutenberg to read the licence.",
        "return value;",
    ],
)
def test_what_is_no_sentence(unit: str) -> None:
    """Headings, code, rows, fragments and furniture are no prose."""
    assert not is_prose(unit)


@pytest.mark.parametrize(
    "unit",
    [
        "As a result, class attributes cannot be used.",
        "This means that nothing is lost.",
        "(Note that there are no special cases.)",
        "Project Manager: That is what I meant.",
        "Deshalb blieb er in dem Haus.",
        "因此，我们不去公园。",
        "That {disfmarker} it works.",
        "See https://example.org for all of it.",
    ],
)
def test_sentences_that_are_valued_less(unit: str) -> None:
    """What leans on the sentence before, or holds remarks and addresses, reads less well alone."""
    assert 0 < readability(unit) < 1


@pytest.mark.parametrize("unit", ["Thistles grow here.", "The bridge is closed.", "其二"[1:]])
def test_sentences_that_stand_alone(unit: str) -> None:
    """Other sentences are valued in full."""
    assert readability(unit) == 1


def test_the_body_of_an_ebook() -> None:
    """The body stands between the two lines, or goes on where one is missing."""
    start = "*** START OF THE PROJECT GUTENBERG EBOOK X ***"
    end = "*** END OF THE PROJECT GUTENBERG EBOOK X ***"
    for text, inside in (
        (f"licence\n{start}\nbook\n{end}\nlicence", "\nbook\n"),
        (f"licence\n{start}\nbook", "\nbook"),
        (f"book\n{end}\nlicence", "book\n"),
        ("book", "book"),
    ):
        first, last = body(text)
        assert text[first:last] == inside
