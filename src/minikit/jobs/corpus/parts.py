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
from minikit.jobs.corpus.options import OutputFormat, folder_of
from minikit.jobs.corpus.outcome import DocumentOutcome, Figures
from minikit.models.usage import Usage
from minikit.text.fields import json_of

if TYPE_CHECKING:
    from minikit.jobs.corpus.partition import Partition

__all__ = ["Output", "PartFile", "Row", "kept"]

Row = dict[str, Any]

JOB_FILE = "_minikit.json"
"""What says of which job the outcomes are; readers of partitions pass over names with "_"."""

_PART = re.compile(r"part-\d+-([0-9a-f]{16}(?:-\d+)?)\.\w+")
_NUMBERS = ("index", "calls", "input_tokens", "output_tokens")
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

    def rows(self) -> dict[str, Row]:
        """Return what stands in it by the digest of the document; what failed is left out.

        What cannot be read is taken for what is not there.
        """
        if self.found is None:
            return {}
        read = _lines if self.output_format == "jsonl" else _table
        return {row["digest"]: row for row in read(self.found) if row["error"] is None}

    def write(
        self, outcomes: Sequence[DocumentOutcome[Any]], rows: Mapping[str, Row]
    ) -> list[DocumentOutcome[Any]]:
        """Write outcomes in the place of what is there, and return them without their results.

        Args:
            outcomes: Of the documents of the partition.
            rows: What `rows` returned, where those stand that were kept.

        Raises:
            OSError: They cannot be written.
        """
        path = self.path
        if self.found is not None and all(outcome.kept for outcome in outcomes):
            path = self.found
        elif outcomes:
            self._save([_row(outcome, rows) for outcome in outcomes])
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

    def open(self, job: str, what: str) -> None:
        """Make the folder, or look at what stands in it; blocks.

        Args:
            job: Digest of the job.
            what: The job in words.

        Raises:
            ArgumentError: It can be no folder, or holds outcomes of another job or format.
            MissingExtraError: pyarrow is not installed, and the format asks for it.
        """
        if self._format == "parquet":
            _pyarrow()
        self.folder = folder_of("output", self.folder)
        told = {"job": job, "what": what, "format": self._format}
        marked = self.folder / JOB_FILE
        try:
            with marked.open("x", encoding="utf-8") as file:
                file.write(json.dumps(told))
        except FileExistsError:
            known = json.loads(marked.read_text("utf-8"))
            if known != told:
                raise ArgumentError(
                    f"output={str(self.folder)!r} holds outcomes of another job, "
                    f"{known['what']} as {known['format']}, or of other options: name another "
                    f"folder, or remove this one"
                ) from None
        for path in sorted(self.folder.iterdir()):
            if named := _PART.fullmatch(path.name):
                self._found[named[1]] = path

    def part(self, partition: Partition) -> PartFile:
        """Return the file of a partition."""
        name = f"part-{partition.number:05d}-{partition.name}.{self._format}"
        return PartFile(
            path=self.folder / name,
            found=self._found.pop(partition.name, None),
            output_format=self._format,
        )

    @property
    def left(self) -> tuple[Path, ...]:
        """Files of an earlier run that no partition of this one has asked for."""
        return tuple(self._found.values())


def kept(index: int, name: str | None, row: Row) -> DocumentOutcome[Any]:
    """Return the outcome that a row holds, for a document of this name and number."""
    usage = Usage(input_tokens=row["input_tokens"], output_tokens=row["output_tokens"])
    cost_usd = None if row["cost_usd"] is None else Decimal(row["cost_usd"])
    figures = Figures(
        calls=row["calls"], usage=usage, cost_usd=cost_usd, replayed_cost_usd=cost_usd
    )
    return DocumentOutcome(index=index, name=name, digest=row["digest"], figures=figures, kept=True)


def _row(outcome: DocumentOutcome[Any], rows: Mapping[str, Row]) -> Row:
    if not outcome.kept:
        return outcome.row()
    row = rows[cast("str", outcome.digest)]
    return {**row, "index": outcome.index, "name": outcome.name}


def _lines(path: Path) -> list[Row]:
    rows: list[Row] = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError):
                rows.append(json.loads(line))
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
        row["result"] = None if row["result"] is None else json.loads(row["result"])
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
