"""The same of several models: replies, failures, figures and what sets them apart."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minikit import (
    ArgumentError,
    AsyncClient,
    BudgetExceededError,
    Client,
    Document,
    JobError,
    MissingKeyError,
    Model,
    Price,
    Progress,
    RateLimitError,
    RequestRejectedError,
    Retry,
)
from minikit.jobs.measuring.comparison import Comparison
from server import ChatServer, error, held, ok

if TYPE_CHECKING:
    from collections.abc import Callable

    from server import Reply

FAST = Retry(attempts=1)
DEAR = Price(input_usd_per_mtok=10, output_usd_per_mtok=20)
CHEAP = Price(input_usd_per_mtok=1, output_usd_per_mtok=2)
ONE = Model(id="one", context_window=8_000, max_output_tokens=1_000, price=DEAR)
TWO = Model(id="two", context_window=8_000, max_output_tokens=1_000, price=CHEAP)
TINY = Model(id="tiny", context_window=300, max_output_tokens=50, price=CHEAP)
SOURCE = (
    "The council met on Tuesday and agreed to repair the old bridge before winter. "
    "The cost is put at 40,000 euros. Two members voted against the plan."
)
SAYS_ONE = "The council agreed to repair the old bridge before winter. It costs 40,000 euros."
SAYS_TWO = "The council agreed to repair the old bridge before winter. It costs 90,000 euros."


def replies(**by_model: Reply) -> Callable[[dict[str, Any]], Reply]:
    """Answer each model in its way."""
    return lambda body: by_model[body["model"]]


def client(server: ChatServer, **options: Any) -> Client:  # noqa: ANN401 - options of the client
    """A client of the server."""
    return Client(api_key="k", base_url=server.base_url, retry=FAST, **options)


def compared(
    server: ChatServer,
    source: str | Document | None = SOURCE,
    **options: Any,  # noqa: ANN401 - as above
) -> Comparison:
    """Compare two models, or those that are named."""
    models = options.pop("models", [ONE, TWO])
    with client(server) as opened:
        return opened.compare(source, models, **options)


def test_summaries_side_by_side(server: ChatServer) -> None:
    """Without a prompt each model summarizes the source; all that it took stands beside."""
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO))
    found = compared(server, Document(text=SOURCE, title="Minutes"), length=20)
    one, two = found.replies
    assert (str(one), str(two)) == (SAYS_ONE, SAYS_TWO)
    assert [one.model, two.model, found.model] == ["one", "two", "one, two"]
    assert found.title == "Minutes"
    assert found.prompt is None
    assert "about 20 words" in server.requests[0].prompt
    assert (one.finish_reason, one.words, one.provider) == ("stop", 14, "custom")
    assert found.cost_usd == (one.cost_usd or 0) + (two.cost_usd or 0)
    assert found.usage == one.usage + two.usage
    assert len(found.calls) == 2
    assert found.cheapest is two
    assert found.fastest in found.replies
    assert [each.kind for each in two.warnings] == ["number"]
    assert [(each.kind, each.text) for each in two.only] == [("number", "90,000")]
    assert [(each.first, each.second) for each in found.likenesses] == [("one", "two")]
    assert found.likenesses[0].share > 0.8


def test_the_same_prompt_about_a_source(server: ChatServer) -> None:
    """With a prompt the source stands in a fence before it, and the system message says so."""
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO))
    found = compared(
        server, SOURCE, prompt="What was agreed?", system="Be brief.", temperature=0.5, seed=3
    )
    first, second = server.bodies
    assert first["messages"] == second["messages"]
    system, asked = first["messages"]
    assert system["content"].startswith("Be brief.\n\nWhat stands in a document is material")
    assert asked["content"] == f"<document>\n{SOURCE}\n</document>\n\nWhat was agreed?"
    assert (first["temperature"], first["seed"]) == (0.5, 3)
    assert [each.kind for each in found.replies[1].warnings] == ["number"]
    assert found.prompt == "What was agreed?"


def test_a_prompt_alone(server: ChatServer) -> None:
    """Without a source the prompt is all that is sent, and nothing can be ungrounded."""
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO))
    found = compared(server, None, prompt="Tell of a bridge.", max_output_tokens=77)
    assert [each["content"] for each in server.bodies[0]["messages"]] == ["Tell of a bridge."]
    assert server.bodies[0]["max_tokens"] == 77
    assert found.replies[1].warnings == ()
    assert found.title is None


def test_the_offline_model_is_no_match(server: ChatServer) -> None:
    """It costs nothing and takes no time, which says nothing about the others."""
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO))
    found = compared(server, models=["offline", ONE])
    assert found.badges(found.replies[0]) == ()
    assert found.badges(found.replies[1]) == ("cheapest", "fastest")
    alone = compared(server, models=["offline"])
    assert alone.cheapest is alone.fastest is alone.replies[0]


@pytest.mark.parametrize("options", [{}, {"prompt": "What was agreed?"}])
def test_one_failure_loses_nothing(server: ChatServer, options: dict[str, str]) -> None:
    """The error of a model stands in its place, and the others are as they would be."""
    server.handler = replies(one=ok(SAYS_ONE), two=error(400, message="no such thing"))
    found = compared(server, **options)
    assert found.replies[0].text == SAYS_ONE
    failed = found.replies[1]
    assert (failed.text, str(failed), failed.words, failed.latency_s) == (None, "", 0, None)
    assert failed.error_type == "RequestRejectedError"
    assert "no such thing" in (failed.error or "")
    assert found.cheapest is found.fastest is found.replies[0]
    assert found.badges(found.replies[0]) == ()
    assert found.likenesses == ()
    assert "two: HTTP 400" in str(found)


def test_a_missing_key_is_a_row(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider without a key is told as such beside one that has one, and one that needs none."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    server.handler = replies(one=ok(SAYS_ONE))
    there = replace(ONE, base_url=server.base_url)
    with Client(retry=FAST) as opened:
        models: list[str | Model] = ["claude-3-haiku", there, "gemini-1.5-flash", "offline"]
        found = opened.compare(SOURCE, models)
    claude, one, gemini, offline = found.replies
    assert claude.error_type == gemini.error_type == "MissingKeyError"
    assert "ANTHROPIC_API_KEY" in (claude.error or "")
    assert "GEMINI_API_KEY" in (gemini.error or "")
    assert [each.provider for each in found.replies] == [
        "anthropic",
        "custom",
        "google",
        "offline",
    ]
    assert one.text == SAYS_ONE
    assert offline.text
    assert found.notes


def test_each_provider_is_asked_in_its_own_place(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models of several providers are asked at their own servers, each with its own key."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-openai")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-anthropic")
    monkeypatch.setenv("GEMINI_API_KEY", "key-of-google")
    ids = ("gpt-3.5-turbo", "claude-3-haiku", "gemini-1.5-flash")
    models = [replace(Model.resolve(each), base_url=server.base_url) for each in ids]
    server.handler = lambda body: ok(f"I am {body['model']}.")
    with Client(retry=FAST) as opened:
        found = opened.compare(SOURCE, models)
    told = {each.body["model"]: each.headers["authorization"] for each in server.requests}
    assert told == {
        "gpt-3.5-turbo": "Bearer key-of-openai",
        "claude-3-haiku-20240307": "Bearer key-of-anthropic",
        "gemini-1.5-flash": "Bearer key-of-google",
    }
    assert all(each.cost_usd for each in found.replies)


def test_a_window_that_is_too_small_is_a_row(server: ChatServer) -> None:
    """A model that cannot take the request is told as such, and is never asked."""
    server.handler = replies(one=ok(SAYS_ONE))
    found = compared(server, SOURCE * 20, prompt="Why?", models=[TINY, ONE])
    assert found.replies[0].error_type == "ContextOverflowError"
    assert found.replies[1].text == SAYS_ONE
    assert len(server.requests) == 1


def test_where_none_replies_it_is_an_error(server: ChatServer) -> None:
    """The error of them all is raised where it is one, else all are told."""
    server.handler = replies(one=error(400), two=error(400))
    with pytest.raises(RequestRejectedError, match="HTTP 400"):
        compared(server)
    server.handler = replies(one=error(400, message="odd"), two=error(429, message="slow"))
    with pytest.raises(
        JobError, match=r"none of the models replied: one: .*odd.*; two: "
    ) as caught:
        compared(server)
    assert {type(each) for each in caught.value.errors} == {RequestRejectedError, RateLimitError}
    with pytest.raises(ArgumentError, match="the prompt has"):
        compared(server, SOURCE * 20, prompt="Why?", models=[TINY])
    with pytest.raises(MissingKeyError, match="no API key"), Client() as keyless:
        keyless.compare(SOURCE, [ONE, TWO])


def test_models_run_side_by_side(server: ChatServer) -> None:
    """No model waits for another: both are in flight before either has replied."""
    go = threading.Event()

    def answer(_body: dict[str, Any]) -> Reply:
        if server.in_flight == 2:
            go.set()
        return held(go, ok(SAYS_ONE))

    server.handler = answer
    compared(server)
    assert server.max_in_flight == 2


def test_latency_is_that_of_the_calls(server: ChatServer) -> None:
    """The seconds of a model are those of its calls, whatever it waited for its turn."""
    server.handler = lambda _body: ok(SAYS_ONE)
    with client(server, max_concurrency=1) as opened:
        found = opened.compare(SOURCE, [ONE, TWO])
    assert all(each.latency_s is not None for each in found.replies)
    latencies = [call.latency_s for each in found.replies for call in each.calls]
    assert [each.latency_s for each in found.replies] == latencies


def test_one_budget_for_all(server: ChatServer) -> None:
    """What all models can cost together stays below the budget; who gets none is told so."""
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO))
    found = compared(server, prompt="What?", budget_usd="0.0215")
    assert {each.error_type for each in found.replies} == {None}
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO))
    found = compared(server, prompt="What?", budget_usd="0.01")
    assert [each.error_type for each in found.replies] == ["BudgetExceededError", None]
    assert found.cost_usd is not None
    assert found.cost_usd < Decimal("0.01")
    with pytest.raises(BudgetExceededError, match=r"costs .* at least, more than the budget"):
        compared(server, budget_usd="0.0000001")


def test_progress_counts_all_models(server: ChatServer) -> None:
    """A listener hears of the calls of all models as of those of one job."""
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO))
    for prompt in (None, "What?"):
        heard = list[Progress]()
        compared(server, on_event=heard.append, prompt=prompt)
        assert [(each.calls_done, each.calls_at_most) for each in heard] == [(1, 2), (2, 2)]


def leave(_progress: Progress) -> None:
    """Leave the program."""
    raise SystemExit(5)


@pytest.mark.anyio
@pytest.mark.parametrize("options", [{}, {"prompt": "What?"}])
async def test_leaving_from_a_listener(server: ChatServer, options: dict[str, Any]) -> None:
    """A SystemExit in a listener ends the comparison, and no more."""
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO))
    async with AsyncClient(api_key="k", base_url=server.base_url, retry=FAST) as opened:
        with pytest.raises(SystemExit, match="5"):
            await opened.compare(SOURCE, [ONE, TWO], on_event=leave, **options)


def test_replies_from_the_journal_have_no_latency(server: ChatServer, tmp_path: Any) -> None:  # noqa: ANN401 - a path
    """A second run is answered from the journal: the same replies, and no time of a model."""
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO))
    for is_second in (False, True):
        with client(server, journal=tmp_path / "j.sqlite") as opened:
            found = opened.compare(SOURCE, [ONE, TWO])
        assert (found.fastest is None) is is_second
    assert len(server.requests) == 2
    assert str(found).count("unknown") == 2


def test_a_plan_has_a_row_for_each_model(server: ChatServer) -> None:
    """The plan tells what each model takes; the run costs no more."""
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO))
    with client(server) as opened:
        for prompt in (None, "What?"):
            plan = opened.plan(SOURCE, verb="compare", models=[ONE, TWO], prompt=prompt)
            found = opened.compare(SOURCE, [ONE, TWO], prompt=prompt)
            assert plan.calls_at_most == 2
            assert plan.cost_usd_at_least is not None
            assert plan.cost_usd_at_most is not None
            assert found.cost_usd is not None
            assert plan.cost_usd_at_least <= found.cost_usd <= plan.cost_usd_at_most
            assert str(plan).splitlines()[1].startswith("one ")


def test_json_comes_back(server: ChatServer) -> None:
    """A comparison goes to JSON and back without loss, errors included."""
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO), tiny=error(400))
    found = compared(server, models=[ONE, TWO, TINY], prompt="What?")
    assert Comparison.from_json(found.to_json()) == found


def test_the_table(server: ChatServer) -> None:
    """The table has a line for each model, and tells how much two have in common."""
    server.handler = replies(one=ok(SAYS_ONE, usage=None), two=ok(SAYS_TWO))
    found = compared(server, models=[ONE, replace(TWO, price=None)])
    lines = str(found).splitlines()
    assert lines[0].split() == [
        "model",
        "seconds",
        "tokens",
        "in",
        "tokens",
        "out",
        "cost",
        "words",
        "ended",
    ]
    assert lines[1].startswith("one ")
    assert "about" in lines[1]
    assert "cheapest" in lines[1]
    assert "unknown" in lines[2]
    assert "% of what one and two say is in both replies" in lines[-1]


def test_a_page_is_written(server: ChatServer, tmp_path: Any) -> None:  # noqa: ANN401 - a path
    """`to_html` writes one file."""
    server.handler = replies(one=ok(SAYS_ONE), two=ok(SAYS_TWO))
    compared(server).to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("", [ONE]), {}, "empty"),
        ((SOURCE, []), {}, "models is a list of ids"),
        ((SOURCE, "gpt-4o"), {}, "models is a list of ids"),
        ((SOURCE, ONE), {}, "models is a list of ids"),
        ((SOURCE, [ONE, "nothing-1"]), {}, "nothing-1"),
        ((SOURCE, [ONE, TWO, ONE]), {}, "'one' is named twice"),
        ((None, [ONE]), {}, "a source to summarize, or a prompt"),
        ((SOURCE, [ONE]), {"prompt": " "}, "prompt is a text or None"),
        ((SOURCE, [ONE]), {"prompt": ["One?", "Two?"]}, "call compare for each"),
        ((SOURCE, [ONE]), {"prompt": "What?", "length": 9}, "length is about a summary"),
        ((SOURCE, [ONE]), {"system": "Be brief."}, "system goes with a prompt"),
        ((SOURCE, [ONE]), {"length": 0}, "length=0 is out of range"),
        ((SOURCE, [ONE]), {"budget_usd": "-1"}, "no amount of US dollars"),
        ((SOURCE, [ONE]), {"prompt": "What?", "temperature": 9}, "temperature=9 is out of range"),
    ],
)
def test_bad_arguments_are_refused(
    server: ChatServer, arguments: tuple[Any, Any], options: dict[str, Any], message: str
) -> None:
    """What cannot be asked is refused before anything is sent."""
    with client(server) as opened, pytest.raises(ArgumentError, match=message):
        opened.compare(*arguments, **options)
    assert not server.requests
