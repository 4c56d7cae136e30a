"""Languages: found by code and by name, and refused with those that are near."""

from __future__ import annotations

import pytest

from minikit.errors import ArgumentError
from minikit.text.languages import languages, read_language


@pytest.mark.parametrize(
    ("value", "code", "name"),
    [
        ("de", "de", "German"),
        ("German", "de", "German"),
        (" deutsch ", "de", "German"),
        ("pt-BR", "pt-BR", "Portuguese (Brazil)"),
        ("pt_br", "pt-BR", "Portuguese (Brazil)"),
        ("Brazilian Portuguese", "pt-BR", "Portuguese (Brazil)"),
        ("zh-Hant", "zh-Hant", "Chinese (Traditional)"),
        ("zh_TW", "zh-Hant", "Chinese (Traditional)"),
        ("日本語", "ja", "Japanese"),
        ("de-LI", "de-LI", "German (LI)"),
        ("uz-cyrl-UZ", "uz-Cyrl-UZ", "Uzbek (Cyrl, UZ)"),
        ("es-419", "es-419", "Spanish (Latin America)"),
        ("fil", "fil", "Filipino"),
    ],
)
def test_a_language_is_found_by_code_or_name(value: str, code: str, name: str) -> None:
    """Codes of BCP 47, their underscores, English and own names all lead to it."""
    found = read_language(value)
    assert (found.code, found.name) == (code, name)
    assert str(found) == f"{name} ({code})"
    assert read_language(found) is found
    assert found.base == code.split("-", maxsplit=1)[0]


def test_a_script_is_known_where_it_is_not_latin() -> None:
    """It tells a translation from a text that stayed as it was."""
    found = {code: read_language(code).script for code in ("de", "ru", "uz-Cyrl", "sr-Latn", "zh")}
    assert found == {"de": "", "ru": "CYRILLIC", "uz-Cyrl": "CYRILLIC", "sr-Latn": "", "zh": "CJK"}


def test_there_are_more_than_fifty_languages() -> None:
    """Each is found again by its code and its name."""
    assert len(languages()) >= 140
    for each in languages():
        assert read_language(each.code) == read_language(each.name) == each


def test_a_misspelt_language_is_refused_with_near_ones() -> None:
    """The message names what was probably meant."""
    with pytest.raises(
        ArgumentError, match=r"unknown language 'Germn'; did you mean German \(de\)"
    ):
        read_language("Germn")


@pytest.mark.parametrize("value", ["Klingon", "xx", "xx-YY", "de-AT-1-x-y-z", "e" * 100_000])
def test_an_unknown_language_is_refused_with_examples(value: str) -> None:
    """Where nothing is near, the message says what a language looks like."""
    with pytest.raises(ArgumentError, match=r"unknown language '.{2,60}'; a language is a code"):
        read_language(value)


@pytest.mark.parametrize("value", [None, 3, "", "  "])
def test_what_is_no_text_is_no_language(value: object) -> None:
    """It is refused with its value."""
    with pytest.raises(ArgumentError, match="a language is a code or a name"):
        read_language(value)
