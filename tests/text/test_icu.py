"""ICU messages: their structure is read, and compared with that of a translation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from minikit.text.icu import compare, is_icu, parse
from strategies import texts

FILES = "{count, plural, =0 {none} one {# file in {dir}} other {# files in {dir}}} by {name}"
GENDER = "{g, select, female {her <b>cat</b>} male {his <b>cat</b>} other {their <b>cat</b>}}"


def faults(source: str, translation: str, categories: tuple[str, ...] = ("one",)) -> list[str]:
    """Compare two messages."""
    before, after = parse(source), parse(translation)
    assert before is not None
    assert after is not None
    return list(compare(before, after, categories))


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        (FILES, FILES),
        (FILES, FILES.replace("# file in", "eine Datei in")),
        (FILES, FILES.replace("one {", "few {# {dir}} one {")),
        (GENDER, GENDER.replace("cat", "Katze").replace("{her", "{ihre")),
        ("{d, date, short}", "am {d,date,short}"),
        ("It's {n, plural, other {'{#}' #}}", "'{' {n, plural, one {1} other {'{#}' #}} '"),
        ("{n, plural, offset:1 other {#}}", "{n,plural,offset:1 one{#} other{#}}"),
        ("{n, selectordinal, one {#st} two {#nd} other {#th}}", "{n, selectordinal, other {#.}}"),
    ],
)
def test_a_faithful_message_is_taken(source: str, translation: str) -> None:
    """Forms that name the number may leave it out, and a plural may have what a language needs."""
    assert faults(source, translation) == []


@pytest.mark.parametrize(
    ("source", "translation", "told"),
    [
        (FILES, FILES.replace("by {name}", ""), "lost ['{name}']"),
        (FILES, FILES + "{x}", "added ['{x}']"),
        (FILES, FILES.replace("{name}", "{Name}"), "lost ['{name}'] and added ['{Name}']"),
        (FILES, FILES.replace("# files", "Dateien"), "lost ['#']"),
        (FILES, FILES.replace("=0 {none}", ""), "has ['one', 'other'], not ['=0', 'one', 'other']"),
        (FILES, FILES.replace("one {#", "eins {#"), "not ['=0', 'one', 'other']"),
        (FILES, FILES.replace("count", "anzahl"), "{count, plural}, not {anzahl, plural}"),
        (FILES, "by {name}", "its choices are {count, plural}, not none"),
        (GENDER, GENDER.replace("female", "weiblich"), "not ['female', 'male', 'other']"),
        ("{g, select, a {x}}", "{g, select, b {x}}", "has ['b'], not ['a']"),
        (GENDER, GENDER.replace("<b>", "", 1), "lost ['<b>']"),
        ("l {n, plural, other {#}} {x}", "l'{x}' {n, plural, one {#} other {#}}", "lost ['{x}']"),
    ],
)
def test_a_broken_message_is_told(source: str, translation: str, told: str) -> None:
    """What is lost, added or renamed is named."""
    assert any(told in fault for fault in faults(source, translation))


def test_a_language_without_plural_needs_other_alone() -> None:
    """Japanese has one form, Russian four."""
    assert faults("{n, plural, one {# a} other {# b}}", "{n, plural, other {# c}}", ()) == []
    assert faults("{n, plural, one {# a} other {# b}}", "{n, plural, other {# c}}", ("one", "few"))


@pytest.mark.parametrize(
    "text",
    [
        "{n, plural, one {a}",
        "{n, plural, one a}",
        "{n, plural, one {a} x}",
        "{n, plural, one {",
        "{n, plural,}",
        "a } b",
        "{a {b} c}",
        "{a",
        "{n, plural, other {" * 30 + "}}" * 30,
        "{n, plural, other {{x} }",
    ],
)
def test_braces_that_do_not_close_are_no_message(text: str) -> None:
    """Nor is what is nested deeper than anybody writes."""
    assert parse(text) is None


def test_quoted_braces_are_text() -> None:
    """An apostrophe quotes up to the next one, or to the end."""
    message = parse("'{' and '{x")
    assert message is not None
    assert not message.placeholders


def test_a_message_is_told_by_its_choices() -> None:
    """A text with simple arguments alone has no structure to keep."""
    assert is_icu(FILES)
    assert not is_icu("{name} and {count, number}")


@settings(max_examples=40)
@given(texts(20))
def test_any_text_can_be_parsed(text: str) -> None:
    """The reader takes any text, or says that it is none."""
    parse(text)
    parse("{n, plural, other {" + text + "}}")
