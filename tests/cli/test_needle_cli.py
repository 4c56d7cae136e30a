"""`minikit needle`, as a person at a terminal meets it."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from minikit.cli.main import main
from minikit.jobs.measuring.needles import NeedleReport
from server import ChatServer, error, ok

if TYPE_CHECKING:
    from pathlib import Path

OFFLINE = ["needle", "--model", "offline", "--strategy", "ask", "--lengths", "1k", "--needles", "1"]
ASKED = ["needle", "--lengths", "1k,0.5K", "--depths", "0,100%", "--needles", "1"]


@pytest.fixture
def online(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """A server that the environment leads to."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    server.handler = lambda _body: ok("It does not say.")
    return server


def test_a_heat_map(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The map goes to stdout, the bill to stderr, picture and page to their files."""
    svg, page = tmp_path / "map.svg", tmp_path / "map.html"
    assert main([*OFFLINE, "--svg", str(svg), "--html", str(page), "--seed", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("offline: 5 of 5 found, 100%")
    assert "start  1/1 ██" in printed.out
    assert "offline, 5 calls" in printed.err
    assert svg.read_text("utf-8").startswith("<svg ")
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_the_map_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that has no blocks gets other signs; JSON stays JSON."""
    for arguments, told in (([], "1/1 ##"), (["--json"], '"seed": 0')):
        terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(sys, "stdout", terminal)
        assert main([*OFFLINE, "--quiet", *arguments]) == 0
        terminal.flush()
        assert told in terminal.buffer.getvalue().decode()


def test_a_file_as_json(
    online: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Facts are planted in the file that is named; JSON has every cell."""
    file = tmp_path / "story.txt"
    file.write_text("One day a fox came by. It saw a hen. ", "utf-8")
    assert main([ASKED[0], str(file), *ASKED[1:], "--json"]) == 0
    report = NeedleReport.from_json(capsys.readouterr().out)
    assert (report.title, report.lengths, report.depths) == ("story.txt", (500, 1_000), (0, 1))
    assert report.found == 0
    assert len(online.requests) == 4


def test_dry_run(online: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """--dry-run prints what it would take, and sends nothing."""
    assert main([*ASKED, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("single, 500 tokens ")
    assert not online.requests
    assert main([*ASKED, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verb"] == "needle"


def test_failures_are_told_by_the_exit_code(
    online: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some failed questions are exit code 3."""
    online.script([error(400)])
    assert main(ASKED) == 3
    assert "1 question failed" in capsys.readouterr().out


def test_what_was_measured_is_printed_before_an_error(
    online: ChatServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A budget that ends a test leaves the map of what was measured, as a picture too."""
    wishes = ["--budget", "0.0013", "--svg", str(tmp_path / "map.svg")]
    assert main(["needle", "--lengths", "1k", "--needles", "2", *wishes]) == 1
    assert (tmp_path / "map.svg").read_text("utf-8").startswith("<svg ")
    printed = capsys.readouterr()
    assert "found" in printed.out
    assert "of the budget of $0.0013" in printed.err
    assert main(["needle", "--lengths", "1k", "--budget", "0.00000001"]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--lengths", "long"], "'long' is no number of tokens"),
        (["--depths", "deep"], "'deep' is no percentage"),
        (["--depths", "101"], "a depth=1.01 is out of range"),
        (["--strategy", "guess"], 'a strategy is "single" or "ask"'),
        (["--svg", "/nowhere/x.svg"], "there is no such folder"),
    ],
)
def test_complaints(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be done is one line and exit code 2."""
    try:
        code: object = main(["needle", "--model", "offline", *arguments])
    except SystemExit as left:
        code = left.code
    assert code == 2
    assert complaint in capsys.readouterr().err
