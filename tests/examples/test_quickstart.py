"""The first program that a newcomer runs."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from programs import EXAMPLES

PROGRAM = str(EXAMPLES / "quickstart.py")


@pytest.fixture(autouse=True)
def _without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_it_summarizes_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It plans, summarizes, and shows what it took."""
    monkeypatch.setattr("sys.argv", [PROGRAM, str(EXAMPLES / "notes.txt")])
    runpy.run_path(PROGRAM, run_name="__main__")
    assert "Cost: 0 USD" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A newcomer meets a line and no traceback."""
    monkeypatch.setattr("sys.argv", [PROGRAM, str(tmp_path / "nowhere.txt")])
    with pytest.raises(SystemExit, match="no such file"):
        runpy.run_path(PROGRAM, run_name="__main__")
