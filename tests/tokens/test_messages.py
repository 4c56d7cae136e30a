"""Messages come from mappings, are checked, and go to the wire as they came."""

from __future__ import annotations

import json
import pickle
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.errors import ArgumentError
from minikit.tokens.messages import ImagePart, Message, TextPart

CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
PNG = "data:image/png;base64,iVBORw0KGgo="

WIRES: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": ""},
    {"role": "user", "content": "Hello", "name": "ann"},
    {"role": "assistant", "content": "Hi"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "assistant", "content": "One moment.", "tool_calls": [CALL, CALL]},
    {"role": "tool", "content": "2", "tool_call_id": "call_1"},
    {"role": "user", "content": [{"type": "text", "text": "What is this?"}]},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "And this?"},
            {"type": "image_url", "image_url": {"url": PNG}},
            {"type": "image_url", "image_url": {"url": "https://a.b/c.jpg", "detail": "low"}},
        ],
    },
]


@pytest.mark.parametrize("wire", WIRES)
def test_what_comes_from_the_wire_goes_back_to_it(wire: dict[str, Any]) -> None:
    """Reading and writing a message changes nothing."""
    message = Message.of(wire)
    assert message.to_wire() == wire
    assert Message.of(message.to_wire()) == message


@given(
    st.sampled_from(["system", "developer", "user", "assistant"]),
    st.one_of(
        st.text(st.characters(codec=None)), st.lists(st.text(st.characters(codec=None)), min_size=1)
    ),
    st.none() | st.text(min_size=1, max_size=9),
)
def test_any_text_survives_the_wire(role: str, content: str | list[str], name: str | None) -> None:
    """Whatever a message says, it says it after a round trip, and it can be a key of a dict."""
    parts: Any = content
    if not isinstance(content, str):
        parts = [TextPart(text=text) for text in content]
    message = Message(role=cast("Any", role), content=parts, name=name)
    assert Message.of(message.to_wire()) == message
    assert {message: 1}[Message.of(json.loads(json.dumps(message.to_wire())))] == 1


def test_a_message_is_itself() -> None:
    """A Message needs no reading."""
    message = Message(role="user", content="Hello")
    assert Message.of(message) is message


def test_parts_are_read_as_values() -> None:
    """Parts given as values or as mappings make the same message, in a tuple."""
    parts = [TextPart(text="a"), ImagePart(url="HTTPS://a.b/c.png", detail="high")]
    message = Message(role="user", content=cast("Any", parts))
    assert message.content == tuple(parts)
    assert Message.of(message.to_wire()) == message


def test_the_dump_of_a_reply_can_be_sent_back() -> None:
    """The empty fields of other APIs' messages are left out."""
    dump: dict[str, object] = {
        "role": "assistant",
        "content": "Hi",
        "refusal": None,
        "annotations": [],
        "audio": None,
    }
    assert Message.of(dump | {"tool_calls": None}).to_wire() == {
        "role": "assistant",
        "content": "Hi",
    }


def test_a_detail_of_none_is_the_servers_choice() -> None:
    """The server is not told a detail that nobody chose; some refuse the field."""
    image = {"type": "image_url", "image_url": {"url": PNG, "detail": None}}
    message = Message.of({"role": "user", "content": [image]})
    assert message.content == (ImagePart(url=PNG),)


def test_the_wire_is_a_copy() -> None:
    """What is done to the result does not reach the message."""
    message = Message.of({"role": "assistant", "content": None, "tool_calls": [CALL]})
    message.to_wire()["tool_calls"][0]["function"]["name"] = "changed"
    assert message.to_wire()["tool_calls"][0]["function"]["name"] == "add"


def test_no_text_shows_in_a_repr() -> None:
    """A message may stand in a log or a traceback; what it says may not."""
    secret = "the secret"
    data = f"data:image/png;base64,{secret}"
    message = Message(role="user", content=(TextPart(text=secret), ImagePart(url=data)), name="ann")
    assert repr(message) == "Message(role='user', content=<2 parts>, name='ann')"
    assert secret not in repr(message.content)
    assert repr(Message(role="user", content=secret)) == (
        "Message(role='user', content=<10 characters>, name=None)"
    )


def test_messages_survive_pickling() -> None:
    """A message goes to another process and comes back equal."""
    for wire in WIRES:
        message = Message.of(wire)
        assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301 - our own bytes


def user(content: object) -> dict[str, object]:
    """A user's message with this content."""
    return {"role": "user", "content": content}


def image(**fields: object) -> dict[str, object]:
    """A user's message with an image of these fields."""
    return user([{"type": "image_url", "image_url": fields}])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("Hello", r'a message is a Message or a mapping such as \{"role".*, not str'),
        (None, r"a message is a Message or a mapping .*, not None"),
        ({}, r"a message needs a \"role\": 'system', .* or 'tool'"),
        ({"content": "Hello"}, r"a message needs a \"role\""),
        ({"role": "usr", "content": ""}, r"'assistant' or 'tool', not 'usr'"),
        ({"role": None, "content": ""}, r"or 'tool', not None"),
        ({"role": ["user"], "content": ""}, r"or 'tool', not \['user'\]"),
        ({"role": "x" * 99, "content": ""}, r"not 'x{39}\.\.\."),
        ({"role": "user"}, r"the content of a message is .*, not None"),
        (user(None), r"the content of a message is .*, not None"),
        (user(7), r"the content of a message is .*, not int"),
        (user(b"Hello"), r"the content of a message is .*, not bytes"),
        (user([]), r"the content of a message is .*, not empty"),
        (user(["Hello"]), r"a part of a message is .*, not str"),
        (user([{"type": "input_audio"}]), r"not dict of type 'input_audio'"),
        (user([{"text": "Hello"}]), r"a part of a message is .*, not dict$"),
        (user([{"type": "text"}]), r"not dict of type 'text'"),
        (user([{"type": "text", "text": "a", "b": 1}]), r"not dict of type 'text'"),
        (user([{"type": "text", "text": None}]), r"the text of a part is a str, not None"),
        (
            user([{"type": "image_url", "image_url": PNG}]),
            r"the url of an image is a str, not None",
        ),
        (image(url=PNG, size=3), r"not dict of type 'image_url'"),
        (image(url=3), r"the url of an image is a str, not int"),
        (image(url="cat.png"), r"begins with https://, http:// or data:image/; write the bytes"),
        (image(url="data:text/plain,hello"), r"begins with https://"),
        (image(url=PNG, detail="tiny"), r"detail='tiny' must be 'auto', 'low' or 'high'"),
        (image(url=PNG, detail=["low"]), r"detail=\['low'\] must be"),
        (user("Hello") | {"name": ""}, r"name='' must be a text that is not empty"),
        (user("Hello") | {"name": 3}, r"name=3 must be a text"),
        (user("Hello") | {"refusal": "No."}, r"a message has no 'refusal'; its keys are role, "),
        (user("Hello") | {"tool_calls": [CALL]}, r"only an assistant calls tools, not .* 'user'"),
        (user("Hello") | {"tool_call_id": "call_1"}, r"needs the tool_call_id .* role='user'"),
        ({"role": "tool", "content": "2"}, r"needs the tool_call_id .* tool_call_id=None"),
        ({"role": "tool", "content": "2", "tool_call_id": ""}, r"tool_call_id='' must be a text"),
        ({"role": "assistant", "content": "", "tool_calls": CALL}, r"tool_calls are .*, not dict"),
        ({"role": "assistant", "content": "", "tool_calls": [3]}, r"tool_calls are .*, not list"),
        (
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "a"}}]},
            r"tool_calls are \{\"id\": \.\.\., .*, as they came on the wire, not list",
        ),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused(value: Any, message: str) -> None:  # noqa: ANN401 - anything
    """One clear error says what a message has to look like, without repeating what it says."""
    with pytest.raises(ArgumentError, match=message):
        Message.of(value)


def test_a_message_checks_itself() -> None:
    """A Message that is made directly obeys the same rules."""
    assert not Message(role="assistant", content=cast("Any", None)).content
    with pytest.raises(ArgumentError, match=r"or 'tool', not 'robot'"):
        Message(role=cast("Any", "robot"), content="")
    with pytest.raises(ArgumentError, match=r"the content of a message is .* not empty"):
        Message(role="user", content=())
    with pytest.raises(ArgumentError, match=r"tool_calls are .* not str"):
        Message(role="assistant", content="", tool_calls=cast("Any", "add"))
