"""`minikit map`: a template over rows, on the command line."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from minikit import Usage
from minikit.cli.main import main
from minikit.cli.map import RowsLine
from minikit.jobs.completing.progress import Remaining, RowsProgress
from server import Body, ChatServer, Reply, error, hang, held, ok, prompt_of, reset


@pytest.fixture
def online(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """A server that the environment leads to; it answers in capitals."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    server.handler = lambda body: ok(prompt_of(body).upper())
    return server


@pytest.fixture
def people(tmp_path: Path) -> str:
    """A file of rows, one of which lacks a cell."""
    path = tmp_path / "people.csv"
    path.write_text("name,city\nAda,Rome\nBob\nCy,Oslo\n")
    return str(path)


TEMPLATE = ("--template", "Dear {name} of {city}")


def test_texts_to_stdout(
    online: ChatServer, people: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The replies go to stdout; what failed and the bill go to stderr, and the exit code is 3."""
    assert main(["map", people, *TEMPLATE]) == 3
    printed = capsys.readouterr()
    assert printed.out == "DEAR ADA OF ROME\nDEAR CY OF OSLO\n"
    assert f"minikit: row 1: line 3 of {people!r} has 1 cells" in printed.err
    assert "minikit: 1 of 3 rows failed\n" in printed.err
    assert "minikit: 3 of 3 rows, 1 failed, $0.0" in printed.err
    assert "minikit: gpt-4o-mini, 3 rows, " in printed.err


def test_quietly(online: ChatServer, people: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --quiet only what failed is told."""
    online.handler = lambda body: error(400) if "Ada" in prompt_of(body) else ok()
    assert main(["map", people, *TEMPLATE, "--quiet"]) == 3
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 3
    assert printed.err.endswith("minikit: 2 of 3 rows failed\n")


def test_json_to_stdout(
    online: ChatServer, people: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each row, failed ones included; every option reaches the model."""
    asked = ["--system", "Be kind.", "--reply-tokens", "9", "--temperature", "1", "--seed", "2"]
    assert main(["map", people, *TEMPLATE, "--json", "--any-order", *asked]) == 3
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(line["index"] for line in lines) == [0, 1, 2]
    assert {line["error"] is None for line in lines} == {True, False}
    body = online.bodies[0]
    assert body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert (body["max_completion_tokens"], body["temperature"], body["seed"]) == (9, 1, 2)


def test_a_file_and_a_template_in_a_file(
    online: ChatServer, people: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Outcomes are written row by row; the same command goes on for free with a journal."""
    (tmp_path / "template.txt").write_text("Dear {name}, {{x}}", "utf-8-sig")
    output = tmp_path / "out.csv"
    command = ["map", people, "--template-file", str(tmp_path / "template.txt")]
    command += ["--output", str(output), "--journal", str(tmp_path / "journal")]
    for _ in range(2):
        assert main(command) == 3
    assert "DEAR ADA, {X}" in output.read_text()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"minikit: 1 of 3 rows failed; see the errors in {output}\n" in printed.err
    assert "of it paid before" in printed.err
    assert len(online.requests) == 2


def test_a_schema(
    online: ChatServer, people: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Replies are values of a JSON schema."""
    schema = tmp_path / "mood.json"
    schema.write_text('{"type": "object", "properties": {"mood": {"type": "string"}}}')
    online.handler = lambda _body: ok('{"mood": "good"}')
    assert main(["map", people, *TEMPLATE, "--schema", str(schema), "--json"]) == 3
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["parsed"] for line in lines] == [{"mood": "good"}, None, {"mood": "good"}]


def test_dry_run(people: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan is printed, and nothing is sent; no key is needed."""
    assert main(["map", people, *TEMPLATE, "--dry-run"]) == 0
    assert "rows that cannot be sent: 1 of 3" in capsys.readouterr().out
    assert main(["map", people, *TEMPLATE, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 3


def test_offline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a key the offline model answers, and says so; what a reply lost is noted."""
    rows = tmp_path / "rows.txt"
    rows.write_text('{"text": "One. Two."}\n"Three."\n')
    assert main(["map", str(rows), "--format", "jsonl", "--template", "{text}"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "One. Two.\nThree.\n"
    assert "'offline' selects sentences" in printed.err
    assert "failed" not in printed.err


def test_notes(online: ChatServer, people: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Replies that were cut off are told."""
    online.handler = lambda _body: ok("Dea", finish_reason="length")
    assert main(["map", people, *TEMPLATE]) == 3
    assert "minikit: note: replies that were cut off by their limit: 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["none.csv", *TEMPLATE], "no such file"),
        (["people.txt", *TEMPLATE], "are written with --format csv|tsv|jsonl"),
        (["people.csv", "--template", "{nme}"], "for 'nme', but the columns of 'people.csv'"),
        (["people.csv", "--template", "Hello"], "no field"),
        (["people.csv", "--template-file", "none.txt"], "cannot read the template 'none.txt'"),
        (["people.csv", *TEMPLATE, "--output", "none/out.csv"], "no such folder"),
        (["people.csv", *TEMPLATE, "--output", "out.txt"], "does not say how to write"),
        (["people.csv", *TEMPLATE, "--schema", "x"], "--schema is MODULE:CLASS"),
    ],
)
def test_what_cannot_be(  # noqa: PLR0917 - fixtures
    online: ChatServer,
    people: str,
    arguments: list[str],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is told in a line, with exit code 2, before anything is sent."""
    monkeypatch.chdir(Path(people).parent)
    assert main(["map", *arguments]) == 2
    assert complaint in capsys.readouterr().err
    assert not online.requests


def test_an_error_of_the_whole(
    online: ChatServer, people: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job ends with what was done, its bill, and why."""
    online.handler = lambda body: error(401) if "Cy" in prompt_of(body) else ok()
    assert main(["map", people, *TEMPLATE]) == 1
    printed = capsys.readouterr()
    assert printed.out == "Fine.\n"
    assert "minikit: gpt-4o-mini, 2 rows" in printed.err
    assert printed.err.endswith("rows with an outcome: 2, without: 1\n")


def test_what_failed_is_in_the_bill(
    online: ChatServer, people: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What attempts without a reply cost is told, and of how many only the server knows it."""
    online.script([ok(""), reset()])
    assert main(["map", people, *TEMPLATE]) == 3
    told = capsys.readouterr().err
    assert " for calls that failed, 1 attempt of unknown cost, " in told


def test_no_bill_where_nothing_was_asked(
    online: ChatServer, people: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error stands alone."""
    online.handler = lambda _body: error(401)
    assert main(["map", people, *TEMPLATE]) == 1
    assert "0 rows" not in capsys.readouterr().err
    assert main(["map", "none.csv", *TEMPLATE]) == 2
    assert capsys.readouterr().err == "minikit: no such file: 'none.csv'\n"


def _command(server: ChatServer, *arguments: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": server.base_url}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "minikit", "map", *arguments],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_rows_from_stdin(online: ChatServer) -> None:
    """Each is answered as it comes; Ctrl-C ends the wait for more, and nothing hangs."""
    with _command(online, "-", "--template", "{text}", "--format", "csv") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("text\nHello.\n")
        process.stdin.flush()
        assert process.stdout.readline() == "HELLO.\n"
        process.send_signal(signal.SIGINT)
        process.wait(20)
        assert process.stderr is not None
        assert "minikit: interrupted" in process.stderr.read()
    assert process.returncode == 130


def test_a_killed_job_goes_on(online: ChatServer, tmp_path: Path) -> None:
    """After kill -9 the file has what was done, and the same command asks for the rest alone."""
    rows, output = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text("".join(f'{{"name": "P{index}"}}\n' for index in range(30)))
    arguments = [str(rows), "--template", "Write to {name}.", "--output", str(output)]
    arguments += ["--journal", str(tmp_path / "journal"), "--budget", "0.5", "--reply-tokens", "9"]
    slow = ("P10.", "P11.", "P12.", "P13.")
    online.handler = lambda body: hang() if prompt_of(body).endswith(slow) else ok(prompt_of(body))
    with _command(online, *arguments) as process:
        online.wait_for(requests=30)
        while not (output.exists() and output.read_text().count("\n") == 10):
            threading.Event().wait(0.005)
        process.kill()
        process.wait(20)
    answered = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["text"] for line in answered] == [f"Write to P{index}." for index in range(10)]

    before = len(online.requests)
    online.handler = lambda body: ok(prompt_of(body))
    assert main(["map", *arguments]) == 0
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["text"] for line in lines] == [f"Write to P{index}." for index in range(30)]
    again = {each.prompt for each in online.requests[before:]}
    assert {f"Write to {name}" for name in slow} <= again
    assert not again & {f"Write to P{index}." for index in range(10)}


def _progress(done: int, total: int | None, cost: str | None = "0.02") -> RowsProgress:
    usd = None if cost is None else Decimal(cost)
    remaining = Remaining(
        seconds=90,
        seconds_at_least=60,
        seconds_at_most=120,
        cost_usd=usd,
        cost_usd_at_least=usd,
        cost_usd_at_most=usd,
    )
    return RowsProgress(
        done=done,
        failed=0,
        total=total,
        usage=Usage(),
        cost_usd=usd,
        remaining=None if total is None else remaining,
    )


def test_progress_in_a_log() -> None:
    """There is a line for each tenth of the rows, or for each hundred of nobody knows how many."""
    log = io.StringIO()
    line = RowsLine(log)
    for done in range(1, 41):
        line.show(_progress(done, 40))
    line.end()
    lines = log.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == (
        "minikit: 4 of 40 rows, $0.0200, 1 min 30 s left (1 min 0 s to 2 min 0 s), "
        "$0.0200 more ($0.0200 to $0.0200)"
    )
    log = io.StringIO()
    line = RowsLine(log)
    for done in range(1, 201):
        line.show(_progress(done, None, None))
    assert log.getvalue().splitlines() == [
        "minikit: 100 rows, price unknown",
        "minikit: 200 rows, price unknown",
    ]
    line.show(_progress(1, 1, None))
    assert log.getvalue().endswith(
        "minikit: 1 of 1 row, price unknown, 1 min 30 s left (1 min 0 s to 2 min 0 s)\n"
    )


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_progress_on_a_terminal() -> None:
    """One line is written over, and cleared at the end."""
    terminal = Terminal()
    line = RowsLine(terminal)
    line.show(_progress(1, None))
    line.show(_progress(2, None))
    line.end()
    assert terminal.getvalue() == (
        "\r\x1b[Kminikit: 1 rows, $0.0200\r\x1b[Kminikit: 2 rows, $0.0200\r\x1b[K"
    ).replace("1 rows", "1 row")


def test_held_rows_come_in_order(
    online: ChatServer, people: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The texts come in the order of the rows, whichever is answered first."""
    go = threading.Event()

    def answer(body: Body) -> Reply:
        if "Ada" in prompt_of(body):
            return held(go, ok("first"))
        go.set()
        return ok("second")

    online.handler = answer
    assert main(["map", people, *TEMPLATE, "-q"]) == 3
    assert capsys.readouterr().out == "first\nsecond\n"
