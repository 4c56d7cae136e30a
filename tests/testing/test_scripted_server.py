"""The scripted server: it answers whoever asks, and tells what did not fit."""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal
from typing import Any, cast

import anyio
import anyio.lowlevel
import openai
import pytest
from pydantic import BaseModel

from minikit import (
    ArgumentError,
    AsyncClient,
    CallError,
    Client,
    JobError,
    ask,
    plan,
    summarize,
)
from minikit.testing import Request, ScriptedServer, UnexpectedRequestError, error, timeout

TEXT = "The bridge was closed in March. Nobody knows why it fell."
MODEL = "gpt-4.1-mini"


class Invoice(BaseModel):
    """What an application reads."""

    number: int
    total: float


def test_it_answers_the_module_functions_without_a_key() -> None:
    """The default client comes to the server, and pays what the tokens cost."""
    with ScriptedServer() as server:
        server.reply("It was closed.")
        summary = summarize(TEXT, model=MODEL)
    (request,) = server.requests
    assert str(summary) == "It was closed."
    assert summary.usage is not None
    assert summary.usage.input_tokens == request.input_tokens
    in_usd, out_usd = Decimal("0.4e-6"), Decimal("1.6e-6")
    usage = summary.usage
    assert summary.cost_usd == usage.input_tokens * in_usd + usage.output_tokens * out_usd
    assert TEXT in request.prompt
    assert request.model == MODEL
    assert repr(server) == "<ScriptedServer, 1 requests>"


@pytest.mark.parametrize("chunk_tokens", [None, 1000])
def test_the_bill_lies_within_the_plan(chunk_tokens: int | None) -> None:
    """What is paid is what was planned, in one call and in many."""
    text = f"{TEXT}\n\n" * 600
    planned = plan(text, model=MODEL, chunk_tokens=chunk_tokens)
    with ScriptedServer() as server:
        server.reply("It was closed.", times=None)
        summary = summarize(text, model=MODEL, chunk_tokens=chunk_tokens)
    least, most = planned.cost_usd_at_least, planned.cost_usd_at_most
    assert least is not None
    assert most is not None
    assert summary.cost_usd is not None
    assert least <= summary.cost_usd <= most


@pytest.mark.anyio
async def test_it_answers_any_client() -> None:
    """A client made before, one made within, one with a key and an SDK client all come to it."""
    sdk = openai.AsyncOpenAI(api_key="sk-mine", base_url="http://models.invalid/v1")
    async with AsyncClient(model=MODEL, base_url="http://models.invalid/v1") as before:
        with ScriptedServer() as server:
            server.reply("one", "two", "three")
            assert str(await before.complete("a")) == "one"
            async with AsyncClient(model=MODEL, api_key="sk-other") as within:
                assert str(await within.complete("b")) == "two"
            async with AsyncClient(model=MODEL, openai_client=sdk) as through:
                assert str(await through.complete("c")) == "three"
    await sdk.close()
    assert [request.prompt for request in server.requests] == ["a", "b", "c"]


@pytest.mark.anyio
async def test_one_client_may_come_to_several_servers() -> None:
    """Each server has a client to itself; what one has refused does not slow down the next."""
    async with AsyncClient(model=MODEL) as client:
        for name in ("one", "two"):
            with ScriptedServer() as server:
                server.reply(error(429), name)
                assert str(await client.complete("Hello")) == name


def test_servers_may_stand_in_one_another() -> None:
    """The innermost answers, and the outer one is back at its end."""
    with Client(model=MODEL) as client, ScriptedServer() as outer:
        outer.reply("outer")
        with ScriptedServer() as inner:
            inner.reply("inner")
            assert str(client.complete("Hello")) == "inner"
        assert str(client.complete("Hello")) == "outer"


def test_the_offline_model_answers_itself() -> None:
    """What needs no server does not come to one."""
    with ScriptedServer() as server:
        summarize(TEXT, model="offline")
    assert server.requests == []


def test_values_stand_in_the_form_that_is_asked_for() -> None:
    """A value is enough where a schema is asked for, or a list, or records with quotes."""
    invoice = Invoice(number=3, total=4.5)
    with Client(model=MODEL) as client, ScriptedServer() as server:
        server.reply(invoice, {"number": 3, "total": 4.5}, [1, 2], 7)
        assert client.complete("Read.", schema=Invoice).parsed == invoice
        assert client.complete("Read.", schema=Invoice).parsed == invoice
        assert client.complete("Read.", schema=list[int]).parsed == [1, 2]
        assert client.complete("Read.", schema=int).parsed == 7
        server.reply(invoice, [invoice])
        assert client.extract("Invoice 3: 4.50", Invoice).value == invoice
        assert client.extract("Invoice 3: 4.50", list[Invoice]).value == [invoice]
        assert server.requests[0].schema is not None
        assert server.requests[0].tool is None


def test_a_value_may_be_the_arguments_of_a_tool() -> None:
    """A model that knows no schemas is answered as it is asked."""
    with Client(model="claude-3-haiku-20240307") as client, ScriptedServer() as server:
        server.reply(Invoice(number=3, total=4.5))
        completion = client.complete("Read.", schema=Invoice)
    assert completion.parsed.number == 3
    assert server.requests[0].tool == "Invoice"
    assert server.requests[0].schema is not None
    assert completion.usage.output_tokens > 5


def test_a_text_is_an_answer() -> None:
    """A question is answered by a text."""
    with ScriptedServer() as server:
        server.reply("In March.")
        assert str(ask(TEXT, "When was it closed?", model=MODEL)) == "In March."


def test_functions_answer() -> None:
    """A function of the request answers, async or not."""

    async def later(request: Request) -> str:
        await anyio.lowlevel.checkpoint()
        return request.prompt.lower()

    with Client(model=MODEL) as client, ScriptedServer() as server:
        server.reply(lambda request: request.prompt.upper(), later)
        assert str(client.complete("Hello")) == "HELLO"
        assert str(client.complete("Hello")) == "hello"


def test_replies_are_for_requests_that_they_fit() -> None:
    """A text or a function picks the request, whatever the order."""
    with Client(model=MODEL) as client, ScriptedServer() as server:
        server.reply("a bird", when="wing")
        server.reply("long", when=lambda request: len(request.prompt) > 20)
        server.reply("a fish", when="fin", times=2)
        assert str(client.complete("It has a fin.")) == "a fish"
        assert str(client.complete("It has a wing.")) == "a bird"
        assert str(client.complete("It has a fin.")) == "a fish"
        assert str(client.complete("It has a fin and many scales.")) == "long"


def test_retries_do_not_wait() -> None:
    """Faults that pass are tried again at once, and stand in the ledger."""
    with Client(model=MODEL) as client, ScriptedServer() as server:
        server.reply(error(500), error(503), timeout(), "fine")
        completion = client.complete("Hello")
        outcomes = [entry.outcome for entry in client.ledger.entries]
    assert completion.attempts == 4
    assert completion.latency_s < 1.0
    assert outcomes == ["server_error", "server_error", "timeout", "ok"]


def test_an_unexpected_request_fails_at_once() -> None:
    """The error shows what was asked and what was scripted; nothing is tried again."""
    server = ScriptedServer()
    server.reply("a bird", when="wing")
    server.reply("a fish", when=is_fish, times=None)
    server.reply("a whale")

    def application() -> None:
        with Client(model=MODEL) as client, server:
            client.complete("What swims?", temperature=0.5)
            client.complete([{"role": "system", "content": "S" * 700}, *PICTURE], temperature=1)

    with pytest.raises(UnexpectedRequestError, match="request 2 was not expected") as caught:
        application()
    lines = str(caught.value).splitlines()
    assert lines[1:3] == ["    gpt-4.1-mini, temperature=1", "    system: " + "S" * 300]
    assert lines[3:] == [
        "      [... 100 characters ...]",
        "      " + "S" * 300,
        "    user: What is this?",
        "      [image_url]",
        "scripted is, in this order:",
        "    'a bird' when 'wing': 0 of 1 used",
        "    'a fish' when is_fish: any number of times",
        "    'a whale': 1 of 1 used",
        "script one more with server.reply(...)",
    ]
    assert caught.value.code == "unexpected_request"
    assert len(server.requests) == 2


def is_fish(request: Request) -> bool:
    """Tell requests about fish."""
    return "fish" in request.prompt


PICTURE: list[dict[str, Any]] = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "http://pictures.invalid/1.png"}},
        ],
    }
]


def test_an_unexpected_request_cannot_be_hidden() -> None:
    """The block ends in the error that the application has caught."""

    def application() -> None:
        with Client(model=MODEL) as client, ScriptedServer(), suppress(CallError):
            client.complete("What swims?")

    with pytest.raises(UnexpectedRequestError, match=r"(?s)What swims\?.*    nothing\n"):
        application()


def test_an_unexpected_request_within_a_job_is_kept_by_its_error() -> None:
    """A job that has read something raises a JobError that holds the error."""
    server = ScriptedServer()
    server.reply("It was closed.")
    with server.standing(), pytest.raises(JobError, match="not expected") as caught:
        summarize(f"{TEXT}\n\n" * 600, model=MODEL, chunk_tokens=2000)
    assert isinstance(caught.value.errors[0], UnexpectedRequestError)


def test_a_form_that_is_asked_for_is_shown_by_its_name() -> None:
    """A schema is long: it stands in the message as dots, and the names in it below."""
    server, client = ScriptedServer(), Client(model=MODEL)
    with (
        client,
        server.standing(),
        pytest.raises(UnexpectedRequestError, match=r"mini, resp.*\.\.") as caught,
    ):
        client.complete("Read.", schema=Invoice)
    assert "\nit asks for a value with 'number', 'total'\nscripted is" in str(caught.value)


def test_unused_replies_fail() -> None:
    """What was scripted and not asked for is listed, but not what need not be."""
    server = ScriptedServer()
    server.reply("one")
    server.reply("any", when="never", times=None)
    server.reply("y" * 80)
    server.reply(error(500), when="never", times=3)
    with Client(model=MODEL) as client, server.standing():
        client.complete("Hello")
    expected = (
        "2 scripted replies were not asked for, in 1 requests:\n"
        f"    {repr('y' * 80)[:60]}...: 0 of 1 used\n"
        "    error(500) when 'never': 0 of 3 used"
    )
    with pytest.raises(AssertionError, match=re.escape(expected)):
        server.check()


def test_a_long_script_is_not_shown_whole() -> None:
    """Of many lines the first are shown."""
    server = ScriptedServer()
    server.reply(*["Hello"] * 25)
    with pytest.raises(AssertionError, match=r"(?s)^25 scripted.*\n    \.\.\. and 5 more$"):
        server.check()


def test_one_unused_reply_is_told_as_one() -> None:
    """The message counts in words."""
    server = ScriptedServer()
    server.reply("Hello")
    with pytest.raises(AssertionError, match=r"^1 scripted reply was not asked for, in 0 req"):
        server.check()


def test_another_error_is_not_covered() -> None:
    """A block that ends in an error ends in that one."""

    def application() -> None:
        with ScriptedServer() as server:
            server.reply("never asked for")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        application()


@pytest.mark.parametrize("times", [0, 1.5])
def test_times_are_checked(times: Any) -> None:  # noqa: ANN401
    """A reply is given once or more often."""
    with pytest.raises(ArgumentError, match="times"):
        ScriptedServer().reply("Hello", times=times)


def test_slips_in_a_script_are_told_where_they_stand() -> None:
    """And not when a request comes, in the middle of the application."""
    wrong: Any = b"Hello"
    with pytest.raises(ArgumentError, match=r"raw\(b'...'\)"):
        ScriptedServer().reply(wrong)
    with pytest.raises(ArgumentError, match="when=3 is neither a text nor a function"):
        ScriptedServer().reply("Hello", when=cast("Any", 3))


def test_something_must_be_scripted() -> None:
    """A call without a reply scripts nothing, and is a slip."""
    with pytest.raises(ArgumentError, match="at least one reply"):
        ScriptedServer().reply()


def test_a_failing_function_is_not_taken_for_a_fault() -> None:
    """An assertion in a function that answers fails the test, and is not retried."""

    def checked(request: Request) -> str:
        assert "ocean" in request.prompt
        return "never"

    server = ScriptedServer()
    server.reply(checked)
    told = r"(?s)AssertionError in what answers.*Hello"
    with (
        Client(model=MODEL) as client,
        server.standing(),
        pytest.raises(UnexpectedRequestError, match=told) as caught,
    ):
        client.complete("Hello")
    assert isinstance(caught.value.__cause__, AssertionError)
    assert len(server.requests) == 1
