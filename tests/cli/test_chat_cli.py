"""What `minikit chat` does with lines, files, failures and Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from minikit import Conversation
from minikit.cli.main import main
from processes import running
from server import ChatServer, error, held, ok, prompt_of, stream


@pytest.fixture
def online(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """A server that the environment leads to."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return server


class Terminal(io.StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        """Be one."""
        return True


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Let a file be stdin."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "ascii"))


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let somebody type."""
    monkeypatch.setattr(sys, "stdin", Terminal(text))


def test_lines_of_a_pipe(
    online: ChatServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line is a message; replies go to stdout, the bill to stderr."""
    piped(monkeypatch, "\ufeffI am Zoë.\r\n\n  \nWho am I?\n\xff".encode())
    online.script([ok("Hello Zoë."), ok("You are Zoë."), ok("Pardon?")])
    limits = ["--reply-tokens", "50", "--temperature", "0.5", "--seed", "7"]
    assert main(["chat", "--system", "Be kind.", *limits]) == 0
    sent = online.bodies[0]
    assert (sent["max_completion_tokens"], sent["temperature"], sent["seed"]) == (50, 0.5, 7)
    printed = capsys.readouterr()
    assert printed.out == "Hello Zoë.\nYou are Zoë.\nPardon?\n"
    assert printed.err.startswith("minikit: gpt-4o-mini, 3 calls, ")
    assert [message["content"] for message in online.bodies[1]["messages"]] == [
        "Be kind.",
        "I am Zoë.",
        "Hello Zoë.",
        "Who am I?",
    ]


def test_what_is_not_utf8_is_replaced(
    online: ChatServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes that mean nothing end no conversation."""
    piped(monkeypatch, b"Caf\xe9?")
    online.script([ok("Yes.")])
    assert main(["chat", "--quiet"]) == 0
    assert capsys.readouterr() == ("Yes.\n", "")
    assert online.bodies[0]["messages"][0]["content"] == "Caf\ufffd?"


def test_a_saved_conversation_goes_on(
    online: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """The file is made, kept after each message, and read again; nobody else can read it."""
    state, system, known = (tmp_path / name for name in ("state.json", "system", "known.md"))
    system.write_text("Be kind.", "utf-8-sig")
    known.write_text("We open at nine.", "utf-8")
    options = ["--state", str(state), "--knowledge", str(known), "--budget", "0.50"]
    online.script([ok("At nine."), ok("At five.")])
    piped(monkeypatch, b"When do you open?")
    assert main(["chat", *options, "--system-file", str(system)]) == 0
    assert len(Conversation.from_json(state.read_bytes()).messages) == 2
    assert os.name == "nt" or state.stat().st_mode & 0o777 == 0o600
    capsys.readouterr()
    piped(monkeypatch, b"And close?")
    assert main(["chat", *options, "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["text"] == "At five."
    assert " of it before)" in printed.err
    assert online.bodies[1]["messages"][0]["content"].startswith("Be kind.\n\n")
    assert len(online.bodies[1]["messages"]) == 4
    assert sorted(each.name for each in tmp_path.iterdir()) == ["known.md", "state.json", "system"]


def test_a_failure_ends_a_pipe(
    online: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """What came before it is kept, and what it has cost is told."""
    half = {"choices": [{"index": 0, "delta": {"content": "Half a"}}]}
    online.script([ok("Yes."), stream([half])])
    piped(monkeypatch, b"One?\nTwo?\nThree?\n")
    assert main(["chat", "--state", str(tmp_path / "state")]) == 1
    printed = capsys.readouterr()
    assert printed.out == "Yes.\nHalf a\n"
    assert ", and $0.0000" in printed.err
    assert "for calls that failed" in printed.err
    assert "minikit: the stream broke after some text" in printed.err
    assert len(Conversation.from_json((tmp_path / "state").read_bytes()).messages) == 2


def test_on_a_terminal_a_failure_ends_nothing(
    online: ChatServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message can be sent again; Ctrl-D ends it."""
    typed(monkeypatch, "One?\n\nOne?\n")
    online.script([error(401), ok("Yes.")])
    assert main(["chat"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "> > > Yes.\n> "
    assert "minikit: " in printed.err
    assert "API key" in printed.err
    assert len(online.bodies[1]["messages"]) == 1


def test_older_turns_are_told_of(
    online: ChatServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever talks long hears what is summarized, and what is wrong with it."""
    said = f"{'The parcel is late. ' * 20}\n" * 7
    online.handler = lambda body: ok(
        "They talked of it. " * (80 if "Write notes" in prompt_of(body) else 40)
    )
    model = ["--model", "small", "--context-window", "2000", "--max-output-tokens", "300"]
    piped(monkeypatch, said.encode())
    assert main(["chat", *model]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "minikit: the first 3 turns are summarized now"
    assert lines[1].startswith("minikit: note: the summary of older turns was longer than")
    assert lines[-1].startswith("minikit: small, ")


def test_offline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a key it answers with passages, where there are any to answer with."""
    piped(monkeypatch, b"bridge?")
    notes = Path(__file__).parents[2] / "examples" / "notes.txt"
    assert main(["chat", "--knowledge", str(notes)]) == 0
    printed = capsys.readouterr()
    assert "bridge" in printed.out
    assert "note:" not in printed.err
    assert main(["chat"]) == 2
    assert "the offline model cannot talk" in capsys.readouterr().err


def test_nobody_says_anything(
    online: ChatServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty pipe costs nothing."""
    piped(monkeypatch, b"")
    assert main(["chat"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "minikit: no message, 0 calls, 0 tokens in, 0 out, $0.0000\n"
    assert not online.requests


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--state", "no-such-folder/state"], "there is no such folder"),
        (["--state", "."], "it is a folder"),
        (["--system-file", "no-such-file"], "cannot read 'no-such-file'"),
        (["--knowledge", "no-such-file"], "no-such-file"),
        (["--state", "broken"], "this is not a saved Conversation"),
    ],
)
@pytest.mark.usefixtures("online")
def test_files_that_cannot_be_used(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They are refused before anything is read from stdin."""
    monkeypatch.chdir(tmp_path)
    Path("broken").write_text("{", "utf-8")
    assert main(["chat", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_state_that_cannot_be_written(
    online: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """It is told, and nothing half-written stays behind."""
    state = tmp_path / "state"

    def reply(_: object) -> object:
        state.mkdir()  # after it was looked at
        return ok("Yes.")

    online.handler = reply  # type: ignore[assignment] # of a reply
    piped(monkeypatch, b"One?")
    assert main(["chat", "--state", str(state)]) == 2
    assert "minikit: cannot write" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_interrupt_ends_the_reply_alone(online: ChatServer) -> None:
    """Ctrl-C in a reply keeps the conversation; the message is not in it."""
    whole = "It opens at nine in the morning, and it closes at five in the evening."
    online.script([ok("Hello."), held(Event(), ok(whole), after=2), ok("Yes.")])
    with running(
        [sys.executable, "-m", "minikit", "chat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("Hello?\nWhen?\n")
        process.stdin.flush()
        assert process.stdout.readline() == "Hello.\n"
        assert process.stdout.read(10) == whole[:10]
        process.send_signal(signal.SIGINT)
        printed, told = process.communicate("Really?\n", timeout=20)
    assert printed.endswith("\nYes.\n")
    assert "minikit: interrupted; the message and its reply are not kept" in told
    assert process.returncode == 0
    assert [m["content"] for m in online.bodies[2]["messages"]] == ["Hello?", "Hello.", "Really?"]
