"""The corpus job: a folder of documents on workers of Dask, which here are threads."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import pytest
from programs import EXAMPLES, load

from server import ChatServer, ok

job = load("corpus_job")
ARCHIVE = EXAMPLES / "corpus_job" / "archive"


@pytest.fixture(autouse=True)
def _workers(server: ChatServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.chdir(tmp_path)
    where = {"processes": False, "threads_per_worker": 1, "protocol": "tcp", "host": "127.0.0.1"}
    monkeypatch.setattr(job, "LocalCluster", partial(job.LocalCluster, **where))


def rows() -> list[dict[str, str]]:
    """Read the table, in the order of the names."""
    with Path("summaries.csv").open(encoding="utf-8-sig", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: row["name"])


def test_each_document_becomes_a_row(
    server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Workers summarize the documents; a second run pays for nothing twice."""
    server.handler = lambda _: ok("In short.")
    arguments = [str(ARCHIVE), "--partition", "2"]
    assert job.main(arguments) == 0
    assert [row["name"] for row in rows()] == [f"2026-0{month}.txt" for month in range(1, 5)]
    assert {(row["summary"], row["words"], row["error"]) for row in rows()} == {
        ("In short.", "2", "")
    }
    assert len(server.requests) == 4
    assert job.main(arguments) == 0
    assert len(server.requests) == 4
    told = capsys.readouterr()
    assert told.out.count("documents        4") == 2
    assert "4 documents, 0.0" in told.err


def test_a_budget_that_is_too_small_stops_it(
    server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """One budget holds for all workers."""
    assert job.main([str(ARCHIVE), "--budget", "0.00001"]) == 1
    assert "budget" in capsys.readouterr().err
    assert server.requests == []


def test_a_document_that_fails_is_a_row(server: ChatServer, tmp_path: Path) -> None:
    """What is wrong with one document is its error; a cluster that is there does the work."""
    server.handler = lambda _: ok("In short.")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("The bridge is closed.", "utf-8")
    (tmp_path / "texts" / "b.txt").write_text(" ", "utf-8")
    with job.LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0") as cluster:
        arguments = [str(tmp_path / "texts"), "--scheduler", cluster.scheduler_address]
        assert job.main(arguments) == 3
    assert [row["error"].partition(":")[0] for row in rows()] == ["", "SourceError"]


def test_what_cannot_be_begun_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No workers, and a cluster that is not there, are each a line."""
    with pytest.raises(SystemExit):
        job.main([str(ARCHIVE), "--workers", "0"])
    assert "--workers 0 would do nothing" in capsys.readouterr().err
    monkeypatch.setattr(job, "Cluster", partial(job.Cluster, timeout="10ms"))
    assert job.main([str(ARCHIVE), "--scheduler", "tcp://127.0.0.1:1"]) == 1
    assert "tcp://127.0.0.1:1" in capsys.readouterr().err
