"""Whether a quote that is nearly the same says the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from minikit.text.misquote import adds_notes, adds_words, denies, is_misquote
from strategies import texts

SOURCE = """
Prince Andrew met Pierre and Anna in Moscow; Hanna stayed an hour with the others.
The old man will go.
"""


def stands(word: str) -> bool:
    """Tell whether a word stands in the source."""
    return re.search(rf"\b{re.escape(word)}\b", SOURCE) is not None


@pytest.mark.parametrize(
    ("quote", "passage"),
    [
        ("In 1813 they went home", "In 1812 they went home"),
        ("about 1.5 million", "about 15 million"),
        ("it cost 5bn in all", "it cost 5m in all"),
        ("some twenty-seven of them", "some twenty-six of them"),
        ("a two-year-old child", "a three-year-old child"),
        ("one of them left", "two of them left"),
        ("from 7 to 5", "from 5 to 7"),
        ("on 4 May 2021 he left", "on 4 March 2021 he left"),
        ("version 3.11.2 is out", "version 3.11.3 is out"),
        ("在三月开始", "在四月开始"),
        ("im Mai begonnen", "im Juni begonnen"),
        ("the army went", "the army went, in 1812"),
        ("one of the men", "two of the men"),
        ("some thousand men", "some five thousand men"),
        ("of the old men", "of the two old men"),
        ("all the the men", "all the two men"),
        ("一共百人失踪", "一共三百人失踪"),
        ("一共两人失踪", "一共半人失踪"),
        ("一共壹人失踪", "一共贰人失踪"),
        ("900 men and 300 horses", "300 men and 900 horses"),
        ("a share of 2/1", "a share of 1/2"),
        ("thirty-four men", "thirty-five men"),
        ("on the twelfth day", "on the first day"),
        ("on the 12th day", "on the 1st day"),
        ("he came once", "he came twice"),
        ("it was 5 degrees", "it was -5 degrees"),
        ("a rise of 5 there", "a rise of 5 % there"),
        ("it cost €5 there", "it cost $5 there"),
        ("they met at 5 pm", "they met at 5 a.m."),
    ],
)
def test_other_numbers_are_misquotes(quote: str, passage: str) -> None:
    """A number or month that the passage has not, in digits or words, changes what is said."""
    assert is_misquote(quote, passage, stands=stands)


@pytest.mark.parametrize(
    ("quote", "passage"),
    [
        ("in 1,204 cases", "in 1 204 cases"),
        ("in 12 cases", "in twelve cases"),
        ("in tweleve cases", "in twelve cases"),
        ("on the 1st day", "on the first day"),
        ("two, two hundred men", "two hundred men"),
        ("in thirty-five cases", "in thirty five cases"),
        ("it cost $5 there", "it cost 5 dollars there"),
        ("a rise of 5 per cent", "a rise of 5%"),
        ("as shown", "as shown [12]"),
        ("1812–13 was bad", "1812-13 was bad"),
        ("in May", "in May"),
    ],
)
def test_numbers_that_are_left_out_or_written_otherwise(quote: str, passage: str) -> None:
    """The same number, or none, changes nothing."""
    assert not is_misquote(quote, passage, stands=stands)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("we can go on", "we cannot go on"),
        ("it is true", "it isn’t true"),
        ("it did happen", "it did n't happen"),
        ("they know it", "they never know it"),
        ("das ist wahr", "das ist nicht wahr"),
        ("это правда", "это не правда"),
        ("计划可行", "计划不可行"),
        ("これは安全だ", "これは安全ではない"),
        ("यह सुरक्षित है", "यह सुरक्षित नहीं है"),
        ("هذا آمن", "هذا ليس آمن"),
        ("a non-stop not-so-good one", "a non-stop so-good one"),
        ("I dont think so", "I think so"),
        ("they left with help", "they left without help"),
        ("he could hardly walk", "he could walk"),
        ("it is possible", "it is impossible"),
        ("er ging ohne Hut", "er ging mit Hut"),
        ("il part sans elle", "il part avec elle"),
        ("se fue sin ella", "se fue con ella"),
        ("他同意了", "他拒绝了"),
    ],
)
def test_negations_added_or_dropped_are_misquotes(one: str, other: str) -> None:
    """A negation that one has and the other has not turns what is said round."""
    assert is_misquote(one, other, stands=stands)
    assert is_misquote(other, one, stands=stands)
    assert denies(one) != denies(other) or "non" in one


@pytest.mark.parametrize(
    ("quote", "passage"),
    [
        ("she did not go and he did go", "she did go and he did not go"),
        ("whether it is not good or", "whether it is good or not"),
        ("he never said she would", "he said she never would"),
    ],
)
def test_negations_that_moved_are_misquotes(quote: str, passage: str) -> None:
    """A negation between other words denies something else."""
    assert is_misquote(quote, passage, stands=stands)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("we dont go", "we don't go"),
        ("it is so good and not bad", "it is good and uh not bad"),
        ("it is uh not bad", "it is not bad"),
        ("we can not go", "we cannot go"),
        ("we do not go", "we don't go"),
        ("I don't think so", "I don't, I don't think so"),
        ("we can't, we can't do it", "we can't do it"),
    ],
)
def test_negations_written_otherwise(one: str, other: str) -> None:
    """The same negation, or one that a speaker begins again with, changes nothing."""
    assert not is_misquote(one, other, stands=stands)


@pytest.mark.parametrize(
    ("quote", "passage"),
    [
        ("Then Andrew went home", "Then Pierre went home"),
        ("Pierre met Andrew there", "Andrew met Pierre there"),
        ("Then Hanna went home", "Then Anna went home"),
        ("Then Vladivostok went home", "Then Pierre went home"),
        ("Pierre, he went home", "he went home"),
        ("Then Will went home", "Then Pierre went home"),
        ("then Ken had it", "then taken had it"),
        ("Ken had it taken there", "Tom had it taken there"),
        ("then Mr Old went home", "then Mr Man went home"),
        ("then Mr. Old went home", "then Mr. Man went home"),
        ("then the Old went home", "then the others went home"),
        ("of Anna and Pierre there", "of Pierre and Anna there"),
    ],
)
def test_other_names_are_misquotes(quote: str, passage: str) -> None:
    """Another name in place of one, or a name put in, changes what is said."""
    assert is_misquote(quote, passage, stands=stands)


@pytest.mark.parametrize(
    ("quote", "passage"),
    [
        ("Then Piere went home", "Then Pierre went home"),
        ("The old man", "An old man"),
        ("The Old Man", "the old man"),
        ("Then he went home", "Then Pierre went home"),
        ("Will you go?", "you go?"),
        ("the Bolkonsky house", "the Bol-\nkonsky house"),
        ("the Bolkonsky house", "the Bol\xadkonsky house"),
        ("cafe\u0301 Ney", "caf\xe9 Ney"),
    ],
)
def test_slips_and_capitals_are_none(quote: str, passage: str) -> None:
    """A name mistyped or left out, or a word with a capital for its place, changes nothing."""
    assert not is_misquote(quote, passage, stands=stands)


@pytest.mark.parametrize(
    ("quote", "passage", "added"),
    [
        ("they left early the next day", "they left", True),
        ("with great joy indeed they left", "they left", True),
        ("they left the day", "they left", False),
        ("teh odl mann left", "the old man left", False),
        ("计划明天就要开始", "计划", True),
        ("计划明天", "计划", False),
        ("they left", "they left early the next day", False),
    ],
)
def test_words_added(quote: str, passage: str, *, added: bool) -> None:
    """Three words in a row that are like nothing in the passage are no slip."""
    assert added is adds_words(quote, passage)


@pytest.mark.parametrize(
    ("quote", "passage", "added"),
    [
        ("as shown [12]", "as shown", True),
        ("as shown [12]", "as shown [13]", True),
        ("as [2] shown [1]", "as [1] shown [2]", True),
        ("as shown [ 2 ]", "as [1] shown [2]", False),
        ("as shown", "as shown [12]", False),
    ],
)
def test_notes_added(quote: str, passage: str, *, added: bool) -> None:
    """The number of a note may be left out and not put in."""
    assert added is adds_notes(quote, passage)


@given(texts(), texts())
def test_any_texts_are_compared(quote: str, passage: str) -> None:
    """Any two str can be compared, and none misquotes itself."""
    is_misquote(quote, passage, stands=stands)
    adds_words(quote, passage)
    assert not is_misquote(quote, quote, stands=stands)
    assert not adds_words(quote, quote)
