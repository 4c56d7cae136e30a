"""Catalogues in JSON: values are found, and what is written is JSON as before."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import SourceError
from minikit.text.formats.messages import read_json
from minikit.text.languages import read_language
from strategies import texts

CATALOGUE = """{
  "menu": {"open": "Open {name}", "items": [1, "one\\ttwo ", true, null]},
  "url": "https://a.b", "empty": "", "cr": "a\\r\\nb",
  "app": {"message": "My app $X$", "description": "it", "placeholders": {"x": {"content": "a b"}}},
  "box": {"message": "Hello", "other": "you"},
  "@k": {"description": "not this"}
}
"""


def test_values_are_found_with_their_keys() -> None:
    """Not the keys, nor numbers, addresses, metadata, or what describes a message."""
    file = read_json(CATALOGUE)
    assert [(segment.hint, segment.text) for segment in file.segments] == [
        ("menu.open", "Open {name}"),
        ("menu.items", "one\ttwo"),
        ("cr", "a\nb"),
        ("app.message", "My app $X$"),
        ("box.message", "Hello"),
        ("box.other", "you"),
    ]


def test_a_catalogue_is_written_as_it_was() -> None:
    """White space around a value and its line ends stay, and quotation marks are escaped."""
    file = read_json(CATALOGUE)
    written = file.join([None, "eins\nzwei", 'ein "x"\nzwei', None, None, None])
    assert written == CATALOGUE.replace("one\\ttwo ", "eins\\nzwei ").replace(
        "a\\r\\nb", 'ein \\"x\\"\\r\\nzwei'
    )


def test_a_file_of_ascii_stays_one() -> None:
    """Where other signs are escaped, they are escaped in translations too."""
    assert read_json('{"a": "caf\\u00e9"}').join(["Kaffee für ü"]) == (
        '{"a": "Kaffee f\\u00fcr \\u00fc"}'
    )
    assert read_json('{"a": "café"}').join(["für \ud800"]) == '{"a": "für \\ud800"}'


def test_a_single_text_is_a_catalogue() -> None:
    """Also with a byte-order mark, and numbers of any length."""
    assert read_json('\ufeff"Hello"').join(["Hallo"]) == '\ufeff"Hallo"'
    assert read_json("1" * 5_000).segments == ()


@pytest.mark.parametrize(("text", "told"), [("{", "not JSON"), ("[" * 100_000, "nested too deep")])
def test_what_is_no_json_is_refused(text: str, told: str) -> None:
    """The message says where it breaks."""
    with pytest.raises(SourceError, match=told):
        read_json(text)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), texts(2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(texts(1), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_any_catalogue_is_lossless(value: object, is_ascii: bool, indent: int | str | None) -> None:
    """What does not change is as it was; what does stays JSON of the same shape."""
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    file = read_json(text)
    assert file.join([None] * len(file.segments)) == text
    assert file.join([segment.text for segment in file.segments]) == text or "\r\n" in text
    changed = json.loads(file.join(['neu "\\ \u2028\n'] * len(file.segments)))
    assert json.dumps(changed).count("neu") == len(file.segments)


def test_plural_forms_without_a_key_are_noted() -> None:
    """A catalogue with a key for each form has those of its own language alone."""
    text = json.dumps(
        {
            "file_one": "a file",
            "file_other": "files",
            "day": {"one": "a day", "other": "days", "few": "some days"},
            "another": "other words",
            "each_other": "each other",
        }
    )
    assert read_json(text).notes == ()
    assert read_json(text, read_language("de")).notes == ()
    (note,) = read_json(text, read_language("pl")).notes
    assert note == (
        "Polish has plural forms for which the catalogue has no key: add file_few, file_many, many "
        "(3 in all) and translate them"
    )
    (note,) = read_json(text, read_language("ar")).notes
    assert "few, file_many, file_two, file_zero, ... (7 in all)" in note
