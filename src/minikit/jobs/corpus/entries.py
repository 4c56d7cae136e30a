"""The documents of a corpus, each when it is asked for: of a folder, or of an iterable."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, cast

from minikit.errors import ArgumentError, MinikitError, SourceError
from minikit.notices import warn
from minikit.text.document import Document, Source, SourceWarning
from minikit.text.plain import printable
from minikit.tokens.image_files import IMAGE_SUFFIXES, read_images

if TYPE_CHECKING:
    from minikit.text.folders import Found
    from minikit.tokens.image_files import Image

__all__ = ["MARK", "Documents", "Entry", "count_files", "entries_of", "is_folder_of"]

Documents = os.PathLike[str] | Iterable[Source | bytes] | AsyncIterable[Source | bytes]

MARK = "_minikit.json"
"""The file that marks a folder as one of outcomes; readers of them pass over names with "_"."""

_READ = {
    False: "neither a str (text), a Path (a file) nor a Document",
    True: "neither a Path (a file), bytes (what it holds) nor a str (an address)",
}
"""What a document is not, by whether it should be an image."""

_BYTES: tuple[type, ...] = (bytes, bytearray, memoryview)


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
    source: str | Path | Document | bytes | None
    name: str | None = None
    title: str | None = None
    error: MinikitError | None = None

    def read(self) -> Document:
        """Read it; blocks.

        Raises:
            SourceError: It cannot be read.
            MissingExtraError: A package that this kind of file needs is not installed.
        """
        document = Document.of(cast("Source", self.sound()))
        return document if self.title is None else replace(document, title=self.title)

    def look(self) -> tuple[Image, ...]:
        """Measure it, as an image or a folder of images that belong together; blocks.

        Raises:
            SourceError: It cannot be read, or is no image that servers take.
        """
        return read_images(cast("str | Path | bytes", self.sound()), keeps_faulty=True)

    def sound(self) -> str | Path | Document | bytes:
        """Return the source.

        Raises:
            SourceError: It is none.
        """
        if self.source is None:
            raise self.error or SourceError("there is no source")
        return self.source

    @property
    def characters(self) -> int:
        """Code points, or bytes, that it holds in memory already."""
        source = self.source.text if isinstance(self.source, Document) else self.source
        return len(source) if isinstance(source, str | bytes) else 0

    @property
    def identity(self) -> int:
        """What tells it from most others, also when its file has changed: 64 bits."""
        source = self.source
        told: str | bytes | None = self.name
        if told is None:
            source = source.text if isinstance(source, Document) else source
            told = source if isinstance(source, bytes) else str(source)
        data = told.encode("utf-8", "surrogatepass") if isinstance(told, str) else told
        return int.from_bytes(blake2b(data, digest_size=8).digest())


def entries_of(
    documents: Documents, *, images: bool = False, note: Callable[[str], None] | None = None
) -> Iterable[Entry] | AsyncGenerator[Entry]:
    """Return what reads `documents`, one at a time; nothing is read yet.

    Args:
        documents: A folder, or an iterable.
        images: Whether they are images.
        note: Told what was left out, which a warning tells as well.

    Raises:
        ArgumentError: It is nothing of that kind.
    """
    given, kind = cast("object", documents), type(documents).__name__
    if isinstance(given, os.PathLike):
        return _of_folder(Path(cast("os.PathLike[str]", given)), images=images, note=note)
    if isinstance(given, str | bytes | Document | Mapping):
        raise ArgumentError(
            f"documents is a {kind}: write Path(...) for a folder, or give a list "
            f"of documents, or of this one alone"
        )
    if isinstance(given, AsyncIterable):
        return _of_async(cast("AsyncIterable[object]", given), images=images)
    if isinstance(given, Iterable):
        return _of_iterable(cast("Iterable[object]", given), images=images)
    raise ArgumentError(
        f"documents is the Path of a folder, an iterable or an async iterable of documents, not "
        f"{type(given).__name__}"
    )


def count_files(folder: Path, *, images: bool) -> int:
    """Count the documents of a folder; blocks.

    Raises:
        SourceError: The folder cannot be read.
    """
    from minikit.text.folders import Found

    return sum(1 for _ in _files(Found.within(folder), folder, images=images))


def is_folder_of(documents: Documents, folder: Path) -> bool:
    """Tell whether documents are those of a folder itself, and not of one in it; blocks."""
    from minikit.text.folders import Found

    if not isinstance(documents, os.PathLike):
        return False
    try:
        return Found.within(Path(documents)).root.samefile(folder)
    except (OSError, ValueError):  # who reads it tells
        return False


def _of_folder(
    folder: Path, *, images: bool, note: Callable[[str], None] | None
) -> Iterator[Entry]:
    from minikit.text.folders import Found

    found, read = Found.within(folder), 0
    for file in _files(found, folder, images=images):
        title = printable(file.relative_to(found.root).as_posix())
        yield Entry(index=read, source=file, name=title, title=title)
        read += 1
    left_out = printable(found.account())
    if not read:
        told = f"; left out: {left_out}" if left_out else ""
        what = "image" if images else "file to read"
        raise SourceError(f"there is no {what} in {printable(folder.as_posix())!r}{told}")
    if left_out:
        told = f"of {printable(folder.as_posix())!r}: {read:,} read; {left_out}"
        warn(told, SourceWarning)
        if note is not None:
            note(told)


def _files(found: Found, folder: Path, *, images: bool) -> Iterator[Path]:
    """Yield files, but for those that came of documents: an output may lie beside its input."""
    from minikit.text.folders import each_file, is_text

    @cache
    def output_around(folder: Path) -> Path | None:
        if folder == found.root:
            return None
        return output_around(folder.parent) or (folder if (folder / MARK).exists() else None)

    def is_wanted(found: Found, path: Path) -> bool:
        output = output_around(path.parent)
        if output is None:
            return (_is_image if images else is_text)(found, path)
        found.leave_out(output, "of outcomes", is_folder=True)
        return False

    return each_file(found, folder, is_wanted)


def _is_image(found: Found, path: Path) -> bool:
    """Tell by the name of a file whether it is an image; what it holds is seen when it is read."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return True
    found.leave_out(path, "without the name of an image")
    return False


def _of_iterable(sources: Iterable[object], *, images: bool) -> Iterator[Entry]:
    return (_entry(index, source, images=images) for index, source in enumerate(sources))


async def _of_async(sources: AsyncIterable[object], *, images: bool) -> AsyncGenerator[Entry]:
    index = 0
    reading = aiter(sources)
    try:
        async for source in reading:
            yield _entry(index, source, images=images)
            index += 1
    finally:
        if isinstance(reading, AsyncGenerator):
            await cast("AsyncGenerator[object]", reading).aclose()


def _entry(index: int, source: object, *, images: bool) -> Entry:
    if isinstance(source, Document) and not images:
        return Entry(index=index, source=source, name=source.title or source.origin)
    if isinstance(source, str):
        return Entry(index=index, source=source, name=_address(source) if images else None)
    if isinstance(source, _BYTES) and images:
        return Entry(index=index, source=bytes(cast("bytes", source)))
    if isinstance(source, os.PathLike):
        path = Path(cast("os.PathLike[str]", source))
        return Entry(index=index, source=path, name=printable(path.as_posix()))
    what = "image" if images else "document"
    error = SourceError(f"{what} {index} is a {type(source).__name__}, and {_READ[images]}")
    return Entry(index=index, source=None, error=error)


def _address(url: str) -> str | None:
    """Return what an address is called, without what may be secret there."""
    if not url.lower().startswith(("http://", "https://")):
        return None
    return url.partition("?")[0].partition("//")[2].rpartition("@")[2]
