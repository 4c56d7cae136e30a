"""What was guessed or left out in reading a source stands in what is made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from minikit import Client, Document, Summary
from server import ChatServer, ok
from translating import parts, reply, translated

if TYPE_CHECKING:
    from pathlib import Path

    from server import Body, Reply

pytestmark = pytest.mark.filterwarnings("ignore::minikit.SourceWarning")


@dataclass
class Place:
    """What is looked for."""

    city: str


def answered(body: Body) -> Reply:
    """Return a reply that any of the verbs can read."""
    if texts := parts(body):
        return reply({number: translated(text) for number, text in texts.items()})
    if "city" in str(body.get("response_format")):
        return ok(json.dumps({"items": [{"quotes": ["Zürich"], "city": "Zürich"}]}))
    if "claims" in str(body.get("response_format")):
        return ok(json.dumps({"found": False, "claims": []}))
    return ok("Snow fell on Zürich.")


@pytest.fixture
def guessed(tmp_path: Path) -> Path:
    """Return a file whose encoding is guessed."""
    file = tmp_path / "winter.txt"
    file.write_bytes("Im Winter fiel Schnee auf Zürich. Alle blieben zu Hause.".encode("cp1252"))
    return file


VERBS: dict[str, tuple[Any, ...]] = {
    "summarize": (),
    "ask": ("Where did snow fall?",),
    "extract": (list[Place],),
    "translate": ("English",),
    "compare": (["gpt-4o-mini"],),
}


def told(result: Any) -> list[str]:  # noqa: ANN401 - a result of any kind
    """Return what the notes tell of encodings."""
    return [note for note in result.notes if "winter.txt' is not UTF-8" in note]


@pytest.mark.parametrize("verb", list(VERBS))
def test_the_notes_of_a_result(server: ChatServer, guessed: Path, verb: str) -> None:
    """A guess stands in the result of each verb, also where the document was read before."""
    server.handler = answered
    with Client(base_url=server.base_url, api_key="k") as client:
        for source in (guessed, Document.from_path(guessed)):
            result = getattr(client, verb)(source, *VERBS[verb])
            assert len(told(result.replies[0] if verb == "compare" else result)) == 1


def test_needle_and_chat(guessed: Path) -> None:
    """So does one about what facts are hidden in, and what a chat knows; there once."""
    with Client(model="offline") as client:
        assert len(told(client.needle(guessed, lengths=[400], depths=[0.5]))) == 1
        chat = client.chat(knowledge=guessed)
        assert [len(told(chat.send(words))) for words in ("Snow?", "Where?")] == [1, 0]


def test_folders_and_joined_documents(guessed: Path) -> None:
    """What was left out of a folder is told by each of its documents, and once by the whole."""
    folder = guessed.parent
    (folder / "empty.txt").touch()
    (folder / "more.txt").write_text("More.", "utf-8")
    read = Document.from_folder(folder)
    (note,) = Document.from_path(folder).notes
    assert [each.notes for each in read] == [(note,), (note,)]
    assert "1 empty" in note
    assert "winter.txt' is not UTF-8" in note
    assert Document.join([Document(text="a"), *read, *read]).notes == (note,)


def test_a_text_that_names_a_file(guessed: Path) -> None:
    """Who gives a path as a str is told in the result too."""
    (note,) = Document.of(str(guessed)).notes
    assert "was read as a text" in note
    assert Document.of("Words.").notes == ()


def test_a_saved_summary_keeps_them(guessed: Path) -> None:
    """They stand in the JSON of a result."""
    with Client(model="offline") as client:
        summary = client.summarize(guessed)
    assert Summary.from_json(summary.to_json()).notes == summary.notes


def test_many_documents(guessed: Path) -> None:
    """What was left out of a folder is told in the report, and a guess with its document."""
    (guessed.parent / "empty.txt").touch()
    with Client(model="offline") as client, client.summarize_many(guessed.parent) as outcomes:
        ((outcome,), report) = (list(outcomes), outcomes.report)
    assert len(told(outcome.result)) == 1
    assert len([note for note in report.notes if "1 read; 1 empty" in note]) == 1
