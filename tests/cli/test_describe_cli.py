"""What `minikit describe` sends and prints."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from minikit.cli.main import main
from pictures import animated_gif, data_url, gif, png
from server import ChatServer, error, ok

CAT = png(512, 512)


@pytest.fixture
def cat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An image in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("cat.png").write_bytes(CAT)
    return "cat.png"


@pytest.fixture
def online(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """A server that the environment leads to."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return server


def urls(server: ChatServer) -> list[str]:
    """The addresses of all images that were sent."""
    return [
        part["image_url"]["url"]
        for body in server.bodies
        for part in body["messages"][-1]["content"]
        if part["type"] == "image_url"
    ]


def test_a_caption(online: ChatServer, cat: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The text goes to stdout; what images cost is told once, before the bill."""
    online.script([ok("A cat.")])
    assert main(["describe", cat]) == 0
    printed = capsys.readouterr()
    assert printed.out == "A cat.\n"
    note, *_, bill = printed.err.splitlines()
    assert note.startswith("minikit: note: gpt-4o-mini counts 1 image as 8,500 input tokens")
    assert "gpt-6-luna" in note
    assert bill.startswith("minikit: gpt-4o-mini, 1 call, 8,")
    assert urls(online) == [data_url(CAT)]


def test_quietly(online: ChatServer, cat: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --quiet there is the text alone."""
    online.script([ok("A cat.")])
    assert main(["describe", cat, "-q"]) == 0
    assert capsys.readouterr() == ("A cat.\n", "")


def test_a_question_about_several(
    online: ChatServer,
    cat: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files, addresses, data URLs and stdin may stand side by side."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gif())))
    address = "https://example.org/dog.png"
    online.script([ok("The dog.")])
    wish = ["--question", "Which is larger?", "--detail", "low", "--model", "gpt-4o"]
    assert main(["describe", cat, address, data_url(CAT), "-", *wish]) == 0
    assert capsys.readouterr().out == "The dog.\n"
    assert urls(online) == [data_url(CAT), address, data_url(CAT), data_url(gif(), "image/gif")]
    assert "Which is larger?" in str(online.bodies[0])


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_a_pipe(online: ChatServer, cat: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As a shell makes it of <(command): it is read once, for the plan and for the call."""
    os.mkfifo("pipe")
    writer = threading.Thread(target=Path("pipe").write_bytes, args=(CAT,))
    writer.start()
    online.script([ok("A cat.")])
    assert main(["describe", "pipe", "-q"]) == 0
    writer.join()
    assert capsys.readouterr().out == "A cat.\n"
    assert Path(cat).read_bytes() == CAT


def test_text(online: ChatServer, cat: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands in the image, and nothing else."""
    online.script([ok("Dear Ann")])
    assert main(["describe", cat, "--text", "--instructions", "Keep hyphens."]) == 0
    assert capsys.readouterr().out == "Dear Ann\n"
    assert "Write down all text in the image" in str(online.bodies[0])
    assert "Keep hyphens." in str(online.bodies[0])


def test_a_schema(online: ChatServer, cat: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The value goes to stdout as JSON."""
    schema = {"type": "object", "required": ["shop"], "properties": {"shop": {"type": "string"}}}
    Path("receipt.json").write_text(json.dumps(schema), "utf-8")
    online.script([ok('{"shop": "Baker"}')] * 2)
    assert main(["describe", cat, "--schema", "receipt.json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"shop": "Baker"}
    assert main(["describe", cat, "--schema", "receipt.json", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["parsed"] == {"shop": "Baker"}
    assert printed["images"][0]["tokens"] == 8_500


def test_a_dry_run(cat: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What it would take is printed without a key."""
    assert main(["describe", cat, cat, "--dry-run", "--language", "French"]) == 0
    told = capsys.readouterr().out
    assert "images: 2 images of 17,000 tokens, $0.0026" in told
    assert "note: gpt-4o-mini counts 2 images" in told
    assert main(["describe", cat, "--dry-run", "--json", "--budget", "0.001"]) == 0
    assert json.loads(capsys.readouterr().out)["detail"] == "low"


def test_a_model_of_your_own(
    server: ChatServer, cat: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is taken to see, and its counts for estimates."""
    server.script([ok("A cat.")])
    own = ["--model", "llava", "--context-window", "32000", "--base-url", server.base_url]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OPENAI_API_KEY", "none")
        assert main(["describe", cat, "-q", *own]) == 0
    assert capsys.readouterr().out == "A cat.\n"


def test_a_gap(online: ChatServer, cat: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An image that is refused is named, with --quiet too, and the exit code says so."""
    Path("dot.gif").write_bytes(gif())
    online.handler = lambda body: (
        error(400, code="content_filter") if "image/gif" in str(body) else ok("A cat.")
    )
    assert main(["describe", cat, "dot.gif", "-q"]) == 3
    printed = capsys.readouterr()
    assert printed.out.startswith("Image 1, cat.png:\nA cat.\n\nImage 2, dot.gif:\n[could not")
    assert printed.err == "minikit: dot.gif could not be looked at: content_filter\n"


def test_a_folder(online: ChatServer, cat: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its images are described; one that cannot be sent is told before, and named at the end."""
    Path("broken.jpg").write_bytes(b"II*\0")
    online.handler = lambda _body: ok("A cat.")
    assert main(["describe", ".", "--reply-tokens", "70"]) == 3
    printed = capsys.readouterr()
    assert printed.out.endswith(f"Image 2, {cat}:\nA cat.\n")
    told = printed.err.splitlines()
    assert told[0].startswith("minikit: note: left out: 'broken.jpg' is a TIFF")
    assert "minikit: broken.jpg could not be looked at: unreadable" in told
    assert printed.err.count("is a TIFF") == 1
    assert online.bodies[0]["max_completion_tokens"] == 70


def test_what_was_paid_for_is_printed(
    online: ChatServer, cat: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the job had to stop, the descriptions before that go to stdout."""
    Path("dot.gif").write_bytes(gif())
    online.handler = lambda body: (
        error(400, code="bad") if "image/gif" in str(body) else ok("A cat.")
    )
    assert main(["describe", cat, "dot.gif", "-q"]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("Image 1, cat.png:\nA cat.\n")
    assert "1 call failed for good" in printed.err
    assert main(["describe", cat, cat, "-q", "--budget", "0.00001", "--detail", "high"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""


def test_what_is_refused(cat: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line and exit code 2; without a key, that the offline model sees nothing."""
    Path("moves.gif").write_bytes(animated_gif())
    for arguments, complaint in (
        (["moves.gif", "--model", "gpt-4o"], "'moves.gif' is an animated GIF; save one frame"),
        (["gone.png", "--model", "gpt-4o"], "no such image: 'gone.png'"),
        ([cat, "--schema", "shop", "--model", "gpt-4o"], "--schema is MODULE:CLASS"),
        ([cat], "the model 'offline' sees no images: set OPENAI_API_KEY"),
    ):
        assert main(["describe", *arguments]) == 2
        assert complaint in capsys.readouterr().err.splitlines()[-1]
