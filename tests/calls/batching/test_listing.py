"""What is known of batches beside the calls that wait for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from batch_calls import ALONE, MINI, QUICK, ask, client_of
from batches import BatchServer
from minikit import AuthenticationError
from minikit.calls.journal import Journal
from minikit.calls.journal_rows import Wave
from server import error

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:without a journal:UserWarning"),
]


async def test_without_a_journal(batches: BatchServer) -> None:
    """Those of the account that minikit has made are listed; any can be awaited and cancelled."""
    async with client_of(batches) as client:
        await ask(client._pipeline.through(QUICK), ["a", "b"])
        made = next(iter(batches.batches.values())).shown
        other = batches._create({**made, "metadata": None}).make(batches, {}).body
        known = await client._pipeline.batches(MINI)
        (status,) = await known.all()
        assert (status.id, status.status, status.requests) == (made["id"], "completed", 2)
        assert (status.model, status.waiting, status.is_over) == ("gpt-4o-mini", None, True)
        name = next(name for name in batches.batches if name != made["id"])
        assert name.encode() in other
        assert (await known.cancel(name)).status == "cancelling"
        over = await known.wait(name, poll_s=0.001)
        assert (over.status, over.model, over.waiting) == ("cancelled", None, None)


async def test_what_the_journal_knows(batches: BatchServer, path: Path) -> None:
    """Waves at this server that have become a batch, also one that the server has forgotten."""
    now, journal = datetime.now(UTC), Journal(path)
    async with client_of(batches, journal=path) as client:
        pipeline = client._pipeline.through(ALONE)
        await ask(pipeline, ["a"])
        await ask(pipeline, ["b"])
        found, forgotten = await anyio.to_thread.run_sync(journal.waves)
        waves = [
            Wave(id=found.id, server=found.server, model=found.model, begun_at=now, tried_at=now),
            Wave(id="untried", server=found.server, model="m", begun_at=now),
            Wave(id="unmade", server=found.server, model="m", begun_at=now, tried_at=now),
            Wave(id="elsewhere", server="https://elsewhere.example/v1/", model="m", begun_at=now),
        ]
        for each in waves:
            await anyio.to_thread.run_sync(partial(journal.note_wave, each))
        assert forgotten.batch_id
        batches.forget(forgotten.batch_id)
        known = await client._pipeline.batches(MINI)
        other, one = await known.all()
        assert (one.id, one.status) == (found.batch_id, "completed")
        assert (other.id, other.status) == (forgotten.batch_id, "unknown")
        assert (other.created_at, other.is_over) == (forgotten.begun_at, True)
        assert now - timedelta(minutes=1) < forgotten.begun_at
        batches.fault("retrieve", error(401, code="invalid_api_key"))
        with pytest.raises(AuthenticationError, match="invalid_api_key"):
            await known.all()
    await anyio.to_thread.run_sync(journal.close)
