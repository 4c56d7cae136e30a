"""Every request that minikit sends fits OpenAI's published document, field by field.

Each use below is played against a server, and what arrives is checked; so nothing recorded can
grow old. Requests to the Batch API belong beside these: `problems("/batches", ...)` for the batch,
`problems("/files", ...)` for the upload and `line_problems("/files", ...)` for a line of its file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any, Literal, get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # ships no types
from pydantic import BaseModel, Field

import translating
from minikit import Client, Message, Model, Retry
from minikit.calls.request import TIERS, Request, Tier
from minikit.tokens.messages import Detail, Role
from openapi import line_problems, problems, published
from pictures import data_url, jpeg, png
from server import Body, ChatServer, Reply, error, ok
from strategies import texts

LONG = "The river rose in March. Ada Berg drew the bridge. It was opened in 1931.\n\n" * 200
TOOLS = [{"type": "function", "function": {"name": "track", "parameters": {"type": "object"}}}]
CALL = {"id": "c1", "type": "function", "function": {"name": "track", "arguments": "{}"}}
MINI = Model.resolve("gpt-4o-mini")
TRANSLATOR = translating.translator()
WITH_TOOLS = replace(MINI, id="with-tools", supports=frozenset({"tools", "sampling"}))
BRIDGE = '{"name": "Berg", "kind": null, "spans": []}'
UNKNOWN = Model(id="unknown", context_window=8_000, max_output_tokens=1_000)


class Bridge(BaseModel):
    """A bridge."""

    name: str = Field(description="What it is called", max_length=80)
    kind: Literal["arch", "beam"] | None = None
    spans: list[int] = []


def complete(client: Client) -> object:
    """Every option of one call."""
    return client.complete(
        "Hi", system="Be brief.", max_output_tokens=5, temperature=0.5, seed=-7, tier="flex"
    )


def tiers(client: Client) -> object:
    """Each tier."""
    return [client.complete("Hi", tier=tier) for tier in get_args(Tier)]


def messages(client: Client) -> object:
    """Every role, names, parts, calls of tools and their answers."""
    return client.complete(
        [
            {"role": "developer", "content": "Be brief."},
            {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": "Where is it? \ud800 \x00", "name": "Ada"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "content": "In Oslo.", "tool_call_id": "c1"},
            {"role": "assistant", "content": [{"type": "text", "text": "In Oslo."}], "name": "B"},
            Message(role="user", content="Thanks."),
        ]
    )


def images(client: Client) -> object:
    """An image by its bytes and one by its address, closely and roughly looked at."""
    parts: list[Mapping[str, Any]] = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": data_url(png()), "detail": "low"}},
        {"type": "image_url", "image_url": {"url": data_url(png()), "detail": "auto"}},
    ]
    return client.complete([{"role": "user", "content": parts}])


def stream(client: Client) -> object:
    """A stream with every option."""
    with client.stream("Hi", max_output_tokens=9, temperature=1, seed=7, tier="auto") as pieces:
        return list(pieces)


def by_schema(client: Client) -> object:
    """A value by `response_format`."""
    return [client.complete("A bridge?", schema=kind) for kind in (Bridge, list[Bridge], int)]


def by_tool(client: Client) -> object:
    """A value by the arguments of a tool."""
    return client.complete("A bridge?", schema=Bridge, model=WITH_TOOLS)


def by_text(client: Client) -> object:
    """A value of a server that refuses both forms."""
    return client.complete("A bridge?", schema=Bridge, model=UNKNOWN, max_output_tokens=99)


def corrected(client: Client) -> object:
    """A value after a reply that did not fit."""
    return client.complete("Misfit?", schema=Bridge)


def corrected_tool(client: Client) -> object:
    """A value after a tool's arguments that did not fit."""
    return client.complete("Misfit?", schema=Bridge, model=WITH_TOOLS)


def summaries(client: Client) -> object:
    """A summary of one call, of a tree, in turn, with citations, and as it is written."""
    small = replace(MINI, context_window=4_000, max_output_tokens=800)
    client.summarize("It rained. The roof held.", length="short", language="German")
    client.summarize(LONG, model=small, strategy="refine", detail=1, focus="the bridge")
    client.summarize(LONG, model=small, cite=True)
    with client.stream_summary(LONG, model=small) as pieces:
        return list(pieces)


def answers(client: Client) -> object:
    """An answer from the best passages, and from all."""
    return [client.ask(LONG, "Who drew it?", thorough=thorough) for thorough in (False, True)]


def extraction(client: Client) -> object:
    """Values out of a text."""
    return client.extract(LONG, list[Bridge])


def translation(client: Client) -> object:
    """A text in another language."""
    return client.translate("Hello there. Mind the gap.", "German", glossary={"gap": "Spalt"})


def rows(client: Client) -> object:
    """A request for each row, with a schema and without."""
    given = [{"name": "Ada"}, {"name": "Bo"}]
    with client.complete_many(given, "Write to {name}.", max_output_tokens=50) as plain:
        list(plain)
    with client.complete_many(given, "Write to {name}.", schema=Bridge) as parsed:
        return list(parsed)


def chat(client: Client) -> object:
    """A conversation with tools, knowledge and a summary of what was said before."""
    chat = client.chat(
        system="You sell.", tools=TOOLS, tool_choice="auto", knowledge="We open at nine.",
        history_tokens=200, temperature=0.2, seed=3,
    )  # fmt: skip
    for number in range(4):
        chat.send(f"Message {number}: " + "The parcel is late. " * 12)
    chat.send("Call track.")
    chat.send(Message(role="tool", tool_call_id="c1", content="In Oslo."))
    with chat.stream("Thanks.") as pieces:
        return list(pieces)


def descriptions(client: Client) -> object:
    """Images with a caption, a question and a schema."""
    client.describe(png())
    client.describe([png(), jpeg()], "What is on both?", detail="low")
    return client.describe(png(), schema=Bridge)


def comparison(client: Client) -> object:
    """The same of two models."""
    return client.compare(LONG, ["gpt-4o-mini", "gpt-6-luna"], prompt="Who drew it?")


def needles(client: Client) -> object:
    """Facts that are planted and asked for."""
    return client.needle(lengths=[600], depths=[0.5], needles=1)


USES: list[Callable[[Client], object]] = [
    complete, tiers, messages, images, stream, by_schema, by_tool, by_text, corrected,
    corrected_tool, summaries, answers, extraction, translation, rows, chat, descriptions,
    comparison, needles,
]  # fmt: skip


def instance(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """The least value that fits a schema which minikit sends."""
    if "anyOf" in schema:
        return instance(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: instance(each) for name, each in schema["properties"].items()}
    return {"array": [], "integer": 1, "number": 1, "boolean": True, "string": "It rose."}[
        schema["type"]
    ]


def answer(body: Body) -> Reply:
    """Answer in the form that is asked for, as some models do at once and others later."""
    form, tool = body.get("response_format"), body.get("tool_choice")
    if translating.parts(body):
        return TRANSLATOR(body)
    if body["model"] == "unknown":
        return error(400, message="no such field") if form or tool else ok(BRIDGE)
    last = body["messages"][-1]["content"]
    if form:
        value = {} if last == "Misfit?" else instance(form["json_schema"]["schema"])
        return ok(json.dumps(value))
    if isinstance(tool, dict):
        value = {} if last == "Misfit?" else instance(body["tools"][0]["function"]["parameters"])
        called = {"name": tool["function"]["name"], "arguments": json.dumps(value)}
        return ok(None, message={"tool_calls": [{**CALL, "function": called}]})
    if last == "Call track.":
        return ok(None, finish_reason="tool_calls", message={"tool_calls": [CALL]})
    return ok("The river rose in March.")


@cache
def played(use: Callable[[Client], object]) -> list[tuple[str, Body]]:
    """Return the paths and the bodies that a use sends."""
    with (
        ChatServer(handler=answer) as server,
        Client(
            model="gpt-4o-mini", api_key="k", base_url=server.base_url, retry=Retry(attempts=1)
        ) as client,
    ):
        use(client)
        return [(request.path.removeprefix("/v1"), request.body) for request in server.requests]


@pytest.mark.parametrize("use", USES, ids=[use.__name__ for use in USES])
def test_what_is_sent_is_published(use: Callable[[Client], object]) -> None:
    """Each request of a use fits the published schema, and its own schemas are JSON schemas."""
    sent = played(use)
    assert sent
    assert [told for path, body in sent for told in problems(path, body)] == []
    for _, body in sent:
        if "response_format" in body:
            Draft202012Validator.check_schema(body["response_format"]["json_schema"]["schema"])
        for tool in body.get("tools", []):
            Draft202012Validator.check_schema(tool["function"]["parameters"])


def test_all_forms_are_among_the_uses() -> None:
    """Whatever a request can hold is in one of those that are checked."""
    bodies = [body for use in USES for _, body in played(use)]
    messages = [message for body in bodies for message in body["messages"]]
    parts = [
        part for each in messages if isinstance(each["content"], list) for part in each["content"]
    ]
    assert {name for body in bodies for name in body} == {
        "model", "messages", "max_completion_tokens", "max_tokens", "temperature", "seed",
        "service_tier", "tools", "tool_choice", "response_format", "stream", "stream_options",
    }  # fmt: skip
    assert {message["role"] for message in messages} == set(get_args(Role))
    assert {name for message in messages for name in message} == {
        "role", "content", "name", "tool_calls", "tool_call_id",
    }  # fmt: skip
    assert {part["type"] for part in parts} == {"text", "image_url"}
    assert {body.get("service_tier") for body in bodies} == {None, *TIERS}


GOOD: Body = {
    "model": "gpt-4o-mini",
    "messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.b/c"}}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "In Oslo.", "tool_call_id": "c1"},
    ],
    "stream_options": {"include_usage": True},
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
    "tools": TOOLS,
}
BAD: dict[str, Callable[[Any], object]] = {
    "a misspelt field": lambda body: body.update(max_completion_token=5),
    "a field of another API": lambda body: body.update(max_output_tokens=5),
    "a misspelt field of a message": lambda body: body["messages"][0].update(nmae="Ada"),
    "of a part": lambda body: body["messages"][0]["content"][0].update(detail="low"),
    "of an image": lambda body: body["messages"][0]["content"][0]["image_url"].update(size=1),
    "of a call": lambda body: body["messages"][1]["tool_calls"][0].update(index=0),
    "of an answer": lambda body: body["messages"][2].update(id="c1"),
    "of a stream's options": lambda body: body["stream_options"].update(usage=True),
    "of a schema": lambda body: body["response_format"]["json_schema"].update(stric=True),
    "of a tool": lambda body: body["tools"][0]["function"].update(arguments={}),
    "no messages": lambda body: body["messages"].clear(),
    "no model": lambda body: body.pop("model"),
    "a role": lambda body: body["messages"][0].update(role="narrator"),
    "a number as text": lambda body: body.update(temperature="1"),
    "a number out of range": lambda body: body.update(temperature=2.1),
    "a fraction": lambda body: body.update(seed=0.5),
    "a tier": lambda body: body.update(service_tier="batch"),
    "a form": lambda body: body["response_format"].update(type="xml"),
}


def test_a_good_request_is_one() -> None:
    """What the next test spoils is good before."""
    assert problems("/chat/completions", GOOD) == []


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD)
def test_the_check_can_fail(spoil: Callable[[Any], object]) -> None:
    """One wrong field, at any depth, is a problem."""
    body = deepcopy(GOOD)
    spoil(body)
    assert len(problems("/chat/completions", body)) == 1


def test_the_extract_says_where_it_is_from() -> None:
    """The extract names its document, the version and the day on which it was read."""
    document = published()
    assert document["info"]["version"] == "2.3.0"
    assert "github.com/openai/openai-openapi" in document["x-extract"]["of"]
    assert date.fromisoformat(document["x-extract"]["read"]) == date(2026, 11, 23)


def test_uploads_and_batches() -> None:
    """The schemas of a batch, its file and a line of it are there, and closed."""
    batch = {"input_file_id": "f", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": GOOD}
    assert problems("/batches", batch) == []
    assert problems("/files", {"file": "...", "purpose": "batch"}) == []
    assert line_problems("/files", line) == []
    assert len(problems("/batches", {**batch, "window": "24h"})) == 1
    assert len(problems("/files", {"file": "...", "purpose": "batches"})) == 1
    assert len(line_problems("/files", {**line, "body": {**GOOD, "n_": 1}})) == 1


_NAMES = st.text(min_size=1, max_size=9)
_PARTS = st.builds(lambda text: {"type": "text", "text": text}, texts(3)) | st.builds(
    lambda detail: {"type": "image_url", "image_url": {"url": data_url(png()), "detail": detail}},
    st.sampled_from(get_args(Detail)),
)
_MESSAGES = st.one_of(
    st.builds(
        lambda role, content, name: {"role": role, "content": content, "name": name},
        st.sampled_from(["system", "developer", "assistant"]),
        texts(3),
        st.none() | _NAMES,
    ),
    st.builds(
        lambda content, name: {"role": "user", "content": content, "name": name},
        texts(3) | st.lists(_PARTS, min_size=1, max_size=3),
        st.none() | _NAMES,
    ),
    st.builds(
        lambda text, name, arguments: {
            "role": "assistant", "content": text,
            "tool_calls": [{**CALL, "function": {"name": name, "arguments": arguments}}],
        },
        st.none() | texts(3), _NAMES, texts(3),
    ),
    st.builds(
        lambda text, call: {"role": "tool", "content": text, "tool_call_id": call},
        texts(3), _NAMES,
    ),
)  # fmt: skip


@settings(max_examples=60)
@given(
    st.lists(_MESSAGES, min_size=1, max_size=4),
    st.fixed_dictionaries(
        {},
        optional={
            "max_output_tokens": st.integers(1, 16_384),
            "temperature": st.floats(0, 2),
            "seed": st.integers(-(2**63), 2**63 - 1),
            "tier": st.sampled_from(TIERS),
        },
    ),
    st.sampled_from([MINI, WITH_TOOLS, UNKNOWN]),
)
def test_whatever_is_asked(
    messages: list[dict[str, Any]], options: dict[str, Any], model: Model
) -> None:
    """A request of any messages and options is a published one, or refused before it is sent."""
    limit = options.get("max_output_tokens", 1)
    assume(limit <= model.max_output_tokens)
    request = Request.of(messages, model=model, **options)
    assert problems("/chat/completions", request.to_wire()) == []
