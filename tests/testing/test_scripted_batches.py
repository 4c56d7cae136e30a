"""Batches of the scripted server: done at once, each request answered as the script says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import anyio
import pytest

from minikit import AsyncClient, Batch, Client, RequestRejectedError
from minikit.testing import (
    Cassette,
    ScriptedServer,
    UnexpectedRequestError,
    disconnected,
    error,
    raw,
    refusal,
    timeout,
)

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "gpt-4o-mini"
TEXT = "The bridge was closed in March. Nobody knows why it fell.\n\n" * 300

pytestmark = pytest.mark.filterwarnings("ignore:without a journal:UserWarning")


def answered(client: Client, rows: list[str]) -> list[str]:
    """Send rows in a batch, and tell of each what came of it."""
    outcomes = client.complete_many(rows, "{text}", engine=Batch(gather_s=0.05))
    return [str(outcome.completion or type(outcome.error).__name__) for outcome in outcomes]


def test_requests_of_a_batch_are_answered_at_half_the_price() -> None:
    """A row gets its own reply, though the results come in another order."""
    with Client(model=MODEL) as client, ScriptedServer() as server:
        server.reply(lambda request: request.prompt.upper(), times=3)
        assert answered(client, ["a", "b", "c"]) == ["A", "B", "C"]
        usage, cost_usd = client.ledger.total.usage, client.ledger.total.cost_usd
        (batch,) = client.batches()
    assert {request.prompt for request in server.requests} == {"a", "b", "c"}
    assert all(request.is_batched for request in server.requests)
    full_usd = usage.input_tokens * Decimal("0.15e-6") + usage.output_tokens * Decimal("0.6e-6")
    assert cost_usd == full_usd / 2
    assert (batch.status, batch.model, batch.requests, batch.completed) == (
        "completed",
        MODEL,
        3,
        3,
    )


def test_the_levels_of_a_job_are_batches() -> None:
    """A summary of many parts takes one batch for each level."""
    with Client(model=MODEL) as client, ScriptedServer() as server:
        server.reply("It was closed.", times=None)
        summary = client.summarize(TEXT, chunk_tokens=1000, engine="batch")
        requests = [batch.requests for batch in client.batches()]
    assert str(summary) == "It was closed."
    assert sum(requests) == len(server.requests) == len(summary.calls)
    assert requests[0] == 1


def test_what_fails_in_a_batch_is_told_request_by_request() -> None:
    """Errors, refusals and nonsense are those of one row; what expired or was lost goes again."""
    with Client(model=MODEL) as client, ScriptedServer() as server:
        server.reply(error(400), when="wrong")
        server.reply(refusal(), when="never")
        server.reply(raw("<html>"), when="strange", times=None)
        server.reply(timeout(), "in time", when="late")
        server.reply(disconnected(), "found", when="lost")
        rows = ["wrong", "never", "strange", "late", "lost", "new"]
        server.reply("fine")
        assert answered(client, rows) == [
            "RequestRejectedError",
            "RefusalError",
            "BadReplyError",
            "in time",
            "found",
            "fine",
        ]
        statuses = [batch.status for batch in client.batches()]
        assert client.ledger.total.unmeasured > 0, "what is missing may have been billed"
    assert statuses[-1] == "expired"
    assert statuses[0] == "completed"


def test_an_unexpected_request_of_a_batch_leaves_the_others_alone() -> None:
    """Its row says so, and the block ends in the error that the application has caught."""
    said: list[str] = []

    def application() -> None:
        with Client(model=MODEL) as client, ScriptedServer() as server:
            server.reply("fine", when="known")
            said.extend(answered(client, ["known", "strange"]))

    with pytest.raises(UnexpectedRequestError, match=r"(?s)not expected.*user: strange"):
        application()
    assert said == ["fine", "RequestRejectedError"]


@pytest.mark.anyio
async def test_async_clients_send_batches_too() -> None:
    """On both event loops, with a function that answers."""
    with ScriptedServer() as server:
        server.reply(lambda request: request.prompt.upper(), times=None)
        async with AsyncClient(model=MODEL) as client:
            rows = client.complete_many(["a", "b"], "{text}", engine="batch")
            assert [str(outcome.completion) async for outcome in rows] == ["A", "B"]


def test_a_journal_finds_what_a_batch_brought(tmp_path: Path) -> None:
    """What was answered in a batch is not asked for again."""
    with ScriptedServer() as server:
        server.reply("It was closed.", times=None)
        asked = []
        engines: tuple[Literal["batch", "local"], ...] = ("batch", "batch", "local")
        for engine in engines:
            with Client(model=MODEL, journal=tmp_path / "calls.sqlite") as client:
                client.summarize(TEXT, chunk_tokens=2000, engine=engine)
            asked.append(len(server.requests))
    assert asked[0] == asked[1] == asked[2] > 1


def test_a_cassette_records_the_requests_of_a_batch_one_by_one(tmp_path: Path) -> None:
    """They are asked of the real server as if each came alone, and replay in either way."""
    with Client(model=MODEL, api_key="sk-none") as client:
        real = ScriptedServer()
        real.reply(lambda request: request.prompt.upper(), times=2)
        with (
            real.serving() as base_url,
            Client(model=MODEL, api_key="sk-none", base_url=base_url) as recording,
            Cassette(tmp_path / "one.jsonl", record="new"),
        ):
            assert answered(recording, ["a", "b"]) == ["A", "B"]
        with Cassette(tmp_path / "one.jsonl") as cassette:
            assert answered(client, ["b", "a"]) == ["B", "A"]
            cassette.assert_all_used()
        assert [request.is_batched for request in cassette.requests] == [True, True]


BODY = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


def asked(server: ScriptedServer, path: str, body: bytes = b"") -> tuple[int, Any]:
    """Ask as a client on the wire; return the status and the JSON."""

    async def forward(_: bytes) -> Any:  # noqa: ANN401
        raise AssertionError

    reply = anyio.run(server.respond, f"/v1{path}", body, forward)
    assert isinstance(reply.body, bytes)
    return reply.status, json.loads(reply.body)


def uploaded(server: ScriptedServer, *lines: Mapping[str, object]) -> bytes:
    """Store a file, and return what asks for a batch of it."""
    rows = b"\n".join(json.dumps(line).encode() for line in lines)
    head = b'Content-Disposition: form-data; name="file"; filename="x.jsonl"\r\n\r\n'
    status, stored = asked(server, "/files", b"--x\r\n" + head + rows + b"\r\n--x--\r\n")
    assert status == 200
    return json.dumps({"input_file_id": stored["id"]}).encode()


def test_what_the_batch_api_refuses_is_refused() -> None:
    """With the statuses of the real one, so that a slip does not look like a faulty script."""
    server = ScriptedServer()
    server.reply("fine", times=None)
    assert asked(server, "/files", b"none")[0] == 400
    assert asked(server, "/files/file-0/content")[0] == 404
    assert asked(server, "/batches/batch_0")[0] == 404
    assert asked(server, "/batches/batch_0/cancel", b"{}")[0] == 404
    for slip in (b"[]", b"{", b'{"input_file_id": "file-0"}', uploaded(server)):
        assert asked(server, "/batches", slip)[0] == 400
    assert asked(server, "/batches", uploaded(server, {"custom_id": "1"}))[0] == 400
    status, made = asked(server, "/batches", uploaded(server, {"custom_id": "1", "body": BODY}))
    assert (status, made["status"]) == (200, "validating")
    assert asked(server, f"/batches/{made['id']}")[1]["status"] == "completed"
    assert asked(server, f"/batches/{made['id']}/cancel", b"{}")[0] == 409
    with pytest.raises(UnexpectedRequestError, match="for '/v1/files': only chat completions, and"):
        asked(server, "/files")
    with pytest.raises(UnexpectedRequestError, match="a body that asks for no chat completion"):
        asked(server, "/batches", uploaded(server, {"custom_id": "1", "body": {"model": MODEL}}))
    assert len(server.unexpected) == 2


def test_a_batch_cannot_stream() -> None:
    """As at OpenAI, such a request fails, and the others do not."""
    server = ScriptedServer()
    server.reply("fine", times=None)
    streamed = {"custom_id": "1", "body": {**BODY, "stream": True}}
    _, made = asked(server, "/batches", uploaded(server, streamed))
    _, shown = asked(server, f"/batches/{made['id']}")
    assert shown["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
    assert shown["output_file_id"] is None


def test_batches_are_listed_in_pages() -> None:
    """The newest first, from where a cursor says."""
    server = ScriptedServer()
    server.reply("fine", times=None)
    line = {"custom_id": "1", "body": BODY}
    made = [asked(server, "/batches", uploaded(server, line))[1]["id"] for _ in range(3)]
    _, page = asked(server, "/batches?limit=2")
    assert ([batch["id"] for batch in page["data"]], page["has_more"]) == (made[:0:-1], True)
    _, page = asked(server, f"/batches?limit=2&after={made[1]}")
    assert ([batch["id"] for batch in page["data"]], page["has_more"]) == (made[:1], False)


def test_a_batch_that_is_over_cannot_be_cancelled() -> None:
    """A client is told so in words."""
    with Client(model=MODEL) as client, ScriptedServer() as server:
        server.reply("one")
        answered(client, ["a"])
        (batch,) = client.batches()
        with pytest.raises(RequestRejectedError, match="is over and can no longer be cancelled"):
            client.cancel_batch(batch.id)
