"""Streamed replies, assembled."""

from __future__ import annotations

import json
from typing import Any

import pytest

from minikit import BadReplyError, Message, Model
from minikit.calls.assembly import Assembly
from minikit.calls.completion import read_completion
from minikit.calls.request import Request

REQUEST = Request(
    messages=(Message(role="user", content="Hello?"),),
    model=Model(id="mine", context_window=4_000, max_output_tokens=500),
)


def event(
    delta: dict[str, Any], finish_reason: str | None = None, **fields: object
) -> dict[str, Any]:
    """Build an event as OpenAI sends it."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "mine-1"}
    return {**head, "choices": [choice], **fields}


def test_text_is_joined_and_the_body_is_a_whole_completion() -> None:
    """The events of a usual stream give the completion that a whole reply would be."""
    assembly = Assembly()
    added = [
        assembly.add(each)
        for each in (
            event({"role": "assistant", "content": ""}, usage=None),
            event({"content": "Good "}, usage=None),
            event({"content": "day."}, usage=None),
            event({}, "stop", usage=None),
            event({}, choices=[], usage={"prompt_tokens": 7, "completion_tokens": 3}),
        )
    ]
    completion = read_completion(assembly.body(), REQUEST)
    assert added == ["", "Good ", "day.", "", ""]
    assert (completion.text, completion.finish_reason) == ("Good day.", "stop")
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (7, 3)
    assert json.loads(assembly.body())["object"] == "chat.completion"


def test_a_stream_without_an_end_is_no_completion() -> None:
    """A body without a finish reason is not taken for a reply."""
    assembly = Assembly()
    assembly.add(event({"content": "Good"}))
    assert not assembly.finished
    with pytest.raises(BadReplyError, match="no finish reason"):
        read_completion(assembly.body(), REQUEST)
