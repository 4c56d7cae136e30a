"""Calls that travel in batches: what is sent, what comes back, and what it costs."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from batch_calls import (
    ALONE,
    LISTED_LATE,
    MINI,
    QUICK,
    Watched,
    ask,
    client_of,
    echo,
    echoes,
    lanes,
    request_of,
    said,
    until,
)
from batches import BatchServer, Fate
from minikit import (
    ArgumentError,
    AuthenticationError,
    BadReplyError,
    BudgetExceededError,
    CallError,
    CallTimeoutError,
    ContextOverflowError,
    Model,
    Price,
    RequestRejectedError,
    Retry,
    ServerError,
    UnknownPriceError,
)
from minikit.calls.batching import packing, pilot, watching
from minikit.calls.batching.settings import Batch
from minikit.calls.hooks import BatchHeldBack, Event
from server import ChatServer, error, ok, raw, reset

if TYPE_CHECKING:
    from pathlib import Path

    from server import Body, Reply

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:without a journal:UserWarning"),
]

GONE = reset(within=raw(200, "application/json", b"{}"))
PROMPTS = [f"prompt {number}" for number in range(6)]


async def test_calls_travel_together(batches: BatchServer) -> None:
    """Calls that come together are one batch; each gets its own reply, at the price of a batch."""
    watched = Watched()
    async with client_of(batches, budget_usd="1", hooks=[watched]) as client:
        pipeline = client._pipeline.through(QUICK)
        came = await ask(pipeline, PROMPTS)
        assert said(came) == echoes(PROMPTS)
        assert len(batches.batches) == 1
        assert client.ledger.total.cost_usd == batches.billed_usd
        assert {entry.tier for entry in client.ledger.entries} == {"batch"}
        budget = pipeline.account.budget
        assert budget
        assert (budget.spent_usd, budget.reserved_usd) == (batches.billed_usd, Decimal(0))
    assert watched.states == ["in_progress", "finalizing", "completed"]
    assert watched.events[-1].completed == len(PROMPTS)


async def test_the_file_is_what_openai_documents(batches: BatchServer) -> None:
    """A line for each call, with its own name; no character ends a line that is none."""
    prompts = ["a\u2028b\x85c\u2029\r\n", "\ud83d\ude00 \ud800 \x00", "漢字"]
    async with client_of(batches) as client:
        came = await ask(client._pipeline.through(QUICK), prompts)
    (file,) = (f.content for f in batches.files.values() if f.shown["purpose"] == "batch")
    assert file.decode().splitlines() == file.decode().rstrip("\n").split("\n")
    lines = [json.loads(line) for line in file.splitlines()]
    assert {line["body"]["messages"][0]["content"] for line in lines} == {
        prompts[0],
        "😀 \ufffd \x00",
        "漢字",
    }
    assert {(line["method"], line["url"]) for line in lines} == {("POST", "/v1/chat/completions")}
    assert len({line["custom_id"] for line in lines}) == 3
    assert "service_tier" not in lines[0]["body"]
    assert said(came) == echoes([prompts[0], "😀 \ufffd \x00", "漢字"])


async def test_models_do_not_mix(batches: BatchServer) -> None:
    """A file holds one model."""
    async with client_of(batches) as client:
        pipeline = client._pipeline.through(QUICK)
        async with anyio.create_task_group() as group:
            group.start_soon(ask, pipeline, ["a", "b"])
            group.start_soon(partial(ask, pipeline, ["c"], model=Model.resolve("gpt-4o")))
    asked = [{line["body"]["model"] for line in made.lines} for made in batches.batches.values()]
    assert {len(models) for models in asked} == {1}
    assert set().union(*asked) == {"gpt-4o-mini", "gpt-4o"}


async def test_later_calls_are_a_batch_of_their_own(batches: BatchServer) -> None:
    """The levels of a job are one batch after the other."""
    async with client_of(batches) as client:
        pipeline = client._pipeline.through(QUICK)
        for level in (["a", "b"], ["c"]):
            assert said(await ask(pipeline, level)) == echoes(level)
    assert len(batches.batches) == 2


async def test_files_are_split_by_number(batches: BatchServer) -> None:
    """No file holds more than `max_requests`; the files of one level are under way together."""
    batches.manual = True
    came: list[str] = []
    async with client_of(batches) as client:
        pipeline = client._pipeline.through(replace(QUICK, max_requests=2))

        async def work() -> None:
            came.extend(said(await ask(pipeline, PROMPTS)))

        async with anyio.create_task_group() as group:
            group.start_soon(work)
            await until(lambda: len(batches.batches) == 3)
            batches.manual = False
    assert came == echoes(PROMPTS)
    assert [len(made.lines) for made in batches.batches.values()] == [2, 2, 2]


async def test_no_more_calls_wait_than_there_is_room_for(batches: BatchServer) -> None:
    """Of more calls than `max_waiting`, the others are sent as replies come."""
    async with client_of(batches) as client:
        pipeline = client._pipeline.through(replace(QUICK, gather_s=0.01, max_waiting=4))
        assert said(await ask(pipeline, PROMPTS)) == echoes(PROMPTS)
        assert pipeline.max_concurrency == 4
    assert max(len(made.lines) for made in batches.batches.values()) <= 4
    assert len(batches.items) == 6


@pytest.mark.parametrize("with_journal", [False, True])
async def test_files_are_split_by_bytes(
    batches: BatchServer, path: Path, monkeypatch: pytest.MonkeyPatch, with_journal: bool
) -> None:
    """A file is filled up to its last byte, and those of one wave travel side by side."""
    prompts = [f"prompt {number} é漢" for number in range(5)]
    async with client_of(batches, journal=path if with_journal else None) as client:
        pipeline = client._pipeline.through(QUICK)
        await ask(pipeline, ["prompt 9 é漢"])
        (first,) = (len(f.content) for f in batches.files.values() if f.shown["purpose"] == "batch")
        monkeypatch.setattr(pilot, "MOST_BYTES", 2 * first)
        client._pipeline._connections.session().rooms.clear()
        assert said(await ask(pipeline, prompts)) == echoes(prompts)
    files = [f.content for f in batches.files.values() if f.shown["purpose"] == "batch"]
    assert sorted(len(file) for file in files[1:]) == [first, 2 * first, 2 * first]


async def test_a_request_that_no_file_holds(
    batches: BatchServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails by itself, costs nothing, and the others are sent."""
    monkeypatch.setattr(packing, "MOST_BYTES", 400)
    async with client_of(batches, journal=path, budget_usd="1") as client:
        pipeline = client._pipeline.through(QUICK)
        came = await ask(pipeline, ["a", "b" * 400, "c"])
        assert said(came) == ["You said: a", "RequestTooLargeError", "You said: c"]
        assert client.ledger.total.cost_usd == batches.billed_usd
        assert client.ledger.total.unmeasured == 0


async def test_errors_of_single_requests(batches: BatchServer) -> None:
    """The file of errors tells what to try again, and what not to."""
    asked: list[str] = []

    def handler(body: Body) -> Reply:
        prompt = body["messages"][-1]["content"]
        asked.append(prompt)
        if asked.count(prompt) > 1:
            return echo(body)
        faults = {
            "prompt 1": error(400, code="invalid_value", message="No."),
            "prompt 2": error(429, code="rate_limit_exceeded"),
            "prompt 3": error(500),
            "prompt 4": ok(None),
            "prompt 5": ok("", finish_reason="stop"),
        }
        return faults.get(prompt, echo(body))

    batches.handler = handler
    async with client_of(batches, budget_usd="1") as client:
        came = await ask(client._pipeline.through(QUICK), PROMPTS)
        assert said(came) == [
            "You said: prompt 0",
            "RequestRejectedError",
            *echoes(PROMPTS[2:]),
        ]
        assert client.ledger.total.cost_usd == batches.billed_usd
        assert client.ledger.total.unmeasured == 0
    assert sum(len(made.lines) for made in batches.batches.values()) == 10


async def test_an_expired_batch(batches: BatchServer) -> None:
    """What was done counts, and the rest is sent again; it has cost nothing."""
    batches.fates.append(Fate(ends="expired", after=2))
    async with client_of(batches, budget_usd="1") as client:
        assert said(await ask(client._pipeline.through(QUICK), PROMPTS)) == echoes(PROMPTS)
        outcomes = [entry.outcome for entry in client.ledger.entries]
        assert (outcomes.count("ok"), outcomes.count("timeout")) == (6, 4)
        assert client.ledger.total.cost_usd == batches.billed_usd
        assert client.ledger.total.unmeasured == 0


async def test_a_batch_that_expires_each_time(batches: BatchServer) -> None:
    """In the end the call fails with what it met."""
    batches.fates.extend([Fate(ends="expired", after=0)] * 4)
    async with client_of(batches) as client:
        with pytest.raises(CallTimeoutError, match="before this request was answered") as raised:
            await client._pipeline.through(ALONE).send(request_of("a"))
        assert (raised.value.attempts, raised.value.code) == (4, "batch_expired")


async def test_a_batch_that_is_cancelled_elsewhere(batches: BatchServer) -> None:
    """What was done counts; the rest is an error, and is not sent again behind anyone's back."""
    batches.fates.append(Fate(ends="cancelled", after=2))
    async with client_of(batches, budget_usd="1") as client:
        came = await ask(client._pipeline.through(QUICK), PROMPTS)
        assert said(came).count("CallError") == 4
        assert client.ledger.total.cost_usd == batches.billed_usd
        assert client.ledger.total.unmeasured == 0
    assert {one.code for one in came if isinstance(one, CallError)} == {"batch_cancelled"}
    assert len(batches.batches) == 1


async def test_requests_of_which_no_file_says_anything(batches: BatchServer) -> None:
    """They may have been billed, so that their cost is unknown; they are sent again."""
    batches.fates.append(Fate(missing=2))
    async with client_of(batches, budget_usd="1") as client:
        pipeline = client._pipeline.through(QUICK)
        assert said(await ask(pipeline, PROMPTS)) == echoes(PROMPTS)
        assert client.ledger.total.unmeasured == 2
        assert pipeline.account.budget
        assert pipeline.account.budget.unknown_usd > 0
    assert len(batches.batches) == 2


@pytest.mark.parametrize("ends", ["expired", "cancelled"])
async def test_replies_that_are_billed_and_missing(batches: BatchServer, ends: Any) -> None:  # noqa: ANN401 - a literal
    """Where fewer replies come than the server says it made, any of the others may be one."""
    batches.fates.append(Fate(ends=ends, after=2, missing=1))
    async with client_of(batches, budget_usd="1", retry=Retry(attempts=1)) as client:
        came = await ask(client._pipeline.through(QUICK), PROMPTS[:2])
        assert [one == "You said: prompt 1" for one in said(came)].count(False) >= 1
        assert client.ledger.total.unmeasured == 1


async def test_a_line_that_the_server_finds_wrong(batches: BatchServer) -> None:
    """Only that request fails, with what the server says; the others are sent again."""
    batches.fates.append(Fate(errors=({"code": "invalid_value", "message": "Odd.", "line": 2},)))
    async with client_of(batches, budget_usd="1") as client:
        came = await ask(client._pipeline.through(QUICK), PROMPTS)
        assert said(came).count("RequestRejectedError") == 1
        (failed,) = (one for one in came if isinstance(one, RequestRejectedError))
        assert "Odd." in str(failed)
        assert failed.attempts == 1
        assert client.ledger.total.cost_usd == batches.billed_usd
        assert client.ledger.total.unmeasured == 0
    assert [len(made.lines) for made in batches.batches.values()] == [0, 5]


async def test_lines_that_the_server_finds_wrong_again_and_again(batches: BatchServer) -> None:
    """After some batches that failed so, all fail."""
    wrong = Fate(errors=({"code": "invalid_value", "message": "Odd.", "line": 1},))
    batches.fates.extend([wrong] * 9)
    async with client_of(batches) as client:
        came = await ask(client._pipeline.through(QUICK), PROMPTS)
    assert said(came) == ["RequestRejectedError"] * 6
    assert len(batches.batches) == 4


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        (({"code": "model_not_found", "message": "No such model."},), "RequestRejectedError"),
        (({"code": "billing_hard_limit_reached"},), "QuotaExhaustedError"),
        (({"code": "invalid_value", "line": 99},), "RequestRejectedError"),
    ],
)
async def test_a_batch_that_fails_as_a_whole(
    batches: BatchServer,
    errors: tuple[Body, ...],
    kind: str,
) -> None:
    """Every call fails with what the server says, by its code, and nothing is sent again."""
    batches.fates.append(Fate(errors=errors))
    async with client_of(batches, budget_usd="1") as client:
        assert said(await ask(client._pipeline.through(QUICK), PROMPTS)) == [kind] * 6
        assert client.ledger.total.cost_usd == 0
        assert client.ledger.total.unmeasured == 0
    assert len(batches.batches) == 1


@pytest.mark.parametrize("with_journal", [False, True])
async def test_too_many_tokens_enqueued(
    batches: BatchServer, path: Path, with_journal: bool
) -> None:
    """The batch is halved until it fits, and the halves travel one after the other."""
    batches.enqueued_limit = 25
    prompts = [f"prompt {number}" for number in range(8)]  # of 10 tokens each
    async with client_of(batches, journal=path if with_journal else None) as client:
        assert said(await ask(client._pipeline.through(QUICK), prompts)) == echoes(prompts)
        assert client.ledger.total.cost_usd == batches.billed_usd
        assert client.ledger.total.unmeasured == 0
        assert {entry.attempt for entry in client.ledger.entries} == {1}
    sent = [len(made.lines) for made in batches.batches.values() if made.lines]
    assert sum(sent) == 8
    assert max(sent) <= 2


async def test_one_request_has_too_many_tokens_enqueued(batches: BatchServer) -> None:
    """It is tried as often as `Retry` allows, since others may use up the limit."""
    batches.enqueued_limit = 1
    once = Retry(attempts=1)
    async with client_of(batches, retry=once) as client:
        assert said(await ask(client._pipeline.through(QUICK), ["a"])) == ["RateLimitError"]


async def test_other_batches_use_up_the_limit(batches: BatchServer) -> None:
    """A batch that is refused waits for another of ours to end, and is not halved."""
    batches.enqueued_limit, batches.manual = 45, True
    async with client_of(batches) as client:
        pipeline = client._pipeline.through(QUICK)
        async with anyio.create_task_group() as group:
            group.start_soon(ask, pipeline, ["a", "b", "c"])
            await until(lambda: batches.batches)
            batches.step()
            group.start_soon(ask, pipeline, ["d", "e", "f"])
            await until(lambda: len(batches.batches) == 2)
            batches.step([*batches.batches][1])
            await until(lambda: lanes(pipeline)[0]._is_narrow)
            batches.manual = False
    assert [len(made.lines) for made in batches.batches.values()] == [3, 0, 3]


async def test_more_batches_side_by_side_than_may_be_enqueued(batches: BatchServer) -> None:
    """Those that the queue has no room for wait for the others, and cost nothing."""
    batches.enqueued_limit = 25  # and a prompt has 10 tokens
    async with client_of(batches) as client:
        pipeline = client._pipeline.through(replace(QUICK, max_requests=2))
        assert said(await ask(pipeline, PROMPTS)) == echoes(PROMPTS)
        assert client.ledger.total.cost_usd == batches.billed_usd
    assert len(batches.items) == 6


async def test_the_limit_is_told_as_the_batch_is_made(batches: BatchServer) -> None:
    """Where the server refuses the batch itself, it is halved as well."""
    refused = error(400, code="token_limit_exceeded", message="Too much is enqueued.")
    batches.fault("create", refused)
    async with client_of(batches) as client:
        assert said(await ask(client._pipeline.through(QUICK), PROMPTS)) == echoes(PROMPTS)
    assert [len(made.lines) for made in batches.batches.values()] == [3, 3]


async def test_faults_that_pass(batches: BatchServer) -> None:
    """Whatever fails for a moment is asked for again, and no batch is made twice."""
    half = reset(after=30)
    batches.fault("upload", error(503), GONE)
    batches.fault("create", error(429, code="rate_limit_exceeded", headers={"retry-after-ms": "1"}))
    batches.fault("create", reset(), raw(200, "text/html", b"<p>"), happens=True)
    batches.fault("list", error(500), raw(200, "application/json", b"{}"))
    odd = {"id": "batch_1", "status": "in_progress", "created_at": 1e300, "errors": {"data": {}}}
    batches.fault("retrieve", error(502), GONE)
    for body in (b"[]", b"{}", b"<p>", json.dumps(odd).encode()):
        batches.fault("retrieve", raw(200, "application/json", body))
    batches.fault("content", error(503))
    batches.fault("content", half, happens=True)
    async with client_of(batches, budget_usd="1") as client:
        assert said(await ask(client._pipeline.through(QUICK), PROMPTS)) == echoes(PROMPTS)
        assert client.ledger.total.cost_usd == batches.billed_usd
        assert client.ledger.total.entries == 6
    assert len(batches.batches) == 1


async def test_a_batch_whose_making_was_not_confirmed(batches: BatchServer) -> None:
    """One that was made although its reply was lost is found by what we have told with it."""
    batches.fault("create", reset(), happens=True)
    async with client_of(batches) as client:
        assert said(await ask(client._pipeline.through(QUICK), PROMPTS)) == echoes(PROMPTS)
    assert (len(batches.batches), batches.count("create")) == (1, 1)


async def test_a_batch_that_was_not_made(batches: BatchServer) -> None:
    """It is looked for in vain, and asked for again."""
    batches.fault("create", GONE)
    async with client_of(batches) as client:
        assert said(await ask(client._pipeline.through(QUICK), PROMPTS)) == echoes(PROMPTS)
    assert (len(batches.batches), batches.count("create"), batches.count("list")) == (1, 2, 1)


async def test_a_batch_whose_making_was_not_confirmed_is_listed_late(
    batches: BatchServer,
) -> None:
    """It is looked for until the server lists it, and not made twice."""
    empty = raw(200, "application/json", b'{"data": []}')
    batches.fault("create", reset(), happens=True)
    batches.fault("list", empty, empty)
    async with client_of(batches) as client:
        pipeline = client._pipeline.through(LISTED_LATE)
        assert said(await ask(pipeline, PROMPTS)) == echoes(PROMPTS)
    assert (len(batches.batches), batches.count("create"), batches.count("list")) == (1, 1, 3)


async def test_another_name_of_the_endpoint(batches: BatchServer) -> None:
    """Both the lines and the batch name it as the server does."""
    async with client_of(batches) as client:
        pipeline = client._pipeline.through(replace(QUICK, endpoint="/v1/completions"))
        assert said(await ask(pipeline, ["a"])) == ["You said: a"]
    (made,) = batches.batches.values()
    assert made.shown["endpoint"] == made.lines[0]["url"] == "/v1/completions"


async def test_it_is_not_known_whether_a_batch_was_made(batches: BatchServer) -> None:
    """Then nobody knows what it costs."""
    batches.fault("create", reset(), happens=True)
    batches.fault("list", *[error(500)] * 50)
    async with client_of(batches, budget_usd="1") as client:
        assert said(await ask(client._pipeline.through(QUICK), ["a"])) == ["ServerError"]
        assert client.ledger.total.unmeasured == 1


async def test_a_file_that_cannot_be_stored(batches: BatchServer) -> None:
    """Nothing was sent, so nothing is owed, whatever the error."""
    batches.fault("upload", *[GONE] * 4)
    async with client_of(batches, budget_usd="1") as client:
        came = await ask(client._pipeline.through(QUICK), ["a", "b"])
        assert said(came) == ["TransportError"] * 2
        assert client.ledger.total.cost_usd == 0
        assert client.ledger.total.unmeasured == 0


async def test_a_file_without_an_id(batches: BatchServer) -> None:
    """What a server stores and does not name cannot be sent."""
    batches.fault("upload", *[raw(200, "application/json", b"{}")] * 4)
    async with client_of(batches) as client:
        assert said(await ask(client._pipeline.through(QUICK), ["a"])) == ["BadReplyError"]


async def test_a_key_that_is_refused(batches: BatchServer) -> None:
    """Every call fails at once, and each with an error of its own."""
    batches.fault("upload", error(401, code="invalid_api_key"))
    async with client_of(batches) as client:
        came = await ask(client._pipeline.through(QUICK), ["a", "b"])
        assert all(isinstance(one, AuthenticationError) for one in came)
        assert came[0] is not came[1]


async def test_a_key_that_is_refused_later(batches: BatchServer) -> None:
    """The batch goes on without us, so that its cost is unknown."""
    batches.fault("retrieve", error(401, code="invalid_api_key"))
    async with client_of(batches, budget_usd="1") as client:
        assert said(await ask(client._pipeline.through(QUICK), ["a"])) == ["AuthenticationError"]
        assert client.ledger.total.unmeasured == 1


async def test_a_server_that_stays_away(
    batches: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage is waited out, but not for ever."""
    monkeypatch.setattr(watching, "POLLS_FAILED_AT_MOST", 5)
    batches.fault("retrieve", *[error(503)] * 9)
    async with client_of(batches, retry=Retry(attempts=1)) as client:
        assert said(await ask(client._pipeline.through(QUICK), ["a"])) == ["ServerError"]
    assert batches.count("retrieve") == 6


async def test_a_batch_that_the_server_forgets(batches: BatchServer) -> None:
    """It may have been billed; the calls are sent again."""
    batches.manual = True
    watched = Watched()
    async with client_of(batches, budget_usd="1", hooks=[watched]) as client:
        async with anyio.create_task_group() as group:
            came: list[Any] = []

            async def work() -> None:
                came.extend(await ask(client._pipeline.through(QUICK), ["a"]))

            group.start_soon(work)
            await until(lambda: watched.events)
            batches.forget(watched.events[0].batch_id)
            batches.manual = False
        assert said(came) == ["You said: a"]
        assert client.ledger.total.unmeasured == 1


async def test_a_server_without_batches(server: ChatServer) -> None:
    """The error says what to do instead."""
    async with client_of(server) as client:  # type: ignore[arg-type] # it has none
        with pytest.raises(RequestRejectedError, match=r'no Batch API .* engine="local"'):
            await client._pipeline.through(ALONE).send(request_of("a"))
        async with client.complete_many([*"abc"], "{text}", schema=int, engine=ALONE) as rows:
            with pytest.raises(RequestRejectedError, match=r"no Batch API .* without: 3") as caught:
                _ = [row async for row in rows]
    assert caught.value.attempts == 1  # and not once for each form of a schema


async def test_what_cannot_travel_in_a_batch(batches: BatchServer) -> None:
    """It is refused before anything is sent."""
    async with client_of(batches) as client:
        pipeline = client._pipeline.through(QUICK)
        offline = Model.resolve("offline")
        with pytest.raises(ArgumentError, match="has no batches"):
            await pipeline.send(request_of("a", model=offline, max_output_tokens=None))
        with pytest.raises(ArgumentError, match="has no batches"):
            pipeline.check_key(offline)
        pipeline.check_key(MINI)
        with pytest.raises(ArgumentError, match="a tier of its own, not 'flex'"):
            await pipeline.send(request_of("a", tier="flex"))
        with pytest.raises(ContextOverflowError, match="has room for"):
            await pipeline.send(request_of("word " * 130_000))
        with pytest.raises(ArgumentError, match="a stream cannot come from a batch"):
            async with pipeline.opened(request_of("a"), "stream", None) as call:
                await pipeline.admitted(call)
        with pytest.raises(ArgumentError, match='engine is "local"'):
            pipeline.through("fast")  # type: ignore[arg-type] # as a user may
        assert (batches.asked, pipeline.through("local")) == ([], client._pipeline)
        with pytest.raises(ArgumentError, match="endpoint='chat/completions' is no path"):
            Batch(endpoint="chat/completions")


async def test_a_budget_needs_the_price_of_a_batch(batches: BatchServer) -> None:
    """What nobody knows cannot be bounded."""
    own = Model(
        id="own",
        context_window=4_000,
        max_output_tokens=100,
        price=Price(input_usd_per_mtok=1, output_usd_per_mtok=1),
    )
    async with client_of(batches, budget_usd="1") as client:
        with pytest.raises(UnknownPriceError, match=r"at the tier 'batch'.* engine=.local"):
            await client._pipeline.through(ALONE).send(request_of("a", model=own))


async def test_a_model_of_ones_own_with_a_price_for_batches(batches: BatchServer) -> None:
    """Its calls are bounded and booked at that price."""
    price = Price(input_usd_per_mtok=1, output_usd_per_mtok=4, batch_share="0.25")
    own = Model(id="own", context_window=4_000, max_output_tokens=100, price=price)
    batches.prices["own"] = ("0.5", "0.5", "2")  # and half of it in a batch
    async with client_of(batches, budget_usd="1") as client:
        done = await client._pipeline.through(ALONE).send(request_of("a", model=own))
        assert done.cost_usd == client.ledger.total.cost_usd == batches.billed_usd > 0


async def test_calls_that_the_budget_holds_back_are_told_of(
    batches: BatchServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Before the first batch is made; each batch tells the hooks, and the first warns."""
    request = request_of("prompt 0")
    tokens = await anyio.to_thread.run_sync(request.count_input_tokens)
    worst_usd = await anyio.to_thread.run_sync(partial(request.worst_usd, tokens, in_batch=True))
    assert worst_usd
    told: list[tuple[BatchHeldBack, int]] = []

    def hook(event: Event) -> None:
        if isinstance(event, BatchHeldBack):
            told.append((event, batches.count("create")))

    came: list[Any] = []
    limit = {"budget_usd": 3 * worst_usd, "hooks": [hook]}
    async with client_of(batches, **limit) as client:
        pipeline = client._pipeline.through(replace(QUICK, gather_s=60))

        async def one(prompt: str) -> None:
            came.append(await pipeline.send(request_of(prompt)))

        async def depart() -> None:
            while True:
                for flight in filter(None, (lane._gathering for lane in lanes(pipeline))):
                    calls = [item.attempt.call for item in flight.waiting.values()]
                    in_line = max((call.desk.money.waiting for call in calls), default=0)
                    if calls and len(calls) + in_line == len(PROMPTS) - len(came):
                        flight.last = -math.inf
                        flight.stirred.set()
                await anyio.sleep(0.001)

        async with anyio.create_task_group() as around:
            around.start_soon(depart)
            async with anyio.create_task_group() as group:
                for prompt in PROMPTS:
                    group.start_soon(one, prompt)
            around.cancel_scope.cancel()
    held, made = told[0]
    assert (held.requests, held.waiting, made) == (3, 3, 0)
    assert (held.budget_usd, held.worst_usd) == (3 * worst_usd, worst_usd)
    assert caplog.text.count("covers only 3 of 6 calls at once") == 1
    assert len(batches.items) == len(PROMPTS)


async def test_a_budget_that_is_too_small(batches: BatchServer) -> None:
    """Calls wait for what those before them leave, and so take several batches."""
    request = request_of("prompt 0")
    worst_usd = request.worst_usd(request.count_input_tokens(), in_batch=True)
    assert worst_usd
    budget_usd = 3 * worst_usd
    async with client_of(batches, budget_usd=budget_usd) as client:
        came = await ask(client._pipeline.through(ALONE), PROMPTS)
        assert client.ledger.total.cost_usd == batches.billed_usd <= budget_usd
    assert len(batches.batches) > 1
    assert set(said(came)) <= {*echoes(PROMPTS), "BudgetExceededError"}
    assert said(came).count("BudgetExceededError") <= 1
    assert any(isinstance(one, BudgetExceededError) for one in came) or said(came) == echoes(
        PROMPTS
    )


async def test_a_warning_without_a_journal(batches: BatchServer) -> None:
    """Said once for each way to gather calls."""
    async with client_of(batches) as client:
        with pytest.warns(UserWarning, match="without a journal, a batch is lost"):
            client._pipeline.through("batch")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert client._pipeline.through("batch").through(Batch()).max_concurrency == 100_000


async def test_one_call_of_many_is_cancelled(batches: BatchServer) -> None:
    """The others get their replies, also where it was the one that drove."""
    batches.manual = True
    watched = Watched()
    async with client_of(batches, budget_usd="1", hooks=[watched]) as client:
        seven = Batch(gather_s=60, poll_s=0.001, max_requests=1 + len(PROMPTS))
        pipeline = client._pipeline.through(seven)
        came: list[Any] = []
        scope = anyio.CancelScope()

        async def one(prompt: str, scope: anyio.CancelScope) -> None:
            with scope:
                came.append(await pipeline.send(request_of(prompt)))

        async with anyio.create_task_group() as group:
            group.start_soon(one, "first", scope)
            for prompt in PROMPTS:
                group.start_soon(one, prompt, anyio.CancelScope())
            await until(lambda: watched.events)
            scope.cancel()
            batches.manual = False
        assert sorted(said(came)) == echoes(PROMPTS)
        assert client.ledger.total.unmeasured == 1
    assert (len(batches.batches), batches.count("cancel")) == (1, 0)


async def test_calls_that_are_cancelled_before_they_are_sent(batches: BatchServer) -> None:
    """Nothing was sent, so that nothing is booked; later calls find an empty flight."""
    async with client_of(batches, budget_usd="1") as client:
        pipeline = client._pipeline.through(Batch(gather_s=60, poll_s=0.001))
        async with anyio.create_task_group() as group:
            for prompt in PROMPTS:
                group.start_soon(pipeline.send, request_of(prompt))
            await until(lambda: [len(one._open_flight().waiting) for one in lanes(pipeline)] == [6])
            group.cancel_scope.cancel()
        assert pipeline.account.budget
        assert (client.ledger.total.entries, pipeline.account.budget.reserved_usd) == (
            0,
            Decimal(0),
        )
        assert said(await ask(pipeline, ["a"])) == ["You said: a"]
    assert len(batches.items) == 1


@pytest.mark.parametrize("fault", [None, error(500)])
async def test_without_a_journal_a_batch_that_nobody_waits_for_is_cancelled(
    batches: BatchServer,
    caplog: pytest.LogCaptureFixture,
    fault: Reply | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody would ever get its replies; where it cannot be cancelled, that is said."""
    monkeypatch.setattr(pilot, "LEAVE_WITHIN_S", 60.0)
    batches.manual = True
    if fault is not None:
        batches.fault("cancel", *[fault] * 4)
    watched = Watched()
    async with client_of(batches, budget_usd="1", hooks=[watched]) as client:
        async with anyio.create_task_group() as group:

            async def work() -> None:
                await ask(client._pipeline.through(QUICK), PROMPTS)

            group.start_soon(work)
            await until(lambda: watched.events)
            group.cancel_scope.cancel()
        assert client.ledger.total.unmeasured == len(PROMPTS)
    (made,) = batches.batches.values()
    assert made.shown["status"] == ("cancelling" if fault is None else "validating")
    assert ("could not be cancelled: HTTP 500" in caplog.text) is (fault is not None)


@pytest.mark.parametrize(
    ("code", "kind", "told", "unmeasured"),
    [
        ("odd", ServerError, r"failed one request of the batch \(odd\)", 1),
        ("batch_cancelled", CallError, "was cancelled before this request was answered", 0),
    ],
)
async def test_an_error_of_one_request(
    batches: BatchServer, code: str, kind: type[CallError], told: str, unmeasured: int
) -> None:
    """Of an error without a reply only the server knows what it cost, but where it says so."""
    line = {"id": "1", "custom_id": "call-1", "response": None, "error": {"code": code}}
    batches.fault("content", raw(200, "application/jsonl", json.dumps(line).encode()))
    async with client_of(batches, budget_usd="1", retry=Retry(attempts=1)) as client:
        with pytest.raises(kind, match=told):
            await client._pipeline.through(ALONE).send(request_of("a"))
        assert client.ledger.total.unmeasured == unmeasured


async def test_a_batch_fails_and_nobody_says_why(batches: BatchServer) -> None:
    """The error says that much."""
    failed = {"id": "batch_1", "status": "failed", "errors": {"data": []}}
    batches.fault("retrieve", raw(200, "application/json", json.dumps(failed).encode()))
    async with client_of(batches, retry=Retry(attempts=1)) as client:
        with pytest.raises(BadReplyError, match="the server does not say why"):
            await client._pipeline.through(ALONE).send(request_of("a"))


async def test_a_line_that_comes_in_pieces(batches: BatchServer) -> None:
    """A long line has no end for a while; whatever is in a reply of status 200 is read as one."""
    line = {"custom_id": "call-1", "response": {"status_code": 200, "body": ["long"] * 100_000}}
    batches.fault("content", raw(200, "application/jsonl", json.dumps(line).encode()))
    async with client_of(batches, retry=Retry(attempts=1)) as client:
        assert said(await ask(client._pipeline.through(QUICK), ["a"])) == ["BadReplyError"]


async def test_lines_that_are_none(batches: BatchServer) -> None:
    """Whatever stands in a file, a request without a line of its own is missing."""
    odd = b'null\n[]\n{"custom_id": 3}\n\xff\n{"custom_id": "call-9"}\n\n{"custom_id": "call-1"'
    batches.fault("content", raw(200, "application/jsonl", odd))
    async with client_of(batches, retry=Retry(attempts=1)) as client:
        assert said(await ask(client._pipeline.through(QUICK), ["a"])) == ["TransportError"]
