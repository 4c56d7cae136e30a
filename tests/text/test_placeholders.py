"""Placeholders: found by their form where they stand, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from minikit.text.placeholders import Syntax, has_words, placeholders
from strategies import hostile_texts, texts

UI = {
    "Hi {name}, {0} of {count, number}": ["{name}", "{0}", "{count, number}"],
    "%s, %(n)d, %1$s, %-5.2f, %ld and %@": ["%s", "%(n)d", "%1$s", "%-5.2f", "%ld", "%@"],
    "%d%% of %name% at 50% off, 100%d": ["%d", "%%", "%name%"],
    "${price} #{x} %{y} {{ z }}": ["${price}", "#{x}", "%{y}", "{{ z }}"],
    "$t(common.ok) @:common.ok :attribute $NAME$ at 10:30": [
        "$t(common.ok)",
        "@:common.ok",
        ":attribute",
        "$NAME$",
    ],
    "File %1 of %L2, %3%, 50%1 and %<name>s at %<cost>.2f": [
        "%1",
        "%L2",
        "%3%",
        "%<name>s",
        "%<cost>.2f",
    ],
    "none | one | {n} for $name at $5 US$ in $NAME$": ["|", "|", "{n}", "$name", "$NAME$"],
    "@.lower:key @:(a.b) @:{'x y'} @:some-key": [
        "@.lower:key",
        "@:(a.b)",
        "@:{'x y'}",
        "@:some-key",
    ],
    "<b>x</b><br/> <0>y</0> a < b > c": ["<b>", "</b>", "<br/>", "<0>", "</0>"],
    "Tom &amp; Jerry&#39;s &#x27; & Co;": ["&amp;", "&#39;", "&#x27;"],
    "See https://a.b/c_(d)?e=f. Or www.a.de, ann@b.de.": [
        "https://a.b/c_(d)?e=f",
        "www.a.de",
        "ann@b.de",
    ],
    "见https://x.com了解": ["https://x.com"],
    "Done :tada: 12:30:45 :+1:": [":tada:"],
}
MARKDOWN = {
    'See [the `x|y` docs](https://a.b/c_(d) "A title")': ["`x|y`", "](https://a.b/c_(d)"],
    "![alt](img.png) [a](<b c>) [d](e\\)f)": ["![", "](img.png)", "](<b c>)", "](e\\)f)"],
    "[a][b] [[wiki]] [^1]": ["][b]", "[[wiki]]", "[^1]"],
    "``a`b`` `c": ["``a`b``"],
    "$x^2$ costs $5 and $10; $$y$$": ["$x^2$", "$$y$$"],
    "Title {#id .class}": ["{#id .class}"],
    "!!! note\nHello": ["!!! note"],
    "[ ] a task": ["[ ]"],
    "[TOC]": ["[TOC]"],
    "*[HTML]: Hyper Text": ["*[HTML]:"],
    "<!-- a --> {% raw %}": ["<!-- a -->", "{% raw %}"],
}
CUE = {
    "{\\an8}<i>Hi</i>": ["{\\an8}", "<i>", "</i>"],
    "<v Ann>Hi <00:01.000>there": ["<v Ann>", "<00:01.000>"],
}
PROSE = {
    "{name} {see below} %s 100%discount %d% {{x}}": ["{name}", "%s", "%d", "{{x}}"],
    "plain words, nothing more": [],
}
CASES: list[tuple[Syntax, str, list[str]]] = [
    *(("ui", text, found) for text, found in UI.items()),
    *(("markdown", text, found) for text, found in MARKDOWN.items()),
    *(("cue", text, found) for text, found in CUE.items()),
    *(("prose", text, found) for text, found in PROSE.items()),
]


@pytest.mark.parametrize(("syntax", "text", "found"), CASES)
def test_placeholders_are_found(syntax: Syntax, text: str, found: list[str]) -> None:
    """Each is found whole and in order."""
    assert placeholders(text, syntax) == found
    assert placeholders(f"{text}\n{text}", syntax)[: len(found)] == found


def test_further_words_can_be_fixed() -> None:
    """What shows by nothing that it stays can be named; the longer goes before the shorter."""
    assert placeholders("See [home] and [home page].", "markdown", ("[home]", "[home page]")) == [
        "[home]",
        "[home page]",
    ]


def test_fixed_words_and_labels_may_hold_code() -> None:
    """They are whole; in code, they are a part of it."""
    fixed = ("[`dns.lookup()` flags][]", "[home]")
    text = "See [`dns.lookup()` flags][] and [the `x`][a `b`], `not [home]`."
    assert placeholders(text, "markdown", fixed) == [fixed[0], "`x`", "][a `b`]", "`not [home]`"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{name}", False),
        ("https://a.b", False),
        ("12 % – 5", False),
        ("{n} Tage", True),
        ("Tag {n}", True),
        ("", False),
    ],
)
def test_words_are_letters_outside_of_placeholders(text: str, expected: bool) -> None:
    """What has none needs no translation."""
    assert has_words(text, "ui") is expected


@settings(max_examples=40)
@given(texts(20))
def test_placeholders_stand_in_the_text(text: str) -> None:
    """Whatever the text, they are pieces of it, in order."""
    for syntax in ("prose", "markdown", "cue", "ui"):
        position = 0
        for each in placeholders(text, syntax):
            position = text.index(each, position) + len(each)


@pytest.mark.parametrize("unit", ["<", "<!--", "{", "`", "](", "](a(", "$", "&a", "%-", ":a", "a@"])
def test_no_text_stalls_the_search(unit: str) -> None:
    """The time is linear, also where nothing that opens is closed."""
    text = unit * (50_000 // len(unit))
    for syntax in ("prose", "markdown", "cue", "ui"):
        placeholders(text, syntax)


def test_hostile_texts_are_searched() -> None:
    """Runs of one letter, of signs and of no letters at all are texts too."""
    for text in hostile_texts(10_000).values():
        placeholders(text, "markdown")
        placeholders(text, "ui")
