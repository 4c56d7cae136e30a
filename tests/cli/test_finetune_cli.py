"""The command `minikit finetune`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from minikit.cli.main import main

if TYPE_CHECKING:
    import pytest


def written(path: Path, examples: int) -> str:
    """Write a training file and return its name."""
    file = path / "train.jsonl"
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
    with file.open("w", encoding="utf-8") as lines:
        for number in range(examples):
            messages[0]["content"] = f"Question {number}?"
            lines.write(json.dumps({"messages": messages}) + "\n")
    return str(file)


def test_a_file_that_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it holds and costs is printed, where the price is from is told beside."""
    assert main(["finetune", "check", written(tmp_path, 10), "--epochs", "2"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "examples  10",
        "tokens    160; 16 in the longest example",
        "epochs    2",
        "training  320 tokens for gpt-4o-mini",
        "cost      $0.0009600",
        "found     0 errors, 0 warnings",
    ]
    assert err.startswith("minikit: note: $3.00 per million tokens: OpenAI, Pricing")


def test_a_file_that_cannot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is that of a file that cannot be used, and the problems are named."""
    assert main(["finetune", "check", written(tmp_path, 9), "--model", "gpt-4o"]) == 2
    assert capsys.readouterr().out.endswith("error: 9 usable examples; at least 10 are needed\n")
    assert main(["finetune", "check", str(tmp_path / "none")]) == 2
    assert "minikit: cannot read" in capsys.readouterr().err


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json it is one object, with its notes in it."""
    assert main(["finetune", "check", "--json", written(tmp_path, 10)]) == 0
    out, err = capsys.readouterr()
    check = json.loads(out)
    assert (check["examples"], check["tokens"], check["epochs"]) == (10, 160, 10)
    assert check["notes"]
    assert err == ""
