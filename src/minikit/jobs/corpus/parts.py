"""Outcomes in a folder: a file for each partition, whole or not there, and found again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from minikit.errors import ArgumentError, MissingExtraError
from minikit.jobs.corpus.entries import MARK, is_folder_of
from minikit.jobs.corpus.options import OutputFormat, folder_of
from minikit.jobs.corpus.outcome import DocumentOutcome, Figures
from minikit.models.usage import Usage
from minikit.text.fields import json_of

if TYPE_CHECKING:
    from minikit.jobs.corpus.entries import Documents
    from minikit.jobs.corpus.partition import Partition

__all__ = ["Output", "PartFile", "Row", "claimed", "done_rows", "kept"]

Row = dict[str, Any]

_PART = re.compile(r"part-\d+-([0-9a-f]{16}(?:-\d+)?)\.\w+")
_NUMBERS = ("index", "calls", "input_tokens", "output_tokens", "gaps")
_TEXTS = ("name", "digest", "text", "result", "cost_usd", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFile:
    """The file of one partition. It pickles.

    Attributes:
        path: Where it shall be.
        found: Where an earlier run has left it, or None.
        output_format: How it is written.
    """

    path: Path
    found: Path | None
    output_format: OutputFormat

    def read(self) -> list[Row]:
        """Return what stands in it; what cannot be read is empty, or not there."""
        if self.found is None:
            return []
        rows = (_lines if self.output_format == "jsonl" else _table)(self.found)
        return [row if _is_row(row) else {} for row in rows]

    def write(
        self, outcomes: Sequence[DocumentOutcome[Any]], there: Sequence[Row], *, is_whole: bool
    ) -> list[DocumentOutcome[Any]]:
        """Write outcomes in the place of what is there, and return them without their results.

        Args:
            outcomes: Of the documents of the partition.
            there: What `read` returned, where those stand that were kept.
            is_whole: Whether these are all of its documents; else what is there of others stays.

        Raises:
            OSError: They cannot be written.
        """
        known = done_rows(there)
        rows = [_row(outcome, known) for outcome in outcomes]
        if not is_whole:
            told = {outcome.digest for outcome in outcomes}
            rows += [row for digest, row in known.items() if digest not in told]
        path = self.path
        if self.found is not None and rows == list(there):
            path = self.found
        elif rows:
            self._save(rows)
        return [replace(outcome, result=None, path=path) for outcome in outcomes]

    def _save(self, rows: list[Row]) -> None:
        waiting = self.path.with_name(f".{self.path.name}.{uuid4().hex[:8]}")
        try:
            (_save_lines if self.output_format == "jsonl" else _save_table)(rows, waiting)
            waiting.replace(self.path)
        finally:
            waiting.unlink(missing_ok=True)
        if self.found not in (None, self.path):
            self.found.unlink(missing_ok=True)


class Output:
    """A folder of outcomes: which files an earlier run has left, and which are this run's."""

    def __init__(self, folder: Path, output_format: OutputFormat) -> None:
        """Name the folder; the disk is not touched."""
        self.folder = folder
        self._format: OutputFormat = output_format
        self._found: dict[str, Path] = {}

    def open(self, documents: Documents, job: str, what: str) -> None:
        """Make the folder, or look at what stands in it; blocks.

        Args:
            documents: What is worked on.
            job: Digest of the job.
            what: The job in words.

        Raises:
            ArgumentError: It can be no folder of these outcomes.
            MissingExtraError: pyarrow is not installed, and the format asks for it.
        """
        if self._format == "parquet":
            _pyarrow()
        told = {"job": job, "what": what, "format": self._format}
        self.folder = claimed(self.folder, documents, told)
        try:
            self._look()
        except OSError as error:
            raise ArgumentError(f"output={str(self.folder)!r} cannot be used: {error}") from error

    def part(self, partition: Partition) -> PartFile:
        """Return the file of a partition."""
        name = f"part-{partition.number:05d}-{partition.name}.{self._format}"
        return PartFile(
            path=self.folder / name,
            found=self._found.pop(partition.name, None),
            output_format=self._format,
        )

    def _look(self) -> None:
        parts = [path for path in self.folder.iterdir() if _PART.fullmatch(path.name)]
        for path in sorted(parts, key=_age):
            name = cast("re.Match[str]", _PART.fullmatch(path.name))[1]
            if name in self._found:  # a run was killed that had just moved the partition
                self._found[name].unlink(missing_ok=True)
            self._found[name] = path

    @property
    def left(self) -> tuple[Path, ...]:
        """Files of an earlier run that no partition of this one has asked for."""
        return tuple(self._found.values())


def claimed(folder: Path, documents: Documents, told: dict[str, str]) -> Path:
    """Make a folder for the outcomes of a job, or find it, and return its absolute path; blocks.

    Args:
        folder: The folder.
        documents: What is worked on.
        told: The "job", "what" it is in words, and the "format" of the outcomes.

    Raises:
        ArgumentError: It can be no folder, is that of the documents, or holds outcomes of another
            job or format.
    """
    folder = folder_of("output", folder)
    if is_folder_of(documents, folder):
        raise ArgumentError(
            f"output={str(folder)!r} is the folder of the documents themselves: name another, "
            f"which may lie in it"
        )
    try:
        known = _mark(folder / MARK, told)
    except OSError as error:
        raise ArgumentError(f"output={str(folder)!r} cannot be used: {error}") from error
    if known != told:
        raise ArgumentError(
            f"output={str(folder)!r} holds outcomes of another job, {known['what']} as "
            f"{known['format']}, or of other options: name another folder, or remove this one"
        )
    return folder


def done_rows(rows: Sequence[Row]) -> dict[str, Row]:
    """Return rows by the digest of the document; what failed is left out."""
    return {row["digest"]: row for row in rows if row and row["error"] is None}


def kept(index: int, name: str | None, row: Row) -> DocumentOutcome[Any]:
    """Return the outcome that a row holds, for a document of this name and number."""
    usage = Usage(input_tokens=row["input_tokens"], output_tokens=row["output_tokens"])
    cost_usd = None if row["cost_usd"] is None else Decimal(row["cost_usd"])
    figures = Figures(
        calls=row["calls"],
        usage=usage,
        cost_usd=cost_usd,
        replayed_cost_usd=cost_usd,
        gaps=row["gaps"],
    )
    return DocumentOutcome(index=index, name=name, digest=row["digest"], figures=figures, kept=True)


def _row(outcome: DocumentOutcome[Any], rows: Mapping[str, Row]) -> Row:
    if not outcome.kept:
        return outcome.row()
    row = rows[cast("str", outcome.digest)]
    return {**row, "index": outcome.index, "name": outcome.name}


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and row.keys() >= {*_NUMBERS, *_TEXTS}


def _age(path: Path) -> tuple[float, str]:
    """Return what sorts the oldest first."""
    return path.stat().st_mtime, path.name


def _mark(marked: Path, told: dict[str, str]) -> dict[str, str]:
    """Return what a folder is marked with; one that is not is marked with what is told."""
    with suppress(FileExistsError), marked.open("x", encoding="utf-8") as file:
        file.write(json.dumps(told))
        return told
    try:
        known = json.loads(marked.read_text("utf-8", "replace"))
        return {name: known[name] for name in told}
    except (ValueError, TypeError, KeyError):  # a run was killed that had just made it
        marked.write_text(json.dumps(told), "utf-8")
        return told


def _lines(path: Path) -> list[Any]:
    rows: list[Any] = []
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                rows.append(json.loads(line))
            except ValueError:
                rows.append(None)
    return rows


def _save_lines(rows: list[Row], path: Path) -> None:
    # A lone surrogate, which UTF-8 has no bytes for, is written as the escape that it is in JSON.
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.writelines(f"{json_of(row)}\n" for row in rows)


def _table(path: Path) -> list[Row]:
    arrow = _pyarrow()
    try:
        rows = cast("list[Row]", arrow.parquet.read_table(path).to_pylist())
    except (OSError, arrow.ArrowException):
        return []
    for row in rows:
        if row.get("result") is not None:
            row["result"] = json.loads(row["result"])
    return rows


def _save_table(rows: list[Row], path: Path) -> None:
    arrow = _pyarrow()
    kinds: dict[str, Any] = {
        **dict.fromkeys(_NUMBERS, arrow.int64()),
        **dict.fromkeys(_TEXTS, arrow.string()),
    }
    columns = {
        name: arrow.array([_cell(row[name]) for row in rows], kinds[name]) for name in rows[0]
    }
    arrow.parquet.write_table(arrow.table(columns), path, compression="zstd")


def _cell(value: object) -> object:
    if value is None or isinstance(value, int):
        return value
    text = value if isinstance(value, str) else json_of(value)
    return text.encode("utf-8", "backslashreplace").decode()


def _pyarrow() -> Any:  # noqa: ANN401 - an extra
    try:
        arrow: Any = import_module("pyarrow")
        import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtraError(
            'Parquet needs pyarrow: pip install "minikit[parquet]", or write output_format="jsonl"'
        ) from error
    return arrow
