"""Whatever happens to batches, in whatever order: the books agree with the server's."""

from __future__ import annotations

import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_calls import ask, client_of, echo, echoes, said
from batches import BatchServer, Fate, Route
from minikit import Retry
from minikit.calls.batching.settings import Batch
from server import Reply, error, raw, reset

GONE = reset(within=raw(200, "application/json", b"{}"))

fates = st.builds(
    Fate,
    ends=st.sampled_from(["completed", "completed", "expired"]),
    after=st.one_of(st.none(), st.integers(0, 6)),
    each=st.one_of(st.none(), st.integers(1, 3)),
)
"""How batches go; one that is completed completes all."""

faults = st.lists(
    st.tuples(
        st.sampled_from(["upload", "create", "retrieve", "content"]),
        st.sampled_from([error(503), error(500), GONE]),
        st.booleans(),
    ),
    max_size=3,
)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    went=st.lists(fates, max_size=3),
    broken=faults,
    repeated=st.lists(st.integers(0, 4), min_size=1, max_size=7),
    limit=st.one_of(st.none(), st.integers(25, 80)),
    cut_at=st.one_of(st.none(), st.sampled_from(["upload", "create", "retrieve", "content"])),
    most=st.integers(1, 6),
)
@pytest.mark.filterwarnings("ignore:.*goes on at the server:RuntimeWarning")
def test_every_request_is_answered_once(
    *,
    went: list[Fate],
    broken: list[tuple[Route, Reply, bool]],
    repeated: list[int],
    limit: int | None,
    cut_at: Route | None,
    most: int,
) -> None:
    """Faults, expiries, halving and an interruption: all are answered, and nothing is paid twice.

    What the server billed is what the ledger of the last client says, with what it carried.
    """
    prompts = [f"prompt {number}" for number in repeated]
    patient = Retry(attempts=9, wait_initial_s=0.0)

    async def main(path: Path) -> None:
        with BatchServer(handler=echo) as server:
            server.fates.extend(
                Fate(ends=fate.ends, after=fate.after if fate.ends == "expired" else None,
                     each=fate.each) for fate in went)  # fmt: skip
            server.enqueued_limit = limit
            for route, reply, happens in broken:
                server.fault(route, reply, happens=happens and reply is not GONE)
            batch = Batch(gather_s=0.005, poll_s=0.001, max_requests=most, listed_within_s=0)
            for cut in (cut_at, None):
                async with client_of(server, journal=path, budget_usd="1", retry=patient) as client:
                    pipeline = client._pipeline.through(batch)
                    async with anyio.create_task_group() as group:
                        if cut is not None:
                            group.start_soon(_cut, server, cut, group.cancel_scope)
                        came = said(await ask(pipeline, prompts))
                        group.cancel_scope.cancel()
                    if cut is not None:
                        continue
                    assert came == echoes(prompts)
                    budget = pipeline.account.budget
                    assert budget
                    assert client.ledger.total.cost_usd == server.billed_usd == budget.spent_usd
                    assert (budget.reserved_usd, budget.unknown_usd) == (Decimal(0), Decimal(0))
            done = Counter(
                line["custom_id"] for made in server.batches.values() for line in made.done
            )
            assert set(done.values()) == {1}
            assert len(done) == len(set(prompts))

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(main, Path(folder) / "calls.sqlite")


async def _cut(server: BatchServer, route: Route, scope: anyio.CancelScope) -> None:
    while not server.count(route):  # noqa: ASYNC110 - a server's thread counts
        await anyio.sleep(0.002)
    scope.cancel()
