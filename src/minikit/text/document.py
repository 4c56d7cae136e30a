"""A document is text with a name; a span is a place in it."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import cast

from minikit.checks import check_whole
from minikit.errors import ArgumentError, MissingExtraError, SourceError
from minikit.notices import warn
from minikit.text.plain import printable

__all__ = ["Document", "Source", "SourceWarning", "Sources", "Span", "documents", "notes_of"]

_PROSE = frozenset(
    {
        *(".docx", ".epub", ".htm", ".html", ".markdown", ".md", ".mdx", ".pdf", ".rst", ".shtml"),
        *(".text", ".txt", ".xht", ".xhtml"),
    }
)
_SUFFIX = re.compile(r"\.[A-Za-z0-9_+-]{1,12}\Z")
_BACKTICKS = re.compile(r"^ {0,3}(`{3,})", re.MULTILINE)
_SEVERAL = "; for several, give the Path of their folder, or take summarize_many or run_many"
_NOTES_TOLD = 10
_NAME_AT_MOST = 260


class SourceWarning(UserWarning):
    """Something of a source was guessed or left out when it was read; the message says what."""


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
        title: What the text is called, or None; for a file in a folder its path in the folder.
        origin: The file or folder it was read from, or None.
        notes: What was guessed or left out when it was read, which a `SourceWarning` told.
    """

    text: str
    title: str | None = None
    origin: str | None = None
    notes: tuple[str, ...] = ()

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
        """Read `source`: a `str` is text, a `Path` is a file or a folder, a `Document` is itself.

        Raises:
            MissingExtraError: A package that this kind of file needs is not installed.
            SourceError: The source cannot be read as text (see `from_path`), or it is none of the
                three.
        """
        if isinstance(source, Document):
            return source
        if isinstance(source, str):
            if _names_a_file(source):
                told = f"{source!r} was read as a text; the file of this name is Path({source!r})"
                warn(told, SourceWarning)
                return cls(text=source, notes=(told,))
            return cls(text=source)
        if isinstance(cast("object", source), os.PathLike):
            return cls.from_path(source)
        raise SourceError(
            f"a source is a str (text), a Path (a file) or a Document, not {type(source).__name__}"
            + _SEVERAL * isinstance(cast("object", source), list | tuple)
        )

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> Document:
        """Read a file as text, or a folder or a pattern as one text with a heading for each file.

        Text, Markdown and source code are read as they are: line ends are kept, a byte-order mark
        is dropped. Of HTML the readable text is read. PDF (its pages parted by form feeds), DOCX
        and EPUB need the extra `minikit[files]`. The kind is told by the first bytes and by the
        name. What is not UTF-8 is read in the encoding that it declares, else in one that is
        guessed, which is warned of.

        Args:
            path: The file, folder or pattern such as `docs/**/*.md`; here a str is a path too.

        Raises:
            MissingExtraError: A package that this kind of file needs is not installed.
            SourceError: The file is missing, unreadable, broken, or of a kind that holds no text;
                or see `from_folder`.
        """
        file = Path(path)
        if _is_several(file):
            joined = cls.join(cls.from_folder(file), title=printable(file.resolve().name))
            return replace(joined, origin=printable(file))
        name = printable(file)
        return cls.from_bytes(_read(file, name), title=printable(file.name), origin=name)

    @classmethod
    def from_bytes(
        cls, data: bytes, *, title: str | None = None, origin: str | None = None
    ) -> Document:
        """Read the bytes of a file, as `from_path` does.

        Args:
            data: The bytes.
            title: What the text is called.
            origin: The name of the file; its suffix, else that of `title`, helps to tell the kind.

        Raises:
            MissingExtraError: A package that this kind of file needs is not installed.
            SourceError: They cannot be read as text.
        """
        from minikit.text.kinds import file_text

        suffix = Path(origin or title or "").suffix
        text, note = file_text(data, origin or title or "the source", suffix)
        if note is not None:
            warn(note, SourceWarning)
        return cls(text=text, title=title, origin=origin, notes=(note,) if note else ())

    @classmethod
    def from_folder(cls, path: str | os.PathLike[str]) -> tuple[Document, ...]:
        """Read the files of a folder and of the folders in it, or those that a pattern matches.

        What .gitignore files say is left out, as git does, and so are hidden files, links, binary
        and empty files; so is what cannot be read, one file does not fail the others. A warning
        tells what was left out and why.

        Args:
            path: The folder, or a pattern such as `docs/**/*.md`, where `**` stands for any
                folders.

        Returns:
            A document for each file in the order of their paths; `title` is the path in the folder,
            with `/`.

        Raises:
            SourceError: There is no such folder, nothing in it can be read, or it holds more than
                10,000 files.
        """
        from minikit.text.folders import find_files
        from minikit.text.kinds import file_text

        folder = Path(path)
        name = printable(folder)
        if not _is_several(folder):
            what = "is a file, not a folder" if folder.exists() else "is no folder or pattern"
            raise SourceError(f"{name!r} {what}")
        found = find_files(folder)
        read: list[Document] = []
        notes: list[str] = []
        for file in found.files:
            title, origin = printable(file.relative_to(found.root).as_posix()), printable(file)
            try:
                text, note = file_text(_read(file, origin), title, file.suffix)
            except (SourceError, MissingExtraError) as error:
                found.leave_out(file, "not readable")
                notes.append(str(error))
                continue
            read.append(cls(text=text, title=title, origin=origin))
            notes += [note] if note else []
        told = _told(found.account(), notes, name, read=len(read))
        if told is None:
            return tuple(read)
        warn(told, SourceWarning)
        return tuple(replace(document, notes=(told,)) for document in read)

    @classmethod
    def join(cls, documents: Sequence[Document], *, title: str | None = None) -> Document:
        """Return one document of several: each under a heading with its title.

        What is not prose by the end of its title, such as ".py", stands in a fence, so that a
        comment in code is not taken for a heading. Form feeds become line ends, since the pages
        of one document are not those of the whole.

        Args:
            documents: One or more.
            title: What the whole is called.

        Raises:
            SourceError: There is no document.
        """
        if not documents:
            raise SourceError("there is no document to join")
        parts = [_section(each, number) for number, each in enumerate(documents, 1)]
        return cls(text="\n\n".join(parts) + "\n", title=title, notes=notes_of(documents))


def notes_of(documents: Iterable[Document]) -> tuple[str, ...]:
    """Return what was guessed or left out as documents were read, each thing once."""
    return tuple(dict.fromkeys(note for document in documents for note in document.notes))


Source = str | os.PathLike[str] | Document
Sources = Source | Sequence[Source]


def documents(source: Sources) -> tuple[Document, ...]:
    """Read one source or several; a folder or a pattern is a document for each of its files.

    Args:
        source: A text, a path, a `Document`, or a sequence of them.

    Returns:
        One document or more, in order; those of a folder by their paths. Of those that would have
        the same title, each is told by as much of its path as tells it apart, else by a number.

    Raises:
        MissingExtraError: A package that this kind of file needs is not installed.
        SourceError: There is no source, or one cannot be read; see `Document.of` and
            `Document.from_folder`.
    """
    if isinstance(source, str | bytes | Document) or not isinstance(source, Sequence):
        return _of_one(source)
    if not source:
        raise SourceError("there is no source: the sequence of sources is empty")
    return _told_apart([document for each in source for document in _of_one(each)])


def _of_one(source: Source) -> tuple[Document, ...]:
    if isinstance(source, os.PathLike) and _is_several(Path(source)):
        return Document.from_folder(source)
    return (Document.of(source),)


def _told_apart(read: Sequence[Document]) -> tuple[Document, ...]:
    """Give documents of the same title titles of their own: a citation names but one of them."""
    seen = Counter[str | None]()
    apart: list[Document] = []
    for document, title in zip(read, _titles_by_path(read), strict=True):
        seen[title] += 1
        told = title if title is None or seen[title] == 1 else f"{title} ({seen[title]})"
        apart.append(document if document.title == told else replace(document, title=told))
    return tuple(apart)


def _titles_by_path(read: Sequence[Document]) -> list[str | None]:
    """Return titles; of those that are the same, the ends of the paths where these differ."""
    titles = [document.title for document in read]
    alike = defaultdict[str | None, list[int]](list)
    for place, title in enumerate(titles):
        alike[title].append(place)
    for title, places in alike.items():
        ways = [PurePath(read[place].origin or "").parts for place in places]
        levels = enumerate(zip(*ways, strict=False))
        differing = next((level for level, parts in levels if len(set(parts)) > 1), None)
        if title is not None and differing is not None:
            for place, way in zip(places, ways, strict=True):
                titles[place] = "/".join(way[differing:])
    return titles


def _names_a_file(text: str) -> bool:
    """Tell whether a text seems to be a path that was meant to be read."""
    if len(text) > _NAME_AT_MOST or not _SUFFIX.search(text):
        return False
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # as in _is_several
        return False


def _is_several(path: Path) -> bool:
    from minikit.text.folders import is_pattern

    try:
        return path.is_dir() or is_pattern(path)
    except (OSError, ValueError):  # a NUL in the name, or a name that is too long
        return False


def _read(file: Path, name: str) -> bytes:
    try:
        if file.is_char_device() or file.is_block_device():
            raise SourceError(f"{name!r} is a device, not a file")
        return file.read_bytes()
    except FileNotFoundError as error:
        raise SourceError(f"no such file: {name!r}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"cannot read {name!r}: {error}") from error


def _told(account: str, notes: list[str], name: str, *, read: int) -> str | None:
    """Tell what was left out of a folder, None where nothing was; fail where that is all."""
    told = printable("; ".join([account, *notes[:_NOTES_TOLD]] if account else notes))
    more = f"; and {len(notes) - _NOTES_TOLD:,} more" if len(notes) > _NOTES_TOLD else ""
    if not read:
        left_out = f"; left out: {told}{more}" if told else ""
        raise SourceError(f"there is no file to read in {name!r}{left_out}")
    return f"of {name!r}: {read:,} read; {told}{more}" if told else None


def _section(document: Document, number: int) -> str:
    title = document.title or f"Document {number}"
    text = document.text.replace("\f", "\n").strip("\n")
    suffix = _SUFFIX.search(title)
    if suffix is None or suffix[0].lower() in _PROSE:
        return f"# {title}\n\n{text}"
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"# {title}\n\n{fence}\n{text}\n{fence}"
