"""The documents of a corpus, each when it is asked for: of a folder, or of an iterable."""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import cast

from minikit.errors import ArgumentError, MinikitError, SourceError
from minikit.text.document import Document, Source, SourceWarning

__all__ = ["Documents", "Entry", "entries_of"]

Documents = os.PathLike[str] | Iterable[Source] | AsyncIterable[Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One document of a corpus, which need not be read yet. It pickles.

    Attributes:
        index: Its number, from 0.
        source: Where it is read from; None where it is no source.
        name: What it is called: its path, or its title; None for a text.
        title: The title that it gets when it is read; None: the one that it has.
        error: Why it cannot be read, or None.
    """

    index: int
    source: str | Path | Document | None
    name: str | None = None
    title: str | None = None
    error: MinikitError | None = None

    def read(self) -> Document:
        """Read it; blocks.

        Raises:
            SourceError: It cannot be read.
            MissingExtraError: A package that this kind of file needs is not installed.
        """
        if self.source is None:
            raise self.error or SourceError("there is no source")
        document = Document.of(self.source)
        return document if self.title is None else replace(document, title=self.title)

    @property
    def characters(self) -> int:
        """Code points that it holds in memory already."""
        source = self.source.text if isinstance(self.source, Document) else self.source
        return len(source) if isinstance(source, str) else 0

    @property
    def identity(self) -> int:
        """What tells it from most others, also when its file has changed: 64 bits."""
        source = self.source
        told = self.name
        if told is None:
            told = source.text if isinstance(source, Document) else str(source)
        return int.from_bytes(
            blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        )


def entries_of(documents: Documents) -> Iterable[Entry] | AsyncGenerator[Entry]:
    """Return what reads `documents`, one at a time; nothing is read yet.

    Raises:
        ArgumentError: It is nothing of that kind.
    """
    given, kind = cast("object", documents), type(documents).__name__
    if isinstance(given, os.PathLike):
        return _of_folder(Path(cast("os.PathLike[str]", given)))
    if isinstance(given, str | bytes | Document | Mapping):
        raise ArgumentError(
            f"documents is a {kind}: write Path(...) for a folder, or give a list "
            f"of documents, or of this one alone"
        )
    if isinstance(given, AsyncIterable):
        return _of_async(cast("AsyncIterable[object]", given))
    if isinstance(given, Iterable):
        return _of_iterable(cast("Iterable[object]", given))
    raise ArgumentError(
        f"documents is the Path of a folder, an iterable or an async iterable of documents, not "
        f"{type(given).__name__}"
    )


def _of_folder(folder: Path) -> Iterator[Entry]:
    from minikit.text.folders import Found, each_file

    found, read = Found.within(folder), 0
    for file in each_file(found, folder):
        title = printable(file.relative_to(found.root))
        yield Entry(index=read, source=file, name=title, title=title)
        read += 1
    left_out = printable(found.account())
    if not read:
        told = f"; left out: {left_out}" if left_out else ""
        raise SourceError(f"there is no file to read in {printable(folder)!r}{told}")
    if left_out:
        told = f"of {printable(folder)!r}: {read:,} read; {left_out}"
        warnings.warn(told, SourceWarning, stacklevel=2)


def _of_iterable(sources: Iterable[object]) -> Iterator[Entry]:
    return (_entry(index, source) for index, source in enumerate(sources))


async def _of_async(sources: AsyncIterable[object]) -> AsyncGenerator[Entry]:
    index = 0
    reading = aiter(sources)
    try:
        async for source in reading:
            yield _entry(index, source)
            index += 1
    finally:
        if isinstance(reading, AsyncGenerator):
            await cast("AsyncGenerator[object]", reading).aclose()


def _entry(index: int, source: object) -> Entry:
    if isinstance(source, Document):
        return Entry(index=index, source=source, name=source.title or source.origin)
    if isinstance(source, str):
        return Entry(index=index, source=source)
    if isinstance(source, os.PathLike):
        path = Path(cast("os.PathLike[str]", source))
        return Entry(index=index, source=path, name=printable(path))
    error = SourceError(
        f"document {index} is a {type(source).__name__}, and neither a str (text), a Path (a file) "
        f"nor a Document"
    )
    return Entry(index=index, source=None, error=error)


def printable(path: Path | str) -> str:
    """Return a path as text that UTF-8 has bytes for, and with `/`."""
    name = path if isinstance(path, str) else path.as_posix()
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
