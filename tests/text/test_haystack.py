"""Texts to hide needles in, of any length in tokens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import SourceError
from minikit.text.haystack import fit, written
from minikit.tokens.counting import count_text
from strategies import hostile_texts, proses, texts

ENCODING = "o200k_base"


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
def test_what_is_written_is_long_enough(encoding: str) -> None:
    """It has at least the tokens that were asked for, in either encoding, and not many more."""
    assert 5_000 <= count_text(written(5_000, 3), encoding) <= 6_000


def test_what_is_written_can_be_written_again() -> None:
    """The same seed gives the same text; a longer one begins like a shorter one."""
    assert written(500, 1) == written(500, 1)
    assert written(500, 1) != written(500, 2)
    assert written(2_000, 1).startswith(written(500, 1))


def test_what_is_written_hardly_repeats_itself() -> None:
    """Nearly every sentence is another one, and none has a figure."""
    text = written(20_000, 0)
    sentences = text.replace("\n\n", " ").split(". ")
    assert len(set(sentences)) > 0.95 * len(sentences)
    assert not any(map(str.isdigit, text))


@settings(max_examples=40)
@given(proses(), st.integers(1, 3_000))
def test_a_text_is_fitted_to_the_token(text: str, tokens: int) -> None:
    """A text is repeated or cut: its length is the one wanted, but for a part of a word."""
    if not text.strip():
        with pytest.raises(SourceError, match="is empty"):
            fit(text, tokens, ENCODING)
        return
    fitted = fit(text, tokens, ENCODING)
    assert tokens - 12 <= count_text(fitted, ENCODING) <= tokens
    assert "\n\n".join([text] * (len(fitted) // len(text) + 2)).startswith(fitted)


@settings(max_examples=40)
@given(texts(), st.integers(1, 500))
def test_any_text_is_fitted(text: str, tokens: int) -> None:
    """Whatever a text holds, the result has no more tokens than wanted."""
    if text.strip():
        assert count_text(fit(text, tokens, ENCODING), ENCODING) <= tokens


@pytest.mark.parametrize("name", ["one letter", "han", "base64", "surrogates", "CRLF"])
def test_hostile_texts_are_fitted(name: str) -> None:
    """Texts without words or without letters are cut near the length, too."""
    text = "Begin. " + hostile_texts(100_000)[name]
    assert 4_990 <= count_text(fit(text, 5_000, ENCODING), ENCODING) <= 5_000


def test_a_whole_text_stays_whole() -> None:
    """A text of just the length wanted is neither cut nor repeated."""
    text = written(300, 0)
    assert fit(text, count_text(text, ENCODING), ENCODING) == text
