"""Needles: what is planted, what is asked, and that the map shows what the model misses."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args

import pytest

from minikit import (
    ArgumentError,
    AsyncClient,
    AuthenticationError,
    BudgetExceededError,
    Client,
    Document,
    JobError,
    JournalError,
    Model,
    Price,
    Progress,
    RefusalError,
    Retry,
    SourceError,
)
from minikit.jobs.measuring.needles import NeedleReport, NeedleStrategy
from minikit.text.fence import outside, unfence
from minikit.tokens.counting import count_text
from server import ChatServer, error, ok

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from server import Reply

FAST = Retry(attempts=1)
MODEL = Model(
    id="reader",
    context_window=40_000,
    max_output_tokens=2_000,
    supports=frozenset({"json_schema", "sampling", "streaming"}),
    price=Price(input_usd_per_mtok=1, output_usd_per_mtok=2),
)
TOWN = re.compile(r"[A-Z][a-z]{5,}(?:by|dale|ford|ham|mere|moor|stow|wick)\b")
SMALL: dict[str, Any] = {"lengths": [1_000], "depths": [0, 0.5, 1], "needles": 2}


def place_of(body: dict[str, Any]) -> tuple[str, str, float]:
    """Return the text of a question, the sentence that answers it, and where that stands."""
    prompt = body["messages"][-1]["content"]
    (text,), question = unfence(prompt), outside(prompt)
    town = TOWN.search(question)[0]  # type: ignore[index] # each question names one
    sentence = next(each for each in re.split(r"(?<=\.)\s", text) if town in each)
    return text, sentence, text.index(sentence) / len(text)


def misses_the_middle(body: dict[str, Any]) -> Reply:
    """Answer, but not what stands in the middle of a text of more than 10,000 characters."""
    text, sentence, depth = place_of(body)
    if len(text) > 10_000 and 0.2 < depth < 0.8:
        return ok("The document does not say.")
    return ok(sentence)


def knows_all(body: dict[str, Any]) -> Reply:
    """Answer every question."""
    return ok(place_of(body)[1])


def sometimes(failure: Reply, which: Callable[[float], bool]) -> Callable[[dict[str, Any]], Reply]:
    """Answer, but with a failure where a needle lies at `which` depths."""

    def answer(body: dict[str, Any]) -> Reply:
        _, sentence, depth = place_of(body)
        return failure if which(depth) else ok(sentence)

    return answer


def measured(server: ChatServer, source: Any = None, **options: Any) -> NeedleReport:  # noqa: ANN401 - any source
    """Measure the model behind the server."""
    with Client(model=MODEL, api_key="k", base_url=server.base_url, retry=FAST) as client:
        return client.needle(source, **options)


def test_the_map_shows_the_missed_middle(server: ChatServer) -> None:
    """A model that misses the middle of long texts has a map with just that hole."""
    server.handler = misses_the_middle
    report = measured(server, lengths=[4_000, 1_000], needles=2)
    rates = {(each.length, each.depth): each.rate for each in report.cells}
    assert rates == {
        (length, depth): 0 if length == 4_000 and depth in (0.25, 0.5, 0.75) else 1
        for length in (1_000, 4_000)
        for depth in (0, 0.25, 0.5, 0.75, 1)
    }
    assert (report.found, report.asked, report.failed) == (14, 20, 0)
    assert str(report) == (
        "reader: 14 of 20 found, 70% (95% interval: 48% to 85%)\n\n"
        "single: 14 of 20 found, 70% (95% interval: 48% to 85%)\n"
        "depth   1,000   4,000\n"
        "start  2/2 ██  2/2 ██\n"
        "25%    2/2 ██  0/2 ··\n"
        "50%    2/2 ██  0/2 ··\n"
        "75%    2/2 ██  0/2 ··\n"
        "end    2/2 ██  2/2 ██"
    )
    probe = report.cell("single", 4_000, 0.5).probes[0]
    assert (probe.reply, probe.found, probe.error) == ("The document does not say.", False, None)
    assert abs(probe.position - 0.5) < 0.02
    assert probe.answer in probe.fact
    with pytest.raises(LookupError, match="no cell for 'single', 7 tokens"):
        report.cell("single", 7, 0.5)


def test_texts_have_their_length_and_their_needles(server: ChatServer) -> None:
    """Each text is as long as asked for; a user's own is repeated, and stands in a fence."""
    server.handler = knows_all
    source = Document(text="One day a fox came by. It saw a hen. " * 9, title="Fables")
    report = measured(server, source, **SMALL)
    assert (report.title, report.found) == ("Fables", 6)
    texts = {unfence(body["messages"][-1]["content"])[0] for body in server.bodies}
    assert len(texts) == 2
    for text in texts:
        assert 980 <= count_text(text, MODEL.encoding) <= 1_000
        assert sum(probe.fact in text for cell in report.cells for probe in cell.probes) == 3
    assert [each.depth for each in report.cells] == [0, 0.5, 1]
    assert report.usage.input_tokens > 6_000
    assert len(report.calls) == 6


def test_the_same_seed_is_the_same_test(server: ChatServer) -> None:
    """A test can be made again, and another seed makes another one."""
    server.handler = knows_all
    first, again, other = (measured(server, **SMALL, seed=seed) for seed in (3, 3, 4))
    assert first.cells == again.cells
    assert first.cells != other.cells


def test_every_strategy_offline() -> None:
    """Passages that match a question hold its answer; sentences that tell most seldom do."""
    with Client(model="offline") as client:
        report = client.needle(**SMALL, strategies=["single", "ask", "thorough", "summarize"])
    assert report.counts("ask") == (6, 6)
    assert report.interval("ask")[0] < report.interval("ask")[1] == 1
    assert report.counts("single")[0] < 6
    assert report.strategies == get_args(NeedleStrategy)
    assert len(report.cells) == 4 * 3
    assert report.cost_usd == 0


def test_strategies_are_asked_through_their_verbs(server: ChatServer) -> None:
    """A summary is asked for with the question as its focus; its calls are on the bill."""
    server.handler = lambda body: ok("A short summary, of no use.")
    heard = list[Progress]()
    report = measured(server, **SMALL, strategies=["summarize"], on_event=heard.append)
    assert "How many" in server.requests[0].prompt or "?" in server.requests[0].prompt
    assert report.found == 0
    assert len(report.calls) == len(server.requests) == 6
    assert report.cost_usd == sum(call.cost_usd or 0 for call in report.calls)
    assert [each.calls_done for each in heard] == list(range(1, 7))
    assert {each.calls_at_most for each in heard} == {6}


def test_failures_count_neither_way(server: ChatServer) -> None:
    """Calls that fail are told apart from answers that are wrong."""
    server.handler = sometimes(error(400, message="too deep"), lambda depth: depth > 0.9)
    report = measured(server, **SMALL)
    assert (report.found, report.asked, report.failed) == (4, 4, 2)
    end = report.cell("single", 1_000, 1)
    assert (end.rate, end.failed) == (None, 2)
    assert "too deep" in (end.probes[0].error or "")
    assert "2 questions failed and count neither way" in str(report)
    assert str(report).endswith("end         -")


def test_refusals_are_failures(server: ChatServer) -> None:
    """A refused question fails alone; where all are refused, that is the error."""
    refusal = ok(None, finish_reason="content_filter")
    server.handler = sometimes(refusal, lambda depth: depth < 0.1)
    assert measured(server, **SMALL).failed == 2
    server.handler = lambda _body: refusal
    with pytest.raises(RefusalError, match="refused"):
        measured(server, **SMALL)


def test_a_strategy_that_fails(server: ChatServer) -> None:
    """Where the calls of another verb fail, so do its questions, and the rest goes on."""

    def answer(body: dict[str, Any]) -> Reply:
        return (
            error(400) if "summar" in body["messages"][-1]["content"].lower() else knows_all(body)
        )

    server.handler = answer
    report = measured(server, **SMALL, strategies=["single", "summarize"])
    assert (report.failed, report.counts("single"), report.counts("summarize")) == (
        6,
        (6, 6),
        (0, 0),
    )
    assert report.interval("summarize") == (0, 1)
    assert "summarize: nothing was answered" in str(report)


def test_a_job_that_fails_half_way(server: ChatServer) -> None:
    """A summary of many parts of which one fails is a question that failed."""

    def answer(body: dict[str, Any]) -> Reply:
        return error(400) if "part 2 of" in body["messages"][-1]["content"] else ok("Nothing.")

    server.handler = answer
    narrow = replace(MODEL, context_window=2_000, max_output_tokens=400)
    report = measured(
        server,
        model=narrow,
        lengths=[1_000, 4_000],
        depths=[0],
        needles=1,
        strategies=["summarize"],
    )
    assert (report.asked, report.failed) == (1, 1)
    assert len(report.calls) > 2


def test_a_server_that_is_down_is_left_alone(server: ChatServer) -> None:
    """After some failures in a row the test stops, and the error has what was measured."""
    server.handler = knows_all
    answered = 0

    def dies(body: dict[str, Any]) -> Reply:
        nonlocal answered
        answered += 1
        return knows_all(body) if answered <= 3 else error(400, message="gone")

    server.handler = dies
    with (
        Client(
            model=MODEL, api_key="k", base_url=server.base_url, retry=FAST, max_concurrency=1
        ) as client,
        pytest.raises(JobError, match=r"3 of 15 questions were answered, and are kept") as caught,
    ):
        client.needle(lengths=[1_000])
    assert len(server.requests) == 7
    kept = caught.value.result
    assert isinstance(kept, NeedleReport)
    assert (kept.found, kept.failed) == (3, 4)
    assert len(kept.cells) == 5
    assert len(caught.value.errors) == 4
    assert caught.value.cost_usd == kept.cost_usd


def test_where_nothing_is_answered_it_is_an_error(server: ChatServer) -> None:
    """The first error is raised where no question was answered."""
    server.handler = lambda _body: error(401, message="bad key")
    with pytest.raises(AuthenticationError, match="bad key"):
        measured(server, **SMALL)


def test_a_journal_that_breaks(server: ChatServer, tmp_path: Path) -> None:
    """A journal that cannot be used is told as such."""
    server.handler = knows_all
    (tmp_path / "j.sqlite").write_text("no journal at all" * 100)
    with (
        Client(
            model=MODEL, api_key="k", base_url=server.base_url, journal=tmp_path / "j.sqlite"
        ) as client,
        pytest.raises(JournalError, match="journal"),
    ):
        client.needle(**SMALL)


def test_the_budget_bounds_the_test(server: ChatServer) -> None:
    """What is spent stays below the budget, and the error has what was measured until then."""
    server.handler = knows_all
    with pytest.raises(BudgetExceededError, match=r"costs .* at least"):
        measured(server, **SMALL, budget_usd="0.000001")
    assert not server.requests
    with pytest.raises(BudgetExceededError, match="was not sent") as caught:
        measured(server, needles=2, lengths=[1_000], budget_usd="0.011")
    kept = caught.value.result
    assert isinstance(kept, NeedleReport)
    assert kept.cost_usd is not None
    assert 0 < kept.cost_usd < Decimal("0.011")
    assert kept.calls == caught.value.calls
    assert measured(server, **SMALL, strategies=["summarize"], budget_usd="0.02").asked == 6


def test_the_plan_bounds_the_cost(server: ChatServer) -> None:
    """The plan has a row for each strategy and length, and the run costs no more."""
    server.handler = knows_all
    options: dict[str, Any] = {**SMALL, "strategies": ["single", "summarize"]}
    with Client(model=MODEL, api_key="k", base_url=server.base_url, retry=FAST) as client:
        plan = client.plan(None, verb="needle", **options)
        assert not server.requests
        report = client.needle(**options)
    assert [line.split("  ")[0] for line in str(plan).splitlines()[1:3]] == [
        "single, 1,000 tokens",
        "summarize, 1,000 tokens",
    ]
    assert plan.calls_at_most == len(report.calls) == 12
    assert plan.cost_usd_at_least is not None
    assert plan.cost_usd_at_most is not None
    assert report.cost_usd is not None
    assert plan.cost_usd_at_least <= report.cost_usd <= plan.cost_usd_at_most


def leave(_progress: Progress) -> None:
    """Leave the program."""
    raise SystemExit(5)


@pytest.mark.anyio
@pytest.mark.parametrize("strategy", ["single", "summarize"])
async def test_leaving_from_a_listener(server: ChatServer, strategy: NeedleStrategy) -> None:
    """A SystemExit in a listener ends the test, and no more."""
    server.handler = knows_all
    async with AsyncClient(
        model=MODEL, api_key="k", base_url=server.base_url, retry=FAST
    ) as client:
        with pytest.raises(SystemExit, match="5"):
            await client.needle(**SMALL, strategies=[strategy], on_event=leave)


def test_json_and_pictures(server: ChatServer, tmp_path: Path) -> None:
    """A report goes to JSON and back without loss, and to a picture and a page."""
    server.handler = misses_the_middle
    report = measured(server, **SMALL)
    assert NeedleReport.from_json(report.to_json()) == report
    report.to_svg(tmp_path / "map.svg")
    report.to_html(tmp_path / "map.html")
    svg = (tmp_path / "map.svg").read_text("utf-8")
    assert svg.startswith("<svg ")
    assert report._repr_html_() == svg
    assert svg in (tmp_path / "map.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("window", "lengths"),
    [(200_000, (8_000, 32_000, 100_000)), (16_385, (8_000,)), (4_000, (3_400,))],
)
def test_default_lengths_fit_the_window(window: int, lengths: tuple[int, ...]) -> None:
    """By default texts are as long as one prompt can have."""
    model = Model(id="m", context_window=window, max_output_tokens=1_000, provider="custom")
    with Client(model=model, api_key="k") as client:
        plan = client.plan(None, verb="needle", needles=1, depths=[0.5])
    assert [line.split()[1] for line in str(plan).splitlines()[1 : 1 + len(lengths)]] == [
        f"{length:,}" for length in lengths
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"lengths": [100_000]},
            "a text of 100000 tokens does not fit into one prompt of 'reader'",
        ),
        ({"lengths": [39_950], "needles": 1}, "a text of 39950 tokens does not fit"),
        ({"lengths": [100]}, "5 needles take"),
        ({"lengths": []}, r"lengths is a list with something in it, not \[\]"),
        ({"lengths": 8_000}, "lengths is a list with something in it, not 8000"),
        ({"lengths": [0]}, "a length in tokens=0 is out of range"),
        ({"depths": [50]}, "a depth=50 is out of range: 0 to 1"),
        ({"depths": [0, 0.0]}, "names one twice"),
        ({"strategies": "single"}, "strategies is a list"),
        ({"strategies": ["guess"]}, 'a strategy is "single" or "ask"'),
        ({"needles": 0}, "needles=0 is out of range"),
        ({"seed": "x"}, "seed is a whole number"),
        ({"on_event": 3}, "on_event is a function"),
    ],
)
def test_bad_arguments_are_refused(
    server: ChatServer, options: dict[str, Any], message: str
) -> None:
    """What cannot be measured is refused before anything is sent."""
    with pytest.raises(ArgumentError, match=message):
        measured(server, **options)
    with pytest.raises(SourceError, match="empty"):
        measured(server, "")
    assert not server.requests


def test_reasoning_models_have_room_to_think() -> None:
    """A model that reasons gets output tokens for that on top."""
    with Client(api_key="k") as client:
        plans = [
            client.plan(None, verb="needle", model=model, needles=1, lengths=[1_000])
            for model in ("gpt-4o-mini", "gpt-5.4-mini")
        ]
    tokens = [plan.levels[0].output_tokens_at_most for plan in plans]
    assert tokens == [5 * 100, 5 * 8_100]
