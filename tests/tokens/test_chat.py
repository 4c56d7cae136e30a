"""Conversations count as the OpenAI cookbook counts them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.errors import ArgumentError, UnknownModelError
from minikit.models.catalog import catalog
from minikit.models.model import Model
from minikit.tokens.chat import count_message_tokens, count_tokens
from minikit.tokens.counting import count_text
from minikit.tokens.messages import ImagePart, Message, TextPart
from strategies import texts

# The example of section 6 of "How to count tokens with tiktoken", OpenAI cookbook, read 2026-11-22.
COOKBOOK = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant that translates corporate "
        "jargon into plain English.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "New synergies will help drive top-line growth.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Things working well together will increase revenue.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base on opportunities "
        "for increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client "
        "deliverable.",
    },
]
GIF = b"GIF89a" + (512).to_bytes(2, "little") * 2
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}


@pytest.mark.parametrize(
    ("model", "expected"),
    [("gpt-4o-mini", 124), ("gpt-4o", 124), ("gpt-3.5-turbo", 129)],
)
def test_the_cookbooks_messages_count_as_published(model: str, expected: int) -> None:
    """Its six messages are 124 tokens in o200k_base and 129 in cl100k_base."""
    assert count_tokens(COOKBOOK, model=model) == expected
    assert count_tokens([Message.of(each) for each in COOKBOOK], model=model) == expected


def test_a_text_counts_bare() -> None:
    """Nothing is added for a message that it may become."""
    assert count_tokens("tiktoken is great!") == 6
    assert count_tokens("") == 0


@given(texts(8), st.sampled_from(["gpt-4o-mini", "gpt-3.5-turbo", "claude-haiku-4-5"]))
def test_a_text_counts_in_the_encoding_of_the_model(text: str, model: str) -> None:
    """Any text counts as its vocabulary says; for Claude that is an estimate by o200k_base."""
    assert count_tokens(text, model=model) == count_text(text, Model.resolve(model).encoding)


@pytest.mark.parametrize("model", list(catalog()))
def test_every_known_model_can_be_counted_for(model: str) -> None:
    """No row lacks what counting needs."""
    assert count_tokens([{"role": "user", "content": "Hello"}], model=model) == 3 + 1 + 1 + 3


def test_a_described_model_can_be_counted_for() -> None:
    """A model of one's own brings its encoding."""
    model = Model(id="m", context_window=9, max_output_tokens=1, encoding="cl100k_base")
    assert count_tokens(COOKBOOK, model=model) == 129


def test_one_message_needs_no_list() -> None:
    """A Message, a mapping and a list of either count the same."""
    message = {"role": "user", "content": "Hello"}
    counts = {count_tokens(c) for c in (message, [message], (message,), Message.of(message))}
    assert counts == {8}


def test_no_messages_are_the_start_of_a_reply() -> None:
    """An empty conversation has the three tokens that prime the reply."""
    assert count_tokens([]) == 3


@given(st.lists(texts(4), max_size=4))
def test_messages_add_up(contents: list[str]) -> None:
    """A conversation is its messages, counted apart, and the priming of the reply."""
    messages = [Message(role="user", content=text) for text in contents]
    apart = sum(count_message_tokens(message, Model.resolve("gpt-4o")) for message in messages)
    assert count_tokens(messages, model="gpt-4o") == apart + 3


def test_text_parts_count_one_by_one() -> None:
    """A message in parts has the tokens of each part."""
    parts = Message(role="user", content=(TextPart(text="one two"), TextPart(text="three")))
    assert count_tokens(parts) == 3 + 1 + 2 + 1 + 3


def test_an_image_within_a_message_is_measured() -> None:
    """A data URL is measured from its header, at what the model takes for an image."""
    url = f"data:image/gif;base64,{base64.b64encode(GIF).decode()}"
    parts = (TextPart(text="Hello"), ImagePart(url=url))
    assert count_tokens(Message(role="user", content=parts)) == 8 + 2_833 + 5_667


def test_an_image_at_an_address_counts_as_the_dearest() -> None:
    """What cannot be measured is bounded, and no image costs more."""
    url = "https://example.org/cat.png"
    for detail, tokens in (("low", 85), ("auto", 85 + 8 * 170)):
        part = {"type": "image_url", "image_url": {"url": url, "detail": detail}}
        assert count_tokens({"role": "user", "content": [part]}, model="gpt-4o") == 7 + tokens


def test_tool_calls_and_answers_count() -> None:
    """Whatever a message carries has tokens: names, arguments and ids."""
    asked = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    answer = {"role": "tool", "content": "2", "tool_call_id": "call_1"}
    plain = {"role": "assistant", "content": ""}
    call = 3 + sum(count_text(text, "o200k_base") for text in ("call_1", "add", '{"a": 1}'))
    assert count_tokens([asked]) == count_tokens([plain]) + call
    bare = 3 + count_text("tool", "o200k_base") + count_text("2", "o200k_base") + 3
    assert count_tokens([answer]) == bare + count_text("call_1", "o200k_base")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"tokens are counted of a str, a message or a list .*, not NoneType"),
        (7, r"not int"),
        (b"Hello", r"not bytes"),
        (Path("a.txt"), r"not \w*Path; of a file or a document, pass its text"),
        (["Hello"], r"a message is a Message or a mapping .*, not str"),
        ([{"role": "user"}], r"the content of a message is"),
    ],
)
def test_what_has_no_tokens_is_refused(content: Any, message: str) -> None:  # noqa: ANN401 - anything
    """One clear error says what can be counted."""
    with pytest.raises(ArgumentError, match=message):
        count_tokens(content)


def test_an_unknown_model_is_refused() -> None:
    """No encoding is guessed."""
    with pytest.raises(UnknownModelError, match="no model is known as 'gpt-7'"):
        count_tokens("Hello", model="gpt-7")
