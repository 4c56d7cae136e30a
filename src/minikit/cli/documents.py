"""The documents of `minikit many`: which they are, how many are done, and files of their texts."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TextIO
from uuid import uuid4

from minikit.errors import ArgumentError, SourceError
from minikit.jobs.corpus.entries import count_files
from minikit.text.folders import is_pattern
from minikit.text.plain import money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.jobs.corpus.entries import Documents
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
        self.documents: Documents
        is_told = list(named) == [STDIN]
        names = sys.stdin.read().splitlines() if is_told else named
        paths = [Path(name) for name in names if name]
        missing = [path for path in paths if not (is_told or path.exists() or is_pattern(path))]
        if missing:
            raise ArgumentError(f"there is no file or folder {str(missing[0])!r}")
        folders = [path for path in paths if path.is_dir() or is_pattern(path)]
        if len(paths) == 1 and folders:
            self.documents = paths[0]
            threading.Thread(target=self._count, args=paths, daemon=True).start()
        elif folders:
            raise ArgumentError(
                f"{str(folders[0])!r} stands among others: name one folder or pattern, or files"
            )
        else:
            self.documents, self.total = paths, len(paths)

    def _count(self, folder: Path) -> None:
        with suppress(SourceError):  # who reads it tells
            self.total = count_files(folder, images=self._images)


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

    def __init__(self, folder: str, verb: str) -> None:
        """Make the folder.

        Raises:
            ArgumentError: It can be none.
        """
        self._folder = Path(folder)
        self._verb = verb
        self._taken: set[Path] = set()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / FAILED).unlink(missing_ok=True)
        except OSError as error:
            raise ArgumentError(f"--output {folder!r} cannot be a folder: {error}") from error

    def write(self, outcome: DocumentOutcome[Any]) -> None:
        """Write a text, whole or not at all; of what failed a line to a file of its own.

        Raises:
            ArgumentError: It cannot be written.
        """
        path = self._path(outcome)
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

    def _path(self, outcome: DocumentOutcome[Any]) -> Path:
        """Return a path in the folder, whatever the document is called."""
        named = PurePath(outcome.name or str(outcome.index))
        parts = [part for part in named.parts if part not in (named.anchor, "..")]
        way, suffix = self._folder.joinpath(*parts), self._suffix(named)
        path = way.with_name(f"{way.name}{suffix}")
        number = 1
        while path in self._taken:  # of files in several folders
            number += 1
            path = way.with_name(f"{way.stem}-{number}{way.suffix}{suffix}")
        self._taken.add(path)
        return path

    def _suffix(self, named: PurePath) -> str:
        if self._verb == "translate" and named.suffix.lower() in _TEXT:
            return ""
        return ".json" if self._verb == "extract" else ".txt"
