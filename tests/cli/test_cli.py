"""The command line, as a person at a terminal meets it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest

import minikit
from minikit import Plan, Summary
from minikit.cli.main import main
from processes import running
from server import ChatServer, error, held, ok

TEXT = "The cat sat on the mat in the warm sun. The dog ran over the hill to the sea. " * 60


@pytest.fixture
def story(tmp_path: Path) -> str:
    """A file with a text."""
    file = tmp_path / "story.txt"
    file.write_text(TEXT, encoding="utf-8")
    return str(file)


@pytest.fixture
def online(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """A server that the environment leads to."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return server


def test_summarize(online: ChatServer, story: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The summary goes to stdout, progress and the bill to stderr."""
    online.script([ok("A cat and a dog.")])
    assert main(["summarize", story, "--length", "40", "--focus", "the cat"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "A cat and a dog.\n"
    assert "1 of at most 1 call," in printed.err
    assert "gpt-4o-mini, 1 call, " in printed.err
    assert "about 40 words" in online.requests[0].prompt


def test_summarize_quietly_in_many_calls(
    online: ChatServer, story: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --quiet nothing but the summary is printed."""
    assert main(["summarize", story, "--chunk-tokens", "300", "-q", "--length", "long"]) == 0
    assert capsys.readouterr().err == ""
    assert len(online.requests) > 3


def test_progress_in_a_log(
    online: ChatServer, story: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a log there is a line for each tenth of the calls, not for each call."""
    main(["summarize", story, "--chunk-tokens", "50"])
    lines = [line for line in capsys.readouterr().err.splitlines() if "at most" in line]
    assert len(online.requests) > 15
    assert 5 <= len(lines) <= 12


def test_progress_on_a_terminal(
    online: ChatServer, story: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal one line is written over and cleared at the end."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    main(["summarize", story, "--chunk-tokens", "300"])
    *_, bill = terminal.getvalue().split("\r\x1b[K")
    assert "\r\x1b[Kminikit: 1 of at most" in terminal.getvalue()
    assert bill.startswith("minikit: gpt-4o-mini")


def test_json(online: ChatServer, story: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json the results are what `from_json` reads."""
    assert main(["summarize", story, "--json"]) == 0
    assert Summary.from_json(capsys.readouterr().out).text
    assert main(["plan", story, "--json"]) == 0
    assert Plan.from_json(capsys.readouterr().out).calls_at_least == 1


def test_without_a_key(story: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a key the offline model answers, and one line says so."""
    assert main(["summarize", story]) == 0
    printed = capsys.readouterr()
    assert printed.out.strip()
    assert printed.err.count("OPENAI_API_KEY is not set; the model 'offline'") == 1
    assert "$0.0000" in printed.err


@pytest.mark.parametrize("named", [["--model", "gpt-4o"], ["--base-url", "http://127.0.0.1:9/v1"]])
def test_without_a_key_but_with_a_wish(
    story: str, named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever names a model or a server is not given another one in silence."""
    assert main(["summarize", story, *named]) == 4
    assert "OPENAI_API_KEY" in capsys.readouterr().err


def test_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A dash reads standard input."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"hello world")))
    assert main(["count", "-"]) == 0
    assert capsys.readouterr().out == "2\n"


def test_gaps_have_an_exit_code(
    online: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be read is named on stderr, and the exit code is 3."""
    file = tmp_path / "story.txt"
    file.write_text(TEXT + "The word is Voldemort. " + TEXT, encoding="utf-8")
    refusal = error(400, code="content_filter")
    online.handler = lambda body: refusal if "Voldemort" in str(body["messages"]) else ok()
    assert main(["summarize", str(file)]) == 3
    assert "could not be read: content_filter" in capsys.readouterr().err


def test_failure_has_an_exit_code(
    online: ChatServer, story: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call that fails for good is one line and exit code 1."""
    online.script([error(401, code="invalid_api_key")])
    assert main(["summarize", story]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("minikit: HTTP 401 (invalid_api_key)")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["summarize", "{}/missing.txt"], "no such file"),
        (["summarize", "{}/folder"], "no file to read in"),
        (["summarize", "{}/empty"], "is empty"),
        (["summarize", "{}/blank"], "only white space"),
        (["count", "{}/binary"], "binary file"),
        (["count", "{}/coded"], "not UTF-8"),
        (["count", "{}/\0"], "cannot read"),
        (["count", "{}/text", "--model", "no-such-model"], "no-such-model"),
        (["split", "{}/text", "--max-tokens", "0"], "--max-tokens must be"),
        (["plan", "{}/text", "--length", "huge"], "huge"),
        (["plan", "{}/text", "--length", "-1"], "at least 1"),
        (["plan", "{}/text", "--detail", "7"], "0 to 1"),
        (["plan", "{}/text", "--chunk-tokens", "999999"], "above what fits"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, arguments: list[str], match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad argument or file is one line on stderr and exit code 2."""
    (tmp_path / "empty").touch()
    (tmp_path / "blank").write_text(" \n", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\x7fELF\0\0")
    (tmp_path / "coded").write_bytes(b"\xfe\xdc\x01\x02\x90" * 50)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("Fine.", encoding="utf-8")
    environ = [argument.replace("{}", str(tmp_path)) for argument in arguments]
    assert main([*environ, *(["--model", "offline"] if "summarize" in environ else [])]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert re.search(match, line)


def test_plan(story: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan shows the levels and the bounds of the cost, and needs no key."""
    assert main(["plan", story, "--chunk-tokens", "300"]) == 0
    printed = capsys.readouterr().out
    assert "map" in printed
    assert "merge" in printed
    assert "cost: $0.000" in printed


def test_count(story: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The count is a number; with --json it comes with its circumstances."""
    assert main(["count", story]) == 0
    assert capsys.readouterr().out == f"{minikit.count_tokens(TEXT)}\n"
    assert main(["count", story, "--json", "--model", "claude-3-haiku-20240307"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["model"], row["exact"]) == ("claude-3-haiku-20240307", False)
    assert row["input_cost_usd"].startswith("0.000")


def test_split(story: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The chunks are shown as a table, or as JSON Lines whose texts are the file."""
    assert main(["split", story, "--max-tokens", "200"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["start", "end", "tokens", "begins"]
    assert main(["split", story, "--max-tokens", "200", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "".join(row["text"] for row in rows) == TEXT


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    """The table of models names their limits, prices and last days."""
    assert main(["models"]) == 0
    (row,) = [
        line.split()
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("gpt-4o-mini ")
    ]
    assert row[:6] == ["gpt-4o-mini", "128,000", "16,384", "0.15", "0.6", "2027-01-14"]
    assert main(["models", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["id"] for row in rows} >= {"gpt-4o-mini", "offline", "claude-3-haiku-20240307"}


def test_warnings_are_one_line(
    online: ChatServer, story: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning is a line of ours, without a path or a source line."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        main(["summarize", story, "--model", "gpt-3.5-turbo"])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "shut down" in line]
    assert line.startswith("minikit: warning: the model 'gpt-3.5-turbo' was shut down")


@pytest.mark.filterwarnings("default")
def test_what_was_warned_of_is_no_note_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A guess in reading the source is told once; for programs it is in the notes."""
    file = tmp_path / "winter.txt"
    file.write_bytes("Es war schön. Alle blieben zu Hause.".encode("cp1252"))
    main(["summarize", str(file), "--model", "offline", "--json"])
    printed = capsys.readouterr()
    (line,) = [line for line in printed.err.splitlines() if "is not UTF-8" in line]
    assert line.startswith("minikit: warning: ")
    assert any("is not UTF-8" in note for note in json.loads(printed.out)["notes"])


@pytest.mark.filterwarnings("error")
def test_warnings_that_are_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With PYTHONWARNINGS=error a warning ends the command, in one line as any other error."""
    file = tmp_path / "winter.txt"
    file.write_bytes("Es war schön. Alle blieben zu Hause.".encode("cp1252"))
    assert main(["summarize", str(file), "--model", "offline"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("minikit: ")
    assert "is not UTF-8" in line


def test_interrupt(online: ChatServer, story: str) -> None:
    """Ctrl-C ends the command with 130 and without a traceback."""
    online.handler = lambda _body: held(threading.Event())
    with running(
        [sys.executable, "-m", "minikit", "summarize", story],
        stderr=subprocess.PIPE,
        env=os.environ,
    ) as process:
        online.wait_for(in_flight=1)
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=20)
    assert process.returncode == 130
    assert printed.splitlines()[-1] == "minikit: interrupted"
    assert "Traceback" not in printed


def test_own_model(online: ChatServer, story: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that minikit does not know is described by its window."""
    assert main(["summarize", story, "--model", "llama3.2", "--context-window", "3000"]) == 0
    assert online.bodies[0]["model"] == "llama3.2"
    assert 1 < online.bodies[0]["max_tokens"] <= 750
    own = ["plan", story, "--model", "llama3.2"]
    assert main([*own, "--context-window", "3000", "--max-output-tokens", "500"]) == 0
    assert main([*own, "--max-output-tokens", "99"]) == 2
    assert main(own) == 2
    assert "--context-window N" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [["plan", "x", "--detail", "high"], ["split", "x"], [], ["no-such-command"]],
)
def test_usage_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is not understood is one line and exit code 2."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("minikit: ")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is that of the installed package."""
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.startswith("minikit 0.")


@pytest.mark.parametrize(
    ("redirection", "code", "printed"),
    [
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        ("> /dev/full", 1, "minikit: cannot write the output: No space left on device\n"),
    ],
)
def test_streams_that_do_not_work(story: str, redirection: str, code: int, printed: str) -> None:
    """A stream that is closed or full is no traceback."""
    command = f"{sys.executable} -m minikit count {story} {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, printed)


def test_closed_stdin(story: str) -> None:
    """Standard input that is closed is empty."""
    command = f"{sys.executable} -m minikit summarize - --model offline <&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'stdin' is empty" in done.stderr


def test_reader_that_leaves(story: str) -> None:
    """A pipe that nobody reads is no error."""
    command = f"{sys.executable} -m minikit split {story} --max-tokens 20 --json | true"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_output_that_is_no_file() -> None:
    """The command can be called from a program that catches what it prints."""
    output = io.StringIO()
    with redirect_stdout(output):
        assert main(["models"]) == 0
    assert "gpt-4o-mini" in output.getvalue()
