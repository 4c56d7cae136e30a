"""The reader of receipts: typed rows, totals held against the items, and what cannot be read."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from programs import EXAMPLES, load

from server import ChatServer, Reply, error, ok

reader = load("receipts_reader")
RECEIPTS = EXAMPLES / "receipts_reader" / "receipts"
SUMS: dict[str, Any] = {
    "bakery": {"items": [("rolls", "2.70"), ("loaf", "3.00")], "total": "5.70"},
    "cafe": {"items": [("coffee", "6.40")], "total": "10.30"},
    "chandler": {"items": [("rope", "31.00")], "total": None},
}


def receipt(shop: str) -> Reply:
    """What a model reads on a receipt."""
    items = [{"name": name, "price": price} for name, price in SUMS[shop]["items"]]
    known = {"shop": shop, "day": "2026-03-12", "currency": "EUR"}
    return ok(json.dumps({**known, "items": items, "total": SUMS[shop]["total"]}))


@pytest.fixture(autouse=True)
def _environment(server: ChatServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.chdir(tmp_path)
    formats = {"image/png": "bakery", "image/jpeg": "cafe", "image/webp": "chandler"}

    def handler(body: dict[str, object]) -> Reply:
        kind = json.dumps(body).partition("data:")[2].partition(";")[0]
        return receipt(formats[kind])

    server.handler = handler


def rows() -> dict[str, dict[str, str]]:
    """Return the table by the names of its files."""
    with Path("receipts.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_receipts_become_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """Each picture is a row; what does not add up, and what is torn, is told."""
    assert reader.main([str(RECEIPTS)]) == 3
    table = rows()
    assert table["bakery.png"] == {
        "file": "bakery.png",
        "shop": "bakery",
        "day": "2026-03-12",
        "currency": "EUR",
        "items": "rolls 2.70; loaf 3.00",
        "total": "5.70",
        "check": "",
    }
    assert table["cafe.jpg"]["check"] == "the items add up to 6.40, +3.90 to the total"
    assert table["chandler.webp"]["check"] == (
        "the total cannot be read; the items add up to 31.00"
    )
    assert "torn.jpg' is cut off or damaged" in table["torn.jpg"]["check"]
    told = capsys.readouterr()
    assert told.out.startswith("16.00 EUR\n4 receipts for 0.0")
    assert told.err.count("\n") == 3


def test_a_second_run_pays_for_new_pictures_alone(server: ChatServer, tmp_path: Path) -> None:
    """What was read is not read again."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes((RECEIPTS / "bakery.png").read_bytes())
    assert reader.main([str(folder)]) == 0
    (folder / "b.webp").write_bytes((RECEIPTS / "chandler.webp").read_bytes())
    assert reader.main([str(folder)]) == 3
    assert len(server.requests) == 2


def test_a_receipt_that_is_refused_does_not_cost_the_others(server: ChatServer) -> None:
    """A picture that the server refuses is a row that says so."""
    server.script([error(400, code="content_filter")])
    assert reader.main([str(RECEIPTS)]) == 3
    refused = [row["check"] for row in rows().values() if "not read" in row["check"]]
    assert len(refused) == 2  # and the torn one


def test_the_cost_is_told_before(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """--plan sends nothing."""
    assert reader.main([str(RECEIPTS), "--plan"]) == 0
    assert capsys.readouterr().out.startswith("4 receipts, at most 0.01")
    assert server.requests == []


def test_a_wrong_key_ends_it(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """What no picture is to blame for is told once."""
    server.handler = lambda _: error(401, message="no such key")
    assert reader.main([str(RECEIPTS)]) == 1
    assert "no such key" in capsys.readouterr().err


def test_a_folder_without_pictures_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip in the name of the folder writes no table of nothing."""
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert reader.main([str(folder)]) == 1
        assert f"no pictures in {str(folder)!r}: .jpeg, .jpg" in capsys.readouterr().err
    assert not Path("receipts.csv").exists()


def test_a_model_that_sees_nothing_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with every picture is not the check of each row."""
    assert reader.main([str(RECEIPTS), "--model", "offline"]) == 1
    assert capsys.readouterr().err.count("sees no images") == 1
    assert not Path("receipts.csv").exists()
