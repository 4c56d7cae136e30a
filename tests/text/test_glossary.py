"""Glossaries: which terms a text holds, and whether a translation has theirs."""

from __future__ import annotations

import pytest

from minikit.errors import ArgumentError
from minikit.text.glossary import check_glossary, is_rendered, occurring


@pytest.mark.parametrize(
    ("text", "terms", "found"),
    [
        ("The Server is up", ["server", "serve"], ["server"]),
        ("two servers, three boxes", ["server", "box"], ["server", "box"]),
        ("observer", ["server"], []),
        ("请打开服务器", ["服务器"], ["服务器"]),
        ("C++ and .NET", ["C++", ".NET"], ["C++", ".NET"]),
        ("", ["a"], []),
        ("the file manager", ["file", "file manager"], ["file manager"]),
        ("a file manager, a file", ["file", "file manager"], ["file", "file manager"]),
    ],
)
def test_terms_are_found_as_words(text: str, terms: list[str], found: list[str]) -> None:
    """In any case, in the plural, and within the words of scripts without spaces."""
    assert occurring(text, terms) == found


@pytest.mark.parametrize(
    ("translation", "text", "expected"),
    [
        ("Server", "der server läuft", True),
        ("Datei", "alle Dateien", True),
        ("geöffnete Datei", "der geöffneten Dateien", True),
        ("Haus", "Häuser", False),
        ("Ordner", "das Verzeichnis", False),
        ("服务器", "打开服务器", True),
        ("服务器组", "打开服务器", False),
        ("+++", "---", False),
    ],
)
def test_a_translation_may_be_inflected(translation: str, text: str, expected: bool) -> None:
    """The words of a term may end otherwise, where they are long enough to be told."""
    assert is_rendered(translation, text) is expected


def test_a_glossary_is_a_mapping_of_texts() -> None:
    """White space around terms is dropped."""
    assert check_glossary({" a ": "b "}) == {"a": "b"}


@pytest.mark.parametrize("glossary", [["a"], "a", 3])
def test_what_maps_nothing_is_no_glossary(glossary: object) -> None:
    """It is refused with its type."""
    with pytest.raises(ArgumentError, match="glossary maps terms to translations, and is not"):
        check_glossary(glossary)


@pytest.mark.parametrize("glossary", [{"a": ""}, {" ": "b"}, {"a": 3}, {None: "b"}])
def test_a_blank_term_is_refused(glossary: object) -> None:
    """It would occur everywhere."""
    with pytest.raises(ArgumentError, match="a term of a glossary is a text that is not blank"):
        check_glossary(glossary)
