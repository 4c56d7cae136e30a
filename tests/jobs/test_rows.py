"""Rows: of files as people have them, and of iterables."""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.errors import ArgumentError, SourceError
from minikit.jobs.completing import rows as module
from minikit.jobs.completing.rows import AsyncRows, FileRows, Kind, Record, rows_of, survey


def read(text: str | bytes, kind: Kind = "csv", names: tuple[str, ...] = ()) -> list[Record]:
    """Read rows from the bytes of a file."""
    data = text if isinstance(text, bytes) else text.encode()
    return list(FileRows(name="x", kind=kind, stream=io.BytesIO(data), names=names))


def cells(text: str | bytes, kind: Kind = "csv") -> list[dict[str, Any]]:
    """Read rows that are all sound."""
    records = read(text, kind)
    assert [record.index for record in records] == list(range(len(records)))
    assert [record.error for record in records] == [None] * len(records)
    return [dict(record.row) for record in records]


ADA = [{"name": "Ada", "city": "Rome"}]


@pytest.mark.parametrize(
    "text",
    [
        "name,city\nAda,Rome\n",
        "name,city\r\nAda,Rome",
        "name,city\rAda,Rome\r",
        "\ufeffname,city\nAda,Rome\n",
        "name,city\nAda,Rome\n".encode("utf-16"),
        "name;city\nAda;Rome\n",
        "name\tcity\nAda\tRome\n",
        "name|city\nAda|Rome\n",
        "sep=;\nname;city\nAda;Rome\n",
        "name, city\nAda, Rome\n",
        '"name", "city"\n"Ada", "Rome"\n',
        "\n\nname,city\n\nAda,Rome\n\n",
        "name,city\nAda,Rome,,\n",
        " name ,city\nAda,Rome\n",
    ],
)
def test_csv_as_programs_write_it(text: str | bytes) -> None:
    """Line ends, a byte-order mark, other delimiters, blank lines: the rows are the same."""
    assert cells(text) == ADA


def test_cells_with_anything_in_them() -> None:
    """Delimiters, quotes, line breaks and NULs stand in quotes, and a quote in the middle bare."""
    text = 'name,city\n"a,b","c\r\nd ""e"" \0"\n12" vinyl,x\n'
    assert cells(text) == [
        {"name": "a,b", "city": 'c\r\nd "e" \0'},
        {"name": '12" vinyl', "city": "x"},
    ]


def test_a_header_decides_on_the_delimiter() -> None:
    """What stands in quotes does not count, and one column needs none."""
    assert cells('"a,b,c";d\n1;2\n') == [{"a,b,c": "1", "d": "2"}]
    assert cells("name\nAda;Bob\n") == [{"name": "Ada;Bob"}]
    assert cells("a,b\tc\n1,2\t3\n", "tsv") == [{"a,b": "1,2", "c": "3"}]


def test_columns_without_a_name_are_numbered() -> None:
    """What a spreadsheet left without a name can be asked for all the same."""
    assert cells("name,,\nAda,x,\n") == [{"name": "Ada", "column 2": "x", "column 3": ""}]


def test_rows_of_nothing_are_none() -> None:
    """Spreadsheets write them after the last row; a row with one cell of something is a row."""
    assert cells('a;b\n1;2\n;\n;3\n;\n"";\n') == [{"a": "1", "b": "2"}, {"a": "", "b": "3"}]


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2).filter(any), max_size=5))
def test_what_csv_writes_is_read(rows: list[list[str]]) -> None:
    """Whatever the cells hold, as Python's own writer writes them."""
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    data = file.getvalue().encode("utf-8", "replace")
    kept = [[cell.encode("utf-8", "replace").decode() for cell in row] for row in rows]
    assert [list(row.values()) for row in cells(data)] == kept


def test_rows_of_another_width() -> None:
    """Too few and too many cells are errors of their rows alone, with the line."""
    records = read("a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert [record.error is None for record in records] == [True, False, False, True]
    assert [record.row for record in records[1:3]] == [{"a": "3", "b": None}, {"a": "4", "b": "5"}]
    assert "line 3 of 'x' has 1 cells, and the header 2" in str(records[1].error)
    assert isinstance(records[2].error, SourceError)


def test_quotes_that_go_wrong() -> None:
    """A cell that goes on after its quote spoils its row, and an open one those that it holds."""
    records = read('a,b\n"1"x,2\n3,4\n"5,6\n7,8\n')
    assert [record.error is None for record in records] == [False, True, False]
    assert records[0].row == {"a": None, "b": None}
    assert "line 2 of 'x' cannot be read" in str(records[0].error)
    assert "lines 4 to 5 of 'x'" in str(records[2].error)


def test_a_cell_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long cell is read; one without an end is cut off, and the rows after it are there."""
    long = "é" * 200_000
    assert cells(f"a\n{long}\n") == [{"a": long}]
    monkeypatch.setattr(module, "LONGEST", 100)
    monkeypatch.setattr(csv, "field_size_limit", lambda *_: 100)
    assert [record.row for record in read('{"a": 1}\n', "jsonl")] == [{"a": 1}]
    assert all(record.error for record in read('"' + "a" * 200, "jsonl"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("a,b,a\n1,2,3\n", "two columns 'a'; rename one"),
        (",".join(map(str, range(60_000))) + ",7\n", "two columns '7'; rename one"),
        ('"a"b,c\n', "the header of 'x' cannot be read"),
        (b"name\nCaf\xe9\n", 'not UTF-8.*"CSV UTF-8" in the spreadsheet.*iconv -f CP1252'),
        (b"\xff\xfea", "not UTF-8"),
    ],
)
def test_files_that_cannot_be_used(text: str | bytes, complaint: str) -> None:
    """They are errors of the whole, and say what to do."""
    with pytest.raises(SourceError, match=complaint):
        read(text)


def test_a_header_that_lacks_a_column() -> None:
    """The error names it and those that there are."""
    with pytest.raises(ArgumentError, match="for 'city', but the columns of 'x' are 'name'"):
        read("name\nAda\n", names=("name", "city"))


def test_json_lines() -> None:
    """A line is an object or a text; blank ones are none, and bad ones errors of their own."""
    lines = ['{"a": 1}', "", '"Hello."', "[1]", "{", '{"a": "\ud800"}', "[" * 100_000, "  ", "null"]
    text = "\r\n".join(json.dumps(x) if x[:4] == '{"a"' and x[-3] == "\ud800" else x for x in lines)
    records = read(text.encode("utf-8", "backslashreplace"), "jsonl")
    assert [record.row for record in records[:2]] == [{"a": 1}, {"text": "Hello."}]
    assert [record.error is None for record in records] == [True, True, *[False] * 2, True] + [
        False
    ] * 2
    assert "line 4 of 'x' is list, and neither a mapping nor a text" in str(records[2].error)
    assert "line 5 of 'x' is no JSON" in str(records[3].error)


def test_a_line_that_is_no_text() -> None:
    """It is an error of its own, and the lines around it are read."""
    records = read(b'{"a": "\xc3\xa9"}\n{"a": "\xe9"}\n{"a": "\\udce9"}\n', "jsonl")
    assert [record.row for record in records] == [{"a": "é"}, {}, {"a": "\udce9"}]
    assert str(records[1].error) == "line 2 of 'x' is not UTF-8 text"


def test_what_cannot_be_opened_is_told_before_anything(tmp_path: Path) -> None:
    """A survey reads what is missing, and a folder, as it would a file."""
    for name, complaint in (("none.csv", "no such file"), (".", "cannot read")):
        source = FileRows(name=name, kind="csv", path=tmp_path / name)
        with pytest.raises(SourceError, match=complaint):
            survey(source, lambda _: None)


def test_files_by_their_ending(tmp_path: Path) -> None:
    """CSV, TSV and JSON Lines are known by their names, in any case."""
    for name, text in (("a.CSV", "a\n1\n"), ("a.tsv", "a\n1\n"), ("a.ndjson", '{"a": "1"}')):
        (tmp_path / name).write_text(text)
        source = rows_of(tmp_path / name, ("a",))
        assert [record.row for record in source] == [{"a": "1"}]  # type: ignore[union-attr] # a file
        assert survey(source, lambda _: None) == 1
    with pytest.raises(ArgumentError, match=r"ends with \.csv, \.tsv, \.jsonl, \.ndjson"):
        rows_of(tmp_path / "a.xlsx", ())
    for name, complaint in (("none.csv", "no such file"), ("a\0.csv", "cannot read")):
        with pytest.raises(SourceError, match=complaint):
            list(rows_of(tmp_path / name, ()))  # type: ignore[arg-type] # a file
    (tmp_path / "folder.csv").mkdir()
    again = rows_of(cast("FileRows", rows_of(tmp_path / "a.tsv", ())), ("b",))
    with pytest.raises(ArgumentError, match="for 'b'"):
        list(again)  # type: ignore[arg-type] # a file
    with pytest.raises(SourceError, match="cannot read"):
        list(rows_of(tmp_path / "folder.csv", ()))  # type: ignore[arg-type] # a file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    """What can be read only once is not counted."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    source = rows_of(pipe, ())
    assert survey(source, lambda _: None) is None
    writer = threading.Thread(target=pipe.write_text, args=("a\n1\n",))
    writer.start()
    assert [record.row for record in source] == [{"a": "1"}]  # type: ignore[union-attr] # a file
    writer.join()


class Keyed:
    """What sqlite3.Row is like: no mapping, but it has keys and items."""

    def keys(self) -> list[str]:
        """Return the names."""
        return ["a"]

    def __getitem__(self, name: str) -> int:
        return 1


def test_iterables() -> None:
    """Mappings, what is like one, and texts are rows; others are errors of their own."""
    source = rows_of([{"a": 1}, {2: 3}, Keyed(), "Hello.", 5], ())  # type: ignore[dict-item, list-item] # some are none
    records = list(source)  # type: ignore[arg-type] # an iterable
    assert [record.row for record in records[:4]] == [
        {"a": 1},
        {"2": 3},
        {"a": 1},
        {"text": "Hello."},
    ]
    assert str(records[4].error) == "row 4 is int, and neither a mapping nor a text"


class Lost:
    """A value that was fetched too late."""

    def __str__(self) -> str:
        raise OSError("the connection is closed")


class Unread(Keyed):
    """A row that was fetched too late."""

    def __getitem__(self, name: str) -> int:
        """Fail."""
        raise OSError("the connection is closed")


def test_rows_that_cannot_be_told() -> None:
    """They are errors of their own, whatever their values do, and so never of the others."""
    loop: list[object] = []
    loop.append(loop)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    wrong = [{"a": loop}, {"a": deep}, {"a": {(1, 2): 3}}, {"a": Lost()}, Unread(), {"a": 1}]
    records = list(cast("Iterator[Record]", rows_of(cast("Any", wrong), ())))
    assert [record.index for record in records] == list(range(6))
    assert [record.error is None for record in records] == [False] * 5 + [True]
    assert "row 0 cannot be read: ValueError('Circular reference" in str(records[0].error)
    assert "row 4 cannot be read: OSError('the connection is closed')" in str(records[4].error)


def test_rows_are_copied() -> None:
    """A generator may fill one mapping over and over."""

    def filled() -> Iterator[dict[str, int]]:
        row: dict[str, int] = {}
        for row["a"] in range(3):
            yield row

    assert [record.row["a"] for record in rows_of(filled(), ())] == [0, 1, 2]  # type: ignore[union-attr]


def test_rows_are_taken_one_at_a_time() -> None:
    """Nothing is read before it is asked for."""
    taken: list[int] = []

    def counted() -> Iterator[dict[str, int]]:
        for number in range(9):
            taken.append(number)
            yield {"a": number}

    records = iter(rows_of(counted(), ()))  # type: ignore[arg-type] # an iterable
    assert next(records).row == {"a": 0}
    assert taken == [0]


@pytest.mark.anyio
async def test_async_iterables() -> None:
    """They are read once, and closed where they are left."""
    closed: list[bool] = []

    async def counted() -> AsyncGenerator[dict[str, int]]:
        try:
            for number in range(9):
                yield {"a": number}
        finally:
            closed.append(True)

    source = rows_of(counted(), ())
    assert isinstance(source, AsyncRows)
    assert survey(source, lambda _: None) is None
    records = aiter(source)
    assert (await anext(records)).row == {"a": 0}
    await records.aclose()
    assert closed == [True]


class Ticks:
    """An async iterator that is no generator."""

    def __init__(self) -> None:
        self.left = deque(["one", "two"])

    def __aiter__(self) -> Ticks:
        return self

    async def __anext__(self) -> str:
        if not self.left:
            raise StopAsyncIteration
        return self.left.popleft()


@pytest.mark.anyio
async def test_async_iterators() -> None:
    """Whatever can be iterated will do."""
    source = rows_of(Ticks(), ())
    assert isinstance(source, AsyncRows)
    assert [record.row["text"] async for record in source] == ["one", "two"]


class Table:
    """What pandas and polars have."""

    columns = ("a",)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("people.csv", r"is a str: write Path\(...\)"),
        (b"a", "is a bytes"),
        ({"a": 1}, "one row: give a list"),
        (Table(), r'to_dict\("records"\)'),
        (5, "not int"),
    ],
)
def test_what_rows_are_not(rows: Any, complaint: str) -> None:  # noqa: ANN401 - anything
    """The error says what to give instead."""
    with pytest.raises(ArgumentError, match=complaint):
        rows_of(rows, ())


def test_a_survey_counts() -> None:
    """All rows are seen, but of what can be read only once."""
    rows = [{"a": 1}, {"b": 2}]
    seen: list[int] = []
    assert survey(rows_of(rows, ()), lambda record: seen.append(record.index)) == 2
    assert seen == [0, 1]
    assert survey(rows_of([], ()), lambda _: None) == 0
    assert survey(rows_of(iter(rows), ()), lambda _: None) is None
