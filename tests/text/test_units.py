from __future__ import annotations

import textwrap
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.text.units import sentences, units
from minikit.text.words import count_words

PARAGRAPHS = [
    f"The captain of ship number {n} wrote a long letter to the owner of the harbour about the "
    f"storm that came in the night of the year {1700 + n}. Then he went to bed in the small cabin "
    f"under the stairs and slept until the sailors called him to the deck."
    for n in range(12)
]


def _texts(text: str) -> list[str]:
    return [" ".join(text[unit.start : unit.end].split()) for unit in units(text)]


@given(st.text(st.sampled_from("aB .!?\n\r\t-*好。\u2028\ud800")) | st.text())
@settings(deadline=None)
def test_units_hold_all_but_white_space(text: str) -> None:
    """Units are in order, apart and tight, and only white space stands between them."""
    found = units(text)
    assert all(left.end <= right.start for left, right in pairwise(found))
    for unit in found:
        assert text[unit.start : unit.end] == text[unit.start : unit.end].strip() != ""
        assert unit.words == count_words(text[unit.start : unit.end])
    inside = "".join("".join(text[unit.start : unit.end].split()) for unit in found)
    assert inside == "".join(text.split())


def test_a_text_without_end_is_cut_into_pieces() -> None:
    """Words without any sentence end give pieces of at most 50 words, cut at clauses."""
    text = ", and then ".join(f"we saw town {n} where people number {n} live" for n in range(100))
    found = units(text)
    assert len(found) > 10
    assert all(unit.words <= 50 for unit in found)
    assert all(text[unit.start : unit.end].endswith(",") for unit in found[:-1])
    assert [unit.is_whole for unit in found] == [False] * (len(found) - 1) + [True]


def test_words_without_clauses_are_cut_too() -> None:
    """Where no clause ends, a piece has 50 words."""
    assert [unit.words for unit in units("word " * 120)] == [50, 50, 20]


@pytest.mark.parametrize("width", [50, 72, 100])
@pytest.mark.parametrize("indent", ["", "    "])
def test_wrapped_prose(width: int, indent: str) -> None:
    """A line end in prose that was wrapped closes no sentence, at any width and indent."""
    wrapped = "\n\n".join(
        textwrap.fill(each, width, initial_indent=indent, subsequent_indent=indent)
        for each in PARAGRAPHS
    )
    assert _texts(wrapped) == _texts("\n\n".join(PARAGRAPHS))
    assert len(_texts(wrapped)) == 2 * len(PARAGRAPHS)


def test_lines_in_wrapped_prose() -> None:
    """Headings, list items, code and rules stay apart from the wrapped prose around them."""
    prose = [textwrap.fill(each, 72) for each in PARAGRAPHS]
    lines = [
        "The short heading of it",
        prose[0],
        "- " + textwrap.fill(PARAGRAPHS[1][:100], 72, subsequent_indent="  "),
        "- " + textwrap.fill(PARAGRAPHS[2][:100], 72, subsequent_indent="  "),
        "-" * 72,
        ">>> call(of, a, function, with, many, arguments, all, of, one, letter)",
        "        indented_line = compute(indented_line, indented_line, indented)",
        "\n".join(["", *prose[3:]]),
    ]
    found = _texts("\n".join(lines))
    assert found[0] == "The short heading of it"
    assert "- " + PARAGRAPHS[1][:100].strip() in found
    assert "-" * 72 in found
    assert any(unit.startswith(">>>") and unit.endswith("letter)") for unit in found)
    assert any(unit.startswith("indented_line") for unit in found)


def test_lines_that_are_no_wrapped_prose() -> None:
    """Lines of code, of a list and of a poem are a unit each."""
    code = "import os\nvalue = compute(first_argument, second_argument, third)\n    indented = 1\n"
    assert len(units(code)) == 3
    ragged = "\n".join(
        f"one of the many long lines of a list with {'more ' * n}" for n in range(40)
    )
    assert len(units(ragged)) == 40


def test_sentences_of_an_alphabet_end_before_white_space() -> None:
    """A dot within a name ends nothing; an ideographic full stop always does."""
    text = 'It is called by "dict"."__getitem__()" for keys. 今天天气很好。我们去公园。'
    assert [text[start:end].strip() for start, end in sentences(text)] == [
        'It is called by "dict"."__getitem__()" for keys.',
        "今天天气很好。",
        "我们去公园。",
    ]


def test_passages() -> None:
    """Sentences know which line or wrapped paragraph they stand in."""
    found = units("One sentence is here. Another is here.\nThe second line is this one.")
    assert [unit.passage for unit in found] == [0, 0, 1]


@pytest.mark.parametrize("opening", ["", "“", '"', "("])
def test_a_line_of_many_sentences_is_cut_at_each(opening: str) -> None:
    """A line is read in blocks, and no sentence is lost or torn where two of them meet."""
    said = [f"Ship number {n} came home in the storm. Nobody waited for it." for n in range(300)]
    text = opening + " ".join(said)
    assert len(units(text)) == 600
    assert all(text[unit.start : unit.end].endswith(".") for unit in units(text))


@pytest.mark.parametrize("signs", ["'\"( )a.", "!#$%&()*+,-./:;<=>?@[]^_`{|}~\"'"])
def test_a_long_line_of_signs_takes_no_time(signs: str) -> None:
    """Brackets and quotation marks that never close take time linear in their number, not more."""
    text = "".join(Random(1).choices(signs, k=100_000))  # noqa: S311 - signs, no secret
    found = list(sentences(text))
    assert [start for start, _ in found] == [0, *(end for _, end in found[:-1])]
    assert found[-1][1] == len(text)
