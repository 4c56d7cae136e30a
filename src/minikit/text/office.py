"""DOCX and EPUB as text, by markitdown."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile

from minikit.errors import MissingExtraError, SourceError
from minikit.text.pdf import TROUBLE

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["package_text"]

_MOST_BYTES = 1_000_000_000
"""What a package may unpack to; a small file that unpacks to more is made to fill the memory."""

_LOCKS = frozenset({"META-INF/rights.xml", "META-INF/sinf.xml"})
"""The files of an EPUB that is sold with a lock, of Adobe and of Apple."""

_KINDS = {".docx": "a DOCX", ".epub": "an EPUB"}
_MIMETYPE = "mimetype"
_EPUB = b"application/epub+zip"
_REFUSED = {
    "ppt/presentation.xml": ("a PowerPoint file", "save its slides as PDF"),
    "xl/workbook.xml": ("an Excel file", "save its sheets as CSV"),
    "xl/workbook.bin": ("an Excel file", "save its sheets as CSV"),
}


def package_text(data: bytes, name: str) -> str:
    """Return the text of a DOCX or an EPUB as Markdown.

    Raises:
        MissingExtraError: markitdown is not installed.
        SourceError: The file is broken or locked, or another kind of package.
    """
    try:
        with ZipFile(BytesIO(data)) as package:
            suffix = _suffix(package, name)
    except (BadZipFile, *TROUBLE) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{name!r} is a package that cannot be unpacked: {error}") from error
    return _converted(data, suffix, name)


def _suffix(package: ZipFile, name: str) -> str:
    names = frozenset(package.namelist())
    size_bytes = sum(member.file_size for member in package.infolist())
    for member, (kind, way_out) in _REFUSED.items():
        if member in names:
            raise SourceError(f"{name!r} is {kind}; {way_out}")
    suffix = ".docx" if "word/document.xml" in names else _marked_suffix(package, names, name)
    if size_bytes > _MOST_BYTES:
        raise SourceError(
            f"{name!r} unpacks to {size_bytes:,} bytes; the limit is {_MOST_BYTES:,}: save it "
            f"without its pictures, or as text"
        )
    return suffix


def _marked_suffix(package: ZipFile, names: Collection[str], name: str) -> str:
    kind = package.read(_MIMETYPE).strip() if _MIMETYPE in names else b""
    if kind.startswith(b"application/vnd.oasis.opendocument"):
        raise SourceError(f"{name!r} is an OpenDocument file; save it as DOCX or PDF")
    if kind != _EPUB:
        raise SourceError(f"{name!r} is an archive; unpack it, and name the folder")
    if not _LOCKS.isdisjoint(names):
        raise SourceError(f"{name!r} is a book with a lock (DRM), which only its reader opens")
    return ".epub"


def _converted(data: bytes, suffix: str, name: str) -> str:
    try:
        from markitdown import MissingDependencyException, StreamInfo
        from markitdown.converters import DocxConverter, EpubConverter
    except ImportError as error:
        raise _missing(suffix, name) from error
    # The converter itself and not MarkItDown, which reads a broken file as another kind.
    kind = DocxConverter if suffix == ".docx" else EpubConverter
    converter = kind()
    try:
        return converter.convert(BytesIO(data), StreamInfo(extension=suffix)).markdown
    except MissingDependencyException as error:
        raise _missing(suffix, name) from error
    except (BadZipFile, ExpatError, *TROUBLE) as error:
        raise SourceError(
            f"{name!r} is {_KINDS[suffix]} that cannot be read "
            f"({type(error).__name__}: {error}); open it and save it again"
        ) from error


def _missing(suffix: str, name: str) -> MissingExtraError:
    return MissingExtraError(
        f"{name!r} is {_KINDS[suffix]}, which needs markitdown: pip install 'minikit[files]'",
        name="markitdown",
    )
