"""What `minikit extract` reads, prints and writes."""

from __future__ import annotations

import io
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest

from minikit.cli.extract import read_fields
from minikit.cli.main import main
from server import ChatServer, Reply, error, ok

TEXT = "Anna lives in Bern. Bob lives in Zug, and Bob lives in Chur."
FIELDS = "name, city"


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file that tells of people; its folder is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text(TEXT, "utf-8")
    return "notes.txt"


@pytest.fixture
def online(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """A server that the environment leads to, and that knows three people."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    server.handler = lambda _: people()
    return server


def people(*more: dict[str, Any]) -> Reply:
    """Answer with three people, and more."""
    found = [("Anna", "Bern"), ("Bob", "Zug"), ("Bob", "Chur")]
    items: list[dict[str, Any]] = [
        {"quotes": [f"{name} lives in {city}"], "name": name, "city": city} for name, city in found
    ]
    return ok(json.dumps({"items": [*items, *more]}))


def test_fields(online: ChatServer, notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The records go to stdout as JSON; the bill and what stands behind them go to stderr."""
    assert main(["extract", notes, "--fields", FIELDS]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == [
        {"name": "Anna", "city": "Bern"},
        {"name": "Bob", "city": "Zug"},
        {"name": "Bob", "city": "Chur"},
    ]
    bill, told = printed.err.splitlines()[-2:]
    assert bill.startswith("minikit: gpt-4o-mini, 1 call,")
    assert told == "minikit: 3 records, 6 values: 6 found"
    assert len(online.requests) == 1


def test_what_is_doubtful(
    online: ChatServer, notes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Conflicts, what does not fit and what nothing stands behind are told, a few of each."""
    lies = [{"quotes": ["Anna lives in Bern"], "name": f"X{at}", "city": None} for at in range(6)]
    online.handler = lambda _: people({"quotes": [], "name": "Zoe", "city": 5}, *lies)
    assert main(["extract", notes, "--fields", FIELDS, "--key", "name"]) == 0
    err = capsys.readouterr().err
    assert "warning: items[1].city: 'Zug' was kept, not 'Chur'" in err
    assert "warning: items[2].city: Input should be a valid string (given: 5)" in err
    assert 'warning: items[2].name: "Zoe" has no passage that stands behind it' in err
    assert '"X0" stands in none of the passages that are quoted for it' in err
    assert "warning: and 3 more such; see --json" in err
    assert main(["extract", notes, "--fields", FIELDS, "--quiet", "--key", ""]) == 0
    assert capsys.readouterr().err == ""


def test_json_and_csv(online: ChatServer, notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All that is known goes to stdout with --json; a table goes to a file."""
    assert main(["extract", notes, "--fields", FIELDS, "--json", "--csv", "people.csv"]) == 0
    saved = json.loads(capsys.readouterr().out)
    assert saved["items"][0]["fields"][0]["verdict"] == "found"
    assert Path("people.csv").read_text("utf-8") == "name,city\nAnna,Bern\nBob,Zug\nBob,Chur\n"
    online.handler = lambda _: people({"quotes": [], "name": "=1+1"})
    assert main(["extract", notes, "--fields", "name,city", "--csv", "a.csv"]) == 0
    assert "\n=1+1," in Path("a.csv").read_text("utf-8")
    command = ["extract", notes, "--fields", FIELDS, "--csv", "a.csv", "--escape-formulas"]
    assert main([*command, "--bom"]) == 0
    table = Path("a.csv").read_text("utf-8")
    assert "\n'=1+1," in table
    assert table.startswith("\ufeffname,city\n")


def test_one_record(online: ChatServer, notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --one there is one record, and what the file says twice of it is a conflict."""
    assert main(["extract", notes, "--fields", FIELDS, "--one"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"name": "Anna", "city": "Bern"}
    assert "'Anna' was kept, not 'Bob'" in printed.err
    assert "as one item" in online.requests[0].prompt


@pytest.mark.parametrize("schema", ["shop:Person", "shop:People", "person.json", "people.json"])
def test_schema(
    online: ChatServer, notes: str, schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A class or a list of one, in Python or as a JSON schema, says what to look for."""
    Path("shop.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Person:\n    name: str\n    city: str | None = None\n"
        "People = list[Person]\n",
        "utf-8",
    )
    person = {
        "title": "Person",
        "type": "object",
        "properties": {"name": {"type": "string"}, "city": {"type": ["string", "null"]}},
        "required": ["name"],
    }
    people = {"type": "array", "description": "All of them.", "items": person}
    Path("person.json").write_text(json.dumps(person), "utf-8")
    Path("people.json").write_text(json.dumps(people), "utf-8")
    try:
        assert main(["extract", notes, "--schema", schema]) == 0
    finally:
        sys.modules.pop("shop", None)
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["Anna", "Bob", "Bob"]
    assert online.bodies[0]["response_format"]["json_schema"]["name"] == "Person"


def test_stdin_and_folders(
    online: ChatServer, notes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several sources are read, stdin among them."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Cleo lives in Basel.")))
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.txt").write_text("Dan lives in Thun.", "utf-8")
    assert main(["extract", notes, "more", "-", "--fields", FIELDS]) == 0
    prompts = "".join(request.prompt for request in online.requests)
    assert all(name in prompts for name in ("Anna", "Cleo", "Dan"))


def test_dry_run(notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What it would take is told without a key or a network."""
    assert main(["extract", notes, "--fields", FIELDS, "--dry-run"]) == 0
    assert "map" in capsys.readouterr().out
    assert main(["extract", notes, "--fields", FIELDS, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verb"] == "extract"


def test_offline(notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a key it says what to do, before anything starts."""
    assert main(["extract", notes, "--fields", FIELDS]) == 2
    assert "set OPENAI_API_KEY or choose another model" in capsys.readouterr().err


def test_gap(online: ChatServer, notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read is told, and the exit code says so."""
    online.script([people(), ok(None, message={"refusal": "No."})])
    Path("other.txt").write_text("Eva lives in Genf.", "utf-8")
    command = ["extract", notes, "other.txt", "--fields", FIELDS, "--rpm", "60000"]
    online.handler = lambda _: ok(None, message={"refusal": "No."})
    assert main(command) == 3
    assert "could not be read: refusal" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"), [([], "with --journal PATH"), (["--journal", "j.sqlite"], "goes on")]
)
def test_failure(
    online: ChatServer,
    notes: str,
    options: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where a part fails for good it is told what would become of the others."""
    Path("other.txt").write_text("Eva lives in Genf.", "utf-8")
    online.handler = lambda body: (
        people() if "Anna" in str(body["messages"]) else error(400, message="No such thing.")
    )
    assert main(["extract", notes, "other.txt", "--fields", FIELDS, *options]) == 1
    err = capsys.readouterr().err
    assert f"1 call had been answered: {'the same command ' if options else ''}{told}" in err
    assert "1 call failed for good" in err


def test_failure_of_all(online: ChatServer, notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing was read, nothing is said of it."""
    online.handler = lambda _: error(401, message="No such key.")
    assert main(["extract", notes, "--fields", FIELDS]) == 1
    assert "had been answered" not in capsys.readouterr().err
    assert main(["extract", notes, "--fields", FIELDS, "--budget", "0.0000001"]) == 1
    assert "had been answered" not in capsys.readouterr().err


def test_read_fields() -> None:
    """Each name has its type, and may be missing in a record."""
    kind = read_fields(
        "name, first seen: date, n: integer, on: boolean, state: a | b, tags: text[]"
    )
    assert kind.__annotations__ == {
        "name": str | None,
        "first seen": date | None,
        "n": int | None,
        "on": bool | None,
        "state": Literal["a", "b"] | None,
        "tags": list[str],
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--fields", "name, , city"], "--fields has an empty name"),
        (["--fields", "name, name"], "--fields names 'name' twice"),
        (["--fields", "name: string"], "--fields has the type 'string'; there are text, number"),
        (["--fields", "name: a|"], "--fields has the type 'a|'"),
        (["--fields", FIELDS, "--key", "town"], "key names 'town', which is no field"),
        (["--fields", FIELDS, "--csv", "no/where.csv"], "there is no such folder"),
        (["--schema", "people.json", "--one"], "--one is for one record"),
        (["--schema", "nothing:Here"], "cannot import 'nothing'"),
    ],
)
def test_arguments(
    online: ChatServer,
    notes: str,
    arguments: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What cannot be used is told in one line, before anything is sent."""
    people = {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}
    Path("people.json").write_text(json.dumps(people), "utf-8")
    assert main(["extract", notes, *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not online.requests
