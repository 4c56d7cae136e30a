"""Catalogues of gettext: empty and fuzzy messages are filled, and nothing else changes."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import ArgumentError, SourceError
from minikit.text.formats.po import read_po
from minikit.text.languages import read_language
from strategies import texts

if TYPE_CHECKING:
    from pathlib import Path

GERMAN, RUSSIAN, JAPANESE = map(read_language, ("de", "ru", "ja"))
TEMPLATE = """# Title of the file
#, fuzzy
msgid ""
msgstr ""
"Project-Id-Version: x\\n"
"Language: \\n"
"Content-Type: text/plain; charset=CHARSET\\n"
"Plural-Forms: nplurals=INTEGER; plural=EXPRESSION;\\n"

#. A hint
#: a.c:1
#, c-format
msgid "Hello %s\\n"
msgstr ""

#, c-format, fuzzy
#| msgid "Old"
msgid "New \\"text\\""
msgstr "Alt"

# said by a person
msgctxt "menu"
msgid "One file"
msgid_plural ""
"%d "
"files"
msgstr[0] ""
msgstr[1] ""
msgid "Done"
msgstr "Fertig"

msgid "%s"
msgstr ""

#, fuzzy
#~ msgid "gone"
#~ msgstr "weg"
"""


def filled(text: str) -> str:
    """Return the template with the plain messages as they are when each is its own translation."""
    return text.replace('%s\\n"\nmsgstr ""', '%s\\n"\nmsgstr "Hello %s\\n"').replace(
        '#, c-format, fuzzy\n#| msgid "Old"\nmsgid "New \\"text\\""\nmsgstr "Alt"',
        '#, c-format\nmsgid "New \\"text\\""\nmsgstr "New \\"text\\""',
    )


def test_messages_without_translation_are_found() -> None:
    """With their context, what is said of them, and a segment for each form of a plural."""
    file = read_po(TEMPLATE, RUSSIAN)
    assert [(each.text, each.context, each.hint) for each in file.segments] == [
        ("Hello %s", "", "A hint"),
        ('New "text"', "", ""),
        (
            "%d files",
            "menu; plural form for the numbers 1, 21, 31, 41 and the like",
            "said by a person",
        ),
        (
            "%d files",
            "menu; plural form for the numbers 2, 3, 4, 22 and the like",
            "said by a person",
        ),
        (
            "%d files",
            "menu; plural form for the numbers 0, 5, 6, 7 and the like",
            "said by a person",
        ),
    ]
    assert file.join([None] * 5) == TEMPLATE
    one, many = read_po(TEMPLATE, GERMAN).segments[2:]
    assert (one.text, one.other, one.context) == (
        "One file",
        "%d files",
        "menu; plural form for the number 1 alone",
    )
    assert (many.text, many.other) == ("%d files", None)
    arabic = read_po(TEMPLATE, read_language("ar")).segments
    assert (arabic[4].text, arabic[4].other) == ("%d files", "One file")
    breton = read_po(TEMPLATE, read_language("br")).segments
    assert breton[5].context == "menu; plural form for some large numbers"


def test_a_template_becomes_a_catalogue() -> None:
    """The header tells the language, plurals have its forms, and what was fuzzy is not."""
    file = read_po(TEMPLATE, RUSSIAN)
    texts = [segment.text for segment in file.segments]
    expected = filled(TEMPLATE).replace("#, fuzzy\nmsgid", "msgid").replace("=CHARSET", "=UTF-8")
    expected = expected.replace("Language: ", "Language: ru")
    expected = expected.replace(
        "nplurals=INTEGER; plural=EXPRESSION;", str(RUSSIAN.plurals).replace('"', '\\"')
    )
    forms = "".join(f'msgstr[{form}] "%d files"\n' for form in range(3))
    assert file.join(texts) == expected.replace('msgstr[0] ""\nmsgstr[1] ""\n', forms)


def test_a_language_with_one_form_gets_one() -> None:
    """A form too many would be an error to gettext."""
    file = read_po(TEMPLATE.replace("\n", "\r\n"), JAPANESE)
    written = file.join([None, None, "%d ファイル"])
    assert 'msgstr[0] "%d ファイル"\r\nmsgid "Done"' in written
    assert "plural=0;" in written


def test_a_plural_of_which_a_form_is_missing_is_left() -> None:
    """Half of one would show nothing for the other numbers."""
    file = read_po(TEMPLATE, GERMAN)
    written = file.join([None, None, "Eine Datei", None])
    assert 'msgstr[0] ""\nmsgstr[1] ""\n' in written


def test_translated_messages_are_left_unless_asked() -> None:
    """Obsolete ones in any case."""
    file = read_po(TEMPLATE, GERMAN, again=True)
    assert "Done" in [segment.text for segment in file.segments]
    assert "gone" not in [segment.text for segment in file.segments]


def header(language: str, forms: str = "nplurals=2; plural=n != 1;") -> str:
    """Return a catalogue with a header, a message, and a plural."""
    return (
        f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Plural-Forms: {forms}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Old"\nmsgstr "Alt"\n\nmsgid "a"\nmsgid_plural "b"\nmsgstr[0] ""\nmsgstr[1] ""\n'
    )


def test_the_rule_of_a_catalogue_counts() -> None:
    """A header that is right stays as it is."""
    text = header("de_AT")
    written = read_po(text, GERMAN).join(["x", "y"])
    assert written == text.replace('[0] ""', '[0] "x"').replace('[1] ""', '[1] "y"')


def test_a_catalogue_of_another_language_is_refused() -> None:
    """Its translations would stay among the new ones; all of them anew is fine."""
    text = header("pl")
    with pytest.raises(ArgumentError, match=r"translations into Polish \(pl\), not German \(de\)"):
        read_po(text, GERMAN)
    written = read_po(text, GERMAN, again=True).join(["x", "y", "z"])
    assert '"Language: de\\n"' in written
    assert '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"' in written
    assert read_po(text.replace('"Alt"', '""'), GERMAN).segments


@pytest.mark.parametrize(
    ("code", "name"),
    [("zh-Hant", "zh_TW"), ("pt-BR", "pt_BR"), ("sr-Latn", "sr@latin"), ("de", "de")],
)
def test_the_language_is_named_as_gettext_does(code: str, name: str) -> None:
    """With an underscore and a country, or a modifier."""
    text = 'msgid ""\nmsgstr "X: y"\n\nmsgid "a"\nmsgstr ""\n'
    written = read_po(text, read_language(code)).join(["x"])
    assert f'"X: y\\n"\n"Language: {name}\\n"\n' in written
    assert '"Content-Type: text/plain; charset=UTF-8\\n"' in written


def test_a_rule_that_cannot_be_used_is_refused() -> None:
    """Nothing is sent for a catalogue that gettext would not read."""
    with pytest.raises(ArgumentError, match="is no rule for plural forms"):
        read_po(header("de", "nplurals=2; plural=n +;"), GERMAN)
    assert read_po(header("xx"), GERMAN).segments


def test_a_catalogue_needs_no_header() -> None:
    """A fragment is filled as it is, indented or with several strings on a line."""
    text = '\ufeff  msgid "a" "b"\n\n  msgstr ""\n# the end\n'
    file = read_po(text, GERMAN)
    assert file.segments[0].text == "ab"
    assert file.join(["x\ny"]) == '\ufeff  msgid "a" "b"\nmsgstr ""\n"x\\n"\n"y"\n# the end\n'


def test_escapes_are_read_and_written() -> None:
    """Those of C, by name and by number."""
    text = 'msgid "a\\t\\x41\\101\\q\\\\ \\"b\\""\nmsgstr ""'
    file = read_po(text, GERMAN)
    assert file.segments[0].text == 'a\tAAq\\ "b"'
    assert file.join(['\t"\\\a']).endswith('msgstr "\\t\\"\\\\\\a"')


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Hello", "line 1 of the source is not PO: 'Hello'"),
        ('msgid "a"\nmsgstr "b', "line 2 of the source is not PO"),
        ('msgid "a"\nmsgid "b"\nmsgstr ""', "line 2 of the source is not PO"),
        ('"a"\n', "line 1 of the source is not PO"),
        ('msgid "a"\n', "its last entry has no msgstr"),
        ("# a comment\n\n", "no line in it begins with msgid"),
    ],
)
def test_what_is_no_catalogue_is_refused(text: str, told: str) -> None:
    """The message names the line."""
    with pytest.raises(SourceError, match=told):
        read_po(text, GERMAN)


@settings(max_examples=40)
@given(texts(3), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_is_read_again(translation: str, newline: str) -> None:
    """Any translation is quoted so that it comes back; without one the file is as it was."""
    text = TEMPLATE.replace("\n", newline)
    file = read_po(text, GERMAN)
    assert file.join([None] * 4) == text
    written = file.join([f"x{translation}x"] * 4)
    again = read_po(written, GERMAN, again=True)
    assert [segment.text for segment in again.segments][:2] == ["Hello %s", 'New "text"']
    assert written.count("fuzzy") == 1  # the obsolete one


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="needs GNU gettext")
def test_gettext_takes_what_is_written(tmp_path: Path) -> None:
    """Its own check finds no fault in the header, the plurals or the formats."""
    file = read_po(TEMPLATE, RUSSIAN)
    (tmp_path / "ru.po").write_text(file.join([each.text for each in file.segments]), "utf-8")
    command = ["msgfmt", "--check-format", "--check-header", "-o", "/dev/null", "ru.po"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
