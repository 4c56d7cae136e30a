"""`minikit many`: a verb over each document of a folder, on the command line."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
from argparse import Namespace
from decimal import Decimal
from pathlib import Path

import pytest

from batches import BatchServer
from minikit import CorpusProgress, Usage
from minikit.cli import many
from minikit.cli.documents import DocumentsLine, Given
from minikit.cli.main import main
from pictures import png
from server import Body, ChatServer, Reply, Response, error, held, ok, prompt_of


@pytest.fixture
def online(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """A server that the environment leads to."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    server.handler = lambda _: ok("Closed.")
    return server


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """A folder of three reports, one of them in a folder, and of one file that is none."""
    folder = tmp_path / "archive"
    (folder / "old").mkdir(parents=True)
    for name in ("a.txt", "b.md", "old/c.txt"):
        (folder / name).write_text(f"Report {name}. The bridge was closed.")
    (folder / "d.pdf").write_text("no PDF")
    (folder / "empty.txt").touch()
    return str(folder)


def test_texts_to_stdout(
    online: ChatServer, archive: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each text stands under its name; failures, the bill and what was left out go to stderr."""
    assert main(["many", "summarize", archive]) == 3
    printed = capsys.readouterr()
    assert printed.out == "a.txt:\nClosed.\n\nb.md:\nClosed.\n\nold/c.txt:\nClosed.\n\n"
    assert "minikit: d.pdf: " in printed.err
    assert "minikit: 1 of 4 documents failed\n" in printed.err
    assert "minikit: gpt-4o-mini, 4 documents, " in printed.err
    assert printed.err.count("1 empty (empty.txt)") == 1


def test_json_quietly_and_in_any_order(
    online: ChatServer, archive: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each document; with --quiet only what failed is told."""
    assert main(["many", "summarize", archive, "--json", "--any-order", "--quiet"]) == 3
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert {line["name"] for line in lines} == {"a.txt", "b.md", "d.pdf", "old/c.txt"}
    assert printed.err.splitlines()[-1] == "minikit: 1 of 4 documents failed"
    assert len([line for line in printed.err.splitlines() if "retire" not in line]) <= 3


def test_an_output_is_gone_on_with(
    online: ChatServer, archive: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command does what is new and what failed; with --json the report is printed."""
    output = tmp_path / "out"
    command = ["many", "summarize", archive, "--output", str(output), "--json"]
    online.handler = lambda body: error(400) if "b.md" in prompt_of(body) else ok("Closed.")
    assert main(command) == 3
    printed = capsys.readouterr()
    first = json.loads(printed.out)
    assert (first["documents"], first["failed"], first["kept"], first["calls"]) == (4, 2, 0, 2)
    assert Decimal(first["cost_usd"]) > 0
    assert f"2 of 4 documents failed; see {output}\n" in printed.err
    online.handler = lambda _: ok("Closed.")
    (Path(archive) / "d.pdf").unlink()
    assert main(command) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["kept"] == 2
    assert "3 documents (2 done before), " in printed.err
    assert len(online.requests) == 4
    assert (output / "_journal" / "local.sqlite").exists()
    assert main([*command, "--length", "9"]) == 2
    assert "minikit: --output '" in capsys.readouterr().err


def test_files_of_text(
    online: ChatServer,
    archive: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file for each document, called as that is; what failed stands in a file of its own."""
    output = tmp_path / "out"
    command = ["--output", str(output), "--output-format", "text", "--quiet"]
    assert main(["many", "ask", "Which bridge?", archive, *command]) == 3
    assert (output / "a.txt.txt").read_text() == "Closed."
    assert (output / "old" / "c.txt.txt").read_text() == "Closed."
    (failed,) = (output / "_failed.jsonl").read_text("utf-8").splitlines()
    assert json.loads(failed)["name"] == "d.pdf"
    monkeypatch.chdir(tmp_path)
    files = [str(Path(archive, "a.txt")), "archive/a.txt", f"../{tmp_path.name}/archive/b.md"]
    online.handler = lambda _: ok('{"items": []}')
    assert main(["many", "extract", *files, "--fields", "bridge", *command]) == 2
    assert "holds outcomes of another job, ask as text" in capsys.readouterr().err
    command[1] = "records"
    assert main(["many", "extract", *files, "--fields", "bridge", *command]) == 0
    assert json.loads(Path("records", "archive", "a.txt.json").read_text()) == []
    Path("records", "archive", "b.md.json").mkdir()
    assert main(["many", "extract", "archive/b.md", "--fields", "bridge", *command]) == 2
    assert "cannot write '" in capsys.readouterr().err
    assert main(["many", "ask", "Which?", archive, "-o", files[0], *command[2:]]) == 2
    assert "cannot be a folder" in capsys.readouterr().err


def test_translations_keep_their_names(
    online: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text stays what it is; two of the same name are told apart."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.md").write_text("The bridge.")
    (tmp_path / "page.html").write_text("<html><body><p>The bridge is closed.</p></body></html>")
    reply = json.dumps({"translations": [{"id": 1, "text": "Die Brücke."}]})
    online.handler = lambda _: ok(reply)
    output = tmp_path / "out"
    files = [str(tmp_path / folder / "a.md") for folder in ("one", "two")]
    text = ["--to", "de", "-o", str(output), "--output-format", "text"]
    assert main(["many", "translate", *files, str(tmp_path / "page.html"), *text]) == 0
    names = sorted(path.name for path in output.rglob("*.*") if path.suffix in (".md", ".txt"))
    assert names == ["a.md", "a.md", "page.html.txt"]
    text[3] = str(tmp_path / "again")
    assert main(["many", "translate", files[0], files[0], *text]) == 0
    names = sorted(path.name for path in (tmp_path / "again").rglob("*.md"))
    assert names == ["a-2.md", "a.md"]
    assert capsys.readouterr().out == ""


def test_an_output_is_no_input(
    online: ChatServer,
    archive: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An output may lie in the folder of the documents, which are never written over."""
    monkeypatch.chdir(archive)
    Path("d.pdf").unlink()
    sources = {path: path.read_bytes() for path in Path().rglob("*.*")}
    for name, command in (("rows", []), ("texts", ["--output-format", "text"])):
        for _ in range(2):
            assert main(["many", "summarize", ".", "-o", name, *command]) == 0
            assert ", 3 documents" in capsys.readouterr().err
    text = ["--to", "de", "--output-format", "text", "-q", "-o"]
    assert main(["many", "translate", ".", *text, "."]) == 2
    assert "is the folder of the documents themselves: name" in capsys.readouterr().err
    assert main(["many", "translate", "a.txt", *text, "."]) == 2
    assert "holds the document 'a.txt' itself, which would be" in capsys.readouterr().err
    assert main(["many", "summarize", "*.txt", "-o", ".", "-q"]) == 2
    assert sources == {path: path.read_bytes() for path in sources}
    assert not Path("_minikit.json").exists()


def test_values_of_receipts(
    online: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Images of a folder, each with the values of a schema, or a caption."""
    for number in (1, 2):
        (tmp_path / f"{number}.png").write_bytes(png(number, number))
    schema = tmp_path / "receipt.json"
    schema.write_text('{"type": "object", "properties": {"shop": {"type": "string"}}}')
    online.handler = lambda _: ok('{"shop": "Bakery"}')
    command = ["many", "describe", str(tmp_path), "--json", "--quiet"]
    assert main([*command, "--schema", str(schema)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["result"]["parsed"] for line in lines] == [{"shop": "Bakery"}] * 2
    online.handler = lambda _: ok("A receipt.")
    assert main([*command, "--question", "What is it?"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["text"] == "A receipt."


def test_a_dry_run(
    archive: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it will cost is printed, and nothing is sent; no key is needed."""
    assert main(["many", "summarize", archive, "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("4 documents, ")
    assert "1 of them cannot be done" in printed
    assert "\ncost: $0.0" in printed
    assert main(["many", "summarize", archive, "--dry-run", "--json", "-q"]) == 0
    online = json.loads(capsys.readouterr().out)
    batches = ["--engine", "batch", "--dry-run", "--json", "-q"]
    assert main(["many", "summarize", archive, *batches]) == 0
    cheap = json.loads(capsys.readouterr().out)
    assert Decimal(cheap["cost_usd_at_most"]) * 2 == Decimal(online["cost_usd_at_most"])


def test_names_from_stdin(
    online: ChatServer,
    archive: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line each, as find prints them, whatever they are; one that is missing fails alone."""
    names = [b"a.txt", b"caf\xe9.txt", b"u\xe2\x80\xa8v.txt", b"lost[1].txt", b"long" * 2000]
    monkeypatch.chdir(archive)
    for name in names[1:3]:
        Path(os.fsdecode(name)).write_text("The bridge was closed.")
    Path("new\nline.txt").write_text("The bridge was closed.")
    for told in (b"\n".join(names), b"\0".join([*names, b"new\nline.txt", b""])):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(told)))
        assert main(["many", "summarize", "-", "--json", "-q"]) == 3
        lines = [json.loads(line) for line in capsys.readouterr().out.strip().split("\n")]
        done = [line["error"] is None for line in lines]
        assert done[:5] == [True, True, True, False, False]
        assert all(done[5:])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--engine", "cloud"], "--engine is local, batch, processes, dask, or the address of"),
        (["--workers", "2"], "--engine local starts none: leave it out"),
        (["--engine", "dask", "--workers", "0"], "--workers 0 is out of range: at least 1"),
        (["--output-format", "parquet"], "--output-format parquet is of files: name their"),
        (["lost"], "there is no file or folder 'lost'"),
        (["x" * 3000], "there is no file or folder 'x"),
        (["."], "stands among others: name one folder or pattern, or files"),
        (["--budget", "much"], "--budget"),
    ],
)
def test_what_cannot_be_done(
    archive: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what was wrong and the way out, and the exit code is 2."""
    assert main(["many", "summarize", archive, *arguments, "--model", "offline"]) == 2
    assert told in capsys.readouterr().err


def test_an_error_that_ends_the_run(
    online: ChatServer,
    archive: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who has outcomes is told what becomes of the replies; who has none is not."""
    written = threading.Event()
    monkeypatch.setattr(many._Writer, "write", lambda *_: written.set())
    refused = error(401)

    def answer(body: Body) -> Reply:
        if "a.txt" in prompt_of(body):
            return ok("Closed.")
        written.wait(10)
        return refused

    online.handler = answer
    files = [f"{archive}/a.txt", f"{archive}/b.md"]
    assert main(["many", "summarize", *files]) == 1
    assert "replies that came are lost: with --output FOLDER" in capsys.readouterr().err
    assert main(["many", "summarize", files[1]]) == 1
    assert "replies" not in capsys.readouterr().err


@pytest.mark.parametrize("is_kept", [True, False])
def test_an_interrupted_run_goes_on(
    online: ChatServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    is_kept: bool,
) -> None:
    """Ctrl-C tells what was done, what it cost, and how to go on, which pays for nothing twice."""
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(f"Report {number}. The bridge was closed.")
    gate = threading.Event()
    late: list[int] = []

    def interrupt(body: Body) -> Reply:
        if "Report 0." not in prompt_of(body):
            return ok("Closed.")
        late.append(len(online.requests))
        if len(late) == 1:
            online.wait_for(requests=40)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            return held(gate)
        return ok("Closed.")

    online.handler = interrupt
    command = ["many", "summarize", str(tmp_path / "*.txt")]
    command += ["--journal", str(tmp_path / "kept")] if is_kept else []
    assert main(command) == 130
    gate.set()
    printed = capsys.readouterr()
    told = "the same command goes on" if is_kept else "with --output FOLDER or --journal FOLDER"
    assert told in printed.err
    assert printed.err.endswith("minikit: interrupted\n")
    assert main(command) == 0
    again = len(online.requests) - 40
    assert again <= 16 if is_kept else again == 40  # no more than were in flight


def test_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All documents travel in one batch, and what is under way at Ctrl-C can be cancelled."""
    (tmp_path / "a.txt").write_text("The bridge was closed.")
    output = tmp_path / "out"
    command = ["many", "summarize", str(tmp_path / "a.txt"), "--engine", "batch"]
    command += ["--output", str(output)]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with BatchServer(handler=lambda _: ok("Closed.")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        server.manual = True

        def interrupt(_server: object, _body: object) -> Response:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            return Response(status=503)

        server.fault("retrieve", Reply(make=interrupt))
        assert main(command) == 130
        told = capsys.readouterr().err
        assert f"--journal {output / '_journal' / 'local.sqlite'}" in told
        server.manual, server.at_once = False, True
        assert main(command) == 0
    assert len(server.batches) == 1


def test_a_result_that_lacks_something(
    online: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 3 where a passage was refused, as of a single document."""
    text = "The bridge was closed, and then it was open again. " * 100
    (tmp_path / "a.txt").write_text(f"{text}Nobody may read it. {text}")
    refused = error(400, code="content_filter")
    online.handler = lambda body: refused if "Nobody" in prompt_of(body) else ok("Closed.")
    command = ["many", "summarize", str(tmp_path), "--chunk-tokens", "600"]
    assert main(command) == 3
    assert "minikit: 1 result with gaps: something could not be read" in capsys.readouterr().err


def test_progress_on_a_terminal_and_in_a_log(tmp_path: Path) -> None:
    """A terminal has one line; a log one for each tenth, or for each hundred of nobody knows."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def told(documents: int, failed: int = 0) -> CorpusProgress:
        return CorpusProgress(
            documents=documents, failed=failed, usage=Usage(), cost_usd=Decimal("0.02")
        )

    (tmp_path / "a.txt").write_text("A b.")
    given = Given([str(tmp_path / "a.txt")] * 20, images=False)
    log = io.StringIO()
    line = DocumentsLine(log, given)
    for documents in range(1, 21):
        line.show(told(documents, failed=documents // 20))
    line.close()
    lines = log.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "minikit: 2 of 20 documents, $0.0200"
    assert lines[-1] == "minikit: 20 of 20 documents, 1 failed, $0.0200"
    given.total = None
    log = io.StringIO()
    line = DocumentsLine(log, given)
    for documents in range(1, 201):
        line.show(told(documents))
    assert log.getvalue().splitlines() == [
        "minikit: 100 documents, $0.0200",
        "minikit: 200 documents, $0.0200",
    ]
    terminal = Terminal()
    line = DocumentsLine(terminal, given)
    line.show(told(1))
    line.close()
    assert terminal.getvalue() == "\r\x1b[Kminikit: 1 document, $0.0200\r\x1b[K"


def test_what_workers_have_is_not_in_the_bill(capsys: pytest.CaptureFixture[str]) -> None:
    """Who interrupts a run with workers is told that the bill is not whole."""
    many._tell_way(Namespace(batch=False, journal="kept", engine="processes"))
    assert "leaves out what workers had not handed over" in capsys.readouterr().err
