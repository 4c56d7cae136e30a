"""The tests' Batch API itself, looked at through OpenAI's own SDK."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import openai
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # has no stubs

from batches import BatchServer, Fate
from server import error, ok, reset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types import Batch

    from server import Body

_STATES = ["validating", "failed", "in_progress", "finalizing", "completed", "expired"]
_TIME = {"type": ["integer", "null"]}
_ERROR = {
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    "additionalProperties": {"type": ["string", "integer", "null"]},
}
BATCH: Body = {
    "required": [
        "id",
        "object",
        "endpoint",
        "input_file_id",
        "completion_window",
        "status",
        "created_at",
    ],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "batch"},
        "endpoint": {"type": "string"},
        "errors": {
            "type": ["object", "null"],
            "properties": {"object": {"const": "list"}, "data": {"items": _ERROR}},
        },
        "status": {"enum": [*_STATES, "cancelling", "cancelled"]},
        "created_at": {"type": "integer"},
        **dict.fromkeys([f"{state}_at" for state in (*_STATES[1:], "cancelled")], _TIME),
        "request_counts": {
            "required": ["total", "completed", "failed"],
            "additionalProperties": {"type": "integer"},
        },
        "metadata": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    },
}
"""What OpenAI's OpenAPI document says of a batch (openapi.yaml of 2026-08-21)."""


@pytest.fixture
def server() -> Iterator[BatchServer]:
    """A server with batches."""
    with BatchServer(handler=lambda body: ok(body["messages"][0]["content"].upper())) as server:
        yield server


@pytest.fixture
def sdk(server: BatchServer) -> Iterator[openai.OpenAI]:
    """OpenAI's client for it."""
    with openai.OpenAI(api_key="key", base_url=server.base_url, max_retries=0) as client:
        yield client


def line(custom_id: str, text: str = "fine", **more: object) -> Body:
    """A request of a batch file."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    whole: Body = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions"}
    return {**whole, "body": body, **more}


def create(sdk: openai.OpenAI, *lines: Body | str, **more: Any) -> Batch:  # noqa: ANN401 - options
    """Upload lines and make a batch of them."""
    rows = [row if isinstance(row, str) else json.dumps(row) for row in lines]
    file = sdk.files.create(file=("in.jsonl", "\n".join(rows).encode()), purpose="batch")
    options = {"endpoint": "/v1/chat/completions", "completion_window": "24h", **more}
    return sdk.batches.create(input_file_id=file.id, **options)


def results(sdk: openai.OpenAI, file_id: str | None) -> list[Body]:
    """The lines of a file of results."""
    return [json.loads(row) for row in sdk.files.content(str(file_id)).text.splitlines()]


def test_goes_from_state_to_state(server: BatchServer, sdk: openai.OpenAI) -> None:
    """Each look takes a batch further; replies stand in its output file, in any order."""
    made = create(sdk, *(line(f"n{i}", f"text {i}") for i in range(9)), metadata={"a": "b"})
    assert (made.status, made.metadata) == ("validating", {"a": "b"})
    assert made.expires_at == made.created_at + 86_400
    seen = [sdk.batches.retrieve(made.id) for _ in range(4)]
    assert [batch.status for batch in seen] == [
        "in_progress",
        "finalizing",
        "completed",
        "completed",
    ]
    over = seen[-1]
    assert over.request_counts is not None
    assert over.request_counts.model_dump() == {"total": 9, "completed": 9, "failed": 0}
    assert over.error_file_id is None
    found = results(sdk, over.output_file_id)
    ids = [item["custom_id"] for item in found]
    assert sorted(ids) == [f"n{i}" for i in range(9)] != ids
    texts = {item["custom_id"]: item["response"]["body"]["choices"][0] for item in found}
    assert texts["n3"]["message"]["content"] == "TEXT 3"
    Draft202012Validator(BATCH).validate(server.batches[made.id].shown)
    assert server.requests == []


def test_bills_half(server: BatchServer, sdk: openai.OpenAI) -> None:
    """What is answered in a batch is charged half of what it is charged outside of one."""
    body = line("a")["body"]
    sdk.chat.completions.create(**body)
    create(sdk, line("a"))
    server.finish()
    outside, inside = server.charges
    assert outside.usd == 2 * inside.usd > 0
    tokens = inside.usage
    price = Decimal("0.15") * tokens["prompt_tokens"] + Decimal("0.6") * tokens["completion_tokens"]
    assert outside.usd == price / 1_000_000
    assert server.billed_usd == 3 * inside.usd


def test_failures_stand_in_the_error_file(server: BatchServer, sdk: openai.OpenAI) -> None:
    """A batch of failures is completed, has no output file, and its errors are in `response`."""
    server.script([error(400, code="content_policy_violation", message="No.")])
    made = create(sdk, line("a"))
    server.finish()
    over = sdk.batches.retrieve(made.id)
    assert (over.status, over.output_file_id) == ("completed", None)
    [failed] = results(sdk, over.error_file_id)
    assert (failed["error"], failed["response"]["status_code"]) == (None, 400)
    assert failed["response"]["body"]["error"]["code"] == "content_policy_violation"
    assert server.billed_usd == 0


@pytest.mark.parametrize(
    ("rows", "code", "number"),
    [
        ([line("a"), "{"], "invalid_json_line", 2),
        ([line("a"), line("a")], "duplicate_custom_id", 2),
        ([line("a", url="/v1/embeddings")], "url_mismatch", 1),
        ([line("a", method="GET")], "invalid_method", 1),
        ([line("a"), line("b", body={"model": "gpt-4o"})], "model_mismatch", 2),
        ([line("a", body={"model": "unknown"})], "model_not_found", 1),
        ([{"custom_id": "a"}], "missing_required_parameter", 1),
        ([], "empty_file", None),
        ([line("a"), line("b"), line("c")], "too_many_tasks", None),
    ],
)
def test_faults_of_a_file_fail_its_batch(
    server: BatchServer, sdk: openai.OpenAI, rows: list[Body | str], code: str, number: int | None
) -> None:
    """The batch is made all the same; its validation fails, with the line that is wrong."""
    server.models = frozenset({"gpt-4o-mini", "gpt-4o"})
    server.max_requests = 2
    made = create(sdk, *rows)
    over = sdk.batches.retrieve(made.id)
    assert over.status == "failed"
    assert over.errors is not None
    assert over.errors.data is not None
    assert (over.errors.data[0].code, over.errors.data[0].line) == (code, number)
    Draft202012Validator(BATCH).validate(server.batches[made.id].shown)


def test_expires_in_the_middle(server: BatchServer, sdk: openai.OpenAI) -> None:
    """What was done is billed and stands in the output file, the rest in the error file."""
    server.fates.append(Fate(ends="expired", after=2, each=1))
    made = create(sdk, *(line(f"n{i}") for i in range(5)))
    states = [sdk.batches.retrieve(made.id).status for _ in range(3)]
    assert states == ["in_progress", "in_progress", "expired"]
    over = sdk.batches.retrieve(made.id)
    late = results(sdk, over.error_file_id)
    assert sorted(item["custom_id"] for item in late) == ["n2", "n3", "n4"]
    assert {item["error"]["code"] for item in late} == {"batch_expired"}
    assert len(results(sdk, over.output_file_id)) == len(server.charges) == 2
    assert over.request_counts is not None
    assert over.request_counts.model_dump() == {"total": 5, "completed": 2, "failed": 0}


def test_is_cancelled(server: BatchServer, sdk: openai.OpenAI) -> None:
    """A cancelled batch keeps what was done; one that is over cannot be cancelled."""
    server.fates.append(Fate(each=1))
    made = create(sdk, line("a"), line("b"))
    server.step()
    server.step(made.id)
    assert sdk.batches.cancel(made.id).status == "cancelling"
    assert sdk.batches.cancel(made.id).status == "cancelling"
    over = sdk.batches.retrieve(made.id)
    assert (over.status, over.error_file_id) == ("cancelled", None)
    assert [item["custom_id"] for item in results(sdk, over.output_file_id)] == ["a"]
    with pytest.raises(openai.ConflictError, match="Cannot cancel a batch with status"):
        sdk.batches.cancel(made.id)


def test_the_queue_is_limited(server: BatchServer, sdk: openai.OpenAI) -> None:
    """Batches that hold too many input tokens together fail, until others are done."""
    server.manual = True
    server.enqueued_limit = 12
    made = [create(sdk, line("a")) for _ in range(2)]
    server.step()
    assert [sdk.batches.retrieve(batch.id).status for batch in made] == ["in_progress", "failed"]
    over = sdk.batches.retrieve(made[1].id)
    assert over.errors is not None
    assert over.errors.data is not None
    assert over.errors.data[0].code == "token_limit_exceeded"
    server.finish(made[0].id)
    third = create(sdk, line("a"))
    server.finish(third.id)
    assert sdk.batches.retrieve(third.id).status == "completed"


def test_pages_begin_with_the_newest(server: BatchServer, sdk: openai.OpenAI) -> None:
    """A listing has 20 batches a page; a cursor leads on."""
    made = [create(sdk, line("a")).id for _ in range(23)]
    page = sdk.batches.list()
    assert [batch.id for batch in page.data] == made[:2:-1]
    assert page.has_more
    assert [batch.id for batch in sdk.batches.list(limit=5)] == made[::-1]
    with pytest.raises(openai.BadRequestError, match="limit"):
        sdk.batches.list(limit=101)
    with pytest.raises(openai.NotFoundError, match="No batch found"):
        sdk.batches.list(after="none")
    server.forget(made[0])
    with pytest.raises(openai.NotFoundError, match="No batch found"):
        sdk.batches.retrieve(made[0])


def test_files_are_kept_and_deleted(server: BatchServer, sdk: openai.OpenAI) -> None:
    """A file gives its bytes back, whatever they are, until it is deleted."""
    content = 'ä\r\n\u2028"\r'.encode() + bytes(range(256))
    file = sdk.files.create(file=("in.jsonl", content), purpose="batch")
    assert sdk.files.retrieve(file.id).bytes == len(content)
    assert sdk.files.content(file.id).content == content
    assert sdk.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        sdk.files.content(file.id)
    server.max_bytes = 10
    with pytest.raises(openai.APIStatusError, match="too large"):
        sdk.files.create(file=("in.jsonl", content), purpose="batch")


def test_refuses_what_is_no_batch(server: BatchServer, sdk: openai.OpenAI) -> None:
    """Wrong purposes, names, windows, endpoints and metadata are refused at once."""
    with pytest.raises(openai.BadRequestError, match="purpose"):
        sdk.files.create(file=("in.jsonl", b"{}"), purpose="vision")
    with pytest.raises(openai.BadRequestError, match=r"Must be \.jsonl"):
        sdk.files.create(file=("in.txt", b"{}"), purpose="batch")
    with pytest.raises(openai.BadRequestError, match="completion_window"):
        create(sdk, line("a"), completion_window="1h")
    with pytest.raises(openai.BadRequestError, match="/v1/none"):
        create(sdk, line("a"), endpoint="/v1/none")
    with pytest.raises(openai.BadRequestError, match="metadata"):
        create(sdk, line("a"), metadata={"a": "b" * 513})
    with pytest.raises(openai.NotFoundError, match="No such File"):
        sdk.batches.create(
            input_file_id="x", endpoint="/v1/chat/completions", completion_window="24h"
        )
    with pytest.raises(openai.BadRequestError, match="'file' is a required"):
        sdk.post("/files", body={"purpose": "batch"}, cast_to=object, files={"x": b""})
    assert server.batches == {}


def test_faults_are_scripted(server: BatchServer, sdk: openai.OpenAI) -> None:
    """A fault stands in place of a reply, cuts it, or hides that something has happened."""
    server.fault("upload", error(500), error(429))
    for refused in (openai.InternalServerError, openai.RateLimitError):
        with pytest.raises(refused, match="Something went wrong"):
            create(sdk, line("a"))
    server.fault("create", reset(0), happens=True)
    with pytest.raises(openai.APIConnectionError, match="Connection"):
        create(sdk, line("a"))
    [name] = server.batches
    server.finish()
    server.fault("content", reset(20), happens=True)
    whole = sdk.batches.retrieve(name).output_file_id
    with pytest.raises(openai.APIConnectionError, match="Connection"):
        sdk.files.content(str(whole))
    assert len(results(sdk, whole)) == 1
    assert server.count("content") == 2


def test_fates_are_scripted(server: BatchServer, sdk: openai.OpenAI) -> None:
    """A batch fails as it is told to, loses lines, or does not stream."""
    server.fates.extend([Fate(errors=({"code": "model_not_found"},)), Fate(missing=1)])
    first, second, third = (create(sdk, line("a"), line("b")) for _ in range(3))
    assert sdk.batches.retrieve(first.id).status == "failed"
    server.finish()
    assert len(results(sdk, sdk.batches.retrieve(second.id).output_file_id)) == 1
    assert len(results(sdk, sdk.batches.retrieve(third.id).output_file_id)) == 2
    assert len(server.charges) == 4
    streamed = line("a")
    streamed["body"]["stream"] = True
    fourth = create(sdk, streamed)
    server.finish()
    assert sdk.batches.retrieve(fourth.id).output_file_id is None


def test_knows_no_other_address(server: BatchServer, sdk: openai.OpenAI) -> None:
    """What is neither a completion nor of batches is not found."""
    with pytest.raises(openai.NotFoundError, match="Invalid URL"):
        sdk.models.list()
    assert server.asked == []
