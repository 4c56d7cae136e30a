"""What all verbs have in common: options, plans with bounds, digests."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minikit
from minikit import ArgumentError, Client, Document, Model, Price, SourceError, Usage, VerbPlan
from minikit.jobs.plan import Level
from minikit.jobs.verb import CheckedOptions, Setting, digest_of, exact_level, naming, planned
from minikit.models.prices import cost_usd
from strategies import texts

if TYPE_CHECKING:
    from pathlib import Path

    from minikit.jobs.result import Progress

MODEL = Model.resolve("gpt-4o-mini")
UNPRICED = Model(id="own", context_window=1_000, max_output_tokens=100)
SETTING = Setting(max_concurrency=4, requests_per_minute=60, tokens_per_minute=1_000)
TEXT = "The heron flew over the mill. The otter swam."


async def late(_progress: Progress) -> None:
    """Hear of a call, as no verb can tell it."""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"budget_usd": "-1"}, "budget_usd='-1' is no amount of US dollars"),
        ({"budget_usd": []}, "budget_usd is US dollars as a str"),
        ({"on_event": "print"}, "on_event is a function, not str"),
        ({"on_event": late}, "on_event is a plain function, not an async one"),
    ],
)
def test_options_are_checked(options: dict[str, Any], told: str) -> None:
    """What cannot be used is refused with its value, and what may stand in its place."""
    with pytest.raises(ArgumentError, match=told):
        CheckedOptions(**options)


def test_options_as_they_are_read() -> None:
    """An amount is exact, and none is no limit."""
    assert CheckedOptions(budget_usd="0.50").limit_usd == Decimal("0.50")
    assert CheckedOptions().limit_usd is None
    assert CheckedOptions(on_event=print).on_event is print


ARGUMENTS: dict[str, tuple[object, ...]] = {
    "summarize": (TEXT,),
    "ask": (TEXT, "Which bird?"),
    "extract": (TEXT, list[Price]),
    "translate": (TEXT, "German"),
    "complete_many": ([{"bird": "heron"}], "Tell of the {bird}."),
    "chat": (),
    "describe": (b"",),
    "compare": (TEXT, ["gpt-4o-mini"]),
    "needle": (TEXT,),
}


@pytest.mark.parametrize("verb", ARGUMENTS)
def test_an_unknown_option_is_told_with_its_verb(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who mistypes an option reads the name that was called, not that of a class within."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")  # which the module functions look for
    told = rf"^{verb}\(\) got an unexpected keyword argument 'temprature'$"
    with Client(api_key="k") as client:
        for called in (getattr(minikit, verb), getattr(client, verb)):
            with pytest.raises(TypeError, match=told):
                list(called(*ARGUMENTS[verb], temprature=1))  # rows are read as they are asked for


def test_an_unknown_option_is_told_wherever_it_is_given() -> None:
    """Plans, corpora, streams and single calls name what was called, too."""
    options: dict[str, Any] = {"temprature": 1}
    with Client(api_key="k") as client:
        with pytest.raises(TypeError, match=r"^plan\(source, verb='ask', \.\.\.\) got an"):
            client.plan(TEXT, verb="ask", question="Which bird?", **options)
        with pytest.raises(TypeError, match=r"^plan\(\) got an unexpected"):
            client.plan(TEXT, model=["gpt-4o-mini"], **options)
        with pytest.raises(TypeError, match=r"^run_many\(documents, verb='translate', "):
            list(client.run_many([TEXT], verb="translate", language="German", **options))
        with pytest.raises(TypeError, match=r"^complete\(\) got an unexpected"):
            client.complete(TEXT, **options)


def test_another_type_error_stays_what_it_is() -> None:
    """Only what names the verb is told in the name of the function that was called."""
    with pytest.raises(TypeError, match=r"^translate\(\) takes texts$"), naming("many()", "ask"):
        raise TypeError("translate() takes texts")


@settings(max_examples=50)
@given(
    prompts=st.lists(st.integers(1, 50_000), max_size=20),
    written=st.lists(st.integers(1, 100), min_size=20, max_size=20),
    cached=st.lists(st.floats(0, 1), min_size=20, max_size=20),
)
def test_what_is_paid_lies_in_the_bounds(
    prompts: list[int], written: list[int], cached: list[float]
) -> None:
    """However much is cached and however long replies are, the cost lies within the plan."""
    plan = planned("ask", MODEL, [exact_level("map", prompts, 100)], SETTING)
    paid = Decimal(0)
    for tokens, output, share in zip(prompts, written, cached, strict=False):
        usage = Usage(input_tokens=tokens, cached_tokens=int(share * tokens), output_tokens=output)
        paid += cost_usd(MODEL, usage) or 0
    assert plan.cost_usd_at_least is not None
    assert plan.cost_usd_at_most is not None
    assert plan.cost_usd_at_least <= paid <= plan.cost_usd_at_most
    assert plan.calls_at_least == plan.calls_at_most == len(prompts)


def test_a_plan_of_several_levels() -> None:
    """Levels add up; what a client allows is told; and a plan is saved and loaded."""
    merge = Level(
        operation="merge",
        calls_at_least=0,
        calls_at_most=2,
        input_tokens_at_least=0,
        input_tokens_at_most=400,
        output_tokens_at_most=100,
    )
    levels = [exact_level("map", [10, 20], 50), merge]
    plan = planned("ask", MODEL, levels, SETTING, document_characters=9, document_tokens=3)
    assert (plan.calls_at_least, plan.calls_at_most) == (2, 4)
    assert (plan.document_characters, plan.document_tokens) == (9, 3)
    assert (plan.max_concurrency, plan.requests_per_minute, plan.tokens_per_minute) == (
        4,
        60,
        1_000,
    )
    assert VerbPlan.from_json(plan.to_json()) == plan


def test_a_price_that_is_not_known() -> None:
    """A model without a price has a plan without a cost, and a model that is free costs 0."""
    level = exact_level("map", [10], 10)
    plan = planned("ask", UNPRICED, [level], SETTING)
    assert (plan.cost_usd_at_least, plan.cost_usd_at_most) == (None, None)
    free = Model(
        id="free",
        context_window=1_000,
        max_output_tokens=100,
        price=Price(input_usd_per_mtok=0, output_usd_per_mtok=0),
    )
    assert planned("ask", free, [level], SETTING).cost_usd_at_most == 0


@settings(max_examples=30)
@given(first=texts(10), second=texts(10))
def test_a_digest_tells_jobs_apart(first: str, second: str) -> None:
    """Equal jobs have one digest; another text, order, option, model or verb is another job."""
    one, two = Document(text=first), Document(text=second)
    digest = digest_of("ask", MODEL, [one, two], "When?")
    assert digest == digest_of("ask", MODEL, [Document(text=first), two], "When?")
    assert digest != digest_of("ask", MODEL, [one, two], "Where?")
    assert digest != digest_of("ask", UNPRICED, [one, two], "When?")
    assert digest != digest_of("extract", MODEL, [one, two], "When?")
    assert digest != digest_of("ask", MODEL, [one], "When?")
    assert (digest == digest_of("ask", MODEL, [two, one], "When?")) == (first == second)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"verb": "chat"}, "verb is .* not 'chat'"),
        ({"verb": "ask"}, "takes the arguments of ask.. by name: missing .*'question'"),
        ({"verb": "translate", "question": "?"}, "arguments of translate.. by name: .*'language'"),
        ({"verb": "compare", "models": ["offline"], "model": "offline"}, "models=\\[...\\]"),
    ],
)
def test_a_plan_that_cannot_be_made(options: dict[str, Any], told: str) -> None:
    """What a verb cannot be planned without is named."""
    with Client() as client, pytest.raises(ArgumentError, match=told):
        client.plan(TEXT, **options)


def test_a_summary_is_planned_by_its_name_or_without() -> None:
    """The plan of a summary is the same, whether it is named or not."""
    with Client() as client:
        assert client.plan(TEXT, verb="summarize", length=20) == client.plan(TEXT, length=20)


@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-4o-mini"])
@pytest.mark.parametrize("calls", [1, 3])
def test_long_prompts_at_their_price(model: str, calls: int) -> None:
    """A call whose prompt reaches a higher price costs no more than its plan says."""
    resolved, tokens = Model.resolve(model), 90_000 if model == "gpt-4o-mini" else 600_000
    plan = planned("ask", resolved, [exact_level("single", [tokens] * calls, 500)], SETTING)
    one = cost_usd(resolved, Usage(input_tokens=tokens, output_tokens=500))
    least = cost_usd(resolved, Usage(input_tokens=tokens, cached_tokens=tokens, output_tokens=1))
    assert one is not None
    assert least is not None
    assert plan.cost_usd_at_most == calls * one
    assert plan.cost_usd_at_least is not None
    assert plan.cost_usd_at_least <= calls * least


def test_a_level_that_may_have_no_call() -> None:
    """A level without calls costs nothing."""
    none = exact_level("answer", [], 500)
    assert planned("ask", MODEL, [none], SETTING).cost_usd_at_most == 0


@pytest.mark.parametrize(
    ("verb", "rest", "told"),
    [
        ("summarize", (), "nothing to summarize"),
        ("compare", (["gpt-4o-mini"],), "nothing to compare models on"),
        ("needle", (), "nothing to hide facts in"),
    ],
)
def test_an_empty_source_is_told_with_its_purpose(
    verb: str, rest: tuple[object, ...], told: str
) -> None:
    """Each verb says what it would have done with the source."""
    with Client(api_key="k") as client, pytest.raises(SourceError, match=f"empty; there is {told}"):
        getattr(client, verb)("", *rest)


def test_a_file_of_no_rows_is_told(tmp_path: Path) -> None:
    """How the rows of a file are written is told by its name."""
    with Client(api_key="k") as client, pytest.raises(ArgumentError, match="is no file of rows"):
        list(client.complete_many(tmp_path / "people.txt", "Write to {name}."))
