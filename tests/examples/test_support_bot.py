"""The support bot: knowledge, tools, a talk that goes on after a restart, and its bill."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import load

from minikit import Client, RequestRejectedError
from server import ChatServer, Reply, error, ok

support = load("support_bot")


def calling(name: str, arguments: str, identity: str = "call_1") -> Reply:
    """A reply that calls a tool."""
    function = {"name": name, "arguments": arguments}
    calls = [{"id": identity, "type": "function", "function": function}]
    return ok("", finish_reason="tool_calls", message={"tool_calls": calls})


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    """A client of the scripted server."""
    with Client(model="gpt-4o-mini", api_key="sk-none", base_url=server.base_url) as client:
        yield client


def test_it_answers_from_the_help_pages(server: ChatServer, client: Client, tmp_path: Path) -> None:
    """The help pages stand in the request, and the answer tells what the talk has cost."""
    server.script([ok("It takes a week.")])
    answer = support.SupportBot(client, "ada", talks=tmp_path).send("How long to Norway?")
    assert answer.text == "It takes a week."
    assert answer.handed_over is None
    assert answer.cost_usd == client.ledger.total.cost_usd
    assert "one to Norway or Sweden a week" in server.requests[0].prompt


def test_it_looks_an_order_up(server: ChatServer, client: Client, tmp_path: Path) -> None:
    """A call of the tool is answered from the orders of this customer."""
    server.script([calling("look_up_order", '{"number": "b7"}'), ok("It is on its way.")])
    answer = support.SupportBot(client, "ada", talks=tmp_path).send("Where is B7?")
    assert answer.text == "It is on its way."
    told = server.bodies[1]["messages"][-1]
    assert told["role"] == "tool"
    assert json.loads(told["content"])["state"] == "on its way"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('{"number": "C1"}', "Error: the customer has no order 'C1'."),
        ('{"number": "Z9"}', "Error: the customer has no order 'Z9'."),
        ('{"number": ', "Error: give one argument, as JSON."),
        ('["B7"]', "Error: give one argument, as JSON."),
    ],
)
def test_what_the_model_may_not_see_or_gets_wrong_is_told_to_it(
    server: ChatServer, client: Client, tmp_path: Path, arguments: str, told: str
) -> None:
    """Orders of others are as if they were not, and arguments that cannot be read are an error."""
    server.script([calling("look_up_order", arguments), ok("I see no such order.")])
    support.SupportBot(client, "ada", talks=tmp_path).send("Where is it?")
    assert server.bodies[1]["messages"][-1]["content"] == told


def test_it_calls_a_person(server: ChatServer, client: Client, tmp_path: Path) -> None:
    """The model hands over with what the person should know, and says goodbye."""
    reason = '{"reason": "wants the money back"}'
    server.script([calling("hand_over", reason), ok("A colleague will write to you.")])
    answer = support.SupportBot(client, "ada", talks=tmp_path).send("I want my money back!")
    assert answer.handed_over == "wants the money back"
    assert answer.text == "A colleague will write to you."


def test_going_in_circles_ends_with_a_person(
    server: ChatServer, client: Client, tmp_path: Path
) -> None:
    """A model that calls tools again and again is stopped."""
    rounds = support.ROUNDS
    calls = [calling("look_up_order", '{"number": "B7"}', f"call_{n}") for n in range(rounds)]
    server.script(calls)
    answer = support.SupportBot(client, "ada", talks=tmp_path).send("Where is B7?")
    assert len(server.requests) == rounds
    assert answer.handed_over == "no answer was found"


def test_a_talk_that_has_cost_what_it_may_ends_with_a_person(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent that could pass the budget of the conversation."""
    monkeypatch.setattr(support, "BUDGET_USD", "0.00001")
    answer = support.SupportBot(client, "ada", talks=tmp_path).send("Hello?")
    assert answer.handed_over == "the conversation has cost what it may"
    assert answer.cost_usd == 0


def test_the_talk_goes_on_after_a_restart(
    server: ChatServer, client: Client, tmp_path: Path
) -> None:
    """Another bot, as of another process, knows what was said and what it has cost."""
    server.script([ok("Hello Ada."), ok("You are Ada.")])
    first = support.SupportBot(client, "ada", talks=tmp_path).send("I am Ada.")
    second = support.SupportBot(client, "ada", talks=tmp_path).send("Who am I?")
    said = [message["content"] for message in server.bodies[1]["messages"][1:]]
    assert said == ["I am Ada.", "Hello Ada.", "Who am I?"]
    assert second.cost_usd > first.cost_usd


def test_a_tool_that_was_called_when_the_server_failed_is_answered_later(
    server: ChatServer, client: Client, tmp_path: Path
) -> None:
    """A failure in the middle leaves the call of a tool open; the next message answers it too."""
    failure = error(400, message="no")
    script = [calling("look_up_order", '{"number": "B7"}'), failure, ok("It is on its way.")]
    server.script(script)
    with pytest.raises(RequestRejectedError, match="no"):
        support.SupportBot(client, "ada", talks=tmp_path).send("Where is B7?")
    answer = support.SupportBot(client, "ada", talks=tmp_path).send("Hello?")
    assert answer.text == "It is on its way."
    assert [message["role"] for message in server.bodies[2]["messages"]] == [
        *("system", "user", "assistant", "tool", "user")
    ]


def test_on_the_terminal(
    server: ChatServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line is a message; a failure is told, and a hand-over ends the talk."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setattr("sys.stdin", io.StringIO("Hello?\n\nAre you there?\nA person!\nHey!\n"))
    script = [error(400, message="no"), ok("Yes."), calling("hand_over", '{"reason": "asks"}')]
    server.script([*script, ok("Goodbye.")])
    assert support.main(["ada", "--talks", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert told.out == "Yes.\nGoodbye.\n"
    assert "[no answer: " in told.err
    assert "[a person takes over: asks]" in told.err


def test_offline_it_quotes_the_help_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a key it answers with passages, and calls no tool."""
    monkeypatch.setattr("sys.stdin", io.StringIO("Can I send rope back?\n"))
    assert support.main(["ada", "--offline", "--talks", str(tmp_path)]) == 0
    assert "cut to measure cannot be sent back" in capsys.readouterr().out


def test_without_a_key_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing is told in a line."""
    assert support.main(["ada"]) == 1
    assert "set OPENAI_API_KEY" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../ada", "a/b", ""])
def test_a_name_stays_in_the_folder(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose name leads elsewhere reads and writes no file there."""
    talks = str(tmp_path / "talks")
    assert support.main([name, "--offline", "--talks", talks]) == 1
    assert "a customer has a name of letters" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
