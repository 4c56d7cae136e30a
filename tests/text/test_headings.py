"""Headings of Markdown and of plain books, and the path that a place stands under."""

from __future__ import annotations

import pytest
from hypothesis import example, given

from minikit.text.headings import find_headings, heading_paths
from strategies import texts


def outline(text: str) -> list[tuple[int, str]]:
    """Return level and title of the headings."""
    return [(heading.level, heading.title) for heading in find_headings(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# One\n## Two ##\n###### Six", [(1, "One"), (2, "Two"), (6, "Six")]),
        ("   # Indented\r\n    # code", [(1, "Indented")]),
        ("#no space\n####### seven\n#\n# ##\n# C#", [(1, "C#")]),
        ("One\n===\r\nTwo\n---\n", [(1, "One"), (2, "Two")]),
        ("\n---\n\n--- x\na | b\n---\n- item\n---\n    code\n---", []),
        ("```\n# no\n```\n# yes", [(1, "yes")]),
        ("~~~~\n# no\n```\n~~~\n~~~~ x\n# no\n~~~~~\n# yes", [(1, "yes")]),
        ("```\n# never closed", []),
        ("# " + "x" * 201, []),
    ],
)
def test_markdown_headings(text: str, expected: list[tuple[int, str]]) -> None:
    """Marked and underlined lines count, but not within fenced or indented code."""
    assert expected == outline(text)


def test_divisions_of_a_book() -> None:
    """The kind of division that comes first is the outermost."""
    lines = ["BOOK ONE: 1805", "CHAPTER I", "Text.", "CHAPTER II.", "FIRST EPILOGUE: 1813 - 20"]
    expected = [
        (7, "BOOK ONE: 1805"),
        (8, "CHAPTER I"),
        (8, "CHAPTER II."),
        (7, "FIRST EPILOGUE: 1813 - 20"),
        (8, "CHAPTER I"),
    ]
    assert outline("\n\n".join([*lines, "CHAPTER I"])) == expected


@pytest.mark.parametrize(
    "line",
    ["Chapter 12.", "Chapter 3: The Whale", "PART THE FIRST", "Part Two", "CHAPTER XLI. Ahab"],
)
def test_division_lines(line: str) -> None:
    """Numbers are digits, Roman, or words."""
    assert [(7, line)] == outline(f"Before.\n\n{line}\n\nAfter.")


@pytest.mark.parametrize(
    "text",
    ["As in\nCHAPTER I\n", "\nChapter 3 describes the method.\n", "\nPart of it\n", "\nBOOKS I\n"],
)
def test_sentences_are_no_divisions(text: str) -> None:
    """A line within a paragraph, or one that goes on, is text."""
    assert outline(text) == []


def test_paths() -> None:
    """A heading stands under the last one of each lower level."""
    text = "# A\n## B\n### C\n## D\n# E\n"
    offsets = [0, 4, 9, 15, 20, 24]
    expected = [("A",), ("A", "B"), ("A", "B", "C"), ("A", "D"), ("E",), ("E",)]
    assert expected == heading_paths(find_headings(text), offsets)


def test_path_before_the_first_heading_is_empty() -> None:
    """Nothing stands above the start."""
    assert heading_paths(find_headings("x\n# A"), [0, 3]) == [(), ("A",)]


@given(text=texts())
@example(text="\u2028Title\n=====\n")
@example(text="\x0b\x0c# One\n")
def test_headings_stand_where_they_say(text: str) -> None:
    """The title is found in the line at `start`, after marks and white space only, in order."""
    headings = find_headings(text)
    for heading in headings:
        assert heading.start == 0 or text[heading.start - 1] in "\n\f"  # a page begins a line
        before, title, _ = text[heading.start :].partition("\n")[0].partition(heading.title)
        assert title == heading.title
        assert not before.replace("#", "").strip()
    starts = [heading.start for heading in headings]
    assert starts == sorted(set(starts))
