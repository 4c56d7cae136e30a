"""The translator of catalogues: only what is new is asked for, and CI is told by the exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polib
import pytest
from programs import EXAMPLES, load

from server import ChatServer, Reply
from translating import parts, reply, translated

translator = load("catalogue_translator")
FOLDER = EXAMPLES / "catalogue_translator"


def answer(body: dict[str, Any]) -> Reply:
    """Translate all but what is called broken, of which a placeholder is lost."""
    return reply(
        {
            number: "kaputt" if "broken" in text else translated(text)
            for number, text in parts(body).items()
        }
    )


@pytest.fixture(autouse=True)
def _environment(server: ChatServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.chdir(tmp_path)
    server.handler = answer
    shutil.copy(FOLDER / "messages.json", tmp_path)
    shutil.copy(FOLDER / "messages.pot", tmp_path)


def run(source: str, *languages: str, check: bool = False) -> int:
    """Run the program."""
    code: int = translator.main([source, *(["--check"] if check else []), "--to", *languages])
    return code


def read(name: str) -> Any:  # noqa: ANN401 - any JSON
    """Read a file of JSON."""
    return json.loads(Path(name).read_text("utf-8"))


def asked(server: ChatServer) -> list[str]:
    """Return the texts that were asked for, in order."""
    return [text for body in server.bodies for text in parts(body).values()]


def test_a_catalogue_is_translated_into_each_language(server: ChatServer) -> None:
    """Each language gets a file of the same structure, lists and placeholders included."""
    assert run("messages.json", "de", "fr") == 0
    german = read("messages.de.json")
    assert german["start"]["hello"] == "Hellou {name}, youu haveu {count} newu messagesu"
    assert german["cart"]["steps"] == ["Addressu", "Paymentu", "Doneu"]
    assert german.keys() == read("messages.fr.json").keys() == read("messages.json").keys()
    assert len(server.requests) == 2


def test_only_what_is_new_is_asked_for(server: ChatServer) -> None:
    """Texts that are new or changed are translated; others stay, mended by a person or not."""
    run("messages.json", "de")
    german = read("messages.de.json")
    german["cart"]["add"] = "In den Warenkorb"
    Path("messages.de.json").write_text(json.dumps(german), "utf-8")
    source = read("messages.json")
    source["start"]["search"] = "Search"
    source["cart"]["pay"] = "Pay now"
    del source["cart"]["steps"]
    Path("messages.json").write_text(json.dumps(source), "utf-8")
    server.requests.clear()
    assert run("messages.json", "de") == 0
    assert asked(server) == ["Search", "Pay now"]
    assert read("messages.de.json")["cart"] == {
        "add": "In den Warenkorb",
        "empty": german["cart"]["empty"],
        "pay": "Payu nowu",
    }


def test_without_news_nothing_is_sent(server: ChatServer) -> None:
    """A second run asks for nothing, and --check says that all is there."""
    for source in ("messages.json", "messages.pot"):
        assert run(source, "de", check=True) == 1
        assert run(source, "de") == 0
        server.requests.clear()
        assert run(source, "de") == 0
        assert run(source, "de", check=True) == 0
        assert server.requests == []


def test_what_could_not_be_translated_is_new_the_next_time(
    server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The source stands in its place, CI is told, and the next run asks for it again."""
    Path("messages.json").write_text('{"a": "Fine", "b": "A broken {thing}"}', "utf-8")
    assert run("messages.json", "de") == 3
    assert read("messages.de.json") == {"a": "Fineu", "b": "A broken {thing}"}
    assert "de: 'A broken {thing}': '{thing}' was lost" in capsys.readouterr().err
    server.requests.clear()
    assert run("messages.json", "de") == 3
    assert set(asked(server)) == {"A broken {thing}"}


def test_a_gettext_catalogue_gets_the_plurals_of_its_language(server: ChatServer) -> None:
    """New messages of the template are merged in, and translations that are there stay."""
    assert run("messages.pot", "pl") == 0
    polish = polib.pofile("messages.pl.po")
    cart, boats = polish
    assert cart.msgstr == "Addu tou cartu"
    assert sorted(boats.msgstr_plural) == [0, 1, 2]
    cart.msgstr = "Do koszyka"
    polish.save()
    with Path("messages.pot").open("a", encoding="utf-8") as template:
        template.write('\nmsgid "Pay now"\nmsgstr ""\n')
    server.requests.clear()
    assert run("messages.pot", "pl") == 0
    assert [entry.msgstr for entry in polib.pofile("messages.pl.po")] == [
        "Do koszyka",
        "",
        "Payu nowu",
    ]
    assert asked(server) == ["Pay now"]


def test_what_cannot_be_read_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A language that is not known, or a file that is no JSON, ends it."""
    assert run("messages.json", "Germn") == 1
    Path("messages.json").write_text("{", "utf-8")
    assert run("messages.json", "de") == 1
    assert "did you mean German" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["mesages.json", "mesages.pot"])
def test_a_source_that_is_not_there_empties_nothing(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip in the name, or a source that was moved, leaves the translations as they are."""
    Path("mesages.de.json").write_text('{"hello": "Hallo"}', "utf-8")
    assert run(name, "de") == 1
    assert f"there is no file {name!r}" in capsys.readouterr().err
    assert read("mesages.de.json") == {"hello": "Hallo"}


@pytest.mark.parametrize(
    ("text", "told"), [("[1]", "is no catalogue: give an object"), ("{", "is not JSON in UTF-8")]
)
def test_what_is_no_catalogue_is_told_by_its_name(
    text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any of three files may be wrong; the message says which."""
    Path("messages.de.json").write_text(text, "utf-8")
    assert run("messages.json", "de", check=True) == 1
    assert f"messages.de.json {told}" in capsys.readouterr().err
