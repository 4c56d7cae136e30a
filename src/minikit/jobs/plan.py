"""What a job will take: the levels of its calls, as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from minikit.jobs.drawing import draw_levels, draw_notes, draw_plans, draw_tree
from minikit.jobs.result import Operation
from minikit.jobs.serialize import Serializable
from minikit.jobs.timing import Duration, duration
from minikit.models.model import Model
from minikit.text.document import Span

__all__ = ["Level", "Models", "Plan", "Plans", "VerbPlan", "side_by_side"]


Travel = Literal["local", "batch"]
"""How the calls of a plan travel: one by one from this machine, or on the Batch API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Calls that can run at the same time, or, of "refine", one after the other.

    Attributes:
        operation: "single", "map", "merge", "refine" or "answer".
        calls_at_least: Calls if every reply is as short as can be.
        calls_at_most: Calls if every reply is as long as its limit.
        input_tokens_at_least: Tokens of all prompts of the level; exact for single and map.
        input_tokens_at_most: The same.
        output_tokens_at_most: The output limits of the level added up.
        batches_at_least: On the Batch API, how many batches of the level wait for one another;
            more than one where a budget covers only some of the calls, or memory holds no more.
    """

    operation: Operation
    calls_at_least: int
    calls_at_most: int
    input_tokens_at_least: int
    input_tokens_at_most: int
    output_tokens_at_most: int
    batches_at_least: int = 1


def side_by_side(one: Level, other: Level) -> Level:
    """Add the calls of two levels that run at the same time, so that they share batches."""
    return Level(
        operation=one.operation,
        calls_at_least=one.calls_at_least + other.calls_at_least,
        calls_at_most=one.calls_at_most + other.calls_at_most,
        input_tokens_at_least=one.input_tokens_at_least + other.input_tokens_at_least,
        input_tokens_at_most=one.input_tokens_at_most + other.input_tokens_at_most,
        output_tokens_at_most=one.output_tokens_at_most + other.output_tokens_at_most,
        batches_at_least=max(one.batches_at_least, other.batches_at_least),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbPlan(Serializable):
    """The calls of a job and what they cost, before any is made. `str(plan)` is a table.

    The calls that read the source are exact; what depends on the replies is given as bounds. What
    retries, redone chunks and replies that have to be corrected add comes on top and is shown apart
    in the result.

    Attributes:
        verb: What the job is, such as "summarize" or "translate".
        model: Id of the model.
        document_characters: Code points of all sources.
        document_tokens: Tokens of all sources.
        levels: What runs in one go, first to last.
        cost_usd_at_least: Every prompt read from the prompt cache, every reply one token; None
            when the model's price is unknown.
        cost_usd_at_most: Nothing cached, every reply nearly as long as its limit (one that reaches
            it is cut off, and done again on top); None likewise.
        max_concurrency: Calls in flight at most, where they travel one by one.
        requests_per_minute: What the client was told that the account allows; None where nothing.
        tokens_per_minute: The same, in tokens.
        engine: How the calls travel: "local", one by one, or "batch", at the price of batches.
        notes: What to know before, such as why batches wait for one another.
    """

    verb: str
    model: str
    document_characters: int
    document_tokens: int
    levels: tuple[Level, ...]
    cost_usd_at_least: Decimal | None
    cost_usd_at_most: Decimal | None
    max_concurrency: int
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    engine: Travel = "local"
    notes: tuple[str, ...] = ()

    @property
    def calls_at_least(self) -> int:
        """Calls of all levels, if every reply is as short as can be."""
        return sum(level.calls_at_least for level in self.levels)

    @property
    def calls_at_most(self) -> int:
        """Calls of all levels, if every reply is as long as its limit."""
        return sum(level.calls_at_most for level in self.levels)

    @property
    def duration(self) -> Duration:
        """How long the calls take, at the speed of models of the class of gpt-4o-mini.

        In batches nobody knows: it is a day at most for each that waits for another, and often much
        less.
        """
        return duration(self)

    def __str__(self) -> str:
        return "\n".join([draw_levels(self), *draw_notes(self)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(VerbPlan):
    """The plan of a summary. `str(plan)` is a tree of what it is made of.

    Attributes:
        strategy: How the source is read: "single", "map_reduce" or "refine".
        chunk_tokens: Tokens of the largest chunk.
        spans: The spans of the source that the calls read, in order; together the whole source.
        headings: The titles that each of them begins under, outermost first.
    """

    verb: str = "summarize"
    strategy: Literal["single", "map_reduce", "refine"]
    chunk_tokens: int
    spans: tuple[Span, ...]
    headings: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return "\n".join([draw_tree(self), *draw_notes(self)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans(Serializable):
    """The plans of one summary for several models. `str(plans)` is a table of them.

    Attributes:
        plans: One for each model, in the order in which they were named.
    """

    plans: tuple[Plan, ...]

    def __iter__(self) -> Iterator[Plan]:
        return iter(self.plans)

    def __len__(self) -> int:
        return len(self.plans)

    def __str__(self) -> str:
        return draw_plans(self.plans)


Models = list[str] | list[Model] | list[str | Model] | tuple[str | Model, ...]
"""Several models, by id or described."""
