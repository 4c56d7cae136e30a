"""The best place for a cut comes first, and the nearest of its kind."""

from __future__ import annotations

import pytest

from minikit.text.boundaries import best_boundary, nearest_boundary


def best(text: str, near: int | None = None, starts: tuple[int, ...] = ()) -> str | None:
    """Cut `text` at the best boundary anywhere in it, and return the part before."""
    last = len(text) - 1
    end = best_boundary(text, 1, last if near is None else near, last, starts)
    return None if end is None else text[:end]


def nearest(text: str, near: int) -> str:
    """Cut `text` at the nearest boundary anywhere in it, and return the part before."""
    return text[: nearest_boundary(text, 0, 1, near, len(text) - 1)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028"])
def test_paragraph_before_line_before_sentence(newline: str) -> None:
    """A farther end of a better kind wins, with any line ends."""
    paragraph = f"One.{newline}{newline}"
    line = f"Two:{newline}"
    assert best(f"{paragraph}{line}Three. Four.") == paragraph
    assert best(f"{line}Three. Four.") == line
    assert best("Three. Four.") == "Three."


def test_heading_comes_first() -> None:
    """The cut lies before a heading, even if a paragraph ends nearer."""
    text = "Text.\n# Title\n\nMore.\n\nAnd more."
    assert best(text, starts=(0, 6)) == "Text.\n"


def test_nearest_of_a_kind_wins() -> None:
    """Of three sentence ends the one nearest to the wanted place is taken."""
    text = "One is. Two are. Three are. Four are."
    assert best(text, near=15) == "One is. Two are."
    assert best(text, near=28) == "One is. Two are. Three are."


def test_blank_lines_and_indentation_stay_together() -> None:
    """A cut comes after all blank lines and before the indentation of the next line."""
    assert best("def f():\n\n \n    return") == "def f():\n\n \n"


def test_wrapped_line_is_no_end() -> None:
    """Where a line goes on in the next, the sentence end is better."""
    assert best("It is. So said\nthe man,\nand went") == "It is."
    assert best("It said\nthe man") is None
    assert best("total: 3\nnext: 4") == "total: 3\n"


def test_sentence_ends_before_its_space() -> None:
    """The space after a sentence goes to the next chunk, which costs no token there."""
    assert best("It is. So it was") == "It is."


def test_no_boundary() -> None:
    """Where nothing ends, the caller decides."""
    assert best("no end in here") is None


@pytest.mark.parametrize(
    ("text", "near", "expected"),
    [
        ("one line\nwraps here", 17, "one line\n"),
        ("one two three four", 9, "one two"),
        ("(one)two[three]four", 15, "(one)two[three]"),
        ("it's-Bob's", 4, "it's-"),
        ("abcdefgh", 5, "abcde"),
        ("abcde\u0301fgh", 5, "abcd"),
        ("e\u0301\u0301\u0301fgh", 2, "e\u0301\u0301\u0301"),
        ("e\u0301\u0301\u0301\u0301", 3, "e\u0301\u0301"),
        ("\r\nb", 1, "\r\n"),
        ("\ud83d\ude00\u0301", 1, "\ud83d\ude00"),
        ("\u200d\ud83d\ude00", 2, "\u200d"),
        ("1,234,567-8", 4, "1,234,567-"),
    ],
)
def test_words_then_clusters(text: str, near: int, expected: str) -> None:
    """A wrapped line, a word, a sign, a cluster; at worst a character."""
    assert nearest(text, near) == expected
