"""Counts of text are tiktoken's, in linear time, and additive where they are said to be."""

from __future__ import annotations

from itertools import pairwise
from pydoc_data.topics import topics
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given

from minikit.errors import ArgumentError
from minikit.tokens import counting
from minikit.tokens.counting import count_text, is_additive, segment_ends
from minikit.tokens.vocabulary import encoding
from strategies import hostile_texts, texts

if TYPE_CHECKING:
    from tiktoken import Encoding

NAMES = ["o200k_base", "cl100k_base"]
HOSTILE = hostile_texts(150_000)
PROSE = "\n".join(topics.values())


@pytest.fixture(params=NAMES, scope="module")
def encoder(request: pytest.FixtureRequest) -> Encoding:
    """Each bundled encoding."""
    return encoding(request.param)


def test_empty_text_has_no_token(encoder: Encoding) -> None:
    """The empty text counts 0."""
    assert count_text("", encoder.name) == 0


def test_special_tokens_are_plain_text() -> None:
    """A control token that stands in the text counts as the signs and letters it is written in."""
    assert count_text("<|endoftext|>", "o200k_base") == 7


def test_surrogates_count_as_tiktoken_counts_them(encoder: Encoding) -> None:
    """A lone surrogate counts as U+FFFD, a pair as the character it stands for."""
    assert count_text("a\ud800b", encoder.name) == count_text("a\ufffdb", encoder.name)
    assert count_text("a\ud83d\ude00b", encoder.name) == count_text("a\U0001f600b", encoder.name)


@given(text=texts())
def test_count_is_that_of_tiktoken(encoder: Encoding, text: str) -> None:
    """Any text counts what tiktoken counts."""
    assert count_text(text, encoder.name) == len(encoder.encode_ordinary(text))


def test_count_of_long_prose_is_that_of_tiktoken(encoder: Encoding) -> None:
    """A text of many segments counts what tiktoken counts."""
    assert len(PROSE) > 300_000
    assert count_text(PROSE, encoder.name) == len(encoder.encode_ordinary(PROSE))


@pytest.mark.parametrize("kind", HOSTILE)
def test_count_of_hostile_text_is_that_of_tiktoken(encoder: Encoding, kind: str) -> None:
    """Runs without any additive cut, longer than a window, count what tiktoken counts."""
    text = HOSTILE[kind]
    assert count_text(text, encoder.name) == len(encoder.encode_ordinary(text))


def test_a_million_spaces_before_a_word_are_counted(encoder: Encoding) -> None:
    """Where tiktoken panics, runs count as the pieces that its pattern would make of them."""
    spaces, word = count_text(" " * 1_200_000, encoder.name), count_text(" word", encoder.name)
    assert count_text(" " * 1_200_001 + "word", encoder.name) == spaces + word
    assert spaces == 1_200_000 / 128


@given(text=texts(80))
@example("\n" * 3000 + " " * 300 + "x")
@example("漢あ" * 2000)
def test_windows_count_what_the_whole_counts(encoder: Encoding, text: str) -> None:
    """Counting in overlapping windows changes nothing."""
    whole = len(encoder.encode_ordinary(text))
    assert counting._count_by_windows(encoder, text, 1024) == whole


@pytest.mark.parametrize("text", ["", "a" * 70_000, "Two threads count a text. " * 9_000])
def test_two_threads_count_what_one_counts(
    encoder: Encoding, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A very long text is counted in two threads, with or without a place between them."""
    monkeypatch.setattr(counting, "_TWO_THREADS", -1)
    assert count_text(text, encoder.name) == len(encoder.encode_ordinary(text))


@given(text=texts())
def test_segments_partition_the_text_at_additive_cuts(encoder: Encoding, text: str) -> None:
    """Segments are contiguous, their counts add up, and none but the last is short."""
    spans = list(pairwise([0, *segment_ends(text, 20)]))
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(end - start >= 20 for start, end in spans[:-1])
    assert all(is_additive(text, start) for start, _ in spans[1:])
    counts = [len(encoder.encode_ordinary(text[start:end])) for start, end in spans]
    assert sum(counts) == len(encoder.encode_ordinary(text))


@given(text=texts())
def test_segments_can_be_bounded(text: str) -> None:
    """With a bound no segment is longer, additive or not."""
    spans = list(pairwise([0, *segment_ends(text, 20, longest=30)]))
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(end - start <= 60 for start, end in spans)


@given(text=texts(6))
def test_counts_add_up_at_every_additive_cut(encoder: Encoding, text: str) -> None:
    """Both sides of each additive cut together count as much as the whole."""
    whole = count_text(text, encoder.name)
    for cut in filter(lambda cut: is_additive(text, cut), range(1, len(text))):
        assert whole == count_text(text[:cut], encoder.name) + count_text(text[cut:], encoder.name)


def test_unknown_encoding_is_an_argument_error() -> None:
    """The error names the encodings that there are."""
    with pytest.raises(ArgumentError, match="'gpt2'; there are 'o200k_base'"):
        count_text("text", "gpt2")
