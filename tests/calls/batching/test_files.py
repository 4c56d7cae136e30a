"""What the files of a batch bring, however odd they are, and how often they are asked for."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from batch_calls import ALONE, QUICK, ask, client_of, echoes, request_of, said
from minikit import Retry, TransportError
from minikit.calls.journal import Journal, JournalStats
from minikit.calls.journal_rows import Begun, Wave
from server import error, ok, raw

if TYPE_CHECKING:
    from pathlib import Path

    from batches import BatchServer
    from server import Body, Reply

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:without a journal:UserWarning"),
]


def long(_: Body) -> Reply:
    """Answer with more than one piece of a file holds."""
    return ok("x" * 50_000)


async def test_a_file_is_read_once(batches: BatchServer) -> None:
    """Whoever drives goes on for the others when its own reply has come."""
    batches.handler = long
    async with client_of(batches) as client:
        await ask(client._pipeline.through(QUICK), [f"prompt {number}" for number in range(60)])
    assert batches.count("content") == len(batches.batches)


async def test_the_first_of_two_replies_is_kept(batches: BatchServer, path: Path) -> None:
    """A reply that comes twice is the same in the journal as in the result."""
    async with client_of(batches, journal=path) as client:
        name = request_of("a").fingerprint(f"{batches.base_url}/")
        replies = [
            {"custom_id": name, "response": {"status_code": 200, "body": _body(text)}}
            for text in ("first", "second")
        ]
        lines = "".join(f"{json.dumps(line)}\n" for line in replies).encode()
        batches.fault("content", raw(200, "application/jsonl", lines))
        for pipeline in (client._pipeline.through(ALONE), client._pipeline):
            assert said(await ask(pipeline, ["a"])) == ["first"]
        assert client.ledger.total.entries == 1
    assert len(batches.charges) == 1


def _body(text: str) -> Body:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{**choice, "finish_reason": "stop"}],
        "usage": usage,
    }


@pytest.mark.parametrize("status", [True, -1, 999, "200"])
async def test_what_is_no_status(batches: BatchServer, status: object) -> None:
    """A line that does not say how its request went is an error that is tried again."""
    line = {"custom_id": "call-1", "response": {"status_code": status, "body": {}}}
    batches.fault("content", raw(200, "application/jsonl", json.dumps(line).encode()))
    async with client_of(batches) as client:
        assert said(await ask(client._pipeline.through(ALONE), ["a"])) == echoes(["a"])
        assert client.ledger.total.unmeasured == 1


async def test_files_that_nobody_gets(batches: BatchServer) -> None:
    """A server without the files of a batch that is done is not paid for the same again."""
    batches.fault("content", *[error(404)] * 9)
    async with client_of(batches, retry=Retry(attempts=4, wait_initial_s=0.0)) as client:
        with pytest.raises(TransportError, match=r"no longer knows the batch .* or its files"):
            await client._pipeline.through(ALONE).send(request_of("a"))
        assert client.ledger.total.unmeasured == 1
    assert len(batches.charges) == 1


async def test_files_that_are_gone_by_now(batches: BatchServer, path: Path) -> None:
    """A batch of an earlier run whose files were deleted is sent again."""
    batches.fault("content", error(401))
    async with client_of(batches, journal=path) as client:
        await ask(client._pipeline.through(ALONE), ["a"])
    batches.fault("content", *[error(404)] * 9)
    async with client_of(batches, journal=path, retry=Retry(attempts=1)) as client:
        pipeline = client._pipeline.through(ALONE)
        assert said(await ask(pipeline, ["a"])) == ["TransportError"]
        batches._faults.clear()
        assert said(await ask(pipeline, ["a"])) == echoes(["a"])
    stats = await anyio.to_thread.run_sync(partial(_stats, path))
    assert (stats.attempts, stats.unmeasured) == (2, 1)


def _stats(path: Path) -> JournalStats:
    with closing(Journal(path)) as journal:
        return journal.stats()


def test_what_is_cleared_leaves_no_wave(path: Path) -> None:
    """A batch none of whose requests the journal knows any more is not listed."""
    now = datetime.now(UTC)
    wave = Wave(id="w", server="s", model="m", begun_at=now, tried_at=None, batch_id="b")
    begun = Begun(
        fingerprint="f", run="r", job=None, operation="o", model="m", reserved_usd=Decimal(1)
    )
    with closing(Journal(path)) as journal:
        journal.begin_wave(wave, [(begun, request_of("f"))])
        assert journal.clear(before=now - timedelta(hours=1)) == 0
        assert list(journal.waves()) == [wave]
        between = datetime.now(UTC)
        journal.begin("g", run="r", operation="o", model="m", reserved_usd=None)
        assert journal.clear(before=between) == 1
        assert journal.waves() == {}


def test_replies_that_were_never_booked(path: Path) -> None:
    """What a kill left without its cost is priced by its reply."""
    with closing(Journal(path)) as journal:
        for model, body in ("gpt-4o-mini", _body("a")), ("no-model", _body("b")):
            row = journal.begin("f", run="r", operation="o", model=model, reserved_usd=None)
            journal.keep(row, json.dumps(body), request_id=None)
        stats = journal.stats()
    assert (stats.spent_usd, stats.unmeasured) == (Decimal("0.00000195"), 1)
