"""A conversation: what is sent, remembered, booked and kept, and what becomes of what fails."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest

from minikit import (
    ArgumentError,
    AsyncClient,
    BadReplyError,
    BudgetExceededError,
    ContextOverflowError,
    MissingKeyError,
    Model,
    OutputTruncatedError,
    Price,
    Progress,
    RefusalError,
    Retry,
    ServerError,
    SourceError,
    StreamBrokenError,
)
from minikit.jobs.chat import AsyncChat
from minikit.jobs.chatting.conversation import Conversation
from minikit.tokens.messages import Message
from server import Body, ChatServer, Reply, error, held, ok, prompt_of, stream

SMALL = Model(
    id="small",
    context_window=2_000,
    max_output_tokens=300,
    price=Price(input_usd_per_mtok="1", output_usd_per_mtok="2"),
)
HOURS = "We open at nine. A parcel to Norway takes a week."
TOOLS = [{"type": "function", "function": {"name": "track", "parameters": {"type": "object"}}}]
CALL = {"id": "c1", "type": "function", "function": {"name": "track", "arguments": "{}"}}
CALLS = {"tool_calls": [CALL]}
ANSWER = {"role": "tool", "tool_call_id": "c1", "content": "In Oslo."}
NOTES = "Write notes of the conversation"
LONG = "The parcel is late and the shop is closed. " * 12
HALF: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"content": "Half a"}}]}]


def client_of(server: ChatServer, **options: Any) -> AsyncClient:  # noqa: ANN401 - of AsyncClient
    """Return a client of the server."""
    given = {"model": SMALL, "retry": Retry(attempts=1), **options}
    return AsyncClient(api_key="sk-secret", base_url=server.base_url, **given)


def is_summary(body: Body) -> bool:
    """Whether a request asks for a summary of older turns."""
    return NOTES in prompt_of(body)


def answering(summary: str = "They talked.", text: str = "Yes, it does.") -> Any:  # noqa: ANN401 - a handler
    """Return a handler that knows requests for a summary from others."""
    return lambda body: ok(summary if is_summary(body) else text)


async def streamed(chat: AsyncChat, content: str) -> None:
    """Read a stream to its end."""
    async with chat.stream(content) as reply:
        _ = [text async for text in reply]


async def filled(chat: AsyncChat, turns: int) -> None:
    """Hold so many turns of a hundred tokens and more."""
    for number in range(turns):
        await chat.send(f"Message {number}: {LONG}")


@pytest.mark.anyio
async def test_a_conversation_goes_on(server: ChatServer) -> None:
    """Each message sees what was said before; the bill of all adds up."""
    server.script([ok("Hello Ann."), ok("You are Ann.")])
    async with client_of(server) as client:
        chat = client.chat(system="Be kind.", max_output_tokens=50, temperature=0.5, seed=7)
        first = await chat.send("I am Ann.")
        second = await chat.send([{"role": "user", "content": "Who am I?"}])
    assert (str(first), second.text, second.finish_reason) == ("Hello Ann.", "You are Ann.", "stop")
    body = server.bodies[1]
    assert [message["content"] for message in body["messages"]] == [
        "Be kind.",
        "I am Ann.",
        "Hello Ann.",
        "Who am I?",
    ]
    assert (body["max_tokens"], body["temperature"], body["seed"]) == (50, 0.5, 7)
    state = chat.conversation
    assert [message.role for message in chat.messages] == ["user", "assistant"] * 2
    assert state.cost_usd == (first.cost_usd or 0) + (second.cost_usd or 0) > 0
    assert state.usage == first.usage + second.usage
    assert (state.calls, state.model, second.calls[0].operation) == (2, "small", "answer")
    assert client.ledger.entries[0].operation == "chat.answer"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_two_hundred_turns_through_a_small_window(server: ChatServer) -> None:
    """Every request fits, holds the system prompt and knowledge, and accounts for every turn.

    It takes two hundred requests, which is more than a second; so it runs on one event loop.
    """
    draw = Random(7)  # noqa: S311 - test data
    server.context_window, server.max_output_tokens = SMALL.context_window, 300
    server.handler = answering("They talked. " * 30, "Yes, it does. " * 8)
    messages = [f"<{number}> {'word ' * draw.randint(0, 150)}".strip() for number in range(200)]
    async with client_of(server) as client:
        chat = client.chat(system="Be kind.", knowledge=HOURS)
        for message in messages:
            await chat.send(message)
    asked, summarized = 0, Counter[str]()
    for body in server.bodies:
        prompt = prompt_of(body)
        if is_summary(body):
            summarized.update(re.findall(r"<\d+>", prompt))
            continue
        assert body["messages"][0]["role"] == "system"
        assert body["messages"][0]["content"].startswith("Be kind.")
        assert HOURS in body["messages"][0]["content"]
        told = re.search(r"what was said in the first (\d+) turns", prompt)
        remembered = int(told[1]) if told else 0
        said = [m["content"] for m in body["messages"] if m["role"] == "user"]
        assert said[-1] == messages[asked]
        assert said[1 if told else 0 :] == messages[remembered : asked + 1]
        asked += 1
    assert asked == 200
    state = chat.conversation
    assert set(summarized.values()) == {1}
    assert sorted(summarized) == sorted(f"<{n}>" for n in range(state.summarized_turns))
    assert state.summarized_turns > 150
    assert sum(map(is_summary, server.bodies)) < 60


@pytest.mark.anyio
async def test_saved_and_restored_is_uninterrupted(server: ChatServer) -> None:
    """A conversation that is saved after each message asks the same as another."""
    server.handler = answering()
    async with client_of(server) as client:
        chat = client.chat(system="Be kind.", knowledge=HOURS)
        await filled(chat, 14)
        uninterrupted, server.requests[:] = server.bodies, []
        state = client.chat(system="Be kind.", knowledge=HOURS).to_json()
        for number in range(14):
            again = client.chat(state=state, knowledge=HOURS)
            await again.send(f"Message {number}: {LONG}")
            state = again.to_json()
    assert server.bodies == uninterrupted
    assert state == chat.to_json()
    assert again.conversation.summarized_turns > 0
    assert "sk-secret" not in state


@pytest.mark.anyio
async def test_older_turns_are_remembered(server: ChatServer) -> None:
    """The call that summarizes has the earlier summary; the reply tells of it and pays for it."""
    server.handler = answering("Ann waits for <a parcel>.")
    told: list[Progress] = []
    async with client_of(server) as client:
        chat = client.chat(history_tokens=700, on_event=told.append)
        await filled(chat, 11)
        reply = await chat.send("And?")
    first, second = (body for body in server.bodies if is_summary(body))
    assert "<part>" not in prompt_of(first)
    assert "<part>\nAnn waits for <a parcel>.\n</part>" in prompt_of(second)
    assert '<passage speaker="user">\nMessage 4: ' in prompt_of(second)
    assert server.bodies[-1]["messages"][1] == {
        "role": "assistant",
        "content": "Ann waits for <a parcel>.",
    }
    assert reply.summarized_turns == chat.conversation.summarized_turns == 8
    assert [each.call.operation for each in told].count("refine") == 2
    assert {each.calls_at_most for each in told} == {1, 2}
    assert chat.conversation.calls == len(server.requests) == len(told)
    assert chat.conversation.cost_usd == client.ledger.total.cost_usd


@pytest.mark.anyio
async def test_a_turn_longer_than_a_call_is_read_in_several(server: ChatServer) -> None:
    """Each call goes on with the summary of the one before; the turn is summarized as one."""
    server.context_window, server.max_output_tokens = SMALL.context_window, 300
    server.script([ok("Yes."), ok("Part one."), ok("Part two."), ok("Yes.")])
    async with client_of(server) as client:
        chat = client.chat()
        await chat.send("word " * 1_500)
        reply = await chat.send("And?")
    assert [call.operation for call in reply.calls] == ["refine", "refine", "answer"]
    assert "<part>\nPart one.\n</part>" in prompt_of(server.bodies[2])
    read = prompt_of(server.bodies[1]) + prompt_of(server.bodies[2])
    assert len(re.findall(r"\bword\b", read)) == 1_500
    assert (chat.conversation.summary, chat.conversation.summarized_turns) == ("Part two.", 1)


@pytest.mark.anyio
async def test_a_summary_that_is_too_long_is_cut(server: ChatServer) -> None:
    """A server that heeds no limit does not fill the window, and the reply tells."""
    server.handler = answering("They talked of it. " * 200)
    async with client_of(server) as client:
        chat = client.chat()
        await filled(chat, 8)
        reply = await chat.send(f"And? {LONG}")
    assert reply.notes == (
        "the summary of older turns was longer than there is room for, and its end was cut off",
    )
    assert str(chat.conversation.summary).endswith("[…]")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (ok(None, message={"refusal": "No."}), "refusal"),
        (ok(""), "empty"),
        (ok("", finish_reason="length"), "length"),
    ],
)
async def test_turns_that_cannot_be_summarized_are_named(
    server: ChatServer, refused: Reply, reason: str
) -> None:
    """The conversation goes on, and the summary says what is missing."""
    server.handler = lambda body: refused if is_summary(body) else ok("Yes, it does.")
    async with client_of(server) as client:
        chat = client.chat(state=Conversation())
        await filled(chat, 8)
        reply = await chat.send(f"And? {LONG}")
    gap = f"what 5 older turns said could not be summarized: {reason}"
    assert reply.notes == (gap,)
    assert chat.conversation.summary == f"[{gap}]"


@pytest.mark.anyio
async def test_a_failed_message_leaves_the_conversation_as_it_was(server: ChatServer) -> None:
    """It can be sent again; turns that were summarized for it stay summarized, once."""
    server.handler = answering()
    async with client_of(server) as client:
        chat = client.chat()
        await filled(chat, 8)
        before = chat.messages
        server.script([ok("They talked."), error(500)])
        with pytest.raises(ServerError):
            await chat.send(f"And? {LONG}")
        assert chat.messages == before
        assert chat.conversation.summarized_turns == 5
        await chat.send(f"And? {LONG}")
    assert len(chat.messages) == len(before) + 2
    assert sum(map(is_summary, server.bodies)) == 1


@pytest.mark.anyio
async def test_no_summary_where_the_server_is_down(server: ChatServer) -> None:
    """An error that has nothing to do with what was said is the caller's."""
    server.handler = answering()
    async with client_of(server) as client:
        chat = client.chat()
        await filled(chat, 8)
        server.script([error(500)])
        with pytest.raises(ServerError):
            await chat.send(f"And? {LONG}")
    assert chat.conversation.summary is None


@pytest.mark.anyio
async def test_a_refused_message_is_not_kept(server: ChatServer) -> None:
    """Its cost is booked all the same."""
    server.script([ok(None, message={"refusal": "No."}), ok("Yes.")])
    async with client_of(server) as client:
        chat = client.chat()
        with pytest.raises(RefusalError):
            await chat.send("Tell me how.")
        assert chat.messages == ()
        paid = chat.conversation.cost_usd
        assert paid == client.ledger.total.cost_usd
        await chat.send("Is it open?")
    assert len(server.bodies[1]["messages"]) == 1
    assert chat.conversation.cost_usd == client.ledger.total.cost_usd


@pytest.mark.anyio
async def test_tools(server: ChatServer) -> None:
    """Calls come back with the reply, their answers go on with the turn."""
    server.script([ok("", finish_reason="tool_calls", message=CALLS), ok("It is in Oslo.")])
    async with client_of(server) as client:
        chat = client.chat(tools=TOOLS, tool_choice="auto")
        asked = await chat.send("Where is my parcel?")
        with pytest.raises(ArgumentError, match="send a message with the role 'tool' for each of"):
            await chat.send("Hello?")
        assert asked.tool_calls == (CALL,)
        assert asked.finish_reason == "tool_calls"
        saved = chat.to_json()
        chat = client.chat(tools=TOOLS, state=saved)
        reply = await chat.send([ANSWER])
    assert reply.text == "It is in Oslo."
    assert server.bodies[0]["tools"] == TOOLS
    assert [message["role"] for message in server.bodies[1]["messages"]] == [
        "user",
        "assistant",
        "tool",
    ]


@pytest.mark.anyio
async def test_what_cannot_follow_is_refused(server: ChatServer) -> None:
    """Nothing is sent for a message that no model could answer."""
    calls = Message(role="assistant", content="", tool_calls=(CALL, {**CALL, "id": "c2"}))
    state = Conversation(messages=(Message(role="user", content="Where?"), calls))
    async with client_of(server) as client:
        with pytest.raises(ArgumentError, match="the calls 'c2' of tools are not answered"):
            await client.chat(tools=TOOLS, state=state).send([ANSWER])
        chat = client.chat()
        with pytest.raises(ArgumentError, match="the last message is the assistant's"):
            await chat.send([{"role": "assistant", "content": "Hello."}])
        with pytest.raises(ArgumentError, match="answers no call"):
            await chat.send([ANSWER])
        with pytest.raises(ArgumentError, match="the prompt is empty"):
            await chat.send(" ")
        assert not server.requests
        greeting = [{"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Hi!"}]
        await chat.send(greeting)
        with pytest.raises(ArgumentError, match="can only begin a conversation"):
            await chat.send(greeting)
        with pytest.raises(ContextOverflowError, match="has room for 1700"):
            await chat.send("word " * 2_000)
    assert len(server.requests) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    "calls",
    [
        [{**CALL, "id": ""}],
        [CALL, CALL],
        [{**CALL, "function": {"name": "track", "arguments": {}}}],
    ],
)
async def test_calls_that_nobody_can_answer(server: ChatServer, calls: list[object]) -> None:
    """A reply that would lead nowhere is an error, and is not kept."""
    server.handler = lambda _: ok("", message={"tool_calls": calls})
    async with client_of(server) as client:
        chat = client.chat(tools=TOOLS)
        with pytest.raises(BadReplyError, match="in a form that cannot be answered") as caught:
            await chat.send("Where?")
    assert caught.value.completion is not None
    assert chat.messages == ()


@pytest.mark.anyio
async def test_a_reply_cut_off_before_it_began(server: ChatServer) -> None:
    """A reply without text is none; one that is cut off later is one."""
    server.script([ok("", finish_reason="length"), ok("It is", finish_reason="length")])
    async with client_of(server) as client:
        chat = client.chat()
        with pytest.raises(OutputTruncatedError):
            await chat.send("Where?")
        reply = await chat.send("Where?")
    assert reply.finish_reason == "length"
    assert len(chat.messages) == 2


@pytest.mark.anyio
async def test_a_stream(server: ChatServer) -> None:
    """The text comes in deltas; at the end the reply is kept."""
    server.script([ok("It opens at nine, and it closes at five in the evening.")])
    async with client_of(server) as client:
        chat = client.chat()
        async with chat.stream("When?") as reply:
            with pytest.raises(ArgumentError, match="no whole reply"):
                _ = reply.reply
            deltas = [text async for text in reply]
            assert "".join(deltas) == reply.reply.text == reply.completion.text
            assert chat.messages[-1].content == reply.reply.text
            assert [text async for text in reply] == []
    assert len(deltas) > 1
    assert chat.conversation.cost_usd == reply.reply.cost_usd == client.ledger.total.cost_usd


@pytest.mark.anyio
async def test_a_stream_that_breaks(server: ChatServer) -> None:
    """What came is in the error, its cost is booked, and the conversation is as it was."""
    server.script([stream(HALF), ok("Whole.")])
    async with client_of(server) as client:
        chat = client.chat()
        async with chat.stream("When?") as reply:
            assert await anext(reply) == "Half a"
            with pytest.raises(StreamBrokenError) as caught:
                await anext(reply)
            assert [text async for text in reply] == []
        assert caught.value.completion is not None
        assert caught.value.completion.text == reply.completion.text == "Half a"
        assert chat.messages == ()
        assert chat.conversation.failed_cost_usd > 0
        assert (await chat.send("When?")).text == "Whole."
    state = chat.conversation
    assert (state.cost_usd or 0) + state.failed_cost_usd == client.ledger.total.cost_usd


@pytest.mark.anyio
async def test_a_stream_that_is_left(server: ChatServer) -> None:
    """It ends the request, and nothing of it is kept."""
    server.script([held(Event(), ok("It opens at nine, and it closes at five."), after=2)])
    async with client_of(server) as client:
        chat = client.chat()
        async with chat.stream("When?") as reply:
            assert await anext(reply)
        assert [text async for text in reply] == []
        with pytest.raises(ArgumentError, match="no whole reply"):
            _ = reply.reply
    assert chat.messages == ()
    assert server.requests[0].abandoned.wait(10)


@pytest.mark.anyio
async def test_a_stream_is_opened_once(server: ChatServer) -> None:
    """Reading before and opening twice are mistakes; so is a message within, in the same task."""
    async with client_of(server) as client:
        chat = client.chat()
        reply = chat.stream("When?")
        with pytest.raises(ArgumentError, match="was not opened"):
            _ = reply.completion
        with pytest.raises(ArgumentError, match="open the stream"):
            await anext(reply)
        async with reply:
            with pytest.raises(ArgumentError, match="a stream of this chat is open in this task"):
                await chat.send("And?")
            assert "".join([text async for text in reply])
        with pytest.raises(ArgumentError, match="opened once"):
            await reply.__aenter__()
        await chat.send("And?")
    assert len(server.requests) == 2


@pytest.mark.anyio
async def test_a_stream_that_is_left_in_another_task(server: ChatServer) -> None:
    """Web frameworks do that where a client has gone; the next message is answered all the same."""
    from anyio import create_task_group

    async with client_of(server) as client:
        chat = client.chat()
        reply = chat.stream("When?")
        async with create_task_group() as group:
            group.start_soon(reply.__aenter__)
        assert await anext(reply)
        await reply.__aexit__(None, None, None)
        assert (await chat.send("And?")).text


@pytest.mark.anyio
async def test_a_stream_that_cannot_be_opened(server: ChatServer) -> None:
    """The next message does not wait for it."""
    server.script([error(500), ok("Yes.")])
    async with client_of(server) as client:
        chat = client.chat()
        with pytest.raises(ServerError):
            await chat.stream("When?").__aenter__()
        assert (await chat.send("When?")).text == "Yes."


@pytest.mark.anyio
async def test_messages_at_once_are_answered_in_order(server: ChatServer) -> None:
    """One waits for the other, and sees it."""
    from anyio import create_task_group, wait_all_tasks_blocked

    server.handler = answering()
    async with client_of(server) as client:
        chat = client.chat()
        async with create_task_group() as group:
            for number in range(3):
                group.start_soon(chat.send, f"Message {number}")
                await wait_all_tasks_blocked()
    assert server.max_in_flight == 1
    assert [message.content for message in chat.messages[::2]] == [
        "Message 0",
        "Message 1",
        "Message 2",
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_listener_that_exits(server: ChatServer, is_streamed: bool) -> None:
    """SystemExit in a listener reaches the caller."""

    def leave(_: Progress) -> None:
        raise SystemExit(3)

    async with client_of(server) as client:
        chat = client.chat(on_event=leave)
        talk = streamed if is_streamed else AsyncChat.send
        with pytest.raises(SystemExit, match="3"):
            await talk(chat, "When?")
    assert chat.messages == ()


@pytest.mark.anyio
async def test_the_budget_is_that_of_the_conversation(server: ChatServer) -> None:
    """What was spent before counts, also after it was saved; the state is as it was."""
    server.handler = answering()
    async with client_of(server) as client:
        chat = client.chat(budget_usd="0.002", max_output_tokens=100)
        await filled(chat, 4)
        spent = chat.conversation.cost_usd
        with pytest.raises(BudgetExceededError) as caught:
            await chat.send(f"When? {LONG}")
        assert caught.value.spent_usd == spent
        assert caught.value.limit_usd == Decimal("0.002")
        state = chat.to_json()
        again = client.chat(state=state, budget_usd="0.002", max_output_tokens=100)
        with pytest.raises(BudgetExceededError) as caught:
            await again.send(f"When? {LONG}")
        assert caught.value.spent_usd == spent
        unknown = replace(Conversation.from_json(state), cost_usd=None)
        with pytest.raises(ArgumentError, match="what the saved conversation has cost"):
            client.chat(state=unknown, budget_usd=1)


@pytest.mark.anyio
async def test_a_journal_answers_what_was_asked_before(server: ChatServer, tmp_path: Path) -> None:
    """The same conversation costs nothing again, and tells what it has cost."""
    server.handler = answering()
    for _ in range(2):
        async with client_of(server, journal=tmp_path / "journal") as client:
            chat = client.chat(budget_usd=1)
            await filled(chat, 8)
            reply = await chat.send("And?")
    assert reply.calls[0].replayed
    assert reply.failed_cost_usd == 0
    assert len(server.requests) == chat.conversation.calls == 10
    assert chat.conversation.cost_usd == client.ledger.total.cost_usd


@pytest.mark.anyio
async def test_knowledge_has_to_be_given_again(server: ChatServer, tmp_path: Path) -> None:
    """It is not saved; another than before is told of, once."""
    (tmp_path / "hours.txt").write_text(HOURS, "utf-8")
    async with client_of(server) as client:
        chat = client.chat(knowledge=tmp_path / "hours.txt")
        await chat.load()
        assert not server.requests
        await chat.send("When?")
        state = chat.to_json()
        assert "Norway" not in state
        with pytest.raises(ArgumentError, match="give knowledge= again"):
            client.chat(state=state)
        other = client.chat(state=state, knowledge=[HOURS, "We close at five."], system="Be kind.")
        first, second = await other.send("And?"), await other.send("Until when?")
        with pytest.raises(SourceError, match="no-such-file"):
            await client.chat(knowledge=Path("no-such-file")).send("When?")
    assert "knowledge is another" in first.notes[0]
    assert second.notes == ()
    assert other.conversation.system == "Be kind."
    assert other.conversation.knowledge != chat.conversation.knowledge


@pytest.mark.anyio
async def test_passages_are_told_with_the_reply(server: ChatServer) -> None:
    """Of long knowledge a request holds what matches, and the reply names it."""
    towns = ["Oslo", "Rome", "Paris", "Cairo"]
    known = [f"The shop in {town} opens at {n}. " * 30 for n, town in enumerate(towns)]
    async with client_of(server) as client:
        chat = client.chat(knowledge=known, knowledge_tokens=150)
        reply = await chat.send("When does the shop in Paris open?")
        await chat.send("And on Sundays?")
    assert all("Paris" in passage.cited_text for passage in reply.passages)
    assert "Paris opens" in server.bodies[1]["messages"][-1]["content"]
    assert chat.messages[0].content == "When does the shop in Paris open?"


@pytest.mark.anyio
async def test_images_go_with_a_message(server: ChatServer) -> None:
    """They are counted and sent as they are."""
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    image["image_url"]["detail"] = "low"  # type: ignore[index] # a mapping
    server.script([ok("A receipt."), ok("Nine dollars."), ok("Another.")])
    async with client_of(server, model="gpt-4o-mini") as client:
        chat = client.chat(knowledge=["word " * 9_000, "Receipts are blue."])
        content = [{"type": "text", "text": "What are receipts?"}, image]
        reply = await chat.send([{"role": "user", "content": content}])
        await chat.send("How much?")
        alone = await chat.send([{"role": "user", "content": [image]}])
    assert alone.passages == ()
    sent = server.bodies[0]["messages"][-1]["content"]
    assert sent[0]["text"].startswith("<passage>\nReceipts are blue.")
    assert sent[1:] == content
    assert reply.usage.input_tokens > 2_833
    assert server.bodies[1]["messages"][1]["content"] == content


@pytest.mark.anyio
async def test_offline_it_answers_with_what_matches_best() -> None:
    """Of a passage the sentences that match the message are the reply, and not the others."""
    page = "Returns. Goods can be sent back within 30 days. Rope that was cut cannot be sent back."
    async with AsyncClient(model="offline") as client:
        reply = await client.chat(knowledge=page).send("Can I send rope back?")
    assert reply.text == "Rope that was cut cannot be sent back."
    assert [passage.cited_text for passage in reply.passages] == [page]


@pytest.mark.anyio
async def test_offline_it_answers_with_passages() -> None:
    """The offline model cannot talk: what matches is its reply, or that nothing does."""
    async with AsyncClient(model="offline") as client:
        chat = client.chat(knowledge=["We open at nine.", "A parcel to Norway takes a week."])
        reply = await chat.send("How long does a parcel take, in 3 words?")
        none = await chat.send("Zebra?")
        with pytest.raises(ArgumentError, match="the offline model cannot talk"):
            client.chat()
        with pytest.raises(ArgumentError, match="the offline model cannot call tools"):
            client.chat(knowledge=HOURS, tools=TOOLS)
    assert reply.text == "A parcel to Norway takes a week."
    assert [passage.cited_text for passage in reply.passages] == [reply.text]
    assert none.text == "Nothing in the knowledge matches this message."
    assert none.passages == ()


def test_what_cannot_work_is_refused_at_once(server: ChatServer) -> None:
    """Options, states and keys are checked before anything is said."""
    client = client_of(server)
    with pytest.raises(ArgumentError, match="max_output_tokens=301 is out of range: 1 to 300"):
        client.chat(max_output_tokens=301)
    with pytest.raises(ArgumentError, match="temperature=3 is out of range"):
        client.chat(temperature=3)
    with pytest.raises(ArgumentError, match="state is what to_json"):
        client.chat(state=3)  # type: ignore[arg-type] # a mistake
    with pytest.raises(ArgumentError, match="this is not a saved Conversation"):
        client.chat(state="{}{")
    with pytest.raises(MissingKeyError):
        AsyncClient().chat()
