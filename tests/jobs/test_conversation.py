"""What a conversation is as a value: turns, order, JSON."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit import ArgumentError, Usage
from minikit.jobs.chatting.conversation import Conversation, entries_of, turns_of, unanswered
from minikit.tokens.messages import ImagePart, Message, TextPart
from strategies import texts

IMAGE = ImagePart(url="https://example.org/receipt.png", detail="low")


def user(text: str) -> Message:
    """Return a message of the user."""
    return Message(role="user", content=text)


def assistant(text: str, *ids: str) -> Message:
    """Return a message of the assistant, which calls a tool by each id."""
    calls = [
        {"id": each, "type": "function", "function": {"name": "track", "arguments": "{}"}}
        for each in ids
    ]
    return Message(role="assistant", content=text, tool_calls=tuple(calls))


def tool(text: str, called: str) -> Message:
    """Return the answer of a tool."""
    return Message(role="tool", content=text, tool_call_id=called)


SAID = (
    assistant("Hello, how can I help?"),
    user("Where is my parcel?"),
    assistant("", "a", "b"),
    tool("In Oslo.", "b"),
    tool("In Rome.", "a"),
    assistant("On its way."),
    user("Thank you."),
    user("And the other one?"),
)


def test_turns_begin_where_the_user_speaks() -> None:
    """A greeting belongs to the first turn, and several messages in a row are one."""
    assert turns_of(SAID) == (SAID[:6], SAID[6:])
    assert turns_of(SAID[:1]) == (SAID[:1],)
    assert turns_of(()) == ()


def test_calls_are_answered_in_any_order() -> None:
    """What is left is named, also across messages that come later."""
    assert unanswered(SAID) == ()
    assert unanswered(SAID[:4]) == ("a",)
    assert unanswered(SAID[4:], ("a",)) == ()


def test_what_no_server_takes_is_refused() -> None:
    """An answer without a call, a call without its answer, a system prompt in the middle."""
    with pytest.raises(ArgumentError, match="'c' answers no call that is open; open are none"):
        unanswered([tool("Here.", "c")])
    with pytest.raises(ArgumentError, match="for each of 'a', 'b' before anything else"):
        unanswered([*SAID[:3], user("Hello?")])
    with pytest.raises(ArgumentError, match="the role 'system'; give system="):
        unanswered([Message(role="system", content="Be kind.")])


def test_entries_tell_who_says_what() -> None:
    """Names, calls of tools and images are told; a message is one entry."""
    seen = Message(role="user", content=(TextPart(text="What is this?"), IMAGE), name="Ann")
    assert entries_of([SAID[:4], (seen,)]) == [
        ("assistant", "Hello, how can I help?"),
        ("user", "Where is my parcel?"),
        ("assistant", "\n[calls track({})]\n[calls track({})]"),
        ("tool", "In Oslo."),
        ("user Ann", "What is this?\n[an image]"),
    ]


def test_to_json_and_back() -> None:
    """All of it comes back, images and calls of tools included."""
    seen = Message(role="user", content=(TextPart(text="What is this?"), IMAGE))
    state = Conversation(
        system="Be kind.",
        messages=(*SAID[:6], seen, assistant("A receipt.")),
        summary="Ann waits for a parcel.",
        summarized_turns=1,
        knowledge="abc",
        usage=Usage(input_tokens=12),
        cost_usd=Decimal("0.000000012"),
        calls=3,
    )
    assert Conversation.from_json(state.to_json()) == state
    assert Conversation.from_json(state.to_json(indent=2).encode()) == state


@settings(max_examples=25)
@given(texts(8), texts(8))
def test_any_text_comes_back(said: str, system: str) -> None:
    """Any str is legal text, lone surrogates included."""
    state = Conversation(system=system, messages=(user(said), assistant(said)))
    halves = "\ud83d\ude00" in said or "\ud83d\ude00" in system  # read as what they stand for
    assert halves or Conversation.from_json(state.to_json()) == state


def test_the_repr_holds_no_text() -> None:
    """A log of it tells nothing that was said."""
    said = SAID[:6]
    state = Conversation(system="Secret.", messages=said, summary="Ann.", summarized_turns=1)
    assert repr(state) == ("Conversation(<6 messages>, summarized_turns=1, cost_usd=Decimal('0'))")


@pytest.mark.parametrize(
    ("saved", "told"),
    [
        ("{", "it is not JSON"),
        ("[]", "this is not a saved Conversation"),
        ('{"version": 2}', "version=2 of a saved conversation is not known"),
        ('{"summary": "Ann."}', "summarized_turns=0 says .* there is one"),
        ('{"summarized_turns": 1}', "summarized_turns=1 is out of range: 0 to 0"),
        ('{"messages": [{"role": "system", "content": "x"}]}', "give system="),
        ('{"messages": [{"role": "king", "content": "x"}]}', "Input should be 'system'"),
        ('{"messages": [{"role": "user", "content": []}]}', "content of a message"),
        ('{"messages": [{"role": "user", "content": "x"}]}', "ends with what the assistant said"),
    ],
)
def test_what_is_no_conversation_is_refused(saved: str, told: str) -> None:
    """A state of another version, a damaged one, or something else, is an error that says so."""
    with pytest.raises(ArgumentError, match=told):
        Conversation.from_json(saved)


def test_a_summary_says_for_how_many_turns_it_stands() -> None:
    """Turns without a summary would be dropped in silence."""
    with pytest.raises(ArgumentError, match=r"summarized_turns=1 says .* there is none"):
        Conversation(messages=SAID[:6], summarized_turns=1)


@given(st.lists(st.sampled_from([user("a"), assistant("b")]), max_size=12))
def test_turns_hold_every_message(said: list[Message]) -> None:
    """No message is lost, and each turn but the first begins with the user."""
    turns = turns_of(said)
    assert [message for turn in turns for message in turn] == said
    assert all(turn[0].role == "user" for turn in turns[1:])
