"""Cassettes: recorded once from a server, replayed without one."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from anyio import to_thread
from hypothesis import given, settings

from minikit import (
    ArgumentError,
    AsyncClient,
    AuthenticationError,
    Client,
    MissingKeyError,
    RefusalError,
    RequestRejectedError,
    Retry,
    describe,
    summarize,
)
from minikit.calls.completion import well_formed
from minikit.testing import Cassette, UnexpectedRequestError
from minikit.testing.cassette import _Call
from minikit.testing.request import Request
from pictures import chunk, png
from server import ChatServer, error, ok, raw
from strategies import texts

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "gpt-4.1-mini"
SECRET = "sk-secret-0123456789"
TEXT = "The bridge was closed in March. Nobody knows why it fell.\n\n" * 200


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a cassette is recorded; its folder is not there yet."""
    return tmp_path / "cassettes" / "one.jsonl"


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch, server: ChatServer) -> ChatServer:
    """The real server, known to the environment with a key."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return server


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Read a cassette as anyone can."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_job_is_replayed_without_a_key(
    keyed: ChatServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is that of the recording, cost and all, in whatever order the calls come."""
    with Cassette(path, record="new") as cassette:
        recorded = summarize(TEXT, model=MODEL, chunk_tokens=1000, budget_usd=1)
    assert len(cassette.requests) == len(keyed.requests) == len(lines_of(path)) > 2
    monkeypatch.delenv("OPENAI_API_KEY")
    with Cassette(path) as cassette:
        replayed = summarize(TEXT, model=MODEL, chunk_tokens=1000, budget_usd=1)
        cassette.assert_all_used()
    assert len(keyed.requests) == len(cassette.requests)
    assert (str(replayed), replayed.cost_usd) == (str(recorded), recorded.cost_usd)


def test_a_line_is_for_people_and_holds_no_secret(keyed: ChatServer, path: Path) -> None:
    """A line has the request and the reply as JSON; no header but two of the reply."""
    keyed.script([ok("Grüße, 東京.", headers={"openai-organization": "acme"})])
    with Client(model=MODEL) as client, Cassette(path, record="new"):
        client.complete("Say hello.")
    (line,) = lines_of(path)
    assert line["request"] == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Say hello."}],
    }
    assert line["reply"]["choices"][0]["message"]["content"] == "Grüße, 東京."
    assert line["status"] == 200
    assert line["headers"].keys() == {"content-type", "x-request-id"}
    written = path.read_text("utf-8")
    assert "Grüße, 東京." in written
    assert SECRET not in written
    assert "acme" not in written


def test_a_stream_is_replayed_as_one(keyed: ChatServer, path: Path) -> None:
    """Its events stand in the line as a list, and come back one by one."""
    keyed.script([ok("One two three four five six seven eight nine ten, and so on and on.")])
    for record in ("new", "none"):
        with Client(model=MODEL) as client, Cassette(path, record=record):
            with client.stream("Count.") as stream:
                pieces = list(stream)
            assert len(pieces) > 1
            assert "".join(pieces).startswith("One two")
            assert not stream.completion.usage.estimated
    (line,) = lines_of(path)
    assert line["reply"][-1] == "[DONE]"
    assert line["reply"][1]["choices"][0]["delta"]["content"].startswith("One")


def test_what_a_server_says_to_the_request_is_recorded(keyed: ChatServer, path: Path) -> None:
    """A refusal that depends on the prompt comes again; HTML is kept as text."""
    keyed.script([error(400, code="content_filter", message="No."), raw(404, "text/html", b"<p>")])
    for record in ("new", "none"):
        with Client(model=MODEL) as client, Cassette(path, record=record):
            with pytest.raises(RefusalError, match=r"\): No"):
                client.complete("Say something bad.")
            with pytest.raises(RequestRejectedError, match="404"):
                client.complete("Say nothing.")
    assert [line["status"] for line in lines_of(path)] == [400, 404]
    assert lines_of(path)[1]["reply"] == "<p>"


def test_refusals_of_the_moment_are_not_recorded(keyed: ChatServer, path: Path) -> None:
    """The client tries again, and the recording has what came of it."""
    keyed.script([error(429, headers={"retry-after-ms": "1"}), error(500), ok("Hi."), error(401)])
    retry = Retry(wait_initial_s=0)
    with Client(model=MODEL, retry=retry) as client, Cassette(path, record="new"):
        assert str(client.complete("Hello")) == "Hi."
        with pytest.raises(AuthenticationError, match="401"):
            client.complete("Who am I?")
    assert [line["status"] for line in lines_of(path)] == [200]
    with Client(model=MODEL) as client, Cassette(path):
        assert client.complete("Hello").attempts == 1


def test_the_same_request_gets_its_replies_in_turn(keyed: ChatServer, path: Path) -> None:
    """The second time the second reply, and no third one."""
    keyed.script([ok("one"), ok("two")])
    with Client(model=MODEL) as client, Cassette(path, record="new"):
        assert [str(client.complete("Hello")) for _ in range(2)] == ["one", "two"]
    cassette = Cassette(path)
    with Client(model=MODEL) as client, cassette.standing():
        assert [str(client.complete("Hello")) for _ in range(2)] == ["one", "two"]
        with pytest.raises(UnexpectedRequestError, match="recorded 2 times, and was asked once"):
            client.complete("Hello")
    with cassette.standing(), Client(model=MODEL) as client:  # from the beginning again
        assert str(client.complete("Hello")) == "one"


def test_only_what_is_new_is_asked_for(keyed: ChatServer, path: Path) -> None:
    """The mode "new" adds to the file, and "all" writes it anew."""
    keyed.script([ok("one"), ok("two"), ok("three")])
    with Client(model=MODEL) as client:
        with Cassette(path, record="new"):
            client.complete("First")
        with Cassette(path, record="new"):
            assert [str(client.complete(each)) for each in ("First", "Second")] == ["one", "two"]
        assert len(lines_of(path)) == len(keyed.requests) == 2
        with Cassette(path, record="all"):
            assert str(client.complete("First")) == "three"
    assert [line["reply"]["choices"][0]["message"]["content"] for line in lines_of(path)] == [
        "three"
    ]


def test_recording_needs_a_key(path: Path) -> None:
    """Without one there is nobody to record."""
    client, missing = Client(model=MODEL), pytest.raises(MissingKeyError, match="OPENAI_API_KEY")
    with client, Cassette(path, record="new"), missing:
        client.complete("Hello")
    assert not path.exists()


def test_without_a_recording_a_request_fails(path: Path) -> None:
    """The error names the file, shows the request and says how to record it."""
    told = r"(?s)request 1 is not in .*one\.jsonl:.*user: Hello\n.*no recording yet.*record='new'"
    cassette = Cassette(path)
    client = Client(model=MODEL)
    with client, cassette.standing(), pytest.raises(UnexpectedRequestError, match=told):
        client.complete("Hello")
    with pytest.raises(UnexpectedRequestError, match="request 1"):
        cassette.check()


def test_the_nearest_recorded_request_is_shown(keyed: ChatServer, path: Path) -> None:
    """What differs is shown line by line, wherever in a long prompt it stands."""
    keyed.script([ok("one"), ok("two")])
    with Client(model=MODEL) as client, Cassette(path, record="new"):
        client.complete("Something else altogether.")
        client.complete(f"{TEXT}Say it in French.", temperature=0)
    cassette = Cassette(path)
    with Client(model=MODEL) as client, cassette.standing():
        with pytest.raises(UnexpectedRequestError, match="the nearest differs") as caught:
            client.complete(f"{TEXT}Say it in German.", temperature=0)
        assert str(caught.value).splitlines()[-5:] == [
            "Of 2 calls the nearest differs, - as recorded, + as asked:",
            "     Nobody knows why it fell.",
            "    -Say it in French.",
            "    +Say it in German.",
            "Record it with a key and record='new' (pytest --minikit-record=new)",
        ]
        with pytest.raises(UnexpectedRequestError, match=r"(?s)-temperature: 0\n.*\+seed: 7\n"):
            client.complete(f"{TEXT}Say it in French.", seed=7)
        many = "\n".join(f"Line {number}" for number in range(100))
        with pytest.raises(UnexpectedRequestError, match=r"\[\.\.\. \d+ more lines \.\.\.\]"):
            client.complete(many)


def test_calls_that_are_not_made_can_be_found(keyed: ChatServer, path: Path) -> None:
    """A recording that has grown old is told on request."""
    keyed.script([ok("one"), ok("two")])
    with Client(model=MODEL) as client:
        with Cassette(path, record="new"):
            client.complete("First")
            client.complete("Second")
        with Cassette(path) as cassette:
            client.complete("First")
    told = r"(?s)1 of 2 calls in .* not made.*user: Second\n.*record='all'"
    with pytest.raises(AssertionError, match=told):
        cassette.assert_all_used()


def test_images_are_recorded_by_their_hash(keyed: ChatServer, path: Path, tmp_path: Path) -> None:
    """A picture is not for people to read; another one is another request."""
    pictures = []
    for number, side in enumerate((700, 701)):
        pictures.append(tmp_path / f"{number}.png")
        pictures[-1].write_bytes(png(side, side, extra=chunk(b"tEXt", bytes(2000))))
    keyed.script([ok("A square.")])
    with Cassette(path, record="new"):
        described = str(describe(pictures[0], model=MODEL))
    (line,) = lines_of(path)
    written = json.dumps(line["request"])
    assert "sha256:" in written
    assert base64.b64encode(pictures[0].read_bytes())[:60].decode() not in written
    with Cassette(path):
        assert str(describe(pictures[0], model=MODEL)) == described
    cassette = Cassette(path)
    with cassette.standing(), pytest.raises(UnexpectedRequestError, match="not in"):
        describe(pictures[1], model=MODEL)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "7",
        "{}",
        '{"request": {}, "status": "x", "headers": {}, "reply": {}}',
        '{"request": [], "status": 200, "headers": {}, "reply": {}}',
        '{"request": {"model": "m", "messages": "x"}, "status": 200, "headers": {}, "reply": {}}',
        '{"request": {"model": "m", "messages": [7]}, "status": 200, "headers": {}, "reply": {}}',
        "\udcff",
    ],
    ids=range(9),
)
def test_a_broken_line_is_told(path: Path, line: str) -> None:
    """A file that was damaged by hand names the line and the way out."""
    path.parent.mkdir()
    path.write_text(f"\r\n{line}\n", "utf-8", errors="surrogateescape", newline="")
    with pytest.raises(
        ArgumentError, match=r"line 2 of .*one\.jsonl is no recorded call .*record="
    ):
        Cassette(path).__enter__()


def test_the_mode_is_checked(path: Path) -> None:
    """A misspelt mode fails where it stands."""
    with pytest.raises(ArgumentError, match="record is one of none, new, all, not 'nwe'"):
        Cassette(path, record="nwe")  # type: ignore[arg-type] # the point of the test


@pytest.mark.anyio
async def test_what_is_no_completion_is_not_recorded(path: Path) -> None:
    """Other endpoints are refused, and the message names the path."""
    cassette = Cassette(path)

    async def forward(body: bytes) -> Any:  # noqa: ANN401
        raise AssertionError(body)

    with pytest.raises(UnexpectedRequestError, match="'/v1/models': only chat completions"):
        await cassette.respond("/v1/models", b"", forward)
    with pytest.raises(UnexpectedRequestError, match="/v1/models"):
        cassette.check()


def test_a_budget_is_replayed_as_it_was(path: Path) -> None:
    """With a budget OpenAI is asked for the default tier, in the recording and in the replay."""
    client = Client(model=MODEL, budget_usd=1)
    missed = pytest.raises(UnexpectedRequestError, match='tier="default"')
    with client, Cassette(path).standing(), missed:
        client.complete("Hello")


@pytest.mark.anyio
async def test_async_clients_are_recorded(path: Path, server: ChatServer) -> None:
    """The file is written in a thread, so that the event loop goes on."""
    cassette = Cassette(path, record="new")
    with await to_thread.run_sync(cassette.standing):
        async with AsyncClient(model=MODEL, api_key=SECRET, base_url=server.base_url) as client:
            await client.complete("Hello")
    assert len(lines_of(path)) == 1


@settings(max_examples=30)
@given(texts(), texts())
def test_any_text_is_kept(asked: str, said: str) -> None:
    """A line is one line whatever stands in it, and reads back as it was."""
    sent = well_formed(asked)  # as it goes over the wire
    request = Request(body={"model": "m", "messages": [{"role": "user", "content": sent}]})
    reply = json.dumps({"choices": [said]}).encode()
    call = _Call(request=request, status=200, headers={"content-type": "x"}, body=reply)
    line = call.to_json().encode("utf-8", "backslashreplace")
    assert b"\n" not in line
    assert _Call.from_json(line) == call
