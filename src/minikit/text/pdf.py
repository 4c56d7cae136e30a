"""PDF as text, its pages parted by form feeds, by pypdf."""

from __future__ import annotations

import logging
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from minikit.errors import MissingExtraError, SourceError

if TYPE_CHECKING:
    from pypdf import PdfReader

__all__ = ["pdf_text"]

# What a parser of files that are not sound ends in. Whatever it is, the file cannot be read.
TROUBLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # with RecursionError and NotImplementedError
    SyntaxError,
    TypeError,
    ValueError,
    zlib.error,
)

_PAGES_NAMED = 10

# What pypdf logs of a broken file shows where a program asks for logs, and not on stderr else.
_QUIET = logging.NullHandler()


def pdf_text(data: bytes, name: str) -> tuple[str, str | None]:
    """Return the text of a PDF, a form feed between pages, and which pages hold none, or None.

    Raises:
        MissingExtraError: pypdf is not installed.
        SourceError: The file is broken or locked, or holds pictures of pages and no text.
    """
    try:
        from pypdf import PdfReader
        from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError
    except ImportError as error:
        raise MissingExtraError(
            f"{name!r} is a PDF, which needs pypdf: pip install 'minikit[files]'", name="pypdf"
        ) from error
    logging.getLogger("pypdf").addHandler(_QUIET)
    try:
        pages = _pages(PdfReader(BytesIO(data)))
    except (DependencyError, FileNotDecryptedError) as error:
        raise SourceError(
            f"{name!r} is locked with a password; save it without one, for example: "
            f"qpdf --decrypt --password=PASSWORD IN OUT"
        ) from error
    except (PyPdfError, *TROUBLE) as error:
        raise SourceError(
            f"{name!r} is a PDF that cannot be read ({type(error).__name__}: {error}); "
            f"open it in a viewer and print it as PDF again"
        ) from error
    silent = [number for number, page in enumerate(pages, 1) if not page.strip()]
    if len(silent) == len(pages):
        raise SourceError(
            f"{name!r} holds no text in {len(pages)} pages: they are pictures. Make text of them "
            f"first, for example: ocrmypdf IN OUT"
        )
    return "\f".join(pages), _told(silent, len(pages), name)


def _pages(reader: PdfReader) -> list[str]:
    return [page.extract_text().replace("\f", "\n") for page in reader.pages]


def _told(silent: list[int], pages: int, name: str) -> str | None:
    if not silent:
        return None
    named = ", ".join(map(str, silent[:_PAGES_NAMED]))
    more = ", ..." if len(silent) > _PAGES_NAMED else ""
    return (
        f"{len(silent)} of the {pages} pages of {name!r} hold no text, as pictures do, and were "
        f"read as empty: {named}{more}"
    )
