"""Streamed replies, assembled: as OpenAI sends them, as others do, and broken."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit import (
    BadReplyError,
    CallError,
    Completion,
    Message,
    Model,
    QuotaExhaustedError,
    RateLimitError,
    RefusalError,
    RequestRejectedError,
    RequestTooLargeError,
    ServerError,
    Usage,
)
from minikit.calls.assembly import Assembly
from minikit.calls.completion import read_completion
from minikit.calls.request import Request
from minikit.models.model import Price
from minikit.tokens.counting import count_text, is_additive
from strategies import texts

MODEL = Model(
    id="mine",
    context_window=4_000,
    max_output_tokens=500,
    price=Price(input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(10)),
)
REQUEST = Request(
    messages=(Message(role="user", content="Hello?"),), model=MODEL, known_input_tokens=11
)
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "mine-1"}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def event(delta: object, finish_reason: object = None, **fields: object) -> dict[str, Any]:
    """Build an event as OpenAI sends it."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**HEAD, "choices": [choice], **fields}


def call(index: object, arguments: object = None, **fields: object) -> dict[str, Any]:
    """Build an event with a delta of a tool call; `name` stands in its function."""
    function = {"name": fields.pop("name", None), "arguments": arguments}
    return event({"tool_calls": [{"index": index, "function": function, **fields}]})


def assembled(*events: Any) -> Assembly:  # noqa: ANN401 - foreign data
    """Assemble these events."""
    assembly = Assembly()
    for each in events:
        assembly.add(each)
    return assembly


def read(*events: Any) -> Completion:  # noqa: ANN401 - foreign data
    """Assemble these events and an end, and read what comes of it."""
    return read_completion(assembled(*events, event({}, "stop")).body(), REQUEST)


def calls_of(*events: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401 - foreign data
    """Return id, name and arguments of the calls in these events."""
    return [
        (each["id"], each["function"]["name"], each["function"]["arguments"])
        for each in read(*events).tool_calls
    ]


# As OpenAI streams


def test_text_is_joined_and_the_body_is_a_whole_completion() -> None:
    """The events of a usual stream give the completion that a whole reply would be."""
    assembly = Assembly()
    added = [
        assembly.add(each)
        for each in (
            event({"role": "assistant", "content": "", "refusal": None}, usage=None),
            event({"content": "Good "}, usage=None),
            event({"content": "day."}, usage=None, service_tier="flex", obfuscation="x8"),
            event({}, "stop", usage=None),
            {**HEAD, "choices": [], "usage": USAGE},
        )
    ]
    completion = read_completion(assembly.body(), REQUEST, request_id="r")
    assert added == ["", "Good ", "day.", "", ""]
    assert completion == Completion(
        text="Good day.",
        usage=Usage(input_tokens=7, output_tokens=3),
        cost_usd=None,  # no price is known for flex
        finish_reason="stop",
        model="mine-1",
        tier="flex",
        request_id="r",
    )
    assert json.loads(assembly.body()) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "mine-1",
        "service_tier": "flex",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Good day.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }


def test_a_stream_without_an_end_is_no_completion() -> None:
    """A body without a finish reason is not taken for a reply."""
    assembly = assembled(event({"content": "Good"}))
    assert not assembly.finished
    with pytest.raises(BadReplyError, match="no finish reason"):
        read_completion(assembly.body(), REQUEST)


def test_a_refusal_is_joined() -> None:
    """A refusal in deltas is the refusal of a whole reply."""
    with pytest.raises(RefusalError, match="the model refused"):
        read(event({"refusal": "I can"}), event({"refusal": "not."}))


def test_other_choices_do_not_count() -> None:
    """Only the first choice is read."""
    other = {"index": 1, "delta": {"content": "no"}, "finish_reason": "stop"}
    both = {**HEAD, "choices": [other, {"index": 0, "delta": {"content": "yes"}}]}
    assembly = assembled({**HEAD, "choices": [other]}, both)
    assert (assembly.text, assembly.finished) == ("yes", False)


whole_calls = st.fixed_dictionaries(
    {
        "type": st.just("function"),
        "function": st.fixed_dictionaries(
            {"name": st.text(min_size=1, max_size=5), "arguments": texts(5)}
        ),
    }
)
wholes = st.fixed_dictionaries(
    {
        "content": st.none() | texts(10),
        "refusal": st.none() | st.text(min_size=1),
        "tool_calls": st.lists(whole_calls, max_size=3).map(
            lambda calls: [{"id": f"call_{at}", **call} for at, call in enumerate(calls)]
        ),
        "finish_reason": st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
        "usage": st.none() | st.just(USAGE),
        "head": st.fixed_dictionaries(
            {}, optional={"model": st.text(), "service_tier": st.just("default"), "id": st.text()}
        ),
    }
)


def cut(data: st.DataObject, text: str) -> list[str]:
    """Cut a text anywhere, also between the two halves that a character has in UTF-16."""
    units = text.encode("utf-16-le", "surrogatepass")
    inner = data.draw(st.lists(st.integers(0, len(units) // 2), max_size=6))
    ends = [0, *sorted(inner), len(units) // 2]
    return [
        units[2 * start : 2 * end].decode("utf-16-le", "surrogatepass")
        for start, end in pairwise(ends)
    ]


def call_deltas(data: st.DataObject, calls: list[Any], manner: str) -> list[dict[str, Any]]:
    """Cut calls of tools into deltas in one of the manners of servers."""
    deltas: list[dict[str, Any]] = []
    for index, each in enumerate(calls):
        name, arguments = each["function"]["name"], each["function"]["arguments"]
        if manner == "whole":
            deltas.append(each)
            continue
        begin = {**each, "index": index}
        deltas.append({**begin, "function": {"name": name, "arguments": ""}})
        for piece in cut(data, arguments):
            if manner == "repeating":
                deltas.append({**begin, "function": {"name": name, "arguments": piece}})
            else:
                deltas.append({"index": index, "function": {"arguments": piece}})
    if manner == "zero":
        return [{**delta, "index": 0} for delta in deltas]
    if manner == "unnumbered":
        return [{key: delta[key] for key in delta if key != "index"} for delta in deltas]
    return deltas


def stream_of(data: st.DataObject, whole: dict[str, Any]) -> list[dict[str, Any]]:
    """Cut a whole reply into the events of a stream, what belongs together in its order."""
    manners = st.sampled_from(["openai", "whole", "repeating", "zero", "unnumbered"])
    channels: list[list[dict[str, Any]]] = [
        [{"content": piece} for piece in cut(data, whole["content"] or "")],
        [{"refusal": piece} for piece in cut(data, whole["refusal"] or "")],
        [
            {"tool_calls": [delta]}
            for delta in call_deltas(data, whole["tool_calls"], data.draw(manners))
        ],
    ]
    order = [at for at, channel in enumerate(channels) for _ in channel]
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    deltas += [channels[at].pop(0) for at in data.draw(st.permutations(order))]
    usage = whole["usage"]
    where = data.draw(st.sampled_from(["after", "with the end", "everywhere"]))
    fields = {**whole["head"], "usage": usage if where == "everywhere" else None}
    events = [{**fields, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    end = {"index": 0, "delta": {}, "finish_reason": whole["finish_reason"]}
    events.append({**fields, "choices": [end], "usage": usage if where != "after" else None})
    if where == "after":
        events.append({**fields, "choices": [], "usage": usage})
    return events


def outcome(body: str) -> tuple[object, ...]:
    """Return what reading a body gives, error or not."""
    try:
        return ("ok", read_completion(body, REQUEST))
    except CallError as error:
        return (type(error), str(error), error.code, error.completion)


@given(wholes, st.data())
def test_a_reply_cut_anywhere_reads_as_the_whole(
    whole: dict[str, Any], data: st.DataObject
) -> None:
    """However a reply is cut, it reads as it would unstreamed, and the text comes in order."""
    message = {key: whole[key] for key in ("content", "refusal", "tool_calls")}
    choice = {"index": 0, "message": message, "finish_reason": whole["finish_reason"]}
    unstreamed = {**whole["head"], "choices": [choice], "usage": whole["usage"]}
    assembly, shown = Assembly(), ""
    for each in stream_of(data, whole):
        shown += assembly.add(json.loads(json.dumps(each)))
        assert shown == assembly.text
        assert shown.encode().decode() == shown
    assert outcome(assembly.body()) == outcome(json.dumps(unstreamed))


# As others stream


def test_azure_begins_with_an_event_about_the_prompt() -> None:
    """An event without choices, with an empty model, says nothing."""
    first = {
        "id": "",
        "object": "",
        "created": 0,
        "model": "",
        "choices": [],
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
    }
    assembly = assembled(event({"content": "Fine."}), first, event({}, "stop"))
    assert read_completion(assembly.body(), REQUEST).model == "mine-1"


@pytest.mark.parametrize("silent", [{}, {"choices": None}, {"choices": [{"index": 0}]}])
def test_an_event_that_says_nothing_adds_nothing(silent: dict[str, Any]) -> None:
    """Events without a choice or without a delta, as kept-alive streams have, are taken."""
    assert assembled(silent).add(event({"content": "Fine."})) == "Fine."


def test_an_empty_finish_reason_is_none_and_the_last_one_counts() -> None:
    """Ollama and SGLang send "" until the end; some servers send a reason more than once."""
    assembly = assembled(event({"content": "Fine."}, ""))
    assert not assembly.finished
    assembly.add(event({}, "stop"))
    assembly.add(event({}, "length"))
    assembly.add(event({}))
    assert read_completion(assembly.body(), REQUEST).finish_reason == "length"


def test_content_may_come_in_parts() -> None:
    """Of Mistral's parts the texts are the text, and the thoughts are not."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    parts = [thought, {"type": "text", "text": "Fi"}, {"type": "text", "text": None}]
    assert read(event({"content": parts}), event({"content": "ne."})).text == "Fine."


def test_the_last_usage_counts() -> None:
    """Usage in every event, in a choice, or before events without one, is taken."""
    early = event({"content": "Fi"}, usage={"prompt_tokens": 7, "completion_tokens": 1})
    last = event({"content": "ne."})
    last["choices"][0]["usage"] = USAGE
    usage = read(early, last, event({}, usage=None)).usage
    assert usage == Usage(input_tokens=7, output_tokens=3)


def test_a_refusal_may_be_moved_by_a_proxy() -> None:
    """Where LiteLLM puts a refusal elsewhere, it is one all the same."""
    moved = event({"provider_specific_fields": {"refusal": "No."}})
    with pytest.raises(RefusalError, match="the model refused"):
        read(moved)


def test_half_a_character_at_the_end_is_a_replacement_character() -> None:
    """A reply that ends within a character gives U+FFFD for it, in the stream as in the body."""
    assembly = Assembly()
    added = [
        assembly.add(each)
        for each in (event({"content": "a\ud83d"}), event({}), event({}, "length"))
    ]
    assert added == ["a", "", "\ufffd"]
    assert read_completion(assembly.body(), REQUEST).text == "a\ufffd"


FIRST, SECOND = ("a", "look", '{"x": 1}'), ("b", "look", '{"x": 2}')


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(
            [
                call(0, "", id="a", name="look"),
                call(1, "", id="b", name="look"),
                call(1, '{"x":', name=""),
                call(0, '{"x": 1}', id="", type=None),
                call(1, " 2}"),
            ],
            id="interleaved",
        ),
        pytest.param(
            [call(1, '{"x": 2}', id="b", name="look"), call(0, '{"x": 1}', id="a", name="look")],
            id="out of order",
        ),
        pytest.param(
            [call(0, '{"x": 1}', id="a", name="look"), call(0, '{"x": 2}', id="b", name="look")],
            id="ollama",
        ),
        pytest.param(
            [
                call(0, None, id="a", name="look"),
                call(0, '{"x": 1}', id=""),
                call(0, None, id="b", name="look"),
                call(0, '{"x": 2}', id=""),
            ],
            id="vllm",
        ),
        pytest.param(
            [
                call(0, '{"x":', id="a", name="look"),
                call(0, '{"x":', id="b", name="look"),
                call(0, " 1}", id="a", name="look"),
                call(0, " 2}", id="b", name="look"),
            ],
            id="repeating and interleaved, all 0",
        ),
        pytest.param(
            [
                call(None, '{"x": 1}', id="a", name="look"),
                call(None, '{"x": 2}', id="b", name="look"),
            ],
            id="gemini",
        ),
        pytest.param(
            [
                call(None, '{"x":', id="a", name="look"),
                call(None, " 1}"),
                call(None, "", id="b", name="look"),
                call(None, '{"x": 2}', id="b"),
            ],
            id="no index",
        ),
        pytest.param(
            [
                call(None, "", id="a", name="look"),
                call(0, '{"x": 1}'),
                call(1, '{"x": 2}', id="b", name="look"),
            ],
            id="index from the second on",
        ),
        pytest.param(
            [call(0, {"x": 1}, id="a", name="look"), call(1, {"x": 2}, id="b", name="look")],
            id="minimax",
        ),
    ],
)
def test_calls_of_tools_are_told_apart(events: list[dict[str, Any]]) -> None:
    """By index, id or order, as servers give them, two calls come out as two calls."""
    assert calls_of(*events) == [FIRST, SECOND]


def test_calls_without_index_or_id_are_told_apart_by_name() -> None:
    """Where nothing else is sent, a name begins a call, and the rest goes on with the last."""
    events = [
        call(None, "", name="look"),
        call(None, '{"x": 1}'),
        call(None, '{"x": 2}', id="", name="look"),
    ]
    assert calls_of(*events) == [("", *FIRST[1:]), ("", *SECOND[1:])]


def test_a_delta_without_beginning_begins_a_call() -> None:
    """Arguments before any name are kept."""
    assert calls_of(call(None, "{", id=None), call(None, {})) == [("", "", "{")]


def test_a_name_may_come_in_pieces_or_again() -> None:
    """A name that comes again is not doubled, one in pieces is joined."""
    events = [call(0, "", id="a", name="lo"), call(0, "{", name="ok"), call(0, "}", name="look")]
    assert calls_of(*events) == [("a", "look", "{}")]


def test_further_fields_of_a_call_are_kept() -> None:
    """What Gemini wants back with the next request is there."""
    signature = {"google": {"thought_signature": "c2ln"}}
    events = [call(0, "{", id="a", name="look", extra_content=signature), call(0, "}", type="")]
    (found,) = read(*events).tool_calls
    assert found == {
        "id": "a",
        "type": "function",
        "extra_content": signature,
        "function": {"name": "look", "arguments": "{}"},
    }


# What is no event, and errors


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [
        ([], "the event of the stream is list, not an object"),
        ({"choices": {}}, "the choices of the stream is dict, not a list"),
        ({"choices": ["x"]}, "the choice of the stream is str, not an object"),
        (event([1]), "the delta of the stream is list, not an object"),
        (event({}, 5), "the finish reason of the stream is int, not text"),
        (event({"content": 5}), "the content of the stream is int, not text"),
        (event({"content": [5]}), "the content part of the stream is int, not an object"),
        (event({"refusal": 5}), "the refusal of the stream is int, not text"),
        (event({"tool_calls": 5}), "the tool calls of the stream is int, not a list"),
        (event({"tool_calls": [5]}), "the tool call of the stream is int, not an object"),
        (call(0, 5), "the arguments of a tool call of the stream is int, not text"),
        (call(0, id=5), "the id of a tool call of the stream is int, not text"),
        (call(0, name=5), "the name of a tool of the stream is int, not text"),
    ],
)
def test_what_is_no_event_is_a_bad_reply(chunk: Any, reason: str) -> None:  # noqa: ANN401
    """What cannot be an event is refused, and what came before stands."""
    assembly = assembled(event({"content": "Fine."}))
    with pytest.raises(BadReplyError, match=reason) as caught:
        assembly.add(chunk)
    assert (caught.value.status, assembly.text) == (200, "Fine.")


def test_nesting_beyond_reason_is_a_bad_reply() -> None:
    """Objects too deep to be written are refused, and an estimate goes without them."""
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"deeper": deep}
    with pytest.raises(BadReplyError, match="nested too deep"):
        assembled(call(0, deep))
    assembly = assembled(event({"content": "Fine."}, usage=deep))
    with pytest.raises(BadReplyError, match="nested too deep"):
        assembly.body()
    assert assembly.estimate(REQUEST, "broken").usage == Usage(
        input_tokens=11, output_tokens=2, estimated=True
    )


@pytest.mark.parametrize(
    ("chunk", "kind", "code", "status"),
    [
        ({"error": {"message": "x", "code": "server_error"}}, ServerError, "server_error", 500),
        ({"error": {"message": "x", "code": 502}, **HEAD}, ServerError, None, 502),
        ({"error": "something"}, ServerError, None, 500),
        ({"error": [1]}, ServerError, None, 500),
        (event({}, "error"), ServerError, None, 500),
        ({"error": {"message": "x", "code": 429}}, RateLimitError, None, 429),
        ({"error": {"code": "429"}}, RateLimitError, None, 429),
        (
            {"error": {"code": "rate_limit_exceeded"}},
            RateLimitError,
            "rate_limit_exceeded",
            429,
        ),
        ({"error": {"type": "rate_limit_error"}}, RateLimitError, None, 429),
        ({"error": {"type": "insufficient_quota"}}, QuotaExhaustedError, None, 500),
        ({"object": "error", "type": "BadRequestError"}, RequestRejectedError, None, 400),
        (
            {"error": {"code": 400, "message": "exceeds the available context size"}},
            RequestTooLargeError,
            "context_length_exceeded",
            400,
        ),
        ({"error": {"code": "content_filter"}}, RefusalError, "content_filter", 400),
        ({"choices": [{"error": {"code": 503}}]}, ServerError, None, 503),
    ],
)
def test_an_error_in_the_stream_is_raised(
    chunk: dict[str, Any], kind: type[CallError], code: str | None, status: int
) -> None:
    """An error in place of an event has its class, and its status while nothing has come."""
    with pytest.raises(kind, match="the server broke off the stream with an error") as caught:
        Assembly().add(chunk)
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "Fi"},
        {"content": "\ud83d"},
        {"refusal": "No"},
        {"reasoning": "Hm"},
        {"tool_calls": [{"index": 0}]},
    ],
)
def test_an_error_after_a_beginning_is_one_of_a_reply_that_may_be_billed(
    delta: dict[str, Any],
) -> None:
    """Once something was written, an error has the status of the reply, and tells its own."""
    assembly = assembled(event({"role": "assistant", "content": ""}), event(delta))
    secret = {"error": {"code": 502, "message": "the key 0123456789abcdef is wrong"}}
    with pytest.raises(ServerError, match=r"with an error \(502\)$") as caught:
        assembly.add(secret)
    assert caught.value.status == 200


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def likely(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw objects that have some of these fields, and now and then something else."""
    objects = st.fixed_dictionaries({}, optional=fields)
    return st.one_of(*[objects] * 5, anything)


chunks = likely(
    choices=st.lists(
        likely(
            index=st.just(0) | anything,
            delta=likely(
                content=st.text() | anything,
                refusal=st.text() | anything,
                reasoning=anything,
                provider_specific_fields=likely(refusal=anything),
                tool_calls=st.lists(
                    likely(
                        index=st.integers(0, 2) | anything,
                        id=st.sampled_from(["", "a", "b"]) | anything,
                        type=anything,
                        function=likely(
                            name=st.sampled_from(["", "f"]) | anything,
                            arguments=st.text() | anything,
                        ),
                    ),
                    max_size=2,
                )
                | anything,
            ),
            finish_reason=st.sampled_from([None, "", "stop", "error"]) | anything,
            usage=anything,
            error=anything,
        ),
        max_size=2,
    )
    | anything,
    usage=likely(prompt_tokens=anything, completion_tokens=anything),
    error=st.none() | likely(code=anything, type=anything, message=anything),
    object=anything,
    model=anything,
    service_tier=anything,
)


@given(st.lists(chunks, max_size=5))
def test_any_json_is_an_event_or_an_error_of_ours(stream: list[Any]) -> None:
    """Whatever comes as events, it is taken or refused, and what was taken can be counted."""
    assembly, shown = Assembly(), ""
    for each in stream:
        try:
            shown += assembly.add(each)
        except CallError as error:
            assert error.status is not None  # noqa: PT017 - of several
    assert shown == assembly.text
    outcome(assembly.body())
    found = assembly.estimate(REQUEST, "broken")
    assert (found.text, found.finish_reason) == (shown, "broken")
    assert found.usage.output_tokens >= 0


# Replies that do not end


def test_a_broken_reply_is_counted() -> None:
    """What came is counted, priced and marked as an estimate."""
    assembly = assembled(event({"content": "Good day, my dear friend."}))
    assert assembly.estimate(REQUEST, "broken", request_id="r") == Completion(
        text="Good day, my dear friend.",
        usage=Usage(input_tokens=11, output_tokens=7, estimated=True),
        cost_usd=Decimal("0.000081"),
        finish_reason="broken",
        model="mine-1",
        request_id="r",
    )


def test_nothing_came_costs_the_input() -> None:
    """A stream that breaks before its first word has no output."""
    found = Assembly().estimate(REQUEST, "abandoned")
    assert (found.text, found.usage.output_tokens, found.model) == ("", 0, "mine")
    assert (found.finish_reason, found.cost_usd) == ("abandoned", Decimal("0.000011"))


def test_all_that_was_written_is_counted() -> None:
    """Text, refusal, shown reasoning and calls of tools all count, and the calls are there."""
    parts = ["Good day.", "I cannot.", "Let me think.", "look", '{"x": 1}']
    found = assembled(
        event({"content": parts[0]}),
        event({"refusal": parts[1]}),
        event({"reasoning_content": parts[2], "reasoning": parts[2]}),
        call(0, parts[4], id="a", name=parts[3]),
    ).estimate(REQUEST, "broken")
    assert found.usage.output_tokens == sum(count_text(part, MODEL.encoding) for part in parts)
    assert [each["id"] for each in found.tool_calls] == ["a"]


def test_usage_that_covers_all_is_no_estimate() -> None:
    """Where the server tells the usage so far with each event, it is taken as it is."""
    found = assembled(
        event({"content": "Good "}, usage={"prompt_tokens": 7, "completion_tokens": 1}),
        event({"content": "day."}, usage=USAGE),
    ).estimate(REQUEST, "abandoned")
    assert found.usage == Usage(input_tokens=7, output_tokens=3)
    assert found.cost_usd == Decimal("0.000037")


@pytest.mark.parametrize(("told", "expected"), [(1, 7), (40, 40)])
def test_usage_that_does_not_cover_all_is_a_lower_bound(told: int, expected: int) -> None:
    """After the server's usage the rest is counted; the input stays as the server told it."""
    found = assembled(
        event({"content": "Good "}, usage={"prompt_tokens": 7, "completion_tokens": told}),
        event({"content": "day, my dear friend."}),
    ).estimate(REQUEST, "broken")
    assert found.usage == Usage(input_tokens=7, output_tokens=expected, estimated=True)


@given(texts(20))
def test_an_estimate_grows_with_what_has_come(text: str) -> None:
    """Cut where tokens are sure to end, no estimate is below the one before."""
    cuts = [cut for cut in range(1, len(text)) if is_additive(text, cut)]
    assembly, estimates = Assembly(), [0]
    for start, end in pairwise([0, *cuts, len(text)]):
        assembly.add(event({"content": text[start:end]}))
        estimates.append(assembly.estimate(REQUEST, "broken").usage.output_tokens)
    assert estimates == sorted(estimates)
    assert estimates[-1] == count_text(assembly.text, MODEL.encoding)
