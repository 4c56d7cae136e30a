"""What `minikit translate` sends, prints and writes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from minikit import Translation
from minikit.cli.main import main
from server import ChatServer, error
from translating import parts, reply, translator, wrong

CATALOGUE = '{"hi": "Hello {name}", "bye": "Good bye"}'


@pytest.fixture
def online(server: ChatServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ChatServer:
    """A server that the environment leads to, and a catalogue in the current folder."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.chdir(tmp_path)
    Path("en.json").write_text(CATALOGUE, "utf-8")
    server.handler = translator()
    return server


def test_a_catalogue(online: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """The text goes to stdout as it is, the bill to stderr."""
    assert main(["translate", "en.json", "--to", "de"]) == 0
    printed = capsys.readouterr()
    assert printed.out == '{"hi": "Hellou {name}", "bye": "Goodu byeu"}'
    assert "gpt-4o-mini, 1 call, " in printed.err
    assert len(online.requests) == 1


def test_into_a_file(online: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing goes to stdout then, unless JSON was asked for."""
    assert main(["translate", "en.json", "--to", "de", "-o", "de.json", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert json.loads(Path("de.json").read_text("utf-8"))["bye"] == "Goodu byeu"
    assert main(["translate", "en.json", "--to", "de", "-o", "de.json", "-q", "--json"]) == 0
    result = Translation.from_json(capsys.readouterr().out)
    assert result.text == Path("de.json").read_text("utf-8")
    assert len(online.requests) == 2


def test_options(online: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """They reach the prompt; from stdin the format can be told."""
    Path("terms.csv").write_text("\ufeffTerm,Translation\nbye,Ade\n\n", "utf-8")
    online.handler = translator("prose")
    arguments = ["--from", "en", "--format", "text", "--instructions", "Say du."]
    arguments += ["--glossary", "terms.csv", "--chunk-tokens", "50", "--to", "de"]
    text = io.TextIOWrapper(io.BytesIO(b"Hello there.\r\n\r\nGood bye.\r\n"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", text)
        assert main(["translate", "-", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.out == "Hellou thereu.\r\n\r\nGoodu byeu.\r\n"
    assert (
        "minikit: line 3: 'bye' is not translated as 'Ade'; the translation was kept" in printed.err
    )
    assert "from English into German" in online.requests[0].prompt
    assert "Say du." in online.requests[0].prompt
    assert "bye = Ade" in online.requests[0].prompt


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "bye\tAde\n"),
        ("a.json", '{"bye": "Ade"}'),
        ("a.csv", "bye,Ade,x"),
        ("a.csv", "term;translation\nbye;Ade\n"),
    ],
)
def test_glossaries(online: ChatServer, name: str, content: str) -> None:
    """Each kind of file is read."""
    Path(name).write_text(content, "utf-8")
    assert main(["translate", "en.json", "--to", "de", "--glossary", name, "-q"]) == 0
    assert "bye = Ade" in online.requests[0].prompt


def test_one_language_at_a_time(online: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """The first of two is not dropped in silence."""
    assert main(["translate", "en.json", "--to", "de", "--to", "fr"]) == 2
    assert "one language at a time, and not de and fr" in capsys.readouterr().err
    assert online.requests == []


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "a.csv",
            "a,b\nbye",
            "line 2 of the glossary 'a.csv' is not a term and its translation: 'bye'",
        ),
        ("a.csv", ",b", "line 1 of the glossary"),
        ("a.json", "{", "the glossary 'a.json' is not JSON"),
        ("a.json", '["a"]', "the glossary 'a.json' is no object"),
        ("a.json", '{"a": 1}', "a term of a glossary is a text"),
        ("none.csv", None, "cannot read the glossary 'none.csv'"),
    ],
)
def test_bad_glossaries(
    online: ChatServer,
    name: str,
    content: str | None,
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The message names the file and the line, before anything is sent."""
    if content is not None:
        Path(name).write_text(content, "utf-8")
    assert main(["translate", "en.json", "--to", "de", "--glossary", name]) == 2
    assert told in capsys.readouterr().err
    assert online.requests == []


def test_a_lost_placeholder(online: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told even where it shall be quiet, and the exit code says so."""
    online.handler = lambda body: reply(dict.fromkeys(parts(body), "Hallo"))
    assert main(["translate", "en.json", "--to", "de", "--quiet"]) == 3
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"hi": "Hello {name}", "bye": "Hallo"}
    assert printed.err == "minikit: line 1: '{name}' was lost or changed; the source was kept\n"


def test_dry_run(online: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan is printed, and nothing is sent."""
    assert main(["translate", "en.json", "--to", "de", "--dry-run", "--retranslate"]) == 0
    assert capsys.readouterr().out.startswith("operation")
    assert online.requests == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--to", "Germn"], "did you mean German (de)"),
        (["--to", "de", "-o", "none/out.json"], "there is no such folder"),
        (["--to", "de", "--format", "po"], "line 1 of the source is not PO"),
        (["--to", "de", "--model", "offline"], "'offline' selects sentences and translates none"),
    ],
)
def test_bad_arguments(
    online: ChatServer, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what is wrong, before anything is sent."""
    assert main(["translate", "en.json", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert online.requests == []


@pytest.mark.parametrize("journal", [[], ["--journal", "replies.sqlite"]])
def test_what_was_done_is_told(
    online: ChatServer, journal: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a later call fails, a journal keeps what came before."""
    online.handler = lambda body: error(400) if wrong(body) else reply({1: "Hallo {name}"})
    assert main(["translate", "en.json", "--to", "de", *journal]) == 1
    told = capsys.readouterr().err
    assert "minikit: 1 text of 2 had been translated: " in told
    way = "the same command goes on from there" if journal else "with --journal PATH they would"
    assert way in told


def test_nothing_done_is_not_told(online: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A budget that is too small from the start leaves nothing behind."""
    assert main(["translate", "en.json", "--to", "de", "--budget", "0.00001"]) == 1
    assert "had been translated" not in capsys.readouterr().err
    assert online.requests == []
