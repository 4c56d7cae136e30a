"""Documents and the places in them."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit import ArgumentError, Document, SourceError, SourceWarning, Span
from minikit.text.document import documents


def test_span_names_a_place() -> None:
    """A span has a length and cuts a text out of a document."""
    document = Document(text="The cat sat.")
    assert document[Span(4, 7)] == "cat"
    assert len(Span(4, 7)) == 3
    assert Span(1, 2) < Span(1, 3) < Span(2, 2)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2), (1, -1)])
def test_bad_span(start: int, end: int) -> None:
    """A span that ends before it starts, or starts before the text, is refused."""
    with pytest.raises(ArgumentError, match=r"out of range: at least 0|ends after it starts"):
        Span(start, end)


def test_document_of_something_else() -> None:
    """The text of a document is a str."""
    with pytest.raises(ArgumentError, match="not int"):
        Document(text=5)  # type: ignore[arg-type]


def test_device_is_not_read() -> None:
    """A device, which may have no end, is not read."""
    with pytest.raises(SourceError, match="'/dev/zero' is a device"):
        Document.from_path("/dev/zero")


def test_repr_shows_no_text() -> None:
    """The repr of a document tells its size and title, not its text."""
    assert repr(Document(text="secret", title="T")) == "Document(<6 characters>, title='T')"


def test_file(tmp_path: Path) -> None:
    """A file of UTF-8 text is read as it is, without its byte-order mark."""
    file = tmp_path / "story.txt"
    file.write_bytes("\ufeffGrüße\r\n你好".encode())
    document = Document.from_path(file)
    assert document.text == "Grüße\r\n你好"
    assert (document.title, document.origin) == ("story.txt", str(file))
    assert Document.of(file) == Document.from_path(str(file)) == document
    assert Document.of(document) is document


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")))
def test_bytes_of_text(text: str) -> None:
    """Whatever text can be written as UTF-8 is read back as it was."""
    assert Document.from_bytes(text.encode()).text == text


@settings(deadline=None)  # the first guess loads what guesses
@given(st.binary())
def test_bytes_of_anything(data: bytes) -> None:
    """Bytes are their own text, a guess that is told, or a SourceError."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            document = Document.from_bytes(data, title="bytes.txt")
        except SourceError as error:
            assert "bytes.txt" in str(error)  # noqa: PT017 - either outcome is right
            return
    plain = document.text.encode("utf-8", "replace") == data.removeprefix(b"\xef\xbb\xbf")
    assert plain or told or data.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff"))


def test_binary_after_a_long_text() -> None:
    """A NUL anywhere in a file tells that it is not text."""
    with pytest.raises(SourceError, match="binary"):
        Document.from_bytes(b"text " * 10_000 + b"\0")


def test_unprintable_name(tmp_path: Path) -> None:
    """A file name that is not UTF-8 can be shown and saved."""
    file = tmp_path / "caf\udce9"
    file.write_text("Fine.", encoding="utf-8")
    assert Document.from_path(file).title == "caf\ufffd"


@pytest.mark.parametrize("source", [b"bytes", 7, None, ["a"]])
def test_not_a_source(source: object) -> None:
    """What is neither text nor a file nor a document is refused by its type."""
    with pytest.raises(SourceError, match=r"a str .text., a Path .a file. or a Document"):
        Document.of(source)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", [[], ()])
def test_no_source(source: list[str]) -> None:
    """An empty sequence of sources is refused."""
    with pytest.raises(SourceError, match="there is no source"):
        documents(source)


@pytest.mark.parametrize("source", [b"bytes", 7, None, [["a"]], {"a"}])
def test_not_sources(source: object) -> None:
    """What is no source, within a sequence too, is refused by its type."""
    with pytest.raises(SourceError, match=r"a source is a str .text., a Path .a file."):
        documents(source)  # type: ignore[arg-type]


def test_several_in_the_place_of_one() -> None:
    """Where one source is taken, a list of them is refused with the ways that there are."""
    with pytest.raises(SourceError, match="not list; for several, give the Path of their folder"):
        Document.of(["A", "B"])  # type: ignore[arg-type]


def test_one_source_is_one_document(tmp_path: Path) -> None:
    """A text, a document and a file are a document each, alone or in a sequence."""
    file = tmp_path / "a.txt"
    file.write_text("A")
    one = Document(text="B")
    assert documents("text") == (Document(text="text"),)
    assert documents(one) == (one,)
    assert documents(file) == (Document.from_path(file),)
    assert documents((one, file, "text")) == (
        *(one, Document.from_path(file), Document(text="text")),
    )


@pytest.mark.parametrize("name", ["a\0b", "x" * 5_000, f"{'x' * 5_000}/*", "none.txt", "*\0"])
def test_a_path_to_nothing(name: str) -> None:
    """A path that cannot be, or leads nowhere, is refused by its name."""
    with pytest.raises(SourceError, match=r"cannot read|no such file|no file to read"):
        documents(Path(name))


@pytest.mark.parametrize(
    ("origins", "titles"),
    [
        (["a/hill/x.md", "a/lake/x.md"], ["hill/x.md", "lake/x.md"]),
        (["x.md", "lake/x.md"], ["x.md", "lake/x.md"]),
        (["hill/x.md", "hill/x.md", "lake/x.md"], ["hill/x.md", "hill/x.md (2)", "lake/x.md"]),
        ([None, None, "x.md"], ["x.md", "x.md (2)", "x.md (3)"]),
    ],
)
def test_titles_are_told_apart(origins: list[str | None], titles: list[str]) -> None:
    """Documents of the same title have as much of their paths as differs, else a number."""
    alike = [Document(text=str(origin), title="x.md", origin=origin) for origin in origins]
    read = documents([*alike, "no title", "none either", Document(text="y", title="y.md")])
    assert [each.title for each in read] == [*titles, None, None, "y.md"]
    assert [each.text for each in read[: len(alike)]] == [each.text for each in alike]


def test_the_name_of_a_file_is_a_text_and_told(tmp_path: Path) -> None:
    """Who gives a path as a str asks about its letters, which is seldom meant."""
    file = tmp_path / "notes.txt"
    file.write_text("Words.")
    with pytest.warns(SourceWarning, match=r"was read as a text; the file .* is Path\("):
        assert Document.of(str(file)).text == str(file)
    for text in (
        "no such file.txt",
        "nul\0.txt",
        "Words.",
        f"{'x' * 256}.txt",
        "x" * 999,
    ):
        assert Document.of(text).text == text
