"""Outcomes in a file: a line for each, as it comes."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO, cast

from minikit.errors import ArgumentError
from minikit.jobs.completing.rows import FileRows, RowSource
from minikit.jobs.completing.run import plain
from minikit.text.fields import is_nothing, json_of

if TYPE_CHECKING:
    from types import TracebackType

    from minikit.calls.schema import Schema
    from minikit.jobs.completing.run import Outcome

__all__ = ["OutcomeFile", "check_other"]

REPLY, FINISH_REASON, ERROR = "reply", "finish_reason", "error"
"""Columns after those of the row; one that has such a name keeps it, and ours gets a "_"."""

_NESTED: tuple[type, ...] = (list, tuple, Mapping)
_DELIMITERS = {".jsonl": None, ".ndjson": None, ".csv": ",", ".tsv": "\t"}


class OutcomeFile:
    """A file of outcomes. It is made with the first one, and holds each when `write` returns.

    For one thread at a time.

    Attributes:
        unwritten: Fields of rows for which a CSV file has no column, since the first row has none.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        names: tuple[str, ...],
        schema: Schema[Any] | None,
        like: RowSource | None = None,
    ) -> None:
        """Name the file; the disk is not touched.

        Args:
            path: Where to write; its ending says how.
            names: Fields that every row should have.
            schema: What the replies are, or None for texts.
            like: Where the rows are from; a CSV file is written as one that they were read from.

        Raises:
            ArgumentError: The ending is none that is known.
        """
        self._path = Path(path)
        self._names = names
        self._schema = schema
        if self._path.suffix.lower() not in _DELIMITERS:
            raise ArgumentError(
                f"the ending of {str(self._path)!r} does not say how to write: take "
                f"{', '.join(_DELIMITERS)}"
            )
        self._delimiter = _DELIMITERS[self._path.suffix.lower()]
        is_table = isinstance(like, FileRows) and like.kind == "csv" and like.can_be_reread
        self._like = like if is_table and self._delimiter == "," else None
        self._columns: tuple[str, ...] = ()
        self._file: TextIO | None = None
        self.unwritten: dict[str, None] = {}

    def open(self) -> TextIO:
        """Make the file, if that is not done, in the place of one that is there."""
        if self._file is None:
            # A lone surrogate, which UTF-8 has no bytes for, is written as the escape that it is
            # in JSON.
            encoding = "utf-8"
            if isinstance(self._like, FileRows):
                self._delimiter, encoding = self._like.dialect()
            self._file = self._path.open(
                "w", encoding=encoding, errors="backslashreplace", newline=""
            )
        return self._file

    def write(self, *outcomes: Outcome[Any]) -> None:
        """Add outcomes.

        Raises:
            OSError: The file cannot be written.
        """
        for outcome in outcomes:
            file = self.open()
            if self._delimiter is None:
                file.write(f"{outcome.to_json()}\n")
            else:
                self._write_cells(csv.writer(file, delimiter=self._delimiter), outcome)
            file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write_cells(self, writer: Any, outcome: Outcome[Any]) -> None:  # noqa: ANN401 - csv's own has no public name
        if not self._columns:
            self._columns = tuple(dict.fromkeys([*outcome.row, *self._names]))
            writer.writerow([*self._columns, *self._added()])
        self.unwritten.update(dict.fromkeys(outcome.row.keys() - set(self._columns)))
        finish_reason = outcome.completion.finish_reason if outcome.completion else None
        cells = [
            *(outcome.row.get(column) for column in self._columns),
            *self._reply(outcome),
            finish_reason,
            outcome.problem,
        ]
        writer.writerow([_cell(value) for value in cells])

    def _fields(self) -> tuple[str, ...]:
        return (REPLY,) if self._schema is None else tuple(self._schema.wire["properties"])

    def _added(self) -> list[str]:
        added: list[str] = []
        for name in (*self._fields(), FINISH_REASON, ERROR):
            while name in self._columns or name in added:
                name += "_"  # noqa: PLW2901
            added.append(name)
        return added

    def _reply(self, outcome: Outcome[Any]) -> list[object]:
        if self._schema is None:
            return [outcome.text]
        value, fields = plain(outcome.parsed), self._fields()
        if isinstance(value, dict) and value.keys() <= set(fields):
            return [cast("dict[str, object]", value).get(field) for field in fields]
        return [value, *[None] * (len(fields) - 1)]


def check_other(path: str | os.PathLike[str], source: RowSource) -> None:
    """Raise ArgumentError where the rows that are being read would be written over."""
    read = source.path if isinstance(source, FileRows) else None
    if read is not None and Path(path).resolve() == read.resolve():
        raise ArgumentError(f"the rows are read from {str(read)!r}: write to another file")


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    if is_nothing(value):
        return ""
    is_json = type(value) is bool or isinstance(value, _NESTED)
    return json_of(value) if is_json else str(value)
