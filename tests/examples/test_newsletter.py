"""The newsletter: letters that can go, those to look at, and runs that go on where one stopped."""

from __future__ import annotations

import csv
import signal
from pathlib import Path

import pytest
from programs import EXAMPLES, load

from minikit import Remaining, RowsProgress, Usage
from server import ChatServer, Reply, hang, ok, prompt_of

newsletter = load("newsletter")
SUBSCRIBERS = EXAMPLES / "newsletter" / "subscribers.csv"


def letter(body: dict[str, object]) -> Reply:
    """Write a letter to the reader who is named in the prompt."""
    name = prompt_of(body).rpartition("The reader: ")[2].partition(",")[0]
    if name == "Björn":
        return ok(f"Dear {name}, " + "we move. " * 60, finish_reason="length")
    if name == "Chloé":
        return ok("Dear [Name], " + "we move. " * 20)
    return ok(f"Dear {name}, " + "we move. " * 20)


@pytest.fixture(autouse=True)
def _environment(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    server.handler = letter


def table(path: Path) -> list[dict[str, str]]:
    """Read a file of the program's."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_letters_are_parted_from_those_to_look_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A letter with a doubt, and a row that could not be read, are told with the reason."""
    assert newsletter.main([str(SUBSCRIBERS), "--folder", str(tmp_path)]) == 3
    ready, doubtful = table(tmp_path / "letters.csv"), table(tmp_path / "review.csv")
    assert [row["name"] for row in ready] == ["Ada", "Dmitri", "Fatou"]
    assert ready[0]["letter"].startswith("Dear Ada, we move.")
    assert [(row["name"], row["why"].partition(" of '")[0]) for row in doubtful] == [
        ("Björn", "it is cut off"),
        ("Chloé", "it does not name the reader; it has a blank to fill in"),
        ("Esra", "SourceError: line 6"),
    ]
    assert capsys.readouterr().out.endswith(" USD, 3 to look at\n")


def test_a_second_run_pays_for_nothing_twice(server: ChatServer, tmp_path: Path) -> None:
    """What was written stays written, and is not asked for again."""
    rows = tmp_path / "all.csv"
    rows.write_text("name;bought;interest\nAda;rope;racing\nFatou;sail;fishing\n", "utf-8")
    assert newsletter.main([str(rows), "--folder", str(tmp_path)]) == 0
    assert newsletter.main([str(rows), "--folder", str(tmp_path)]) == 0
    assert len(server.requests) == 2
    assert [row["name"] for row in table(tmp_path / "letters.csv")] == ["Ada", "Fatou"]


def test_a_budget_that_is_too_small_stops_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what is missing, and a run with more money goes on."""
    folder = ["--folder", str(tmp_path)]
    assert newsletter.main([str(SUBSCRIBERS), "--budget", "0.0001", *folder]) == 1
    assert "budget" in capsys.readouterr().err
    assert newsletter.main([str(SUBSCRIBERS), *folder]) == 3


def test_ctrl_c_says_how_to_go_on(
    server: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who stops it is told that it can go on, and it does."""

    def interrupted(_: object) -> Reply:
        server.handler = letter
        signal.raise_signal(signal.SIGINT)
        return hang()

    server.handler = interrupted
    arguments = [str(SUBSCRIBERS), "--folder", str(tmp_path)]
    assert newsletter.main(arguments) == 1
    assert "stopped; the same command goes on from here" in capsys.readouterr().err
    assert newsletter.main(arguments) == 3


def test_progress_tells_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    """Each hundredth row tells how far it is, and what is left as soon as that is known."""
    left = Remaining(
        seconds=12.4,
        seconds_at_least=10,
        seconds_at_most=14,
        cost_usd=None,
        cost_usd_at_least=None,
        cost_usd_at_most=None,
    )
    for done, remaining in ((99, None), (100, None), (200, left)):
        newsletter.show(
            RowsProgress(
                done=done, failed=0, total=300, usage=Usage(), cost_usd=None, remaining=remaining
            )
        )
    assert capsys.readouterr().err == ("100 of 300\n200 of 300, about 12 s and $None more\n")


def test_offline_it_shows_the_course_of_it(tmp_path: Path) -> None:
    """Without a key sentences of the prompt stand in the place of letters, all to be looked at."""
    assert newsletter.main([str(SUBSCRIBERS), "--offline", "--folder", str(tmp_path)]) == 3
    assert len(table(tmp_path / "review.csv")) == 6
