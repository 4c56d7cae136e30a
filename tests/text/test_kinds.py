"""Kinds of files: what is read, what is refused, and with which way out."""

from __future__ import annotations

import sys

import pytest

import files
from minikit import Document, MissingExtraError, SourceError
from minikit.text import office
from minikit.text.document import SourceWarning
from minikit.text.passage import Places


def test_the_pages_of_a_pdf_are_kept() -> None:
    """Form feeds part the pages, so that a passage knows its own."""
    document = Document.from_bytes(files.pdf("Page one", "Page two"), origin="report.PDF")
    assert document.text == "Page one\fPage two"
    assert Places(document).page(document.text.index("two")) == 2


def test_a_pdf_is_known_by_its_first_bytes() -> None:
    """Its name does not matter, nor, under the right name, what stands before its mark."""
    assert Document.from_bytes(files.pdf("Text"), title="report.txt").text == "Text"
    assert Document.from_bytes(b"\n\n" + files.pdf("Text"), title="report.pdf").text == "Text"
    assert Document.from_bytes(b"of %PDF-1.4", title="notes.txt").text == "of %PDF-1.4"


def test_pages_without_text_are_told() -> None:
    """A page that is a picture is empty, and the reader knows which."""
    data = files.pdf("One", *[""] * 12)
    with pytest.warns(SourceWarning, match=r"12 of the 13 pages of 'a.pdf'.*: 2, 3,.* 11, \.\.\."):
        assert Document.from_bytes(data, title="a.pdf").text == "One" + "\f" * 12


def test_a_lock_that_readers_open_by_themselves() -> None:
    """A PDF that only forbids printing is read."""
    locked = files.locked_pdf("Open", password="")
    assert Document.from_bytes(locked, title="a.pdf").text == "Open"


def test_a_docx() -> None:
    """A Word file becomes Markdown, whatever its name is."""
    data = files.docx("Report", "All is well.")
    for name in ("report.docx", "report.bin", None):
        assert Document.from_bytes(data, title=name).text == "# Report\n\nAll is well."


def test_an_epub() -> None:
    """The chapters of a book stand in their order, with their headings."""
    data = files.epub("<h1>One</h1><p>First.</p>", "<h1>Two</h1><p>Second.</p>")
    text = Document.from_bytes(data, title="book.epub").text
    assert text.endswith("# One\n\nFirst.\n\n# Two\n\nSecond.")


def test_html() -> None:
    """A page is known by its name, or without one by how it begins; another text is not one."""
    page = b"<!DOCTYPE html><title>T</title><p>Words<script>x()</script>"
    for name in (None, "page.html", "page.HTM", "page", "page.html?id=3", "page.v1.2"):
        assert Document.from_bytes(page, title=name).text == "# T\n\nWords\n"
    for before in (b"\xef\xbb\xbf\n", b"<!-- saved -->\n", b'<?xml version="1.0"?>\n<!-- <p> -->'):
        assert Document.from_bytes(before + page).text == "# T\n\nWords\n"
    assert Document.from_bytes(page, title="page.md").text == page.decode()
    assert Document.from_bytes(b"", title="page.html").text == ""


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [
        (files.pdf("", ""), "a.pdf", "no text in 2 pages: they are pictures.*ocrmypdf"),
        (files.locked_pdf("x", password="pw"), "a.pdf", "locked with a password.*qpdf"),
        (files.pdf("x")[:150], "a.pdf", "PDF that cannot be read .PdfStreamError.*print it"),
        (b"words", "a.pdf", "has the name of a PDF and is none"),
        (b"words", "a.docx", "has the name of a DOCX and is none"),
        (b"words", "a.epub", "has the name of an EPUB and is none"),
        (files.docx("a", "b")[:-40], "a.docx", "package that cannot be unpacked"),
        (files.package({"word/document.xml": "<x/>"}), "a.docx", "a DOCX that cannot be read"),
        (files.package({"word/document.xml": "<x"}), "a.docx", "a DOCX that cannot be read"),
        (files.package({"mimetype": "application/epub+zip"}), "a.epub", "an EPUB that cannot be"),
        (files.epub("x", **{"META-INF/sinf.xml": "x"}), "a.epub", r"a lock \(DRM\)"),
        (files.package({"ppt/presentation.xml": "x"}), "a.pptx", "PowerPoint.*slides as PDF"),
        (files.package({"xl/workbook.xml": "x"}), "a.xlsx", "Excel.*sheets as CSV"),
        (
            files.package({"mimetype": "application/vnd.oasis.opendocument.text"}),
            "a.odt",
            "OpenDocument.*DOCX or PDF",
        ),
        (files.package({"a.txt": "x"}), "a.zip", "an archive; unpack it, and name the folder"),
        (b"\x1f\x8b\x08\0rest", "a.tar.gz", "an archive, not text; unpack it"),
        (b"\xff\xd8\xff\xe0rest", "a.jpg", "an image, not text; `describe` reads images"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a.webp", "an image"),
        (b"ID3\3rest", "a.mp3", "sound or a film.*transcript"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "a.doc", "of the old kind or with a password"),
        (b"{\\rtf1 words}", "a.rtf", "an RTF file.*save it as DOCX"),
        (b"MZ\0\1", "a.exe", "a binary file, not text"),
        (b"<script>app()</script>", "a.html", "a page without text.*save it as PDF"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",
)
def test_what_is_refused(data: bytes, name: str, why: str) -> None:
    """Each kind of file that holds no text that can be read says so, and what to do."""
    with pytest.raises(SourceError, match=f"'{name}' .*{why}"):
        Document.from_bytes(data, origin=name)


def test_a_file_that_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that unpacks to far more than any document is not unpacked."""
    monkeypatch.setattr(office, "_MOST_BYTES", 1_000)
    with pytest.raises(SourceError, match=r"unpacks to [\d,]+ bytes; the limit is 1,000"):
        Document.from_bytes(files.docx("Head", "words " * 1_000), title="a.docx")


@pytest.mark.parametrize(
    ("package", "data"),
    [
        ("pypdf", files.pdf("x")),
        ("markitdown", files.docx("a", "b")),
        ("markitdown", files.epub("a")),
        ("chardet", "Привет, мир".encode("cp1251")),
    ],
)
def test_a_missing_extra(package: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its package a file is refused by the name of the extra that brings it."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'minikit\[files\]'") as caught:
        Document.from_bytes(data)
    assert caught.value.name == package


def test_markitdown_without_its_part_for_docx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Markitdown alone reads no DOCX; the extra brings what it needs for that."""
    from markitdown.converters import _docx_converter

    monkeypatch.setattr(
        _docx_converter, "_dependency_exc_info", (ImportError, ImportError("no mammoth"), None)
    )
    with pytest.raises(MissingExtraError, match=r"a DOCX, which needs markitdown"):
        Document.from_bytes(files.docx("a", "b"))
