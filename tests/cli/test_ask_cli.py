"""What `minikit ask` answers, tells and refuses."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from minikit import Answer
from minikit.cli.main import main
from server import ChatServer, error, ok

if TYPE_CHECKING:
    from pathlib import Path

FACT = "The boiler in the cellar was replaced by a heat pump in May."
QUESTION = "What replaced the boiler?"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder with two files."""
    (tmp_path / "cellar.txt").write_text(f"Nothing was new. {FACT}", "utf-8")
    (tmp_path / "roof.md").write_text(f"# Roof\n\n{'The roof was tiled in red. ' * 20}\f", "utf-8")
    return tmp_path


@pytest.fixture
def online(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """A server that the environment leads to."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return server


def test_a_folder_is_asked(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer alone goes to stdout; the bill and the passages go to stderr."""
    assert main(["ask", QUESTION, str(house), "--model", "offline"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{FACT}\n"
    assert "minikit: offline, 1 call, " in printed.err
    assert printed.err.endswith(f"cellar.txt, characters 17 to 77: “{FACT}”\n")


def test_a_page_is_told_and_a_long_passage_shortened(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person can look a passage up."""
    text = f"One.\f{'The boiler room, ' * 20}and no more."
    (house / "pages.txt").write_text(text, "utf-8")
    assert main(["ask", "boiler room?", str(house / "pages.txt"), "--model", "offline"]) == 0
    assert "pages.txt, page 2, characters 5 to " in (told := capsys.readouterr().err)
    assert told.endswith("The boiler room…”\n")


def test_a_folder_before_the_question(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who turned the two round is told so."""
    assert main(["ask", str(house), QUESTION, "--model", "offline"]) == 2
    assert "is a folder, and there is no file 'What" in (told := capsys.readouterr().err)
    assert "the question comes first, and then the files" in told


def test_quiet_tells_nothing(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the answer is left."""
    assert main(["ask", QUESTION, str(house), "--model", "offline", "--quiet"]) == 0
    assert capsys.readouterr() == (f"{FACT}\n", "")


def test_json_is_the_whole_answer(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It can be read again."""
    named = [str(house / name) for name in ("roof.md", "cellar.txt")]
    assert main(["ask", QUESTION, *named, "--model", "offline", "--json", "--thorough"]) == 0
    answer = Answer.from_json(capsys.readouterr().out)
    assert [(each.document, each.document_index) for each in answer.sources] == [("cellar.txt", 1)]


def test_a_dry_run_sends_nothing(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan is printed, without a key."""
    assert main(["ask", QUESTION, str(house), "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("operation  calls")


def test_stdin_is_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dash stands for it."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FACT.encode())))
    assert main(["ask", QUESTION, "-", "--model", "offline"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{FACT}\n"
    assert "minikit: stdin, characters 0 to 60" in printed.err


class Terminal(io.StringIO):
    """A stdin at which a person sits."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_follow_ups_are_read_from_stdin(
    house: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line is a question after those before it, until one is empty."""
    asked = ["ask", QUESTION, str(house), "--model", "offline", "--follow-up"]
    monkeypatch.setattr(sys, "stdin", Terminal("And why?\nWhat of the roof?\n\nUnread?\n"))
    assert main([*asked, "--quiet"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[:2] == [FACT, FACT]
    assert printed.out.splitlines()[2].startswith("The roof was tiled in red.")
    assert printed.err == "? ? ? "
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main([*asked, "--quiet"]) == 0
    assert capsys.readouterr() == (f"{FACT}\n", "")


def test_gaps_and_warnings_are_told(
    online: ChatServer, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be read makes another exit code; what nothing backs is named."""
    refused = ok("", finish_reason="content_filter")
    quoted = ok(json.dumps({"points": [{"text": "It.", "quotes": [FACT]}]}))
    made_up = ok(
        json.dumps({"found": True, "points": [{"text": "Magic.", "quotes": ["By magic!"]}]})
    )
    online.script([refused, quoted, refused, made_up])
    (house / "roof.md").write_text("The forbidden roof was tiled.", "utf-8")
    assert main(["ask", QUESTION, str(house)]) == 3
    printed = capsys.readouterr()
    assert printed.out == "Magic.\n"
    assert "roof.md: characters 0 to 29 could not be read: content_filter" in printed.err
    assert "warning: no quote that stands in what was read backs this: Magic." in printed.err
    assert printed.err.count("could not be read") == 1
    online.script([refused, refused])
    assert main(["ask", QUESTION, str(house), "--on-gap", "raise"]) == 1


def test_what_an_error_leaves_behind_is_told(
    online: ChatServer, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A journal keeps what had been answered."""
    refused = ok("", finish_reason="content_filter")
    quoted = ok(json.dumps({"points": [{"text": "It.", "quotes": [FACT]}]}))
    asked = ["ask", QUESTION, str(house)]
    online.script([refused, quoted, error(401)])
    assert main(asked) == 1
    assert "calls had been answered: with --journal PATH they would" in capsys.readouterr().err
    online.script([refused, quoted, error(401)])
    assert main([*asked, "--journal", f"{house}.journal"]) == 1
    assert "had been answered: the same command goes on from there" in capsys.readouterr().err
    assert main([*asked, "--budget", "0.0000001"]) == 1
    assert "had been answered" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{file}", "{file}"], "is a file: the question comes first"),
        ([QUESTION, "-", "--follow-up"], "--follow-up reads questions from stdin"),
        ([QUESTION, "{file}.none"], "no such file"),
        (["x" * 5_000, "{file}", "--chunk-tokens", "3"], "--chunk-tokens 3 is out of range"),
    ],
)
def test_bad_arguments(
    house: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is one line that says what is wrong."""
    file = str(house / "cellar.txt")
    named = [each.replace("{file}", file) for each in arguments]
    assert main(["ask", *named, "--model", "offline"]) == 2
    assert message in capsys.readouterr().err
