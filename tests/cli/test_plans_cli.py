"""The command `minikit plan`, and `minikit summarize --dry-run`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from minikit import Plan
from minikit.cli.main import main

TEXT = "# Letters\n\n" + "## Home\n\nThe sun is warm. I sat on the mat. A dog ran by.\n\n" * 60


@pytest.fixture
def letters(tmp_path: Path) -> str:
    """A file of 60 short sections."""
    file = tmp_path / "letters.md"
    file.write_text(TEXT, encoding="utf-8")
    return str(file)


def test_plan(letters: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It shows levels, cost, time and the tree, without a key or a network."""
    assert main(["plan", letters, "--chunk-tokens", "300"]) == 0
    head, levels, bounds, tree = capsys.readouterr().out.split("\n\n")
    assert head.endswith(" of source for gpt-4o-mini, in 5 chunks of at most 231")
    assert [line.split()[0] for line in levels.splitlines()] == ["operation", "map", "merge"]
    cost, time = bounds.splitlines()
    assert cost.startswith("cost: $0.000")
    assert time.startswith("time: likely ")
    assert time.endswith(" at least, 16 calls in flight")
    assert tree.startswith("summary: merge of 5 parts (characters, tokens, headings)\n├─ 1 ")
    assert tree.count(" tokens  Letters / Home\n") == 4


@pytest.mark.parametrize(
    ("arguments", "operation", "root"),
    [
        (["--strategy", "single"], "single", "one call"),
        (["--strategy", "refine", "--chunk-tokens", "300"], "refine", "refined over 5 parts"),
    ],
)
def test_strategy(
    letters: str,
    arguments: list[str],
    operation: str,
    root: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The strategy decides on the levels, and no calls in flight are told where there is one."""
    assert main(["plan", letters, *arguments]) == 0
    printed = capsys.readouterr().out
    assert f"\n{operation} " in printed
    assert f"summary: {root} " in printed
    assert "in flight" not in printed


def test_a_time_that_the_limits_tell(letters: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the likely time is the least, it is told once."""
    assert main(["plan", letters, "--chunk-tokens", "20", "--rpm", "1"]) == 0
    assert "\ntime: likely 1 h 12 min, 16 calls in flight, 1 request" in capsys.readouterr().out


def test_limits(letters: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What the account allows is part of the time."""
    limits = ["--rpm", "1", "--tpm", "2000"]
    assert main(["plan", letters, "--chunk-tokens", "300", *limits]) == 0
    printed = capsys.readouterr().out
    assert ", 16 calls in flight, 1 request a minute, 2,000 tokens a minute\n" in printed
    assert "time: likely 5 min " in printed
    assert main(["plan", letters, "--tpm", "9000", "--json"]) == 0
    read = Plan.from_json(capsys.readouterr().out)
    assert (read.requests_per_minute, read.tokens_per_minute) == (None, 9000)
    assert main(["plan", letters, "--rpm", "0"]) == 2
    assert "--rpm 0 is out of range" in capsys.readouterr().err


def test_a_price_that_is_not_known(letters: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told as such."""
    assert main(["plan", letters, "--model", "mine", "--context-window", "4000"]) == 0
    assert "\ncost: price unknown\n" in capsys.readouterr().out


def test_several_models(letters: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They stand side by side in a table, or in an array."""
    models = ["--model", "gpt-4o-mini", "--model", "gpt-4.1-nano", "--model", "gpt-4o"]
    assert main(["plan", letters, *models, "--chunk-tokens", "300"]) == 0
    head, table = capsys.readouterr().out.split("\n\n")
    assert head == f"{len(TEXT):,} characters of source"
    assert [line.split()[0] for line in table.splitlines()] == ["model", *models[1::2]]
    assert [line.endswith("cheapest") for line in table.splitlines()] == [False] * 2 + [True, False]
    assert main(["plan", letters, *models, "--json"]) == 0
    plans = [Plan.from_json(json.dumps(each)) for each in json.loads(capsys.readouterr().out)]
    assert [plan.model for plan in plans] == models[1::2]


def test_one_model_can_be_described(letters: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A window that is given for several models is refused."""
    models = ["--model", "mine", "--model", "yours", "--context-window", "4000"]
    assert main(["plan", letters, *models]) == 2
    assert "--context-window describes one model" in capsys.readouterr().err


def test_the_model_of_the_environment(
    letters: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no model is named, MINIKIT_MODEL is planned for."""
    monkeypatch.setenv("MINIKIT_MODEL", "gpt-4o")
    assert main(["plan", letters]) == 0
    assert " for gpt-4o, " in capsys.readouterr().out


def test_dry_run(
    letters: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints what plan prints, for the same options and model, and needs no key."""
    options = [letters, "--cite", "--chunk-tokens", "300", "--length", "50", "--rpm", "9"]
    for more in ([], ["--json"], ["--model", "gpt-4o"]):
        assert main(["plan", *options, *more]) == 0
        planned = capsys.readouterr().out
        assert main(["summarize", *options, *more, "--dry-run", "--budget", "1"]) == 0
        printed = capsys.readouterr()
        assert (printed.out, printed.err) == (planned, "")


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ("0", "minikit: the budget of $0.0000 is too small: nothing would be sent\n"),
        ("0.0002", "minikit: with the budget of $0.0002000 it may stop before its end\n"),
        ("1", ""),
    ],
)
@pytest.mark.parametrize("verb", [["summarize"], ["ask", "Who wrote?"]])
def test_dry_run_with_a_budget(
    letters: str, verb: list[str], budget: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the plan stands whether the budget is enough for it; nothing where it is."""
    assert main([*verb, letters, "--dry-run", "--budget", budget]) == 0
    assert capsys.readouterr().err == told
    assert main([*verb, letters, "--dry-run", "--budget", "20ct"]) == 2


@pytest.mark.parametrize(
    ("encoding", "sign"), [("utf-8", "├─"), ("ascii", "|-"), ("cp1252", "|-"), ("gbk", "├─")]
)
def test_terminals_without_boxes(
    letters: str, encoding: str, sign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tree is drawn by what the terminal says it can show."""
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, encoding=encoding))
    assert main(["plan", letters, "--chunk-tokens", "300"]) == 0
    sys.stdout.flush()
    assert f"\n{sign} 1 " in output.getvalue().decode()


def test_a_small_terminal(
    letters: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of the plan stays on the screen."""
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("LINES", "20")
    assert main(["plan", letters, "--chunk-tokens", "20"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 19
    assert max(map(len, lines[9:])) <= 50
    assert sum(" more …" in line for line in lines) == 1
