"""`minikit compare`, as a person at a terminal meets it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from minikit.cli.main import main
from minikit.jobs.measuring.comparison import Comparison
from server import ChatServer, error, ok

if TYPE_CHECKING:
    from pathlib import Path

    from server import Reply

TEXT = "The council agreed to repair the bridge. It costs 40,000 euros. The school was not named."
MODELS = ["--model", "gpt-4o-mini", "--model", "gpt-4o"]
SAYS = {
    "gpt-4o-mini": "The council agreed to repair the bridge. It costs 40,000 euros.",
    "gpt-4o": "The council agreed to repair the bridge. It costs 90,000 euros.",
}


@pytest.fixture
def story(tmp_path: Path) -> str:
    """A file with a text."""
    file = tmp_path / "story.txt"
    file.write_text(TEXT, encoding="utf-8")
    return str(file)


@pytest.fixture(autouse=True)
def online(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """A server that the environment leads to."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)

    def answer(body: dict[str, Any]) -> Reply:
        return ok(SAYS[body["model"]]) if body["model"] in SAYS else error(404, message="unknown")

    server.handler = answer
    return server


def test_compare_summaries(story: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Replies and a table go to stdout, the bill and warnings to stderr, the page to its file."""
    page = tmp_path / "page.html"
    assert main(["compare", story, *MODELS, "--length", "30", "--html", str(page)]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"gpt-4o-mini\n===========\n{SAYS['gpt-4o-mini']}\n")
    assert "only here: 90,000" in printed.out
    assert "say is in both replies" in printed.out
    assert "gpt-4o-mini, gpt-4o, 2 calls" in printed.err
    assert 'warning: gpt-4o: the number "90,000" does not stand in the source' in printed.err
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_compare_a_prompt_alone(online: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file the prompt stands alone; --quiet tells nothing else; --json is JSON."""
    line = ["compare", *MODELS, "--prompt", "Why?", "--system", "Be brief.", "--temperature", "0"]
    assert main([*line, "--quiet", "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert Comparison.from_json(printed.out).prompt == "Why?"
    assert online.bodies[0]["temperature"] == 0


def test_a_failed_model_is_told_by_the_exit_code(
    story: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the others replied is printed, and the exit code says that one did not."""
    assert main(["compare", story, *MODELS, "--model", "gpt-4.1-mini"]) == 3
    assert "gpt-4.1-mini: HTTP 404 (no code): unknown" in capsys.readouterr().out


def test_dry_run(online: ChatServer, story: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--dry-run prints a row for each model and sends nothing."""
    assert main(["compare", story, *MODELS, "--dry-run", "--length", "short"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("gpt-4o-mini ")
    assert not online.requests
    assert main(["compare", story, *MODELS, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verb"] == "compare"


def test_many_differences_are_cut(
    online: ChatServer, story: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of very much that one alone says, the first lines are printed."""
    long = " ".join(f"The {n}th otter swam to village number {n}." for n in range(100, 130))
    online.handler = lambda body: ok(long if body["model"] == "gpt-4o" else "Nothing at all.")
    main(["compare", story, *MODELS])
    printed = capsys.readouterr().out
    assert printed.count("only here:") == 9
    assert "more; see --html or --json" in printed


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--prompt", "Why?"], "compare needs models: name each with --model"),
        ([*MODELS], "a source to summarize, or a prompt"),
        ([*MODELS, "--prompt", "Why?", "--length", "9"], "length is about a summary"),
        ([*MODELS, "--prompt", "Why?", "--html", "/nowhere/x.html"], "there is no such folder"),
    ],
)
def test_complaints(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be done is one line and exit code 2."""
    assert main(["compare", *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_a_model_that_cannot_be_asked_is_told_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run names it, with the reason."""
    book = tmp_path / "book.txt"
    book.write_text("A word. " * 9_000, "utf-8")
    models = ["--model", "gpt-4o-mini", "--model", "gpt-3.5-turbo"]
    wishes = ["--prompt", "Why?", "--reply-tokens", "9", "--seed", "1", "--dry-run"]
    assert main(["compare", str(book), *models, *wishes]) == 0
    told = capsys.readouterr().out
    assert "note: gpt-3.5-turbo cannot be asked: the prompt has " in told
