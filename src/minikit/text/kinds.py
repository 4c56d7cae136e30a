"""What kind of file some bytes are, by their first bytes and their name, and the text in them."""

from __future__ import annotations

import re

from minikit.errors import SourceError
from minikit.text.decoding import decoded, has_utf_mark
from minikit.text.office import package_text
from minikit.text.pdf import pdf_text
from minikit.text.webpage import page_text

__all__ = ["HEAD_BYTES", "binary_kind", "file_text"]

HEAD_BYTES = 2_048
"""Bytes from which the kind of a file is told."""

_PDF, _PACKAGE = b"%PDF-", b"PK\x03\x04"
_PAGES = frozenset({".htm", ".html", ".shtml", ".xht", ".xhtml"})
# A comment or the declaration of XML may stand before what a page begins with.
_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*|<\?xml[^>]*>\s*)*(?:<!doctype html|<html)",
    re.DOTALL | re.IGNORECASE,
)
_IMAGE = ("an image", "`describe` reads images")
_SOUND = ("sound or a film", "make a transcript of it first")
_ARCHIVE = ("an archive", "unpack it, and name the folder")
_OFFICE = (
    "an Office file of the old kind or with a password",
    "save it as DOCX, or its text as UTF-8, without a password",
)
_RICH = ("an RTF file", "save it as DOCX or as text")
# What begins so is refused: the start, more of it at an offset, what it is, and the way out.
_KINDS = (
    (b"\xff\xd8\xff", 0, b"", _IMAGE),
    (b"\x89PNG\r\n\x1a\n", 0, b"", _IMAGE),
    (b"GIF8", 5, b"a", _IMAGE),
    (b"RIFF", 8, b"WEBP", _IMAGE),
    (b"II*\0", 0, b"", _IMAGE),
    (b"MM\0*", 0, b"", _IMAGE),
    (b"\0\0\0", 4, b"ftyphei", _IMAGE),
    (b"\0\0\0", 4, b"ftypmif", _IMAGE),
    (b"\0\0\0", 4, b"ftypavif", _IMAGE),
    (b"\0\0\0", 4, b"ftyp", _SOUND),
    (b"RIFF", 8, b"WAVE", _SOUND),
    (b"RIFF", 8, b"AVI ", _SOUND),
    (b"ID3", 3, b"\2", _SOUND),
    (b"ID3", 3, b"\3", _SOUND),
    (b"ID3", 3, b"\4", _SOUND),
    (b"OggS\0", 0, b"", _SOUND),
    (b"fLaC\0", 0, b"", _SOUND),
    (b"\x1a\x45\xdf\xa3", 0, b"", _SOUND),
    (b"\x1f\x8b\x08", 0, b"", _ARCHIVE),
    (b"BZh", 4, b"1AY&SY", _ARCHIVE),
    (b"\xfd7zXZ\0", 0, b"", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", 0, b"", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", 0, b"", _ARCHIVE),
    (b"Rar!\x1a\x07", 0, b"", _ARCHIVE),
    (b"PK\x05\x06", 0, b"", _ARCHIVE),
    (b"", 257, b"ustar", _ARCHIVE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, b"", _OFFICE),
    (b"{\\rtf", 0, b"", _RICH),
)
_NAMED = {".pdf": "a PDF", ".docx": "a DOCX", ".epub": "an EPUB"}


def file_text(data: bytes, name: str, suffix: str) -> tuple[str, str | None]:
    """Return the text of a file, and what was guessed or left out in reading it, or None.

    Args:
        data: The file.
        name: How messages call it.
        suffix: The end of its name, such as ".pdf"; "" where it has none.

    Raises:
        MissingExtraError: A package that this kind of file needs is not installed.
        SourceError: It cannot be read as text.
    """
    # A page that was fetched may keep the query of its address: help.html?id=3.
    head, suffix = data[:HEAD_BYTES], suffix.lower().partition("?")[0]
    _check_kind(head, name, suffix)
    if _is_pdf(head, suffix):
        return pdf_text(data, name)
    if head.startswith(_PACKAGE):
        return package_text(data, name), None
    text, note = decoded(data, name)
    if not _is_page(head, suffix):
        return text, note
    readable = page_text(text)
    if text.strip() and not readable:
        raise SourceError(
            f"{name!r} is a page without text, as pages are that a script writes; save it as PDF "
            f"from a browser"
        )
    return readable, note


def binary_kind(head: bytes) -> str | None:
    """Return what a file is that is no text by its first bytes, such as "an image"; else None."""
    for start, offset, more, (kind, _) in _KINDS:
        if head.startswith(start) and head.startswith(more, offset):
            return kind
    if head.startswith((_PDF, _PACKAGE)) or has_utf_mark(head) or b"\0" not in head:
        return None
    return "a binary file"


def _check_kind(head: bytes, name: str, suffix: str) -> None:
    for start, offset, more, (kind, way_out) in _KINDS:
        if head.startswith(start) and head.startswith(more, offset):
            raise SourceError(f"{name!r} is {kind}, not text; {way_out}")
    named = _NAMED.get(suffix)
    if named and head and not (_is_pdf(head, suffix) or head.startswith(_PACKAGE)):
        raise SourceError(f"{name!r} has the name of {named} and is none")


def _is_pdf(head: bytes, suffix: str) -> bool:
    # Readers take up to 1,024 bytes before the mark (PDF Reference 1.7, implementation note 13).
    return head.startswith(_PDF) or (suffix == ".pdf" and _PDF in head[:1_024])


def _is_page(head: bytes, suffix: str) -> bool:
    if any(map(str.isalpha, suffix)):
        return suffix in _PAGES
    return _PAGE.match(head) is not None
