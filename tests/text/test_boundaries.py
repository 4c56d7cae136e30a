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


@pytest.mark.parametrize(
    ("text", "ends", "starts"),
    [
        ("aa\n\nbb\n\ncc\n\ndd", (4, 8, 12), ()),
        ("a: 1\nb: 2\nc: 3\nd: 4", (5, 10, 15), ()),
        ("One is. Two is. Six is. Ten is.", (7, 15, 23), ()),
        ("One is so. # A # B # C and so on", (11, 15, 19), (11, 15, 19)),
    ],
)
def test_both_ends_of_the_reach_are_in_it(
    text: str, ends: tuple[int, int, int], starts: tuple[int, ...]
) -> None:
    """A boundary at the smallest or the largest offset wanted is found, one beyond it is not."""
    first, middle, last = ends
    assert best_boundary(text, first, first, middle - 1, starts) == first
    assert best_boundary(text, middle + 1, last, last, starts) == last
    assert best_boundary(text, first + 1, middle, last - 1, starts) == middle
    assert best_boundary(text, first + 1, first + 1, middle - 1, starts) not in ends


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("said\nthe\nman\nand", (5, 9, 13)),
        ("one two six ten", (3, 7, 11)),
        ("a(b)c(d)e(f)", (2, 4, 6)),
    ],
)
def test_words_at_both_ends_of_the_reach(text: str, ends: tuple[int, int, int]) -> None:
    """The end of a wrapped line, of a word or a sign at an end of the reach is in it."""
    first, middle, last = ends
    assert nearest_boundary(text, 0, first, first, middle - 1) == first
    assert nearest_boundary(text, 0, middle + 1, last, last) == last
    assert nearest_boundary(text, 0, first + 1, middle, last - 1) == middle


def test_a_semicolon_ends_no_line() -> None:
    """What a wrapped line says goes on after a semicolon, as after a comma."""
    assert best("It is. So said;\nand went") == "It is."
    assert best("It is. So said.\nand went") == "It is. So said.\n"


@pytest.mark.parametrize(
    ("first", "second", "end"),
    [
        (0x0D, 0x0A, 2),
        (0xD800, 0xDC00, 2),
        (0xDBFF, 0xDC00, 2),
        (0xDBFF, 0xDFFF, 2),
        (0x0A, 0x0D, 1),
        (0xDC00, 0xD800, 1),
        (0xD800, 0xD800, 1),
        (0xDC00, 0xDC00, 1),
    ],
)
def test_pairs_stay_whole(first: int, second: int, end: int) -> None:
    """A CRLF and a pair of surrogates, and nothing else, are kept together beyond the reach."""
    assert nearest_boundary((chr(first) + chr(second)) * 2, 0, 1, 1, 1) == end


def test_no_farther_back_than_half_way() -> None:
    """A word that ends before half the way is left alone: the chunk would be too small."""
    assert nearest_boundary("ab cdefghijklmnop", 0, 9, 10, 10) == 10
    assert nearest_boundary("abcdef hijklmnop", 0, 9, 10, 10) == 6
