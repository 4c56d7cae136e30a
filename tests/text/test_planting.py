"""Needles in a text: nothing else changes, and they are where they shall be."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minikit.errors import ArgumentError, SourceError
from minikit.text.haystack import fit, written
from minikit.text.needles import make_needles
from minikit.text.planting import Planted, plant, planted
from minikit.tokens.counting import count_text
from strategies import hostile_texts, proses, texts

ENCODING = "o200k_base"
DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
NEEDLES = make_needles(5, seed=0)


def without_needles(result: Planted) -> str:
    """Take the needles out again."""
    text = result.text
    for hidden in reversed(result.needles):
        text = text[: hidden.span.start] + text[hidden.span.end :]
    return text


@settings(max_examples=60)
@given(st.one_of(texts(), proses()).filter(bool))
def test_planting_changes_nothing_else(text: str) -> None:
    """Without the needles the text is the one from before, whatever it holds."""
    result = plant(text, NEEDLES, DEPTHS, encoding=ENCODING)
    assert without_needles(result) == text
    for hidden, needle in zip(result.needles, NEEDLES, strict=True):
        assert hidden.needle == needle
        assert result.text[hidden.span.start : hidden.span.end].strip() == needle.fact
    assert result.tokens == count_text(result.text, ENCODING)


@settings(max_examples=60)
@example("aไทยแลนด์" + " " * 256 + "a", [0.0, 0.0, 0.0, 0.668, 0.688])
@given(st.one_of(texts(), proses()).filter(bool), st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_needles_stand_in_the_order_of_their_depths(text: str, depths: list[float]) -> None:
    """What shall be deeper stands deeper, or right after, and each is a word of its own."""
    result = plant(text, NEEDLES, sorted(depths), encoding=ENCODING)
    assert all(one.span.end <= other.span.start for one, other in pairwise(result.needles))
    positions = [hidden.position for hidden in result.needles]
    assert positions == sorted(positions)
    for hidden in result.needles:
        start = hidden.span.start + result.text[hidden.span.start :].index(hidden.needle.fact)
        end = start + len(hidden.needle.fact)
        assert not start or result.text[start - 1].isspace()
        assert end == len(result.text) or result.text[end].isspace()


def test_needles_stand_between_sentences() -> None:
    """In prose a needle stands at the border of sentences nearest to its depth."""
    text = written(5_000, 0)
    result = plant(text, NEEDLES, DEPTHS, encoding=ENCODING)
    for hidden, depth in zip(result.needles, DEPTHS, strict=True):
        assert hidden.depth == depth
        assert abs(hidden.position - depth) < 0.01
        before = result.text[: hidden.span.start].rstrip()
        assert not before or before.endswith(".")


@pytest.mark.parametrize("name", ["one letter", "han", "words", "one cluster", "signs"])
def test_texts_without_sentences_have_depths(name: str) -> None:
    """Where no sentence ends a needle stands between words, or between any two characters."""
    text = hostile_texts(50_000)[name]
    result = plant(text, NEEDLES, DEPTHS, encoding=ENCODING)
    assert without_needles(result) == text
    assert all(abs(each.position - each.depth) < 0.1 for each in result.needles)


@settings(max_examples=25)
@given(proses().filter(lambda text: bool(text.strip())), st.integers(300, 4_000))
@example("internationalization" * 40, 300)  # a needle within a word makes more tokens of it
def test_the_length_is_exact(text: str, tokens: int) -> None:
    """Needles included, the text is as long as wanted, but for a word and what joins it."""
    result = planted(text, NEEDLES, DEPTHS, tokens=tokens, encoding=ENCODING)
    assert tokens - 20 <= result.tokens <= tokens
    assert result.tokens == count_text(result.text, ENCODING)
    assert fit(text, 5_000, ENCODING).startswith(without_needles(result))


def test_a_length_without_room_is_refused() -> None:
    """Needles that would be more than half of a text are refused with the way out."""
    with pytest.raises(ArgumentError, match=r"5 needles take \d+ tokens, more than half of"):
        planted("Some text.", NEEDLES, DEPTHS, tokens=150, encoding=ENCODING)
    with pytest.raises(SourceError, match="is empty"):
        planted(" \n", NEEDLES, DEPTHS, tokens=1_000, encoding=ENCODING)
