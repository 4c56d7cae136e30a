"""A document is text with a name; a span is a place in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from minikit.checks import check_whole
from minikit.errors import ArgumentError, SourceError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Document", "Source", "Span"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a document, in code points.

    Attributes:
        start: Offset of the first character; >= 0.
        end: Offset after the last character (exclusive); >= `start`.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        check_whole("start", self.start, 0)
        check_whole("end", self.end, 0)
        if self.start > self.end:
            raise ArgumentError(
                f"a span ends after it starts, not from {self.start!r} to {self.end!r}"
            )

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text to work on, and where it comes from.

    Attributes:
        text: Any str; offsets into it count code points.
        title: What the text is called, or None.
        origin: The file it was read from, or None.
    """

    text: str
    title: str | None = None
    origin: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.text), str):
            raise ArgumentError(f"the text of a document is a str, not {type(self.text).__name__}")

    def __repr__(self) -> str:
        return f"Document(<{len(self.text)} characters>, title={self.title!r})"

    def __getitem__(self, span: Span) -> str:
        """Return the text at `span`."""
        return self.text[span.start : span.end]

    @classmethod
    def of(cls, source: Source) -> Document:
        """Read `source`: a `str` is text, a `Path` is a file, a `Document` is itself.

        Raises:
            SourceError: The file cannot be read as text (see `from_path`), or `source` is
                none of the three.
        """
        if isinstance(source, Document):
            return source
        if isinstance(source, str):
            return cls(text=source)
        if isinstance(cast("object", source), os.PathLike):
            return cls.from_path(source)
        raise SourceError(
            f"a source is a str (text), a Path (a file) or a Document, not {type(source).__name__}"
        )

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> Document:
        """Read a file of UTF-8 text; a byte-order mark is dropped, line ends are kept.

        Args:
            path: The file; here a str is a path too.

        Raises:
            SourceError: The file is missing, a directory, unreadable, or not UTF-8 text.
        """
        from pathlib import Path

        file = Path(path)
        name = _printable(file)
        return cls.from_bytes(_read(file, name), title=_printable(file.name), origin=name)

    @classmethod
    def from_bytes(
        cls, data: bytes, *, title: str | None = None, origin: str | None = None
    ) -> Document:
        """Read the bytes of a file, as `from_path` does.

        Raises:
            SourceError: They are not UTF-8 text.
        """
        return cls(text=_decode(data, origin or "the source"), title=title, origin=origin)


Source = str | os.PathLike[str] | Document


def _read(file: Path, name: str) -> bytes:
    try:
        if file.is_char_device() or file.is_block_device():
            raise SourceError(f"{name!r} is a device, not a file")
        return file.read_bytes()
    except FileNotFoundError as error:
        raise SourceError(f"no such file: {name!r}") from error
    except IsADirectoryError as error:
        raise SourceError(f"{name!r} is a directory; name a file in it") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise SourceError(f"cannot read {name!r}: {error}") from error


def _decode(data: bytes, name: str) -> str:
    if b"\0" in data:
        raise SourceError(f"{name!r} is a binary file, not text; convert it to UTF-8 text first")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{name!r} is not UTF-8 text (byte {error.start} is {data[error.start]:#04x}); "
            f"convert it first, for example: iconv -f ENCODING -t UTF-8"
        ) from error


def _printable(path: str | Path) -> str:
    return os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
