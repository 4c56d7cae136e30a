"""Replies that no server should send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit import BadReplyError, CallError, Completion, Message, Model
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
