"""Markdown under a head: what is indented there is prose, and stays where it stands."""

from __future__ import annotations

import pytest

from minikit.text.formats.markdown import read_markdown

PAGE = """Before
!!! note "A title"
    The body
    goes on

    - an item

        !!! warning

            Deeper

    ```
    code here
    ```

        code again

??? tip
    Hidden

=== "One"

    In a tab

[^1]: A footnote
goes on

    Its second part

Term
:   Its meaning

    More of it

> !!! note
>     In a quotation

After
"""
TEXTS = [
    "Before",
    "A title",
    "The body\ngoes on",
    "an item",
    "Deeper",
    "Hidden",
    "One",
    "In a tab",
    "A footnote\ngoes on",
    "Its second part",
    "Term",
    "Its meaning",
    "More of it",
    "In a quotation",
    "After",
]


def test_what_is_indented_under_a_head_is_prose() -> None:
    """Of admonitions, tabs, footnotes and definitions; code in them is code."""
    file = read_markdown(PAGE)
    assert [segment.text for segment in file.segments] == TEXTS
    written = file.join([text.replace("\n", "u\n") + "u" for text in TEXTS])
    for text in TEXTS:
        assert text.split("\n")[0] + "u" in written
    assert written.replace("u\n", "\n").replace('u"', '"') == PAGE


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        (":::note My title\nBody\n:::\n", ["My title", "Body"]),
        ("::: {.tip}\nBody\n:::\n", ["Body"]),
        ("/// note | My title\nBody\n///\n", ["My title", "Body"]),
        ("> [!NOTE]\n> Body\n", ["Body"]),
        ("> [!tip]- My title\n> Body\n", ["My title", "Body"]),
        ("import A from './a'\nexport const b = {\n  c: 'd e'\n}\n\nText\n", ["Text"]),
        ("import './a.css';\n\nimport foo and bar\n", ["import foo and bar"]),
        ("!!! note\n\nNo body\n", ["No body"]),
        ("!!! note", []),
        ("    !!! note\n    code here\n", []),
        ("a title\n===\n", ["a title"]),
    ],
)
def test_lines_that_direct_are_left(source: str, texts: list[str]) -> None:
    """So are those of modules; a title after them is a text of its own."""
    file = read_markdown(source)
    assert [segment.text for segment in file.segments] == texts
    assert file.join([f"{text}\n\n{text}" for text in texts]).count("\n") >= source.count("\n")


def test_heads_may_be_nested_deep() -> None:
    """What is deeper than the parser goes is text; nothing after it is skipped."""
    deep = ": " * 500 + "The end\n\nAfter\n"
    assert [segment.text for segment in read_markdown(deep).segments][-1] == "After"
    lists = "".join("  " * level + f"- item of {level}\n" for level in range(24)) + "\nAfter\n"
    assert len(read_markdown(lists).segments) == 25
