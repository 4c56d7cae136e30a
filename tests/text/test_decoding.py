"""Encodings: what marks and declarations say, and what is guessed."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit import SourceError
from minikit.text.decoding import decoded

GERMAN = (
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und "
    "Gewissen begabt und sollen einander im Geiste der Brüderlichkeit begegnen."
)
FRENCH = (
    "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de "
    "raison et de conscience et doivent agir dans un esprit de fraternité."
)
RUSSIAN = (
    "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом "
    "и совестью и должны поступать в отношении друг друга в духе братства."
)
POLISH = (
    "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni "
    "obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa."
)
JAPANESE = (
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"
    "人間は、理性と良心とを授けられている。"
)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@given(
    text=st.text(
        alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
    )
)
def test_a_byte_order_mark_decides(encoding: str, text: str) -> None:
    """Whatever text stands after a byte-order mark is read back as it was, without a note."""
    assert decoded(text.encode(encoding), "x") == (text, None)


@pytest.mark.parametrize("data", [codecs.BOM_UTF8 + b"\xff", codecs.BOM_UTF16_LE + b"a"])
def test_a_byte_order_mark_that_lies(data: bytes) -> None:
    """What begins as Unicode and goes on as something else is refused."""
    with pytest.raises(SourceError, match=r"begins as UTF-\d+ and is not UTF-\d+ at byte"):
        decoded(data, "x")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "cp1252"),
        (FRENCH, "iso8859-15"),
        (POLISH, "cp1250"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift-jis"),
        (JAPANESE, "euc-jp"),
        (JAPANESE, "iso2022-jp"),
    ],
)
def test_a_guess_is_right_and_told(text: str, encoding: str) -> None:
    """An encoding that is nowhere named is told by its letters, and the note names it."""
    got, note = decoded(text.encode(encoding), "letter.txt")
    assert got == text
    assert note is not None
    assert "'letter.txt' is not UTF-8" in note
    assert "is a guess" in note


@pytest.mark.parametrize("text", ["café au lait", "© 2004 Someone", "50 € only", "naïve"])
def test_one_letter_tells_nothing(text: str) -> None:
    """Of a letter or two beyond ASCII the likeliest encoding is taken, and told as a guess."""
    got, note = decoded(text.encode("cp1252"), "x")
    assert got == text
    assert "read as Windows-1252, which is a guess" in str(note)


@pytest.mark.parametrize(
    "head",
    [
        '<?xml version="1.0" encoding="{}"?>',
        "<!doctype html><html><head><meta charset={}>",
        '<meta http-equiv="Content-Type" content="text/html; charset={}">',
        "# -*- coding: {} -*-",
        "#!/usr/bin/env python\n# vim: set fileencoding={} :",
    ],
)
def test_what_is_declared_is_no_guess(head: str) -> None:
    """A text that names its encoding is read in it, and nothing needs to be told."""
    text = f"{head.format('windows-1251')}\nДа."
    assert decoded(text.encode("cp1251"), "x") == (text, None)


def test_latin_1_is_windows_1252() -> None:
    """A page that says Latin 1 and has the quotation marks of Windows is read as browsers do."""
    page = "<meta charset=iso-8859-1>“So”"
    assert decoded(page.encode("cp1252"), "x") == (page, None)


@pytest.mark.parametrize("label", ["klingon", "base64", "idna", "utf-8", "euc-jp"])
def test_a_declaration_that_does_not_fit_is_passed_over(label: str) -> None:
    """An unknown charset, one that is none, and one that the bytes are not in, leave a guess."""
    page = f"<meta charset={label}>{GERMAN}"
    text, note = decoded(page.encode("cp1252"), "x")
    assert text == page
    assert note is not None


def test_damaged_utf_8_stays_utf_8() -> None:
    """One bad byte in a long text does not make it another encoding; the damage is told."""
    data = RUSSIAN.encode()
    text, note = decoded(data[:-1] + b"\xff", "x")
    assert text == RUSSIAN[:-1] + "\ufffd"
    assert note is not None
    assert "damaged UTF-8: 1 place" in note
    _, note = decoded(b"\xff" + data[:-1] + b"\xff", "x")
    assert "2 places" in str(note)


def test_an_escape_that_begins_no_japanese() -> None:
    """Where what follows the escape is no Japanese, the text stays as it is."""
    assert decoded(b"\x1b$B!", "x") == ("\x1b$B!", None)


def test_a_guess_with_a_broken_byte_is_still_one() -> None:
    """A file that ends within a character is read, and that is told with the guess."""
    text, note = decoded(JAPANESE.encode("shift-jis")[:-1], "x")
    assert text == JAPANESE[:-1] + "\ufffd"
    assert "CP932, which is a guess (1 place could not be read" in str(note)


@pytest.mark.parametrize("data", [b"\x90", b"\xfe\xdc\x01\x02\x90" * 50])
def test_bytes_of_no_language(data: bytes) -> None:
    """What is neither UTF-8 nor like any other encoding is refused with the way out."""
    with pytest.raises(SourceError, match=r"byte 0 is 0x\w\w.*cannot be told.*iconv"):
        decoded(data, "x")


@settings(deadline=None, max_examples=50)
@given(st.binary(min_size=1))
def test_nothing_is_guessed_silently(data: bytes) -> None:
    """Bytes that are not UTF-8 are read with a note, or refused; there is no third way."""
    try:
        text, note = decoded(b"x" + data, "x")
    except SourceError:
        return
    assert note is not None or text.encode() == b"x" + data
