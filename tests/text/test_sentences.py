"""Sentences partition a text, with sentencex and without it."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest
from hypothesis import given

from minikit.text.sentences import sentence_spans
from strategies import hostile_texts, texts


def sentences(text: str, language: str | None = None) -> list[str]:
    """Return the sentences themselves."""
    return [text[start:end] for start, end in sentence_spans(text, language)]


@pytest.fixture(params=["sentencex", "signs"])
def splitter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with sentencex, and as where it is not installed."""
    if request.param == "signs":
        monkeypatch.setitem(sys.modules, "sentencex", None)
    return str(request.param)


@pytest.mark.usefixtures("splitter")
@pytest.mark.parametrize(
    "expected",
    [
        [],
        ["No end"],
        ["It rains. ", "Does it? ", "Yes!"],
        ["東京は晴れです。", "大阪は雨。"],
        ["नमस्ते दुनिया। ", "कैसे हो? ", "ठीक।"],
        ["مرحبا؟ ", "نعم. ", "لا."],
        ["Привет, мир. ", "Да."],
        ['He said "Go." ', "Then he left."],
    ],
)
def test_sentences_of_many_scripts(expected: list[str]) -> None:
    """White space belongs to the sentence before it."""
    assert expected == sentences("".join(expected))


def test_abbreviations_end_no_sentence_of_sentencex() -> None:
    """A title before a name is no end."""
    assert sentences("Dr. Smith came. We ate.") == ["Dr. Smith came. ", "We ate."]


def test_language_is_handed_on() -> None:
    """The abbreviations are those of the language."""
    text = "Das ist z. B. ein Satz. Noch einer."
    assert sentences(text, "de") == ["Das ist z. B. ein Satz. ", "Noch einer."]


@pytest.mark.usefixtures("splitter")
@pytest.mark.parametrize("language", [None, "de"])
@pytest.mark.parametrize("gap", [" ", "\n", "\r\n", "\xa0"])
def test_a_german_date_ends_no_sentence(gap: str, language: str | None) -> None:
    """The dot behind a day is that of an ordinal number; a blank line is an end all the same."""
    expected = [f"Es war am 14.{gap}März. ", "Am 3. Oktober 2020 nicht. ", "So war es."]
    assert sentences("".join(expected), language) == expected
    assert sentences("Es waren 14.\n\nMärz war es.")[0].rstrip() == "Es waren 14."
    assert len(sentences("Es waren 1914. März war es.")) == 2


@pytest.mark.usefixtures("splitter")
def test_blank_line_ends_a_sentence() -> None:
    """A title without a sign is apart from the text below it."""
    assert sentences("Title\n\nText")[-1] == "Text"


@pytest.mark.parametrize("language", [None, "ja"])
@given(text=texts())
def test_sentences_partition_any_text(language: str | None, text: str) -> None:
    """Sentences joined are the text, none is empty, and none ends within a CRLF."""
    found = sentences(text, language)
    assert text == "".join(found)
    assert all(found)
    assert not any(before[-1] == "\r" and after[0] == "\n" for before, after in pairwise(found))


@pytest.mark.usefixtures("splitter")
@pytest.mark.parametrize("kind", hostile_texts(1))
def test_sentences_partition_hostile_text(kind: str) -> None:
    """Texts that make patterns backtrack are cut too."""
    text = hostile_texts(20_000)[kind]
    assert text == "".join(sentences(text))


@pytest.mark.parametrize("text", ["J\xa0.", "A\u3000.é", "B\u2028. C\x85."])
def test_wide_spaces_are_no_crash(text: str) -> None:
    """White space beyond ASCII, on which sentencex panics, is white space."""
    assert "".join(sentences(text)) == text
