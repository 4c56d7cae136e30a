"""The web service: its events, its statuses, and what a reader who leaves stops."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio import to_thread
from asgi import reading
from programs import EXAMPLES, load

from server import ChatServer, error, hang, ok

NOTES = (EXAMPLES / "notes.txt").read_bytes()
service = load("summary_service")


@pytest.fixture(autouse=True)
def _environment(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)


@asynccontextmanager
async def running() -> AsyncIterator[dict[str, Any]]:
    """Begin and end the service, as its server does."""
    async with service.lifespan(service.app) as state:
        yield dict(state)


async def asked(target: str, body: bytes | None = None) -> tuple[int, Any]:
    """Return the status and the JSON of a reply."""
    async with running() as state, reading(service.app, target, body, state=state) as reader:
        return await reader.status(), json.loads(await reader.text())


@pytest.mark.anyio
async def test_a_summary_is_streamed(server: ChatServer) -> None:
    """A reader hears what it will take, the text as it is written, and what it took."""
    server.script([ok("The piers will be repaired.")])
    async with running() as state:
        async with reading(service.app, "/summaries?words=60", NOTES, state=state) as reader:
            assert await reader.status() == 200
            events = [event async for event in reader.events()]
        async with reading(service.app, "/health", state=state) as reader:
            await reader.status()
            health = json.loads(await reader.text())
    names = [name for name, _ in events]
    assert names[0] == "plan"
    assert names[-2:] == ["progress", "summary"]
    assert "".join(data["text"] for name, data in events if name == "text") == (
        "The piers will be repaired."
    )
    assert events[0][1]["calls"] == 1
    assert events[-1][1]["text"] == "The piers will be repaired."
    assert health == {"requests": 1, "cost_usd": events[-1][1]["cost_usd"], "unmeasured": 0}


@pytest.mark.anyio
async def test_a_file_is_read_by_its_name() -> None:
    """A page of HTML is summarized without its markup."""
    page = b"<html><body><p>The bridge is closed.</p></body></html>"
    async with (
        running() as state,
        reading(service.app, "/summaries?title=page.html", page, state=state) as reader,
    ):
        assert await reader.status() == 200
        *_, (name, data) = [event async for event in reader.events()]
    assert name == "summary"
    assert "<p>" not in data["text"]


@pytest.mark.parametrize(
    ("target", "body", "told"),
    [
        ("/summaries?title=a.png", b"\x89PNG\r\n\x1a\n\0\0", "SourceError"),
        ("/summaries", b"", "SourceError"),
        ("/summaries?words=1", NOTES, None),
    ],
)
@pytest.mark.anyio
async def test_what_cannot_be_summarized_is_a_status(
    server: ChatServer, target: str, body: bytes, told: str | None
) -> None:
    """What is wrong with a request is told at once, and nothing is sent to the model."""
    status, reply = await asked(target, body)
    assert (status, reply.get("error")) == (422, told)
    assert server.requests == []


@pytest.mark.anyio
async def test_a_long_body_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that is longer than allowed is refused."""
    monkeypatch.setattr(service, "LARGEST_BYTES", 1_000)
    assert await asked("/summaries", NOTES) == (413, {"detail": "a text has 1,000 bytes at most"})


@pytest.mark.anyio
async def test_a_summary_beyond_the_budget_is_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that would cost more than a request may is refused before anything is paid."""
    monkeypatch.setattr(service, "BUDGET_USD", service.Decimal("0.00001"))
    assert await asked("/summaries", NOTES) == (
        402,
        {"detail": "a summary may cost $0.00001, and this one would cost more"},
    )


@pytest.mark.anyio
async def test_what_fails_later_is_an_event(
    server: ChatServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of the model's server ends the stream, and its words are for the log alone."""
    server.script([error(401, message="Incorrect API key provided: sk-no")])
    async with (
        running() as state,
        reading(service.app, "/summaries", NOTES, state=state) as reader,
    ):
        assert await reader.status() == 200
        *_, (name, data) = [event async for event in reader.events()]
    message = "the summary could not be made; try again later"
    assert name == "error"
    assert data == {"status": 500, "error": "AuthenticationError", "message": message}
    assert any("Incorrect API key" in each.message for each in caplog.records)


def test_an_error_before_the_stream_is_told_with_when_to_come_back() -> None:
    """A rate limit is a 503 with the seconds that the server asks to wait."""
    limited = service.minikit.RateLimitError("slow down", retry_after_s=7.2)
    reply = anyio.run(service.failed, None, limited)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "7")
    assert service.status_of(service.minikit.JobError("some failed")) == 502


@pytest.mark.anyio
async def test_a_reader_who_leaves_cancels_the_calls(server: ChatServer) -> None:
    """The calls in flight are given up, and no others are begun."""
    server.handler = lambda _: hang()
    async with running() as state:
        async with reading(service.app, "/summaries?words=60", NOTES, state=state) as reader:
            assert await reader.status() == 200
            await to_thread.run_sync(lambda: server.wait_for(in_flight=1))
            reader.leave()
        (entry,) = state["client"].ledger.entries
        assert entry.outcome == "cancelled"
    (recorded,) = server.requests
    assert await to_thread.run_sync(recorded.abandoned.wait, 10)
