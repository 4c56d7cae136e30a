"""Markdown: what is prose is found, and what is written stays what it was."""

from __future__ import annotations

import pytest

from minikit.text.formats.markdown import links, read_markdown

BREAK = "  "
PAGE = """---
title: Install
---
# Install `minikit` {#install}

> A quote
> goes on{BREAK}
> with a break

- one with [a link](https://x.y "Title")
  more of it

      code in an item

1. first ![a pic](a.png)

Setext
======

| Name | Value \\| Default |
|------|:-----:|
| the word | x y |
| 5 | a 5 |

```python
# comment
```

    indented code

See [home], [home][] and [r][x].

[^1]: A footnote here
[home]: http://x "T"
[x]: http://y

<div align="center">
  <p>Hello <b>world</b></p><!-- no --><pre>code here</pre>
  <script>let words = "here"</script>
</div>

$$
x
$$

***
""".replace("{BREAK}", BREAK)
TEXTS = [
    "Install `minikit` {#install}",
    "A quote\ngoes on  \nwith a break",
    'one with [a link](https://x.y "Title")\nmore of it',
    "first ![a pic](a.png)",
    "Setext",
    "Name",
    "Value | Default",
    "the word",
    "x y",
    "a 5",
    "See [home], [home][] and [r][x].",
    "A footnote here",
    "Hello <b>world</b>",
]


def test_prose_is_found() -> None:
    """Headings, paragraphs, items, cells, footnotes and the words in HTML; and nothing else."""
    file = read_markdown(PAGE)
    assert [segment.text for segment in file.segments] == TEXTS
    kinds = [segment.kind for segment in file.segments]
    assert kinds[:2] == ["heading", "paragraph"]
    assert kinds[4:6] == ["heading", "cell"]
    assert file.segments[10].fixed == ("[home]", "[home][]")


def test_a_page_is_written_as_it_was() -> None:
    """Marks of quotations, cells and items stand where they stood."""
    file = read_markdown(PAGE)
    written = file.join([segment.text.replace("A quote", "Ein|Zitat") for segment in file.segments])
    assert written == PAGE.replace("A quote", "Ein|Zitat")
    assert "| Ein \\| Wert |" in file.join(
        [text.replace("Value | Default", "Ein | Wert") for text in TEXTS]
    )


@pytest.mark.parametrize(
    ("source", "translation", "written"),
    [
        ("Hello there\n", "1. Mai", "1\\. Mai\n"),
        ("> a b\n> c d\n", "x\n- y", "> x\n> \\- y\n"),
        ("> a b\n> c d\n", "x y", "> x y\n"),
        ("- a b\n", "x\n\n# y", "- x # y\n"),
        ("# a b #\n", "x\ny", "# x y #\n"),
        ("a b\nc d\n", "x\n\n  # y\n```", "x\n\\# y\n\\```\n"),
        ("a b\r\nc d\r\n", "x\n===", "x\r\n\\===\r\n"),
        ("a b\nc d", "+x\n> y", "+x\n\\> y"),
    ],
)
def test_a_translation_begins_no_other_block(source: str, translation: str, written: str) -> None:
    """What would be a list, a heading or a quotation at the start of a line is escaped."""
    assert read_markdown(source).join([translation]) == written


@pytest.mark.parametrize(
    "text",
    [
        "---\na: b c\n---",
        "+++\na = 'b c'\n+++\n",
        "---\n---\n",
        "[a]: http://b 'some title'\n",
        "```\na b\n",
        "<!-- a b\n\nc d\n-->\n",
        "<pre>\na b\n",
        "> <div>\n> a b\n> </div>\n",
        "| 1 | 2 |\n|---|---|\n| | 3 |\n",
    ],
)
def test_what_is_not_prose_is_left(text: str) -> None:
    """Front matter, definitions, code, comments, and HTML in quotations."""
    assert read_markdown(text).segments == ()


def test_a_link_may_stand_before_a_colon() -> None:
    """Its words are its label all the same."""
    (segment,) = read_markdown(
        "As [home] and [the guide][]: here\n\n[home]: /\n[the guide]: /g\n"
    ).segments
    assert segment.fixed == ("[home]", "[the guide][]")
    (segment,) = read_markdown("See [home]: here\n\n[home]: /\n").segments
    assert segment.fixed == ("[home]",)


def test_a_page_may_begin_with_html() -> None:
    """As the pages of many projects do."""
    text = "<h1 align='center'>My tool</h1>\n\nHello\n"
    assert [segment.text for segment in read_markdown(text).segments] == ["My tool", "Hello"]


def test_a_rule_of_dashes_is_no_front_matter() -> None:
    """Only what the file begins with, and what is closed, is."""
    texts = [segment.text for segment in read_markdown("---\na b\n\nc d\n").segments]
    assert texts == ["a b", "c d"]


def test_links_are_counted_by_their_address() -> None:
    """Pictures too; what is broken, or in code, is none."""
    text = '[a](b "c") [d](b) ![e](f) `[g](h)` [i](j k) [](<>) l](m)'
    assert links(text) == {"b": 2, "f": 1}
    assert links("[home] and so on") == {}


def test_links_that_go_by_the_words_of_a_heading_are_noted() -> None:
    """Those to an id, or to another page, hold."""
    page = "# How to `run` it\n\n# Other {#other}\n\nSee [a](#other), [b](c.md#how-to-run-it).\n"
    assert read_markdown(page).notes == ()
    (note,) = read_markdown(page + '[c](#how-to-run-it) <a href="#how-to-run-it">d</a>\n').notes
    assert note.startswith(
        "links go by the words of headings that are translated (1, such as #how-to-run-it): give"
    )
