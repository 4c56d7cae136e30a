"""One call against a server on loopback: what is sent, what comes back, what goes wrong."""

from __future__ import annotations

import importlib
import json
import pickle
from decimal import Decimal
from typing import Any

import openai
import pytest

from minikit import (
    ArgumentError,
    AsyncClient,
    AuthenticationError,
    BadReplyError,
    CallError,
    CallTimeoutError,
    Client,
    Completion,
    ContextOverflowError,
    Message,
    MinikitError,
    MissingKeyError,
    Model,
    Price,
    QuotaExhaustedError,
    RateLimitError,
    RefusalError,
    RequestRejectedError,
    RequestTooLargeError,
    Retry,
    ServerError,
    TransportError,
    Usage,
    count_tokens,
)
from minikit.calls.failures import status_error
from server import ChatServer, Reply, error, hang, held, ok, raw, reset, slow

pytestmark = pytest.mark.anyio

WHOLE = {
    "choices": [{"message": {"role": "assistant", "content": "Fine."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2},
}
SOON = Retry(wait_initial_s=0.0)
ONCE = Retry(attempts=1)


def client_of(server: ChatServer, **options: object) -> AsyncClient:
    """Make a client of `server` that retries without waiting."""
    defaults = {"api_key": "sk-test", "base_url": server.base_url, "retry": SOON}
    return AsyncClient(**{**defaults, **options})  # type: ignore[arg-type]


def page(status: int) -> Reply:
    """Return what a proxy sends."""
    return raw(status, "text/html", b"<!doctype html><html><title>Not &amp; here</title></html>")


async def ask(server: ChatServer, **options: object) -> Completion:
    """Make one call."""
    async with client_of(server, **options) as client:
        return await client.complete("Hello?")


async def test_completion_carries_what_it_took(server: ChatServer) -> None:
    """A reply comes with its usage, price, model, finish reason and request id."""
    server.script([ok("Good day.", model="gpt-4o-mini-2024-07-18")])
    completion = await ask(server)
    expected = count_tokens([Message(role="user", content="Hello?")])
    assert completion.text == str(completion) == "Good day."
    assert completion.usage == Usage(input_tokens=expected, output_tokens=3)
    assert completion.cost_usd == expected * Decimal("0.15e-6") + 3 * Decimal("0.60e-6")
    assert completion.finish_reason == "stop"
    assert completion.model == "gpt-4o-mini-2024-07-18"
    assert completion.attempts == 1
    assert completion.latency_s > 0
    assert completion.request_id == "req_00000001"
    assert completion.notes == ()


async def test_request_on_the_wire(server: ChatServer) -> None:
    """What is asked for is sent, and nothing else."""
    async with client_of(server, model="openai/gpt-4o-mini") as client:
        await client.complete(
            "Hello?", system="Be brief.", max_output_tokens=50, temperature=0.5, seed=7
        )
    assert server.bodies == [
        {
            "model": "gpt-4o-mini",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hello?"},
            ],
            "max_completion_tokens": 50,
            "temperature": 0.5,
            "seed": 7,
        }
    ]
    assert server.requests[0].headers["authorization"] == "Bearer sk-test"


async def test_messages_as_mappings_and_values(server: ChatServer) -> None:
    """A prompt may be a message, messages, or mappings in the form of the wire."""
    question = {"role": "user", "content": "Hello?"}
    async with client_of(server) as client:
        await client.complete(question)  # type: ignore[call-overload]  # a lone mapping works too
        await client.complete([question, Message(role="assistant", content="Yes?"), question])
        await client.complete(Message(role="user", content="Hello?"))
    assert [len(body["messages"]) for body in server.bodies] == [1, 3, 1]


async def test_own_model_uses_max_tokens(server: ChatServer) -> None:
    """A model of one's own is asked with the older field, which every server knows."""
    model = Model(id="mine", context_window=4000, max_output_tokens=500)
    async with client_of(server, model=model) as client:
        completion = await client.complete("Hello?", max_output_tokens=9)
    assert server.bodies[0]["max_tokens"] == 9
    assert completion.cost_usd is None


async def test_own_price(server: ChatServer) -> None:
    """A price of one's own is used."""
    price = Price(input_usd_per_mtok=1, output_usd_per_mtok=2)
    model = Model(id="mine", context_window=4000, max_output_tokens=500, price=price)
    server.script([ok(usage={"prompt_tokens": 10, "completion_tokens": 5})])
    assert (await ask(server, model=model)).cost_usd == Decimal("0.00002")


async def test_cached_and_reasoning_tokens(server: ChatServer) -> None:
    """Cached tokens are part of the input and cost less; reasoning is part of the output."""
    usage = {
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "prompt_tokens_details": {"cached_tokens": 1920},
        "completion_tokens_details": {"reasoning_tokens": 100},
    }
    server.script([ok(usage=usage)])
    completion = await ask(server)
    assert completion.usage == Usage(
        input_tokens=2006, cached_tokens=1920, output_tokens=300, reasoning_tokens=100
    )
    assert completion.cost_usd == Decimal("0.0003369")


async def test_price_follows_the_tier_of_the_reply(server: ChatServer) -> None:
    """What was asked for does not set the price, what was given does."""
    server.script(
        [ok(usage={"prompt_tokens": 1000, "completion_tokens": 500}, service_tier="priority")]
    )
    completion = await ask(server)
    assert (completion.tier, completion.cost_usd) == ("priority", Decimal("0.00075"))


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": 8},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": "many", "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": 0, "completion_tokens": 3},
        {"prompt_tokens": 8, "completion_tokens": 0},
    ],
)
async def test_missing_or_wrong_usage_is_counted(
    server: ChatServer, usage: dict[str, object] | None
) -> None:
    """Where a server tells no usage that can be right, it is counted and marked as an estimate."""
    server.script([ok("Good day.", usage=usage, service_tier=None)])
    completion = await ask(server)
    assert completion.usage == Usage(input_tokens=9, output_tokens=3, estimated=True)
    assert completion.tier == "default"


async def test_length_is_a_reply(server: ChatServer) -> None:
    """A reply that reaches the limit the caller set is a reply."""
    server.script([ok("Good", finish_reason="length")])
    assert (await ask(server)).finish_reason == "length"


async def test_tool_calls_are_a_reply(server: ChatServer) -> None:
    """A reply may consist of calls of tools alone."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    server.script([ok(None, finish_reason="tool_calls", message={"tool_calls": [call]})])
    completion = await ask(server)
    assert (completion.text, completion.tool_calls) == ("", (call,))


@pytest.mark.parametrize(
    "bad",
    [
        raw(200, "text/html", b"<html>Welcome</html>"),
        raw(200, "application/json", b'{"id": "x", "choices": [{"mes'),
        raw(200, "application/json", b"{}"),
        raw(200, "application/json", b"[]"),
        raw(200, "application/json", b'{"choices": []}'),
        raw(200, "application/json", b'{"choices": [7]}'),
        raw(200, "application/json", b'{"choices": [{"message": null}]}'),
        raw(200, "application/json", b""),
        ok(None),
        ok(""),
        raw(
            200,
            "application/json",
            b'{"choices": [{"message": {"content": 7}, "finish_reason": "stop"}]}',
        ),
        ok(finish_reason=None),
        error(500),
        error(503, code="server_is_overloaded"),
        error(408),
        error(409),
        error(429, code="rate_limit_exceeded"),
        raw(429, "application/json", b'{"message": "Slow down.", "code": 429}'),
        raw(200, "application/json", b"[" * 100_000),
        ok(message={"content": [7]}),
        ok(message={"tool_calls": [7]}),
        ok(" \n"),
        reset(),
        reset(30),
    ],
)
async def test_passing_faults_are_tried_again(server: ChatServer, bad: object) -> None:
    """A fault that passes costs an attempt and nothing else."""
    server.script([bad, ok("Good day.")])  # type: ignore[list-item]
    completion = await ask(server)
    assert (completion.text, completion.attempts) == ("Good day.", 2)


@pytest.mark.parametrize(
    ("fault", "kind", "match"),
    [
        (error(401, code="invalid_api_key"), AuthenticationError, "check the API key"),
        (error(403), AuthenticationError, "HTTP 403"),
        (error(404, code="model_not_found"), RequestRejectedError, "model_not_found"),
        (error(422), RequestRejectedError, "HTTP 422"),
        (page(404), RequestRejectedError, 'a web page came, "Not &amp; here"; no API sends that'),
        (page(403), AuthenticationError, "check the base URL, which mostly ends in /v1"),
        (raw(404, "text/html", b"<p>Nothing"), RequestRejectedError, "a web page came; no API"),
        (raw(400, "application/json", b"{}"), RequestRejectedError, "it says no more; check"),
        (error(413), RequestTooLargeError, "chunk_tokens"),
        (error(400, code="context_length_exceeded"), RequestTooLargeError, "chunk_tokens"),
        (error(400, code="context_length_exceeded"), ContextOverflowError, "chunk_tokens"),
        (error(400, code="content_filter"), RefusalError, "content_filter"),
        (error(400, code="invalid_image_format"), RequestRejectedError, "what the server names"),
        (error(404, code="model_not_found"), RequestRejectedError, "the model's name"),
        (error(429, type="insufficient_quota"), QuotaExhaustedError, "no credit"),
        (error(429, code="credit_balance_exhausted"), QuotaExhaustedError, "no credit"),
        (error(429, code="billing_not_active"), QuotaExhaustedError, "no credit"),
        (error(400, code="billing_hard_limit_reached"), QuotaExhaustedError, "no credit"),
        (
            error(429, code="429", message="You exceeded your current quota, please check"),
            QuotaExhaustedError,
            "no credit",
        ),
        (
            error(400, code="invalid_request_error", message="maximum context length is 65536"),
            RequestTooLargeError,
            "chunk_tokens",
        ),
        (error(429, code="project_spend_limit_exceeded"), QuotaExhaustedError, "no credit"),
        (
            error(429, code="rate_limit_exceeded", message="Request too large for gpt-4o-mini"),
            RequestTooLargeError,
            "chunk_tokens",
        ),
        (error(400, code="400", type="budget_exceeded"), QuotaExhaustedError, "no credit"),
        (error(402), QuotaExhaustedError, "HTTP 402"),
        *(
            (error(400, code="400", message=message), RequestTooLargeError, "chunk_tokens")
            for message in (
                "litellm.ContextWindowExceededError: litellm.BadRequestError",
                "This model's maximum context length is 4096 tokens.",
                "the request exceeds the available context size",
                "prompt is too long: 210000 tokens > 200000 maximum",
                "The input token count (9) exceeds the maximum number of tokens allowed (8).",
            )
        ),
        (
            raw(400, "application/json", b'{"message": "maximum context length", "code": 400}'),
            RequestTooLargeError,
            "chunk_tokens",
        ),
        (
            error(400, code="400", message="triggering Azure OpenAI's content management policy"),
            RefusalError,
            "leave the passage out",
        ),
        (
            ok(None, message={"provider_specific_fields": {"refusal": "I cannot."}}),
            RefusalError,
            "the model refused",
        ),
        (raw(400, "text/html", b"<h1>Bad</h1>"), RequestRejectedError, "HTTP 400"),
        (raw(400, "application/json", b'{"error": "no"}'), RequestRejectedError, "HTTP 400"),
        (ok("No.", finish_reason="content_filter"), RefusalError, "content filter refused"),
        (ok(None, message={"refusal": "I cannot."}), RefusalError, "the model refused"),
    ],
)
async def test_lasting_faults_are_not(
    server: ChatServer, fault: object, kind: type[MinikitError], match: str
) -> None:
    """A fault that trying again cannot mend is raised at once, and pickles."""
    server.script([fault])  # type: ignore[list-item]
    with pytest.raises(kind, match=match) as raised:
        await ask(server)
    assert len(server.requests) == 1
    copy = pickle.loads(pickle.dumps(raised.value))  # noqa: S301
    assert (type(copy), str(copy)) == (type(raised.value), str(raised.value))
    assert isinstance(copy, CallError)
    assert copy.attempts == 1


async def test_refusal_carries_what_was_paid(server: ChatServer) -> None:
    """A refused call was paid for, so its error has the usage and the price."""
    server.script([ok(None, message={"refusal": "I cannot."})])
    with pytest.raises(RefusalError, match="refused") as raised:
        await ask(server)
    assert raised.value.completion is not None
    assert raised.value.completion.cost_usd


async def test_empty_reply_is_asked_for_thrice(server: ChatServer) -> None:
    """Each empty reply is paid for; the third is an error that its code tells."""
    server.handler = lambda _body: ok("")
    with pytest.raises(BadReplyError, match="the reply is empty") as raised:
        await ask(server)
    assert (raised.value.attempts, raised.value.code) == (3, "empty")


async def test_content_in_parts(server: ChatServer) -> None:
    """A content in parts, as thinking models of some providers send it, is its texts."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "text", "text": "Good "},
        {"type": "text", "text": "day."},
        {"type": "text", "text": None},
    ]
    server.script([ok(message={"content": parts})])
    assert (await ask(server)).text == "Good day."


async def test_odd_fields_do_no_harm(server: ChatServer) -> None:
    """Fields that are there and of no use count as left out."""
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": 7}
    server.script([ok(message={"tool_calls": "none"}, usage=usage)])
    completion = await ask(server)
    assert (completion.tool_calls, completion.usage.cached_tokens) == ((), 0)


async def test_attempts_are_capped(server: ChatServer) -> None:
    """The last error is raised after the last attempt, and says how many there were."""
    server.handler = lambda _body: error(500)
    with pytest.raises(ServerError, match="HTTP 500") as raised:
        await ask(server, retry=Retry(attempts=3, wait_initial_s=0.0))
    assert (raised.value.attempts, raised.value.status) == (3, 500)
    assert isinstance(raised.value.__cause__, openai.InternalServerError)
    assert len(server.requests) == 3


async def test_tasks_count_their_own_attempts(server: ChatServer) -> None:
    """Calls that run together do not share their attempts."""
    import anyio

    server.handler = lambda _body: error(500)
    attempts: list[int] = []
    async with client_of(server, retry=Retry(attempts=3, wait_initial_s=0.0)) as client:

        async def one() -> None:
            with pytest.raises(ServerError, match="500") as raised:
                await client.complete("Hello?")
            attempts.append(raised.value.attempts)

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(one)
    assert attempts == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 +9999999999999"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
async def test_retry_after(
    server: ChatServer, headers: dict[str, str], expected: float | None
) -> None:
    """The server's wish is read in all its forms."""
    server.script([error(429, headers=headers)])
    with pytest.raises(RateLimitError, match="max_concurrency") as raised:
        await ask(server, retry=ONCE)
    assert raised.value.retry_after_s == expected


async def test_retry_after_is_waited_for(server: ChatServer) -> None:
    """No attempt is made before the server asks for one."""
    server.script([error(429, headers={"retry-after-ms": "120"}), ok()])
    assert (await ask(server)).attempts == 2
    first, second = server.requests
    assert second.at - first.at >= 0.12


async def test_retry_after_beyond_the_deadline_fails_at_once(server: ChatServer) -> None:
    """A wait that would outlast the call's time is not begun."""
    server.script([error(429, headers={"retry-after": "3600"})])
    with pytest.raises(RateLimitError, match="429"):
        await ask(server)


async def test_hang_times_out(server: ChatServer) -> None:
    """A server that never answers costs the timeout, not more."""
    server.script([hang()])
    with pytest.raises(CallTimeoutError, match=r"within 0\.1 s") as raised:
        await ask(server, timeout_s=0.1, retry=ONCE)
    assert isinstance(raised.value, TimeoutError)


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("ReadTimeout", r"no whole reply within .* the server may have billed the call"),
        ("ConnectTimeout", r"within .*; no connection was made to api\.openai\.com:443: check the"),
    ],
)
async def test_timeout_of_an_own_sdk_client(kind: str, match: str) -> None:
    """A timeout that the SDK or its HTTP library finds first is one of ours too."""
    client = openai.DefaultAsyncHttpxClient
    base = next(kind for kind in client.__mro__ if kind.__name__ == "AsyncClient")
    http = importlib.import_module(base.__module__.partition(".")[0])

    def late(_request: object) -> None:
        raise getattr(http, kind)("late")

    transport = client(transport=http.MockTransport(late))
    async with (
        openai.AsyncOpenAI(api_key="k", http_client=transport) as sdk,
        AsyncClient(openai_client=sdk, retry=ONCE) as asking,
    ):
        with pytest.raises(CallTimeoutError, match=match):
            await asking.complete("Hello?")


async def test_connection_refused() -> None:
    """A server that is not there is named as such."""
    async with AsyncClient(api_key="k", base_url="http://127.0.0.1:9/v1", retry=ONCE) as client:
        with pytest.raises(TransportError, match="check the network") as raised:
            await client.complete("Hello?")
    assert isinstance(raised.value, ConnectionError)


async def test_max_concurrency_holds(server: ChatServer) -> None:
    """No more calls are in flight than asked for."""
    import anyio

    server.handler = lambda _body: slow(0.02)
    async with (
        client_of(server, max_concurrency=3) as client,
        anyio.create_task_group() as group,
    ):
        for _ in range(9):
            group.start_soon(client.complete, "Hello?")
    assert (len(server.requests), server.max_in_flight) == (9, 3)


async def test_cancellation_ends_the_request(server: ChatServer) -> None:
    """A cancelled call leaves the server at once and gives its place back."""
    import threading

    import anyio

    server.script([held(threading.Event()), ok("Good day.")])
    async with client_of(server, max_concurrency=1) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.complete, "Hello?")
            while not server.requests:  # noqa: ASYNC110 - a server's thread counts
                await anyio.sleep(0.002)
            group.cancel_scope.cancel()
        assert (await client.complete("Hello?")).text == "Good day."
    assert await anyio.to_thread.run_sync(server.requests[0].abandoned.wait, 5)


async def test_overflow_is_found_before_sending(server: ChatServer) -> None:
    """A prompt that does not fit is refused here, short or long."""
    async with client_of(server) as client:
        with pytest.raises(ContextOverflowError, match=r"130\d\d\d tokens.*room for 127"):
            await client.complete("word " * 130_000)
        with pytest.raises(ContextOverflowError, match="beside 16000 of output"):
            await client.complete("word " * 113_000, max_output_tokens=16_000)
        small = Model(id="small", context_window=60, max_output_tokens=50)
        with pytest.raises(ContextOverflowError, match="room for 10"):
            await client.complete("word " * 20, model=small, max_output_tokens=50)
    assert server.requests == []


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"prompt": ""}, "the prompt is empty"),
        ({"prompt": " \n"}, "the prompt is empty"),
        ({"prompt": []}, "at least one message"),
        ({"prompt": 5}, "a list of messages, not int"),
        ({"seed": "a"}, "seed is a whole number"),
        ({"prompt": [{"role": "robot", "content": "x"}]}, "robot"),
        ({"max_output_tokens": 0}, "1 to 16384"),
        ({"max_output_tokens": 16_385}, "1 to 16384"),
        ({"max_output_tokens": True}, "whole number"),
        ({"max_output_tokens": 1.5}, "whole number"),
        ({"temperature": 2.1}, "0 to 2"),
        ({"tier": "batch"}, "tier is one of auto, default, flex, priority"),
        ({"temperature": float("nan")}, "0 to 2"),
        ({"temperature": "hot"}, "is a number"),
        ({"temperature": True}, "is a number"),
        ({"temperature": 1, "model": "gpt-5.4-mini"}, "takes no temperature"),
        ({"model": "gpt-9-nano-banana"}, "gpt-9-nano-banana"),
    ],
)
async def test_bad_arguments(server: ChatServer, arguments: dict[str, object], match: str) -> None:
    """A bad argument is a ValueError that names it; nothing is sent."""
    async with client_of(server) as client:
        with pytest.raises(ArgumentError, match=match):
            await client.complete(**{"prompt": "Hello?", **arguments})  # type: ignore[call-overload]
    assert server.requests == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"max_concurrency": 0}, "at least 1"),
        ({"max_concurrency": True}, "whole number"),
        ({"max_concurrency": 1.5}, "whole number"),
        ({"timeout_s": -1}, "at least 0"),
        ({"timeout_s": "1"}, "is a number"),
        ({"timeout_s": True}, "is a number"),
        ({"timeout_s": float("nan")}, "at least 0"),
        ({"model": "no-such-model"}, "no-such-model"),
    ],
)
def test_bad_options(options: dict[str, object], match: str) -> None:
    """A bad option of a client is found when it is made."""
    with pytest.raises(ArgumentError, match=match):
        Client(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"attempts": 0}, "at least 1"),
        ({"attempts": True}, "whole number"),
        ({"attempts": 1.5}, "whole number"),
        ({"timeout_s": -1}, "at least 0"),
        ({"wait_initial_s": float("nan")}, "at least 0"),
        ({"wait_max_s": "1"}, "is a number"),
        ({"wait_max_s": True}, "is a number"),
    ],
)
def test_bad_retry(options: dict[str, object], match: str) -> None:
    """A bad retry setting is found when it is made."""
    with pytest.raises(ArgumentError, match=match):
        Retry(**options)  # type: ignore[arg-type]


async def test_missing_key_names_the_way_out() -> None:
    """Without a key the error names the variable and the offline model."""
    async with AsyncClient() as client:
        with pytest.raises(MissingKeyError, match=r"OPENAI_API_KEY.*model=.offline."):
            await client.complete("Hello?")


async def test_key_and_server_from_the_environment(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment names the key, the server and the model."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("MINIKIT_MODEL", "gpt-4o")
    async with AsyncClient() as client:
        await client.complete("Hello?")
    assert server.bodies[0]["model"] == "gpt-4o"
    assert server.requests[0].headers["authorization"] == "Bearer sk-env"


async def test_key_of_another_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claude and Gemini are asked at their own servers with their own keys."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    async with AsyncClient() as client:
        with pytest.raises(MissingKeyError, match="ANTHROPIC_API_KEY"):
            await client.complete("Hello?", model="claude-3-haiku")
        with pytest.raises(MissingKeyError, match="GEMINI_API_KEY"):
            await client.complete("Hello?", model="gemini-1.5-flash")


async def test_own_sdk_client(server: ChatServer) -> None:
    """A client of the SDK that is handed in is used, without its retries, and left open."""
    server.script([error(500), ok("Good day.")])
    async with openai.AsyncOpenAI(api_key="sk-own", base_url=server.base_url) as sdk:
        async with AsyncClient(openai_client=sdk, retry=ONCE) as client:
            with pytest.raises(ServerError, match="500"):
                await client.complete("Hello?")
            assert (await client.complete("Hello?")).text == "Good day."
        assert not sdk.is_closed()
    assert server.requests[0].headers["authorization"] == "Bearer sk-own"


@pytest.mark.parametrize(
    ("options", "tier", "sent"),
    [
        ({"budget_usd": "1"}, None, "default"),
        ({"budget_usd": "1"}, "flex", "flex"),
        ({}, None, None),
    ],
)
async def test_budget_asks_openai_for_the_tier_that_it_reckons_with(
    options: dict[str, object], tier: str | None, sent: str | None
) -> None:
    """An account may be set to a dearer tier, so that under a budget the tier is named."""
    kind: Any = openai.DefaultAsyncHttpxClient
    base = next(each for each in kind.__mro__ if each.__name__ == "AsyncClient")
    http = importlib.import_module(base.__module__.partition(".")[0])
    bodies: list[dict[str, object]] = []

    async def answer(request: Any) -> Any:  # noqa: ANN401 - httpx's or httpx2's
        bodies.append(json.loads(request.content))
        return http.Response(200, json=WHOLE)

    own = openai.AsyncOpenAI(
        api_key="sk-own", http_client=kind(transport=http.MockTransport(answer))
    )
    async with own, AsyncClient(openai_client=own, model="gpt-5.4-mini", **options) as client:  # type: ignore[arg-type]
        await client.complete("Hello?", tier=tier)  # type: ignore[arg-type]
    assert [body.get("service_tier") for body in bodies] == [sent]


async def test_lone_surrogates_travel_as_replacement(server: ChatServer) -> None:
    """A lone surrogate cannot be sent; it is sent, and counted, as U+FFFD."""
    server.script([ok("a\ud800b")])
    async with client_of(server) as client:
        completion = await client.complete(
            [{"role": "user", "content": [{"type": "text", "text": "x\udc00"}]}]
        )
    assert server.bodies[0]["messages"][0]["content"][0]["text"] == "x\ufffd"
    assert completion.text == "a\ufffdb"


async def test_key_is_shown_nowhere(server: ChatServer) -> None:
    """Errors, their attributes and reprs hold no key, even where the server repeats it."""
    server.script([error(401, message="Incorrect API key provided: sk-secret-123456.")])
    client = client_of(server, api_key="sk-secret-123456")
    with pytest.raises(AuthenticationError, match="<key>") as raised:
        await client.complete("Hello?")
    await client.aclose()
    assert "secret" not in f"{raised.value!r} {vars(raised.value)} {client!r} {vars(client)}"


async def test_closed_client(server: ChatServer) -> None:
    """A closed client says so; closing twice is fine."""
    client = client_of(server)
    await client.aclose()
    await client.aclose()
    with pytest.raises(MinikitError, match="closed"):
        await client.complete("Hello?")


async def test_offline_model_selects_and_says_so() -> None:
    """The offline model goes the same way, costs nothing and says that it wrote nothing."""
    async with AsyncClient(model="offline") as client:
        completion = await client.complete("The cat sat on the mat. The dog ran over the hill.")
    assert completion.cost_usd == 0
    assert completion.model == "offline"
    assert completion.text in "The cat sat on the mat. The dog ran over the hill."
    assert "selected these sentences" in completion.notes[0]


@pytest.mark.parametrize("usage", [{}, {"total_tokens": 9}, {"prompt_tokens": None}])
async def test_usage_that_tells_nothing_is_counted(
    server: ChatServer, usage: dict[str, object]
) -> None:
    """Usage without its figures is none: a call is never taken to be free."""
    server.script([ok("Good day.", usage=usage)])
    completion = await ask(server)
    assert completion.usage.estimated
    assert completion.cost_usd


async def test_whole_floats_are_counts(server: ChatServer) -> None:
    """Some servers write their counts as 9.0."""
    server.script([ok(usage={"prompt_tokens": 9.0, "completion_tokens": 2.0})])
    assert (await ask(server)).usage == Usage(input_tokens=9, output_tokens=2)


async def test_other_words_for_length(server: ChatServer) -> None:
    """What other servers say of a reply that was cut off means the same."""
    server.script([ok("Cut", finish_reason="max_tokens"), ok("Cut", finish_reason="MAX_TOKENS")])
    assert [(await ask(server)).finish_reason for _ in range(2)] == ["length", "length"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": "no such route"}', "no such route"),
        (b'{"detail": "not here"}', "not here"),
        (b'{"error": {"message": "bad thing"}}', "bad thing"),
        (b"[1]", "HTTP 400"),
    ],
)
async def test_what_the_server_says_is_shown(
    server: ChatServer, body: bytes, expected: str
) -> None:
    """The server's own words are shown, wherever in the body it puts them."""
    server.script([raw(400, "application/json", body)])
    with pytest.raises(RequestRejectedError, match=expected):
        await ask(server)


async def test_any_key_is_hidden(server: ChatServer) -> None:
    """A key that looks like no key is hidden too."""
    server.script([error(401, message="bad token gsk_SECRET: gsk_SECRET")])
    with pytest.raises(AuthenticationError, match="<key>") as raised:
        await ask(server, api_key="gsk_SECRET")
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize("name", ["request-id", "x-litellm-call-id"])
async def test_request_ids_of_other_servers(name: str) -> None:
    """Where a server has another name for the id of a request, it is found."""
    kind: Any = openai.DefaultAsyncHttpxClient
    base = next(each for each in kind.__mro__ if each.__name__ == "AsyncClient")
    http = importlib.import_module(base.__module__.partition(".")[0])
    transport = http.MockTransport(
        lambda _request: http.Response(200, json=WHOLE, headers={name: "id"})
    )
    own = openai.AsyncOpenAI(api_key="sk-own", http_client=kind(transport=transport))
    async with own, AsyncClient(openai_client=own) as client:
        assert (await client.complete("Hello?")).request_id == "id"
        assert client.ledger.entries[0].request_id == "id"


def test_a_date_to_wait_for_is_read_by_the_clock_of_the_server() -> None:
    """A clock that is an hour off, here or there, makes no wait longer."""
    until, now = "Wed, 21 Oct 2099 07:28:09 GMT", "Wed, 21 Oct 2099 07:28:00 GMT"
    limited = status_error(429, {}, {"retry-after": until, "date": now}, key="sk-test")
    assert limited.retry_after_s == 9
