"""Checks of translations: what is lost, added or broken is told, and what may change may."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.text.fidelity import check
from minikit.text.formats.segments import Format, Kind, Segment
from minikit.text.languages import read_language
from minikit.text.placeholders import placeholders
from strategies import texts

GERMAN = read_language("de")


def faults(
    source: str,
    translation: str,
    format: Format = "json",  # noqa: A002 - the word for it
    *,
    kind: Kind = "message",
    language: str = "de",
    origin: str | None = None,
    other: str | None = None,
    **glossary: str,
) -> list[tuple[str, bool]]:
    """Return the kinds of the faults, and whether they are fatal."""
    segment = Segment(text=source, start=0, end=len(source), kind=kind, other=other)
    found = check(
        segment,
        translation,
        format,
        language=read_language(language),
        source=None if origin is None else read_language(origin),
        glossary=glossary,
    )
    assert all(str(fault) == fault.message for fault in found)
    return [(fault.kind, fault.is_fatal) for fault in found]


GOOD: list[tuple[Format, str, str]] = [
    ("json", "Hello {name}, you have %d files", "%d Dateien hast du, {name}"),
    ("json", "%1$s of %2$s", "%2$s: %1$s"),
    ("json", "Don&#39;t &quot;go&quot;", "Geh &bdquo;nicht&ldquo;"),
    ("json", "<b>a</b><br>b <img src='x'>", "<b>x</b><br>y <img src='x'>"),
    ("markdown", "See [the docs](https://a.b).", "Siehe [das Handbuch](https://a.b)."),
    ("text", "See https://a.b.", "Siehe https://a.b。"),
    ("json", "{n, plural, one {# day} other {# days}}", "{n, plural, one {# Tag} other {# Tage}}"),
    ("po", "{n, plural, one {broken", "{n, plural, one {kaputt"),
]


@pytest.mark.parametrize(("format", "source", "translation"), GOOD)
def test_a_faithful_translation_has_no_fault(
    format: Format,  # noqa: A002 - as above
    source: str,
    translation: str,
) -> None:
    """Words, order and typography may change."""
    assert faults(source, translation, format) == []


BAD: list[tuple[Format, str, str, list[tuple[str, bool]]]] = [
    ("json", "Hi {name}", "Hallo", [("placeholder", True)]),
    ("json", "Hi {name}", "Hallo {Name}", [("placeholder", True)] * 2),
    ("json", "Hi", "Hallo {name}", [("placeholder", True)]),
    ("json", "Hi {a} {a}", "Hallo {a}", [("placeholder", True)]),
    ("po", "%s has %d", "%d von %s", [("placeholder", True)]),
    ("json", "<b>Hi</b>", "<b>Hallo", [("tag", True)] * 2),
    ("json", "<b>Hi</b> <i>you</i>", "<b>Hallo <i>du</b></i>", [("tag", True)]),
    ("json", "Tom &amp; Ann", "Tom und Ann", [("entity", False)]),
    ("markdown", "`code` it", "Code", [("placeholder", True)]),
    ("json", "Hi", " \n", [("empty", True)]),
    ("json", "{n, plural, other {#}}", "{n, plural, other {#}", [("structure", True)]),
    ("json", "{n, plural, other {#}}", "{m, plural, other {#}}", [("structure", True)]),
]


@pytest.mark.parametrize(("format", "source", "translation", "found"), BAD)
def test_what_is_broken_is_told(
    format: Format,  # noqa: A002 - as above
    source: str,
    translation: str,
    found: list[tuple[str, bool]],
) -> None:
    """What would break a program or a page is fatal."""
    assert faults(source, translation, format) == found


def test_a_cue_keeps_its_lines() -> None:
    """Another number of lines is told, and an arrow of times would break the file."""
    assert faults("a\nb", "x y", "srt", kind="cue") == [("lines", False)]
    assert faults("a", "x --> y", "vtt", kind="cue") == [("structure", True)]
    assert faults("a -> b", "x -> y", "vtt", kind="cue") == []


@pytest.mark.parametrize(
    ("source", "translation", "language", "origin", "found"),
    [
        ("the quick brown fox", "the quick brown fox", "de", None, ["untranslated"]),
        ("the quick brown fox", "The Quick Brown Fox", "ru", None, ["untranslated"]),
        ("the quick brown fox", "быстрая лиса", "ru", None, []),
        ("the quick brown fox", "すばやい", "ja", None, []),
        ("the quick brown fox", "kitsune", "ja", None, ["untranslated"]),
        ("the quick brown fox", "the quick brown fox", "en-GB", "en-US", []),
        ("Google Chrome", "Google Chrome", "de", None, []),
        ("a {placeholder_of_words} b", "a {placeholder_of_words} b", "de", None, []),
    ],
)
def test_a_text_that_stays_is_told(
    source: str, translation: str, language: str, origin: str | None, found: list[str]
) -> None:
    """Three words or more that stay, or are not in the script of the language, are suspicious."""
    told = faults(source, translation, language=language, origin=origin)
    assert told == [(kind, False) for kind in found]


def test_a_plural_form_may_have_the_placeholders_of_the_other() -> None:
    """The form for one may name the number or not."""
    assert faults("One file", "%d Datei", "po", other="%d files") == []
    assert faults("One file", "Eine Datei", "po", other="%d files") == []
    assert faults("One file", "%s Datei", "po", other="%d files") == [("placeholder", True)]


def test_terms_are_looked_for() -> None:
    """Those that occur in the source, and no others."""
    assert faults("Open the file", "Öffne die Akte", file="Datei") == [("glossary", False)]
    assert faults("Open the file", "Öffne die Dateien", file="Datei", folder="Ordner") == []


def test_terms_are_words_and_not_placeholders() -> None:
    """Those in one are no terms, and do not stand for a translation; in a choice of ICU they do."""
    assert faults("Open {file}", "Öffne {file}", file="Datei") == []
    assert faults("The name {titel}", "Der Name {titel}", name="Titel") == [("glossary", False)]
    source = "{n, plural, one {# file} other {# files}}"
    translation = "{n, plural, one {# Akte} other {# Akten}}"
    assert faults(source, translation, file="Datei") == [("glossary", False)]


@pytest.mark.parametrize(
    ("translation", "expected"),
    [
        ("Siehe [Anleitung](https://a.b/c) und ![Bild](d.png).", []),
        ("Siehe ![Bild](d.png) und [Anleitung](https://a.b/c).", []),
        ("Siehe Anleitung](https://a.b/c) und ![Bild](d.png).", [("structure", True)]),
        ("Siehe \\[Anleitung](https://a.b/c) und ![Bild](d.png).", [("structure", True)]),
    ],
)
def test_links_stay_links(translation: str, expected: list[tuple[str, bool]]) -> None:
    """Their brackets and quotation marks are as important as their addresses."""
    source = "See [the guide](https://a.b/c) and ![a picture](d.png)."
    assert faults(source, translation, "markdown") == expected
    titled = '[a](b "The title")'
    assert faults(titled, '[a](b "Der Titel")', "markdown") == []
    assert faults(titled, "[a](b „Der Titel“)", "markdown") == [("structure", True)]


@settings(max_examples=40)
@given(st.sampled_from(["json", "markdown", "text", "srt"]), texts(12), texts(12))
def test_every_placeholder_is_kept_or_told(
    format: Format,  # noqa: A002 - as above
    before: str,
    after: str,
) -> None:
    """Where nothing is told, each placeholder stands in the translation as often as before."""
    source = f"{before} {{name}} <b>x</b> https://a.b/c {after}"
    segment = Segment(text=source, start=0, end=len(source))
    for translation in (after, before + after, source.replace("{name}", "")):
        told = check(segment, translation, format, language=GERMAN)
        if not any(fault.kind in {"placeholder", "tag", "entity", "empty"} for fault in told):
            syntax = {"json": "ui", "text": "prose", "srt": "cue", "markdown": "markdown"}[format]
            for each in placeholders(source, syntax):  # type: ignore[arg-type] # one of them
                assert translation.count(each) >= source.count(each) or each.startswith("&")
