"""Asking for a value of a type, against a server on loopback."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import replace
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, TypeVar, assert_type

import pytest
from pydantic import BaseModel

from minikit import (
    ArgumentError,
    AsyncClient,
    BadReplyError,
    CallTimeoutError,
    Completion,
    ContextOverflowError,
    Model,
    OutputTruncatedError,
    Price,
    RefusalError,
    RequestRejectedError,
    RequestTooLargeError,
    Retry,
    SchemaError,
    ServerError,
    Usage,
)
from minikit.calls.request import Request
from minikit.calls.schema import Schema
from minikit.calls.structured import Forms, ParsedCompletion, complete_structured
from server import Body, ChatServer, Reply, error, ok, prompt_of, raw

pytestmark = pytest.mark.anyio

T = TypeVar("T")


class Invoice(BaseModel):
    """An invoice."""

    number: int
    paid: bool = False


GOOD = '{"number": 7, "paid": true}'
BAD = '{"number": "seven", "paid": true}'
PROSE = "The invoice is number seven and is paid."
WANTED = Invoice(number=7, paid=True)
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500}
COST = Decimal("0.00045")

MINI = Model.resolve("gpt-4o-mini")
CLAUDE = Model.resolve("claude-haiku-4-5")
MINE = Model(
    id="mine",
    context_window=4_000,
    max_output_tokens=500,
    price=Price(input_usd_per_mtok=1, output_usd_per_mtok=2),
)
REJECTED = error(400, message="This response_format type is unavailable now")


def said(text: str, **options: Any) -> Reply:  # noqa: ANN401
    """Answer with a text, with a usage that costs `COST`."""
    return ok(text, **{"usage": USAGE, **options})


def called(arguments: object, text: str | None = None) -> Reply:
    """Answer by calling the tool."""
    function = {"name": "Invoice", "arguments": arguments}
    call = {"id": "c1", "type": "function", "function": function}
    return ok(text, message={"tool_calls": [call]}, finish_reason="tool_calls", usage=USAGE)


def form_of(body: Body) -> str:
    """Tell in which form a request asks."""
    if "response_format" in body:
        assert "tools" not in body
        return "json_schema"
    if "tools" in body:
        assert body["tool_choice"] == {"type": "function", "function": {"name": "Invoice"}}
        return "tool"
    assert Schema.of(Invoice).instructions() in prompt_of(body)
    return "text"


def forms_of(server: ChatServer) -> list[str]:
    """Tell in which forms the requests asked."""
    return [form_of(body) for body in server.bodies]


def request_of(prompt: Any = "Read this invoice.", **options: Any) -> Request:  # noqa: ANN401
    """Make a request."""
    return Request.of(prompt, **{"model": MINI, **options})


async def ask(
    server: ChatServer, request: Request | None = None, *, forms: Forms | None = None
) -> ParsedCompletion[Invoice]:
    """Ask for an invoice."""
    retry = Retry(attempts=2, wait_initial_s=0.0)
    async with AsyncClient(api_key="sk-test", base_url=server.base_url, retry=retry) as client:
        return await complete_structured(
            client._pipeline.send,
            request or request_of(),
            Schema.of(Invoice),
            forms=forms or Forms(),
        )


async def test_the_reply_is_a_value(server: ChatServer) -> None:
    """A reply comes as a value of the type, with what it took."""
    server.script([said(GOOD)])
    completion = await ask(server)
    assert_type(completion, ParsedCompletion[Invoice])
    assert_type(completion.parsed, Invoice)
    assert completion.parsed == WANTED
    assert isinstance(completion, Completion)
    assert str(completion) == completion.text == GOOD
    assert (completion.cost_usd, completion.attempts) == (COST, 1)
    assert completion.usage == Usage(input_tokens=1000, output_tokens=500)
    assert completion.latency_s > 0
    assert completion.request_id == "req_00000001"
    assert pickle.loads(pickle.dumps(completion)) == completion  # noqa: S301 - our own
    assert server.bodies[0] == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Read this invoice."}],
        "response_format": Schema.of(Invoice).response_format(),
    }


async def test_any_type_can_be_asked_for(server: ChatServer) -> None:
    """A list of models, or a number, is asked for as well, and typed."""
    server.script([said(f'{{"value": [{GOOD}]}}'), said('{"value": 7}')])
    async with AsyncClient(api_key="sk-test", base_url=server.base_url) as client:
        send = client._pipeline.send
        several = await complete_structured(
            send, request_of(), Schema.of(list[Invoice]), forms=Forms()
        )
        one = await complete_structured(send, request_of(), Schema.of(int), forms=Forms())
    assert_type(several.parsed, list[Invoice])
    assert_type(one.parsed, int)
    assert (several.parsed, one.parsed) == ([WANTED], 7)


async def test_a_misfit_is_shown_to_the_model(server: ChatServer) -> None:
    """A reply that does not fit is asked for again with its problems, and both are paid for."""
    server.script([said(BAD), said(GOOD)])
    completion = await ask(server)
    assert completion.parsed == WANTED
    assert (completion.cost_usd, completion.attempts) == (2 * COST, 2)
    assert completion.usage == Usage(input_tokens=2000, output_tokens=1000)
    asked, shown, told = server.bodies[1]["messages"]
    assert asked == server.bodies[0]["messages"][0]
    assert shown == {"role": "assistant", "content": BAD}
    assert told["role"] == "user"
    assert "number: Input should be a valid integer" in told["content"]
    assert forms_of(server) == ["json_schema", "json_schema"]


async def test_tokens_are_counted_anew(server: ChatServer) -> None:
    """What was counted of the prompt alone is not taken for the schema and the correction."""
    server.script([said(BAD, usage=None), said(GOOD, usage=None)])
    request = request_of(known_input_tokens=1)
    completion = await ask(server, request)
    asked = replace(
        request, response_format=Schema.of(Invoice).response_format(), known_input_tokens=None
    )
    assert completion.usage.estimated
    assert completion.usage.input_tokens > 2 * asked.count_input_tokens() > 100


async def test_only_the_last_misfit_is_shown(server: ChatServer) -> None:
    """A correction holds the reply that it corrects, not those before it."""
    server.script([said(BAD), said('{"paid": true}'), said(GOOD)])
    assert (await ask(server)).parsed == WANTED
    assert [len(body["messages"]) for body in server.bodies] == [1, 3, 3]
    assert "number: Field required" in server.bodies[2]["messages"][2]["content"]


async def test_the_same_misfit_again_is_paid_for_once_each(
    server: ChatServer, tmp_path: Path
) -> None:
    """A journal answers no correction with the one before, which would be counted twice."""
    server.handler = lambda _body: said(BAD)
    async with AsyncClient(
        api_key="sk-test", base_url=server.base_url, journal=tmp_path / "calls.sqlite"
    ) as client:
        for _ in range(2):
            with pytest.raises(SchemaError) as caught:
                await client.complete("Read this invoice.", schema=Invoice)
            assert caught.value.completion is not None
            assert caught.value.completion.cost_usd == client.ledger.total.cost_usd == 3 * COST
    assert [len(body["messages"]) for body in server.bodies] == [1, 3, 5]


async def test_what_never_fits_is_an_error(server: ChatServer) -> None:
    """After three replies the error has the last one, what is wrong, and what all took."""
    server.handler = lambda _body: said(BAD)
    with pytest.raises(SchemaError, match="no reply of 3 fits the schema 'Invoice'") as caught:
        await ask(server)
    failure = caught.value
    assert len(server.requests) == failure.attempts == 3
    assert failure.errors == (
        "number: Input should be a valid integer, unable to parse string as an integer "
        "(given: 'seven')",
    )
    assert failure.completion is not None
    assert failure.completion.text == BAD
    assert failure.completion.cost_usd == 3 * COST
    assert failure.completion.usage == Usage(input_tokens=3000, output_tokens=1500)
    assert "seven" not in "".join(traceback.format_exception(failure))
    again = pickle.loads(pickle.dumps(failure))  # noqa: S301 - our own
    assert (again.errors, again.completion) == (failure.errors, failure.completion)


async def test_costs_add_up_exactly(server: ChatServer) -> None:
    """A sum is exact whatever the caller's precision, and unknown where a part is."""
    server.script([said(BAD), said(GOOD)])
    with localcontext(prec=1):
        assert (await ask(server)).cost_usd == 2 * COST
    unpriced = Model(id="mine", context_window=4_000, max_output_tokens=500)
    server.script([said(BAD), said(GOOD)])
    assert (await ask(server, request_of(model=unpriced))).cost_usd is None


async def test_retries_of_the_pipeline_are_counted(server: ChatServer) -> None:
    """Attempts are requests, those that the pipeline makes again included."""
    server.script([error(500), said(BAD), error(500), said(GOOD)])
    assert (await ask(server)).attempts == 4


async def test_a_refusal_passes(server: ChatServer) -> None:
    """A refusal is an error of its own, and carries what the replies before it took."""
    refusal = ok(None, message={"refusal": "I cannot."}, usage=USAGE)
    server.script([refusal])
    with pytest.raises(RefusalError, match="the model refused") as caught:
        await ask(server)
    assert caught.value.completion is not None
    assert caught.value.completion.cost_usd == COST
    server.script([said(BAD), refusal])
    with pytest.raises(RefusalError, match="the model refused") as caught:
        await ask(server)
    assert caught.value.attempts == 2
    assert caught.value.completion is not None
    assert caught.value.completion.cost_usd == 2 * COST


async def test_a_cut_off_reply_is_an_error(server: ChatServer) -> None:
    """A reply that was cut off is never read, and not asked for again."""
    server.script([said(BAD), said(GOOD, finish_reason="length")])
    with pytest.raises(OutputTruncatedError, match="cut off after 500 tokens") as caught:
        await ask(server)
    assert (caught.value.code, caught.value.request_id) == ("length", "req_00000002")
    assert (caught.value.attempts, len(server.requests)) == (2, 2)
    assert caught.value.completion is not None
    assert caught.value.completion.usage == Usage(input_tokens=2000, output_tokens=1000)


async def test_a_failure_after_a_reply_carries_it(server: ChatServer) -> None:
    """What was paid for before a failure is on the error."""
    server.script([said(BAD), error(500), error(500)])
    with pytest.raises(ServerError, match="HTTP 500") as caught:
        await ask(server)
    assert caught.value.attempts == 3
    assert caught.value.completion is not None
    assert (caught.value.completion.text, caught.value.completion.cost_usd) == (BAD, COST)
    server.script([error(500), error(500)])
    with pytest.raises(ServerError, match="HTTP 500") as caught:
        await ask(server)
    assert caught.value.completion is None


# --- forms


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_rejected_form_is_not_asked_for_again(server: ChatServer, status: int) -> None:
    """A server without response formats is asked through a tool, at once from then on."""
    server.script([error(status), called(GOOD), called(GOOD)])
    forms = Forms()
    first = await ask(server, request_of(model=MINE), forms=forms)
    assert first.parsed == WANTED
    assert (first.text, first.attempts, first.finish_reason) == (GOOD, 2, "tool_calls")
    assert first.cost_usd == Decimal("0.002")
    assert (await ask(server, request_of(model=MINE), forms=forms)).attempts == 1
    assert forms_of(server) == ["json_schema", "tool", "tool"]


async def test_the_last_form_is_words(server: ChatServer) -> None:
    """A server that knows neither form is told in words; a reply in a fence is read."""
    server.script([REJECTED, error(400), said(f"Sure!\n```json\n{GOOD}\n```"), said(GOOD)])
    forms = Forms()
    assert (await ask(server, request_of(model=MINE), forms=forms)).parsed == WANTED
    assert (await ask(server, request_of(model=MINE), forms=forms)).parsed == WANTED
    assert forms_of(server) == ["json_schema", "tool", "text", "text"]
    assert len(server.bodies[2]["messages"]) == 1


async def test_the_first_rejection_is_raised(server: ChatServer) -> None:
    """Where no form is taken, the form was not the cause: the first error tells most."""
    server.script([REJECTED, error(400, message="no tools"), error(400, message="no words")])
    with pytest.raises(RequestRejectedError, match="response_format type") as caught:
        await ask(server)
    assert (caught.value.attempts, caught.value.completion) == (3, None)


async def test_a_form_that_is_ignored(server: ChatServer) -> None:
    """Prose in place of JSON is a server that ignores the form; it is paid for, once."""
    server.script([said(PROSE), said(PROSE), said(PROSE), said(GOOD), said(GOOD)])
    forms = Forms()
    completion = await ask(server, request_of(model=MINE), forms=forms)
    assert completion.parsed == WANTED
    assert (completion.attempts, completion.cost_usd) == (4, 4 * Decimal("0.002"))
    assert (await ask(server, request_of(model=MINE), forms=forms)).attempts == 1
    assert forms_of(server) == ["json_schema", "tool", "text", "text", "text"]
    assert "no JSON object" in server.bodies[3]["messages"][2]["content"]


async def test_a_rejection_after_replies_carries_them(server: ChatServer) -> None:
    """What was paid for before all forms failed is on the error."""
    server.script([said(PROSE), REJECTED, error(400)])
    with pytest.raises(RequestRejectedError, match="response_format type") as caught:
        await ask(server)
    assert caught.value.attempts == 3
    assert caught.value.completion is not None
    assert caught.value.completion.cost_usd == COST


async def test_json_in_prose_needs_no_other_form(server: ChatServer) -> None:
    """A reply that holds the value counts, whatever stands around it."""
    server.script([said(f"Here you are: {GOOD} Anything else?"), said(GOOD)])
    forms = Forms()
    assert (await ask(server, forms=forms)).parsed == WANTED
    await ask(server, forms=forms)
    assert forms_of(server) == ["json_schema", "json_schema"]


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (called('{"number": 7, "pa'), "the JSON is broken"),
        (called(""), "there is no JSON object"),
        (called(None), "Input should be an object"),
        (
            ok(None, message={"tool_calls": [{"id": "c1"}]}, finish_reason="tool_calls"),
            "Input should be an object",
        ),
    ],
)
async def test_broken_arguments(server: ChatServer, broken: Reply, problem: str) -> None:
    """Arguments that are no JSON are corrected as any reply, in the same form."""
    server.script([broken, called(GOOD)])
    assert (await ask(server, request_of(model=CLAUDE))).parsed == WANTED
    assert forms_of(server) == ["tool", "tool"]
    _, shown, told = server.bodies[1]["messages"]
    assert shown["content"]
    assert problem in told["content"]


async def test_arguments_as_an_object(server: ChatServer) -> None:
    """Some servers send the object itself, and a text beside it."""
    server.script([called({"number": 7, "paid": True}, "I call the tool.")])
    completion = await ask(server, request_of(model=CLAUDE))
    assert (completion.parsed, completion.text) == (WANTED, GOOD)


async def test_an_answer_in_place_of_a_tool_call(server: ChatServer) -> None:
    """A model that writes the value and calls no tool has answered."""
    server.script([said(GOOD)])
    assert (await ask(server, request_of(model=CLAUDE))).parsed == WANTED


@pytest.mark.parametrize(
    ("supports", "expected"),
    [
        (set(), ["json_schema", "tool", "text"]),
        ({"sampling", "vision"}, ["json_schema", "tool", "text"]),
        ({"json_schema"}, ["json_schema", "text"]),
        ({"tools"}, ["tool", "text"]),
        ({"json_schema", "tools"}, ["json_schema", "tool", "text"]),
    ],
)
async def test_what_a_model_is_said_to_have(
    server: ChatServer, supports: set[str], expected: list[str]
) -> None:
    """Forms that a model is known to lack are left out; unknown is not lacking."""
    model = Model(
        id="mine", context_window=4_000, max_output_tokens=500, supports=frozenset(supports)
    )
    server.handler = lambda _body: error(400)
    with pytest.raises(RequestRejectedError, match="HTTP 400"):
        await ask(server, request_of(model=model))
    assert forms_of(server) == expected


def test_what_is_learned_of_one_schema() -> None:
    """What works is learned for all schemas; after one that worked another may be odd by itself."""
    forms, one, other = Forms(), Schema.of(Invoice), Schema.of(list[Invoice])
    forms.learn(MINI, one, "tool")
    assert forms.ladder(MINI, one) == forms.ladder(MINI, other) == ("tool", "text")
    forms = Forms()
    forms.learn(MINI, other, "json_schema")
    forms.learn(MINI, one, "tool")
    assert forms.ladder(MINI, one) == ("tool", "text")
    assert forms.ladder(MINI, other) == ("json_schema", "tool", "text")
    forms.learn(MINE, one, "text")
    assert forms.ladder(MINE, other) == ("text",)
    no_tools = Model.resolve("gpt-6-luna")
    forms.learn(no_tools, one, "tool")
    assert forms.ladder(no_tools, one) == ("json_schema", "text")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (error(404, code="model_not_found"), RequestRejectedError),
        (error(400, code="context_length_exceeded"), RequestTooLargeError),
    ],
)
async def test_what_no_form_mends(
    server: ChatServer, fault: Reply, kind: type[RequestRejectedError]
) -> None:
    """A model that is not there and a request that is too long fail at once."""
    server.script([fault])
    with pytest.raises(kind, match=r"HTTP 40\d"):
        await ask(server)
    assert len(server.requests) == 1


async def test_no_room_for_the_schema(server: ChatServer) -> None:
    """A request that does not fit with its schema is never sent."""
    with pytest.raises(ContextOverflowError, match="send less"):
        await ask(server, request_of("word " * 3_970, model=MINE))
    assert server.requests == []


async def test_no_room_for_a_correction(server: ChatServer) -> None:
    """Where a correction does not fit into the window, the misfit is the error."""
    server.script([said(f'{{"number": "{"seven " * 400}"}}')])
    with pytest.raises(SchemaError, match="no reply of 1 fits") as caught:
        await ask(server, request_of("word " * 3_500, model=MINE))
    assert len(server.requests) == 1
    assert caught.value.completion is not None
    assert "seven" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ({"role": "user", "content": [{"type": "text", "text": "Read."}]}, [2]),
        (
            [{"role": "user", "content": "Read."}, {"role": "assistant", "content": "I will."}],
            ["Read.", "I will.", None],
        ),
    ],
)
async def test_where_the_words_stand(
    server: ChatServer, prompt: object, texts: list[object]
) -> None:
    """The schema in words stands last, within the last message of the user where there is one."""
    server.script([REJECTED, error(400), said(GOOD)])
    await ask(server, request_of(prompt, model=MINE))
    messages = server.bodies[2]["messages"]
    assert len(messages) == len(texts)
    last = messages[-1]["content"]
    text = last[-1]["text"] if isinstance(last, list) else last
    assert text == Schema.of(Invoice).instructions()
    assert messages[-1]["role"] == "user"


async def test_the_offline_model_fills_no_schema(server: ChatServer) -> None:
    """The model that only selects sentences says so, and which way out there is."""
    with pytest.raises(ArgumentError, match="cannot fill a schema: choose another model"):
        await ask(server, request_of(model=Model.resolve("offline")))
    assert server.requests == []


async def test_other_errors_pass(server: ChatServer) -> None:
    """What is not a rejection is raised as it is, with no other form tried."""
    server.script([raw(200, "text/html", b"<html>"), raw(200, "text/html", b"<html>")])
    with pytest.raises(BadReplyError, match="HTML"):
        await ask(server)
    assert len(server.requests) == 2


async def test_a_timeout_after_a_reply_carries_it() -> None:
    """A correction that no reply comes to leaves what was paid for on the error."""
    reply = Completion(
        text=BAD,
        usage=Usage(input_tokens=1, output_tokens=1),
        cost_usd=COST,
        finish_reason="stop",
        model="mine",
    )
    replies = iter([reply])

    async def send(_request: Request) -> Completion:
        if (each := next(replies, None)) is None:
            raise CallTimeoutError("no whole reply within 30 s")
        return each

    with pytest.raises(CallTimeoutError, match="30 s") as caught:
        await complete_structured(send, request_of(), Schema.of(Invoice), forms=Forms())
    assert caught.value.attempts == 2
    assert caught.value.completion is not None
    assert caught.value.completion.cost_usd == COST
