"""Replies that no server should send."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit import BadReplyError, CallError, Completion, Message, Model, Usage, count_tokens
from minikit.calls.completion import read_completion
from minikit.calls.request import Request

REQUEST = Request(
    messages=(Message(role="user", content="Hello?"),),
    model=Model(id="mine", context_window=4_000, max_output_tokens=500),
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def likely(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw objects that have these fields or some of them, and now and then something else."""
    return st.fixed_dictionaries({}, optional=fields) | anything


message = likely(
    content=st.text() | anything,
    refusal=anything,
    tool_calls=anything,
    provider_specific_fields=anything,
)
choice = likely(message=message, finish_reason=st.just("stop") | anything)
details = likely(cached_tokens=anything, reasoning_tokens=anything)
usage = likely(
    prompt_tokens=anything,
    completion_tokens=anything,
    total_tokens=anything,
    prompt_tokens_details=details,
    completion_tokens_details=details,
)
body = likely(
    choices=st.lists(choice, max_size=2) | anything,
    usage=usage,
    service_tier=anything,
    model=anything,
)


@given(body)
def test_any_json_is_a_completion_or_an_error_of_ours(body: object) -> None:
    """Whatever JSON comes with status 200, it is read or refused, and never trips the reader."""
    outcome: Completion | CallError
    try:
        outcome = read_completion(json.dumps(body), REQUEST, request_id="r")
    except CallError as error:
        outcome = error
    assert outcome.request_id == "r"


@given(st.text())
def test_any_text_is_not_a_completion(body: str) -> None:
    """What is no chat completion at all is a bad reply."""
    with pytest.raises(BadReplyError, match=r"reply|the server answered 200"):
        read_completion(body, REQUEST)


def read(**fields: object) -> Completion:
    """Read a whole reply with these fields beside a text and a finish reason."""
    message = {"role": "assistant", "content": "Fine."}
    whole: dict[str, object] = {"choices": [{"message": message, "finish_reason": "stop"}]}
    return read_completion(json.dumps(whole | fields), REQUEST)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"completion_tokens": 14, "reasoning": 10, "total_tokens": 22}, (14, 10)),
        ({"completion_tokens": 11, "reasoning": 271, "total_tokens": 290}, (282, 271)),
        ({"completion_tokens": 300, "reasoning": 271, "total_tokens": 579}, (571, 271)),
        ({"completion_tokens": 11, "reasoning": 271}, (282, 271)),
        ({"completion_tokens": 14, "reasoning": 10}, (14, 10)),
    ],
)
def test_reasoning_counts_as_output_once(told: dict[str, int], expected: tuple[int, int]) -> None:
    """Some servers count reasoning in the output and some beside it; it is billed either way."""
    details = {"completion_tokens_details": {"reasoning_tokens": told.pop("reasoning")}}
    usage = read(usage={"prompt_tokens": 8, **told, **details}).usage
    assert (usage.output_tokens, usage.reasoning_tokens) == expected
    assert not usage.estimated


def test_a_reply_that_a_provider_broke_off_is_no_reply() -> None:
    """OpenRouter says so in the finish reason, and bills what came."""
    message = {"role": "assistant", "content": "Fi"}
    counts = {"prompt_tokens": 8, "completion_tokens": 1}
    body = {"choices": [{"message": message, "finish_reason": "error"}], "usage": counts}
    with pytest.raises(BadReplyError, match="broke off its reply") as caught:
        read_completion(json.dumps(body), REQUEST)
    assert caught.value.completion is not None
    assert caught.value.completion.usage == Usage(input_tokens=8, output_tokens=1)


def test_calls_of_tools_are_counted_where_the_server_counts_nothing() -> None:
    """A reply without usage and text, but with a call of a tool, is not free."""
    call = {"id": "1", "type": "function", "function": {"name": "find", "arguments": '{"a": 1}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    completion = read(choices=[{"message": message, "finish_reason": "tool_calls"}])
    expected = count_tokens("find") + count_tokens('{"a": 1}')
    assert completion.usage.output_tokens == expected
    assert completion.usage.estimated


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 10**18, "completion_tokens": 1},
        {"prompt_tokens": 8, "completion_tokens": 10**18},
        {"prompt_tokens": 1e300, "completion_tokens": 1},
    ],
)
def test_a_usage_of_many_windows_is_not_believed(usage: dict[str, float]) -> None:
    """A count that no model can mean is counted here, or one reply would take a whole budget."""
    assert read(usage=usage).usage == Usage(input_tokens=9, output_tokens=2, estimated=True)


@pytest.mark.parametrize(
    ("asked", "told", "tier"),
    [
        ("priority", None, "priority"),
        ("auto", None, "default"),
        (None, None, "default"),
        ("priority", "default", "default"),
    ],
)
def test_a_tier_that_the_reply_does_not_name_is_the_one_asked_for(
    asked: str | None, told: str | None, tier: str
) -> None:
    """A server that says nothing of the tier is taken to have given what was asked for."""
    message = {"message": {"content": "Fine."}, "finish_reason": "stop"}
    body = json.dumps({"choices": [message], "service_tier": told})
    assert read_completion(body, replace(REQUEST, tier=asked)).tier == tier
