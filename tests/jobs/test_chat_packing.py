"""How a conversation fits into a window: what is kept, what falls out, and what reads it."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit import ArgumentError, ContextOverflowError, Document, Model
from minikit.jobs.chatting.conversation import Conversation, turns_of
from minikit.jobs.chatting.knowledge import KEPT, Knowledge, Shelf
from minikit.jobs.chatting.options import ChatOptions, CheckedChatOptions
from minikit.jobs.chatting.packing import Packing, falling_out
from minikit.text.fence import unfence
from minikit.tokens.counting import count_text
from minikit.tokens.messages import Message
from strategies import texts

SMALL = Model(id="small", context_window=1_500, max_output_tokens=300)
TRACK = {
    "type": "function",
    "function": {
        "name": "track",
        "description": "Tell where a parcel is.",
        "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
    },
}


def packing(model: Model = SMALL, knowledge: Knowledge | None = None, **options: object) -> Packing:
    """Return what fits a conversation into a window."""
    return Packing(model, CheckedChatOptions(**options), knowledge)  # type: ignore[arg-type] # as the test names them


def user(text: str) -> Message:
    """Return a message of the user."""
    return Message(role="user", content=text)


def turn(text: str, *, calls: bool = False) -> tuple[Message, ...]:
    """Return a turn in which text is said, and perhaps a tool called."""
    answer = Message(role="assistant", content=text or "Yes.")
    if not calls:
        return user(text or "Well?"), answer
    function = {"name": "track", "arguments": '{"number": "7"}'}
    call = {"id": "c", "type": "function", "function": function}
    asked = Message(role="assistant", content="", tool_calls=(call,))
    return (
        user(text or "Well?"),
        asked,
        Message(role="tool", content=text, tool_call_id="c"),
        answer,
    )


def test_what_falls_out_is_the_oldest_half() -> None:
    """The newest turns that take half of the room stay."""
    assert falling_out([10, 10, 10, 10], 40) == 2
    assert falling_out([10, 10, 10, 30], 40) == 4
    assert falling_out([10], 0) == 1
    assert falling_out([], 40) == 0


@settings(max_examples=40)
@given(
    st.lists(st.builds(turn, texts(6), calls=st.booleans()), max_size=12),
    texts(4),
    st.sampled_from([None, 0, 100, 5_000]),
)
def test_every_request_fits_and_holds_every_turn(
    turns: list[tuple[Message, ...]], text: str, history: int | None
) -> None:
    """What is not due stands in the request word for word; its tokens are known and fit."""
    packed = packing(history_tokens=history, tools=[TRACK])
    state = Conversation(system="Be kind.", messages=tuple(chain.from_iterable(turns)))
    new = (user(text.strip() or "Well?"),)
    fit = packed.fit(state, new)
    if fit.due:
        summary = packed.shortened("They talked. " * 500)
        state = replace(state, summary=summary, summarized_turns=fit.due)
        fit = packed.fit(state, new)
    assert fit.due == 0
    request = fit.request
    assert request.known_input_tokens == replace(request, known_input_tokens=None).check_fit()
    kept = tuple(chain.from_iterable(turns_of(state.messages)[state.summarized_turns :]))
    assert request.messages[0].content == "Be kind."
    assert request.messages[len(request.messages) - len(kept) - 1 :] == kept + new
    assert len(request.messages) == 1 + 2 * (state.summary is not None) + len(kept) + 1


@settings(max_examples=40)
@given(st.lists(st.builds(turn, texts(20), calls=st.booleans()), min_size=1, max_size=8))
def test_readings_hold_every_character_once(turns: list[tuple[Message, ...]]) -> None:
    """What is summarized is read whole, in order, in calls that fit."""
    packed = packing()
    state = Conversation(messages=tuple(chain.from_iterable(turns)))
    readings = packed.readings(state, len(turns_of(state.messages)))
    read = "".join(chain.from_iterable(unfence(each) for each in chain.from_iterable(readings)))
    said = "".join(text for message in state.messages for text in message.texts)
    calls = '\n[calls track({"number": "7"})]'
    assert read.replace(calls, "") == said.replace(calls, "")
    summary = packed.shortened("They talked. " * 500)
    for reading in readings:
        packed.summary_request(summary, reading).check_fit()


def test_a_message_longer_than_a_call_is_read_in_pieces() -> None:
    """Each piece tells who said it."""
    state = Conversation(messages=turn("The parcel is late. " * 400))
    first, second, *_ = packing().readings(state, 1)
    assert first[0].startswith('<passage speaker="user">\nThe parcel is late.')
    assert second[0].startswith('<passage speaker="user">\n')


def test_nothing_is_due_where_nothing_is_asked() -> None:
    """No turns are no readings."""
    assert packing().readings(Conversation(), 0) == []


def test_tools_are_counted() -> None:
    """Their definitions take room like everything else."""
    plain, tools = (
        packing(tools=each).fit(Conversation(), (user("Where?"),)).request for each in ([], [TRACK])
    )
    assert tools.tools == (TRACK,)
    assert (tools.known_input_tokens or 0) - (plain.known_input_tokens or 0) > 20


def test_answers_of_tools_stay_with_their_calls() -> None:
    """A turn that waits for tools is no history: it goes whole with what answers it."""
    first, asked, answer, _ = turn("Where is it? " * 20, calls=True)
    state = Conversation(messages=(*turn("Hello. " * 200), first, asked))
    packed = packing(history_tokens=50)
    fit = packed.fit(state, (answer,))
    assert fit.due == 1
    state = replace(state, summary="Hello.", summarized_turns=1)
    assert packed.fit(state, (answer,)).request.messages[-3:] == (first, asked, answer)


def test_a_message_that_does_not_fit_is_refused() -> None:
    """Nothing is summarized for a message that could not be sent all the same."""
    late = user("The parcel is late. " * 400)
    for state in (
        Conversation(),
        Conversation(messages=turn("Hello.")),
        Conversation(messages=turn("Hello."), summary="Hello.", summarized_turns=1),
    ):
        with pytest.raises(ContextOverflowError, match=r"'small' has room for 1200 beside a reply"):
            packing().fit(state, (late,))


def test_a_window_too_small_is_refused() -> None:
    """A conversation needs room to be summarized."""
    tiny = Model(id="tiny", context_window=300, max_output_tokens=50)
    with pytest.raises(ContextOverflowError, match="the window of 'tiny', 300 tokens"):
        packing(tiny)


def test_a_summary_of_a_larger_window_is_cut() -> None:
    """Another model may have less room for what is remembered."""
    state = Conversation(messages=turn("Hello."), summary="They talked. " * 90, summarized_turns=1)
    [question, memory, _] = packing().fit(state, (user("And?"),)).request.messages
    assert question.content == (
        "Before we go on: what was said in the first turn of our conversation?"
    )
    assert str(memory.content).endswith("[…]")
    assert count_text(str(memory.content), "o200k_base") <= 1_500 // 8


def test_the_system_prompt_and_knowledge_stand_first() -> None:
    """They are the same in each request, so that the prompt cache reads them."""
    documents = [Document(text="We open at nine.", title="Hours")]
    known = Knowledge(documents, SMALL, 100)
    packed = packing(knowledge=known)
    first = packed.fit(Conversation(system="Be kind."), (user("When?"),))
    second = packed.fit(Conversation(system="Be kind.", messages=turn("When?")), (user("And?"),))
    lead = first.request.messages[0]
    assert second.request.messages[0] == lead
    assert lead.role == "system"
    assert str(lead.content).startswith("Be kind.\n\n")
    assert str(lead.content).endswith('<document title="Hours">\nWe open at nine.\n</document>')
    assert first.passages == ()


def test_passages_of_long_knowledge_stand_before_the_message() -> None:
    """The history keeps the message as it was said."""
    texts = ["We open at nine. " * 20, "A parcel to Norway takes a week. " * 20]
    known = Knowledge([Document(text=each) for each in texts], SMALL, 200)
    state = Conversation(messages=turn("Hello."))
    fit = packing(knowledge=known).fit(state, (user("How long does a parcel to Norway take?"),))
    asked = str(fit.request.messages[-1].content)
    assert asked.startswith("<passage>\nA parcel to Norway takes a week.")
    assert asked.endswith("\n</passage>\n\nHow long does a parcel to Norway take?")
    assert all("Norway" in each.cited_text for each in fit.passages)
    assert fit.request.messages[1:3] == state.messages


def test_chats_share_what_they_know() -> None:
    """The same documents are read once for all chats of a client; of others, a few are kept."""
    shelf, pages = Shelf(), [Document(text=f"Page {number}.") for number in range(KEPT + 1)]
    first = shelf.take(pages[:1], SMALL, 200)
    assert shelf.take([Document(text="Page 0.")], SMALL, 200) is first
    assert shelf.take(pages[:1], SMALL, 1) is not first
    assert shelf.take([Document(text="Page 0.", title="Zero")], SMALL, 200) is not first
    assert shelf.take(pages[:1], SMALL, 200) is first
    others = [shelf.take([page], SMALL, 200) for page in pages[1:]]
    assert shelf.take(pages[1:2], SMALL, 200) is others[0]
    assert shelf.take(pages[:1], SMALL, 200) is not first


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tools": {"type": "function"}}, "tools is a list of definitions"),
        ({"tools": [print]}, "tools is a list of definitions"),
        ({"tool_choice": "required"}, "tool_choice is about tools, and there are none"),
        ({"history_tokens": -1}, "history_tokens=-1 is out of range"),
        ({"knowledge_tokens": 0}, "knowledge_tokens=0 is out of range"),
        ({"system": " "}, "system is a text or None"),
    ],
)
def test_options_are_checked(options: ChatOptions, told: str) -> None:
    """What cannot be used is named before anything is sent."""
    with pytest.raises(ArgumentError, match=told):
        CheckedChatOptions(**options)


def test_a_tool_without_a_name_is_refused() -> None:
    """Tools are counted, so they have to be in the form that is known."""
    with pytest.raises(ArgumentError, match="a tool is"):
        packing(tools=[{"type": "function"}])
