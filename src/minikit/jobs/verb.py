"""What all verbs have in common: their options, their plan, and the run of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, cast

from minikit.calls.batching.settings import Sending, batch_of
from minikit.calls.budget import read_usd
from minikit.errors import ArgumentError
from minikit.jobs.engine import Engine
from minikit.jobs.plan import Level, Travel, VerbPlan
from minikit.jobs.tally import Tally
from minikit.models.model import Model
from minikit.models.money import EXACT, total_usd
from minikit.models.prices import cost_usd
from minikit.models.usage import Usage

if TYPE_CHECKING:
    from minikit.calls.pipeline import Pipeline
    from minikit.jobs.result import Operation, Progress
    from minikit.text.document import Document

__all__ = [
    "CheckedOptions",
    "Job",
    "JobOptions",
    "OnGap",
    "Setting",
    "digest_of",
    "exact_level",
    "naming",
    "options_of",
    "planned",
]

C = TypeVar("C", bound=type[Any])

OnGap = Literal["mark", "raise"]
"""What to do about a passage that cannot be read."""


class JobOptions(TypedDict, total=False):
    """Options of every verb.

    Attributes:
        engine: How calls travel: "local" (the default), one by one from this machine; or "batch",
            or a `Batch`, on the Batch API: half the price, and within a day for each level of the
            plan.
        budget_usd: US dollars that this job may cost, such as "0.50", beside the client's budget. A
            call that could pass it is not sent, and the error carries what the others brought.
        on_event: Called with a `Progress` after each call. From the synchronous client it runs
            in the client's own thread. An exception in it warns and is dropped.
    """

    engine: Sending
    budget_usd: str | int | Decimal | None
    on_event: Callable[[Progress], None] | None


def options_of(verb: str) -> Callable[[C], C]:
    """Let what Python says of an option that there is none of name `verb`, not the class.

    It stands above `dataclass`, which makes the `__init__` that is called.
    """

    def named(kind: C) -> C:
        vars(kind)["__init__"].__qualname__ = verb
        return kind

    return named


@contextmanager
def naming(called: str, verb: str) -> Generator[None]:
    """Let it name the function that was called, where that hands its options to another verb.

    Args:
        called: The function, such as "stream_summary()".
        verb: The verb that gets the options.
    """
    try:
        yield
    except TypeError as error:
        own, told = f"{verb}() ", str(error)
        if not told.startswith(own):
            raise
        raise TypeError(f"{called} {told.removeprefix(own)}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOptions:
    """`JobOptions` with defaults, checked; the base of the options of each verb."""

    engine: Sending = "local"
    budget_usd: str | int | Decimal | None = None
    on_event: Callable[[Progress], None] | None = None

    def __post_init__(self) -> None:
        batch_of(self.engine)  # raises where it is none
        if self.budget_usd is not None:
            object.__setattr__(self, "budget_usd", read_usd("budget_usd", self.budget_usd))
        if self.on_event is not None and not callable(cast("object", self.on_event)):
            raise ArgumentError(f"on_event is a function, not {type(self.on_event).__name__}")
        if iscoroutinefunction(self.on_event):
            raise ArgumentError("on_event is a plain function, not an async one")

    @property
    def limit_usd(self) -> Decimal | None:
        """The budget as an exact amount."""
        return cast("Decimal | None", self.budget_usd)  # since it was read


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a client allows its jobs.

    Attributes:
        max_concurrency: Calls in flight at most, where they travel one by one.
        requests_per_minute: What the account allows; None where that is not known.
        tokens_per_minute: The same, in tokens.
        engine: How calls travel.
    """

    max_concurrency: int
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    engine: Travel = "local"

    def by(self, engine: Sending) -> Setting:
        """Return this setting for calls that travel by `engine`; in batches no pace is kept.

        Raises:
            ArgumentError: `engine` is none.
        """
        if batch_of(engine) is None:
            return self
        return Setting(max_concurrency=self.max_concurrency, engine="batch")

    def tier_for(self, model: Model) -> str:
        """Return the tier that calls are priced at.

        Raises:
            ArgumentError: The model is the offline one, which knows no batches.
        """
        if self.engine == "local":
            return "default"
        if model.provider == "offline":
            raise ArgumentError(
                f"the model {model.id!r} answers on this machine and knows no batches: leave "
                f"engine out, or choose another model"
            )
        return "batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A planned job of a verb: what all of them have; each adds what it needs to run.

    Attributes:
        model: Who is asked.
        plan: The calls and their cost.
        digest: Tells the job from every other, for the journal; see `digest_of`.
        notes: What was guessed or left out when the sources were read.
    """

    model: Model
    plan: VerbPlan
    digest: str
    notes: tuple[str, ...] = ()

    def engine(self, pipeline: Pipeline, options: CheckedOptions) -> Engine:
        """Return what the calls of one run are sent through.

        Raises:
            BudgetExceededError: The plan costs more at least than the budget allows.
        """
        pipeline = pipeline.through(options.engine)
        tally = Tally(
            pipeline,
            self.plan,
            digest=self.digest,
            limit_usd=options.limit_usd,
            on_event=options.on_event,
            notes=self.notes,
        )
        return Engine(pipeline, tally, verb=self.plan.verb, model=self.model.id)


def exact_level(operation: Operation, prompts: Sequence[int], output_tokens: int) -> Level:
    """Return a level of one call for each prompt, whose tokens are known.

    Args:
        operation: What its calls are.
        prompts: Tokens of each prompt.
        output_tokens: Output limit of each call.
    """
    return Level(
        operation=operation,
        calls_at_least=len(prompts),
        calls_at_most=len(prompts),
        input_tokens_at_least=sum(prompts),
        input_tokens_at_most=sum(prompts),
        output_tokens_at_most=len(prompts) * output_tokens,
    )


def planned(
    verb: str,
    model: Model,
    levels: Sequence[Level],
    setting: Setting,
    *,
    document_characters: int = 0,
    document_tokens: int = 0,
) -> VerbPlan:
    """Return the plan of a job, with the bounds of its cost.

    Args:
        verb: What the job is.
        model: Who is asked.
        levels: The calls.
        setting: What the client allows.
        document_characters: Code points of all sources.
        document_tokens: Tokens of all sources.
    """
    tier = setting.tier_for(model)
    return VerbPlan(
        verb=verb,
        model=model.id,
        document_characters=document_characters,
        document_tokens=document_tokens,
        levels=tuple(levels),
        cost_usd_at_least=total_usd(_least_usd(model, level, tier) for level in levels),
        cost_usd_at_most=total_usd(_most_usd(model, level, tier) for level in levels),
        max_concurrency=setting.max_concurrency,
        requests_per_minute=setting.requests_per_minute,
        tokens_per_minute=setting.tokens_per_minute,
        engine=setting.engine,
    )


def _least_usd(model: Model, level: Level, tier: str) -> Decimal | None:
    """Return what a level costs if all is read from the prompt cache and replies are one token.

    A token at a time, since a model may price the tokens of a long prompt higher.
    """
    return _linear_usd(
        model,
        Usage(input_tokens=1, cached_tokens=1),
        level.input_tokens_at_least,
        level.calls_at_least,
        tier,
    )


def _most_usd(model: Model, level: Level, tier: str) -> Decimal | None:
    """Return what a level costs if nothing is cached and all replies are as long as they may be.

    The calls of a level are about as long as each other, so that they reach a higher price of long
    prompts together.
    """
    inputs, outputs, calls = (
        level.input_tokens_at_most,
        level.output_tokens_at_most,
        level.calls_at_most,
    )
    linear = _linear_usd(model, Usage(input_tokens=1), inputs, outputs, tier)
    if linear is None or not calls:
        return linear
    usage = Usage(input_tokens=-(-inputs // calls), output_tokens=-(-outputs // calls))
    return max(linear, _times(cost_usd(model, usage, tier=tier), calls) or linear)


def _linear_usd(model: Model, token: Usage, inputs: int, outputs: int, tier: str) -> Decimal | None:
    """Price so many input tokens of the kind of `token`, and so many output tokens, one by one."""
    costs = (
        _times(cost_usd(model, token, tier=tier), inputs),
        _times(cost_usd(model, Usage(output_tokens=1), tier=tier), outputs),
    )
    return total_usd(costs)


def _times(cost: Decimal | None, number: int) -> Decimal | None:
    return None if cost is None else EXACT.multiply(cost, number)


def digest_of(verb: str, model: Model, documents: Sequence[Document], *decisive: object) -> str:
    """Hash what decides on the calls of a job; what only bounds or watches them does not.

    Args:
        verb: What the job is.
        model: Who is asked.
        documents: What is read.
        *decisive: What else decides, as values of JSON.
    """
    import hashlib
    import json

    def hashed(text: str) -> str:
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    texts = [[document.title, hashed(document.text)] for document in documents]
    return hashed(json.dumps([verb, model.id, texts, decisive], sort_keys=True, default=str))
