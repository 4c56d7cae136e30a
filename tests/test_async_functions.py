"""The module functions and their async twins: they do what the client's methods do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

import minikit
from minikit import Result
from pictures import png
from server import ChatServer, ok

TEXT = "The bridge was built in 1931 by Ada Berg. It carries cars and trams over the river."
TWO = ["gpt-4o-mini", "gpt-4o"]


@dataclass
class Bridge:
    """What is said of a bridge."""

    year: int


RECORD = json.dumps({"items": [{"quotes": ["The bridge was built in 1931"], "year": 1931}]})
GERMAN = json.dumps({"translations": [{"id": 1, "text": "Hallo."}]})

CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("summarize", (TEXT,), {"model": "offline"}, ""),
    ("ask", (TEXT, "When was the bridge built?"), {"model": "offline"}, ""),
    ("extract", (TEXT, Bridge), {}, RECORD),
    ("translate", ("Hello.", "German"), {}, GERMAN),
    ("describe", (png(), "What is it?"), {}, "A bridge."),
    ("compare", (TEXT, TWO), {"prompt": "What is it about?"}, "A bridge."),
    ("needle", (), {"model": "offline", "lengths": [500], "depths": [0.5], "needles": 1}, ""),
]


@pytest.fixture
def at_home(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """A server that the environment names, with a key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return server


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "arguments", "options", "reply"), CALLS, ids=[c[0] for c in CALLS]
)
async def test_a_verb_and_its_twin(
    at_home: ChatServer,
    name: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    reply: str,
) -> None:
    """The function and its async twin bring the same."""
    from anyio import to_thread

    if reply:
        at_home.script([ok(reply) for _ in range(4)])
    awaited = await getattr(minikit, f"a{name}")(*arguments, **options)
    blocking = await to_thread.run_sync(lambda: getattr(minikit, name)(*arguments, **options))
    assert isinstance(awaited, Result)
    assert str(awaited).splitlines()[0] == str(blocking).splitlines()[0]  # then a latency
    assert awaited.usage == blocking.usage


@pytest.mark.anyio
async def test_rows_of_a_client_of_their_own() -> None:
    """The twin of `complete_many` gives an outcome for each row."""
    rows = [{"text": TEXT}, {"text": "It rained. The roof held."}]
    async with minikit.acomplete_many(rows, "Sum up: {text}", model="offline") as outcomes:
        awaited = [outcome.text async for outcome in outcomes]
    assert len(awaited) == 2
    assert all(awaited)


def test_rows_of_the_common_client() -> None:
    """`complete_many` gives an outcome for each row."""
    rows = [{"text": TEXT}, {"text": "It rained. The roof held."}]
    outcomes = minikit.complete_many(rows, "Sum up: {text}", model="offline")
    assert [bool(outcome.text) for outcome in outcomes] == [True, True]


@pytest.mark.anyio
async def test_a_chat_with_a_client_of_its_own(at_home: ChatServer) -> None:
    """The twin of `chat` is closed with its connections, and then sends no more."""
    at_home.script([ok("It was built in 1931.")])
    async with minikit.achat(system="You know bridges.") as chat:
        assert (await chat.send("How old is it?")).text == "It was built in 1931."
    with pytest.raises(minikit.ClosedError, match="closed"):
        await chat.send("And who built it?")


@pytest.mark.anyio
async def test_a_chat_of_a_client_leaves_it_open(at_home: ChatServer) -> None:
    """What a client made does not close it."""
    at_home.script([ok("In 1931."), ok("Ada Berg.")])
    async with minikit.AsyncClient() as client:
        async with client.chat() as chat:
            await chat.send("How old is it?")
        assert (await chat.send("Who built it?")).text == "Ada Berg."


def test_a_chat_of_the_common_client(at_home: ChatServer) -> None:
    """`chat` goes on with what was said."""
    at_home.script([ok("In 1931.")])
    assert minikit.chat().send("How old is it?").text == "In 1931."


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("verb", "source", "options"),
    [
        ("ask", TEXT, {"question": "When?"}),
        ("extract", TEXT, {"schema": Bridge}),
        ("translate", TEXT, {"language": "German"}),
        ("complete_many", [{"text": TEXT}], {"template": "Sum up: {text}"}),
        ("describe", png(), {}),
        ("compare", TEXT, {"models": TWO}),
        ("needle", None, {"lengths": [500]}),
        ("summarize", TEXT, {}),
    ],
)
async def test_every_verb_is_planned(verb: Any, source: Any, options: dict[str, Any]) -> None:  # noqa: ANN401 - of all kinds
    """A plan needs no network and no key, tells its verb, and bounds its cost."""
    from anyio import to_thread

    plan = await minikit.aplan(source, verb=verb, **options)
    assert plan.verb == verb
    assert plan.cost_usd_at_least is not None
    assert plan.cost_usd_at_most is not None
    assert 0 < plan.cost_usd_at_least <= plan.cost_usd_at_most
    assert plan.calls_at_most >= plan.calls_at_least >= 1
    assert str(await to_thread.run_sync(lambda: minikit.plan(source, verb=verb, **options))) == str(
        plan
    )


def test_what_cannot_be_planned() -> None:
    """A verb that there is not, or several models of one that takes one, is refused by name."""
    with pytest.raises(minikit.ArgumentError, match=r"verb is .* not 'sing'"):
        minikit.plan(TEXT, verb="sing")  # type: ignore[call-overload] # the point of the test
    with pytest.raises(minikit.ArgumentError, match="several models are planned for summaries"):
        minikit.plan(TEXT, verb="ask", model=TWO, question="When?")  # type: ignore[call-overload] # as above
