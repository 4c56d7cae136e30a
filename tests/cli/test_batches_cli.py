"""`--batch` and `minikit batch`, as a person at a terminal meets them."""

from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from batches import BatchServer, Fate
from minikit import BatchWatched
from minikit.cli.main import main
from minikit.cli.progress import ProgressLine
from server import Reply, Response, error, ok

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = "The cat sat on the mat in the warm sun. The dog ran over the hill to the sea. " * 9


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """A server that the environment leads to, whose batches are done at the first look."""
    with BatchServer(handler=lambda _body: ok("A cat.")) as server:
        server.at_once = True
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        yield server


@pytest.fixture
def story(tmp_path: Path) -> str:
    """A file with a text."""
    (tmp_path / "story.txt").write_text(TEXT, encoding="utf-8")
    return str(tmp_path / "story.txt")


@pytest.fixture
def journal(tmp_path: Path) -> str:
    """The path of a journal that is not there yet."""
    return str(tmp_path / "calls.db")


def test_an_interrupted_command_goes_on_with_its_batch(
    server: BatchServer, story: str, journal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C leaves the batch at the server; the same command waits for it, and pays once."""
    server.manual, server.at_once = True, False

    def interrupt(_server: object, _body: object) -> Response:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return Response(status=503)

    server.fault("retrieve", Reply(make=interrupt))
    assert main(["summarize", story, "--batch", "--journal", journal]) == 130
    told = capsys.readouterr().err
    assert "the batches go on at the server: the same command waits for them" in told
    assert f"minikit batch cancel --journal {journal}" in told
    server.finish()
    assert main(["summarize", story, "--batch", "--journal", journal]) == 0
    printed = capsys.readouterr()
    assert printed.out == "A cat.\n"
    assert ": completed, 1 of 1 request done" in printed.err
    assert (len(server.batches), len(server.charges), server.requests) == (1, 1, [])


def test_what_goes_on_is_looked_after(
    server: BatchServer, story: str, journal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """List, cancel and wait know the batches that a command has left."""
    server.manual, server.at_once = True, False
    server.fault("retrieve", error(401, code="invalid_api_key"))
    assert main(["summarize", story, "--batch", "--journal", journal]) == 1
    server.step()
    capsys.readouterr()
    assert main(["batch", "list", "--journal", journal]) == 0
    [name] = server.batches
    assert f"{name}  in_progress  gpt-4o-mini" in capsys.readouterr().out
    assert main(["batch", "cancel", "--journal", journal, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "cancelling"
    server.finish()
    assert main(["batch", "wait", name, "--journal", journal, "--quiet"]) == 3
    assert main(["batch", "wait", "--journal", journal]) == 0
    assert capsys.readouterr().out.endswith("no batches\n")


def test_waiting_fetches_the_replies(
    server: BatchServer, story: str, journal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`minikit batch wait` keeps what a batch has brought, and the job asks nothing more."""
    server.fault("content", error(401, code="invalid_api_key"))
    assert main(["summarize", story, "--batch", "--journal", journal]) == 1
    capsys.readouterr()
    assert main(["batch", "wait", "--journal", journal]) == 0
    told = capsys.readouterr()
    assert "completed" in told.out
    assert "completed, 1 of 1 request done" in told.err
    before = len(server.asked)
    assert main(["summarize", story, "--journal", journal]) == 0
    assert (len(server.asked), server.requests, len(server.charges)) == (before, [], 1)
    assert main(["batch", "wait", "--journal", journal]) == 0
    assert capsys.readouterr().out.endswith("no batches\n")


def test_what_is_no_journal_is_not_made(
    server: BatchServer, journal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A journal that is not there is an error; without one the account's batches are listed."""
    assert main(["batch", "list", "--journal", journal]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert main(["batch", "list"]) == 0
    assert capsys.readouterr().out == "no batches\n"
    assert main(["batch", "cancel", "batch_none"]) == 1
    assert server.count("list") == 1


def test_a_plan_in_batches(story: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A plan tells the days, and half the price."""
    assert main(["plan", story, "--batch", "--json"]) == 0
    halved = json.loads(capsys.readouterr().out)
    assert main(["plan", story, "--json"]) == 0
    full = json.loads(capsys.readouterr().out)
    assert (halved["engine"], full["engine"]) == ("batch", "local")
    assert float(halved["cost_usd_at_most"]) * 2 == pytest.approx(float(full["cost_usd_at_most"]))
    assert main(["plan", story, "--batch"]) == 0
    assert "up to 24 h in batches" in capsys.readouterr().out


def test_a_batch_that_fails_is_told(
    server: BatchServer, story: str, journal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the server says against a file is the error of the command."""
    server.fates.append(Fate(errors=({"code": "model_not_found", "message": "No such model."},)))
    assert main(["summarize", story, "--batch", "--journal", journal]) == 1
    assert "No such model." in capsys.readouterr().err


class Terminal:
    """Keeps what is written to it."""

    def __init__(self, *, is_terminal: bool) -> None:
        self.text = ""
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """Whether it is one."""
        return self._is_terminal

    def write(self, text: str) -> None:
        """Keep it."""
        self.text += text

    def flush(self) -> None:
        """Do nothing."""


def watched(status: str, completed: int, failed: int = 0) -> BatchWatched:
    """Something that is heard of a batch."""
    return BatchWatched(
        batch_id="b",
        model="m",
        status=status,
        requests=20,
        completed=completed,
        failed=failed,
    )


def test_progress_of_batches() -> None:
    """A log has a line for each state and each tenth; a terminal is written over."""
    log, terminal = Terminal(is_terminal=False), Terminal(is_terminal=True)
    for stream in (log, terminal):
        line = ProgressLine(stream)  # type: ignore[arg-type] # what it uses of one
        for event in (
            watched("in_progress", 0),
            watched("in_progress", 1),
            watched("in_progress", 4, 1),
            watched("completed", 19, 1),
        ):
            line.show_batch(event)
    assert log.text.splitlines() == [
        "minikit: batch b: in progress, 0 of 20 requests done",
        "minikit: batch b: in progress, 5 of 20 requests done, 1 failed",
        "minikit: batch b: completed, 20 of 20 requests done, 1 failed",
    ]
    assert terminal.text.count("\r\x1b[K") == 4
