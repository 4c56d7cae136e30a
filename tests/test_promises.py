"""What every verb promises, whatever it does: plans that hold, and money that is accounted for."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from batches import BatchServer
from minikit import (
    Batch,
    BudgetExceededError,
    Client,
    ImageRule,
    JobError,
    Model,
    Price,
    Progress,
    RowsProgress,
    Usage,
    VerbPlan,
    count_tokens,
)
from minikit.models.money import total_usd
from minikit.models.prices import cost_usd
from minikit.text.fence import fenced
from pictures import png
from server import Body, ChatServer, Reply, cut_to, ok, output_limit
from translating import parts, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODEL = Model(
    id="small",
    context_window=6_000,
    max_output_tokens=700,
    supports=frozenset({"json_schema", "sampling", "streaming", "vision"}),
    price=Price(input_usd_per_mtok=3, cached_usd_per_mtok=1, output_usd_per_mtok=5),
    image_rule=ImageRule(kind="patch", multiplier=Decimal(1), patch_budget=1_536),
)
OTHER = Model(
    id="other",
    context_window=6_000,
    max_output_tokens=400,
    supports=frozenset({"sampling"}),
    price=Price(input_usd_per_mtok=1, output_usd_per_mtok=2),
)
PRICED = tuple(
    replace(
        Model.resolve(name),
        context_window=6_000,
        max_output_tokens=700,
        shutdown_date=None,
        image_rule=MODEL.image_rule,
    )
    for name in ("gpt-4o-mini", "gpt-4o")
)
"""Models whose price in batches is known."""

MODELS = {model.id: model for model in (MODEL, OTHER, *PRICED)}
"""Small windows, so that little text takes many calls."""


class Person(BaseModel):
    """Someone who is told of."""

    name: str
    town: str | None


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much a verb is given, and how much it is told.

    Attributes:
        amount: Sentences of the source, rows, messages or images, more or less.
        chunk_tokens: Tokens of source in a call.
        share: How much of the room for a reply is filled, from 0 to 1.
    """

    amount: int
    chunk_tokens: int
    share: float

    @property
    def text(self) -> str:
        """A source of this length."""
        return "".join(
            f"In {1000 + number} Anna{number} of Bern saw a heron by the mill of the {number}th "
            "village." + ("\n\n" if number % 5 == 4 else " ")
            for number in range(8 * self.amount)
        )


@dataclass(frozen=True, kw_only=True)
class Case:
    """How a verb is asked for something.

    Attributes:
        verb: Its name.
        arguments: What it takes but for the first, by name.
        source: Its first argument.
        concurrency: What it is given where calls shall be in flight together.
    """

    verb: str
    source: Callable[[Size], Any]
    arguments: Callable[[Size], dict[str, Any]] = field(default=lambda _size: {})

    def plan(self, client: Client, size: Size, **more: Any) -> VerbPlan:  # noqa: ANN401 - as below
        """Plan it."""
        options = {**self.arguments(size), **more}
        if self.verb != "compare":
            options.setdefault("model", MODEL)
        return client.plan(self.source(size), verb=self.verb, **options)  # type: ignore[call-overload,no-any-return] # a name of a verb

    def run(self, client: Client, size: Size, **more: Any) -> Any:  # noqa: ANN401 - a result of any verb
        """Do it; what comes has the fields of a bill."""
        options = {**self.arguments(size), **more}
        if self.verb != "compare":
            options.setdefault("model", MODEL)
        found = getattr(client, self.verb)(self.source(size), **options)
        if self.verb != "complete_many":
            return found
        with found as outcomes:
            for outcome in outcomes:
                if outcome.error is not None:
                    raise outcome.error
        return found


def source(size: Size) -> str:
    """A text of so many sentences."""
    return size.text


def chunks(size: Size) -> dict[str, Any]:
    """Ask for chunks of a size."""
    return {"chunk_tokens": size.chunk_tokens}


CASES = {
    "summarize": Case(verb="summarize", source=source, arguments=chunks),
    "summarize with quotes": Case(
        verb="summarize", source=source, arguments=lambda size: {**chunks(size), "cite": True}
    ),
    "summarize by refining": Case(
        verb="summarize",
        source=source,
        arguments=lambda size: {**chunks(size), "strategy": "refine"},
    ),
    "ask": Case(
        verb="ask",
        source=source,
        arguments=lambda size: {**chunks(size), "question": "Who saw a heron in 1003?"},
    ),
    "ask thoroughly": Case(
        verb="ask",
        source=source,
        arguments=lambda size: {
            **chunks(size),
            "question": "Who saw a heron in 1003?",
            "thorough": True,
        },
    ),
    "extract": Case(
        verb="extract",
        source=source,
        arguments=lambda size: {**chunks(size), "schema": list[Person]},
    ),
    "translate": Case(
        verb="translate",
        source=source,
        arguments=lambda size: {**chunks(size), "language": "German"},
    ),
    "complete_many": Case(
        verb="complete_many",
        source=lambda size: [{"name": f"Anna{number}"} for number in range(size.amount)],
        arguments=lambda _size: {"template": "Write to {name}.", "max_output_tokens": 100},
    ),
    "complete_many with a schema": Case(
        verb="complete_many",
        source=lambda size: [{"name": f"Anna{number}"} for number in range(size.amount)],
        arguments=lambda _size: {"template": "Who is {name}?", "schema": Person},
    ),
    "describe": Case(
        verb="describe",
        source=lambda size: [png(32 + number, 64) for number in range(size.amount)],
    ),
    "describe with a question": Case(
        verb="describe",
        source=lambda size: [png(32 + number, 64) for number in range(size.amount)],
        arguments=lambda _size: {"question": "What is grey?"},
    ),
    "compare summaries": Case(
        verb="compare",
        source=source,
        arguments=lambda size: {**chunks(size), "models": [MODEL, OTHER]},
    ),
    "compare replies": Case(
        verb="compare",
        source=lambda size: size.text[:4_000],
        arguments=lambda _size: {"prompt": "Say it.", "models": [MODEL, OTHER]},
    ),
    "needle": Case(
        verb="needle",
        source=lambda _size: None,
        arguments=lambda size: {
            "lengths": [500 * size.amount // 4 + 500],
            "depths": [0, 1],
            "needles": 1,
            "strategies": ["single", "ask", "thorough", "summarize"],
        },
    ),
}
SIZES = st.builds(
    Size,
    amount=st.integers(1, 12),
    chunk_tokens=st.integers(200, 300),
    share=st.sampled_from([0.0, 0.5, 0.95]),
)
HELD = settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])
"""Each example is a whole job, or several: what fails is small enough without more of them."""


class Till:
    """A model that knows what each verb wants, and the bill of the server that it runs on."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._usages: list[tuple[Model, Usage]] = []

    @property
    def tokens(self) -> tuple[int, int]:
        """What it has read, and written."""
        total = sum((usage for _, usage in self._usages), Usage())
        return total.input_tokens, total.output_tokens

    @property
    def usd(self) -> Decimal:
        """What the server charges for that."""
        return total_usd(cost_usd(*each) for each in self._usages) or Decimal(0)

    def answer(self, body: Body) -> Reply:
        """Answer in the form that is asked for, and write down what that costs."""
        model = MODELS[body["model"]]
        text = self._text(body, output_limit(body) or model.max_output_tokens)
        read, written = count_tokens(body["messages"], model=model), count_tokens(text)
        self._usages.append((model, Usage(input_tokens=read, output_tokens=written)))
        counts = {"prompt_tokens": read, "completion_tokens": written}
        return ok(text, usage={**counts, "total_tokens": read + written})

    def _text(self, body: Body, limit: int) -> str:
        form = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
        prose = cut_to("Herons fly. " * limit, max(4, int(self._share * limit) - 100))[0]
        if form is None:
            return prose
        names = set(form["properties"])
        if names == {"translations"}:
            listed = [{"id": at, "text": translated(text)} for at, text in parts(body).items()]
            return json.dumps({"translations": listed})
        if "points" in names:
            quote = fenced(str(body["messages"][-1]["content"]))[-1][1].split(".")[0]
            point = {"text": prose, "quotes": [quote]}
            return json.dumps({name: [point] if name == "points" else True for name in names})
        if names == {"items"}:
            return json.dumps({"items": [{"quotes": [], "name": "Anna", "town": None}]})
        return json.dumps({"name": "Anna", "town": prose})


@contextmanager
def opened(size: Size, **options: Any) -> Iterator[tuple[ChatServer, Till, Client]]:  # noqa: ANN401 - of Client
    """A server with its till, and a client of it."""
    till = Till(size.share)
    with (
        ChatServer(handler=till.answer) as server,
        client_of(server, **options) as client,
    ):
        yield server, till, client


def client_of(server: ChatServer, **options: Any) -> Client:  # noqa: ANN401 - of Client
    """A client of a server."""
    return Client(api_key="k", base_url=server.base_url, **options)


@pytest.mark.parametrize("name", CASES)
@HELD
@given(size=SIZES)
def test_a_plan_bounds_what_is_sent_and_paid(name: str, size: Size) -> None:
    """Without faults calls, tokens and cost lie in the bounds of the plan, and all are billed."""
    case = CASES[name]
    told = list[Progress | RowsProgress]()
    with opened(size) as (server, till, client):
        plan = case.plan(client, size)
        assert server.requests == []
        found = case.run(client, size, on_event=told.append)
    sent = len(server.requests)
    assert len(told) == sent  # one for each call, or for each row
    assert (told[-1].usage, told[-1].cost_usd) == (found.usage, found.cost_usd)
    assert plan.calls_at_least <= sent <= plan.calls_at_most
    assert plan.cost_usd_at_least is not None
    assert plan.cost_usd_at_most is not None
    assert plan.cost_usd_at_least <= till.usd <= plan.cost_usd_at_most
    # What the server counted is what the bill says.
    assert (found.usage.input_tokens, found.usage.output_tokens) == till.tokens
    assert found.cost_usd + found.failed_cost_usd == till.usd == client.ledger.total.cost_usd
    for body in server.bodies:
        model = MODELS[body["model"]]
        form = count_tokens(json.dumps(body.get("response_format") or ""))
        asked = count_tokens(body["messages"], model=model) + form
        assert asked + (output_limit(body) or 1) <= model.context_window


@pytest.mark.parametrize("whose", ["client", "job"])
@pytest.mark.parametrize("name", CASES)
@HELD
@given(size=SIZES, share=st.sampled_from([None, Decimal("0.3"), Decimal("0.7")]))
def test_a_budget_holds(name: str, whose: str, size: Size, share: Decimal | None) -> None:
    """Sixteen calls at a time spend no more than the budget; a plan beyond it sends nothing."""
    case = CASES[name]
    with opened(size) as (_, _, client):
        plan = case.plan(client, size)
    least, most = plan.cost_usd_at_least, plan.cost_usd_at_most
    assert least is not None
    assert most is not None
    budget = least * Decimal("0.99") if share is None else most * share
    of_client = {"budget_usd": budget} if whose == "client" else {}
    of_job = {} if of_client else {"budget_usd": budget}
    with opened(size, max_concurrency=16, **of_client) as (server, till, client):
        try:
            case.run(client, size, **of_job)
        except (BudgetExceededError, JobError):
            assert budget < most
        assert till.usd <= budget
        assert budget >= least or server.requests == []


@pytest.mark.parametrize("name", CASES)
@HELD
@given(size=SIZES)
def test_a_journal_pays_for_nothing_twice(name: str, size: Size) -> None:
    """A second run with the journal sends nothing, brings the same, and says who had paid."""
    case = CASES[name]
    with TemporaryDirectory() as folder:
        journal = Path(folder) / "calls.db"
        with opened(size, journal=journal) as (server, till, client):
            first = case.run(client, size)
            sent = len(server.requests)
            with client_of(server, journal=journal) as other:
                again = case.run(other, size)
    assert len(server.requests) == sent > 0
    assert again.replayed_cost_usd == again.cost_usd == first.cost_usd
    # Of equal requests in one run one may get the reply of another from the journal.
    assert first.cost_usd - first.replayed_cost_usd == till.usd
    assert again.failed_cost_usd == 0
    assert again.usage == first.usage


@pytest.mark.parametrize("name", [name for name in CASES if "complete_many" not in name])
def test_results_and_plans_are_saved_and_loaded(name: str) -> None:
    """What a verb brings, and what was planned, comes back from JSON as it was."""
    case, size = CASES[name], Size(amount=5, chunk_tokens=250, share=0.5)
    with opened(size) as (_, _, client):
        plan = case.plan(client, size)
        found = case.run(client, size)
    again = type(plan).from_json(plan.to_json())
    assert (again.to_json(), str(again)) == (plan.to_json(), str(plan))
    loaded = type(found).from_json(found.to_json())
    assert loaded.to_json() == found.to_json()
    assert str(loaded) == str(found)
    assert loaded.calls == found.calls


QUICK = Batch(gather_s=0.02, poll_s=0.001)


@pytest.mark.parametrize("name", CASES)
def test_batches_bring_the_same_for_half_the_price(name: str, tmp_path: Path) -> None:
    """The same requests, the same result, half the bill, and within the bounds of the plan."""
    case, size = CASES[name], Size(amount=4, chunk_tokens=250, share=0.5)
    model: dict[str, Any] = {"model": PRICED[0]}
    if case.verb == "compare":
        model = {"models": list(PRICED)}
    till = Till(size.share)
    with BatchServer(handler=till.answer) as server:
        server.at_once = True
        with client_of(server) as client:
            local = case.run(client, size, **model)
        full_usd, bodies = server.billed_usd, server.bodies
        with client_of(server, journal=tmp_path / "calls.db") as client:
            plan = case.plan(client, size, engine=QUICK, **model)
            found = case.run(client, size, engine=QUICK, **model)
            again = case.run(client, size, **model)  # from the journal, whatever the engine
        assert len(server.requests) == len(bodies)
    half_usd = server.billed_usd - full_usd
    asked, in_batches = (
        sorted(map(json.dumps, each)) for each in (bodies, [line["body"] for line in server.items])
    )
    assert in_batches == sorted(set(asked))  # one that is asked twice at a time travels once
    assert half_usd * 2 == full_usd or len(in_batches) < len(asked)
    assert found.cost_usd + found.failed_cost_usd - found.replayed_cost_usd == half_usd > 0
    assert again.cost_usd == again.replayed_cost_usd == found.cost_usd
    assert plan.engine == "batch"
    assert plan.cost_usd_at_least is not None
    assert plan.cost_usd_at_most is not None
    assert plan.cost_usd_at_least <= found.cost_usd <= plan.cost_usd_at_most
    in_turn = sum(level.operation == "refine" for level in plan.levels) and plan.calls_at_most
    assert plan.duration.at_most_s == 86_400 * (in_turn or len(plan.levels))
    assert found.usage == local.usage
    if case.verb not in {"complete_many", "compare", "needle"}:  # these show what it cost
        assert str(found) == str(local)
