"""Rows for many calls, read one at a time: of a CSV or JSON Lines file, or of an iterable."""

from __future__ import annotations

import csv
import os
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BufferedReader, TextIOWrapper
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

from minikit.errors import ArgumentError, SourceError
from minikit.text.fields import Row, check_fields, json_of

if TYPE_CHECKING:
    from _csv import Reader
    from collections.abc import Callable, Generator

__all__ = [
    "KINDS",
    "AsyncRows",
    "FileRows",
    "Kind",
    "Record",
    "RowSource",
    "Rows",
    "rows_of",
    "survey",
]

Rows = os.PathLike[str] | Iterable[Mapping[str, Any] | str] | AsyncIterable[Mapping[str, Any] | str]
Kind = Literal["csv", "tsv", "jsonl"]

TEXT = "text"
"""The field of a row that is given as a text."""

LONGEST = 16_000_000
"""Characters of a cell or a line at most, several times what the largest window holds: what is
longer comes of a quote that nobody closed, or of a file of another kind."""

KINDS: dict[str, Kind] = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_QUOTED = re.compile(r'"[^"]*(?:"|$)')
_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_NO_TEXT = re.compile("[\udc80-\udcff]")  # what stands for bytes that are none
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

_Read = tuple[Row, ArgumentError | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row as it was read, or what is wrong with it.

    Attributes:
        index: Its number, from 0.
        row: Its fields; of one that is wrong, as many as could be read.
        error: What is wrong, or None.
    """

    index: int
    row: Row
    error: ArgumentError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """The rows of a file, or of a stream of bytes.

    A header that lacks a column, a file that is missing or no text, are errors of the whole; a row
    of too many or too few cells, or a line that is no JSON, is a record with an error. Blank lines
    are no rows, nor are those of empty cells alone, which spreadsheets write after the last row.
    The encoding is UTF-8, or UTF-16 with a byte-order mark.

    Attributes:
        name: What the file is called in messages.
        kind: How rows are written in it. In a CSV file the columns are separated by what separates
            most of the header: a comma, a semicolon, a tab or a bar.
        path: Where it is, or None for a stream.
        stream: The stream, which is read once; or None.
        names: The fields that a header must name.
    """

    name: str
    kind: Kind
    path: Path | None = None
    stream: BinaryIO | None = None
    names: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Record]:
        """Read the rows, each when it is asked for.

        Raises:
            SourceError: The file cannot be read as text, or has no header that can be used.
            ArgumentError: The header lacks a column.
        """
        with self._opened() as file:
            lines = iter(partial(file.readline, LONGEST), "")
            read = self._json_rows(lines) if self.kind == "jsonl" else self._csv_rows(lines)
            for index, (row, error) in enumerate(read):
                yield Record(index=index, row=row, error=error)

    @property
    def can_be_reread(self) -> bool:
        """Whether it is no pipe; what is missing or a folder is none either, and reading tells."""
        path = self.path
        return path is not None and (path.is_file() or path.is_dir() or not path.exists())

    def dialect(self) -> tuple[str, str]:
        """Return what separates the cells of a table, and the encoding for another like it.

        Spreadsheets open as a table what is separated as they do it, and as UTF-8 what has a
        byte-order mark.

        Raises:
            SourceError: The file cannot be read as text.
        """
        with self._opened() as file:
            delimiter = self._reader(iter(partial(file.readline, LONGEST), "")).dialect.delimiter
        with self._bytes() as data:
            has_mark = data.peek(3)[:3] == BOM_UTF8 or data.peek(2)[:2] in _UTF_16
        return delimiter, "utf-8-sig" if has_mark else "utf-8"

    @contextmanager
    def _opened(self) -> Generator[TextIOWrapper]:
        try:
            with self._bytes() as data:
                encoding = "utf-16" if data.peek(2)[:2] in _UTF_16 else "utf-8-sig"
                # A line of JSON that is no text spoils itself alone. Of a table all is in doubt:
                # what one program wrote is in one encoding.
                errors = "surrogateescape" if self.kind == "jsonl" else "strict"
                yield TextIOWrapper(data, encoding, errors, newline="")
        except ArgumentError:  # which is a ValueError, too
            raise
        except FileNotFoundError as error:
            raise SourceError(f"no such file: {self.name!r}") from error
        except UnicodeError as error:
            raise SourceError(
                f'{self.name!r} is not UTF-8 text: save it as "CSV UTF-8" in the spreadsheet, or '
                f"convert it, for example from that of Windows: iconv -f CP1252 -t UTF-8"
            ) from error
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            raise SourceError(f"cannot read {self.name!r}: {error}") from error

    def _bytes(self) -> BufferedReader:
        if self.path is None:
            return BufferedReader(cast("Any", self.stream))
        return self.path.open("rb")

    def _json_rows(self, lines: Iterable[str]) -> Iterator[_Read]:
        import json

        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            if not line.isascii() and _NO_TEXT.search(line):
                yield {}, SourceError(f"line {number} of {self.name!r} is not UTF-8 text")
                continue
            try:
                yield _row(json.loads(line)), None
            except (ValueError, RecursionError) as error:  # also of a value that is no row
                what = str(error) if isinstance(error, ArgumentError) else f"no JSON ({error})"
                yield {}, SourceError(f"line {number} of {self.name!r} is {what}")

    def _csv_rows(self, lines: Iterator[str]) -> Iterator[_Read]:
        # The limit is the process's: a library that lowered it again would cut off other readers.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
        reader = self._reader(lines)
        columns = self._columns(reader)
        while True:
            start = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                place = self._place(start, reader.line_num)
                yield dict.fromkeys(columns), SourceError(f"{place} cannot be read: {error}")
                continue
            if cells is None:
                return
            if any(cells):
                yield self._csv_row(columns, cells, start)

    def _reader(self, lines: Iterator[str]) -> Reader:
        """Find the dialect by the header."""
        head: list[str] = []
        delimiter = "\t" if self.kind == "tsv" else ""
        for line in lines:
            head.append(line)
            if told := _SEPARATOR.fullmatch(line):  # Excel's own
                delimiter, head[-1] = told[1], "\n"
            elif line.strip():
                break
        bare = _QUOTED.sub("", "".join(head))
        delimiter = delimiter or max(",;\t|", key=bare.count)
        return csv.reader(
            chain(head, lines),
            delimiter=delimiter,
            skipinitialspace=f"{delimiter} " in bare,
            strict=True,
        )

    def _columns(self, reader: Reader) -> list[str]:
        try:
            header = next((cells for cells in reader if cells), None)
        except csv.Error as error:
            raise SourceError(f"the header of {self.name!r} cannot be read: {error}") from error
        if header is None:
            raise SourceError(f"{self.name!r} is empty; its first line names the columns")
        columns = [name.strip() or f"column {n}" for n, name in enumerate(header, 1)]
        twice = next((name for name, times in Counter(columns).items() if times > 1), None)
        if twice is not None:
            raise SourceError(f"{self.name!r} has two columns {twice!r}; rename one")
        check_fields(self.names, columns, f"the columns of {self.name!r}")
        return columns

    def _csv_row(self, columns: list[str], cells: list[str], line: int) -> _Read:
        row = dict(zip_longest(columns, cells[: len(columns)]))
        while len(cells) > len(columns) and not cells[-1]:
            cells.pop()  # spreadsheets write delimiters after the last cell
        if len(cells) == len(columns):
            return row, None
        return row, SourceError(
            f"{self._place(line, line)} has {len(cells)} cells, and the header {len(columns)}: "
            f"cells with a delimiter or a line break in them stand in quotes"
        )

    def _place(self, first: int, last: int) -> str:
        lines = f"line {first}" if first >= last else f"lines {first} to {last}"
        return f"{lines} of {self.name!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IterableRows:
    """The rows of an iterable.

    Attributes:
        rows: What is iterated.
    """

    rows: Iterable[object]

    def __iter__(self) -> Iterator[Record]:
        """Take the rows, each when it is asked for; what the iterable raises is raised."""
        return (_record(index, value) for index, value in enumerate(self.rows))

    @property
    def can_be_reread(self) -> bool:
        """Whether it is a collection, and no iterator."""
        return isinstance(self.rows, Collection)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncRows:
    """The rows of an async iterable, which can be read once.

    Attributes:
        rows: What is iterated.
    """

    rows: AsyncIterable[object]

    async def __aiter__(self) -> AsyncGenerator[Record]:
        """Take the rows, each when it is asked for; what the iterable raises is raised."""
        index = 0
        rows = aiter(self.rows)
        try:
            async for value in rows:
                yield _record(index, value)
                index += 1
        finally:
            if isinstance(rows, AsyncGenerator):
                await cast("AsyncGenerator[object]", rows).aclose()


RowSource = FileRows | IterableRows | AsyncRows


def rows_of(rows: Rows | FileRows, names: tuple[str, ...]) -> RowSource:
    """Return what reads `rows`; nothing is read yet.

    Args:
        rows: The Path of a file, an iterable or an async iterable of mappings or texts; a text is
            a row with the one field "text".
        names: The fields that each row needs.

    Raises:
        ArgumentError: It is nothing of that kind.
    """
    if isinstance(rows, FileRows):
        return FileRows(
            name=rows.name, kind=rows.kind, path=rows.path, stream=rows.stream, names=names
        )
    if isinstance(rows, os.PathLike):
        return _file(Path(rows), names)
    if isinstance(rows, AsyncIterable):
        return AsyncRows(rows=rows)
    if isinstance(rows, str | bytes):
        raise ArgumentError(
            f"rows={rows[:60]!r} is a {type(rows).__name__}: write Path(...) for a file, or give "
            f"an iterable of rows"
        )
    if isinstance(rows, Mapping):
        raise ArgumentError("rows is one row: give a list of them, or of this one alone")
    if hasattr(rows, "columns"):
        raise ArgumentError(
            f"rows is a {type(rows).__name__}, which iterates its columns: give its rows, such as "
            f'table.to_dict("records") of pandas or table.iter_rows(named=True) of polars'
        )
    if not isinstance(cast("object", rows), Iterable):
        raise ArgumentError(
            f"rows is a Path, an iterable or an async iterable of mappings, not "
            f"{type(rows).__name__}"
        )
    return IterableRows(rows=rows)


def survey(source: RowSource, see: Callable[[Record], None]) -> int | None:
    """Show each row to `see`, and return how many there are; None where they are read only once.

    Linear, and blocks while it reads.

    Raises:
        SourceError: The file cannot be read.
        ArgumentError: The header lacks a column.
    """
    if isinstance(source, AsyncRows) or not source.can_be_reread:
        return None
    total = 0
    for record in source:
        total += 1
        see(record)
    return total


def _file(path: Path, names: tuple[str, ...]) -> FileRows:
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(KINDS)
        raise ArgumentError(
            f"rows={str(path)!r} is no file of rows, which ends with {known}: save it as one of "
            f"these, or give an iterable of rows"
        )
    return FileRows(name=str(path), kind=kind, path=path, names=names)


def _record(index: int, value: object) -> Record:
    """Read a row of an iterable; one that JSON cannot tell, as files of outcomes do, is wrong.

    What it is made of is the caller's, and may raise whatever it likes.
    """
    row: Row = {}
    try:
        row = _row(value)
        json_of(row)
    except ArgumentError as error:
        return Record(index=index, row=row, error=ArgumentError(f"row {index} is {error}"))
    except Exception as error:  # noqa: BLE001 - of the caller's own values
        problem = ArgumentError(f"row {index} cannot be read: {error!r:.200}")
        return Record(index=index, row={}, error=problem)
    return Record(index=index, row=row)


def _row(value: object) -> Row:
    """Return a copy, since generators may fill one mapping over and over."""
    if isinstance(value, str):
        return {TEXT: value}
    if not (hasattr(value, "keys") and hasattr(value, "__getitem__")):  # what dict() reads
        raise ArgumentError(f"{type(value).__name__}, and neither a mapping nor a text")
    return {str(name): cell for name, cell in dict(cast("Mapping[object, object]", value)).items()}
