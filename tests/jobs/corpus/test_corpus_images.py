"""Images as the documents of a corpus: receipts, photographs, scans."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from minikit import AsyncClient, Description, Document, DocumentOutcome, Retry, SourceError
from minikit.text.document import SourceWarning
from pictures import data_url, png
from server import ChatServer, error, ok

FAST = Retry(wait_initial_s=0.0, attempts=2)


class Receipt(BaseModel):
    """A receipt."""

    shop: str
    total: float


@pytest.fixture
def receipts(tmp_path: Path) -> Path:
    """A folder of receipts, which differ in size, one in a folder in it and one that is none."""
    folder = tmp_path / "receipts"
    (folder / "2026").mkdir(parents=True)
    for at, name in enumerate(("a.png", "b.PNG", "2026/c.png"), start=1):
        (folder / name).write_bytes(png(at, at))
    (folder / "broken.jpg").write_bytes(b"no image")
    (folder / "notes.txt").write_text("Not an image.")
    return folder


def client_of(server: ChatServer) -> AsyncClient:
    """Return a client of the server."""
    return AsyncClient(api_key="k", base_url=server.base_url, retry=FAST)


async def read(outcomes: Any) -> list[DocumentOutcome[Any]]:  # noqa: ANN401 - of any verb
    """Return all outcomes of a stream that is not open."""
    return [outcome async for outcome in outcomes]


@pytest.mark.anyio
async def test_a_folder_of_receipts(server: ChatServer, receipts: Path, tmp_path: Path) -> None:
    """Each image has its values; what is no image by its name is told, and one that is none fails.

    A second run looks only at what is new or has changed, and at what had failed.
    """
    server.handler = lambda _: ok('{"shop": "Bakery", "total": 4.5}')
    asked: Any = {"verb": "describe", "schema": Receipt, "output": tmp_path / "out"}
    async with client_of(server) as client:
        for sent in (3, 1):
            begun = len(server.requests)
            told = r"1 without the name of an image \(notes\.txt\)"
            with pytest.warns(SourceWarning, match=told):
                found = await read(client.run_many(receipts, **asked))
            assert [outcome.name for outcome in found] == [
                *("2026/c.png", "a.png", "b.PNG", "broken.jpg")
            ]
            assert [type(outcome.error) for outcome in found] == [type(None)] * 3 + [SourceError]
            assert len(server.requests) - begun == sent
            (receipts / "a.png").write_bytes(png(9, 9))
    path = found[0].path
    assert path is not None
    (row, *_) = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert row["result"]["parsed"] == {"shop": "Bakery", "total": 4.5}


@pytest.mark.anyio
async def test_images_by_any_way(server: ChatServer, receipts: Path) -> None:
    """Bytes, addresses, files, and a folder of pages that belong together are images."""
    server.handler = lambda _: ok("A receipt.")
    sources: list[Any] = [
        png(2, 2),
        "https://me:secret@shop.example/1.png?key=secret",
        data_url(png(3, 3)),
        receipts / "a.png",
        receipts / "2026",
        Document(text="No image."),
        "No image.",
        5,
    ]
    async with client_of(server) as client:
        found = await read(client.run_many(sources, verb="describe"))
        nothing = client.run_many(receipts / "*.txt", verb="describe")
        with pytest.raises(SourceError, match=r"there is no image in .*; left out: 1 without"):
            await read(nothing)
    assert [outcome.name for outcome in found[:2]] == [None, "shop.example/1.png"]
    assert all(isinstance(outcome.result, Description) for outcome in found[:5])
    assert [outcome.problem or "" for outcome in found[5:]] == [
        "SourceError: image 5 is a Document, and neither a Path (a file), bytes (what it holds) "
        "nor a str (an address)",
        "SourceError: image 1 is the str 'No image.', which is no http(s) or data: URL; a file is "
        "named with a Path: Path('No image.')",
        "SourceError: image 7 is a int, and neither a Path (a file), bytes (what it holds) nor a "
        "str (an address)",
    ]
    sent = [part["image_url"]["url"] for body in server.bodies for part in parts_of(body)]
    assert f"data:image/png;base64,{base64.b64encode(png(2, 2)).decode()}" in sent


def parts_of(body: Any) -> list[Any]:  # noqa: ANN401 - JSON
    """Return the images of a request."""
    content = body["messages"][-1]["content"]
    return [part for part in content if part["type"] == "image_url"]


@pytest.mark.anyio
async def test_what_is_missing_is_counted(server: ChatServer, receipts: Path) -> None:
    """A result that stands for a part of its images alone makes the run incomplete."""
    server.handler = lambda _: ok("A receipt.")
    async with client_of(server) as client:
        async with client.run_many([receipts], verb="describe") as outcomes:
            (found,) = [outcome async for outcome in outcomes]
        server.handler = lambda _: error(400)
        (failed,) = await read(client.run_many([png()], verb="describe"))
    assert found.figures.gaps == outcomes.report.incomplete == 1
    assert outcomes.report.failed == 0
    assert failed.error is not None
