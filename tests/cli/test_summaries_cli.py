"""What `minikit summarize` tells of where a summary comes from, and what it writes."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from minikit import Summary
from minikit.cli.main import main
from server import ChatServer, error, ok

NOTES = Path(__file__).parents[2] / "examples" / "notes.txt"
BRIDGE = "A new bridge would cost about three million and could not be finished before 2029."


@pytest.fixture
def notes(tmp_path: Path) -> str:
    """A file with the minutes of a meeting, in a folder of its own."""
    return str(shutil.copy(NOTES, tmp_path))


@pytest.fixture
def online(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """A server that the environment leads to."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return server


def _points(*points: tuple[str, str]) -> str:
    return json.dumps({"points": [{"text": text, "quotes": [quote]} for text, quote in points]})


def _offline(notes: str, *arguments: str) -> list[str]:
    return ["summarize", notes, "--model", "offline", "--length", "60", *arguments]


def test_cite(notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The text alone goes to stdout; bill, verdicts, warnings and a strip go to stderr."""
    assert main(_offline(notes, "--cite")) == 0
    printed = capsys.readouterr()
    assert BRIDGE in printed.out
    assert "minikit" not in printed.out
    lines = printed.err.splitlines()
    bill = next(at for at, line in enumerate(lines) if line.startswith("minikit: offline, 1 call,"))
    assert lines[bill + 1] == "minikit: 4 claims: 4 found"
    assert lines[-1].startswith("minikit: passages along the source: ")
    assert set(lines[-1].rpartition(" ")[2]) <= set("▁▂▃▄▅▆▇█")


def test_a_claim_without_support(
    online: ChatServer, notes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A quote that stands nowhere is counted and named; it can be dropped with its sentence."""
    reply = _points((BRIDGE, BRIDGE), ("Pigs can\nfly.", "It is well known that all pigs can fly."))
    online.script([ok(reply), ok(reply)])
    assert main(["summarize", notes, "--cite"]) == 0
    printed = capsys.readouterr()
    assert "Pigs can" in printed.out
    assert "minikit: 2 claims: 1 found, 1 fabricated\n" in printed.err
    assert "minikit: warning: " in printed.err
    assert "Pigs can fly." in printed.err
    assert main(["summarize", notes, "--cite", "--unsupported", "drop"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{BRIDGE}\n"
    assert "minikit: 1 claim: 1 found\n" in printed.err


def test_quotes_have_to_be_asked_for(notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that would do nothing is refused."""
    assert main(_offline(notes, "--unsupported", "drop")) == 2
    assert "cite" in capsys.readouterr().err


def test_without_quotes(online: ChatServer, notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings are told all the same, verdicts and the strip are not."""
    online.script([ok(BRIDGE)])
    assert main(["summarize", notes, "--length", "60"]) == 0
    told = capsys.readouterr().err
    assert "minikit: warning: 60 words were asked for, and the summary has 15\n" in told
    assert " claim" not in told
    assert "along the source" not in told


def test_quietly(online: ChatServer, notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --quiet nothing is told, whatever there is to warn of."""
    online.script([ok(_points(("It was in 1066.", "This stands nowhere in the minutes.")))])
    assert main(["summarize", notes, "--cite", "-q"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("It was in 1066.\n", "")


def test_a_gap_is_told_once(
    online: ChatServer, notes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gap has its line, with --quiet too, and is not told once more as a warning."""
    refusal = error(400, code="content_filter")
    online.handler = lambda body: refusal if "lantern" in str(body["messages"]) else ok()
    Path(notes).write_text(NOTES.read_text("utf-8") + "The lantern is lit.", "utf-8")
    for more in ([], ["--quiet"]):
        assert main(["summarize", notes, *more]) == 3
        assert capsys.readouterr().err.count("ead: ") + 1 == 2


def test_a_strip_in_ascii(notes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal without blocks gets other signs."""
    terminal = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(terminal, encoding="ascii"))
    assert main(_offline(notes, "--cite")) == 0
    sys.stderr.flush()
    assert set(terminal.getvalue().split()[-1].decode()) <= set("_.:-=+*#")


def test_json_is_without_the_source(notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed as JSON has the passages that are cited, and not the whole document."""
    assert main(_offline(notes, "--cite", "--json")) == 0
    printed = Summary.from_json(capsys.readouterr().out)
    assert printed.document is None
    assert printed.claims[0].cited_text == BRIDGE


def test_files(notes: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The summary is saved whole, and the page that is written is that of the saved one."""
    saved, page, again = (tmp_path / name for name in ("summary.json", "a.html", "b.html"))
    assert main(_offline(notes, "--save", str(saved), "--html", str(page), "--cite")) == 0
    summary = Summary.from_json(saved.read_text("utf-8"))
    assert capsys.readouterr().out == f"{summary}\n"
    assert summary.document is not None
    assert summary.document.text == NOTES.read_text("utf-8")
    assert BRIDGE in page.read_text("utf-8")
    assert main(["report", str(saved), str(again)]) == 0
    assert again.read_text("utf-8") == page.read_text("utf-8")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("option", ["--save", "--html"])
def test_a_place_that_is_none(
    online: ChatServer,
    notes: str,
    option: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file that cannot be written is refused before anything is paid for."""
    for place, complaint in (
        (tmp_path / "none" / "x", "there is no such folder"),
        (tmp_path, "it is a folder"),
        ("a\0b", "there is no such folder"),
    ):
        assert main(["summarize", notes, option, str(place)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("minikit: cannot write ")
        assert complaint in line
    assert not online.requests


def test_a_full_disk(notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be written in the end does not cost the summary."""
    assert main(_offline(notes, "--save", "/dev/full")) == 2
    printed = capsys.readouterr()
    assert BRIDGE in printed.out
    assert "minikit: offline, 1 call," in printed.err
    assert printed.err.splitlines()[-1].startswith("minikit: cannot write '/dev/full': ")


@pytest.mark.parametrize(
    ("saved", "page", "complaint"),
    [
        ("missing", "x.html", "cannot read"),
        ("a\0b", "x.html", "cannot read"),
        ("notes.txt", "x.html", "not a saved Summary"),
        ("notes.txt", "none/x.html", "no such folder"),
        ("short.json", "x.html", "saved without its document"),
    ],
)
def test_no_report(
    notes: str, saved: str, page: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no saved summary with its document gives one line and exit code 2."""
    folder = Path(notes).parent
    assert main(_offline(notes, "--json", "-q")) == 0
    (folder / "short.json").write_text(capsys.readouterr().out, "utf-8")
    assert main(["report", str(folder / saved), str(folder / page)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line


def test_a_report_beside_its_source(notes: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A summary that was saved without its document takes the file again, and no other."""
    folder = Path(notes).parent
    short, page = folder / "short.json", folder / "a.html"
    assert main(_offline(notes, "--json", "-q", "--html", str(page))) == 0
    short.write_text(capsys.readouterr().out, "utf-8")
    assert main(["report", str(short), str(folder / "b.html"), "--source", notes]) == 0
    assert (folder / "b.html").read_text("utf-8") == page.read_text("utf-8")
    assert main(["report", str(short), str(folder / "c.html"), "--source", str(page)]) == 2
    assert "not the one that was summarized" in capsys.readouterr().err
    assert not (folder / "c.html").exists()


@pytest.mark.parametrize(
    ("journal", "way"),
    [([], "with --journal PATH they would have been kept"), (["--journal"], "goes on from there")],
)
def test_what_was_read_before_a_failure(
    online: ChatServer,
    notes: str,
    journal: list[str],
    way: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A job that fails tells how much was read, and how not to pay for it again."""
    online.handler = lambda body: (
        error(401, code="invalid_api_key") if "<part" in str(body["messages"]) else ok("Read.")
    )
    kept = [*journal, f"{notes}.sqlite"] if journal else []
    assert main(["summarize", notes, "--chunk-tokens", "100", "-q", "--rpm", "999", *kept]) == 1
    read, failure = capsys.readouterr().err.splitlines()
    assert read.startswith("minikit: 5 calls had been answered: ")
    assert read.endswith(way)
    assert "invalid_api_key" in failure


def test_a_budget_that_cannot_be_enough(
    online: ChatServer, notes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing was read, nothing is told but the error."""
    assert main(["summarize", notes, "--budget", "0.00000001"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "more than the budget of $0.00000001; nothing was sent" in line
    assert not online.requests
