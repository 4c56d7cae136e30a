"""Outcomes in a file, a line for each as it comes."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from pydantic import BaseModel

from minikit import ArgumentError, AsyncClient, AuthenticationError, Client, Outcome
from minikit.calls.schema import Schema
from minikit.jobs.completing.files import OutcomeFile
from server import ChatServer, error, hang, held, ok, prompt_of

ROWS: list[Any] = [{"name": "Ada", "born": date(1815, 12, 10)}, {"nmae": "Bob"}, {"name": "Cy"}]


class Label(BaseModel):
    """What a comment is about."""

    topic: str
    words: list[str]
    sure: bool


LABEL = json.dumps({"topic": "tea", "words": ["a", "b"], "sure": True})


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    """A client of the server."""
    with Client(api_key="k", base_url=server.base_url) as made:
        yield made


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """Read what was written."""
    text = path.read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_json_lines(server: ChatServer, client: Client, tmp_path: Path) -> None:
    """A line holds the row, the reply or the error, and what it cost."""
    server.handler = lambda _body: ok("Fine,\nthank \ud83d\ude00 you.")
    path = tmp_path / "a.jsonl"
    client.complete_many(ROWS, "{name}").write(path)
    lines = [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
    assert [list(line) for line in lines] == [
        ["index", "row", "text", "parsed", "finish_reason", "cost_usd", "error"]
    ] * 3
    assert lines[0]["row"] == {"name": "Ada", "born": "1815-12-10"}
    assert lines[0]["text"] == "Fine,\nthank 😀 you."
    assert Decimal(lines[0]["cost_usd"]) > 0
    assert lines[0]["finish_reason"] == "stop"
    assert lines[1]["text"] is None
    assert lines[1]["error"] == "ArgumentError: the row lacks the field 'name'; it has 'nmae'"
    assert [line["index"] for line in lines] == [0, 1, 2]


def test_a_lone_surrogate_comes_back(tmp_path: Path) -> None:
    """UTF-8 has no bytes for it, and JSON an escape."""
    with OutcomeFile(tmp_path / "a.jsonl", ("a",), None) as file:
        file.write(Outcome(index=0, row={"a": "x\ud800"}))
    assert json.loads((tmp_path / "a.jsonl").read_bytes())["row"] == {"a": "x\ud800"}
    with OutcomeFile(tmp_path / "a.csv", ("a",), None) as file:
        file.write(Outcome(index=0, row={"a": "x\ud800"}))
    assert table(tmp_path / "a.csv")[0]["a"] == "x\\ud800"


def test_what_tables_have_for_nothing(tmp_path: Path) -> None:
    """It is null in JSON, which has no NaN, and an empty cell in a table."""
    outcome: Outcome[str] = Outcome(index=0, row={"a": float("nan"), "b": None, "c": "x"})
    for name in ("a.jsonl", "a.csv"):
        with OutcomeFile(tmp_path / name, ("a",), None) as file:
            file.write(outcome)
    line = (tmp_path / "a.jsonl").read_text("utf-8")
    assert '"row": {"a": null, "b": null, "c": "x"}' in line
    (row,) = table(tmp_path / "a.csv")
    assert (row["a"], row["b"], row["c"]) == ("", "", "x")


@pytest.mark.parametrize(
    ("head", "first"),
    [
        (b"\xef\xbb\xbfname;city\r\n", b"\xef\xbb\xbfname;city;reply;"),
        (b"name;city\n", b"name;city;reply;"),
        (b"name,city\n", b"name,city,reply,"),
    ],
)
def test_a_table_is_written_as_it_was_read(
    server: ChatServer, client: Client, tmp_path: Path, head: bytes, first: bytes
) -> None:
    """The spreadsheet that wrote the one opens the other."""
    rows = head + "Zoë;Köln\n".replace(";", chr(first[-1])).encode()
    (tmp_path / "rows.csv").write_bytes(rows)
    server.handler = lambda _body: ok("Guten Tag, Zoë.")
    for name in ("a.csv", "a.tsv"):
        client.complete_many(tmp_path / "rows.csv", "{name}").write(tmp_path / name)
    assert (tmp_path / "a.csv").read_bytes().startswith(first)
    assert (tmp_path / "a.tsv").read_bytes().startswith(b"name\tcity\treply\t")


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.TSV", "\t")])
def test_tables(
    server: ChatServer, client: Client, tmp_path: Path, name: str, delimiter: str
) -> None:
    """The columns of the row come first, then the reply and what went wrong."""
    server.handler = lambda _body: ok('Fine, "thank"\tyou.\nBye.')
    with client.complete_many(ROWS, "{name}") as outcomes:
        outcomes.write(tmp_path / name)
        notes = outcomes.notes
    rows = table(tmp_path / name, delimiter)
    assert list(rows[0]) == ["name", "born", "reply", "finish_reason", "error"]
    assert rows[0]["born"] == "1815-12-10"
    assert rows[0]["reply"] == 'Fine, "thank"\tyou.\nBye.'
    assert (rows[0]["finish_reason"], rows[0]["error"]) == ("stop", "")
    assert (rows[1]["reply"], rows[1]["error"][:13]) == ("", "ArgumentError")
    assert rows[2]["born"] == ""
    assert notes == ("the first row lacks 'nmae', so that the file has no such column",)


def test_columns_of_the_same_name(tmp_path: Path) -> None:
    """What was written once can be read and written again: no column of a row is lost."""
    path = tmp_path / "a.csv"
    row = {"reply": "old", "error": "", "reply_": ["x"]}
    with OutcomeFile(path, ("name",), None) as file:
        file.write(Outcome(index=0, row=row))
    assert list(table(path)[0]) == [
        "reply",
        "error",
        "reply_",
        "name",
        "reply__",
        "finish_reason",
        "error_",
    ]
    assert table(path)[0]["reply_"] == '["x"]'


def test_values_of_a_schema_are_columns(server: ChatServer, client: Client, tmp_path: Path) -> None:
    """Each field has one, also where the first row has no value."""
    server.handler = lambda _body: ok(LABEL)
    rows: list[Any] = [{}, {"name": "x"}]
    client.complete_many(rows, "{name}", schema=Label).write(tmp_path / "a.csv")
    first, second = table(tmp_path / "a.csv")
    assert list(first) == ["name", "topic", "words", "sure", "finish_reason", "error"]
    assert [first["topic"], first["words"], first["sure"]] == ["", "", ""]
    assert [second["topic"], second["words"], second["sure"]] == ["tea", '["a", "b"]', "true"]
    client.complete_many(rows, "{name}", schema=Label).write(tmp_path / "a.ndjson")
    lines = (tmp_path / "a.ndjson").read_text().splitlines()
    assert [json.loads(line)["parsed"] for line in lines] == [None, json.loads(LABEL)]


def test_a_value_that_is_no_record(server: ChatServer, client: Client, tmp_path: Path) -> None:
    """It has one column."""
    server.handler = lambda _body: ok('{"value": "no"}')
    rows = [{"name": "x"}]
    kind: Any = Literal["yes", "no"]
    client.complete_many(rows, "{name}", schema=kind).write(tmp_path / "a.csv")
    assert table(tmp_path / "a.csv")[0]["value"] == "no"
    schema: Schema[Any] = Schema.of(kind)
    with OutcomeFile(tmp_path / "b.csv", (), schema) as file:
        assert file._reply(Outcome(index=0, row={})) == [None]


def test_each_is_there_before_the_next(server: ChatServer, tmp_path: Path) -> None:
    """What was done is in the file while the rest is under way; an old file goes with the first."""
    go = threading.Event()
    path = tmp_path / "a.jsonl"
    path.write_text("old")
    server.handler = lambda body: held(go, ok("Bye.")) if "P1" in prompt_of(body) else ok("Hi.")
    seen: list[str] = []

    async def main() -> None:
        options: dict[str, Any] = {"api_key": "k", "base_url": server.base_url}
        async with AsyncClient(max_concurrency=1, **options) as client:
            rows = [{"name": "P0"}, {"name": "P1"}]
            async with (
                client.complete_many(rows, "{name}") as outcomes,
                anyio.create_task_group() as group,
            ):
                group.start_soon(outcomes.write, path)
                while (text := await anyio.Path(path).read_text()) in {"old", ""}:  # noqa: ASYNC110
                    await anyio.sleep(0.005)
                seen.append(text)
                go.set()

    anyio.run(main)
    assert seen[0].endswith("\n")
    assert json.loads(seen[0])["text"] == "Hi."
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.anyio
async def test_who_is_interrupted_keeps_what_was_paid_for(
    server: ChatServer, tmp_path: Path
) -> None:
    """Replies that wait for a slow row are written, too."""
    path = tmp_path / "a.jsonl"
    server.handler = lambda body: hang() if "P1" in prompt_of(body) else ok("Hi.")
    rows = [{"name": f"P{number}"} for number in range(5)]
    async with (
        AsyncClient(api_key="k", base_url=server.base_url, max_concurrency=2) as client,
        client.complete_many(rows, "{name}") as outcomes,
        anyio.create_task_group() as group,
    ):
        group.start_soon(outcomes.write, path)
        while outcomes.done < 4:  # noqa: ASYNC110
            await anyio.sleep(0.005)
        group.cancel_scope.cancel()
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line["index"] for line in lines] == [0, 2, 3, 4]


@pytest.mark.anyio
async def test_who_is_interrupted_at_once_keeps_it_too(server: ChatServer, tmp_path: Path) -> None:
    """Replies that nobody has taken yet are written."""
    path = tmp_path / "a.csv"
    server.handler = lambda _body: ok("Hi.")
    async with (
        AsyncClient(api_key="k", base_url=server.base_url) as client,
        client.complete_many([{"name": "P0"}, {"name": "P1"}], "{name}") as outcomes,
    ):
        while outcomes.done < 2:  # noqa: ASYNC110
            await anyio.sleep(0.005)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await outcomes.write(path)
    assert [row["name"] for row in table(path)] == ["P0", "P1"]


def test_what_was_done_is_written_before_the_error(
    server: ChatServer, client: Client, tmp_path: Path
) -> None:
    """The job ends, and the file has the outcomes; where there are none, an old one stays."""
    server.handler = lambda body: error(401) if "P3" in prompt_of(body) else ok("Hi.")
    rows = [{"name": f"P{index}"} for index in range(4)]
    path = tmp_path / "a.jsonl"
    with pytest.raises(AuthenticationError, match="with an outcome: 3, without: 1"):
        client.complete_many(rows, "{name}").write(path)
    assert len(path.read_text().splitlines()) == 3
    with pytest.raises(AuthenticationError, match="with an outcome: 0, without: 1"):
        client.complete_many(rows[3:], "{name}").write(path)
    assert len(path.read_text().splitlines()) == 3


def test_no_rows(client: Client, tmp_path: Path) -> None:
    """Of nothing there is an empty file."""
    for name in ("a.jsonl", "a.csv"):
        client.complete_many([], "{name}").write(tmp_path / name)
        assert (tmp_path / name).read_bytes() == b""


def test_files_that_cannot_be_written(server: ChatServer, client: Client, tmp_path: Path) -> None:
    """An ending that says nothing is refused; what the file system says is raised."""
    rows = [{"name": "x"}] * 3
    with pytest.raises(ArgumentError, match=r"take \.jsonl, \.ndjson, \.csv, \.tsv"):
        client.complete_many(rows, "{name}").write(tmp_path / "a.xlsx")
    with pytest.raises(FileNotFoundError, match="none"):
        client.complete_many(rows, "{name}").write(tmp_path / "none" / "a.csv")
    with client.complete_many(rows, "{name}") as outcomes:
        assert next(outcomes).index == 0
        outcomes.write(tmp_path / "rest.jsonl")
    assert len((tmp_path / "rest.jsonl").read_text().splitlines()) == 2


def test_rows_are_not_written_over(server: ChatServer, client: Client, tmp_path: Path) -> None:
    """The file that is being read stays as it is."""
    path = tmp_path / "a.csv"
    path.write_text("name\nAda\n")
    (tmp_path / "b").mkdir()
    with pytest.raises(ArgumentError, match="write to another file"):
        client.complete_many(path, "{name}").write(tmp_path / "b" / ".." / "a.csv")
    assert path.read_text() == "name\nAda\n"
    client.complete_many(path, "{name}").write(tmp_path / "b.csv")
    assert len(table(tmp_path / "b.csv")) == 1
