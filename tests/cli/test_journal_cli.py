"""The command `minikit journal`."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from minikit.calls.journal import Journal
from minikit.cli.main import main

OLD = Path(__file__).parents[1] / "data" / "journal-1.sqlite"


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A journal of three attempts, begun a second apart: unanswered, answered, settled."""
    file = str(shutil.copy(OLD, tmp_path / "calls.sqlite"))
    with closing(Journal(file)) as journal:
        journal.stats()  # which brings it into the form of today
    return file


@pytest.fixture
def empty(tmp_path: Path) -> str:
    """A journal of none."""
    file = tmp_path / "empty.sqlite"
    file.touch()
    return str(file)


def test_stats(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The sums are a line each."""
    assert main(["journal", "stats", file]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "attempts    3",
        "replies     2",
        "models      gpt-4o-mini",
        "spent       $0.0004500",
        "unmeasured  2",
        "size        32,768 bytes",
        "first       2026-11-22 12:00:00 UTC",
        "last        2026-11-22 12:00:02 UTC",
    ]


def test_stats_of_an_empty_journal(empty: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not there is left blank, and is null in JSON."""
    assert main(["journal", "stats", empty]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["attempts    0", "replies     0", "models"]
    assert lines[-2:] == ["first", "last"]
    assert main(["journal", "stats", empty, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["first_at"] is None


def test_stats_as_json(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json the sums are one object."""
    assert main(["journal", "stats", "--json", file]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "attempts": 3,
        "replies": 2,
        "models": ["gpt-4o-mini"],
        "spent_usd": "0.00045",
        "unmeasured": 2,
        "size_bytes": 32_768,
        "first_at": "2026-11-22T12:00:00.250000+00:00",
        "last_at": "2026-11-22T12:00:02.250000+00:00",
    }


def test_export(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each attempt is a line of JSON on stdout."""
    assert main(["journal", "export", file]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["request_id"] for row in rows] == [None, "req_é", "req_1"]
    assert rows[2]["entry"]["cost_usd"] == "0.00045"


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        ([], "3 attempts deleted\n"),
        (["--before", "2026-11-22"], "0 attempts deleted\n"),
        (["--before", "2026-11-22T12:00:01"], "1 attempt deleted\n"),
        (["--before", "2026-11-22T13:00:02+01:00"], "2 attempts deleted\n"),
    ],
)
def test_clear(
    file: str, options: list[str], printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It deletes at once, all or what is older, and says how much that was."""
    assert main(["journal", "clear", file, *options]) == 0
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01", "0001-01-01T00:00+14:00"])
def test_no_date(file: str, time: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A date that is none is one line and exit code 2, and nothing is deleted."""
    with pytest.raises(SystemExit, match="2"):
        main(["journal", "clear", file, "--before", time])
    (line,) = capsys.readouterr().err.splitlines()
    assert "is no date such as 2026-11-22" in line


@pytest.mark.parametrize("action", ["stats", "clear", "export"])
def test_no_journal(action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is missing or no journal is exit code 2, and none is made or changed."""
    missing, text, other = (tmp_path / name for name in ("missing", "text", "other"))
    text.write_text("Dear diary,\n")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE attempts (x)")
    before = other.read_bytes()
    for file, complaint in (
        (missing, "there is no file"),
        (tmp_path, "there is no file"),
        (text, "is no journal"),
        (other, "is a database of another program"),
    ):
        assert main(["journal", action, str(file)]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert complaint in printed.err
    assert not missing.exists()
    assert text.read_text() == "Dear diary,\n"
    assert other.read_bytes() == before


def test_a_folder_of_journals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A corpus keeps its journals in a folder: the error names a file in it."""
    (tmp_path / "local.sqlite").touch()
    assert main(["journal", "stats", str(tmp_path)]) == 2
    assert f"name a file in it, such as '{tmp_path / 'local.sqlite'}'" in capsys.readouterr().err


def test_an_action_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an action, the command says which are missing."""
    with pytest.raises(SystemExit, match="2"):
        main(["journal"])
    assert "ACTION" in capsys.readouterr().err
