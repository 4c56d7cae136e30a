"""The documents of `minikit many`: which they are, how many are done, and files of their texts."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TextIO
from uuid import uuid4

from minikit.errors import ArgumentError, SourceError
from minikit.jobs.corpus.entries import count_files
from minikit.jobs.corpus.parts import claimed
from minikit.text.folders import is_pattern
from minikit.text.plain import money

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minikit.jobs.corpus.outcome import DocumentOutcome
    from minikit.jobs.corpus.report import CorpusProgress

__all__ = ["DocumentsLine", "Given", "TextFiles"]

STDIN = "-"

DOCUMENTS_A_LINE = 100
"""In a log, where nobody knows how many there will be."""

FAILED = "_failed.jsonl"
"""The file of what failed, beside the texts."""

_TEXT = {".md", ".markdown", ".mdx", ".rst", ".txt", ".srt", ".vtt", ".po", ".pot", ".json"}
"""What stays what it is when it is translated."""


class Given:
    """The documents that are named on the command line.

    Attributes:
        documents: What `run_many` takes.
        total: How many there are, or None as long as nobody knows.
    """

    def __init__(self, named: Sequence[str], *, images: bool) -> None:
        """Find what is named: a folder or a pattern, or files.

        Raises:
            ArgumentError: One does not exist, or there is a folder among files.
        """
        self._images = images
        self.total: int | None = None
        self.documents: Path | list[Path]
        is_told = list(named) == [STDIN]
        names = _told() if is_told else named
        paths = [Path(name) for name in names if name]
        folders = [path for path in paths if _is_folder(path) or (is_pattern(path) and not is_told)]
        if not is_told:
            self._check(path for path in paths if path not in folders)
        if len(paths) == 1 and folders:
            self.documents = paths[0]
            threading.Thread(target=self._count, args=paths, daemon=True).start()
        elif folders:
            raise ArgumentError(
                f"{str(folders[0])!r} stands among others: name one folder or pattern, or files"
            )
        else:
            self.documents, self.total = paths, len(paths)

    @staticmethod
    def _check(paths: Iterable[Path]) -> None:
        for path in paths:
            if not os.path.exists(path):  # noqa: PTH110 - that of paths raises for long names
                raise ArgumentError(f"there is no file or folder {str(path)!r}")

    def _count(self, folder: Path) -> None:
        with suppress(SourceError):  # who reads it tells
            self.total = count_files(folder, images=self._images)


def _told() -> list[str]:
    """Read names from stdin, as find prints them: a line each, or with -print0 up to a NUL."""
    data = sys.stdin.buffer.read()
    names = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(name) for name in names]


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - that of paths raises for long names


class DocumentsLine:
    """One line that is written over on a terminal; in a log, a line for each tenth of them."""

    def __init__(self, stream: TextIO, given: Given) -> None:
        self._stream = stream
        self._given = given
        self._is_terminal = stream.isatty()
        self._step = 0

    def show(self, progress: CorpusProgress) -> None:
        """Show how far the run is."""
        total = self._given.total
        of = "" if total is None else f" of {total:,}"
        failed = f", {progress.failed:,} failed" if progress.failed else ""
        one = (progress.documents if total is None else total) == 1
        documents = "document" if one else "documents"
        text = (
            f"minikit: {progress.documents:,}{of} {documents}{failed}, {money(progress.cost_usd)}"
        )
        if self._is_terminal:
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()
            return
        step = progress.documents // max(1, (total or 10 * DOCUMENTS_A_LINE) // 10)
        if step != self._step:
            self._step = step
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Clear the line."""
        if self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


class TextFiles:
    """A folder with a file of text for each document, called as the document is."""

    def __init__(self, folder: str, verb: str, documents: Path | list[Path]) -> None:
        """Make the folder, for what comes of `documents`.

        Raises:
            ArgumentError: It can be none of these texts.
        """
        self._verb = verb
        self._taken: set[Path] = set()
        job = {"job": verb, "what": verb, "format": "text"}
        self._folder = Path(folder).absolute()
        for path in () if isinstance(documents, Path) else documents:
            self._check(path)
        claimed(self._folder, documents, job)
        (self._folder / FAILED).unlink(missing_ok=True)

    def write(self, outcome: DocumentOutcome[Any]) -> None:
        """Write a text, whole or not at all; of what failed a line to a file of its own.

        Raises:
            ArgumentError: It cannot be written.
        """
        path = self._free(PurePath(outcome.name or str(outcome.index)))
        try:
            if outcome.error is not None:
                with (self._folder / FAILED).open("a", encoding="utf-8") as file:
                    file.write(f"{outcome.to_json()}\n")
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            waiting = path.with_name(f".{uuid4().hex}")
            try:
                waiting.write_bytes(str(outcome.result).encode("utf-8", "surrogatepass"))
                waiting.replace(path)
            finally:
                waiting.unlink(missing_ok=True)
        except OSError as error:
            raise ArgumentError(f"cannot write {str(path)!r}: {error}") from error

    def _check(self, document: Path) -> None:
        if self._path(document) == document.absolute():
            raise ArgumentError(
                f"--output {str(self._folder)!r} holds the document {str(document)!r} itself, "
                f"which would be written over: name another folder"
            )

    def _free(self, named: PurePath) -> Path:
        """Return a path that no other document has."""
        path, number = self._path(named), 1
        while path in self._taken:  # of files in several folders
            number += 1
            path = self._path(named.with_name(f"{named.stem}-{number}{named.suffix}"))
        self._taken.add(path)
        return path

    def _path(self, named: PurePath) -> Path:
        """Return a path in the folder, whatever the document is called."""
        parts = [part for part in named.parts if part not in (named.anchor, "..")]
        way = self._folder.joinpath(*parts)
        return way.with_name(f"{way.name}{self._suffix(named)}")

    def _suffix(self, named: PurePath) -> str:
        if self._verb == "translate" and named.suffix.lower() in _TEXT:
            return ""
        return ".json" if self._verb == "extract" else ".txt"
